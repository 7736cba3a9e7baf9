//! The `aws-chunked` framing of bodies.
//!
//! ```text
//! body    = *chunk last *( trailer CRLF ) [ trailer-signature CRLF ] CRLF
//! chunk   = size [ signature ] CRLF data CRLF         ; size > 0
//! last    = "0" [ signature ] CRLF
//! size    = 1*16HEXDIG
//! signature = ";chunk-signature=" 64HEXDIG            ; in signed framings
//! trailer = name ":" value                            ; where announced
//! trailer-signature = "x-amz-trailer-signature:" 64HEXDIG
//! ```
//!
//! Source: Amazon S3 API Reference, "Signature Calculations for the
//! Authorization Header: Transferring Payload in Multiple Chunks (Chunked
//! Upload)" and "Signature calculations for trailing headers". The parser is
//! strict: what a client gets wrong here must not become part of an object.

use bytes::Bytes;

use crate::types::Framing;

/// A chunk's first line: 16 digits, `;chunk-signature=` and 64 digits fit.
const CHUNK_LINE_MAX_BYTES: usize = 128;

/// A trailing header: the longest that means anything here is a name of 24
/// bytes and a digest of 44.
const TRAILER_LINE_MAX_BYTES: usize = 512;

/// Trailing headers in a body; one checksum is what S3 defines.
const TRAILERS_MAX: usize = 4;

const SIGNATURE_DIGITS: usize = 64;
const SIGNATURE_EXTENSION: &[u8] = b"chunk-signature=";
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

/// A signature as its 64 hexadecimal digits.
pub type SignatureDigits = [u8; SIGNATURE_DIGITS];

/// What a piece of a body turns out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Bytes of the object.
    Data(Bytes),
    /// A chunk, also the last, was complete; its signature in signed framings.
    ChunkEnd(Option<SignatureDigits>),
    /// A trailing header, its name in lower case.
    Trailer {
        /// In lower case.
        name: String,
        /// Without surrounding white space.
        value: String,
    },
    /// The signature of the trailing headers before it.
    TrailerSignature(SignatureDigits),
}

/// Why a body is not what its framing says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// It breaks the grammar; how, fit to be shown.
    #[error("{0}")]
    Malformed(&'static str),
    /// It ended early.
    #[error("the body ended before its last chunk was complete")]
    Truncated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    ChunkLine,
    Data {
        remaining: u64,
        signature: Option<SignatureDigits>,
    },
    /// After a chunk's data.
    ChunkEnd(Option<SignatureDigits>),
    Trailer,
    Done,
}

/// Takes a framed body apart as it comes.
#[derive(Debug)]
pub struct Decoder {
    signed: bool,
    trailers_allowed: bool,
    trailer_signed: bool,
    state: State,
    line: Vec<u8>,
    trailers: usize,
    trailer_signature_seen: bool,
}

impl Decoder {
    /// A decoder of a framing; `None` for one that has none.
    #[must_use]
    pub fn new(framing: Framing) -> Option<Self> {
        let (signed, trailers_allowed, trailer_signed) = match framing {
            Framing::Raw => return None,
            Framing::AwsChunked => (false, true, false),
            Framing::AwsChunkedSigned => (true, false, false),
            Framing::AwsChunkedSignedTrailer => (true, true, true),
        };
        Some(Self {
            signed,
            trailers_allowed,
            trailer_signed,
            state: State::ChunkLine,
            line: Vec::with_capacity(CHUNK_LINE_MAX_BYTES),
            trailers: 0,
            trailer_signature_seen: false,
        })
    }

    /// Takes the next bytes of the body and gives what they turn out to be.
    /// Data is given as slices of `input`, without copying.
    pub fn feed(&mut self, mut input: Bytes, pieces: &mut Vec<Piece>) -> Result<(), FramingError> {
        while !input.is_empty() {
            match self.state {
                State::Data {
                    remaining,
                    signature,
                } => self.take_data(&mut input, remaining, signature, pieces),
                State::ChunkLine => {
                    if self.take_line(&mut input, CHUNK_LINE_MAX_BYTES)? {
                        self.chunk_line(pieces)?;
                    }
                }
                State::ChunkEnd(signature) => {
                    if self.take_line(&mut input, 0)? {
                        pieces.push(Piece::ChunkEnd(signature));
                        self.state = State::ChunkLine;
                    }
                }
                State::Trailer => {
                    if self.take_line(&mut input, TRAILER_LINE_MAX_BYTES)? {
                        self.trailer_line(pieces)?;
                    }
                }
                State::Done => {
                    return Err(FramingError::Malformed("bytes follow the end of the body"));
                }
            }
        }
        Ok(())
    }

    /// Whether the body was complete when it ended.
    pub fn finish(&self) -> Result<(), FramingError> {
        match self.state {
            State::Done => Ok(()),
            _ => Err(FramingError::Truncated),
        }
    }

    fn take_data(
        &mut self,
        input: &mut Bytes,
        remaining: u64,
        signature: Option<SignatureDigits>,
        pieces: &mut Vec<Piece>,
    ) {
        let len = usize::try_from(remaining).map_or(input.len(), |n| n.min(input.len()));
        pieces.push(Piece::Data(input.split_to(len)));
        let remaining = remaining - len as u64;
        self.state = if remaining == 0 {
            State::ChunkEnd(signature)
        } else {
            State::Data {
                remaining,
                signature,
            }
        };
    }

    /// Moves bytes up to CRLF into `line`; true when the line is complete,
    /// without its CRLF. A line has at most `max` bytes.
    fn take_line(&mut self, input: &mut Bytes, max: usize) -> Result<bool, FramingError> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let taken = input.split_to(end.map_or(input.len(), |end| end + 1));
        self.line.extend_from_slice(&taken);
        // Without the LF there may be one byte more: the CR.
        let so_far = self.line.len() - usize::from(end.is_some());
        if so_far > max + 1 {
            return Err(FramingError::Malformed("a line of the framing is too long"));
        }
        if end.is_none() {
            return Ok(false);
        }
        match self.line.strip_suffix(b"\r\n") {
            Some(line) if line.len() > max => {
                Err(FramingError::Malformed("a line of the framing is too long"))
            }
            Some(line) if line.contains(&b'\r') => Err(FramingError::Malformed(
                "a line of the framing has a stray CR",
            )),
            Some(line) => {
                let len = line.len();
                self.line.truncate(len);
                Ok(true)
            }
            None => Err(FramingError::Malformed(
                "a line of the framing does not end with CRLF",
            )),
        }
    }

    fn chunk_line(&mut self, pieces: &mut Vec<Piece>) -> Result<(), FramingError> {
        let (size, signature) = parse_chunk_line(&self.line, self.signed)?;
        self.line.clear();
        self.state = if size > 0 {
            State::Data {
                remaining: size,
                signature,
            }
        } else {
            pieces.push(Piece::ChunkEnd(signature));
            State::Trailer
        };
        Ok(())
    }

    fn trailer_line(&mut self, pieces: &mut Vec<Piece>) -> Result<(), FramingError> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            if self.trailer_signed && !self.trailer_signature_seen {
                return Err(FramingError::Malformed(
                    "the signature of the trailer is missing",
                ));
            }
            self.state = State::Done;
            return Ok(());
        }
        if !self.trailers_allowed {
            return Err(FramingError::Malformed("this framing has no trailer"));
        }
        if self.trailer_signature_seen {
            return Err(FramingError::Malformed(
                "a trailer follows the trailer's signature",
            ));
        }
        self.trailers += 1;
        if self.trailers > TRAILERS_MAX {
            return Err(FramingError::Malformed("there are too many trailers"));
        }
        let (name, value) = parse_trailer(&line)?;
        if self.trailer_signed && name == TRAILER_SIGNATURE {
            let digits = value.as_bytes().try_into().ok().filter(is_signature);
            let digits = digits.ok_or(FramingError::Malformed(
                "the trailer's signature is not one",
            ))?;
            self.trailer_signature_seen = true;
            pieces.push(Piece::TrailerSignature(digits));
        } else {
            pieces.push(Piece::Trailer { name, value });
        }
        Ok(())
    }
}

fn parse_chunk_line(
    line: &[u8],
    signed: bool,
) -> Result<(u64, Option<SignatureDigits>), FramingError> {
    let mut fields = line.splitn(2, |byte| *byte == b';');
    let size = fields.next().and_then(parse_size);
    let size = size.ok_or(FramingError::Malformed("the size of a chunk is not one"))?;
    let signature = match (fields.next(), signed) {
        (None, false) => None,
        (Some(_), false) => {
            return Err(FramingError::Malformed(
                "a chunk has an extension that is not known",
            ));
        }
        (extension, true) => {
            let digits = extension
                .and_then(|extension| extension.strip_prefix(SIGNATURE_EXTENSION))
                .and_then(|digits| digits.try_into().ok())
                .filter(is_signature);
            if digits.is_none() {
                return Err(FramingError::Malformed("a chunk has no signature"));
            }
            digits
        }
    };
    Ok((size, signature))
}

fn is_signature(digits: &SignatureDigits) -> bool {
    digits
        .iter()
        .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn parse_size(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    digits.iter().try_fold(0_u64, |size, digit| {
        let value = char::from(*digit).to_digit(16)?;
        Some(size << 4 | u64::from(value))
    })
}

fn parse_trailer(line: &[u8]) -> Result<(String, String), FramingError> {
    let malformed = FramingError::Malformed("a trailer is not a header");
    let text = std::str::from_utf8(line).map_err(|_| malformed.clone())?;
    let (name, value) = text.split_once(':').ok_or_else(|| malformed.clone())?;
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(is_token) || value.bytes().any(|b| b.is_ascii_control())
    {
        return Err(malformed);
    }
    Ok((name.to_ascii_lowercase(), value.trim().to_owned()))
}

/// Decodes a body given in pieces, and gives its data and whether it was
/// complete. For fuzzing: it must neither panic nor depend on how the body was
/// cut.
pub fn decode_all<'p>(
    framing: Framing,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> Result<Vec<u8>, FramingError> {
    let mut found = Vec::new();
    let Some(mut decoder) = Decoder::new(framing) else {
        return Ok(pieces.into_iter().flatten().copied().collect());
    };
    for piece in pieces {
        decoder.feed(Bytes::copy_from_slice(piece), &mut found)?;
    }
    decoder.finish()?;
    let mut data = Vec::new();
    for piece in found {
        if let Piece::Data(bytes) = piece {
            data.extend_from_slice(&bytes);
        }
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: &str = "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648";

    fn decode(framing: Framing, body: &str) -> Result<Vec<Piece>, FramingError> {
        let mut decoder = Decoder::new(framing).unwrap();
        let mut pieces = Vec::new();
        decoder.feed(Bytes::copy_from_slice(body.as_bytes()), &mut pieces)?;
        decoder.finish()?;
        Ok(pieces)
    }

    fn malformed(framing: Framing, body: &str) {
        let error = decode(framing, body).expect_err(body);
        assert!(
            matches!(error, FramingError::Malformed(_)),
            "{body:?}: {error}"
        );
    }

    #[test]
    fn unsigned_with_a_trailer() {
        let body = "5\r\nhello\r\n6\r\n world\r\n0\r\nX-Amz-Checksum-Crc32c: yZRlqg== \r\n\r\n";
        assert_eq!(
            decode(Framing::AwsChunked, body).unwrap(),
            [
                Piece::Data(Bytes::from_static(b"hello")),
                Piece::ChunkEnd(None),
                Piece::Data(Bytes::from_static(b" world")),
                Piece::ChunkEnd(None),
                Piece::ChunkEnd(None),
                Piece::Trailer {
                    name: "x-amz-checksum-crc32c".to_owned(),
                    value: "yZRlqg==".to_owned()
                },
            ]
        );
    }

    #[test]
    fn signed_with_and_without_a_trailer() {
        let digits: SignatureDigits = SIGNATURE.as_bytes().try_into().unwrap();
        let chunks =
            format!("2;chunk-signature={SIGNATURE}\r\nhi\r\n0;chunk-signature={SIGNATURE}\r\n");
        let expected = [
            Piece::Data(Bytes::from_static(b"hi")),
            Piece::ChunkEnd(Some(digits)),
            Piece::ChunkEnd(Some(digits)),
        ];
        let plain = decode(Framing::AwsChunkedSigned, &format!("{chunks}\r\n")).unwrap();
        assert_eq!(plain, expected);
        let body = format!("{chunks}a:b\r\nx-amz-trailer-signature:{SIGNATURE}\r\n\r\n");
        let trailer = decode(Framing::AwsChunkedSignedTrailer, &body).unwrap();
        assert_eq!(trailer[..3], expected);
        assert_eq!(trailer[4], Piece::TrailerSignature(digits));
        malformed(Framing::AwsChunkedSigned, &body);
        malformed(
            Framing::AwsChunkedSignedTrailer,
            &format!("{chunks}a:b\r\n\r\n"),
        );
    }

    #[test]
    fn any_cut_of_the_body_gives_the_same() {
        let body = b"3\r\nabc\r\n1\r\n\n\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
        for first in 0..body.len() {
            for second in first..body.len() {
                let cut = [&body[..first], &body[first..second], &body[second..]];
                let data = decode_all(Framing::AwsChunked, cut);
                assert_eq!(data.as_deref(), Ok(&b"abc\n"[..]), "{first} {second}");
            }
        }
    }

    /// A short run of what the fuzz target does: whatever the bytes are and
    /// however they are cut, no panic, and the same answer.
    #[test]
    fn mutated_bodies_decode_the_same_however_they_are_cut() {
        use rand::{RngExt, SeedableRng};
        let seed = u64::from(rand::random::<u32>());
        println!("seed {seed}");
        let mut random = rand::rngs::SmallRng::seed_from_u64(seed);
        let signed = format!(
            "1;chunk-signature={SIGNATURE}\r\nx\r\n0;chunk-signature={SIGNATURE}\r\na:b\r\nx-amz-trailer-signature:{SIGNATURE}\r\n\r\n"
        );
        let seeds = ["2\r\n\r\n\r\n0\r\na:b\r\n\r\n", signed.as_str()];
        for round in 0..20_000 {
            let framing = [
                Framing::AwsChunked,
                Framing::AwsChunkedSigned,
                Framing::AwsChunkedSignedTrailer,
            ][round % 3];
            let mut body = seeds[random.random_range(0..seeds.len())]
                .as_bytes()
                .to_vec();
            for _ in 0..random.random_range(0..4) {
                let at = random.random_range(0..body.len());
                match random.random_range(0..3) {
                    0 => body[at] = random.random(),
                    1 => drop(body.remove(at)),
                    _ => body.insert(at, b"\r\n0;:f"[random.random_range(0..6)]),
                }
            }
            let whole = decode_all(framing, [body.as_slice()]);
            let bytewise = decode_all(framing, body.chunks(1));
            assert_eq!(whole, bytewise, "{:?}", body.escape_ascii().to_string());
        }
    }

    #[test]
    fn a_body_that_ends_early_is_truncated() {
        let body = "3\r\nabc\r\n0\r\nx:y\r\n\r\n";
        for len in 0..body.len() {
            let result = decode(Framing::AwsChunked, &body[..len]);
            assert_eq!(result, Err(FramingError::Truncated), "{len}");
        }
    }

    #[test]
    fn broken_framing_is_refused() {
        let long = "x".repeat(CHUNK_LINE_MAX_BYTES + 2);
        let many = "a:b\r\n".repeat(TRAILERS_MAX + 1);
        for body in [
            "\r\n",
            "g\r\n",
            "-1\r\n",
            "00000000000000001\r\n",
            "3\nabc\r\n",
            "3\r\nabcd\r\n0\r\n\r\n",
            "3\r\nabc\n0\r\n\r\n",
            "3;x=y\r\nabc\r\n0\r\n\r\n",
            "0\r\n\r\nmore",
            "0\r\nno colon\r\n\r\n",
            "0\r\n:value\r\n\r\n",
            "0\r\na b:c\r\n\r\n",
            "0\r\r\n\r\n",
            &long,
            &format!("0\r\n{many}\r\n"),
        ] {
            malformed(Framing::AwsChunked, body);
        }
        let upper = SIGNATURE.to_uppercase();
        for line in [
            "3",
            "3;chunk-signature=",
            &format!("3;chunk-signature={upper}"),
            &format!("3;chunk-signature={SIGNATURE}0"),
        ] {
            malformed(Framing::AwsChunkedSigned, &format!("{line}\r\nabc\r\n"));
        }
    }
}
