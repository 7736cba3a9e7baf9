//! Accounts and keys over their life, across restarts, and from damaged files.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use concierge_identity::{
    AccountSelector, Bootstrap, DatabaseError, Identity, KEYS_PER_ACCOUNT_MAX,
    LAST_USED_GRANULARITY_US, MICROS_PER_SECOND, ManageError, ManualClock, OpenError, Payload,
    Placement, Role, SigV4Error, SignedRequest, TokenError, Verified,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// 2026-01-02T03:04:05Z.
const NOW_US: u64 = 1_767_323_045 * MICROS_PER_SECOND;

fn open(directory: &Path) -> Identity {
    try_open(directory, Bootstrap::default()).unwrap()
}

fn try_open(directory: &Path, bootstrap: Bootstrap) -> Result<Identity, OpenError> {
    Identity::open(directory, Arc::new(ManualClock::at(NOW_US)), bootstrap)
}

fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Signs as a client does, by the documentation and not by the crate.
fn sign(identity: &Identity, id: &str, secret: &str) -> Result<Verified, SigV4Error> {
    let canonical_request = "GET\n/\n\nhost:localhost\n\nhost\nUNSIGNED-PAYLOAD";
    let digest = hex::encode(Sha256::digest(canonical_request));
    let to_sign =
        format!("AWS4-HMAC-SHA256\n20260102T030405Z\n20260102/eu-test-1/s3/aws4_request\n{digest}");
    let key = ["20260102", "eu-test-1", "s3", "aws4_request"]
        .iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| {
            hmac(&key, part)
        });
    identity.verify_sigv4(&SignedRequest {
        placement: Placement::Header,
        access_key_id: id,
        timestamp: "20260102T030405Z",
        scope_date: "20260102",
        region: "eu-test-1",
        service: "s3",
        canonical_request,
        signature: &hex::encode(hmac(&key, &to_sign)),
        expires_s: None,
        payload: Payload::Single,
    })
}

fn named(name: &str) -> AccountSelector {
    name.parse().unwrap()
}

#[test]
fn the_first_start_makes_a_way_in_and_shows_it_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut identity = open(directory.path());
    let first = identity.take_first_credentials().unwrap();
    assert!(identity.take_first_credentials().is_none());
    let (id, secret) = (
        first.access_key_id.as_str(),
        first.secret_access_key.expose(),
    );
    assert!(sign(&identity, id, secret).is_ok());
    let file = fs::read_to_string(directory.path().join("credentials")).unwrap();
    assert!(
        file.contains(&format!("export AWS_ACCESS_KEY_ID={id}\n")),
        "{file}"
    );
    assert!(
        file.contains(&format!("export AWS_SECRET_ACCESS_KEY={secret}\n")),
        "{file}"
    );

    drop(identity);
    let mut again = try_open(
        directory.path(),
        Bootstrap {
            account_name: Some("other".to_owned()),
            ..Bootstrap::default()
        },
    )
    .unwrap();
    assert!(again.take_first_credentials().is_none());
    assert_eq!(again.accounts().len(), 1);
    assert_eq!(again.accounts()[0].name.as_str(), "admin");
    assert_eq!(again.accounts()[0].role, Role::Administrator);
    assert!(sign(&again, id, secret).is_ok());
}

#[test]
fn nobody_else_may_read_any_file() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("identity");
    let identity = open(&home);
    identity
        .create_account("ann".parse().unwrap(), Role::User)
        .unwrap();
    assert_eq!(
        fs::metadata(&home).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let mut names = Vec::new();
    for entry in fs::read_dir(&home).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    let expected = [
        "credentials",
        "identity.sqlite",
        "identity.sqlite-shm",
        "identity.sqlite-wal",
        "token-secret",
    ];
    assert_eq!(names, expected);
}

#[test]
fn the_first_key_can_be_given() {
    let directory = tempfile::tempdir().unwrap();
    let bootstrap = Bootstrap {
        account_name: Some("root".to_owned()),
        access_key_id: Some("minioadmin".to_owned()),
        secret_access_key: Some("minioadmin".to_owned()),
        password: None,
        credentials_file: Some(directory.path().join("elsewhere")),
    };
    let identity = try_open(&directory.path().join("identity"), bootstrap).unwrap();
    assert!(sign(&identity, "minioadmin", "minioadmin").is_ok());
    assert_eq!(identity.accounts()[0].name.as_str(), "root");
    assert!(directory.path().join("elsewhere").exists());
    assert!(!directory.path().join("identity/credentials").exists());
}

#[test]
fn a_first_start_that_cannot_be_leaves_nothing_half_made() {
    let directory = tempfile::tempdir().unwrap();
    let bootstrap = Bootstrap {
        account_name: Some("No Good".to_owned()),
        ..Bootstrap::default()
    };
    let refused = try_open(directory.path(), bootstrap).err().unwrap();
    assert!(matches!(refused, OpenError::Bootstrap(_)), "{refused}");
    // As after a crash: the next start is the first one.
    assert!(open(directory.path()).take_first_credentials().is_some());
}

#[test]
fn accounts_and_keys_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let identity = open(directory.path());
    let ann = identity
        .create_account("ann".parse().unwrap(), Role::User)
        .unwrap();
    let key = identity.create_key(&named("ann"), None).unwrap();
    let other = identity.create_key(&ann.id.into(), None).unwrap();
    identity.set_key_disabled(&other.key.id, true).unwrap();
    let (accounts, keys) = (identity.accounts(), identity.keys(None).unwrap());
    drop(identity);

    let identity = open(directory.path());
    assert_eq!(identity.accounts(), accounts);
    assert_eq!(identity.keys(None).unwrap(), keys);
    assert_eq!(identity.keys(Some(&named("ann"))).unwrap().len(), 2);
    let verified = sign(&identity, key.key.id.as_str(), key.secret.expose()).unwrap();
    assert_eq!(verified.account, ann.id);
    assert_eq!(
        identity.principal(&verified.token).unwrap().role,
        Role::User
    );
    let refused = sign(&identity, other.key.id.as_str(), other.secret.expose()).unwrap_err();
    assert_eq!(refused, SigV4Error::UnknownAccessKey);
}

/// Tokens are signed with a secret of the directory: a restart keeps them good.
#[test]
fn tokens_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let mut identity = open(directory.path());
    let first = identity.take_first_credentials().unwrap();
    let secret = first.secret_access_key.expose();
    let token = sign(&identity, first.access_key_id.as_str(), secret)
        .unwrap()
        .token;
    drop(identity);
    assert!(open(directory.path()).principal(&token).is_ok());
    let stranger = tempfile::tempdir().unwrap();
    assert_eq!(
        open(stranger.path()).principal(&token).unwrap_err(),
        TokenError::Forged
    );
}

#[test]
fn disabling_holds_at_once_for_signatures_and_tokens() {
    let directory = tempfile::tempdir().unwrap();
    let identity = open(directory.path());
    identity
        .create_account("ann".parse().unwrap(), Role::User)
        .unwrap();
    let key = identity.create_key(&named("ann"), None).unwrap();
    let (id, secret) = (key.key.id.as_str(), key.secret.expose());
    let token = sign(&identity, id, secret).unwrap().token;

    identity.set_key_disabled(&key.key.id, true).unwrap();
    assert_eq!(
        sign(&identity, id, secret).unwrap_err(),
        SigV4Error::UnknownAccessKey
    );
    assert_eq!(identity.principal(&token).unwrap_err(), TokenError::Revoked);
    identity.set_key_disabled(&key.key.id, false).unwrap();
    assert!(identity.principal(&token).is_ok());

    identity.set_account_disabled(&named("ann"), true).unwrap();
    assert_eq!(
        sign(&identity, id, secret).unwrap_err(),
        SigV4Error::UnknownAccessKey
    );
    assert_eq!(identity.principal(&token).unwrap_err(), TokenError::Revoked);
    identity.set_account_disabled(&named("ann"), false).unwrap();
    assert!(sign(&identity, id, secret).is_ok());

    identity.delete_account(&named("ann")).unwrap();
    assert_eq!(
        sign(&identity, id, secret).unwrap_err(),
        SigV4Error::UnknownAccessKey
    );
    assert_eq!(identity.principal(&token).unwrap_err(), TokenError::Revoked);
    assert!(
        identity
            .keys(None)
            .unwrap()
            .iter()
            .all(|kept| kept.id != key.key.id)
    );
    drop(identity);
    assert_eq!(
        open(directory.path()).keys(None).unwrap().len(),
        1,
        "its keys went with it"
    );
}

#[test]
fn names_and_ids_are_given_once() {
    let directory = tempfile::tempdir().unwrap();
    let identity = open(directory.path());
    let again = identity.create_account("admin".parse().unwrap(), Role::User);
    assert!(
        matches!(again, Err(ManageError::AccountExists(_))),
        "{again:?}"
    );
    let pair = || ("my-key".parse().unwrap(), "my-secret".parse().unwrap());
    identity.create_key(&named("admin"), Some(pair())).unwrap();
    let again = identity.create_key(&named("admin"), Some(pair()));
    assert!(matches!(again, Err(ManageError::KeyExists(_))), "{again:?}");
    let nobody = identity.create_key(&named("nobody"), None);
    assert!(
        matches!(nobody, Err(ManageError::NoSuchAccount(_))),
        "{nobody:?}"
    );
    let missing = identity.delete_key(&"no-such".parse().unwrap());
    assert!(
        matches!(missing, Err(ManageError::NoSuchKey(_))),
        "{missing:?}"
    );
}

#[test]
fn the_last_administrator_stays() {
    let directory = tempfile::tempdir().unwrap();
    let identity = open(directory.path());
    identity
        .create_account("ann".parse().unwrap(), Role::User)
        .unwrap();
    for refused in [
        identity.delete_account(&named("admin")),
        identity.set_account_disabled(&named("admin"), true),
    ] {
        assert!(
            matches!(refused, Err(ManageError::LastAdministrator(_))),
            "{refused:?}"
        );
    }
    identity
        .create_account("bob".parse().unwrap(), Role::Administrator)
        .unwrap();
    identity.set_account_disabled(&named("bob"), true).unwrap();
    assert!(
        identity.delete_account(&named("admin")).is_err(),
        "a disabled one does not count"
    );
    identity.set_account_disabled(&named("bob"), false).unwrap();
    identity.delete_account(&named("admin")).unwrap();
    assert!(identity.delete_account(&named("bob")).is_err());
}

#[test]
fn an_account_has_so_many_keys_and_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let identity = open(directory.path());
    for _ in 1..KEYS_PER_ACCOUNT_MAX {
        identity.create_key(&named("admin"), None).unwrap();
    }
    let over = identity.create_key(&named("admin"), None);
    assert!(matches!(over, Err(ManageError::TooMany { .. })), "{over:?}");
}

#[test]
fn the_last_use_is_kept_to_the_hour() {
    let directory = tempfile::tempdir().unwrap();
    let identity = open(directory.path());
    let key = identity.create_key(&named("admin"), None).unwrap();
    let used = |identity: &Identity| {
        let keys = identity.keys(None).unwrap();
        keys.iter()
            .find(|kept| kept.id == key.key.id)
            .unwrap()
            .last_used_us
    };
    assert_eq!(used(&identity), None);
    sign(&identity, key.key.id.as_str(), key.secret.expose()).unwrap();
    let hour = NOW_US - NOW_US % LAST_USED_GRANULARITY_US;
    assert_eq!(used(&identity), Some(hour));
    identity.record_uses().unwrap();
    drop(identity);
    assert_eq!(used(&open(directory.path())), Some(hour));
}

#[test]
fn damaged_files_are_refused_with_their_name() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    let secret = directory.path().join("token-secret");
    let kept = fs::read(&secret).unwrap();
    fs::write(&secret, b"short").unwrap();
    let refused = try_open(directory.path(), Bootstrap::default())
        .err()
        .unwrap();
    assert!(
        refused
            .to_string()
            .ends_with("token-secret is damaged: it is not 32 bytes long")
    );
    fs::write(&secret, kept).unwrap();

    let database = directory.path().join("identity.sqlite");
    fs::write(
        &database,
        b"this was a database once, and is not one any more",
    )
    .unwrap();
    let refused = try_open(directory.path(), Bootstrap::default())
        .err()
        .unwrap();
    assert!(
        matches!(refused, OpenError::Database(DatabaseError::Damaged { .. })),
        "{refused:?}"
    );
    assert!(
        refused.to_string().contains("identity.sqlite is damaged"),
        "{refused}"
    );
}

#[test]
fn other_databases_and_newer_layouts_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    let database = directory.path().join("identity.sqlite");
    let set = |pragma: &str| {
        let connection = rusqlite::Connection::open(&database).unwrap();
        connection.execute_batch(pragma).unwrap();
    };
    set("PRAGMA user_version = 3");
    let refused = try_open(directory.path(), Bootstrap::default())
        .err()
        .unwrap();
    assert!(
        refused
            .to_string()
            .contains("has layout 3; this program knows 2"),
        "{refused}"
    );
    set("PRAGMA user_version = 2; PRAGMA application_id = 7");
    let refused = try_open(directory.path(), Bootstrap::default())
        .err()
        .unwrap();
    assert!(refused.to_string().contains("another program"), "{refused}");
}
