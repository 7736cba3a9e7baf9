//! Tokens for bridges and edges elsewhere: what they may call, and nothing else of the internal listener.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use concierge_edge::INTERFACES;
use concierge_identity::{AccountId, write_private_file};
use jiff::Timestamp;
use rand::TryRng;
use rand::rngs::SysRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Random bytes in a token.
const TOKEN_BYTES: usize = 32;
/// Tokens there may be: each is compared at every call, so that the time says nothing of which.
const TOKENS_MAX: usize = 256;
/// Characters in the name of a token.
const NAME_MAX_CHARS: usize = 64;
/// The version of the file.
const VERSION: u32 = 1;

/// What a token may call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BridgeToken {
    /// What people call it.
    pub name: String,
    /// Interfaces that it may call, as `package/interface`.
    pub grants: Vec<String>,
    /// Accounts that it may call them for; `None`: all.
    pub accounts: Option<Vec<AccountId>>,
    /// When it was made (RFC 3339).
    pub created: Timestamp,
    /// SHA-256 of the token, in hexadecimal. The token has 256 random bits: there
    /// is nothing to guess, so that a slow hash would protect nothing.
    sha256: String,
}

impl BridgeToken {
    /// Whether it may call an interface.
    pub fn may_call(&self, interface: &str) -> bool {
        self.grants.iter().any(|grant| grant == interface)
    }

    /// The accounts that it may call for, as the edge takes them.
    pub fn accounts(&self) -> Option<Arc<[AccountId]>> {
        self.accounts.as_deref().map(Arc::from)
    }
}

/// The file, JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    tokens: Vec<BridgeToken>,
}

/// Why there is no token.
#[derive(Debug)]
pub enum TokenError {
    /// The name, a grant, or the number of tokens.
    Invalid(String),
    /// There is one of that name.
    Exists(String),
    /// There is none of that name.
    NoSuchToken(String),
    /// The file, or the system's random numbers.
    Failed(String),
}

/// All tokens of a data directory, as the file has them.
#[derive(Debug)]
pub struct BridgeTokens {
    file: PathBuf,
    tokens: RwLock<Vec<Arc<BridgeToken>>>,
}

impl BridgeTokens {
    /// Reads the file; there is none where no token was made.
    pub fn open(file: PathBuf) -> Result<Self, TokenError> {
        let tokens = match std::fs::read(&file) {
            Ok(bytes) => parse(&bytes)
                .map_err(|why| TokenError::Failed(format!("{}: {why}", file.display())))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed(&file, &error)),
        };
        Ok(Self {
            file,
            tokens: RwLock::new(tokens.into_iter().map(Arc::new).collect()),
        })
    }

    /// All, oldest first.
    pub fn list(&self) -> Vec<Arc<BridgeToken>> {
        self.tokens
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The token whose SHA-256 this is. Takes as long wherever it is in the list, and
    /// where it is not.
    pub fn find(&self, sha256: &[u8; 32]) -> Option<Arc<BridgeToken>> {
        let given = hex::encode(sha256);
        let mut found = None;
        for token in self.list() {
            if token.sha256.as_bytes().ct_eq(given.as_bytes()).into() {
                found = Some(token);
            }
        }
        found
    }

    /// Makes a token: durable when this returns. Gives it and its secret, which is
    /// not kept.
    pub fn create(
        &self,
        name: &str,
        grants: Vec<String>,
        accounts: Option<Vec<AccountId>>,
    ) -> Result<(Arc<BridgeToken>, String), TokenError> {
        check_name(name)?;
        if let Some(strange) = grants
            .iter()
            .find(|grant| !INTERFACES.contains(&grant.as_str()))
        {
            return Err(TokenError::Invalid(format!(
                "there is no interface {strange} to grant; there are {}",
                INTERFACES.join(", ")
            )));
        }
        let mut bytes = [0; TOKEN_BYTES];
        SysRng.try_fill_bytes(&mut bytes).map_err(|error| {
            TokenError::Failed(format!(
                "the system's random number generator failed: {error}"
            ))
        })?;
        let secret = hex::encode(bytes);
        let token = Arc::new(BridgeToken {
            name: name.to_owned(),
            grants,
            accounts,
            created: Timestamp::now(),
            sha256: hex::encode(Sha256::digest(&secret)),
        });
        self.change(|tokens| {
            if tokens.iter().any(|token| token.name == name) {
                return Err(TokenError::Exists(name.to_owned()));
            }
            if tokens.len() >= TOKENS_MAX {
                return Err(TokenError::Invalid(format!(
                    "there are {TOKENS_MAX} tokens already"
                )));
            }
            tokens.push(Arc::clone(&token));
            Ok(())
        })?;
        Ok((token, secret))
    }

    /// Deletes a token: it is refused from now on.
    pub fn delete(&self, name: &str) -> Result<Arc<BridgeToken>, TokenError> {
        self.change(|tokens| {
            let at = tokens.iter().position(|token| token.name == name);
            at.map(|at| tokens.remove(at))
                .ok_or_else(|| TokenError::NoSuchToken(name.to_owned()))
        })
    }

    /// Changes the list, on disk first.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Vec<Arc<BridgeToken>>) -> Result<T, TokenError>,
    ) -> Result<T, TokenError> {
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        let mut changed = tokens.clone();
        let result = change(&mut changed)?;
        let stored = Stored {
            version: VERSION,
            tokens: changed
                .iter()
                .map(|token| BridgeToken::clone(token))
                .collect(),
        };
        let bytes = serde_json::to_vec_pretty(&stored)
            .map_err(|error| TokenError::Failed(error.to_string()))?;
        write_private_file(&self.file, &bytes).map_err(|error| failed(&self.file, &error))?;
        *tokens = changed;
        Ok(result)
    }
}

fn parse(bytes: &[u8]) -> Result<Vec<BridgeToken>, String> {
    let stored: Stored = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    match stored.version {
        VERSION => Ok(stored.tokens),
        other => Err(format!("version {other}; this program reads {VERSION}")),
    }
}

fn check_name(name: &str) -> Result<(), TokenError> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match name.chars().count() {
        1..=NAME_MAX_CHARS if name.chars().all(good) => Ok(()),
        _ => Err(TokenError::Invalid(format!(
            "the name of a token is 1 to {NAME_MAX_CHARS} of a-z, A-Z, 0-9, \"-\", \"_\" and \".\""
        ))),
    }
}

fn failed(file: &Path, error: &io::Error) -> TokenError {
    TokenError::Failed(format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha256(secret: &str) -> [u8; 32] {
        Sha256::digest(secret).into()
    }

    #[test]
    fn a_token_outlives_the_process_until_it_is_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("bridge-tokens");
        let open = || BridgeTokens::open(file.clone()).unwrap();
        let grants = vec![INTERFACES[1].to_owned()];
        let (made, secret) = open().create("spin", grants, None).unwrap();
        assert!(!std::fs::read_to_string(&file).unwrap().contains(&secret));

        let tokens = open();
        let found = tokens.find(&sha256(&secret)).unwrap();
        assert_eq!(found, made);
        assert!(found.may_call(INTERFACES[1]) && !found.may_call(INTERFACES[0]));
        assert!(tokens.find(&sha256("another")).is_none());
        assert!(matches!(
            tokens.create("spin", Vec::new(), None),
            Err(TokenError::Exists(_))
        ));

        tokens.delete("spin").unwrap();
        assert!(tokens.find(&sha256(&secret)).is_none());
        assert!(open().list().is_empty());
        assert!(matches!(
            tokens.delete("spin"),
            Err(TokenError::NoSuchToken(_))
        ));
    }

    #[test]
    fn what_there_is_not_cannot_be_granted() {
        let directory = tempfile::tempdir().unwrap();
        let tokens = BridgeTokens::open(directory.path().join("t")).unwrap();
        for (name, grant) in [
            ("a", "concierge:objects/blob"),
            ("a b", INTERFACES[0]),
            ("", INTERFACES[0]),
        ] {
            assert!(matches!(
                tokens.create(name, vec![grant.to_owned()], None),
                Err(TokenError::Invalid(_))
            ));
        }
    }

    #[test]
    fn a_damaged_file_is_said_to_be() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("t");
        for (text, why) in [
            ("{\"version\": 2, \"tokens\": []}", "version 2"),
            ("{", "EOF"),
        ] {
            std::fs::write(&file, text).unwrap();
            match BridgeTokens::open(file.clone()) {
                Err(TokenError::Failed(said)) => assert!(said.contains(why), "{said}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
