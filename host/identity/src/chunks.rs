//! Signatures inside an aws-chunked body.
//!
//! Source: Amazon S3 API Reference, "Signature Calculations for the
//! Authorization Header: Transferring Payload in Multiple Chunks (Chunked
//! Upload)" and "Signature calculations for trailing headers". Each signature
//! covers the one before it; the first covers the request's own (the seed).

use std::fmt;

use crate::signing::{SigningKey, parse_signature, same_signature};

/// SHA-256 of nothing, which stands in every chunk's string to sign.
const EMPTY_SHA256_HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Where the chain of signatures of a body begins.
pub(crate) struct ChunkSeed {
    pub(crate) signing_key: SigningKey,
    /// `YYYYMMDD'T'HHMMSS'Z'`.
    pub(crate) timestamp: String,
    /// The credential scope.
    pub(crate) scope: String,
    /// The signature of the request.
    pub(crate) signature: [u8; 32],
    /// Whether a signed trailer ends the body.
    pub(crate) trailer: bool,
}

/// Verifies the signatures of one body, chunk after chunk.
///
/// After the first that does not match, nothing matches any more.
pub struct ChunkVerifier {
    signing_key: SigningKey,
    /// Timestamp and scope, as each string to sign has them.
    context: String,
    previous: [u8; 32],
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Chunks, and then no trailer that is signed.
    Chunks,
    /// Chunks, and then a signed trailer.
    ChunksThenTrailer,
    /// The trailer was verified, or something did not match.
    Closed,
}

impl ChunkVerifier {
    pub(crate) fn new(seed: &ChunkSeed) -> Self {
        Self {
            signing_key: seed.signing_key,
            context: format!("{}\n{}\n", seed.timestamp, seed.scope),
            previous: seed.signature,
            state: if seed.trailer {
                State::ChunksThenTrailer
            } else {
                State::Chunks
            },
        }
    }

    /// Whether a chunk is signed as it should be, in its place in the body.
    ///
    /// `chunk_sha256` is the digest of the chunk's data (of nothing, for the
    /// last one); `signature_hex` the text of its `chunk-signature`.
    #[must_use]
    pub fn chunk(&mut self, chunk_sha256: &[u8; 32], signature_hex: &[u8]) -> bool {
        if self.state == State::Closed {
            return false;
        }
        let digest = hex::encode(chunk_sha256);
        self.verify(
            &[b"AWS4-HMAC-SHA256-PAYLOAD\n"],
            &[EMPTY_SHA256_HEX.as_bytes(), b"\n", digest.as_bytes()],
            signature_hex,
        )
    }

    /// Whether the trailer is signed as it should be, after the last chunk.
    /// False also for a body that announced no signed trailer.
    ///
    /// `trailer_sha256` is the digest of the trailing headers in canonical
    /// form (`name:value\n` each); `signature_hex` the text of
    /// `x-amz-trailer-signature`.
    #[must_use]
    pub fn trailer(&mut self, trailer_sha256: &[u8; 32], signature_hex: &[u8]) -> bool {
        if self.state != State::ChunksThenTrailer {
            self.state = State::Closed;
            return false;
        }
        let digest = hex::encode(trailer_sha256);
        let good = self.verify(
            &[b"AWS4-HMAC-SHA256-TRAILER\n"],
            &[digest.as_bytes()],
            signature_hex,
        );
        self.state = State::Closed;
        good
    }

    fn verify(&mut self, head: &[&[u8]], tail: &[&[u8]], signature_hex: &[u8]) -> bool {
        let previous = hex::encode(self.previous);
        let middle = [self.context.as_bytes(), previous.as_bytes(), b"\n"];
        let expected = self.signing_key.sign(&[head, &middle, tail].concat());
        let good = parse_signature(signature_hex)
            .is_some_and(|signature| same_signature(&signature, &expected));
        if good {
            self.previous = expected;
        } else {
            self.state = State::Closed;
        }
        good
    }
}

impl fmt::Debug for ChunkVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkVerifier")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::{Scope, sha256};

    const CHUNK_1: &str = "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648";
    const CHUNK_2: &str = "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497";
    const LAST: &str = "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9";

    /// The documentation's example: 65 KiB + 1 KiB of the letter `a`.
    fn seed(signature: &str, trailer: bool) -> ChunkSeed {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".parse().unwrap();
        let scope = Scope {
            date: "20130524",
            region: "us-east-1",
            service: "s3",
        };
        ChunkSeed {
            signing_key: SigningKey::derive(&secret, scope),
            timestamp: "20130524T000000Z".to_owned(),
            scope: scope.to_string(),
            signature: parse_signature(signature.as_bytes()).unwrap(),
            trailer,
        }
    }

    fn plain() -> ChunkVerifier {
        let seed = seed(
            "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
            false,
        );
        ChunkVerifier::new(&seed)
    }

    fn with_trailer() -> ChunkVerifier {
        let seed = seed(
            "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
            true,
        );
        ChunkVerifier::new(&seed)
    }

    fn letters(count: usize) -> [u8; 32] {
        sha256("a".repeat(count).as_bytes())
    }

    #[test]
    fn accepts_awss_chunked_example() {
        let mut verifier = plain();
        assert!(verifier.chunk(&letters(65536), CHUNK_1.as_bytes()));
        assert!(verifier.chunk(&letters(1024), CHUNK_2.as_bytes()));
        assert!(verifier.chunk(&letters(0), LAST.as_bytes()));
    }

    #[test]
    fn accepts_awss_trailer_example() {
        let mut verifier = with_trailer();
        for (size, signature) in [
            (
                65536,
                "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
            ),
            (
                1024,
                "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
            ),
            (
                0,
                "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
            ),
        ] {
            assert!(
                verifier.chunk(&letters(size), signature.as_bytes()),
                "{size}"
            );
        }
        assert!(verifier.trailer(
            &sha256(b"x-amz-checksum-crc32c:sOO8/Q==\n"),
            b"d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435",
        ));
        assert!(
            !verifier.chunk(&letters(0), LAST.as_bytes()),
            "nothing follows the trailer"
        );
    }

    #[test]
    fn refuses_a_changed_chunk_and_everything_after_it() {
        let mut verifier = plain();
        assert!(!verifier.chunk(&letters(65535), CHUNK_1.as_bytes()));
        assert!(!verifier.chunk(&letters(65536), CHUNK_1.as_bytes()));
    }

    #[test]
    fn refuses_chunks_left_out_swapped_or_repeated() {
        assert!(
            !plain().chunk(&letters(1024), CHUNK_2.as_bytes()),
            "first chunk left out"
        );
        let mut verifier = plain();
        assert!(verifier.chunk(&letters(65536), CHUNK_1.as_bytes()));
        assert!(
            !verifier.chunk(&letters(65536), CHUNK_1.as_bytes()),
            "repeated"
        );
        let mut verifier = plain();
        assert!(verifier.chunk(&letters(65536), CHUNK_1.as_bytes()));
        assert!(
            !verifier.chunk(&letters(0), LAST.as_bytes()),
            "second chunk left out"
        );
    }

    #[test]
    fn refuses_signatures_that_are_not_of_their_form() {
        for bad in ["", "ad80", &CHUNK_1.to_uppercase(), &format!("{CHUNK_1}00")] {
            assert!(!plain().chunk(&letters(65536), bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn a_trailer_is_refused_where_none_was_announced() {
        let mut verifier = plain();
        let digest = sha256(b"x-amz-checksum-crc32c:sOO8/Q==\n");
        assert!(!verifier.trailer(&digest, CHUNK_1.as_bytes()));
    }

    #[test]
    fn a_chunk_signature_is_not_a_trailer_signature() {
        let mut verifier = with_trailer();
        let first = b"b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2";
        assert!(!verifier.trailer(&letters(65536), first));
    }
}
