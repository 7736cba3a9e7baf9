//! Digests and additional checksums in headers (User Guide, "Checking object integrity in Amazon S3").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::bindings::concierge::objects::blobs::{
    Checksum, ChecksumAlgorithm, ChecksumKind, RequestedChecksum,
};
use crate::error::{Code, S3Error};
use crate::http::headers::Headers;
use crate::http::reply::Reply;

/// Every algorithm.
pub const ALGORITHMS: [ChecksumAlgorithm; 5] = [
    ChecksumAlgorithm::Crc32,
    ChecksumAlgorithm::Crc32c,
    ChecksumAlgorithm::Crc64nvme,
    ChecksumAlgorithm::Sha1,
    ChecksumAlgorithm::Sha256,
];

/// The name in `x-amz-checksum-algorithm` and in XML.
pub fn wire_name(algorithm: ChecksumAlgorithm) -> &'static str {
    match algorithm {
        ChecksumAlgorithm::Crc32 => "CRC32",
        ChecksumAlgorithm::Crc32c => "CRC32C",
        ChecksumAlgorithm::Crc64nvme => "CRC64NVME",
        ChecksumAlgorithm::Sha1 => "SHA1",
        ChecksumAlgorithm::Sha256 => "SHA256",
    }
}

/// The header that carries its value.
pub fn header_name(algorithm: ChecksumAlgorithm) -> &'static str {
    match algorithm {
        ChecksumAlgorithm::Crc32 => "x-amz-checksum-crc32",
        ChecksumAlgorithm::Crc32c => "x-amz-checksum-crc32c",
        ChecksumAlgorithm::Crc64nvme => "x-amz-checksum-crc64nvme",
        ChecksumAlgorithm::Sha1 => "x-amz-checksum-sha1",
        ChecksumAlgorithm::Sha256 => "x-amz-checksum-sha256",
    }
}

/// The element that carries its value in XML.
pub fn element_name(algorithm: ChecksumAlgorithm) -> &'static str {
    match algorithm {
        ChecksumAlgorithm::Crc32 => "ChecksumCRC32",
        ChecksumAlgorithm::Crc32c => "ChecksumCRC32C",
        ChecksumAlgorithm::Crc64nvme => "ChecksumCRC64NVME",
        ChecksumAlgorithm::Sha1 => "ChecksumSHA1",
        ChecksumAlgorithm::Sha256 => "ChecksumSHA256",
    }
}

/// Bytes of its digest.
pub fn digest_bytes(algorithm: ChecksumAlgorithm) -> usize {
    match algorithm {
        ChecksumAlgorithm::Crc32 | ChecksumAlgorithm::Crc32c => 4,
        ChecksumAlgorithm::Crc64nvme => 8,
        ChecksumAlgorithm::Sha1 => 20,
        ChecksumAlgorithm::Sha256 => 32,
    }
}

/// Reads an algorithm's name; SDKs send it in upper case, some tools in lower.
pub fn parse_algorithm(name: &str) -> Option<ChecksumAlgorithm> {
    ALGORITHMS
        .into_iter()
        .find(|algorithm| wire_name(*algorithm).eq_ignore_ascii_case(name))
}

/// The name in `x-amz-checksum-type` and in XML.
pub fn kind_name(kind: ChecksumKind) -> &'static str {
    match kind {
        ChecksumKind::FullObject => "FULL_OBJECT",
        ChecksumKind::Composite => "COMPOSITE",
    }
}

/// Reads `x-amz-checksum-type`.
pub fn parse_kind(headers: &Headers) -> Result<Option<ChecksumKind>, S3Error> {
    match headers.single("x-amz-checksum-type")? {
        None => Ok(None),
        Some("FULL_OBJECT") => Ok(Some(ChecksumKind::FullObject)),
        Some("COMPOSITE") => Ok(Some(ChecksumKind::Composite)),
        Some(_) => Err(invalid_header("x-amz-checksum-type")),
    }
}

/// Reads a header that names an algorithm.
pub fn named_algorithm(
    headers: &Headers,
    name: &'static str,
) -> Result<Option<ChecksumAlgorithm>, S3Error> {
    let Some(value) = headers.single(name)? else {
        return Ok(None);
    };
    match parse_algorithm(value) {
        Some(algorithm) => Ok(Some(algorithm)),
        None => Err(S3Error::request(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: \
             [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
        )),
    }
}

/// Reads a digest of an algorithm's length in base64. A composite value's `-N` (the number of parts) may follow.
pub fn parse_value(algorithm: ChecksumAlgorithm, text: &str) -> Option<Vec<u8>> {
    let digest = match text.split_once('-') {
        Some((digest, parts)) if !parts.is_empty() && parts.bytes().all(|b| b.is_ascii_digit()) => {
            digest
        }
        Some(_) => return None,
        None => text,
    };
    STANDARD
        .decode(digest)
        .ok()
        .filter(|bytes| bytes.len() == digest_bytes(algorithm))
}

/// A stored checksum as it is shown: base64, with the number of parts behind a composite one.
pub fn show(checksum: &Checksum, parts: Option<u32>) -> String {
    let mut text = STANDARD.encode(&checksum.value);
    if checksum.kind == ChecksumKind::Composite
        && let Some(parts) = parts
    {
        text.push('-');
        text.push_str(&parts.to_string());
    }
    text
}

/// Puts a stored checksum into an answer's headers.
pub fn set<S>(reply: &mut Reply<S>, checksum: Option<&Checksum>, parts: Option<u32>) {
    if let Some(checksum) = checksum {
        reply.set(header_name(checksum.algorithm), &show(checksum, parts));
        reply.set("x-amz-checksum-type", kind_name(checksum.kind));
    }
}

/// Reads the one `x-amz-checksum-*` header that carries a value.
pub fn parse_header(headers: &Headers) -> Result<Option<(ChecksumAlgorithm, Vec<u8>)>, S3Error> {
    let mut found = None;
    for (name, _) in headers.iter() {
        let Some(suffix) = name.strip_prefix("x-amz-checksum-") else {
            continue;
        };
        if matches!(suffix, "mode" | "type" | "algorithm") {
            continue;
        }
        let algorithm = ALGORITHMS
            .into_iter()
            .find(|algorithm| header_name(*algorithm) == name);
        let Some(algorithm) = algorithm else {
            return Err(S3Error::not_implemented(name));
        };
        if found.is_some_and(|known| known != algorithm) {
            return Err(S3Error::request(
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
            ));
        }
        found = Some(algorithm);
    }
    let Some(algorithm) = found else {
        return Ok(None);
    };
    let name = header_name(algorithm);
    let value = headers
        .single(name)?
        .and_then(|text| parse_value(algorithm, text));
    value
        .map(|value| Some((algorithm, value)))
        .ok_or_else(|| invalid_header(name))
}

/// The checksum that a body announces, and the trailer that will carry it.
#[derive(Debug, Default, PartialEq)]
pub struct Announced {
    /// What to compute, and what to expect.
    pub checksum: Option<RequestedChecksum>,
    /// The name of the trailer.
    pub trailer: Option<String>,
}

/// Reads the checksum of a body from its header, from the trailer that is announced, or from the algorithm alone.
/// `trailers` says whether the body's framing can carry a trailer.
pub fn parse_announced(headers: &Headers, trailers: bool) -> Result<Announced, S3Error> {
    let named = named_algorithm(headers, "x-amz-sdk-checksum-algorithm")?;
    let valued = parse_header(headers)?;
    let trailer = parse_trailer(headers, trailers)?;
    let carried = match (&valued, &trailer) {
        (Some(_), Some(_)) => {
            return Err(S3Error::request(
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
            ));
        }
        (Some((algorithm, _)), None) | (None, Some((algorithm, _))) => Some(*algorithm),
        (None, None) => None,
    };
    match (named, carried) {
        (Some(named), Some(carried)) if named != carried => {
            return Err(invalid_header("x-amz-sdk-checksum-algorithm"));
        }
        (Some(_), None) => {
            return Err(S3Error::request(
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer \
                 headers were found.",
            ));
        }
        _ => {}
    }
    let expected = valued.map(|(_, value)| value);
    Ok(Announced {
        checksum: carried.map(|algorithm| RequestedChecksum {
            algorithm,
            expected,
        }),
        trailer: trailer.map(|(_, name)| name),
    })
}

fn parse_trailer(
    headers: &Headers,
    trailers: bool,
) -> Result<Option<(ChecksumAlgorithm, String)>, S3Error> {
    let Some(name) = headers.single("x-amz-trailer")? else {
        return Ok(None);
    };
    let name = name.to_ascii_lowercase();
    let algorithm = ALGORITHMS
        .into_iter()
        .find(|algorithm| header_name(*algorithm) == name);
    match algorithm {
        Some(algorithm) if trailers => Ok(Some((algorithm, name))),
        _ => Err(S3Error::request(
            "The value specified in the x-amz-trailer header is not supported",
        )),
    }
}

/// Reads `Content-MD5`.
pub fn parse_md5(headers: &Headers) -> Result<Option<Vec<u8>>, S3Error> {
    let Some(text) = headers.single("content-md5")? else {
        return Ok(None);
    };
    match STANDARD.decode(text).ok().filter(|bytes| bytes.len() == 16) {
        Some(bytes) => Ok(Some(bytes)),
        None => Err(S3Error::new(Code::InvalidDigest).detail("Content-MD5", text)),
    }
}

fn invalid_header(name: &str) -> S3Error {
    S3Error::request(format!("Value for {name} header is invalid."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(fields: &[(&str, &str)], trailers: bool) -> Result<Announced, S3Error> {
        let list = fields
            .iter()
            .map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec()))
            .collect();
        parse_announced(&Headers::new(list), trailers)
    }

    #[test]
    fn reads_header_and_trailer() {
        let by_header = announced(&[("x-amz-checksum-crc32", "AAAAAQ==")], false).unwrap();
        let checksum = by_header.checksum.unwrap();
        assert_eq!(
            (checksum.algorithm, checksum.expected),
            (ChecksumAlgorithm::Crc32, Some(vec![0, 0, 0, 1]))
        );
        let by_trailer = announced(
            &[
                ("x-amz-trailer", "X-Amz-Checksum-Crc32c"),
                ("x-amz-sdk-checksum-algorithm", "CRC32C"),
            ],
            true,
        );
        let by_trailer = by_trailer.unwrap();
        assert_eq!(by_trailer.trailer.as_deref(), Some("x-amz-checksum-crc32c"));
        assert_eq!(by_trailer.checksum.unwrap().expected, None);
        assert_eq!(announced(&[], false).unwrap(), Announced::default());
    }

    #[test]
    fn refuses_contradictions() {
        let crc32 = ("x-amz-checksum-crc32", "AAAAAQ==");
        let cases: [(&[(&str, &str)], Code); 8] = [
            (
                &[crc32, ("x-amz-checksum-crc32c", "AAAAAQ==")],
                Code::InvalidRequest,
            ),
            (&[("x-amz-checksum-crc32", "AAAA")], Code::InvalidRequest),
            (&[("x-amz-checksum-crc32", "!")], Code::InvalidRequest),
            (
                &[crc32, ("x-amz-sdk-checksum-algorithm", "SHA1")],
                Code::InvalidRequest,
            ),
            (
                &[("x-amz-sdk-checksum-algorithm", "SHA1")],
                Code::InvalidRequest,
            ),
            (
                &[("x-amz-sdk-checksum-algorithm", "ROT13")],
                Code::InvalidRequest,
            ),
            (
                &[crc32, ("x-amz-trailer", "x-amz-checksum-crc32")],
                Code::InvalidRequest,
            ),
            (
                &[("x-amz-checksum-xxhash64", "AAAAAAAAAAE=")],
                Code::NotImplemented,
            ),
        ];
        for (fields, code) in cases {
            assert_eq!(
                announced(fields, true).unwrap_err().code(),
                code,
                "{fields:?}"
            );
        }
        assert!(announced(&[("x-amz-trailer", "x-amz-checksum-crc32")], false).is_err());
        assert!(announced(&[("x-amz-trailer", "x-amz-meta-a")], true).is_err());
    }

    #[test]
    fn composite_values_carry_the_number_of_parts() {
        assert_eq!(
            parse_value(ChecksumAlgorithm::Crc32, "AAAAAQ==-3"),
            Some(vec![0, 0, 0, 1])
        );
        assert_eq!(parse_value(ChecksumAlgorithm::Crc32, "AAAAAQ==-x"), None);
        let checksum = Checksum {
            algorithm: ChecksumAlgorithm::Crc32,
            kind: ChecksumKind::Composite,
            value: vec![0, 0, 0, 1],
        };
        assert_eq!(show(&checksum, Some(3)), "AAAAAQ==-3");
    }
}
