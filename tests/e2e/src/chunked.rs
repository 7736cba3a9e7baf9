//! `aws-chunked` bodies, right and wrong. Amazon S3 API Reference, "Signature
//! Calculations for the Authorization Header: Transferring Payload in Multiple
//! Chunks".

use base64::Engine;
use crc_fast::{CrcAlgorithm, checksum};
use jiff::Timestamp;

use crate::Request;
use crate::sigv4::Credentials;

/// The trailer's name in these bodies.
pub const TRAILER: &str = "x-amz-checksum-crc32c";

/// How a body is to be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Not at all.
    None,
    /// One digit of the second chunk's signature is another.
    ChunkSignature,
    /// One byte of the second chunk's data changes after signing.
    ChunkData,
    /// The last, empty chunk is missing.
    NoLastChunk,
    /// The trailer holds another checksum.
    TrailerValue,
    /// The trailer's signature is another.
    TrailerSignature,
    /// The trailer that was announced is missing.
    NoTrailer,
    /// Another trailer than the one announced.
    OtherTrailer,
    /// A chunk's size is no number.
    SizeNotHex,
    /// A chunk's size is larger than any body may be.
    HugeSize,
    /// A size line that never ends.
    EndlessSizeLine,
    /// Two chunks in another order than they were signed in.
    Swapped,
    /// Fewer bytes than `x-amz-decoded-content-length` says.
    FewerBytes,
    /// More bytes than `x-amz-decoded-content-length` says.
    MoreBytes,
}

/// The kinds of framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`
    Signed,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER`
    SignedTrailer,
    /// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`
    UnsignedTrailer,
}

impl Framing {
    fn line(self) -> &'static str {
        match self {
            Self::Signed => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            Self::SignedTrailer => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            Self::UnsignedTrailer => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        }
    }

    fn is_signed(self) -> bool {
        self != Self::UnsignedTrailer
    }

    fn has_trailer(self) -> bool {
        self != Self::Signed
    }
}

/// A complete signed `PUT` of `chunks` to `path`, broken as `fault` says.
pub fn put(
    credentials: &Credentials,
    host: &str,
    path: &str,
    framing: Framing,
    chunks: &[&[u8]],
    fault: Fault,
) -> Request {
    let whole = chunks.concat();
    let announced = match fault {
        Fault::FewerBytes => whole.len() + 1,
        Fault::MoreBytes => whole.len() - 1,
        _ => whole.len(),
    };
    let mut request = Request::new("PUT", path)
        .payload(framing.line())
        .header("content-encoding", "aws-chunked")
        .header("x-amz-decoded-content-length", announced.to_string());
    if framing.has_trailer() {
        request = request.header("x-amz-trailer", TRAILER);
    }
    let (request, mut seed) = credentials.signed_at(request, host, Timestamp::now());
    let mut frames = Vec::new();
    for (index, chunk) in chunks.iter().enumerate() {
        let signature = framing.is_signed().then(|| seed.sign_chunk(chunk));
        frames.push(frame(
            chunk,
            signature,
            if index == 1 { fault } else { Fault::None },
        ));
    }
    if fault == Fault::Swapped {
        frames.swap(0, 1);
    }
    let mut body = frames.concat();
    let last = framing.is_signed().then(|| seed.sign_chunk(b""));
    if fault != Fault::NoLastChunk {
        body.extend(size_line(0, last.as_deref()));
        if framing.has_trailer() {
            body.extend(trailer(
                &whole,
                framing.is_signed().then_some(&mut seed),
                fault,
            ));
        }
        body.extend_from_slice(b"\r\n");
    }
    request.body(body)
}

fn size_line(size: usize, signature: Option<&str>) -> Vec<u8> {
    match signature {
        Some(signature) => format!("{size:x};chunk-signature={signature}\r\n").into_bytes(),
        None => format!("{size:x}\r\n").into_bytes(),
    }
}

fn frame(chunk: &[u8], signature: Option<String>, fault: Fault) -> Vec<u8> {
    let signature = signature.map(|right| {
        if fault == Fault::ChunkSignature {
            other_digit(&right)
        } else {
            right
        }
    });
    let mut frame = match fault {
        Fault::SizeNotHex => b"xyz\r\n".to_vec(),
        Fault::HugeSize => b"ffffffffffffffff\r\n".to_vec(),
        Fault::EndlessSizeLine => vec![b'1'; 256 * 1024],
        _ => size_line(chunk.len(), signature.as_deref()),
    };
    let start = frame.len();
    frame.extend_from_slice(chunk);
    if fault == Fault::ChunkData
        && let Some(byte) = frame.get_mut(start)
    {
        *byte ^= 1;
    }
    frame.extend_from_slice(b"\r\n");
    frame
}

fn trailer(whole: &[u8], seed: Option<&mut crate::sigv4::Seed>, fault: Fault) -> Vec<u8> {
    let whole = if fault == Fault::TrailerValue {
        b"other bytes"
    } else {
        whole
    };
    let name = if fault == Fault::OtherTrailer {
        "x-amz-checksum-sha1"
    } else {
        TRAILER
    };
    let value = crc32c_base64(whole);
    let line = match fault {
        Fault::NoTrailer => String::new(),
        _ => format!("{name}:{value}\n"),
    };
    let mut lines = line.replace('\n', "\r\n").into_bytes();
    if let Some(seed) = seed {
        let right = seed.sign_trailer(line.as_bytes());
        let signature = if fault == Fault::TrailerSignature {
            other_digit(&right)
        } else {
            right
        };
        lines.extend(format!("x-amz-trailer-signature:{signature}\r\n").into_bytes());
    }
    lines
}

/// The CRC32C of `bytes` as S3 writes it.
pub fn crc32c_base64(bytes: &[u8]) -> String {
    let value = checksum(CrcAlgorithm::Crc32Iscsi, bytes);
    let value = u32::try_from(value).unwrap_or_default();
    base64::engine::general_purpose::STANDARD.encode(value.to_be_bytes())
}

fn other_digit(hexadecimal: &str) -> String {
    let last = if hexadecimal.ends_with('0') { '1' } else { '0' };
    let mut changed: String = hexadecimal
        .chars()
        .take(hexadecimal.len().saturating_sub(1))
        .collect();
    changed.push(last);
    changed
}
