//! Quoted-printable (RFC 2045 §6.7).

use crate::limits::HELD_WHITESPACE_MAX_BYTES;

/// Longest line, characters, without its line break (RFC 2045 §6.7, rule 5).
const LINE_MAX_CHARS: usize = 76;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Decodes quoted-printable. What is no escape stays as it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Decoder {
    state: State,
    /// Blanks and a CR that go if the line ends behind them (rule 3).
    held: Vec<u8>,
    is_faulty: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// Behind `=`.
    Escape,
    /// Behind `=` and a digit.
    Digit(u8),
    /// Behind `=` and blanks or a CR: the line must end.
    SoftBreak,
}

impl Decoder {
    pub(super) fn feed(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        for &byte in piece {
            match self.state {
                State::Text => self.text(byte, out),
                State::Escape => self.escape(byte, out),
                State::Digit(first) => self.digit(first, byte, out),
                State::SoftBreak => self.soft_break(byte, out),
            }
        }
    }

    fn text(&mut self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            b'=' => {
                out.append(&mut self.held);
                self.state = State::Escape;
            }
            b' ' | b'\t' | b'\r' if self.held.len() < HELD_WHITESPACE_MAX_BYTES => {
                self.held.push(byte);
            }
            b'\n' => {
                let is_crlf = self.held.last() == Some(&b'\r');
                self.held.clear();
                out.extend_from_slice(if is_crlf { b"\r\n" } else { b"\n" });
            }
            _ => {
                out.append(&mut self.held);
                out.push(byte);
            }
        }
    }

    fn escape(&mut self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            b'\n' => self.state = State::Text,
            b'\r' | b' ' | b'\t' => {
                self.held.push(byte);
                self.state = State::SoftBreak;
            }
            _ if byte.is_ascii_hexdigit() => self.state = State::Digit(byte),
            _ => {
                out.push(b'=');
                self.fault(byte, out);
            }
        }
    }

    fn digit(&mut self, first: u8, byte: u8, out: &mut Vec<u8>) {
        if let (Some(high), Some(low)) = (nibble(first), nibble(byte)) {
            out.push(high << 4 | low);
            self.state = State::Text;
        } else {
            out.extend_from_slice(&[b'=', first]);
            self.fault(byte, out);
        }
    }

    fn soft_break(&mut self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            b'\n' => {
                self.held.clear();
                self.state = State::Text;
            }
            b'\r' | b' ' | b'\t' if self.held.len() < HELD_WHITESPACE_MAX_BYTES => {
                self.held.push(byte);
            }
            _ => {
                out.push(b'=');
                out.append(&mut self.held);
                self.fault(byte, out);
            }
        }
    }

    /// An escape that is none: its characters stand for themselves, and `byte` comes behind them.
    fn fault(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.is_faulty = true;
        self.state = State::Text;
        self.text(byte, out);
    }

    pub(super) fn finish(self, out: &mut Vec<u8>) -> bool {
        // A soft break at the end of the part is in use, and harmless: the break belongs to the boundary.
        let is_whole = !matches!(self.state, State::Digit(_));
        if let State::Digit(first) = self.state {
            out.extend_from_slice(&[b'=', first]);
        }
        if self.held.last() == Some(&b'\r') && self.state == State::Text {
            out.push(b'\r');
        }
        is_whole && !self.is_faulty
    }
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|n| n.try_into().ok())
}

/// Encodes a text whose line breaks are CRLF, in lines of at most 76 characters.
pub(crate) fn encode(text: &[u8], out: &mut Vec<u8>) {
    let mut column = 0;
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'\r' && tail.first() == Some(&b'\n') {
            out.extend_from_slice(b"\r\n");
            column = 0;
            rest = tail.get(1..).unwrap_or_default();
            continue;
        }
        let is_last = tail.is_empty() || tail.starts_with(b"\r\n");
        let is_plain = match byte {
            b' ' | b'\t' => !is_last,
            b'=' => false,
            // A line that begins like a separator of mbox, or is the end of SMTP's data, is changed on the way.
            b'F' | b'.' => column > 0,
            _ => matches!(byte, b'!'..=b'~'),
        };
        let width = if is_plain { 1 } else { 3 };
        // The last character of a line takes the place that others leave for the soft break.
        let room = LINE_MAX_CHARS - usize::from(!is_last);
        if column + width > room {
            out.extend_from_slice(b"=\r\n");
            column = 0;
            continue;
        }
        if is_plain {
            out.push(byte);
        } else {
            escape(byte, out);
        }
        column += width;
        rest = tail;
    }
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
    out.extend_from_slice(&[b'=', digit(byte >> 4), digit(byte & 15)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(encoded: &[u8]) -> (Vec<u8>, bool) {
        let mut decoder = Decoder::default();
        let mut out = Vec::new();
        decoder.feed(encoded, &mut out);
        let is_faultless = decoder.finish(&mut out);
        (out, is_faultless)
    }

    #[test]
    fn escapes_and_soft_breaks_are_decoded() {
        assert_eq!(decode(b"K=C3=b6ln"), ("Köln".as_bytes().to_vec(), true));
        assert_eq!(decode(b"a=\r\nb=\nc= \t\r\nd"), (b"abcd".to_vec(), true));
        assert_eq!(decode(b"a  \t\r\nb \n"), (b"a\r\nb\n".to_vec(), true));
        assert_eq!(decode(b"a\rb\r\n"), (b"a\rb\r\n".to_vec(), true));
        assert_eq!(decode(b"end="), (b"end".to_vec(), true));
    }

    #[test]
    fn what_is_no_escape_stays() {
        assert_eq!(decode(b"1=x"), (b"1=x".to_vec(), false));
        assert_eq!(decode(b"=4g"), (b"=4g".to_vec(), false));
        assert_eq!(decode(b"==3D"), (b"==".to_vec(), false));
        assert_eq!(decode(b"= x"), (b"= x".to_vec(), false));
        assert_eq!(decode(b"=4"), (b"=4".to_vec(), false));
    }

    #[test]
    fn blanks_without_end_are_not_held_without_end() {
        let blanks = vec![b' '; 1 << 20];
        let mut decoder = Decoder::default();
        let mut out = Vec::new();
        decoder.feed(&blanks, &mut out);
        assert!(decoder.held.len() <= HELD_WHITESPACE_MAX_BYTES);
    }

    #[test]
    fn what_is_encoded_is_read_again() {
        let long = "ä=b ".repeat(100);
        let texts = [
            "",
            "a",
            "a \r\n\tb\t\r\n",
            "From here\r\n.\r\n..\r\n",
            long.as_str(),
            &"x".repeat(76),
            &"x".repeat(77),
            &("x".repeat(75) + "\r\nä"),
            "\u{0}\r\r\n\n",
        ];
        for text in texts {
            let mut encoded = Vec::new();
            encode(text.as_bytes(), &mut encoded);
            for line in encoded.split(|byte| *byte == b'\n') {
                assert!(line.len() <= LINE_MAX_CHARS + 1, "{text:?}");
                assert!(!line.starts_with(b"From ") && !line.starts_with(b"."));
            }
            assert_eq!(decode(&encoded), (text.as_bytes().to_vec(), true));
        }
    }
}
