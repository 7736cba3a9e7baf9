//! Passwords of people and of applications over their life, across restarts,
//! and from the tables of the program before them.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use concierge_identity::{
    APP_PASSWORDS_PER_ACCOUNT_MAX, AccountSelector, Bootstrap, Identity, LAST_USED_GRANULARITY_US,
    MICROS_PER_SECOND, ManageError, ManualClock, Password, Role, SignInError, SignedIn, TokenError,
};
use rusqlite::Connection;
use tempfile::TempDir;

/// 2026-01-02T03:04:05Z.
const NOW_US: u64 = 1_767_323_045 * MICROS_PER_SECOND;

struct House {
    directory: TempDir,
    clock: Arc<ManualClock>,
    identity: Identity,
}

impl House {
    /// With the administrator `admin` and its password, and `ann` with hers.
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(NOW_US));
        let identity = open(directory.path(), &clock);
        identity
            .create_account("ann".parse().unwrap(), Role::Staff)
            .unwrap();
        identity
            .set_password(&named("ann"), &password("correct horse"))
            .unwrap();
        Self {
            directory,
            clock,
            identity,
        }
    }

    fn restarted(self) -> Self {
        let Self {
            directory,
            clock,
            identity,
        } = self;
        drop(identity);
        let identity = open(directory.path(), &clock);
        Self {
            directory,
            clock,
            identity,
        }
    }

    async fn sign_in(&self, name: &str, password: &str) -> Result<SignedIn, SignInError> {
        self.sign_in_from("192.0.2.1", name, password).await
    }

    async fn sign_in_from(
        &self,
        client: &str,
        name: &str,
        password: &str,
    ) -> Result<SignedIn, SignInError> {
        let client: IpAddr = client.parse().unwrap();
        self.identity.sign_in(name, password, Some(client)).await
    }
}

fn open(directory: &Path, clock: &Arc<ManualClock>) -> Identity {
    let bootstrap = Bootstrap {
        password: Some("the first password".to_owned()),
        ..Bootstrap::default()
    };
    Identity::open(directory, Arc::clone(clock) as _, bootstrap).unwrap()
}

fn named(name: &str) -> AccountSelector {
    name.parse().unwrap()
}

fn password(text: &str) -> Password {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_password_proves_its_account_across_restarts() {
    let mut house = House::new();
    for _ in 0..2 {
        let signed_in = house.sign_in("ann", "correct horse").await.unwrap();
        assert_eq!(&*signed_in.account_name, "ann");
        assert_eq!(signed_in.role, Role::Staff);
        let principal = house.identity.principal(&signed_in.token).unwrap();
        assert_eq!(principal.account, signed_in.account);
        assert_eq!(principal.role, Role::Staff);
        assert!(principal.chunk_verifier().is_none());
        house.clock.set_us(signed_in.expires_us);
        assert_eq!(
            house.identity.principal(&signed_in.token).unwrap_err(),
            TokenError::Expired
        );
        house = house.restarted();
    }
    let admin = house.sign_in("admin", "the first password").await.unwrap();
    assert_eq!(admin.role, Role::Administrator);
}

#[tokio::test]
async fn wrong_names_and_passwords_are_refused_alike() {
    let house = House::new();
    house
        .identity
        .create_account("without".parse().unwrap(), Role::User)
        .unwrap();
    for (name, wrong) in [
        ("ann", "correct horsf"),
        ("ann", "correct hors"),
        ("ann", ""),
        ("ann", "short"),
        ("ann", &"long".repeat(1_000)),
        ("Ann", "correct horse"),
        ("bob", "correct horse"),
        ("without", "correct horse"),
        ("", "correct horse"),
        ("admin", "correct horse"),
    ] {
        let refused = house.sign_in(name, wrong).await.unwrap_err();
        assert_eq!(refused, SignInError::Unauthorized, "{name} {wrong}");
    }
}

/// What was right a moment ago is not hashed again; that must not outlive the
/// password, or the account.
#[tokio::test]
async fn a_remembered_success_ends_with_what_it_was_for() {
    let house = House::new();
    let identity = &house.identity;
    let first = house.sign_in("ann", "correct horse").await.unwrap();

    identity
        .set_password(&named("ann"), &password("battery staple"))
        .unwrap();
    assert_eq!(
        house.sign_in("ann", "correct horse").await.unwrap_err(),
        SignInError::Unauthorized
    );
    assert_eq!(
        identity.principal(&first.token).unwrap_err(),
        TokenError::Revoked
    );
    let second = house.sign_in("ann", "battery staple").await.unwrap();

    // The same password again is another one, though the clock stands still.
    identity
        .set_password(&named("ann"), &password("battery staple"))
        .unwrap();
    assert_eq!(
        identity.principal(&second.token).unwrap_err(),
        TokenError::Revoked
    );
    let third = house.sign_in("ann", "battery staple").await.unwrap();

    identity.set_account_disabled(&named("ann"), true).unwrap();
    assert_eq!(
        house.sign_in("ann", "battery staple").await.unwrap_err(),
        SignInError::Unauthorized
    );
    assert_eq!(
        identity.principal(&third.token).unwrap_err(),
        TokenError::Revoked
    );
    identity.set_account_disabled(&named("ann"), false).unwrap();
    house.sign_in("ann", "battery staple").await.unwrap();

    identity.delete_account(&named("ann")).unwrap();
    assert_eq!(
        house.sign_in("ann", "battery staple").await.unwrap_err(),
        SignInError::Unauthorized
    );
    identity
        .create_account("ann".parse().unwrap(), Role::User)
        .unwrap();
    assert_eq!(
        house.sign_in("ann", "battery staple").await.unwrap_err(),
        SignInError::Unauthorized,
        "another account of the same name has no password"
    );
}

/// Whoever guesses is slowed down; who knows the password, elsewhere or
/// remembered here, is not.
#[tokio::test]
async fn guessing_is_slowed_down_and_shuts_no_one_out() {
    let house = House::new();
    house
        .sign_in_from("192.0.2.1", "ann", "correct horse")
        .await
        .unwrap();
    for guess in 0..10 {
        let refused = house
            .sign_in("ann", &format!("guess number {guess}"))
            .await
            .unwrap_err();
        assert_eq!(refused, SignInError::Unauthorized, "{guess}");
    }
    let refused = house.sign_in("ann", "guess number 10").await.unwrap_err();
    assert_eq!(refused, SignInError::SlowDown { retry_s: 30 });

    house.sign_in("ann", "correct horse").await.unwrap();
    house
        .sign_in_from("192.0.2.2", "ann", "correct horse")
        .await
        .unwrap();
    // No longer remembered, and the tries from here are used up.
    house.clock.advance_us(61 * MICROS_PER_SECOND);
    house.sign_in("ann", "guess number 11").await.unwrap_err();
    house.sign_in("ann", "guess number 12").await.unwrap_err();
    assert!(matches!(
        house.sign_in("ann", "correct horse").await,
        Err(SignInError::SlowDown { .. })
    ));
    house.clock.advance_us(30 * MICROS_PER_SECOND);
    house.sign_in("ann", "correct horse").await.unwrap();
}

/// A name that is not there has its tries counted like one that is.
#[tokio::test]
async fn names_are_not_told_by_being_slowed_down() {
    let house = House::new();
    let mut answers = Vec::new();
    for (client, name) in [("192.0.2.1", "ann"), ("192.0.2.2", "nobody")] {
        let mut of_name = Vec::new();
        for guess in 0..12 {
            let wrong = format!("guess number {guess}");
            of_name.push(house.sign_in_from(client, name, &wrong).await.unwrap_err());
        }
        answers.push(of_name);
    }
    assert_eq!(answers[0], answers[1]);
}

/// A page that makes many requests at once sends the password with each: it is
/// hashed once, and none of them is slowed down.
#[tokio::test]
async fn many_at_once_with_the_right_password_are_all_signed_in() {
    let house = House::new();
    let all = (0..200).map(|_| house.sign_in("ann", "correct horse"));
    for answer in futures::future::join_all(all).await {
        answer.unwrap();
    }
}

#[tokio::test]
async fn an_application_password_proves_its_account_until_it_is_deleted() {
    let house = House::new();
    let new = house
        .identity
        .create_app_password(&named("ann"), "phone".parse().unwrap())
        .unwrap();
    let secret = new.password.expose();
    let by_bearer = house.identity.sign_in_as_app(secret).unwrap();
    let by_basic = house.sign_in("ann", secret).await.unwrap();
    assert_eq!(by_bearer.account, by_basic.account);
    assert_eq!(&*by_bearer.account_name, "ann");
    assert_eq!(
        house.sign_in("admin", secret).await.unwrap_err(),
        SignInError::Unauthorized,
        "it is another's"
    );
    for wrong in ["", "cap_", "correct horse", &secret.replace("cap_", "cap-")] {
        assert_eq!(
            house.identity.sign_in_as_app(wrong).unwrap_err(),
            SignInError::Unauthorized,
            "{wrong}"
        );
    }

    let house = house.restarted();
    let infos = house.identity.app_passwords(Some(&named("ann"))).unwrap();
    assert_eq!(infos.len(), 1);
    assert_eq!(infos[0].name.as_str(), "phone");
    assert_eq!(infos[0].id, new.info.id);
    let signed_in = house.identity.sign_in_as_app(secret).unwrap();
    let token = signed_in.token.as_str();
    assert!(house.identity.principal(token).is_ok());

    let disable = |disabled| {
        let account = house.identity.set_account_disabled(&named("ann"), disabled);
        account.unwrap();
    };
    disable(true);
    assert!(house.identity.sign_in_as_app(secret).is_err());
    assert_eq!(
        house.identity.principal(token).unwrap_err(),
        TokenError::Revoked
    );
    disable(false);
    assert!(house.identity.principal(token).is_ok());

    house.identity.delete_app_password(new.info.id).unwrap();
    assert!(house.identity.sign_in_as_app(secret).is_err());
    assert!(house.sign_in("ann", secret).await.is_err());
    assert_eq!(
        house.identity.principal(token).unwrap_err(),
        TokenError::Revoked
    );
    let again = house.identity.delete_app_password(new.info.id);
    assert!(
        matches!(again, Err(ManageError::NoSuchAppPassword(_))),
        "{again:?}"
    );
    let house = house.restarted();
    assert!(house.identity.sign_in_as_app(secret).is_err());
}

#[test]
fn application_passwords_have_names_and_an_end() {
    let house = House::new();
    let make = |name: &str| {
        house
            .identity
            .create_app_password(&named("ann"), name.parse().unwrap())
    };
    make("phone").unwrap();
    let again = make("phone");
    assert!(
        matches!(again, Err(ManageError::AppPasswordExists { .. })),
        "{again:?}"
    );
    for number in 1..APP_PASSWORDS_PER_ACCOUNT_MAX {
        make(&number.to_string()).unwrap();
    }
    let over = make("one more");
    assert!(matches!(over, Err(ManageError::TooMany { .. })), "{over:?}");
    house
        .identity
        .create_app_password(&named("admin"), "phone".parse().unwrap())
        .unwrap();
    house.identity.delete_account(&named("ann")).unwrap();
    assert_eq!(house.identity.app_passwords(None).unwrap().len(), 1);
    let house = house.restarted();
    assert_eq!(house.identity.app_passwords(None).unwrap().len(), 1);
}

#[test]
fn the_last_use_of_an_application_password_is_kept_to_the_hour() {
    let house = House::new();
    let new = house
        .identity
        .create_app_password(&named("ann"), "phone".parse().unwrap())
        .unwrap();
    let used = |house: &House| house.identity.app_passwords(None).unwrap()[0].last_used_us;
    assert_eq!(used(&house), None);
    house
        .identity
        .sign_in_as_app(new.password.expose())
        .unwrap();
    let hour = NOW_US - NOW_US % LAST_USED_GRANULARITY_US;
    assert_eq!(used(&house), Some(hour));
    house.identity.record_uses().unwrap();
    assert_eq!(used(&house.restarted()), Some(hour));
}

/// No file has a password in it, or what Basic makes of one.
#[test]
fn passwords_are_kept_as_hashes() {
    let house = House::new();
    let new = house
        .identity
        .create_app_password(&named("ann"), "phone".parse().unwrap())
        .unwrap();
    let directory = house.directory.path().to_owned();
    let mut found_hash = false;
    for entry in fs::read_dir(&directory).unwrap() {
        let entry = entry.unwrap();
        let bytes = fs::read(entry.path()).unwrap();
        let has = |text: &str| {
            bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        found_hash |= has("$argon2id$v=19$m=19456,t=2,p=1$");
        assert!(!has("correct horse"), "{:?}", entry.file_name());
        assert!(!has(new.password.expose()), "{:?}", entry.file_name());
    }
    assert!(found_hash, "the test looks at the right files");
}

/// Made by the program that knew layout 1: root (administrator) with root-key,
/// ann (user) with ann-key, bob (user, disabled) with bob-key.
fn of_layout_1() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("identity.sqlite");
    fs::write(&database, include_bytes!("fixtures/layout-1.sqlite")).unwrap();
    directory
}

#[tokio::test]
async fn a_database_of_layout_1_is_brought_to_this_one_with_all_that_is_in_it() {
    let directory = of_layout_1();
    let clock = Arc::new(ManualClock::at(NOW_US));
    let shown = |identity: &Identity| {
        let accounts = identity.accounts().into_iter();
        let accounts: Vec<_> = accounts
            .map(|account| format!("{} {} {}", account.name, account.role, account.disabled))
            .collect();
        let keys = identity.keys(None).unwrap().into_iter();
        let mut keys: Vec<_> = keys.map(|key| key.id.to_string()).collect();
        keys.sort();
        (accounts, keys)
    };
    for start in ["the first", "the second"] {
        let mut identity = open(directory.path(), &clock);
        assert!(identity.take_first_credentials().is_none(), "{start}");
        let (mut accounts, keys) = shown(&identity);
        accounts.retain(|account| !account.starts_with("clerk"));
        assert_eq!(
            accounts,
            [
                "ann user false",
                "bob user true",
                "root administrator false"
            ]
        );
        assert_eq!(keys, ["ann-key", "bob-key", "root-key"], "{start}");
    }
    let identity = open(directory.path(), &clock);
    assert!(!identity.has_password(&named("root")).unwrap());
    let refused = identity.sign_in("root", "any password", None).await;
    assert_eq!(refused.unwrap_err(), SignInError::Unauthorized);
    identity
        .set_password(&named("root"), &password("correct horse"))
        .unwrap();
    identity
        .create_account("clerk".parse().unwrap(), Role::Staff)
        .unwrap();
    // The references survived: what belongs to an account goes with it.
    identity.delete_account(&named("ann")).unwrap();
    drop(identity);
    let identity = open(directory.path(), &clock);
    assert!(
        identity
            .sign_in("root", "correct horse", None)
            .await
            .is_ok()
    );
    let (accounts, keys) = shown(&identity);
    assert_eq!(
        accounts,
        [
            "bob user true",
            "clerk staff false",
            "root administrator false"
        ]
    );
    assert_eq!(keys, ["bob-key", "root-key"]);
}

/// The tables are the same whether they were made or brought up to date.
#[test]
fn an_upgraded_database_has_the_tables_of_a_new_one() {
    let clock = Arc::new(ManualClock::at(NOW_US));
    let tables = |directory: &Path| {
        drop(open(directory, &clock));
        let database = Connection::open(directory.join("identity.sqlite")).unwrap();
        let mut statement = database
            .prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
            .unwrap();
        let rows = statement
            .query_map([], |row| {
                let (name, sql): (String, String) = (row.get(0)?, row.get(1)?);
                // Renaming a table writes its name in quotes.
                Ok((name, sql.replace("\"accounts\"", "accounts")))
            })
            .unwrap();
        rows.collect::<Result<Vec<_>, _>>().unwrap()
    };
    let new = tempfile::tempdir().unwrap();
    assert_eq!(tables(of_layout_1().path()), tables(new.path()));
}

/// A row of layout 1 whose account is gone is damage that the upgrade must not
/// carry over in silence; the file stays as it was.
#[test]
fn an_upgrade_that_cannot_be_leaves_the_file_as_it_was() {
    let directory = of_layout_1();
    let path = directory.path().join("identity.sqlite");
    let database = Connection::open(&path).unwrap();
    database
        .execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM accounts WHERE name = 'ann';")
        .unwrap();
    let refused = Identity::open(
        directory.path(),
        Arc::new(ManualClock::at(NOW_US)),
        Bootstrap::default(),
    );
    let refused = refused.err().unwrap().to_string();
    assert!(refused.contains("identity.sqlite is damaged"), "{refused}");
    let version: i64 = database
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 1);
}
