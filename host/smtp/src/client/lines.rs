//! The lines of a message on its way out (RFC 5321 §2.3.8, §4.5.2).
//!
//! A server that takes a bare LF or CR for the end of a line sees an end of the message where we sent none, and a stranger's
//! mail behind it as ours (SMTP smuggling, 2023). So no CR leaves without its LF, nor LF without its CR.

use bytes::{BufMut, BytesMut};

/// Makes every end of a line CRLF, whatever pieces the message comes in: a bare CR or LF becomes one. Where it is asked to,
/// doubles the dots that lines begin with, and adds the final one.
#[derive(Debug, Clone)]
pub struct Lines {
    /// Double dots.
    dots: bool,
    at_line_start: bool,
    /// The last octet was a CR, which is not written yet.
    after_cr: bool,
}

impl Lines {
    /// Line ends alone: what is signed and counted.
    #[must_use]
    pub fn ends() -> Self {
        Self {
            dots: false,
            at_line_start: true,
            after_cr: false,
        }
    }

    /// For DATA: line ends and dots.
    #[must_use]
    pub fn dotted() -> Self {
        Self {
            dots: true,
            ..Self::ends()
        }
    }

    /// Takes a piece, and appends what it becomes.
    pub fn write(&mut self, mut piece: &[u8], out: &mut BytesMut) {
        while let Some(&first) = piece.first() {
            if self.after_cr {
                self.end_line(out);
                if first == b'\n' {
                    piece = piece.split_at(1).1;
                }
                continue;
            }
            if self.at_line_start && self.dots && first == b'.' {
                out.put_u8(b'.');
            }
            let end = memchr::memchr2(b'\r', b'\n', piece);
            let (line, rest) = piece.split_at(end.unwrap_or(piece.len()));
            if !line.is_empty() {
                out.put_slice(line);
                self.at_line_start = false;
            }
            piece = match rest.split_first() {
                None => return,
                Some((b'\r', rest)) => {
                    self.after_cr = true;
                    rest
                }
                Some((_, rest)) => {
                    self.end_line(out);
                    rest
                }
            };
        }
    }

    /// Ends the last line, if it has no end, and the message, if dots are asked for.
    pub fn finish(mut self, out: &mut BytesMut) {
        if self.after_cr || !self.at_line_start {
            self.end_line(out);
        }
        if self.dots {
            out.put_slice(b".\r\n");
        }
    }

    fn end_line(&mut self, out: &mut BytesMut) {
        out.put_slice(b"\r\n");
        self.after_cr = false;
        self.at_line_start = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(mut lines: Lines, pieces: &[&[u8]]) -> String {
        let mut out = BytesMut::new();
        for piece in pieces {
            lines.write(piece, &mut out);
        }
        lines.finish(&mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn no_end_of_line_is_bare_and_no_dot_single_in_any_pieces() {
        for (message, expected) in [
            ("", ".\r\n"),
            ("a", "a\r\n.\r\n"),
            ("a\r\n", "a\r\n.\r\n"),
            ("a\nb\rc\r", "a\r\nb\r\nc\r\n.\r\n"),
            (".\r\n..\n.a", "..\r\n...\r\n..a\r\n.\r\n"),
            ("a\r\r\n", "a\r\n\r\n.\r\n"),
            // The ends that smuggling is made of.
            ("a\n.\nMAIL FROM:<x>\n", "a\r\n..\r\nMAIL FROM:<x>\r\n.\r\n"),
            ("a\r\n.\rb", "a\r\n..\r\nb\r\n.\r\n"),
            ("a\r.\r\nb", "a\r\n..\r\nb\r\n.\r\n"),
        ] {
            assert_eq!(
                through(Lines::dotted(), &[message.as_bytes()]),
                expected,
                "{message:?}"
            );
            let octets: Vec<&[u8]> = message.as_bytes().chunks(1).collect();
            assert_eq!(
                through(Lines::dotted(), &octets),
                expected,
                "{message:?} in pieces"
            );
            let ends = through(Lines::ends(), &octets);
            assert_eq!(
                through(Lines::dotted(), &[ends.as_bytes()]),
                expected,
                "{message:?} twice"
            );
        }
    }
}
