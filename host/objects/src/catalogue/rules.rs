//! Decisions that every engine takes in the same way.

use crc_fast::{CrcAlgorithm, checksum_combine};
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;

use super::records::{ETag, StoredPart, Upload};
use crate::error::Error;
use crate::types::{
    Checksum, ChecksumAlgorithm, ChecksumKind, CompleteRequest, UploadInfo, WriteConditions,
};

/// A part but the last has at least so many bytes (S3 User Guide, "Amazon S3
/// multipart upload limits").
pub const PART_SIZE_MIN_BYTES: u64 = 5 << 20;

/// An object has at most 5 TiB (the same page; S3 raised it to 50 TB for
/// some in late 2025; ours stays at what clients plan with).
pub const OBJECT_SIZE_MAX_BYTES: u64 = 5 << 40;

/// Whether a write may go on over the current object's entity tag, if there is
/// a current object (S3 User Guide, "How to prevent object overwrites with
/// conditional writes").
pub fn check_write(conditions: &WriteConditions, current: Option<ETag>) -> Result<(), Error> {
    if let Some(wanted) = &conditions.if_match {
        // "If-Match … if no current version exists, or the current version is
        // a delete marker, the operation fails with 404".
        let current = current.ok_or(Error::NoSuchKey(None))?;
        if wanted != "*" && *wanted != current.to_string() {
            return Err(Error::PreconditionFailed("If-Match".to_owned()));
        }
    }
    if conditions.if_none_match.is_some() && current.is_some() {
        return Err(Error::PreconditionFailed("If-None-Match".to_owned()));
    }
    Ok(())
}

/// Whether a deletion may go on (S3 User Guide, "How to perform conditional
/// deletes").
pub fn check_delete(if_match: Option<&str>, current: Option<ETag>) -> Result<(), Error> {
    let Some(wanted) = if_match else {
        return Ok(());
    };
    let failed = || Error::PreconditionFailed("If-Match".to_owned());
    let current = current.ok_or_else(failed)?;
    if wanted == "*" || wanted == current.to_string() {
        Ok(())
    } else {
        Err(failed())
    }
}

/// What a completion makes of its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Bytes of the object.
    pub size: u64,
    /// Its entity tag.
    pub etag: ETag,
    /// Its checksum.
    pub checksum: Option<Checksum>,
}

/// Checks a completion against the parts there are and computes what the
/// object will be. `stored` are the upload's parts in the order of their
/// numbers (S3 API Reference, "CompleteMultipartUpload").
pub fn complete(
    upload: &Upload,
    stored: &[StoredPart],
    request: &CompleteRequest,
) -> Result<Completion, Error> {
    let parts = choose_parts(upload, stored, request)?;
    check_sizes(&parts)?;
    let size = parts.iter().map(|part| part.size).sum();
    if size > OBJECT_SIZE_MAX_BYTES {
        return Err(Error::EntityTooLarge);
    }
    if request.size.is_some_and(|expected| expected != size) {
        return Err(Error::InvalidRequest(
            "The provided 'x-amz-mp-object-size' header does not match the size of the object"
                .to_owned(),
        ));
    }
    let checksum = combine(&upload.info(), &parts)?;
    check_expected(request, &checksum)?;
    let mut md5 = Md5::new();
    for part in &parts {
        md5.update(part.md5);
    }
    let etag = ETag {
        md5: md5.finalize().into(),
        parts: u32::try_from(parts.len()).ok(),
    };
    Ok(Completion {
        size,
        etag,
        checksum: Some(checksum),
    })
}

/// The stored parts that the request names, in its order.
fn choose_parts<'a>(
    upload: &Upload,
    stored: &'a [StoredPart],
    request: &CompleteRequest,
) -> Result<Vec<&'a StoredPart>, Error> {
    if request.parts.is_empty() {
        return Err(Error::InvalidRequest(
            "You must specify at least one part".to_owned(),
        ));
    }
    if !request.parts.is_sorted_by(|a, b| a.number < b.number) {
        return Err(Error::InvalidPartOrder);
    }
    let mut rest = stored.iter();
    let mut chosen = Vec::with_capacity(request.parts.len());
    for named in &request.parts {
        let part = rest
            .find(|part| part.number >= named.number)
            .filter(|part| part.number == named.number)
            .ok_or(Error::InvalidPart)?;
        let same_checksum = match (&named.checksum, &part.checksum) {
            (Some(named), Some(kept)) if named.0 == kept.0 => named == kept,
            // Where the client chose no checksum for the upload, it may name
            // one of its own that is not kept.
            (Some(_), Some(_)) => upload.checksum.is_none(),
            _ => true,
        };
        if named.etag != hex::encode(part.md5) || !same_checksum {
            return Err(Error::InvalidPart);
        }
        chosen.push(part);
    }
    Ok(chosen)
}

fn check_sizes(parts: &[&StoredPart]) -> Result<(), Error> {
    let but_last = parts.split_last().map_or(&[][..], |(_, rest)| rest);
    if but_last.iter().any(|part| part.size < PART_SIZE_MIN_BYTES) {
        return Err(Error::EntityTooSmall);
    }
    Ok(())
}

/// The checksum of the whole from those of the parts (S3 User Guide, "Checking
/// object integrity for data uploads": composite and full object).
fn combine(upload: &UploadInfo, parts: &[&StoredPart]) -> Result<Checksum, Error> {
    let (algorithm, kind) = upload.effective_checksum();
    let digests = parts
        .iter()
        .map(|part| match &part.checksum {
            Some((of, value)) if *of == algorithm => Ok((value.as_slice(), part.size)),
            _ => Err(Error::InvalidPart),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let value = match kind {
        ChecksumKind::FullObject => combine_crcs(algorithm, &digests).ok_or(Error::Internal)?,
        ChecksumKind::Composite => digest_of(algorithm, digests.iter().map(|(value, _)| *value)),
    };
    Ok(Checksum {
        algorithm,
        kind,
        value,
    })
}

/// The CRC of a concatenation from those of its pieces and their lengths;
/// `None` for a function that is no CRC.
fn combine_crcs(algorithm: ChecksumAlgorithm, pieces: &[(&[u8], u64)]) -> Option<Vec<u8>> {
    let function = crc_function(algorithm)?;
    let combined = pieces
        .iter()
        .map(|(digest, len)| (from_be(digest), *len))
        .reduce(|(left, left_len), (right, len)| {
            (checksum_combine(function, left, right, len), left_len + len)
        })
        .map_or(0, |(value, _)| value);
    Some(to_be(combined, algorithm.digest_len()))
}

/// The CRC that crc-fast calls by another name; `None` for a function that is
/// no CRC.
pub fn crc_function(algorithm: ChecksumAlgorithm) -> Option<CrcAlgorithm> {
    match algorithm {
        ChecksumAlgorithm::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
        ChecksumAlgorithm::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
        ChecksumAlgorithm::Crc64nvme => Some(CrcAlgorithm::Crc64Nvme),
        ChecksumAlgorithm::Sha1 | ChecksumAlgorithm::Sha256 => None,
    }
}

fn from_be(digest: &[u8]) -> u64 {
    digest
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// The last `len` bytes of a number, most significant first.
pub fn to_be(value: u64, len: usize) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    bytes
        .get(bytes.len().saturating_sub(len)..)
        .unwrap_or(&bytes)
        .to_vec()
}

/// The digest of a few short slices.
fn digest_of<'a>(algorithm: ChecksumAlgorithm, slices: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    fn hash<'a, D: Digest>(slices: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut digest = D::new();
        for slice in slices {
            digest.update(slice);
        }
        digest.finalize().to_vec()
    }
    match (algorithm, crc_function(algorithm)) {
        (_, Some(function)) => {
            let mut digest = crc_fast::Digest::new(function);
            for slice in slices {
                digest.update(slice);
            }
            to_be(digest.finalize(), algorithm.digest_len())
        }
        (ChecksumAlgorithm::Sha1, None) => hash::<Sha1>(slices),
        (_, None) => hash::<Sha256>(slices),
    }
}

fn check_expected(request: &CompleteRequest, checksum: &Checksum) -> Result<(), Error> {
    if let Some(kind) = request.checksum_kind
        && kind != checksum.kind
    {
        return Err(Error::InvalidRequest(
            "The checksum type of the completion is not the upload's".to_owned(),
        ));
    }
    let Some((algorithm, expected)) = &request.checksum else {
        return Ok(());
    };
    if *algorithm != checksum.algorithm {
        return Err(Error::InvalidRequest(
            "The checksum algorithm of the completion is not the upload's".to_owned(),
        ));
    }
    if *expected != checksum.value {
        return Err(Error::ChecksumMismatch(*algorithm));
    }
    Ok(())
}
