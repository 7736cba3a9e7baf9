//! `concierge token`.

use clap::{Args, Subcommand};
use concierge_identity::AccountSelector;

use super::output::{print, print_json, print_table, read, time};
use super::{DataArgs, OutputArgs};
use crate::admin::Call;
use crate::admin::views::{TokenView, Tokens};
use crate::exit::Failure;

/// Manage the tokens of bridges and edges elsewhere.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  concierge token create spin
  concierge token create reader --grant concierge:identity/sigv4 --grant concierge:objects/blobs
  concierge token create anns --account ann
  concierge token list --json
  concierge token delete reader

A token calls the interfaces that it is granted on the internal listener, and
nothing else there: no administration, no metrics.")]
pub enum TokenCommand {
    /// Make a token, which is shown this once
    Create {
        /// What to call it
        name: String,
        /// An interface that it may call, as PACKAGE/INTERFACE [default: all]
        #[arg(long = "grant", value_name = "INTERFACE")]
        grants: Vec<String>,
        /// An account that it may call for: a name or an id [default: all]
        #[arg(long = "account", value_name = "ACCOUNT")]
        accounts: Vec<AccountSelector>,
        #[command(flatten)]
        common: Common,
    },
    /// List tokens, without what is secret of them
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Delete a token; it is refused from then on
    Delete {
        /// What it is called
        name: String,
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

impl TokenCommand {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create {
                name,
                grants,
                accounts,
                common,
            } => {
                let call = Call::CreateToken {
                    name,
                    grants,
                    accounts,
                };
                let answer = common.data.call(call).await?;
                if common.output.json {
                    return print_json(&answer);
                }
                let token: TokenView = read(answer)?;
                // Alone in its line, for `$(…)`; what is for people is not.
                eprintln!("token {}; it is not shown again", token.name);
                print(&format!("{}\n", token.token.unwrap_or_default()))
            }
            Self::List { common } => list(common).await,
            Self::Delete { name, common } => {
                let answer = common.data.call(Call::DeleteToken { name }).await?;
                if common.output.json {
                    return print_json(&answer);
                }
                let token: TokenView = read(answer)?;
                print(&format!("token {} deleted\n", token.name))
            }
        }
    }
}

async fn list(common: Common) -> Result<(), Failure> {
    let answer = common.data.call(Call::ListTokens).await?;
    if common.output.json {
        return print_json(&answer);
    }
    let Tokens { tokens } = read(answer)?;
    let rows: Vec<_> = tokens
        .into_iter()
        .map(|token| {
            [
                token.name,
                time(token.created),
                token
                    .accounts
                    .map_or_else(|| "all".to_owned(), |accounts| accounts.join(",")),
                token.grants.join(","),
            ]
        })
        .collect();
    print_table(["NAME", "CREATED", "ACCOUNTS", "GRANTS"], &rows)
}
