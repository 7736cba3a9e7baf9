//! The first start: one administrator with a key and a password, so that there is
//! a way in.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::access_key::{AccessKeyId, InvalidAccessKey, RandomError, SecretAccessKey};
use crate::account::{AccountName, InvalidAccountName};
use crate::password::{InvalidPassword, Password};

/// The administrator's name unless another is asked for.
pub const DEFAULT_ADMINISTRATOR: &str = "admin";

/// What the first start makes. What is `None` is made up.
#[derive(Debug, Clone, Default)]
pub struct Bootstrap {
    /// The name of the administrator.
    pub account_name: Option<String>,
    /// The id of its key; only together with the secret.
    pub access_key_id: Option<String>,
    /// The secret of its key; only together with the id.
    pub secret_access_key: Option<String>,
    /// The password of the administrator.
    pub password: Option<String>,
    /// Where key and password are kept for their owner; `None` is `credentials` in the
    /// directory of the identity.
    pub credentials_file: Option<PathBuf>,
}

/// What is asked for cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The name is not of its form.
    #[error("the administrator's name: {0}")]
    Name(#[from] InvalidAccountName),
    /// The key is not of its form.
    #[error("the administrator's key: {0}")]
    Key(#[from] InvalidAccessKey),
    /// The password is not of its form.
    #[error("the administrator's password: {0}")]
    Password(#[from] InvalidPassword),
    /// One half of a key.
    #[error("an access key id and its secret are given together, or neither is")]
    HalfAKey,
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// The administrator, key and password that the first start made.
#[derive(Debug, Clone)]
pub struct FirstCredentials {
    /// The administrator.
    pub account_name: AccountName,
    /// Its key's id.
    pub access_key_id: AccessKeyId,
    /// Its key's secret, to be shown once.
    pub secret_access_key: SecretAccessKey,
    /// Its password, likewise.
    pub password: Password,
    /// The file that keeps them.
    pub credentials_file: PathBuf,
}

impl Bootstrap {
    /// Checks what is given and makes up the rest.
    pub(crate) fn resolve(self, default_file: PathBuf) -> Result<FirstCredentials, BootstrapError> {
        let name = self
            .account_name
            .as_deref()
            .unwrap_or(DEFAULT_ADMINISTRATOR);
        let (access_key_id, secret_access_key) = match (self.access_key_id, self.secret_access_key)
        {
            (Some(id), Some(secret)) => (id.parse()?, secret.parse()?),
            (None, None) => (AccessKeyId::generate()?, SecretAccessKey::generate()?),
            _ => return Err(BootstrapError::HalfAKey),
        };
        Ok(FirstCredentials {
            account_name: name.parse()?,
            access_key_id,
            secret_access_key,
            password: match self.password {
                Some(password) => password.parse()?,
                None => Password::generate()?,
            },
            credentials_file: self.credentials_file.unwrap_or(default_file),
        })
    }
}

impl FirstCredentials {
    /// The credentials file: a shell script to be sourced, which sets what
    /// every AWS client reads. The password is not exported: it is for the line
    /// that names it (`curl -u "$CONCIERGE_ROOT_USER:$CONCIERGE_ROOT_PASSWORD"`),
    /// and not for every program that is started from there.
    pub(crate) fn file_contents(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "# The key and the password of {name}, made at the first start.\n\
             # Use them with `. FILE`; it may be deleted once they are kept elsewhere.\n\
             export AWS_ACCESS_KEY_ID={id}\n\
             export AWS_SECRET_ACCESS_KEY={secret}\n\
             CONCIERGE_ROOT_USER={user}\n\
             CONCIERGE_ROOT_PASSWORD={password}",
            name = self.account_name,
            id = shell_word(self.access_key_id.as_str()),
            secret = shell_word(self.secret_access_key.expose()),
            user = shell_word(self.account_name.as_str()),
            password = shell_word(self.password.expose()),
        );
        text
    }
}

/// A text as one word of a POSIX shell (IEEE 1003.1 XCU §2.2.2), bare where
/// nothing in it needs quoting.
fn shell_word(text: &str) -> String {
    let bare =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b'+' | b'=');
    if text.bytes().all(bare) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_says_the_same_to_a_shell() {
        for secret in ["wJalrXUtnFEMI/K7MDENG+x=", "it's;$(rm)`\"&<>|\\#*?"] {
            let first = Bootstrap {
                access_key_id: Some("key-id".to_owned()),
                secret_access_key: Some(secret.to_owned()),
                password: Some(format!("{secret} $HOME")),
                ..Bootstrap::default()
            }
            .resolve(PathBuf::from("credentials"))
            .unwrap();
            let script = format!(
                "{}printf '%s %s %s' \"$AWS_ACCESS_KEY_ID\" \"$AWS_SECRET_ACCESS_KEY\" \"$CONCIERGE_ROOT_PASSWORD\"",
                first.file_contents()
            );
            let shell = std::process::Command::new("sh")
                .args(["-eu", "-c", &script])
                .output()
                .unwrap();
            assert_eq!(
                String::from_utf8(shell.stdout).unwrap(),
                format!("key-id {secret} {secret} $HOME")
            );
        }
    }

    #[test]
    fn half_a_key_is_refused() {
        let half = Bootstrap {
            access_key_id: Some("key-id".to_owned()),
            ..Bootstrap::default()
        };
        assert!(matches!(
            half.resolve(PathBuf::new()),
            Err(BootstrapError::HalfAKey)
        ));
    }
}
