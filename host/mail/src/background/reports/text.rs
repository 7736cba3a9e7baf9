//! A report as a message: `multipart/report` (RFC 6522) with a text for people, the status for programs (RFC 3464), and
//! what it is about.

use std::fmt::Write;

use concierge_mail_message::make::date;

use super::{Action, parameter};
use crate::background::Relayed;
use crate::store::Queued;
use crate::types::TimeUs;

/// Lines are folded behind so many bytes (RFC 5322 §2.1.1: 78).
const LINE_BYTES: usize = 74;
/// The longest word of a field, bytes: what is longer is cut, so that no line has more than 998 (RFC 5322 §2.1.1).
const WORD_MAX_BYTES: usize = 900;

/// What the report has of the message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Original {
    /// All.
    Whole(Vec<u8>),
    /// Its header, as far as it is not too long.
    Headers(Vec<u8>),
}

impl Original {
    /// The header of a message, of at most so many bytes: whole lines.
    pub(super) fn headers(message: &[u8], max_bytes: usize) -> Self {
        let mut headers = Vec::new();
        for line in message.split_inclusive(|byte| *byte == b'\n') {
            if line.trim_ascii().is_empty() || headers.len() + line.len() > max_bytes {
                break;
            }
            headers.extend_from_slice(line);
        }
        Self::Headers(headers)
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) | Self::Headers(bytes) => bytes,
        }
    }

    fn content_type(&self) -> &'static str {
        match (self, self.bytes().is_ascii()) {
            (Self::Whole(_), _) => "message/rfc822",
            (Self::Headers(_), true) => "text/rfc822-headers",
            // RFC 6533 §6.
            (Self::Headers(_), false) => "message/global-headers",
        }
    }
}

/// What is told to whom.
pub(super) struct Report<'a> {
    /// Of this server.
    pub(super) host_name: &'a str,
    pub(super) queued: &'a Queued,
    pub(super) relayed: &'a Relayed,
    pub(super) action: Action,
    pub(super) now_us: TimeUs,
}

impl Report<'_> {
    /// The message.
    pub(super) fn write(&self, id: &str, original: &Original) -> Vec<u8> {
        let boundary = format!("report-{:032x}", rand::random::<u128>());
        let encoding = if original.bytes().is_ascii() {
            "7bit"
        } else {
            "8bit"
        };
        let mut out = self.header(id, &boundary, encoding);
        let _ = write!(
            out,
            "--{boundary}\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n{text}\r\n\
             --{boundary}\r\nContent-Type: message/delivery-status\r\n\r\n{status}\r\n\
             --{boundary}\r\nContent-Type: {original}\r\n\
             Content-Transfer-Encoding: {encoding}\r\n\r\n",
            text = self.text(),
            status = self.status(),
            original = original.content_type(),
        );
        let mut out = out.into_bytes();
        out.extend_from_slice(original.bytes());
        out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        out
    }

    fn header(&self, id: &str, boundary: &str, encoding: &str) -> String {
        let host_name = self.host_name;
        let mut out = String::new();
        for (name, value) in [
            (
                "From",
                format!("Mail Delivery System <MAILER-DAEMON@{host_name}>"),
            ),
            ("To", format!("<{}>", self.queued.mail_from.email)),
            ("Subject", self.subject().to_owned()),
            ("Date", date(self.now_us)),
            ("Message-ID", format!("<{id}@{host_name}>")),
            // RFC 3834 §2: so that nobody answers it.
            ("Auto-Submitted", "auto-replied".to_owned()),
            ("MIME-Version", "1.0".to_owned()),
            (
                "Content-Type",
                format!("multipart/report; report-type=delivery-status; boundary=\"{boundary}\""),
            ),
            ("Content-Transfer-Encoding", encoding.to_owned()),
        ] {
            field(&mut out, name, &value);
        }
        out.push_str("\r\n");
        out
    }

    fn subject(&self) -> &'static str {
        match self.action {
            Action::Failed | Action::Expired => "Your message was not delivered",
            Action::Delayed { .. } => "Your message is delayed",
            Action::Delivered => "Your message was delivered",
            Action::Relayed => "Your message was passed on",
        }
    }

    /// For people.
    fn text(&self) -> String {
        let to = ascii(&self.queued.recipient.email);
        let mut out = format!("This is the mail system of {}.\r\n\r\n", self.host_name);
        let what = match self.action {
            Action::Failed => "could not be delivered. It will not be tried again.".to_owned(),
            Action::Expired => {
                "could not be delivered in all the time that it was tried, and is given up."
                    .to_owned()
            }
            Action::Delayed { until_us } => format!(
                "is not delivered yet. You need not send it again: it is tried until {}.",
                date(until_us)
            ),
            Action::Delivered => "was delivered.".to_owned(),
            Action::Relayed => {
                "was passed on to another server, which does not tell what becomes of it."
                    .to_owned()
            }
        };
        paragraph(&mut out, &format!("Your message to <{to}> {what}"));
        let said = ascii(&self.relayed.smtp_reply);
        match &self.relayed.remote {
            Some(remote) => {
                paragraph(&mut out, &format!("The server {} said:", ascii(remote)));
            }
            None => paragraph(&mut out, "What there is to say about it:"),
        }
        paragraph(&mut out, &said);
        out
    }

    /// For programs (RFC 3464 §2).
    fn status(&self) -> String {
        let Self {
            queued, relayed, ..
        } = self;
        let mut out = String::new();
        // RFC 3464 §2.2.1.
        if let Some(id) = parameter(&queued.mail_from, "ENVID") {
            field(&mut out, "Original-Envelope-Id", &ascii(id));
        }
        field(
            &mut out,
            "Reporting-MTA",
            &format!("dns; {}", self.host_name),
        );
        field(&mut out, "Arrival-Date", &date(queued.since_us));
        out.push_str("\r\n");
        if let Some((kind, address)) =
            parameter(&queued.recipient, "ORCPT").and_then(|orcpt| orcpt.split_once(';'))
        {
            let original = format!("{}; {}", ascii(kind), ascii(address));
            field(&mut out, "Original-Recipient", &original);
        }
        let recipient = &queued.recipient.email;
        let kind = if recipient.is_ascii() {
            "rfc822"
        } else {
            "utf-8"
        };
        field(
            &mut out,
            "Final-Recipient",
            &format!("{kind}; {}", ascii(recipient)),
        );
        field(&mut out, "Action", self.word());
        field(&mut out, "Status", &self.code());
        if let Some(remote) = &relayed.remote {
            field(&mut out, "Remote-MTA", &format!("dns; {}", ascii(remote)));
        }
        // RFC 3464 §2.3.6: `smtp` is for what a server said by SMTP.
        let kind = if relayed.remote.is_some() {
            "smtp"
        } else {
            "x-local"
        };
        let diagnostic = format!("{kind}; {}", ascii(&relayed.smtp_reply));
        field(&mut out, "Diagnostic-Code", &diagnostic);
        field(&mut out, "Last-Attempt-Date", &date(self.now_us));
        if let Action::Delayed { until_us } = self.action {
            field(&mut out, "Will-Retry-Until", &date(until_us));
        }
        out
    }

    /// The action (RFC 3464 §2.3.3).
    pub(super) fn word(&self) -> &'static str {
        match self.action {
            Action::Failed | Action::Expired => "failed",
            Action::Delayed { .. } => "delayed",
            Action::Delivered => "delivered",
            Action::Relayed => "relayed",
        }
    }

    /// The status code (RFC 3463): that of the answer, if it fits to the action.
    fn code(&self) -> String {
        let class = match self.action {
            Action::Failed => '5',
            // RFC 3463 §3.5, X.4.7: the time is over. What kept it was of the kind that passes.
            Action::Expired => return "4.4.7".to_owned(),
            Action::Delayed { .. } => '4',
            Action::Delivered | Action::Relayed => '2',
        };
        let said = self
            .relayed
            .smtp_reply
            .split(' ')
            .nth(1)
            .unwrap_or_default();
        match is_code(said) && said.starts_with(class) {
            true => said.to_owned(),
            false => format!("{class}.0.0"),
        }
    }
}

fn is_code(text: &str) -> bool {
    let numbers: Vec<_> = text.split('.').collect();
    let is_number =
        |text: &&str| (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    numbers.len() == 3 && numbers.iter().all(is_number)
}

/// Text of ASCII, without controls; other characters as `\x{HEX}` (RFC 6533 §3).
fn ascii(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            ' '..='~' => out.push(c),
            c if c.is_control() => out.push(' '),
            c => {
                let _ = write!(out, "\\x{{{:X}}}", u32::from(c));
            }
        }
    }
    out
}

/// Writes a field, folded.
fn field(out: &mut String, name: &str, value: &str) {
    let _ = write!(out, "{name}:");
    wrapped(out, name.len() + 1, value, "\r\n ", " ");
    out.push_str("\r\n");
}

/// Writes a paragraph, and an empty line behind it.
fn paragraph(out: &mut String, text: &str) {
    wrapped(out, 0, text, "\r\n", "");
    out.push_str("\r\n\r\n");
}

/// Writes words into lines; `first` stands before the first.
fn wrapped(out: &mut String, begun_bytes: usize, text: &str, line_end: &str, first: &str) {
    let mut line_bytes = begun_bytes;
    let mut before = first;
    for word in text.split_ascii_whitespace() {
        // Texts are ASCII here, but for addresses in To.
        let word = word
            .get(..word.floor_char_boundary(WORD_MAX_BYTES))
            .unwrap_or(word);
        if line_bytes > begun_bytes && line_bytes + word.len() > LINE_BYTES {
            before = line_end;
            line_bytes = 0;
        }
        out.push_str(before);
        out.push_str(word);
        line_bytes += 1 + word.len();
        before = " ";
    }
}
