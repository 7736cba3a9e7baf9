//! Base64 (RFC 2045 §6.8).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Octets that make a line of 76 characters, the longest (RFC 2045 §6.8).
const LINE_BYTES: usize = 57;

/// Decodes base64, passing over what is not of its alphabet. Padding ends a group, and another may follow: parts that
/// were put together of encoded pieces are met.
#[derive(Debug, Clone, Default)]
pub(super) struct Decoder {
    group: u32,
    /// Characters in the group.
    count: u8,
    /// `=` that must still follow.
    padding: u8,
    is_faulty: bool,
}

impl Decoder {
    pub(super) fn feed(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        out.reserve(piece.len() / 4 * 3 + 3);
        for &byte in piece {
            match value(byte) {
                Some(value) => self.take(value, out),
                None if byte == b'=' => self.pad(out),
                None => self.is_faulty |= !matches!(byte, b'\r' | b'\n' | b' ' | b'\t'),
            }
        }
    }

    fn take(&mut self, value: u8, out: &mut Vec<u8>) {
        self.is_faulty |= self.padding > 0;
        self.padding = 0;
        self.group = self.group << 6 | u32::from(value);
        self.count += 1;
        if self.count == 4 {
            let [_, bytes @ ..] = self.group.to_be_bytes();
            out.extend_from_slice(&bytes);
            self.group = 0;
            self.count = 0;
        }
    }

    fn pad(&mut self, out: &mut Vec<u8>) {
        if self.padding > 0 {
            self.padding -= 1;
            return;
        }
        self.padding = match self.count {
            2 => 1,
            _ => 0,
        };
        self.is_faulty |= self.count < 2;
        self.flush(out);
    }

    /// The octets of a group that is not full.
    fn flush(&mut self, out: &mut Vec<u8>) {
        match self.count {
            2 => out.push((self.group >> 4) as u8),
            3 => out.extend_from_slice(&[(self.group >> 10) as u8, (self.group >> 2) as u8]),
            _ => {}
        }
        self.group = 0;
        self.count = 0;
    }

    pub(super) fn finish(mut self, out: &mut Vec<u8>) -> bool {
        let is_whole = self.count == 0 && self.padding == 0;
        self.flush(out);
        is_whole && !self.is_faulty
    }
}

/// What a character stands for.
fn value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// Encodes bytes as lines of 76 characters, piece by piece.
#[derive(Debug, Default)]
pub struct Base64Encoder {
    /// What does not make a line yet.
    held: Vec<u8>,
}

impl Base64Encoder {
    /// Encodes a piece and appends the lines that are full.
    pub fn feed(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let missing = (LINE_BYTES - self.held.len()) % LINE_BYTES;
        let Some((first, rest)) = piece.split_at_checked(missing) else {
            self.held.extend_from_slice(piece);
            return;
        };
        self.held.extend_from_slice(first);
        if !self.held.is_empty() {
            line(&self.held, out);
            self.held.clear();
        }
        let mut lines = rest.chunks_exact(LINE_BYTES);
        lines.by_ref().for_each(|bytes| line(bytes, out));
        self.held.extend_from_slice(lines.remainder());
    }

    /// Appends the last line.
    pub fn finish(self, out: &mut Vec<u8>) {
        if !self.held.is_empty() {
            line(&self.held, out);
        }
    }
}

fn line(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
    out.extend_from_slice(b"\r\n");
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
    fn faults_are_passed_over_and_told() {
        assert_eq!(decode(b"Zm9v\r\nYmFy"), (b"foobar".to_vec(), true));
        assert_eq!(decode(b"Zm8="), (b"fo".to_vec(), true));
        assert_eq!(decode(b"Zg=="), (b"f".to_vec(), true));
        assert_eq!(decode(b"Zg==Zg=="), (b"ff".to_vec(), true));
        assert_eq!(decode(b"Zm9v!"), (b"foo".to_vec(), false));
        assert_eq!(decode(b"Zm8"), (b"fo".to_vec(), false));
        assert_eq!(decode(b"Z"), (b"".to_vec(), false));
        assert_eq!(decode(b"===="), (b"".to_vec(), false));
        assert_eq!(decode(b""), (b"".to_vec(), true));
    }

    #[test]
    fn what_is_encoded_in_pieces_is_read_again() {
        let bytes: Vec<u8> = (0..1_000_u32).map(|n| (n * 7) as u8).collect();
        for size in [1, 2, 56, 57, 58, 114, 500, 1_000] {
            let mut encoder = Base64Encoder::default();
            let mut encoded = Vec::new();
            for piece in bytes.chunks(size) {
                encoder.feed(piece, &mut encoded);
            }
            encoder.finish(&mut encoded);
            assert!(encoded.split(|b| *b == b'\n').all(|line| line.len() <= 77));
            assert_eq!(decode(&encoded), (bytes.clone(), true), "pieces of {size}");
        }
    }
}
