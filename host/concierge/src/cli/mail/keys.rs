//! `concierge mail dkim` and `dns`: the keys that mail is signed with, and what DNS is to say of a domain.

use clap::{Args, Subcommand, ValueEnum};

use super::Common;
use crate::admin::Call;
use crate::admin::mail_keys::{MailKey, MailKeys, MailRecords, NewMailKey};
use crate::cli::output::{print, print_json, print_table, read};
use crate::exit::Failure;

/// Make and list the keys that mail is signed with (DKIM).
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  concierge mail dkim create example.org
  concierge mail dkim create example.org --algorithm ed25519
  concierge mail dkim list
  concierge mail dkim remove example.org s202611-rsa")]
pub enum DkimCommand {
    /// List the keys
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Make a key, and print the record that DNS is to have: mail of the domain is signed with it from now on
    Create(CreateArgs),
    /// Delete a key: nothing is signed with it any more
    Remove(RemoveArgs),
}

/// How a key signs.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum KeyAlgorithm {
    /// RSA with 2,048 bits, which all servers verify
    Rsa,
    /// Ed25519 (RFC 8463), whose records are short; many servers do not verify it yet
    Ed25519,
}

#[derive(Debug, Args)]
pub struct CreateArgs {
    /// The domain whose mail is signed
    domain: String,
    /// How
    #[arg(long, value_enum, default_value = "rsa")]
    algorithm: KeyAlgorithm,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// The domain
    domain: String,
    /// The key's name, as the list has it
    selector: String,
    #[command(flatten)]
    common: Common,
}

impl DkimCommand {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { common } => list(&common).await,
            Self::Create(args) => args.run().await,
            Self::Remove(args) => {
                let call = Call::DeleteMailKey {
                    domain: args.domain,
                    selector: args.selector,
                };
                let answer = args.common.data.call(call).await?;
                match args.common.output.json {
                    true => print_json(&answer),
                    false => print("deleted; its record in DNS may go in a few days\n"),
                }
            }
        }
    }
}

async fn list(common: &Common) -> Result<(), Failure> {
    let MailKeys { keys } = read(common.data.call(Call::ListMailKeys).await?)?;
    if common.output.json {
        return print_json(&serde_json::json!({ "keys": keys }));
    }
    let row = |key: MailKey| [key.domain, key.selector, key.algorithm];
    let rows: Vec<_> = keys.into_iter().map(row).collect();
    print_table(["DOMAIN", "KEY", "ALGORITHM"], &rows)
}

impl CreateArgs {
    async fn run(self) -> Result<(), Failure> {
        let algorithm = match self.algorithm {
            KeyAlgorithm::Rsa => "rsa",
            KeyAlgorithm::Ed25519 => "ed25519",
        };
        let key = NewMailKey {
            domain: self.domain,
            algorithm: algorithm.to_owned(),
        };
        let answer = self.common.data.call(Call::CreateMailKey { key }).await?;
        if self.common.output.json {
            return print_json(&answer);
        }
        let key: MailKey = read(answer)?;
        print(&format!("{}\n", key.zone))
    }
}

/// Print what DNS is to say of a domain, and whether it does.
#[derive(Debug, Args)]
pub struct DnsArgs {
    /// The domain
    domain: String,
    #[command(flatten)]
    common: Common,
}

impl DnsArgs {
    pub async fn run(self) -> Result<(), Failure> {
        let call = Call::ShowMailRecords {
            domain: self.domain.clone(),
        };
        let records: MailRecords = read(self.common.data.call(call).await?)?;
        if self.common.output.json {
            return print_json(&serde_json::json!(records));
        }
        let mut text = String::new();
        for record in records.records {
            let found = match record.found.is_empty() {
                true => String::new(),
                false => format!(": {}", record.found.join(", ")),
            };
            text += &format!(
                "; {why}\n; {state}{found}\n{zone}\n\n",
                why = record.why,
                state = record.state,
                zone = record.zone,
            );
        }
        text += &format!(
            "; https://mta-sts.{}/.well-known/mta-sts.txt is to be:\n",
            self.domain
        );
        for line in records.sts_policy.lines() {
            text += &format!(";   {line}\n");
        }
        print(&text)
    }
}
