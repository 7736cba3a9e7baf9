//! Messages that are made of drafts.
//!
//! [`assemble`] gives the message as pieces: bytes, and blobs in between whose content the caller reads and hands
//! through a [`BlobEncoder`], so that an attachment is never in memory as a whole.

mod check;
mod fields;
mod parts;

use std::io::{Read, Write};

use thiserror::Error;

use crate::header::Field;
use crate::transfer::Base64Encoder;

pub use parts::{assemble, date};

/// A message that is to be made, as `concierge:mail/emails.draft` has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Draft {
    /// The message's header without `Content-*`; values are encoded already (RFC 2047) and not folded.
    pub headers: Vec<Field>,
    /// In preorder. None: an empty text.
    pub parts: Vec<DraftPart>,
}

/// A part that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftPart {
    /// 0 for the message's own part, of which there is one.
    pub depth: u32,
    /// `multipart/…`, or what its content is; without parameters.
    pub content_type: String,
    /// Of blobs. Texts are UTF-8, or ASCII where that is enough.
    pub charset: Option<String>,
    /// Of the file.
    pub name: Option<String>,
    /// `attachment` or `inline`.
    pub disposition: Option<String>,
    /// Without brackets.
    pub cid: Option<String>,
    /// Tags of languages.
    pub language: Vec<String>,
    /// A URI.
    pub location: Option<String>,
    /// Further fields of its header, without `Content-Transfer-Encoding` and those above.
    pub headers: Vec<Field>,
    /// What it holds.
    pub content: Content,
}

/// What a part holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// It is a multipart: its parts follow, one deeper.
    Parts,
    /// A text, with any line breaks.
    Text(String),
    /// The bytes of a blob.
    Blob(String),
}

/// What a message has that its draft does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// For Date: microseconds since the Unix epoch.
    pub now_us: u64,
    /// For Message-ID, without brackets. Unique in the world.
    pub message_id: String,
    /// For boundaries. Nobody can guess it, so that no text can contain one.
    pub boundary: u128,
}

/// A piece of a message.
#[derive(Debug)]
pub enum Piece {
    /// As they are.
    Bytes(Vec<u8>),
    /// The content of a blob, encoded.
    Blob(BlobPiece),
}

/// A blob within a message.
#[derive(Debug)]
pub struct BlobPiece {
    /// As the draft has it.
    pub blob: String,
    /// Takes its bytes.
    pub encoder: BlobEncoder,
}

/// Encodes the bytes of a blob as they are read.
#[derive(Debug)]
pub enum BlobEncoder {
    /// A message is not encoded (RFC 2046 §5.2.1).
    AsIs,
    /// Everything else.
    Base64(Base64Encoder),
}

impl BlobEncoder {
    /// Appends what comes of some bytes.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::AsIs => out.extend_from_slice(bytes),
            Self::Base64(encoder) => encoder.feed(bytes, out),
        }
    }

    /// Appends what is left when the blob has ended.
    pub fn finish(self, out: &mut Vec<u8>) {
        if let Self::Base64(encoder) = self {
            encoder.finish(out);
        }
    }
}

/// Writes the pieces of a message one after the other; gives its size. `open` gives the bytes of a blob.
///
/// # Errors
/// Those of the blobs and of the writer.
pub fn write<R: Read>(
    pieces: Vec<Piece>,
    mut open: impl FnMut(&str) -> std::io::Result<R>,
    out: &mut impl Write,
) -> std::io::Result<u64> {
    /// Of a blob at once.
    const CHUNK_BYTES: usize = 64 << 10;
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut size = 0;
    for piece in pieces {
        let (mut encoder, blob) = match piece {
            Piece::Bytes(bytes) => {
                size += bytes.len() as u64;
                out.write_all(&bytes)?;
                continue;
            }
            Piece::Blob(BlobPiece { blob, encoder }) => (encoder, blob),
        };
        let mut content = open(&blob)?;
        let mut encoded = Vec::new();
        loop {
            let read = content.read(&mut chunk)?;
            if read == 0 {
                break;
            }
            encoder.feed(crate::bytes::head(&chunk, read), &mut encoded);
            size += encoded.len() as u64;
            out.write_all(&encoded)?;
            encoded.clear();
        }
        encoder.finish(&mut encoded);
        size += encoded.len() as u64;
        out.write_all(&encoded)?;
    }
    Ok(size)
}

/// Why a draft cannot be made a message. It is the draft's fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// A name that is none (RFC 5322 §2.2): not printable ASCII, with a colon, or too long.
    #[error("`{0}` is not the name of a header field")]
    FieldName(String),
    /// A value with a line break, a NUL or another control: whoever wrote it could write fields of their own.
    #[error("the value of `{0}` has a line break or control character")]
    FieldControl(String),
    /// A value that was not encoded (RFC 2047).
    #[error("the value of `{0}` is not ASCII")]
    FieldNotAscii(String),
    /// A value that cannot be folded into lines of 998 octets (RFC 5322 §2.1.1).
    #[error("the value of `{0}` has no place to be folded at")]
    FieldTooLong(String),
    /// A field that the maker writes itself.
    #[error("`{0}` is made of the part, and cannot be given")]
    FieldReserved(String),
    /// More than [`HEADER_MAX_BYTES`] of header.
    #[error("a header has more than {HEADER_MAX_BYTES} octets")]
    HeaderTooLarge,
    /// A media type that is none (RFC 2045 §5.1).
    #[error("`{0}` is not a media type")]
    MediaType(String),
    /// A charset, disposition, content id, language or location with what it cannot have.
    #[error("the {0} of a part is not of its form")]
    PartProperty(&'static str),
    /// The depths are no tree, or a part that holds parts is no multipart or the other way round.
    #[error("the parts of the message are no tree of multiparts")]
    Structure,
    /// More parts, or deeper, than is read again.
    #[error("the message has too many parts")]
    TooManyParts,
}

/// Octets of a header that is made: what [`limits`](crate::limits) has for one that is read.
pub const HEADER_MAX_BYTES: usize = crate::limits::FIELD_MAX_BYTES;
