//! `concierge mail export`.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use clap::Args;
use concierge_identity::AccountSelector;
use concierge_mail_message::mailboxes::{EmlWriter, LineBreaks, MaildirWriter, MboxWriter, Stored};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Format, counted};
use crate::admin::mail::{MailMessage, MailPage};
use crate::admin::{Call, Needs};
use crate::backend::Session;
use crate::cli::DataArgs;
use crate::cli::output::{print, read};
use crate::exit::Failure;

/// What the file of the inbox is called, which has no name of its own here.
const INBOX: &str = "Inbox";

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Whose mail, by name or id
    account: AccountSelector,
    /// The directory that takes it; made if need be, and else empty
    directory: PathBuf,
    /// As what files
    #[arg(long, value_enum, default_value_t = Format::Maildir)]
    format: Format,
    /// Write line feeds, as other programs here expect them, in place of CRLF
    #[arg(long)]
    unix: bool,
    #[command(flatten)]
    data: DataArgs,
}

impl ExportArgs {
    pub async fn run(self) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            Failure::failed(format!("{}: {error}", self.directory.display()))
        };
        fs::create_dir_all(&self.directory).map_err(failed)?;
        if fs::read_dir(&self.directory)
            .map_err(failed)?
            .next()
            .is_some()
        {
            return Err(Failure::usage(format!(
                "{} is not empty",
                self.directory.display()
            )));
        }
        let line_breaks = match self.unix {
            true => LineBreaks::Unix,
            false => LineBreaks::AsStored,
        };
        let writer = Writer::new(&self.directory, self.format, line_breaks);
        let session = self.data.session(Needs::MAIL).await?;
        let done = export(&session, &self.account, writer).await;
        session.close().await;
        let count = done?;
        print(&format!(
            "exported {} to {}\n",
            counted(count),
            self.directory.display()
        ))
    }
}

async fn export(
    session: &Session,
    account: &AccountSelector,
    mut writer: Writer,
) -> Result<u64, Failure> {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos} of {len}, {eta}") {
        bar.set_style(style);
    }
    let (mut after, mut count) = (None, 0);
    loop {
        let call = Call::ExportMail {
            account: account.clone(),
            after,
        };
        let page: MailPage = read(session.run(call).await?)?;
        bar.set_length(page.total);
        for message in page.messages {
            writer.write(message).map_err(Failure::failed)?;
            count += 1;
            bar.inc(1);
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    writer.finish().map_err(Failure::failed)?;
    bar.finish_and_clear();
    Ok(count)
}

/// Files of any format.
enum Writer {
    Maildir(MaildirWriter),
    Eml(EmlWriter),
    Mbox(Mboxes),
}

/// A file for each mailbox.
struct Mboxes {
    directory: PathBuf,
    line_breaks: LineBreaks,
    open: HashMap<Vec<String>, MboxWriter<BufWriter<File>>>,
}

impl Writer {
    fn new(directory: &Path, format: Format, line_breaks: LineBreaks) -> Self {
        match format {
            Format::Maildir => Self::Maildir(MaildirWriter::new(directory, line_breaks)),
            Format::Eml => Self::Eml(EmlWriter::new(directory, line_breaks)),
            Format::Mbox => Self::Mbox(Mboxes {
                directory: directory.to_owned(),
                line_breaks,
                open: HashMap::new(),
            }),
        }
    }

    fn write(&mut self, message: MailMessage) -> std::io::Result<()> {
        let stored = Stored {
            folder: message.mailbox,
            keywords: message.keywords,
            is_deleted: false,
            received_us: message.received_us,
            bytes: message.bytes,
        };
        match self {
            Self::Maildir(writer) => writer.write(&stored).map(drop),
            Self::Eml(writer) => writer.write(&stored).map(drop),
            Self::Mbox(writer) => writer.write(&stored),
        }
    }

    fn finish(self) -> std::io::Result<()> {
        match self {
            Self::Maildir(_) | Self::Eml(_) => Ok(()),
            Self::Mbox(mboxes) => mboxes
                .open
                .into_values()
                .try_for_each(|writer| writer.finish().map(drop)),
        }
    }
}

impl Mboxes {
    fn write(&mut self, message: &Stored) -> std::io::Result<()> {
        if !self.open.contains_key(&message.folder) {
            let file = File::create_new(self.directory.join(file_name(&message.folder)))?;
            let writer = MboxWriter::new(BufWriter::new(file), self.line_breaks);
            self.open.insert(message.folder.clone(), writer);
        }
        match self.open.get_mut(&message.folder) {
            Some(writer) => writer.write(message),
            None => Ok(()),
        }
    }
}

/// The file of a mailbox: its names with dots between them. What would lead elsewhere is an underscore.
fn file_name(folder: &[String]) -> String {
    let name = match folder.is_empty() {
        true => INBOX.to_owned(),
        false => folder.join("."),
    };
    let name: String = name
        .chars()
        .map(|c| match c.is_control() || matches!(c, '/' | '\\') {
            true => '_',
            false => c,
        })
        .collect();
    let name = match name.strip_prefix('.') {
        Some(rest) => format!("_{rest}"),
        None => name,
    };
    format!("{name}.mbox")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailboxes_are_files_that_lead_nowhere_else() {
        assert_eq!(file_name(&[]), "Inbox.mbox");
        let names = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            file_name(&names)
        };
        assert_eq!(names(&["Lists", "rust"]), "Lists.rust.mbox");
        assert_eq!(names(&["../x", "a/b"]), "_./x.a_b.mbox".replace("./", "._"));
        assert_eq!(names(&[".."]), "_..mbox");
    }
}
