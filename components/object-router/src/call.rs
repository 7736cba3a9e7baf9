//! A verified request on its way through an operation, and what operations share: its token, its documents with their
//! digests, and the description of the body for the host.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::bindings::concierge::identity::sigv4::Principal;
use crate::bindings::concierge::objects::blobs::{Body, ChecksumAlgorithm, Error, Framing};
use crate::crc::{CRC32, CRC32C, CRC64NVME};
use crate::error::{Code, S3Error};
use crate::headers::checksum;
use crate::host::{Host, Named, ReadError, UploadName};
use crate::http::reply::Reply;
use crate::http::request::{Request, parse_decimal};
use crate::sigv4::Payload;
use crate::xml::Malformed;

/// What an operation answers.
pub type Outcome<H> = Result<Reply<<H as Host>::Outgoing>, S3Error>;

/// A request whose signature was verified.
pub struct Call<'a, H: Host> {
    /// The host.
    pub host: &'a H,
    /// The request.
    pub request: &'a Request,
    /// Who asks.
    pub principal: &'a Principal,
    /// What the request announced of its body.
    pub payload: &'a Payload,
}

impl<H: Host> Call<'_, H> {
    /// The token of the principal, for a call of the host.
    pub fn token(&self) -> String {
        self.principal.token.clone()
    }

    /// The bucket that the request names.
    pub fn bucket(&self) -> String {
        self.request.target.bucket.clone()
    }

    /// The key that the request names.
    pub fn key(&self) -> String {
        self.request.target.key.clone()
    }

    /// The version that the request names.
    pub fn named(&self) -> Result<Named, S3Error> {
        Ok(Named {
            bucket: self.bucket(),
            key: self.key(),
            version_id: self.request.version_id()?,
        })
    }

    /// The upload that the request names.
    pub fn upload(&self) -> UploadName {
        let upload_id = self
            .request
            .query
            .get("uploadId")
            .unwrap_or_default()
            .to_owned();
        UploadName {
            bucket: self.bucket(),
            key: self.key(),
            upload_id,
        }
    }

    /// Describes the body of a put to the host. S3 wants its length beforehand (API Reference, "PutObject": 411).
    pub fn body(&self) -> Result<Body, S3Error> {
        let framing = self.payload.framing();
        let length = self.request.content_length()?;
        let size = match framing {
            Framing::Raw => length,
            _ => Some(self.decoded_length()?),
        };
        if size.is_none() {
            return Err(S3Error::new(Code::MissingContentLength));
        }
        let announced =
            checksum::parse_announced(&self.request.headers, self.payload.has_trailer())?;
        let sha256 = match self.payload {
            Payload::Digest(digest) => Some(digest.to_vec()),
            _ => None,
        };
        Ok(Body {
            framing,
            size,
            md5: checksum::parse_md5(&self.request.headers)?,
            sha256,
            checksum: announced.checksum,
            trailer: announced.trailer,
        })
    }

    /// The length of an aws-chunked body without its framing.
    fn decoded_length(&self) -> Result<u64, S3Error> {
        let name = "x-amz-decoded-content-length";
        let text = self
            .request
            .headers
            .single(name)?
            .ok_or_else(|| S3Error::new(Code::MissingContentLength))?;
        parse_decimal(text)
            .ok_or_else(|| S3Error::argument("The decoded content length is not valid", name, text))
    }

    /// Reads a document of at most `max_bytes` from the body, and checks every digest that was sent for it.
    pub async fn document(&self, body: H::Incoming, max_bytes: usize) -> Result<Vec<u8>, S3Error> {
        let bytes = self.document_of_object(body, max_bytes).await?;
        self.check_checksum(&bytes)?;
        Ok(bytes)
    }

    /// As [`Self::document`], where the checksum in the headers is not of the document but of an object.
    pub async fn document_of_object(
        &self,
        body: H::Incoming,
        max_bytes: usize,
    ) -> Result<Vec<u8>, S3Error> {
        if self.payload.framing() != Framing::Raw {
            return Err(S3Error::not_implemented("x-amz-content-sha256"));
        }
        let length = self.request.content_length()?;
        if length.is_some_and(|length| length > max_bytes as u64) {
            return Err(too_long(max_bytes));
        }
        let bytes = self
            .host
            .read(body, max_bytes)
            .await
            .map_err(|error| match error {
                ReadError::TooLong => too_long(max_bytes),
                ReadError::Incomplete => S3Error::new(Code::IncompleteBody),
                ReadError::Busy => Error::SlowDown.into(),
            })?;
        if length.is_some_and(|length| length != bytes.len() as u64) {
            return Err(S3Error::new(Code::IncompleteBody));
        }
        self.check_digests(&bytes)?;
        Ok(bytes)
    }

    fn check_digests(&self, bytes: &[u8]) -> Result<(), S3Error> {
        if let Payload::Digest(expected) = self.payload
            && Sha256::digest(bytes).as_slice() != expected
        {
            return Err(S3Error::new(Code::XAmzContentSha256Mismatch));
        }
        let md5 = checksum::parse_md5(&self.request.headers)?;
        if md5.is_some_and(|expected| Md5::digest(bytes).as_slice() != expected) {
            return Err(S3Error::new(Code::BadDigest));
        }
        Ok(())
    }

    fn check_checksum(&self, bytes: &[u8]) -> Result<(), S3Error> {
        let announced = checksum::parse_announced(&self.request.headers, false)?.checksum;
        if let Some(announced) = announced
            && announced
                .expected
                .is_some_and(|expected| digest(announced.algorithm, bytes) != expected)
        {
            let name = checksum::wire_name(announced.algorithm);
            let text = format!("The {name} you specified did not match the calculated checksum.");
            return Err(S3Error::with(Code::BadDigest, text));
        }
        Ok(())
    }

    /// Fails when no digest was sent for a document that S3 takes with one only (API Reference, "DeleteObjects":
    /// Content-MD5 or an additional checksum).
    pub fn require_digest(&self) -> Result<(), S3Error> {
        let headers = &self.request.headers;
        let digest = matches!(self.payload, Payload::Digest(_));
        if digest || headers.has("content-md5") || checksum::parse_header(headers)?.is_some() {
            return Ok(());
        }
        Err(S3Error::request(
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
        ))
    }
}

fn too_long(max_bytes: usize) -> S3Error {
    S3Error::new(Code::MaxMessageLengthExceeded)
        .detail("MaxMessageLengthBytes", max_bytes.to_string())
}

/// The digest of a document, most significant byte first.
fn digest(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Vec<u8> {
    let crc32 = |value: u64| (value as u32).to_be_bytes().to_vec();
    match algorithm {
        ChecksumAlgorithm::Crc32 => crc32(CRC32.of(bytes)),
        ChecksumAlgorithm::Crc32c => crc32(CRC32C.of(bytes)),
        ChecksumAlgorithm::Crc64nvme => CRC64NVME.of(bytes).to_be_bytes().to_vec(),
        ChecksumAlgorithm::Sha1 => Sha1::digest(bytes).to_vec(),
        ChecksumAlgorithm::Sha256 => Sha256::digest(bytes).to_vec(),
    }
}

impl From<Malformed> for S3Error {
    fn from(_: Malformed) -> Self {
        S3Error::new(Code::MalformedXml)
    }
}

/// An opaque continuation token: base64 of the place where the next page begins, so that clients do not take it apart.
pub fn continuation(place: &str) -> String {
    STANDARD.encode(place)
}

/// Reads a continuation token; `None` where it is not one of ours.
pub fn parse_continuation(token: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(token).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_of_the_check_string() {
        let check = b"123456789";
        let hexadecimal = |algorithm| hex::encode(digest(algorithm, check));
        assert_eq!(hexadecimal(ChecksumAlgorithm::Crc32), "cbf43926");
        assert_eq!(hexadecimal(ChecksumAlgorithm::Crc32c), "e3069283");
        assert_eq!(
            hexadecimal(ChecksumAlgorithm::Crc64nvme),
            "ae8b14860a799888"
        );
        assert_eq!(
            hexadecimal(ChecksumAlgorithm::Sha1),
            "f7c3bc1d808e04732adf679965ccc34ca7ae3441"
        );
        assert_eq!(
            hexadecimal(ChecksumAlgorithm::Sha256),
            "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"
        );
    }

    #[test]
    fn continuation_tokens_come_back() {
        assert_eq!(
            parse_continuation(&continuation("a/ü\n")).as_deref(),
            Some("a/ü\n")
        );
        assert_eq!(parse_continuation("!"), None);
        assert_eq!(parse_continuation("/w=="), None);
    }
}
