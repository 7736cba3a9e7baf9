//! The payload line of the canonical request: what `x-amz-content-sha256` announces.

use crate::bindings::concierge::identity::sigv4::Placement;
use crate::bindings::concierge::objects::blobs::Framing;
use crate::error::{Code, S3Error};
use crate::http::request::Request;

const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const SIGNED_CHUNKS: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const SIGNED_CHUNKS_AND_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const UNSIGNED_CHUNKS_AND_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

/// What a request announces of its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// The SHA-256 of the body.
    Digest([u8; 32]),
    /// Nothing.
    Unsigned,
    /// aws-chunked, every chunk signed.
    SignedChunks,
    /// aws-chunked, every chunk and the trailer signed.
    SignedChunksAndTrailer,
    /// aws-chunked without signatures, with a trailer.
    UnsignedChunksAndTrailer,
}

impl Payload {
    /// How the body is framed.
    pub fn framing(&self) -> Framing {
        match self {
            Self::Digest(_) | Self::Unsigned => Framing::Raw,
            Self::SignedChunks => Framing::AwsChunkedSigned,
            Self::SignedChunksAndTrailer => Framing::AwsChunkedSignedTrailer,
            Self::UnsignedChunksAndTrailer => Framing::AwsChunked,
        }
    }

    /// Whether the framing has room for a trailer.
    pub fn has_trailer(&self) -> bool {
        matches!(
            self,
            Self::SignedChunksAndTrailer | Self::UnsignedChunksAndTrailer
        )
    }

    /// The line of the canonical request.
    pub fn push_line(&self, out: &mut String) {
        match self {
            Self::Digest(digest) => out.push_str(&hex::encode(digest)),
            Self::Unsigned => out.push_str(UNSIGNED),
            Self::SignedChunks => out.push_str(SIGNED_CHUNKS),
            Self::SignedChunksAndTrailer => out.push_str(SIGNED_CHUNKS_AND_TRAILER),
            Self::UnsignedChunksAndTrailer => out.push_str(UNSIGNED_CHUNKS_AND_TRAILER),
        }
    }
}

/// Reads what a request announces. With the signature in a header x-amz-content-sha256 must be there; a presigned URL
/// is `UNSIGNED-PAYLOAD` unless the query or a header says otherwise.
pub fn parse_payload(request: &Request, placement: Placement) -> Result<Payload, S3Error> {
    let header = request.headers.single("x-amz-content-sha256")?;
    let text = match placement {
        Placement::Query => request
            .query
            .get("X-Amz-Content-Sha256")
            .or(header)
            .unwrap_or(UNSIGNED),
        Placement::Header => header.ok_or_else(|| {
            S3Error::with(
                Code::InvalidRequest,
                "Missing required header for this request: x-amz-content-sha256",
            )
        })?,
    };
    parse_announcement(text)
}

fn parse_announcement(text: &str) -> Result<Payload, S3Error> {
    match text {
        UNSIGNED => Ok(Payload::Unsigned),
        SIGNED_CHUNKS => Ok(Payload::SignedChunks),
        SIGNED_CHUNKS_AND_TRAILER => Ok(Payload::SignedChunksAndTrailer),
        UNSIGNED_CHUNKS_AND_TRAILER => Ok(Payload::UnsignedChunksAndTrailer),
        // The asymmetric variant (SigV4A), which needs a public key for each account.
        text if text.starts_with("STREAMING-AWS4-ECDSA-") => {
            Err(S3Error::not_implemented("x-amz-content-sha256"))
        }
        text => {
            let mut digest = [0; 32];
            let lower = !text.bytes().any(|b| b.is_ascii_uppercase());
            if lower && hex::decode_to_slice(text, &mut digest).is_ok() {
                return Ok(Payload::Digest(digest));
            }
            Err(S3Error::argument(
                "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
                 STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
                "x-amz-content-sha256",
                text,
            ))
        }
    }
}
