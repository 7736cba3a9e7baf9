//! The administrator and key that the first start makes.

use std::path::Path;
use std::sync::Arc;

use concierge_identity::{AccessKeyId, Bootstrap, FirstCredentials, Identity, SystemClock};

use crate::config::{BOOTSTRAP_VARIABLES, variable};
use crate::data_dir::Layout;
use crate::exit::Failure;

/// Opens accounts and keys; makes the first ones where there are none, and
/// shows them.
pub fn open(layout: &Layout) -> Result<Identity, Failure> {
    let [user, password, key_id, secret] = BOOTSTRAP_VARIABLES;
    let key_id = variable(key_id)?;
    let bootstrap = Bootstrap {
        account_name: variable(user)?,
        access_key_id: key_id.clone(),
        secret_access_key: variable(secret)?,
        credentials_file: Some(layout.credentials()),
    };
    let mut identity = Identity::open(&layout.identity(), Arc::new(SystemClock), bootstrap)
        .map_err(Failure::failed)?;
    match identity.take_first_credentials() {
        Some(first) => {
            show(&first);
            if variable(password)?.is_some() {
                tracing::warn!(
                    "{password} is set, but nothing asks for a password yet: it was not kept"
                );
            }
        }
        None => warn_of_unused(&identity, key_id, &layout.credentials()),
    }
    Ok(identity)
}

/// On standard error, beside the logs: standard output is for the line
/// `ready …`, and logs are kept by others, who are not to see a secret.
fn show(first: &FirstCredentials) {
    eprintln!(
        "\nFirst start: the administrator {name} has this access key. It is not shown again.\n\n\
         \x20   access key id      {id}\n\
         \x20   secret access key  {secret}\n\n\
         It is kept in {file}; `. {file}` sets it for AWS clients.\n",
        name = first.account_name,
        id = first.access_key_id,
        secret = first.secret_access_key.expose(),
        file = first.credentials_file.display(),
    );
}

/// A key in the environment that is not one of ours was meant for a first start
/// that is long over.
fn warn_of_unused(identity: &Identity, key_id: Option<String>, credentials: &Path) {
    let Some(key_id) = key_id else { return };
    let known = key_id.parse::<AccessKeyId>().is_ok_and(|id| {
        identity
            .keys(None)
            .is_ok_and(|keys| keys.iter().any(|key| key.id == id))
    });
    if !known {
        tracing::warn!(
            "{} is set, but only the first start makes a key of it (see {}); `concierge key create --id {key_id}` does it now",
            BOOTSTRAP_VARIABLES[2],
            credentials.display()
        );
    }
}
