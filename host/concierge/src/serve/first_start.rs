//! The administrator, key and password that the first start makes.

use std::path::Path;
use std::sync::Arc;

use concierge_identity::{
    AccessKeyId, AccountSelector, Bootstrap, DEFAULT_ADMINISTRATOR, FirstCredentials, Identity,
    SystemClock,
};

use crate::config::{BOOTSTRAP_VARIABLES, variable};
use crate::data_dir::Layout;
use crate::exit::Failure;

/// Opens accounts, keys and passwords; makes the first ones where there are none, and
/// shows them.
pub fn open(layout: &Layout) -> Result<Identity, Failure> {
    let [user, password, key_id, secret] = BOOTSTRAP_VARIABLES;
    let key_id = variable(key_id)?;
    let account_name = variable(user)?;
    let given_password = variable(password)?;
    let bootstrap = Bootstrap {
        account_name: account_name.clone(),
        access_key_id: key_id.clone(),
        secret_access_key: variable(secret)?,
        password: given_password.clone(),
        credentials_file: Some(layout.credentials()),
    };
    let mut identity = Identity::open(&layout.identity(), Arc::new(SystemClock), bootstrap)
        .map_err(Failure::failed)?;
    match identity.take_first_credentials() {
        Some(first) => show(&first, given_password.is_none()),
        None => {
            warn_of_unused(&identity, key_id, &layout.credentials());
            if given_password.is_some() {
                warn_of_no_password(&identity, account_name);
            }
        }
    }
    Ok(identity)
}

/// On standard error, beside the logs: standard output is for the line
/// `ready …`, and logs are kept by others, who are not to see a secret. A
/// password that was given is known to whoever gave it.
fn show(first: &FirstCredentials, made_up: bool) {
    let password = match made_up {
        true => first.password.expose(),
        false => "the one in the environment",
    };
    eprintln!(
        "\nFirst start: the administrator {name} has this access key and password. They are not shown again.\n\n\
         \x20   access key id      {id}\n\
         \x20   secret access key  {secret}\n\
         \x20   password           {password}\n\n\
         They are kept in {file}; `. {file}` sets the key for AWS clients.\n",
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

/// A password in the environment is taken by the first start alone, and those
/// of programs that knew no passwords did not keep it.
fn warn_of_no_password(identity: &Identity, account_name: Option<String>) {
    let name = account_name.as_deref().unwrap_or(DEFAULT_ADMINISTRATOR);
    let without = name
        .parse::<AccountSelector>()
        .is_ok_and(|account| identity.has_password(&account).is_ok_and(|has| !has));
    if without {
        tracing::warn!(
            "{} is set, but only the first start takes it, and {name} has no password; `concierge account password {name}` sets one",
            BOOTSTRAP_VARIABLES[1],
        );
    }
}
