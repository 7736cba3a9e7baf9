//! `concierge account`.

use clap::{Args, Subcommand};
use concierge_identity::{AccountName, AccountSelector, Password, Role};
use serde_json::json;

use super::output::{print, print_json, print_table, read, time};
use super::password_input::new_password;
use super::{DataArgs, OutputArgs};
use crate::admin::Call;
use crate::admin::views::{AccountView, Accounts};
use crate::exit::Failure;

/// Manage accounts.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  concierge account create ann
  concierge account create ops --role administrator
  concierge account create desk --role staff
  concierge account password ann
  concierge account password ann --generate
  concierge account disable ann
  concierge account list --json")]
pub enum AccountCommand {
    /// Make an account
    Create {
        /// Its name: a-z, 0-9, '.', '_', '-', '+' and '@'
        name: AccountName,
        /// What it may do: administrator (everything), staff (what is its own, and
        /// the work of hotels that list it) or user (what is its own)
        #[arg(long, default_value_t = Role::User)]
        role: Role,
        #[command(flatten)]
        common: Common,
    },
    /// List all accounts
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Give an account a password, in place of the one that it has
    ///
    /// It is asked for on a terminal, and else read from standard input: its first line.
    Password {
        /// Make up a password and show it, this once
        #[arg(long)]
        generate: bool,
        #[command(flatten)]
        which: Which,
    },
    /// Refuse everything an account and its keys ask for, until it is enabled
    Disable {
        #[command(flatten)]
        which: Which,
    },
    /// Let a disabled account in again
    Enable {
        #[command(flatten)]
        which: Which,
    },
    /// Delete an account that owns no bucket and has no mail, its keys and its passwords
    Delete {
        #[command(flatten)]
        which: Which,
    },
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
    /// Its name or id
    account: AccountSelector,
    #[command(flatten)]
    common: Common,
}

impl AccountCommand {
    pub async fn run(self) -> Result<(), Failure> {
        let (call, common, done) = match self {
            Self::Create { name, role, common } => {
                (Call::CreateAccount { name, role }, common, "made")
            }
            Self::List { common } => return list(common).await,
            Self::Password { generate, which } => return set_password(which, generate).await,
            Self::Disable { which } => {
                (set_disabled(which.account, true), which.common, "disabled")
            }
            Self::Enable { which } => (set_disabled(which.account, false), which.common, "enabled"),
            Self::Delete { which } => (
                Call::DeleteAccount {
                    account: which.account,
                },
                which.common,
                "deleted",
            ),
        };
        let answer = common.data.call(call).await?;
        if common.output.json {
            return print_json(&answer);
        }
        let account: AccountView = read(answer)?;
        print(&format!(
            "account {} {done} (id {}, {})\n",
            account.name, account.id, account.role
        ))
    }
}

fn set_disabled(account: AccountSelector, disabled: bool) -> Call {
    Call::SetAccountDisabled { account, disabled }
}

async fn set_password(which: Which, generate: bool) -> Result<(), Failure> {
    let password = match generate {
        true => Password::generate().map_err(Failure::failed)?,
        false => new_password().await?,
    };
    let call = Call::SetPassword {
        account: which.account,
        password: password.clone(),
    };
    let mut answer = which.common.data.call(call).await?;
    if which.common.output.json {
        if generate {
            answer["password"] = json!(password.expose());
        }
        return print_json(&answer);
    }
    let account: AccountView = read(answer)?;
    print(&format!("account {} has a new password\n", account.name))?;
    match generate {
        true => print(&format!(
            "it is not shown again\npassword  {}\n",
            password.expose()
        )),
        false => Ok(()),
    }
}

async fn list(common: Common) -> Result<(), Failure> {
    let answer = common.data.call(Call::ListAccounts).await?;
    if common.output.json {
        return print_json(&answer);
    }
    let Accounts { accounts } = read(answer)?;
    let rows: Vec<_> = accounts
        .into_iter()
        .map(|account| {
            [
                account.name.to_string(),
                account.role.to_string(),
                if account.disabled {
                    "disabled"
                } else {
                    "active"
                }
                .to_owned(),
                time(account.created),
                account.id.to_string(),
            ]
        })
        .collect();
    print_table(["NAME", "ROLE", "STATE", "CREATED", "ID"], &rows)
}
