//! The identity of everyone who asks for something.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::access_key::{
    AccessKey, AccessKeyId, NewAccessKey, RandomError, SecretAccessKey, fill_random,
};
use crate::account::{Account, AccountId, AccountName, AccountSelector, Role};
use crate::app_password::{AppPasswordId, AppPasswordName};
use crate::bootstrap::{Bootstrap, BootstrapError, FirstCredentials};
use crate::chunks::ChunkSeed;
use crate::clock::{Clock, MICROS_PER_SECOND};
use crate::database::{Database, DatabaseError, Used};
use crate::directory::{AccountEntry, Directory, KeptPassword, KeyEntry, LastUse};
use crate::password::HashError;
use crate::private_file::{create_private_directory, write_private_file};
use crate::sign_in::SignIn;
use crate::signing::{Scope, SigningKey, same_signature};
use crate::sigv4::{SigV4Error, SignedRequest, Verified};
use crate::token::{
    ChunkClaims, Claims, Credential, Payload, Principal, TOKEN_LIFE_US, TokenError, TokenSigner,
};

/// Most accounts: all are kept in memory, about 300 bytes each.
pub const ACCOUNTS_MAX: usize = 100_000;
/// Most access keys in all: likewise, about 600 bytes each.
pub const KEYS_MAX: usize = 200_000;
/// Most access keys of one account: enough to give each program its own.
pub const KEYS_PER_ACCOUNT_MAX: usize = 100;
/// How exactly the last use of a key or an application password is kept, so that
/// a busy one is written once an hour.
pub const LAST_USED_GRANULARITY_US: u64 = 3_600 * MICROS_PER_SECOND;

/// The file of accounts and keys, in the directory of the identity.
const DATABASE_FILE: &str = "identity.sqlite";
/// The file of the secret that signs tokens: 32 random bytes.
const TOKEN_SECRET_FILE: &str = "token-secret";
/// The file of the first credentials, unless another is asked for.
const CREDENTIALS_FILE: &str = "credentials";

/// Why the identity cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file or directory cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The secret that signs tokens is not of its size.
    #[error("{0} is damaged: it is not 32 bytes long")]
    TokenSecret(String),
    /// The accounts cannot be read.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// What the first start should make cannot be made.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The administrator's password cannot be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
}

/// Why accounts, keys or passwords were not changed.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// No such account.
    #[error("there is no account {0}")]
    NoSuchAccount(AccountSelector),
    /// No such key.
    #[error("there is no access key {0}")]
    NoSuchKey(AccessKeyId),
    /// The name is taken.
    #[error("there is an account {0} already")]
    AccountExists(AccountName),
    /// The id is taken.
    #[error("there is an access key {0} already")]
    KeyExists(AccessKeyId),
    /// No such application password.
    #[error("there is no application password {0}")]
    NoSuchAppPassword(AppPasswordId),
    /// The account has one of this name.
    #[error("{account} has an application password {name:?} already")]
    AppPasswordExists {
        /// The account.
        account: AccountName,
        /// The name.
        name: AppPasswordName,
    },
    /// Nobody could manage accounts any more.
    #[error("{0} is the only administrator that is not disabled")]
    LastAdministrator(AccountName),
    /// A limit is reached; it is named with its number.
    #[error("there are as many {what} as there may be ({limit})")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The password cannot be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The change could not be written; nothing changed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Accounts, access keys and passwords, the checks of them, and the tokens that
/// follow from those.
///
/// What is on disk (`identity.sqlite`, mode 0600) is in memory too; a change is
/// written first and seen by the next check. Secrets of access keys lie on disk as
/// they are: Signature V4 is symmetric, so the host must know them. Of passwords
/// there are hashes alone.
///
/// Methods that change something wait for the disk; the checks never do.
pub struct Identity {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sign_in: SignIn,
    tokens: TokenSigner,
    directory: RwLock<Directory>,
    /// Locked before the directory, and held until the directory shows the
    /// change.
    database: Mutex<Database>,
    /// What was used since its last use was written to the disk.
    used: Mutex<Vec<Used>>,
    first_credentials: Option<FirstCredentials>,
}

impl Identity {
    /// Opens the identity in a directory of its own, or makes it there. The
    /// first time, `bootstrap` says what administrator and key to make.
    ///
    /// One process at a time may have a directory open; its caller sees to it.
    pub fn open(
        directory: &Path,
        clock: Arc<dyn Clock>,
        bootstrap: Bootstrap,
    ) -> Result<Self, OpenError> {
        create_private_directory(directory).map_err(io_error(directory))?;
        let tokens = TokenSigner::new(&token_secret(&directory.join(TOKEN_SECRET_FILE))?);
        let mut database = Database::open(&directory.join(DATABASE_FILE))?;
        let mut contents = database.load()?;
        let first_credentials = if contents.accounts.is_empty() {
            let first = bootstrap.resolve(directory.join(CREDENTIALS_FILE))?;
            make_first(&mut database, &first, clock.now_us())?;
            contents = database.load()?;
            Some(first)
        } else {
            None
        };
        let mut directory = Directory::default();
        for account in &contents.accounts {
            directory.insert_account(account);
        }
        for (key, secret) in contents.keys {
            // A key without an account cannot be: the tables refuse it.
            directory.insert_key(&key, secret);
        }
        for (id, password) in contents.passwords {
            if let Some(account) = directory.account(&id.into()) {
                account.set_password(password);
            }
        }
        for (info, digest) in contents.app_passwords {
            directory.insert_app_password(&info, digest);
        }
        Ok(Self {
            clock,
            sign_in: SignIn::new()?,
            tokens,
            directory: RwLock::new(directory),
            database: Mutex::new(database),
            used: Mutex::default(),
            first_credentials,
        })
    }

    /// Takes what the first start made, to show it once; `None` on every later
    /// start.
    pub fn take_first_credentials(&mut self) -> Option<FirstCredentials> {
        self.first_credentials.take()
    }

    /// Verifies a signed request and gives a token for the calls that follow
    /// from it. Touches no disk.
    pub fn verify_sigv4(&self, request: &SignedRequest<'_>) -> Result<Verified, SigV4Error> {
        let answer = self.check_signature(request);
        let outcome = match &answer {
            Ok(_) => "accepted",
            Err(SigV4Error::UnknownAccessKey) => "unknown_access_key",
            Err(SigV4Error::SignatureDoesNotMatch(_)) => "signature_does_not_match",
            Err(SigV4Error::RequestTimeTooSkewed(_)) => "skewed",
            Err(SigV4Error::Expired(_)) => "expired",
            Err(SigV4Error::Malformed(_)) => "malformed",
        };
        metrics::counter!("concierge_identity_signatures_total", "outcome" => outcome).increment(1);
        answer
    }

    fn check_signature(&self, request: &SignedRequest<'_>) -> Result<Verified, SigV4Error> {
        let checked = request.check_form()?;
        let key = self
            .usable_key(request.access_key_id)
            .ok_or(SigV4Error::UnknownAccessKey)?;
        let now_us = self.clock.now_us();
        request.check_time(&checked, now_us)?;

        let scope = request.scope().to_string();
        let kept = key.signing_keys.get(&scope);
        let signing_key = kept.unwrap_or_else(|| SigningKey::derive(&key.secret, request.scope()));
        let string_to_sign = request.string_to_sign(&scope);
        let expected = signing_key.sign(&[string_to_sign.as_bytes()]);
        if !same_signature(&expected, &checked.signature) {
            return Err(SigV4Error::SignatureDoesNotMatch(string_to_sign));
        }
        if kept.is_none() {
            key.signing_keys.keep(&scope, signing_key);
        }
        self.note_use(&key.last_use, || Used::Key(key.id.clone()), now_us);

        let chunks = match request.payload {
            Payload::Single => None,
            Payload::SignedChunks | Payload::SignedChunksAndTrailer => Some(ChunkClaims {
                trailer: request.payload == Payload::SignedChunksAndTrailer,
                timestamp: checked.timestamp,
                signature: checked.signature,
                region: request.region.to_owned(),
                service: request.service.to_owned(),
            }),
        };
        let credential = Credential::AccessKey(key.id.as_str().to_owned());
        let (token, expires_us) = self.seal(&key.account, credential, chunks, now_us);
        Ok(Verified {
            token,
            account: key.account.id,
            account_name: key.account.name.shared(),
            expires_us,
        })
    }

    /// A token for an account that has proved itself, and until when it is good.
    pub(crate) fn seal(
        &self,
        account: &AccountEntry,
        credential: Credential,
        chunks: Option<ChunkClaims>,
        now_us: u64,
    ) -> (String, u64) {
        let expires_us = now_us.saturating_add(TOKEN_LIFE_US);
        let token = self.tokens.seal(&Claims {
            account: account.id,
            expires_us,
            credential,
            chunks,
        });
        (token, expires_us)
    }

    /// Who a token proves. Touches no disk. A key or account that was disabled
    /// or deleted since, and a password that was changed since, is refused here
    /// too.
    pub fn principal(&self, token: &str) -> Result<Principal, TokenError> {
        let claims = self.tokens.open(token, self.clock.now_us())?;
        let (account, key) = self
            .still_proved(&claims.credential, claims.account)
            .filter(|(account, _)| account.id == claims.account)
            .ok_or(TokenError::Revoked)?;
        let seed = key
            .zip(claims.chunks)
            .and_then(|(key, chunks)| chunk_seed(&key, &chunks))
            .map(Arc::new);
        Ok(Principal {
            account: account.id,
            account_name: account.name.shared(),
            role: account.role,
            seed,
        })
    }

    /// The account that a credential proves now, and its key if it is one.
    fn still_proved(
        &self,
        credential: &Credential,
        id: AccountId,
    ) -> Option<(Arc<AccountEntry>, Option<Arc<KeyEntry>>)> {
        let account = match credential {
            Credential::AccessKey(key_id) => {
                let key = self.usable_key(key_id)?;
                return Some((Arc::clone(&key.account), Some(key)));
            }
            Credential::Password { set_us } => {
                let account = self.account_entry(&id.into()).ok()?;
                let password = account.password()?;
                (password.set_us == *set_us).then_some(account)?
            }
            Credential::AppPassword(id) => Arc::clone(&self.read().app_password(*id)?.account),
        };
        (!account.disabled()).then_some((account, None))
    }

    /// All accounts by name.
    pub fn accounts(&self) -> Vec<Account> {
        self.read().accounts()
    }

    /// One account.
    pub fn account(&self, selector: &AccountSelector) -> Result<Account, ManageError> {
        self.read()
            .account(selector)
            .map(|entry| entry.account())
            .ok_or_else(|| ManageError::NoSuchAccount(selector.clone()))
    }

    /// Makes an account. Waits for the disk.
    pub fn create_account(&self, name: AccountName, role: Role) -> Result<Account, ManageError> {
        let mut database = self.database();
        {
            let directory = self.read();
            if directory
                .account(&AccountSelector::Name(name.clone()))
                .is_some()
            {
                return Err(ManageError::AccountExists(name));
            }
            check_limit("accounts", directory.account_count(), ACCOUNTS_MAX)?;
        }
        let account = Account {
            id: AccountId::generate(),
            name,
            role,
            disabled: false,
            created_us: self.clock.now_us(),
        };
        database.insert(Some(&account), None, None)?;
        self.write().insert_account(&account);
        Ok(account)
    }

    /// Disables an account or enables it again. Waits for the disk; holds for
    /// every signature and token from then on.
    pub fn set_account_disabled(
        &self,
        selector: &AccountSelector,
        disabled: bool,
    ) -> Result<Account, ManageError> {
        let mut database = self.database();
        let entry = self.account_entry(selector)?;
        if disabled {
            self.check_not_last_administrator(&entry)?;
        }
        database.set_account_disabled(entry.id, disabled)?;
        entry.set_disabled(disabled);
        Ok(entry.account())
    }

    /// Deletes an account, its keys and its passwords. Waits for the disk. What belongs to
    /// the account elsewhere (buckets) is the caller's to look at first.
    pub fn delete_account(&self, selector: &AccountSelector) -> Result<Account, ManageError> {
        let mut database = self.database();
        let entry = self.account_entry(selector)?;
        self.check_not_last_administrator(&entry)?;
        database.delete_account(entry.id)?;
        self.write().remove_account(entry.id);
        Ok(entry.account())
    }

    /// All access keys, or those of one account, oldest first.
    pub fn keys(&self, of: Option<&AccountSelector>) -> Result<Vec<AccessKey>, ManageError> {
        let account = of
            .map(|selector| self.account_entry(selector))
            .transpose()?;
        Ok(self.read().keys(account.map(|entry| entry.id)))
    }

    /// Makes an access key, with a given id and secret or new ones. Waits for
    /// the disk.
    pub fn create_key(
        &self,
        of: &AccountSelector,
        import: Option<(AccessKeyId, SecretAccessKey)>,
    ) -> Result<NewAccessKey, ManageError> {
        let (id, secret) = match import {
            Some(key) => key,
            None => (AccessKeyId::generate()?, SecretAccessKey::generate()?),
        };
        let mut database = self.database();
        let account = self.account_entry(of)?;
        {
            let directory = self.read();
            if directory.key(id.as_str()).is_some() {
                return Err(ManageError::KeyExists(id));
            }
            check_limit("access keys", directory.key_count(), KEYS_MAX)?;
            let own = directory.keys_of(account.id);
            check_limit("access keys of this account", own, KEYS_PER_ACCOUNT_MAX)?;
        }
        let key = AccessKey {
            id,
            account: account.id,
            disabled: false,
            created_us: self.clock.now_us(),
            last_used_us: None,
        };
        database.insert(None, Some((&key, &secret)), None)?;
        self.write().insert_key(&key, secret.clone());
        Ok(NewAccessKey { key, secret })
    }

    /// Disables an access key or enables it again. Waits for the disk; holds
    /// for every signature and token from then on.
    pub fn set_key_disabled(
        &self,
        id: &AccessKeyId,
        disabled: bool,
    ) -> Result<AccessKey, ManageError> {
        let mut database = self.database();
        let entry = self.key_entry(id)?;
        database.set_key_disabled(id.as_str(), disabled)?;
        entry.set_disabled(disabled);
        Ok(entry.access_key())
    }

    /// Deletes an access key. Waits for the disk.
    pub fn delete_key(&self, id: &AccessKeyId) -> Result<AccessKey, ManageError> {
        let mut database = self.database();
        let entry = self.key_entry(id)?;
        database.delete_key(id.as_str())?;
        self.write().remove_key(id.as_str());
        Ok(entry.access_key())
    }

    /// Writes down when keys and application passwords were last used; to be called now and then and
    /// before the end. Waits for the disk if there is something to write.
    pub fn record_uses(&self) -> Result<(), ManageError> {
        let used = std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner));
        if used.is_empty() {
            return Ok(());
        }
        let mut database = self.database();
        let uses: Vec<_> = {
            let directory = self.read();
            used.into_iter()
                .filter_map(|used| {
                    let at_us = match &used {
                        Used::Key(id) => directory.key(id.as_str())?.last_use.at_us()?,
                        Used::AppPassword(id) => directory.app_password(*id)?.last_use.at_us()?,
                    };
                    Some((used, at_us))
                })
                .collect()
        };
        Ok(database.record_uses(&uses)?)
    }

    /// Notes that something was used now.
    pub(crate) fn note_use(&self, last_use: &LastUse, used: impl FnOnce() -> Used, now_us: u64) {
        if last_use.note(now_us - now_us % LAST_USED_GRANULARITY_US) {
            self.used
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(used());
        }
    }

    fn usable_key(&self, id: &str) -> Option<Arc<KeyEntry>> {
        self.read().key(id).filter(|key| key.usable()).cloned()
    }

    pub(crate) fn account_entry(
        &self,
        selector: &AccountSelector,
    ) -> Result<Arc<AccountEntry>, ManageError> {
        self.read()
            .account(selector)
            .cloned()
            .ok_or_else(|| ManageError::NoSuchAccount(selector.clone()))
    }

    fn key_entry(&self, id: &AccessKeyId) -> Result<Arc<KeyEntry>, ManageError> {
        self.read()
            .key(id.as_str())
            .cloned()
            .ok_or_else(|| ManageError::NoSuchKey(id.clone()))
    }

    fn check_not_last_administrator(&self, entry: &AccountEntry) -> Result<(), ManageError> {
        if self.read().has_administrator_but(entry.id) {
            Ok(())
        } else {
            Err(ManageError::LastAdministrator(entry.name.clone()))
        }
    }

    pub(crate) fn database(&self) -> MutexGuard<'_, Database> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Directory> {
        self.directory
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Directory> {
        self.directory
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn check_limit(
    what: &'static str,
    count: usize,
    limit: usize,
) -> Result<(), ManageError> {
    if count < limit {
        Ok(())
    } else {
        Err(ManageError::TooMany { what, limit })
    }
}

/// What verifies the chunks of a token's request.
fn chunk_seed(key: &KeyEntry, chunks: &ChunkClaims) -> Option<ChunkSeed> {
    let timestamp = std::str::from_utf8(&chunks.timestamp).ok()?;
    let date = timestamp.get(..8)?;
    let scope = Scope {
        date,
        region: &chunks.region,
        service: &chunks.service,
    };
    let scope_text = scope.to_string();
    let signing_key = key
        .signing_keys
        .get(&scope_text)
        .unwrap_or_else(|| SigningKey::derive(&key.secret, scope));
    Some(ChunkSeed {
        signing_key,
        timestamp: timestamp.to_owned(),
        scope: scope_text,
        signature: chunks.signature,
        trailer: chunks.trailer,
    })
}

/// Makes the administrator, its key and its password. The file comes first: a crash between
/// the two leaves a file that the next start replaces, never a key or a
/// password that nobody knows.
fn make_first(
    database: &mut Database,
    first: &FirstCredentials,
    now_us: u64,
) -> Result<(), OpenError> {
    let file = &first.credentials_file;
    write_private_file(file, first.file_contents().as_bytes()).map_err(io_error(file))?;
    let account = Account {
        id: AccountId::generate(),
        name: first.account_name.clone(),
        role: Role::Administrator,
        disabled: false,
        created_us: now_us,
    };
    let key = AccessKey {
        id: first.access_key_id.clone(),
        account: account.id,
        disabled: false,
        created_us: now_us,
        last_used_us: None,
    };
    let password = KeptPassword {
        digest: first.password.hash()?,
        set_us: now_us,
    };
    database.insert(
        Some(&account),
        Some((&key, &first.secret_access_key)),
        Some((account.id, &password)),
    )?;
    Ok(())
}

/// Reads the secret that signs tokens, or makes it.
fn token_secret(path: &Path) -> Result<[u8; 32], OpenError> {
    match std::fs::read(path) {
        Ok(bytes) => bytes
            .try_into()
            .map_err(|_| OpenError::TokenSecret(path.display().to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut secret = [0; 32];
            fill_random(&mut secret)?;
            write_private_file(path, &secret).map_err(io_error(path))?;
            Ok(secret)
        }
        Err(error) => Err(io_error(path)(error)),
    }
}

fn io_error(path: &Path) -> impl Fn(std::io::Error) -> OpenError + '_ {
    move |source| OpenError::Io {
        path: path.display().to_string(),
        source,
    }
}
