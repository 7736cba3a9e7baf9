//! `concierge mail`.

mod export;
mod import;
mod incoming;
mod keys;
mod queue;
mod reindex;
mod rules;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use concierge_identity::AccountSelector;
use jiff::Timestamp;

use super::output::{print, print_json, print_table, read, time};
use super::{DataArgs, OutputArgs};
use crate::admin::mail::{
    DestroyedMail, MailAccountChange, MailAccountView, MailAccounts, MailSharing, RestoredMail,
};
use crate::admin::{Call, Needs};
use crate::config::ByteSize;
use crate::exit::Failure;

/// Manage mail.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  concierge mail account ann --address ann@example.org --address info@example.org
  concierge mail import ann archive.mbox ~/Maildir
  concierge mail export ann ./ann --format maildir
  concierge mail share ann bob --read-only
  concierge mail restore ann
  concierge mail queue list --failed")]
pub enum MailCommand {
    /// Give an account mail, or change its addresses and limits
    Account(AccountArgs),
    /// List the accounts with mail
    Accounts {
        #[command(flatten)]
        common: Common,
    },
    /// Let an account see the mail of another
    Share(ShareArgs),
    /// Import messages: mbox files, Maildirs, and trees of .eml files
    ///
    /// What a path is, is known by what is in it. A message that cannot be read is named with its reason, all
    /// others are taken, and the exit code is then 1. Line feeds become CRLF, as mail has them.
    Import(import::ImportArgs),
    /// Export all messages of an account
    Export(export::ExportArgs),
    /// Bring back messages that were destroyed within the last 30 days, or show them
    Restore(RestoreArgs),
    /// Make the search index anew from the messages
    ///
    /// Searches by text wait meanwhile; everything else goes on. An index that is damaged is made anew at the start
    /// by itself.
    Reindex(reindex::ReindexArgs),
    /// See and change what waits to be sent or was given up
    #[command(subcommand)]
    Queue(queue::QueueCommand),
    /// List what came in by SMTP and is not delivered yet
    Incoming {
        #[command(flatten)]
        common: Common,
    },
    /// Take nothing of a sender, a domain or a client's IP address
    #[command(subcommand)]
    Block(rules::BlockCommand),
    /// See and change how much is taken of whom within a minute
    #[command(subcommand)]
    Rate(rules::RateCommand),
    /// Send mail for an address on to others
    #[command(subcommand)]
    Forward(rules::ForwardCommand),
    /// Make and list the keys that mail is signed with (DKIM)
    #[command(subcommand)]
    Dkim(keys::DkimCommand),
    /// Print what DNS is to say of a domain, and whether it does
    Dns(keys::DnsArgs),
}

#[derive(Debug, Args)]
pub struct Common {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
pub struct AccountArgs {
    /// The account, by name or id
    account: AccountSelector,
    /// An address of it, the main one first; together they replace those that it has. `*@DOMAIN` is all of a domain
    #[arg(long = "address", value_name = "ADDRESS")]
    addresses: Vec<String>,
    /// How much its messages may take together; 10 GiB where it was never said
    #[arg(long, value_name = "SIZE")]
    size: Option<ByteSize>,
    /// How many messages it may have; 1000000 where it was never said
    #[arg(long, value_name = "NUMBER")]
    messages: Option<u64>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub struct ShareArgs {
    /// Whose mail, by name or id
    account: AccountSelector,
    /// Who may see it, by name or id
    with: AccountSelector,
    /// To read alone, and change nothing
    #[arg(long, conflicts_with = "stop")]
    read_only: bool,
    /// Take it back
    #[arg(long)]
    stop: bool,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// Whose mail, by name or id
    account: AccountSelector,
    /// Which messages; without any, those that can be brought back are shown with their ids
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    common: Common,
}

/// Files of mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A file for each mailbox, message behind message
    Mbox,
    /// A file for each message, with its keywords in the name (Maildir++)
    Maildir,
    /// A file for each message, a directory for each mailbox
    Eml,
}

impl MailCommand {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Account(args) => args.run().await,
            Self::Accounts { common } => accounts(common).await,
            Self::Share(args) => args.run().await,
            Self::Import(args) => args.run().await,
            Self::Export(args) => args.run().await,
            Self::Restore(args) => args.run().await,
            Self::Reindex(args) => args.run().await,
            Self::Queue(command) => command.run().await,
            Self::Incoming { common } => incoming::run(common).await,
            Self::Block(command) => command.run().await,
            Self::Rate(command) => command.run().await,
            Self::Forward(command) => command.run().await,
            Self::Dkim(command) => command.run().await,
            Self::Dns(args) => args.run().await,
        }
    }
}

impl AccountArgs {
    async fn run(self) -> Result<(), Failure> {
        let call = Call::PutMailAccount {
            account: self.account,
            change: MailAccountChange {
                addresses: self.addresses,
                emails_max: self.messages,
                octets_max: self.size.map(|size| size.0),
            },
        };
        let answer = self.common.data.call(call).await?;
        if self.common.output.json {
            return print_json(&answer);
        }
        let view: MailAccountView = read(answer)?;
        print(&format!(
            "{} has mail at {}\n",
            view.name,
            view.addresses.join(", ")
        ))
    }
}

async fn accounts(common: Common) -> Result<(), Failure> {
    let answer = common.data.call(Call::ListMailAccounts).await?;
    if common.output.json {
        return print_json(&answer);
    }
    let MailAccounts { accounts } = read(answer)?;
    let rows: Vec<_> = accounts
        .into_iter()
        .map(|account| {
            [
                account.name.to_string(),
                format!("{} of {}", account.emails, account.emails_max),
                format!(
                    "{} of {}",
                    ByteSize(account.octets),
                    ByteSize(account.octets_max)
                ),
                account.addresses.join(" "),
            ]
        })
        .collect();
    print_table(["ACCOUNT", "MESSAGES", "SIZE", "ADDRESSES"], &rows)
}

impl ShareArgs {
    async fn run(self) -> Result<(), Failure> {
        let (sharing, done) = match (self.stop, self.read_only) {
            (true, _) => (MailSharing::None, "may no longer see"),
            (false, true) => (MailSharing::Read, "may read"),
            (false, false) => (MailSharing::Write, "may read and change"),
        };
        let said = format!("{} {done} the mail of {}\n", self.with, self.account);
        let call = Call::ShareMail {
            account: self.account,
            with: self.with,
            sharing,
        };
        self.data.call(call).await?;
        print(&said)
    }
}

impl RestoreArgs {
    async fn run(self) -> Result<(), Failure> {
        let account = self.account;
        if self.ids.is_empty() {
            return destroyed(account, self.common).await;
        }
        let asked = self.ids.len() as u64;
        let session = self.common.data.session(Needs::MAIL).await?;
        let call = Call::RestoreMail {
            account,
            ids: self.ids,
        };
        let answer = session.run(call).await;
        session.close().await;
        let answer = answer?;
        if self.common.output.json {
            return print_json(&answer);
        }
        let RestoredMail { restored } = read(answer)?;
        print(&format!("brought back {restored} of {asked}\n"))?;
        match restored == asked {
            true => Ok(()),
            false => Err(Failure::failed("the others are not there any more")),
        }
    }
}

async fn destroyed(account: AccountSelector, common: Common) -> Result<(), Failure> {
    let answer = common
        .data
        .call(Call::ListDestroyedMail { account })
        .await?;
    if common.output.json {
        return print_json(&answer);
    }
    let DestroyedMail { messages } = read(answer)?;
    let rows: Vec<_> = messages
        .into_iter()
        .map(|message| {
            [
                message.id,
                at(message.destroyed_us),
                at(message.received_us),
                ByteSize(message.size).to_string(),
                message.subject,
            ]
        })
        .collect();
    print_table(["ID", "DESTROYED", "RECEIVED", "SIZE", "SUBJECT"], &rows)
}

/// A number of messages, for people.
fn counted(messages: u64) -> String {
    match messages {
        1 => "1 message".to_owned(),
        more => format!("{more} messages"),
    }
}

/// A time as people read it.
fn at(us: u64) -> String {
    let us = i64::try_from(us).unwrap_or(i64::MAX);
    Timestamp::from_microsecond(us).map_or_else(|_| "?".to_owned(), time)
}

/// What a path has, where it is not said.
fn format_of(path: &std::path::Path) -> Result<Format, Failure> {
    let failed = |error| Failure::usage(format!("{}: {error}", path.display()));
    let is_directory = path.metadata().map_err(failed)?.is_dir();
    let is_maildir = |path: &PathBuf| path.join("cur").is_dir() && path.join("new").is_dir();
    Ok(match is_directory {
        true if is_maildir(&path.to_owned()) => Format::Maildir,
        true => Format::Eml,
        false
            if path
                .extension()
                .is_some_and(|end| end.eq_ignore_ascii_case("eml")) =>
        {
            Format::Eml
        }
        false => Format::Mbox,
    })
}
