//! Trace headers (RFC 5321 §4.4), and the fields of a message's header where they lie.

use std::ops::Range;

use bytes::Bytes;
use concierge_mail_message::make::date;
use concierge_smtp::server::Connection;

/// A field in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) value: &'a [u8],
    /// All of it, with its CRLF.
    pub(crate) range: Range<usize>,
}

impl Field<'_> {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// The fields of a message, in their order. Lines end with CRLF: SMTP lets nothing else in. A line of mbox before them is
/// none, and passed over, as readers do.
pub(crate) fn fields(message: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let is_mbox = [&b"From "[..], b">From "]
        .iter()
        .any(|start| message.starts_with(start));
    let mut at = if is_mbox { line_end(message) } else { 0 };
    std::iter::from_fn(move || {
        let rest = message.get(at..)?;
        let mut end = line_end(rest);
        let line = rest.get(..end)?;
        let colon = line.iter().position(|byte| *byte == b':')?;
        let is_name = |byte: &u8| matches!(byte, 33..=126);
        let name = line.get(..colon)?.trim_ascii_end();
        if name.is_empty() || !name.iter().all(is_name) {
            return None;
        }
        while matches!(rest.get(end), Some(b' ' | b'\t')) {
            end += line_end(rest.get(end..)?);
        }
        let range = at..at + end;
        at += end;
        let value = rest.get(colon + 1..end)?;
        Some(Field { name, value, range })
    })
}

fn line_end(bytes: &[u8]) -> usize {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    end.map_or(bytes.len(), |end| end + 1)
}

/// The message without the fields for which `is_out` holds; itself where there are none.
pub(crate) fn without(message: Bytes, is_out: impl Fn(&Field<'_>) -> bool) -> Bytes {
    let out: Vec<_> = fields(&message)
        .filter(|field| is_out(field))
        .map(|field| field.range)
        .collect();
    if out.is_empty() {
        return message;
    }
    let mut kept = Vec::with_capacity(message.len());
    let mut at = 0;
    for range in out {
        kept.extend_from_slice(message.get(at..range.start).unwrap_or_default());
        at = range.end;
    }
    kept.extend_from_slice(message.get(at..).unwrap_or_default());
    kept.into()
}

/// Whether a field says that a server of this name has authenticated the message (RFC 8601 §5): only we may say so.
pub(crate) fn claims_to_be_ours(field: &Field<'_>, host_name: &str) -> bool {
    if !field.is("Authentication-Results") {
        return false;
    }
    let value = without_comments(&String::from_utf8_lossy(field.value).to_lowercase());
    let before = value.split(';').next().unwrap_or_default();
    let first = before.split_whitespace().next().unwrap_or_default();
    first.trim_matches('"') == host_name.to_lowercase()
}

/// A structured field's value with a blank in the place of each comment (RFC 5322 §3.2.2).
fn without_comments(value: &str) -> String {
    let mut kept = String::new();
    let (mut depth, mut is_quoted) = (0_usize, false);
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let escaped = chars.next();
                kept.extend(escaped.filter(|_| depth == 0));
            }
            '"' if depth == 0 => {
                is_quoted = !is_quoted;
                kept.push(c);
            }
            '(' if !is_quoted => {
                depth += 1;
                kept.push(' ');
            }
            ')' if !is_quoted => depth = depth.saturating_sub(1),
            c if depth == 0 => kept.push(c),
            _ => {}
        }
    }
    kept
}

/// A word of a client's, as a trace header may have it.
fn plain(text: &str) -> String {
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    let plain: String = text
        .chars()
        .map(|c| if is_plain(c) { c } else { '?' })
        .collect();
    plain.chars().take(255).collect()
}

/// How the message came (RFC 3848, RFC 6531 §3.7.3).
fn protocol(connection: &Connection, smtputf8: bool) -> String {
    if !connection.is_extended {
        return "SMTP".to_owned();
    }
    let mut protocol = if smtputf8 { "UTF8SMTP" } else { "ESMTP" }.to_owned();
    if connection.tls.is_some() {
        protocol.push('S');
    }
    if connection.authenticated.is_some() {
        protocol.push('A');
    }
    protocol
}

/// The field that says from where and how a message came.
pub(crate) fn received(
    connection: &Connection,
    host_name: &str,
    id: &str,
    smtputf8: bool,
    only_recipient: Option<&str>,
    now_us: u64,
) -> String {
    let client = connection.peer.ip().to_canonical();
    let literal = match client {
        std::net::IpAddr::V4(address) => format!("[{address}]"),
        std::net::IpAddr::V6(address) => format!("[IPv6:{address}]"),
    };
    let hello = plain(&connection.hello);
    let mut field = format!("Received: from {hello} ({literal})\r\n");
    if let Some(tls) = &connection.tls {
        let (version, cipher) = (plain(&tls.version), plain(&tls.cipher));
        field += &format!("\t(using {version} with cipher {cipher})\r\n");
    }
    let protocol = protocol(connection, smtputf8);
    field += &format!("\tby {host_name} with {protocol} id {id}");
    // RFC 5321 §7.2: of several recipients none is told of the others.
    if let Some(recipient) = only_recipient.filter(|recipient| recipient.is_ascii()) {
        field += &format!("\r\n\tfor <{recipient}>");
    }
    field + &format!(";\r\n\t{}\r\n", date(now_us))
}

/// The field that final delivery adds (RFC 5321 §4.4).
pub(crate) fn return_path(sender: &str) -> String {
    format!("Return-Path: <{sender}>\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] =
        b"A: 1\r\nAuthentication-Results: mx.test; dkim=pass\r\n\tx\r\nB : 2\r\n\r\nC: 3\r\n";

    #[test]
    fn fields_are_where_they_lie() {
        let names: Vec<_> = fields(MESSAGE).map(|field| field.name.to_vec()).collect();
        assert_eq!(names, [&b"A"[..], b"Authentication-Results", b"B"]);
        assert_eq!(fields(b"From x\r\nA: 1\r\n\r\n").count(), 1);
        assert_eq!(fields(b"no field\r\n").count(), 0);
        assert_eq!(fields(b"").count(), 0);
    }

    #[test]
    fn what_others_claim_of_us_is_taken_out() {
        let kept = without(MESSAGE.into(), |field| claims_to_be_ours(field, "MX.test"));
        assert_eq!(&kept[..], b"A: 1\r\nB : 2\r\n\r\nC: 3\r\n");
        for other in [
            "Authentication-Results: mx.other.test; spf=pass\r\n\r\n",
            "X-Results: mx.test; spf=pass\r\n\r\n",
        ] {
            let kept = without(other.into(), |field| claims_to_be_ours(field, "mx.test"));
            assert_eq!(kept, other);
        }
        for forged in [
            "Authentication-Results: (comment) mx.test; spf=pass\r\n\r\n",
            "authentication-results:\r\n\tmx.test 1; spf=pass\r\n\r\n",
            "Authentication-Results: \"mx.test\"; spf=pass\r\n\r\n",
            "Authentication-Results: (x)mx.test; spf=pass\r\n\r\n",
            "Authentication-Results: mx.test(x); spf=pass\r\n\r\n",
            "Authentication-Results: (a;b(c)) mx.test; spf=pass\r\n\r\n",
        ] {
            let kept = without(forged.into(), |field| claims_to_be_ours(field, "mx.test"));
            assert_eq!(kept, "\r\n", "{forged}");
        }
    }
}
