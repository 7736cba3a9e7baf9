//! Where a header ends, and which fields it has.

use std::ops::Range;

use crate::bytes::{head, line_end, part, without_break};
use crate::header::Field;
use crate::limits::{FIELD_MAX_BYTES, FIELDS_MAX, FIELDS_MAX_BYTES};

/// Where a header is, and where what follows it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) header: Range<usize>,
    pub(crate) body: usize,
}

impl Block {
    /// Finds the header that begins at `start`. It ends with an empty line, with a line for which `is_end` holds, or
    /// with a line that is no field: then that line is the first of the body, so that nothing of a damaged
    /// message is lost.
    pub(crate) fn find(bytes: &[u8], start: usize, is_end: impl Fn(&[u8]) -> bool) -> Self {
        let mut at = start;
        while at < bytes.len() {
            let end = line_end(bytes, at);
            let line = part(bytes, at..end);
            if without_break(line).is_empty() {
                return Self {
                    header: start..at,
                    body: end,
                };
            }
            let is_first = at == start;
            let goes_on = if is_blank_start(line) {
                !is_first
            } else {
                name_end(line).is_some() || (is_first && is_envelope(line))
            };
            if is_end(line) || !goes_on {
                break;
            }
            at = end;
        }
        Self {
            header: start..at,
            body: at,
        }
    }
}

/// A line that mbox puts before a message, and that sometimes stays there.
fn is_envelope(line: &[u8]) -> bool {
    line.strip_prefix(b">")
        .unwrap_or(line)
        .starts_with(b"From ")
}

/// Whether a line continues the field before it (RFC 5322 §2.2.3).
fn is_blank_start(line: &[u8]) -> bool {
    matches!(line.first(), Some(b' ' | b'\t'))
}

/// Where the colon of a field is. Blanks before it are obsolete and met (RFC 5322 §4.5).
fn name_end(line: &[u8]) -> Option<usize> {
    let colon = memchr::memchr(b':', line)?;
    let name = part(line, 0..colon).trim_ascii_end();
    let is_name = !name.is_empty() && name.iter().all(|byte| matches!(byte, 33..=126));
    is_name.then_some(colon)
}

/// A field where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawField<'a> {
    pub(crate) name: &'a [u8],
    /// From behind the colon, folds and all, without the last line break.
    pub(crate) value: &'a [u8],
}

impl RawField<'_> {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// As it is told of, its value at most [`FIELD_MAX_BYTES`].
    pub(crate) fn told(&self) -> Field {
        Field {
            name: String::from_utf8_lossy(self.name).into_owned(),
            value: String::from_utf8_lossy(head(self.value, FIELD_MAX_BYTES)).into_owned(),
        }
    }
}

/// The fields of a header, in their order.
pub(crate) struct Fields<'a> {
    header: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(header: &'a [u8]) -> Self {
        Self { header, at: 0 }
    }

    /// As they are told of, within the limits.
    pub(crate) fn told(self) -> Vec<Field> {
        let mut left_bytes = FIELDS_MAX_BYTES;
        let mut fields = Vec::new();
        for field in self.take(FIELDS_MAX) {
            let Some(left) = left_bytes.checked_sub(field.name.len() + field.value.len()) else {
                break;
            };
            left_bytes = left;
            fields.push(field.told());
        }
        fields
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = RawField<'a>;

    fn next(&mut self) -> Option<RawField<'a>> {
        while self.at < self.header.len() {
            let start = self.at;
            let first_end = line_end(self.header, start);
            self.at = first_end;
            while is_blank_start(part(self.header, self.at..self.header.len())) {
                self.at = line_end(self.header, self.at);
            }
            let Some(colon) = name_end(part(self.header, start..first_end)) else {
                continue;
            };
            return Some(RawField {
                name: part(self.header, start..start + colon).trim_ascii_end(),
                value: without_break(part(self.header, start + colon + 1..self.at)),
            });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(message: &[u8]) -> (Vec<Field>, Vec<u8>) {
        let block = Block::find(message, 0, |_| false);
        let header = part(message, block.header);
        (
            Fields::of(header).told(),
            part(message, block.body..message.len()).to_vec(),
        )
    }

    fn field(name: &str, value: &str) -> Field {
        Field {
            name: name.to_owned(),
            value: value.to_owned(),
        }
    }

    #[test]
    fn fields_keep_their_folds() {
        let (fields, body) = fields(b"A: 1\r\n 2\r\nb :3\r\n\r\nbody");
        assert_eq!(fields, [field("A", " 1\r\n 2"), field("b", "3")]);
        assert_eq!(body, b"body");
    }

    #[test]
    fn bare_line_feeds_are_line_breaks() {
        let (fields, body) = fields(b"A: 1\n\t2\nB: 3\n\nbody");
        assert_eq!(fields, [field("A", " 1\n\t2"), field("B", " 3")]);
        assert_eq!(body, b"body");
    }

    #[test]
    fn a_line_that_is_no_field_begins_the_body() {
        let (fields, body) = fields(b"A: 1\r\nHello there\r\nB: 2\r\n\r\nbody");
        assert_eq!(fields, [field("A", " 1")]);
        assert_eq!(body, b"Hello there\r\nB: 2\r\n\r\nbody");
    }

    #[test]
    fn a_line_of_mbox_is_no_field() {
        let (fields, body) = fields(b"From a@b Thu Jan  1 00:00:00 1970\nA: 1\n\nx");
        assert_eq!(fields, [field("A", " 1")]);
        assert_eq!(body, b"x");
    }

    #[test]
    fn a_message_without_header_is_all_body() {
        let (fields, body) = fields(b"Hello\n\nthere");
        assert_eq!(fields, []);
        assert_eq!(body, b"Hello\n\nthere");
    }

    #[test]
    fn floods_of_fields_are_cut() {
        let (fields, body) = fields(&[b"a:\n".repeat(FIELDS_MAX * 2), b"\nx".to_vec()].concat());
        assert_eq!(fields.len(), FIELDS_MAX);
        assert_eq!(body, b"x");
    }

    #[test]
    fn octets_that_are_not_utf8_are_replaced() {
        let (fields, _) = fields(b"A: \xff\n\n");
        assert_eq!(fields, [field("A", " \u{fffd}")]);
    }
}
