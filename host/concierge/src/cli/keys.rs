//! `concierge key`.

use clap::{Args, Subcommand};
use concierge_identity::{AccessKeyId, AccountSelector, SecretAccessKey};

use super::output::{print, print_json, print_table, read, time};
use super::{DataArgs, OutputArgs};
use crate::admin::views::{KeyView, Keys};
use crate::admin::{Call, ImportedKey};
use crate::config::IMPORT_SECRET_VARIABLE;
use crate::exit::Failure;

/// Manage access keys.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  concierge key create --account ann
  concierge key create --account ann --id AKIAEXAMPLE --secret-file secret.txt
  concierge key disable CKEXAMPLE
  concierge key list --account ann --json")]
pub enum KeyCommand {
    /// Make a key; its secret is shown this once
    Create {
        /// Whose it is: a name or an id
        #[arg(long)]
        account: AccountSelector,
        #[command(flatten)]
        import: Import,
        #[command(flatten)]
        common: Common,
    },
    /// List keys, without their secrets
    List {
        /// Only those of this account
        #[arg(long)]
        account: Option<AccountSelector>,
        #[command(flatten)]
        common: Common,
    },
    /// Refuse what is signed with a key, until it is enabled
    Disable {
        #[command(flatten)]
        which: Which,
    },
    /// Accept a disabled key again
    Enable {
        #[command(flatten)]
        which: Which,
    },
    /// Delete a key
    Delete {
        #[command(flatten)]
        which: Which,
    },
}

/// A key that was made elsewhere.
#[derive(Debug, Args)]
pub struct Import {
    /// Take this id instead of a new one; with --secret or --secret-file
    #[arg(long, value_name = "ID")]
    id: Option<AccessKeyId>,
    /// Take this secret; others can see it in the list of processes
    #[arg(long, requires = "id", env = IMPORT_SECRET_VARIABLE, hide_env_values = true, conflicts_with = "secret_file")]
    secret: Option<String>,
    /// Take the secret from a file
    #[arg(long, requires = "id", value_name = "FILE")]
    secret_file: Option<std::path::PathBuf>,
}

#[derive(Debug, Args)]
pub struct Common {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
pub struct Which {
    /// The id of the key
    id: AccessKeyId,
    #[command(flatten)]
    common: Common,
}

impl Import {
    fn key(self) -> Result<Option<ImportedKey>, Failure> {
        let Some(id) = self.id else { return Ok(None) };
        let secret = match (self.secret, self.secret_file) {
            (Some(secret), None) => secret,
            (None, Some(path)) => std::fs::read_to_string(&path)
                .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?,
            _ => return Err(Failure::usage("--id needs --secret or --secret-file")),
        };
        let secret: SecretAccessKey = secret
            .trim_end_matches(['\r', '\n'])
            .parse()
            .map_err(Failure::usage)?;
        Ok(Some(ImportedKey { id, secret }))
    }
}

impl KeyCommand {
    pub async fn run(self) -> Result<(), Failure> {
        let (call, common, done) = match self {
            Self::Create {
                account,
                import,
                common,
            } => {
                let call = Call::CreateKey {
                    account,
                    import: import.key()?,
                };
                return create(call, common).await;
            }
            Self::List { account, common } => return list(account, common).await,
            Self::Disable { which } => (
                Call::SetKeyDisabled {
                    id: which.id,
                    disabled: true,
                },
                which.common,
                "disabled",
            ),
            Self::Enable { which } => (
                Call::SetKeyDisabled {
                    id: which.id,
                    disabled: false,
                },
                which.common,
                "enabled",
            ),
            Self::Delete { which } => (Call::DeleteKey { id: which.id }, which.common, "deleted"),
        };
        let answer = common.data.call(call).await?;
        if common.output.json {
            return print_json(&answer);
        }
        let key: KeyView = read(answer)?;
        print(&format!(
            "key {} of {} {done}\n",
            key.access_key_id, key.account
        ))
    }
}

async fn create(call: Call, common: Common) -> Result<(), Failure> {
    let answer = common.data.call(call).await?;
    if common.output.json {
        return print_json(&answer);
    }
    let key: KeyView = read(answer)?;
    print(&format!(
        "key of {}; the secret is not shown again\naccess key id      {}\nsecret access key  {}\n",
        key.account,
        key.access_key_id,
        key.secret_access_key.unwrap_or_default()
    ))
}

async fn list(account: Option<AccountSelector>, common: Common) -> Result<(), Failure> {
    let answer = common.data.call(Call::ListKeys { account }).await?;
    if common.output.json {
        return print_json(&answer);
    }
    let Keys { keys } = read(answer)?;
    let rows: Vec<_> = keys
        .into_iter()
        .map(|key| {
            [
                key.access_key_id.to_string(),
                key.account.to_string(),
                if key.disabled { "disabled" } else { "active" }.to_owned(),
                time(key.created),
                key.last_used.map_or_else(|| "never".to_owned(), time),
            ]
        })
        .collect();
    print_table(["ID", "ACCOUNT", "STATE", "CREATED", "LAST USED"], &rows)
}
