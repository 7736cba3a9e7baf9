//! Writing header fields.

use super::{HEADER_MAX_BYTES, Refusal};

/// Where a line is folded if it can be (RFC 5322 §2.1.1).
const LINE_BYTES: usize = 78;

/// Longest line (RFC 5322 §2.1.1), without its line break.
const LINE_MAX_BYTES: usize = 998;

/// Longest name of a field, so that it and some of its value are in one line.
const NAME_MAX_BYTES: usize = 76;

/// A header as it grows.
#[derive(Default)]
pub(super) struct Header {
    out: Vec<u8>,
}

impl Header {
    /// Adds a field whose value is encoded already, folded at its blanks.
    pub(super) fn field(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let is_name = !name.is_empty()
            && name.len() <= NAME_MAX_BYTES
            && name
                .bytes()
                .all(|byte| matches!(byte, 33..=126) && byte != b':');
        if !is_name {
            return Err(Refusal::FieldName(name.to_owned()));
        }
        // RFC 5322 §2.2. A tab is a blank.
        if value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(Refusal::FieldControl(name.to_owned()));
        }
        if !value.is_ascii() {
            return Err(Refusal::FieldNotAscii(name.to_owned()));
        }
        if self.out.len() + name.len() + value.len() > HEADER_MAX_BYTES {
            return Err(Refusal::HeaderTooLarge);
        }
        self.fold(name, value)
    }

    /// A line ends before a blank, which begins the next: what is unfolded is what was given.
    fn fold(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b':');
        let value = value.trim_matches([' ', '\t']);
        let mut column = name.len() + 1;
        let mut is_first = true;
        for word in words(value) {
            let blank = usize::from(is_first);
            if !is_first && column + word.len() > LINE_BYTES {
                self.out.extend_from_slice(b"\r\n");
                column = 0;
            }
            if is_first {
                self.out.push(b' ');
            }
            self.out.extend_from_slice(word.as_bytes());
            column += blank + word.len();
            if column > LINE_MAX_BYTES {
                return Err(Refusal::FieldTooLong(name.to_owned()));
            }
            is_first = false;
        }
        self.out.extend_from_slice(b"\r\n");
        Ok(())
    }

    pub(super) fn finish(mut self, out: &mut Vec<u8>) {
        self.out.extend_from_slice(b"\r\n");
        out.append(&mut self.out);
    }
}

/// The words of a value, each with the blanks before it.
fn words(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = value;
    std::iter::from_fn(move || {
        let blanks = rest.find(|c| !matches!(c, ' ' | '\t'))?;
        let word = rest.get(blanks..)?;
        let length = word.find([' ', '\t']).unwrap_or(word.len());
        let (word, behind) = rest.split_at_checked(blanks + length)?;
        rest = behind;
        Some(word)
    })
}

/// A parameter as it stands behind a value: as a token or in quotes, or where that does not do, encoded (RFC 2231 §4)
/// and in pieces (§3).
pub(super) fn parameter(name: &str, value: &str, out: &mut String) {
    /// Octets of a piece, so that it fits in a line with its name.
    const PIECE_BYTES: usize = 50;
    let is_plain = value.len() <= PIECE_BYTES && value.bytes().all(|b| matches!(b, b' '..=b'~'));
    if is_plain {
        *out += &format!("; {name}={}", quoted(value));
        return;
    }
    let encoded = value.bytes().map(percent);
    let mut piece = "utf-8''".to_owned();
    let mut pieces = Vec::new();
    for octet in encoded {
        if piece.len() + octet.len() > PIECE_BYTES {
            pieces.push(std::mem::take(&mut piece));
        }
        piece += &octet;
    }
    if pieces.is_empty() {
        *out += &format!("; {name}*={piece}");
        return;
    }
    pieces.push(piece);
    for (number, piece) in pieces.iter().enumerate() {
        *out += &format!("; {name}*{number}*={piece}");
    }
}

fn quoted(value: &str) -> String {
    let is_token = !value.is_empty() && value.bytes().all(is_token_octet);
    if is_token {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// RFC 2045 §5.1.
pub(super) fn is_token_octet(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !b"()<>@,;:\\\"/[]?=".contains(&byte)
}

/// An octet of an encoded parameter (RFC 2231 §7: `attribute-char`, else in hexadecimal).
fn percent(byte: u8) -> String {
    if is_token_octet(byte) && !b"*'%".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Parameters;

    fn header(name: &str, value: &str) -> Result<String, Refusal> {
        let mut header = Header::default();
        header.field(name, value)?;
        Ok(String::from_utf8(header.out).unwrap())
    }

    #[test]
    fn long_values_are_folded_at_blanks() {
        let value = "<id@example.org>  ".repeat(20);
        let folded = header("References", &value).unwrap();
        assert!(folded.lines().all(|line| line.len() <= LINE_BYTES));
        let unfolded = folded.replace("\r\n", "");
        assert_eq!(unfolded, format!("References: {}", value.trim_end()));
    }

    #[test]
    fn an_empty_value_is_one() {
        assert_eq!(header("Subject", " ").unwrap(), "Subject:\r\n");
    }

    #[test]
    fn nobody_writes_fields_of_their_own() {
        for value in ["a\r\nBcc: x", "a\nb", "a\rb", "a\0b", "a\u{85}b", "a\x1bb"] {
            let refusal = header("Subject", value).unwrap_err();
            assert_eq!(refusal, Refusal::FieldControl("Subject".to_owned()));
        }
        for name in ["", "a b", "a:b", "a\r\nb", "ä", &"a".repeat(77)] {
            let refusal = header(name, "x").unwrap_err();
            assert_eq!(refusal, Refusal::FieldName(name.to_owned()));
        }
        assert_eq!(
            header("Subject", "ä").unwrap_err(),
            Refusal::FieldNotAscii("Subject".to_owned())
        );
        assert_eq!(
            header("Subject", &"a".repeat(999)).unwrap_err(),
            Refusal::FieldTooLong("Subject".to_owned())
        );
        assert_eq!(
            header("To", &"a ".repeat(HEADER_MAX_BYTES)).unwrap_err(),
            Refusal::HeaderTooLarge
        );
    }

    #[test]
    fn parameters_are_read_again() {
        let long = "Ein sehr langer Name für eine Datei, der nicht in eine Zeile paßt \"%*'.pdf";
        for name in [
            "a",
            "a b.txt",
            "\"quoted\\",
            "Köln.pdf",
            "文書.txt",
            long,
            "a\r\nb",
        ] {
            let mut value = "attachment".to_owned();
            parameter("filename", name, &mut value);
            let field = header("Content-Disposition", &value).unwrap();
            assert!(
                field.lines().all(|line| line.len() <= LINE_BYTES),
                "{field}"
            );
            let (_, value) = field.split_once(':').unwrap();
            let read = Parameters::read(value.as_bytes()).unwrap();
            assert_eq!(read.get("filename"), Some(name));
        }
    }
}
