//! `concierge app-password`.

use clap::{Args, Subcommand};
use concierge_identity::{AccountSelector, AppPasswordId, AppPasswordName};

use super::output::{print, print_json, print_table, read, time};
use super::{DataArgs, OutputArgs};
use crate::admin::Call;
use crate::admin::views::{AppPasswordView, AppPasswords};
use crate::exit::Failure;

/// Manage application passwords: one for each program that signs in for someone.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  concierge app-password create --account ann \"mail on the phone\"
  concierge app-password list --account ann --json
  concierge app-password delete 0190b1e7c0de70008000000000000001

A program sends it in place of the account's password (HTTP Basic), or alone
as a bearer token.")]
pub enum AppPasswordCommand {
    /// Make an application password, which is shown this once
    Create {
        /// Whose it is: a name or an id
        #[arg(long)]
        account: AccountSelector,
        /// What to call it
        name: AppPasswordName,
        #[command(flatten)]
        common: Common,
    },
    /// List application passwords, without what is secret of them
    List {
        /// Only those of this account
        #[arg(long)]
        account: Option<AccountSelector>,
        #[command(flatten)]
        common: Common,
    },
    /// Delete an application password; it is refused from then on
    Delete {
        /// Its id
        id: AppPasswordId,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Args)]
pub struct Common {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    data: DataArgs,
}

impl AppPasswordCommand {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create {
                account,
                name,
                common,
            } => create(Call::CreateAppPassword { account, name }, common).await,
            Self::List { account, common } => list(account, common).await,
            Self::Delete { id, common } => delete(id, common).await,
        }
    }
}

async fn create(call: Call, common: Common) -> Result<(), Failure> {
    let answer = common.data.call(call).await?;
    if common.output.json {
        return print_json(&answer);
    }
    let made: AppPasswordView = read(answer)?;
    print(&format!(
        "application password {:?} of {}; it is not shown again\nid        {}\npassword  {}\n",
        made.name.as_str(),
        made.account,
        made.id,
        made.password.unwrap_or_default()
    ))
}

async fn list(account: Option<AccountSelector>, common: Common) -> Result<(), Failure> {
    let answer = common.data.call(Call::ListAppPasswords { account }).await?;
    if common.output.json {
        return print_json(&answer);
    }
    let AppPasswords { app_passwords } = read(answer)?;
    let rows: Vec<_> = app_passwords
        .into_iter()
        .map(|app| {
            [
                app.id.to_string(),
                app.account.to_string(),
                app.name.to_string(),
                time(app.created),
                app.last_used.map_or_else(|| "never".to_owned(), time),
            ]
        })
        .collect();
    print_table(["ID", "ACCOUNT", "NAME", "CREATED", "LAST USED"], &rows)
}

async fn delete(id: AppPasswordId, common: Common) -> Result<(), Failure> {
    let answer = common.data.call(Call::DeleteAppPassword { id }).await?;
    if common.output.json {
        return print_json(&answer);
    }
    let gone: AppPasswordView = read(answer)?;
    print(&format!(
        "application password {:?} of {} deleted\n",
        gone.name.as_str(),
        gone.account
    ))
}
