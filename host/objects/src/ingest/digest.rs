//! Digests of a body while it streams.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use concierge_identity::ChunkVerifier;
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;

use super::chunked::Piece;
use crate::catalogue::rules::{crc_function, to_be};
use crate::error::Error;
use crate::types::{ChecksumAlgorithm, RequestedChecksum};

/// One running checksum.
enum Sum {
    Crc(Box<crc_fast::Digest>),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Sum {
    fn new(algorithm: ChecksumAlgorithm) -> Self {
        match crc_function(algorithm) {
            Some(function) => Self::Crc(Box::new(crc_fast::Digest::new(function))),
            None if algorithm == ChecksumAlgorithm::Sha1 => Self::Sha1(Sha1::new()),
            None => Self::Sha256(Sha256::new()),
        }
    }

    fn update(&mut self, data: &[u8]) {
        match self {
            Self::Crc(digest) => digest.update(data),
            Self::Sha1(digest) => digest.update(data),
            Self::Sha256(digest) => digest.update(data),
        }
    }

    fn finish(self, algorithm: ChecksumAlgorithm) -> Vec<u8> {
        match self {
            Self::Crc(digest) => to_be(digest.finalize(), algorithm.digest_len()),
            Self::Sha1(digest) => digest.finalize().to_vec(),
            Self::Sha256(digest) => digest.finalize().to_vec(),
        }
    }
}

/// What a body must be found to be.
pub struct Expectations {
    /// Its MD5.
    pub md5: Option<Vec<u8>>,
    /// Its SHA-256.
    pub sha256: Option<Vec<u8>>,
    /// The checksum the client named.
    pub checksum: Option<RequestedChecksum>,
    /// The checksum that the trailer will bring.
    pub trailer: Option<ChecksumAlgorithm>,
    /// The checksum to keep.
    pub keep: ChecksumAlgorithm,
    /// Who verifies the chunks' signatures, in signed framings.
    pub verifier: Option<ChunkVerifier>,
}

/// What a body was found to be.
pub struct Digests {
    /// MD5 of the bytes.
    pub md5: [u8; 16],
    /// The checksum to keep.
    pub checksum: Vec<u8>,
}

struct Signatures {
    verifier: ChunkVerifier,
    chunk: Sha256,
    trailer: Sha256,
}

/// Computes what is needed and no more, and compares.
pub struct Digester {
    expected: Expectations,
    md5: Md5,
    sums: Vec<(ChecksumAlgorithm, Sum)>,
    signatures: Option<Signatures>,
}

impl Digester {
    /// Refuses expectations that contradict themselves.
    pub fn new(mut expected: Expectations) -> Result<Self, Error> {
        let bad_length =
            |digest: &Option<Vec<u8>>, len| digest.as_ref().is_some_and(|d| d.len() != len);
        if bad_length(&expected.md5, 16) {
            return Err(Error::InvalidArgument(
                "Content-MD5 is not an MD5".to_owned(),
            ));
        }
        if bad_length(&expected.sha256, 32) {
            return Err(Error::InvalidArgument(
                "x-amz-content-sha256 is not a SHA-256".to_owned(),
            ));
        }
        let named = expected.checksum.as_ref();
        if named.is_some_and(|sum| bad_length(&sum.expected, sum.algorithm.digest_len())) {
            return Err(Error::InvalidRequest(
                "The checksum is not of its algorithm's length".to_owned(),
            ));
        }
        if let (Some(named), Some(trailer)) = (named, expected.trailer)
            && (named.algorithm != trailer || named.expected.is_some())
        {
            return Err(Error::InvalidRequest(
                "Expecting a single x-amz-checksum- header or trailer".to_owned(),
            ));
        }
        let sha256 = expected
            .sha256
            .is_some()
            .then_some(ChecksumAlgorithm::Sha256);
        let mut algorithms: Vec<_> = [
            Some(expected.keep),
            named.map(|sum| sum.algorithm),
            expected.trailer,
            sha256,
        ]
        .into_iter()
        .flatten()
        .collect();
        algorithms.sort_unstable();
        algorithms.dedup();
        let signatures = expected.verifier.take().map(|verifier| Signatures {
            verifier,
            chunk: Sha256::new(),
            trailer: Sha256::new(),
        });
        Ok(Self {
            expected,
            md5: Md5::new(),
            sums: algorithms.into_iter().map(|a| (a, Sum::new(a))).collect(),
            signatures,
        })
    }

    /// Takes the next pieces. Costs as much as hashing them: some 1.5 ms for
    /// each MiB, most of it MD5.
    pub fn update(&mut self, pieces: &[Piece]) -> Result<(), Error> {
        for piece in pieces {
            match piece {
                Piece::Data(data) => self.data(data),
                Piece::ChunkEnd(signature) => self.chunk_end(signature.as_ref())?,
                Piece::Trailer { name, value } => self.trailer(name, value)?,
                Piece::TrailerSignature(digits) => self.trailer_signature(digits)?,
            }
        }
        Ok(())
    }

    fn data(&mut self, data: &[u8]) {
        self.md5.update(data);
        for (_, sum) in &mut self.sums {
            sum.update(data);
        }
        if let Some(signatures) = &mut self.signatures {
            signatures.chunk.update(data);
        }
    }

    fn chunk_end(&mut self, digits: Option<&[u8; 64]>) -> Result<(), Error> {
        let Some(signatures) = &mut self.signatures else {
            return Ok(());
        };
        let digest = signatures.chunk.finalize_reset().into();
        match digits {
            Some(digits) if signatures.verifier.chunk(&digest, digits) => Ok(()),
            _ => Err(Error::ChunkSignatureMismatch),
        }
    }

    fn trailer(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let malformed = |why: &str| Error::MalformedFraming(why.to_owned());
        let algorithm = ChecksumAlgorithm::from_header_name(name);
        if algorithm.is_none() || algorithm != self.expected.trailer {
            return Err(malformed("a trailer was not announced by x-amz-trailer"));
        }
        if let Some(signatures) = &mut self.signatures {
            // The canonical form of the trailing headers: `name:value\n`.
            for part in [name, ":", value, "\n"] {
                signatures.trailer.update(part);
            }
        }
        let digest = STANDARD
            .decode(value)
            .ok()
            .filter(|digest| algorithm.is_some_and(|a| digest.len() == a.digest_len()))
            .ok_or_else(|| malformed("the trailer's checksum is not one"))?;
        self.expected.checksum = algorithm.map(|algorithm| RequestedChecksum {
            algorithm,
            expected: Some(digest),
        });
        self.expected.trailer = None;
        Ok(())
    }

    fn trailer_signature(&mut self, digits: &[u8; 64]) -> Result<(), Error> {
        let Some(signatures) = &mut self.signatures else {
            return Ok(());
        };
        let digest = signatures.trailer.finalize_reset().into();
        if signatures.verifier.trailer(&digest, digits) {
            Ok(())
        } else {
            Err(Error::ChunkSignatureMismatch)
        }
    }

    /// Compares with what was expected.
    pub fn finish(self) -> Result<Digests, Error> {
        if self.expected.trailer.is_some() {
            return Err(Error::MalformedFraming(
                "the announced trailer is missing".to_owned(),
            ));
        }
        let md5: [u8; 16] = self.md5.finalize().into();
        if self.expected.md5.is_some_and(|expected| expected != md5) {
            return Err(Error::BadDigest);
        }
        let mut kept = Vec::new();
        for (algorithm, sum) in self.sums {
            let value = sum.finish(algorithm);
            if algorithm == ChecksumAlgorithm::Sha256
                && self
                    .expected
                    .sha256
                    .as_ref()
                    .is_some_and(|expected| *expected != value)
            {
                return Err(Error::ContentSha256Mismatch);
            }
            let named = self.expected.checksum.as_ref();
            let named = named.filter(|sum| sum.algorithm == algorithm);
            if named
                .and_then(|sum| sum.expected.as_ref())
                .is_some_and(|expected| *expected != value)
            {
                return Err(Error::ChecksumMismatch(algorithm));
            }
            if algorithm == self.expected.keep {
                kept = value;
            }
        }
        Ok(Digests {
            md5,
            checksum: kept,
        })
    }
}
