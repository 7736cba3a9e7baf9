//! `concierge mail block`, `rate` and `forward`: the rules for mail that comes in.

use clap::{Args, Subcommand, ValueEnum};
use concierge_mail_incoming::rules::RateOf;

use super::Common;
use crate::admin::Call;
use crate::admin::mail_incoming::{MailRules, RuleChange};
use crate::cli::output::{print, print_json, print_table, read};
use crate::exit::Failure;

/// Take nothing of a sender, a domain or a client's IP address.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  concierge mail block add spam.example
  concierge mail block add 203.0.113.7
  concierge mail block list
  concierge mail block remove spam.example")]
pub enum BlockCommand {
    /// List what is blocked
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Take nothing any more of a sender's address, of a domain and all below it, or of an IP address
    Add(WhatArgs),
    /// Take from there again
    Remove(WhatArgs),
}

#[derive(Debug, Args)]
pub struct WhatArgs {
    /// An address, a domain or an IP address
    what: String,
    #[command(flatten)]
    common: Common,
}

/// See and change how much is taken of whom within a minute.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  concierge mail rate list
  concierge mail rate set messages 100
  concierge mail rate set messages usual")]
pub enum RateCommand {
    /// List them
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Set one
    Set(RateArgs),
}

/// What is counted.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Counted {
    /// Connections of a client's address
    Connections,
    /// Messages of a client's address
    Messages,
    /// Recipients of a client's address
    Recipients,
    /// Messages of a sender's address, from wherever
    Senders,
    /// Recipients of one of our accounts
    AccountRecipients,
    /// Messages of one of our accounts
    AccountMessages,
}

#[derive(Debug, Args)]
pub struct RateArgs {
    /// What is counted
    of: Counted,
    /// So many a minute; 0 is all, `usual` what was there before
    #[arg(value_parser = count)]
    count: Count,
    #[command(flatten)]
    common: Common,
}

/// How many a minute.
#[derive(Debug, Clone, Copy)]
pub struct Count(Option<u32>);

fn count(text: &str) -> Result<Count, String> {
    match text {
        "usual" => Ok(Count(None)),
        text => match text.parse() {
            Ok(count) => Ok(Count(Some(count))),
            Err(_) => Err("neither a number nor `usual`".to_owned()),
        },
    }
}

/// Send mail for an address on to others.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
The sender's address becomes one of ours that finds the way back (SRS), so that the next server finds
us allowed to send it. Mail for the address is sent on in its place: name the address itself's account
among the targets to keep a copy under another address of it.

Examples:
  concierge mail forward set sales@example.org ann@elsewhere.example bob@example.org
  concierge mail forward list
  concierge mail forward remove sales@example.org")]
pub enum ForwardCommand {
    /// List whose mail is sent on
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Send mail for an address on, to these addresses and no others
    Set(ForwardArgs),
    /// Keep mail for an address here
    Remove(WhatArgs),
}

#[derive(Debug, Args)]
pub struct ForwardArgs {
    /// Mail for this address
    address: String,
    /// is sent on to these
    #[arg(required = true)]
    to: Vec<String>,
    #[command(flatten)]
    common: Common,
}

async fn rules(common: &Common) -> Result<MailRules, Failure> {
    read(common.data.call(Call::ListMailRules).await?)
}

/// Changes a rule, and says so.
async fn change(common: &Common, change: RuleChange, said: &str) -> Result<(), Failure> {
    let answer = common.data.call(Call::ChangeMailRules { change }).await?;
    match common.output.json {
        true => print_json(&answer),
        false => print(&format!("{said}\n")),
    }
}

impl BlockCommand {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { common } => {
                let blocked = rules(&common).await?.blocked;
                if common.output.json {
                    return print_json(&serde_json::json!({ "blocked": blocked }));
                }
                let rows: Vec<_> = blocked.into_iter().map(|one| [one]).collect();
                print_table(["BLOCKED"], &rows)
            }
            Self::Add(args) => {
                let said = format!("nothing is taken of {} any more", args.what);
                change(&args.common, RuleChange::Block(args.what), &said).await
            }
            Self::Remove(args) => {
                let said = format!("mail of {} is taken again", args.what);
                change(&args.common, RuleChange::Unblock(args.what), &said).await
            }
        }
    }
}

impl Counted {
    fn rate(self) -> RateOf {
        match self {
            Self::Connections => RateOf::Connections,
            Self::Messages => RateOf::Messages,
            Self::Recipients => RateOf::Recipients,
            Self::Senders => RateOf::Senders,
            Self::AccountRecipients => RateOf::AccountRecipients,
            Self::AccountMessages => RateOf::AccountMessages,
        }
    }
}

impl RateCommand {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { common } => {
                let rates = rules(&common).await?.per_minute;
                if common.output.json {
                    return print_json(&serde_json::json!({ "per_minute": rates }));
                }
                let rows: Vec<_> = rates
                    .into_iter()
                    .map(|(of, count)| {
                        let count = match count {
                            0 => "all".to_owned(),
                            count => count.to_string(),
                        };
                        [of.name().replace('_', "-"), count]
                    })
                    .collect();
                print_table(["OF", "A MINUTE"], &rows)
            }
            Self::Set(args) => {
                let of = args.of.rate();
                let count = args.count.0;
                change(&args.common, RuleChange::PerMinute { of, count }, "changed").await
            }
        }
    }
}

impl ForwardCommand {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { common } => {
                let forwards = rules(&common).await?.forwards;
                if common.output.json {
                    return print_json(&serde_json::json!({ "forwards": forwards }));
                }
                let rows: Vec<_> = forwards
                    .into_iter()
                    .map(|(address, to)| {
                        let to: Vec<_> = to.into_iter().collect();
                        [address, to.join(", ")]
                    })
                    .collect();
                print_table(["MAIL FOR", "IS SENT ON TO"], &rows)
            }
            Self::Set(args) => {
                let said = format!("mail for {} is sent on", args.address);
                let (address, to) = (args.address, args.to);
                change(&args.common, RuleChange::Forward { address, to }, &said).await
            }
            Self::Remove(args) => {
                let said = format!("mail for {} stays here", args.what);
                let (address, to) = (args.what, Vec::new());
                change(&args.common, RuleChange::Forward { address, to }, &said).await
            }
        }
    }
}
