//! `concierge mail import`.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use clap::Args;
use concierge_identity::AccountSelector;
use concierge_mail_message::mailboxes::{
    EmlReader, MaildirReader, MboxQuoting, MboxReader, ReadError, Stored,
};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Format, counted, format_of};
use crate::admin::booking::Imported;
use crate::admin::http::BODY_MAX_BYTES;
use crate::admin::mail::MailMessage;
use crate::admin::{Call, Needs};
use crate::backend::Session;
use crate::cli::DataArgs;
use crate::cli::output::{print, read};
use crate::exit::Failure;

/// Messages in one call.
const BATCH_MAX: usize = 200;
/// Bytes of messages in one call, unless one alone has more.
const BATCH_BYTES: usize = 4 * BODY_MAX_BYTES;

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Whose mail, by name or id
    account: AccountSelector,
    /// mbox files, Maildirs, trees of .eml files
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// What the paths are, where that is not plain to see
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The mailbox for messages that lie in none; slashes lead into mailboxes
    #[arg(long, value_name = "NAME", default_value = "Inbox")]
    mailbox: String,
    #[command(flatten)]
    data: DataArgs,
}

type Messages = Box<dyn Iterator<Item = Result<Stored, ReadError>> + Send>;

impl ImportArgs {
    pub async fn run(self) -> Result<(), Failure> {
        let session = self.data.session(Needs::MAIL).await?;
        let mut importer = Importer {
            session: &session,
            account: self.account,
            mailbox: self.mailbox.split('/').map(str::to_owned).collect(),
            bar: bar(),
            pending: Vec::new(),
            pending_bytes: 0,
            accepted: 0,
            rejected: 0,
        };
        let done = importer.paths(&self.paths, self.format).await;
        importer.bar.finish_and_clear();
        let (accepted, rejected) = (importer.accepted, importer.rejected);
        session.close().await;
        // What was taken before something failed is there.
        if accepted > 0 || done.is_ok() {
            print(&format!("imported {}\n", counted(accepted)))?;
        }
        done?;
        match rejected {
            0 => Ok(()),
            1 => Err(Failure::failed("1 message was rejected")),
            more => Err(Failure::failed(format!("{more} messages were rejected"))),
        }
    }
}

struct Importer<'a> {
    session: &'a Session,
    account: AccountSelector,
    mailbox: Vec<String>,
    bar: ProgressBar,
    /// Messages that wait, and what they are called.
    pending: Vec<(String, MailMessage)>,
    pending_bytes: usize,
    accepted: u64,
    rejected: u64,
}

impl Importer<'_> {
    async fn paths(&mut self, paths: &[PathBuf], format: Option<Format>) -> Result<(), Failure> {
        // Before anything is taken, so that a slip of the pen leaves nothing half done.
        for path in paths {
            path.metadata().map_err(|error| unreadable(path, &error))?;
        }
        for path in paths {
            self.bar.set_message(path.display().to_string());
            let messages = open(path, format)?;
            for (number, message) in (1_u64..).zip(messages) {
                match message {
                    Ok(message) if message.is_deleted => {}
                    Ok(message) => {
                        let name = format!("{}, message {number}", path.display());
                        self.add(name, message).await?;
                    }
                    Err(error) => self.reject(&error.to_string()),
                }
            }
        }
        self.flush().await
    }

    async fn add(&mut self, name: String, message: Stored) -> Result<(), Failure> {
        if self.pending_bytes + message.bytes.len() > BATCH_BYTES {
            self.flush().await?;
        }
        self.pending_bytes += message.bytes.len();
        let message = MailMessage {
            mailbox: match message.folder.is_empty() {
                true => self.mailbox.clone(),
                false => message.folder,
            },
            keywords: message.keywords,
            received_us: message.received_us,
            bytes: message.bytes,
        };
        self.pending.push((name, message));
        match self.pending.len() >= BATCH_MAX {
            true => self.flush().await,
            false => Ok(()),
        }
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        self.pending_bytes = 0;
        let (names, messages): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pending).into_iter().unzip();
        if messages.is_empty() {
            return Ok(());
        }
        let call = Call::ImportMail {
            account: self.account.clone(),
            messages,
        };
        let Imported { rejected } = read(self.session.run(call).await?)?;
        let accepted = names.len() - rejected.len();
        self.accepted += accepted as u64;
        self.bar.inc(accepted as u64);
        for rejection in rejected {
            let name = names.get(rejection.index).map_or("", String::as_str);
            self.reject(&format!("{name}: {}", rejection.reason));
        }
        Ok(())
    }

    fn reject(&mut self, why: &str) {
        self.rejected += 1;
        self.bar.suspend(|| eprintln!("{why}"));
    }
}

fn open(path: &Path, format: Option<Format>) -> Result<Messages, Failure> {
    let format = match format {
        Some(format) => format,
        None => format_of(path)?,
    };
    Ok(match format {
        Format::Maildir => Box::new(MaildirReader::new(path)),
        Format::Eml => Box::new(EmlReader::new(path)),
        Format::Mbox => {
            let file = File::open(path).map_err(|error| unreadable(path, &error))?;
            Box::new(MboxReader::new(
                BufReader::new(file),
                path.display().to_string(),
                MboxQuoting::default(),
            ))
        }
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("{}: {error}", path.display()))
}

/// How far it is; nothing where standard error is no terminal.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {pos} messages, {per_sec} {wide_msg}");
    let bar = ProgressBar::new_spinner();
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
