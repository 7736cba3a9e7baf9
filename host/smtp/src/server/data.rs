//! The octets of messages: DATA's dots and its end, and what neither it nor BDAT lets pass.
//!
//! Invariant: a message ends with exactly CRLF, a dot and CRLF. A line ends with CRLF alone: where a CR or an LF stands by
//! itself, another server may see an end of the message, and a second one smuggled in behind it
//! (<https://smtpsmuggling.com>). Such a message is refused once its true end is there.

use crate::reply::{EnhancedCode, Reply};

/// What no message may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// CR without LF, or LF without CR (RFC 5321 §2.3.8).
    BareLineEnd,
    /// NUL (RFC 5321 §2.3.8, RFC 5322 §4: obsolete).
    Nul,
}

impl Fault {
    pub(super) fn reply(self) -> Reply {
        let why = match self {
            Self::BareLineEnd => "a CR or LF by itself in the message (RFC 5321 §2.3.8)",
            Self::Nul => "a NUL in the message",
        };
        Reply::new(550, EnhancedCode(5, 6, 11), why)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Behind a CRLF.
    LineStart,
    /// In a line.
    Text,
    /// Behind a CR.
    Cr,
    /// Behind a dot at the start of a line.
    Dot,
    /// Behind a CR behind such a dot.
    DotCr,
}

/// Reads what follows DATA, in any pieces (RFC 5321 §4.5.2).
#[derive(Debug)]
pub(super) struct DataDecoder {
    at: At,
    fault: Option<Fault>,
}

impl DataDecoder {
    pub(super) fn new() -> Self {
        Self {
            at: At::LineStart,
            fault: None,
        }
    }

    /// What was wrong so far.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Takes octets, puts the message's into `out`; how many were taken, and whether the message ends behind them.
    pub(super) fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, bool) {
        let mut rest = input;
        while let Some((&byte, behind)) = rest.split_first() {
            match (self.at, byte) {
                (At::LineStart, b'.') => self.at = At::Dot,
                (At::Dot, b'\r') => self.at = At::DotCr,
                (At::DotCr, b'\n') => return (input.len() - behind.len(), true),
                (At::Cr, b'\n') => {
                    out.extend_from_slice(b"\r\n");
                    self.at = At::LineStart;
                }
                (At::Cr | At::DotCr, _) => {
                    self.fault = Some(Fault::BareLineEnd);
                    // It is looked at again, as what it is in a line.
                    self.at = At::Text;
                    continue;
                }
                (_, b'\r') => self.at = At::Cr,
                (_, b'\n') => {
                    self.fault = Some(Fault::BareLineEnd);
                    // Not the start of a line: a dot behind it ends nothing.
                    self.at = At::Text;
                }
                (_, _) => {
                    self.at = At::Text;
                    rest = self.text(rest, out);
                    continue;
                }
            }
            rest = behind;
        }
        (input.len(), false)
    }

    /// Takes what goes on to the next end of a line.
    fn text<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        let end = memchr::memchr2(b'\r', b'\n', input).unwrap_or(input.len());
        let (text, rest) = input.split_at_checked(end).unwrap_or((input, &[]));
        if memchr::memchr(0, text).is_some() {
            self.fault = Some(Fault::Nul);
        }
        out.extend_from_slice(text);
        rest
    }
}

/// Looks at the octets of BDAT's chunks, which are the message's as they are.
#[derive(Debug, Default)]
pub(super) struct ChunkCheck {
    ends_with_cr: bool,
    fault: Option<Fault>,
}

impl ChunkCheck {
    /// Takes octets.
    pub(super) fn feed(&mut self, input: &[u8]) {
        let mut ends_with_cr = self.ends_with_cr;
        let mut at = 0;
        while let Some(rest) = input.get(at..) {
            let text = memchr::memchr3(b'\r', b'\n', 0, rest);
            let goes_on = text != Some(0) && !rest.is_empty();
            if ends_with_cr && goes_on {
                self.fault = Some(Fault::BareLineEnd);
                ends_with_cr = false;
            }
            let Some(text) = text else {
                break;
            };
            match rest.get(text) {
                Some(b'\n') if ends_with_cr && text == 0 => ends_with_cr = false,
                Some(b'\r') if !(ends_with_cr && text == 0) => ends_with_cr = true,
                Some(0) => {
                    self.fault = Some(Fault::Nul);
                    ends_with_cr = false;
                }
                _ => self.fault = Some(Fault::BareLineEnd),
            }
            at += text + 1;
        }
        self.ends_with_cr = ends_with_cr;
    }

    /// What was wrong, when the last chunk is there.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault
            .or(self.ends_with_cr.then_some(Fault::BareLineEnd))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message, what was wrong with it, and what is left behind its end; the same in all pieces.
    fn decode(input: &[u8]) -> (Vec<u8>, Option<Fault>, Option<Vec<u8>>) {
        let mut results = Vec::new();
        for size in [1, 2, 3, 7, input.len().max(1)] {
            let mut decoder = DataDecoder::new();
            let mut out = Vec::new();
            let (mut taken, mut has_ended) = (0, false);
            for piece in input.chunks(size) {
                let (count, ends) = decoder.feed(piece, &mut out);
                taken += count;
                has_ended = ends;
                if ends {
                    break;
                }
                assert_eq!(count, piece.len());
            }
            let left = has_ended.then(|| input[taken..].to_vec());
            results.push((out, decoder.fault(), left));
        }
        let first = results.swap_remove(0);
        assert!(results.iter().all(|other| *other == first), "{input:?}");
        first
    }

    fn ended(input: &[u8]) -> (Vec<u8>, Option<Fault>) {
        let (out, fault, left) = decode(input);
        assert_eq!(left.as_deref(), Some(&b"QUIT\r\n"[..]), "{input:?}");
        (out, fault)
    }

    #[test]
    fn dots_are_taken_off_and_the_end_is_found() {
        let (out, fault) = ended(b"A: 1\r\n\r\n..x\r\n.y.\r\n...\r\n.\r\nQUIT\r\n");
        assert_eq!(out, b"A: 1\r\n\r\n.x\r\ny.\r\n..\r\n");
        assert_eq!(fault, None);
        assert_eq!(ended(b".\r\nQUIT\r\n"), (Vec::new(), None));
    }

    #[test]
    fn nothing_but_the_end_ends_a_message() {
        for inside in [
            &b"\n.\n"[..],
            b"\n.\r\n",
            b"\r\n.\n",
            b"\r.\r",
            b"\r.\r\n",
            b"\r\n.\r",
            b"\r\n.\r\r\n",
            b"\r\r\n",
            b"\n\r\n",
        ] {
            let input = [b"before", inside, b"MAIL FROM:<x>\r\n.\r\nQUIT\r\n"].concat();
            let (_, fault) = ended(&input);
            assert_eq!(fault, Some(Fault::BareLineEnd), "{inside:?}");
        }
        assert_eq!(ended(b"a\0b\r\n.\r\nQUIT\r\n").1, Some(Fault::Nul));
        assert_eq!(decode(b"endless").2, None);
    }

    #[test]
    fn chunks_are_looked_at_in_all_pieces() {
        let fault = |input: &[u8]| {
            let faults = [1, 2, 3, input.len().max(1)].map(|size| {
                let mut check = ChunkCheck::default();
                input.chunks(size).for_each(|piece| check.feed(piece));
                check.fault()
            });
            assert!(faults.iter().all(|fault| *fault == faults[0]), "{input:?}");
            faults[0]
        };
        for good in [&b""[..], b"a", b"a\r\nb\r\n\r\n", b".\r\n..\r\n"] {
            assert_eq!(fault(good), None, "{good:?}");
        }
        for bad in [
            &b"\r"[..],
            b"\n",
            b"a\rb",
            b"a\nb",
            b"a\r\n\nb",
            b"a\r\r\nb",
            b"a\n\r",
            b"a\r\nb\r",
        ] {
            assert_eq!(fault(bad), Some(Fault::BareLineEnd), "{bad:?}");
        }
        assert_eq!(fault(b"a\0"), Some(Fault::Nul));
    }
}
