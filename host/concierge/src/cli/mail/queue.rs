//! `concierge mail queue`: what waits to be sent, and what was given up.

use clap::{Args, Subcommand};
use concierge_identity::AccountSelector;

use super::{Common, at};
use crate::admin::Call;
use crate::admin::mail_queue::{MailQueue, QueueAction, QueueChanged, QueuedMail, QueuedState};
use crate::cli::output::{print, print_json, print_table, read};
use crate::exit::Failure;

/// See and change what waits to be sent or was given up.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  concierge mail queue list --failed
  concierge mail queue show ann 0190b1e7c0de70008000000000000001
  concierge mail queue retry ann 0190b1e7c0de70008000000000000001
  concierge mail queue drop ann 0190b1e7c0de70008000000000000001 bob@example.org")]
pub enum QueueCommand {
    /// List what waits and what was given up, oldest first
    List(ListArgs),
    /// Show a message with its recipients and what their servers said
    Show(ShowArgs),
    /// Have a message that waits or was given up tried now
    Retry(ChangeArgs),
    /// Give a message up for good: it is not sent
    Drop(ChangeArgs),
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// What was given up alone
    #[arg(long, conflicts_with = "waiting")]
    failed: bool,
    /// What is still to be sent alone
    #[arg(long)]
    waiting: bool,
    /// Messages of one account, by name or id
    #[arg(long)]
    account: Option<AccountSelector>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Whose message, by name or id
    account: AccountSelector,
    /// Its id, as the list has it
    id: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub struct ChangeArgs {
    /// Whose message, by name or id
    account: AccountSelector,
    /// Its id, as the list has it
    id: String,
    /// To one recipient alone
    recipient: Option<String>,
    #[command(flatten)]
    common: Common,
}

impl QueueCommand {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(args) => args.run().await,
            Self::Show(args) => args.run().await,
            Self::Retry(args) => args.run(QueueAction::Retry, "to be tried now").await,
            Self::Drop(args) => args.run(QueueAction::Drop, "dropped").await,
        }
    }
}

impl ListArgs {
    async fn run(self) -> Result<(), Failure> {
        let call = Call::ListMailQueue {
            account: self.account,
        };
        let mut queue: MailQueue = read(self.common.data.call(call).await?)?;
        queue.entries.retain(|entry| match entry.state {
            QueuedState::Failed => !self.waiting,
            QueuedState::Waiting | QueuedState::Sending => !self.failed,
        });
        if self.common.output.json {
            return print_json(&serde_json::json!(queue));
        }
        let rows: Vec<_> = queue.entries.into_iter().map(row).collect();
        print_table(
            ["ID", "ACCOUNT", "TO", "STATE", "TRIES", "LAST ANSWER"],
            &rows,
        )
    }
}

fn row(entry: QueuedMail) -> [String; 6] {
    let state = state(&entry);
    [
        entry.id,
        entry.account,
        entry.recipient,
        state,
        entry.tries.to_string(),
        entry.smtp_reply,
    ]
}

fn state(entry: &QueuedMail) -> String {
    match entry.state {
        QueuedState::Waiting => format!("next try {}", at(entry.at_us)),
        QueuedState::Sending => "being sent".to_owned(),
        QueuedState::Failed => format!("given up {}", at(entry.at_us)),
    }
}

impl ShowArgs {
    async fn run(self) -> Result<(), Failure> {
        let call = Call::ShowQueuedMail {
            account: self.account,
            id: self.id,
        };
        let queue: MailQueue = read(self.common.data.call(call).await?)?;
        let Some(first) = queue.entries.first() else {
            return Err(Failure::failed("there is no such message in the queue"));
        };
        if self.common.output.json {
            return print_json(&serde_json::json!(queue.entries));
        }
        let sender = match first.mail_from.as_str() {
            "" => "<>",
            sender => sender,
        };
        let mut text = format!(
            "id       {}\naccount  {}\nfrom     {sender}\nsince    {}\n",
            first.id,
            first.account,
            at(first.since_us)
        );
        for entry in &queue.entries {
            let state = state(entry);
            text += &format!("\nto       {}\n", entry.recipient);
            text += &format!("state    {state}, tried {} times\n", entry.tries);
            text += &format!("answer   {}\n", entry.smtp_reply);
        }
        print(&text)
    }
}

impl ChangeArgs {
    async fn run(self, action: QueueAction, done: &str) -> Result<(), Failure> {
        let call = Call::ChangeMailQueue {
            account: self.account,
            id: self.id,
            recipient: self.recipient,
            action,
        };
        let answer = self.common.data.call(call).await?;
        if self.common.output.json {
            return print_json(&answer);
        }
        let QueueChanged { changed } = read(answer)?;
        match changed {
            1 => print(&format!("{done}, for 1 recipient\n")),
            changed => print(&format!("{done}, for {changed} recipients\n")),
        }
    }
}
