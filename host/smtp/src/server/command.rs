//! Commands: a line and what it asks for (RFC 5321 §4.1 and its extensions).

use std::borrow::Cow;

use smtp_proto::{
    AUTH_LOGIN, AUTH_PLAIN, Error, MAIL_BODY_8BITMIME, MAIL_BODY_BINARYMIME, MAIL_BY_NOTIFY,
    MAIL_BY_RETURN, MAIL_BY_TRACE, MAIL_CONPERM, MAIL_REQUIRETLS, MAIL_RET_FULL, MAIL_RET_HDRS,
    MAIL_SMTPUTF8, MailFrom, RCPT_CONNEG, RCPT_NOTIFY_DELAY, RCPT_NOTIFY_FAILURE,
    RCPT_NOTIFY_NEVER, RCPT_NOTIFY_SUCCESS, RCPT_RRVS_CONTINUE, RCPT_RRVS_REJECT, RcptTo, Request,
};

use crate::envelope::{BodyKind, Notify, Recipient, Return, Sender};
use crate::reply::{EnhancedCode, Reply};

/// How a client authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mechanism {
    /// RFC 4616.
    Plain,
    /// As many programs have it; nothing specifies it.
    Login,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Ehlo(String),
    Helo(String),
    Mail(Sender),
    Rcpt(Recipient),
    Data,
    Bdat { size_bytes: u64, is_last: bool },
    Auth(Mechanism, Option<String>),
    StartTls,
    Rset,
    Noop,
    Vrfy,
    Help,
    Quit,
}

/// Reads a line without its CRLF.
///
/// # Errors
/// The reply for what is no command here.
pub(super) fn parse(line: &[u8]) -> Result<Command, Reply> {
    if line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return Err(syntax("a bare CR, a bare LF or NUL in a command"));
    }
    let (line, orcpt) = take_orcpt(line);
    let mut terminated = line.into_owned();
    terminated.extend_from_slice(b"\r\n");
    let is_utf8 = std::str::from_utf8(&terminated).is_ok();
    if !is_utf8 {
        return Err(syntax("a command that is not UTF-8 (RFC 6531)"));
    }
    match Request::parse(&mut terminated.iter()).map_err(refusal)? {
        Request::Ehlo { host } => Ok(Command::Ehlo(hello(&host)?)),
        Request::Helo { host } => Ok(Command::Helo(hello(&host)?)),
        Request::Mail { from } => sender(from).map(Command::Mail),
        Request::Rcpt { to } => recipient(to, orcpt, &terminated).map(Command::Rcpt),
        Request::Data => Ok(Command::Data),
        Request::Bdat {
            chunk_size,
            is_last,
        } => Ok(Command::Bdat {
            size_bytes: chunk_size as u64,
            is_last,
        }),
        Request::Auth {
            mechanism,
            initial_response,
        } => auth(mechanism, &initial_response),
        Request::StartTls => Ok(Command::StartTls),
        Request::Rset => Ok(Command::Rset),
        Request::Noop { .. } => Ok(Command::Noop),
        Request::Vrfy { .. } => Ok(Command::Vrfy),
        Request::Help { .. } => Ok(Command::Help),
        Request::Quit => Ok(Command::Quit),
        Request::Expn { .. } | Request::Etrn { .. } | Request::Atrn { .. } => {
            Err(not_implemented())
        }
        Request::Lhlo { .. } | Request::Burl { .. } => Err(not_implemented()),
    }
}

/// 501: a command that is known, and not of its form.
fn syntax(why: &str) -> Reply {
    Reply::new(501, EnhancedCode(5, 5, 2), why)
}

fn not_implemented() -> Reply {
    Reply::new(
        502,
        EnhancedCode(5, 5, 1),
        "this command is not implemented",
    )
}

fn refusal(error: Error) -> Reply {
    match error {
        Error::InvalidSenderAddress => {
            Reply::new(553, EnhancedCode(5, 1, 7), "this is no sender's address")
        }
        Error::InvalidRecipientAddress => {
            Reply::new(553, EnhancedCode(5, 1, 3), "this is no address")
        }
        Error::SyntaxError { syntax: form } => syntax(&format!("not of the form {form}")),
        Error::InvalidParameter { param } => Reply::new(
            501,
            EnhancedCode(5, 5, 4),
            format!("the parameter {param} is not of its form"),
        ),
        Error::UnsupportedParameter { .. } => unsupported(),
        Error::UnknownCommand
        | Error::NeedsMoreData { .. }
        | Error::ResponseTooLong
        | Error::InvalidResponse { .. } => {
            Reply::new(500, EnhancedCode(5, 5, 2), "this command is not known")
        }
    }
}

fn unsupported() -> Reply {
    Reply::new(
        555,
        EnhancedCode(5, 5, 4),
        "a parameter that was not offered",
    )
}

/// The name in EHLO goes into trace headers and logs: nothing in it may end a line or begin another field. That it is a
/// name at all many clients do not care for (RFC 5321 §4.1.4: it is no reason to refuse).
fn hello(host: &str) -> Result<String, Reply> {
    let is_plain = |c: char| !c.is_control() && !c.is_whitespace();
    match host.chars().all(is_plain) {
        true => Ok(host.to_owned()),
        false => Err(syntax("this is no name of a host")),
    }
}

fn sender(from: MailFrom<Cow<'_, str>>) -> Result<Sender, Reply> {
    let flag = |flag: u64| from.flags & flag != 0;
    let not_offered = MAIL_BODY_BINARYMIME
        | MAIL_REQUIRETLS
        | MAIL_CONPERM
        | MAIL_BY_NOTIFY
        | MAIL_BY_RETURN
        | MAIL_BY_TRACE;
    let has_others = from.by != 0
        || from.hold_for != 0
        || from.hold_until != 0
        || from.mt_priority != 0
        || from.trans_id.is_some()
        || from.solicit.is_some()
        || from.mtrk.is_some();
    if flag(not_offered) || has_others {
        return Err(unsupported());
    }
    if from.address.ends_with('@') {
        return Err(refusal(Error::InvalidSenderAddress));
    }
    let smtputf8 = flag(MAIL_SMTPUTF8);
    if !smtputf8 && !from.address.is_ascii() {
        return Err(Reply::new(
            553,
            EnhancedCode(5, 6, 7),
            "an address beyond ASCII needs SMTPUTF8 (RFC 6531 §3.1)",
        ));
    }
    Ok(Sender {
        size_bytes: (from.size > 0).then_some(from.size as u64),
        body: match flag(MAIL_BODY_8BITMIME) {
            true => BodyKind::EightBitMime,
            false => BodyKind::SevenBit,
        },
        smtputf8,
        ret: match (flag(MAIL_RET_FULL), flag(MAIL_RET_HDRS)) {
            (true, _) => Some(Return::Full),
            (_, true) => Some(Return::Headers),
            _ => None,
        },
        envid: from.env_id.map(|id| printable(&id)).transpose()?,
        address: from.address.into_owned(),
    })
}

fn recipient(
    to: RcptTo<Cow<'_, str>>,
    orcpt: Option<String>,
    line: &[u8],
) -> Result<Recipient, Reply> {
    let flag = |flag: u64| to.flags & flag != 0;
    if flag(RCPT_CONNEG | RCPT_RRVS_REJECT | RCPT_RRVS_CONTINUE) || to.rrvs != 0 {
        return Err(unsupported());
    }
    let address = match &*to.address {
        // The parser gives nothing for both (RFC 5321 §4.5.1).
        "" if is_postmaster(line) => "postmaster".to_owned(),
        "" => {
            let why = "the null path is no recipient";
            return Err(Reply::new(553, EnhancedCode(5, 1, 3), why));
        }
        address if address.ends_with('@') => {
            return Err(refusal(Error::InvalidRecipientAddress));
        }
        address => address.to_owned(),
    };
    let asked = RCPT_NOTIFY_SUCCESS | RCPT_NOTIFY_FAILURE | RCPT_NOTIFY_DELAY;
    if flag(RCPT_NOTIFY_NEVER) && flag(asked) {
        return Err(syntax("NOTIFY=NEVER stands alone (RFC 3461 §4.1)"));
    }
    Ok(Recipient {
        address,
        notify: flag(asked | RCPT_NOTIFY_NEVER).then(|| Notify {
            success: flag(RCPT_NOTIFY_SUCCESS),
            failure: flag(RCPT_NOTIFY_FAILURE),
            delay: flag(RCPT_NOTIFY_DELAY),
        }),
        orcpt: orcpt.map(|orcpt| original(&orcpt)).transpose()?,
    })
}

fn is_postmaster(line: &[u8]) -> bool {
    let line = line.to_ascii_lowercase();
    memchr::memmem::find(&line, b"<postmaster>").is_some()
}

/// Takes ORCPT out of a RCPT, of which the parser knows one type of address alone; postfix sends others.
fn take_orcpt(line: &[u8]) -> (Cow<'_, [u8]>, Option<String>) {
    const NAME: &[u8] = b" orcpt=";
    let lower = line.to_ascii_lowercase();
    let is_rcpt = lower.starts_with(b"rcpt");
    let found = memchr::memmem::rfind(&lower, NAME).filter(|_| is_rcpt);
    let parts = found.and_then(|at| {
        let (before, rest) = line.split_at_checked(at)?;
        let value = rest.get(NAME.len()..)?;
        let end = memchr::memchr(b' ', value).unwrap_or(value.len());
        let (value, behind) = value.split_at_checked(end)?;
        Some(([before, behind].concat(), value.to_vec()))
    });
    match parts {
        Some((line, value)) => {
            let value = String::from_utf8_lossy(&value).into_owned();
            (line.into(), Some(value))
        }
        None => (line.into(), None),
    }
}

/// `TYPE;ADDRESS`, the address decoded from xtext (RFC 3461 §4.2); of the type `utf-8` it may have more than ASCII and forms
/// of its own (RFC 6533 §3), which stay.
fn original(orcpt: &str) -> Result<String, Reply> {
    let wrong = || syntax("ORCPT is not of the form TYPE;ADDRESS (RFC 3461 §4.2)");
    let (kind, address) = orcpt.split_once(';').ok_or_else(wrong)?;
    let is_kind = !kind.is_empty()
        && kind
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-'));
    let address = xtext(address).filter(|address| !address.is_empty());
    match (is_kind, address) {
        (true, Some(address)) => printable(&format!("{kind};{address}")),
        _ => Err(wrong()),
    }
}

/// Decodes xtext (RFC 3461 §4); `None`: it is none.
fn xtext(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => {
                let digits = [bytes.next()?, bytes.next()?];
                let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
                let digits = digits.iter().all(is_digit).then_some(digits)?;
                let digits = std::str::from_utf8(&digits).ok()?.to_owned();
                u8::from_str_radix(&digits, 16).ok()?
            }
            b'=' => return None,
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

/// What goes into reports: nothing in it may end a line.
fn printable(text: &str) -> Result<String, Reply> {
    match text.chars().any(char::is_control) {
        true => Err(syntax("a control character in a parameter")),
        false => Ok(text.to_owned()),
    }
}

fn auth(mechanism: u64, initial: &str) -> Result<Command, Reply> {
    let mechanism = match mechanism {
        AUTH_PLAIN => Mechanism::Plain,
        AUTH_LOGIN => Mechanism::Login,
        _ => {
            let why = "this mechanism was not offered";
            return Err(Reply::new(504, EnhancedCode(5, 5, 4), why));
        }
    };
    let initial = match initial {
        "" => None,
        // RFC 4954 §4: an empty response.
        "=" => Some(String::new()),
        initial => Some(initial.to_owned()),
    };
    Ok(Command::Auth(mechanism, initial))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(line: &str) -> Sender {
        match parse(line.as_bytes()) {
            Ok(Command::Mail(sender)) => sender,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn rcpt(line: &str) -> Recipient {
        match parse(line.as_bytes()) {
            Ok(Command::Rcpt(recipient)) => recipient,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn code(line: &str) -> u16 {
        match parse(line.as_bytes()) {
            Err(reply) => reply.code,
            Ok(command) => panic!("{line}: {command:?}"),
        }
    }

    #[test]
    fn senders_have_their_parameters() {
        let plain = mail("mail from:<ann@example.org>");
        assert_eq!(plain.address, "ann@example.org");
        assert_eq!(plain.size_bytes, None);
        assert_eq!(mail("MAIL FROM:<>").address, "");
        let full = mail(
            "MAIL FROM:<gäste@example.org> SIZE=1000 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb",
        );
        assert_eq!(full.size_bytes, Some(1_000));
        assert_eq!(full.body, BodyKind::EightBitMime);
        assert!(full.smtputf8);
        assert_eq!(full.ret, Some(Return::Headers));
        assert_eq!(full.envid.as_deref(), Some("a+b"));
    }

    #[test]
    fn recipients_have_their_parameters() {
        let plain = rcpt("RCPT TO:<ann@example.org>");
        assert_eq!((plain.notify, plain.orcpt), (None, None));
        assert_eq!(rcpt("RCPT TO:<Postmaster>").address, "postmaster");
        let told = rcpt("RCPT TO:<a@b.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+2By@b.example");
        let notify = told.notify.unwrap();
        assert_eq!(
            (notify.success, notify.failure, notify.delay),
            (true, false, true)
        );
        assert_eq!(told.orcpt.as_deref(), Some("rfc822;x+y@b.example"));
        let told = rcpt("RCPT TO:<a@b.example> ORCPT=utf-8;gäste@b.example NOTIFY=NEVER");
        assert_eq!(told.orcpt.as_deref(), Some("utf-8;gäste@b.example"));
        assert_eq!(told.notify, Some(Notify::default()));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, expected) in [
            ("", 500),
            ("TURN", 500),
            ("MAILX FROM:<a@b>", 500),
            ("EXPN list", 502),
            ("EHLO", 501),
            ("MAIL FROM:ann@example.org", 501),
            ("MAIL FROM:<ann@>", 553),
            ("MAIL FROM:<a@b.example> SIZE=x", 501),
            ("MAIL FROM:<a@b.example> BODY=BINARYMIME", 555),
            ("MAIL FROM:<a@b.example> HOLDFOR=10", 555),
            ("MAIL FROM:<a@b.example> COLOUR=red", 555),
            ("MAIL FROM:<ä@b.example>", 553),
            ("RCPT TO:<ann@>", 553),
            ("RCPT TO:<>", 553),
            ("RCPT TO:<a@b.example> NOTIFY=NEVER,SUCCESS", 501),
            ("RCPT TO:<a@b.example> ORCPT=rfc822", 501),
            ("RCPT TO:<a@b.example> ORCPT=rfc822;a+0Ab", 501),
            ("RCPT TO:<a@b.example> ORCPT=rfc822;a+zz", 501),
            ("AUTH CRAM-MD5", 504),
            ("BDAT x", 501),
            ("NOOP\r", 501),
            ("NOOP\nDATA", 501),
        ] {
            assert_eq!(code(line), expected, "{line:?}");
        }
        assert_eq!(parse(b"EHLO \xff").unwrap_err().code, 501);
    }
}
