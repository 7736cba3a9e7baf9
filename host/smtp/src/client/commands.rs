//! MAIL and RCPT as they are written (RFC 5321 §4.1.1.2 and §4.1.1.3), and what cannot be.

use std::fmt::Write;

use crate::envelope::{BodyKind, Notify, Recipient, Return, Sender};
use crate::reply::{EnhancedCode, Reply};

use super::extensions::Extensions;

/// The longest path that is sent, in octets: more than any that is valid (RFC 5321 §4.5.3.1.3 has 256), less than what
/// servers take for a line.
const PATH_MAX_BYTES: usize = 512;
/// The longest ENVID that is sent (RFC 3461 §5.4), in octets.
const ENVID_MAX_BYTES: usize = 100;
/// The longest ORCPT that is sent (RFC 3461 §5.4), in octets.
const ORCPT_MAX_BYTES: usize = 500;

/// Whether a path may stand between brackets: without controls, nor what would end it.
fn is_path(address: &str) -> bool {
    let mut quoted = false;
    let mut escaped = false;
    let fits = address.chars().all(|c| match c {
        _ if c.is_control() => false,
        _ if escaped => {
            escaped = false;
            true
        }
        '\\' if quoted => {
            escaped = true;
            true
        }
        '"' => {
            quoted = !quoted;
            true
        }
        ' ' | '<' | '>' => quoted,
        _ => true,
    });
    fits && !quoted && !escaped && address.len() <= PATH_MAX_BYTES
}

/// Why a server with these extensions cannot be given a message from this sender, whoever it is for.
pub(super) fn unfit_sender(sender: &Sender, offers: &Extensions) -> Option<Reply> {
    if !is_path(&sender.address) {
        let text = "the sender is no address";
        return Some(Reply::new(553, EnhancedCode(5, 1, 7), text));
    }
    if (sender.smtputf8 || !sender.address.is_ascii()) && !offers.smtputf8 {
        // RFC 6531 §3.2 and §4.2.
        let text = "the server does not take more than ASCII in addresses and headers (SMTPUTF8)";
        return Some(Reply::new(550, EnhancedCode(5, 6, 7), text));
    }
    match sender.body {
        BodyKind::SevenBit => {}
        BodyKind::EightBitMime if offers.eight_bit_mime => {}
        // RFC 6152 §3: else it would have to be converted.
        BodyKind::EightBitMime => {
            let text = "the server does not take messages of eight bits (8BITMIME)";
            return Some(Reply::new(554, EnhancedCode(5, 6, 3), text));
        }
        // RFC 3030 §3: only by BDAT, which is not spoken here.
        BodyKind::BinaryMime => {
            let text = "the message is binary, which cannot be sent";
            return Some(Reply::new(554, EnhancedCode(5, 6, 1), text));
        }
    }
    let limit = offers.size.filter(|limit| *limit > 0)?;
    let size_bytes = sender.size_bytes.filter(|size| *size > limit)?;
    // RFC 1870 §6.1.
    let text = format!("the message has {size_bytes} octets, the server takes {limit}");
    Some(Reply::new(552, EnhancedCode(5, 3, 4), text))
}

/// Why a recipient cannot be named to a server with these extensions.
pub(super) fn unfit_recipient(recipient: &Recipient, offers: &Extensions) -> Option<Reply> {
    if recipient.address.is_empty() || !is_path(&recipient.address) {
        let text = "the recipient is no address";
        return Some(Reply::new(553, EnhancedCode(5, 1, 3), text));
    }
    if !recipient.address.is_ascii() && !offers.smtputf8 {
        let text = "the server does not take more than ASCII in addresses (SMTPUTF8)";
        return Some(Reply::new(550, EnhancedCode(5, 6, 7), text));
    }
    None
}

/// `MAIL FROM:<…>` with the parameters that the server offers to take.
pub(super) fn mail(sender: &Sender, needs_utf8: bool, offers: &Extensions) -> String {
    let mut line = format!("MAIL FROM:<{}>", sender.address);
    let mut add = |parameter: String| {
        line.push(' ');
        line.push_str(&parameter);
    };
    if let (Some(size_bytes), Some(_)) = (sender.size_bytes, offers.size) {
        add(format!("SIZE={size_bytes}"));
    }
    if sender.body == BodyKind::EightBitMime {
        add("BODY=8BITMIME".to_owned());
    }
    if needs_utf8 || sender.smtputf8 {
        add("SMTPUTF8".to_owned());
    }
    if offers.dsn {
        match sender.ret {
            Some(Return::Full) => add("RET=FULL".to_owned()),
            Some(Return::Headers) => add("RET=HDRS".to_owned()),
            None => {}
        }
        let envid = sender.envid.as_deref().and_then(xtext);
        if let Some(envid) = envid.filter(|envid| envid.len() <= ENVID_MAX_BYTES) {
            add(format!("ENVID={envid}"));
        }
    }
    line.push_str("\r\n");
    line
}

/// `RCPT TO:<…>` with the parameters that the server offers to take.
pub(super) fn recipient(recipient: &Recipient, offers: &Extensions) -> String {
    let mut line = format!("RCPT TO:<{}>", recipient.address);
    if offers.dsn {
        if let Some(notify) = recipient.notify {
            line.push_str(" NOTIFY=");
            line.push_str(&notify_words(notify));
        }
        let orcpt = recipient.orcpt.as_deref().and_then(original_recipient);
        if let Some(orcpt) = orcpt.filter(|orcpt| orcpt.len() <= ORCPT_MAX_BYTES) {
            line.push_str(" ORCPT=");
            line.push_str(&orcpt);
        }
    }
    line.push_str("\r\n");
    line
}

/// RFC 3461 §4.1.
fn notify_words(notify: Notify) -> String {
    let words = [
        (notify.success, "SUCCESS"),
        (notify.failure, "FAILURE"),
        (notify.delay, "DELAY"),
    ];
    let words = words.iter().filter(|(is_asked, _)| *is_asked);
    let words: Vec<_> = words.map(|(_, word)| *word).collect();
    match words.is_empty() {
        true => "NEVER".to_owned(),
        false => words.join(","),
    }
}

/// `TYPE;ADDRESS` with the address in xtext (RFC 3461 §4.2); `None` where it is not one that may be sent.
fn original_recipient(orcpt: &str) -> Option<String> {
    let (kind, address) = orcpt.split_once(';')?;
    let is_atom = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let fits = !kind.is_empty() && kind.chars().all(is_atom);
    fits.then(|| Some(format!("{kind};{}", xtext(address)?)))?
}

/// xtext (RFC 3461 §4); `None` for what is not ASCII, of which it has no form (RFC 6533 has another, which few know).
fn xtext(text: &str) -> Option<String> {
    if !text.is_ascii() {
        return None;
    }
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet {
            b'!'..=b'~' if octet != b'+' && octet != b'=' => encoded.push(char::from(octet)),
            _ => write!(encoded, "+{octet:02X}").ok()?,
        }
    }
    Some(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Extensions {
        Extensions {
            dsn: true,
            size: Some(1000),
            smtputf8: true,
            eight_bit_mime: true,
            ..Extensions::default()
        }
    }

    #[test]
    fn parameters_are_those_that_are_offered() {
        let sender = Sender {
            address: "ann@a.example".to_owned(),
            size_bytes: Some(7),
            ret: Some(Return::Headers),
            envid: Some("a+b =c".to_owned()),
            ..Sender::default()
        };
        assert_eq!(
            mail(&sender, true, &all()),
            "MAIL FROM:<ann@a.example> SIZE=7 SMTPUTF8 RET=HDRS ENVID=a+2Bb+20+3Dc\r\n"
        );
        let none = Extensions::default();
        assert_eq!(mail(&sender, false, &none), "MAIL FROM:<ann@a.example>\r\n");
        let to = Recipient {
            address: "bob@b.example".to_owned(),
            notify: Some(Notify::default()),
            orcpt: Some("rfc822;Bob+x@b.example".to_owned()),
        };
        assert_eq!(
            recipient(&to, &all()),
            "RCPT TO:<bob@b.example> NOTIFY=NEVER ORCPT=rfc822;Bob+2Bx@b.example\r\n"
        );
        assert_eq!(recipient(&to, &none), "RCPT TO:<bob@b.example>\r\n");
        let odd = Recipient {
            orcpt: Some("rfc822 x;a\r\nDATA".to_owned()),
            notify: Some(Notify {
                success: true,
                failure: false,
                delay: true,
            }),
            ..to
        };
        assert_eq!(
            recipient(&odd, &all()),
            "RCPT TO:<bob@b.example> NOTIFY=SUCCESS,DELAY\r\n"
        );
    }

    #[test]
    fn what_would_end_a_command_is_no_address() {
        for good in [
            "",
            "a@b.example",
            "\"a > b\"@c.example",
            "ä@b.example",
            "\"\\\"\"@a",
        ] {
            assert!(is_path(good), "{good}");
        }
        for bad in [
            "a\r\nDATA",
            "a@b>",
            "a b@c",
            "\"a@b",
            "a\u{0}",
            "\"\\\"@a",
            "\"a\n\"@b",
        ] {
            assert!(!is_path(bad), "{bad}");
        }
        assert!(!is_path(&"a".repeat(PATH_MAX_BYTES + 1)));
    }

    #[test]
    fn what_a_server_does_not_take_is_not_sent() {
        let code = |sender: Sender, offers: &Extensions| {
            unfit_sender(&sender, offers).map(|reply| (reply.code, reply.enhanced))
        };
        let none = Extensions::default();
        let eight = || Sender {
            body: BodyKind::EightBitMime,
            ..Sender::default()
        };
        assert_eq!(code(Sender::default(), &none), None);
        assert_eq!(
            code(eight(), &none),
            Some((554, Some(EnhancedCode(5, 6, 3))))
        );
        assert_eq!(code(eight(), &all()), None);
        let large = Sender {
            size_bytes: Some(1001),
            ..Sender::default()
        };
        assert_eq!(
            code(large.clone(), &all()),
            Some((552, Some(EnhancedCode(5, 3, 4))))
        );
        assert_eq!(code(large, &none), None);
        let utf8 = Sender {
            smtputf8: true,
            ..Sender::default()
        };
        assert_eq!(code(utf8, &none), Some((550, Some(EnhancedCode(5, 6, 7)))));
    }
}
