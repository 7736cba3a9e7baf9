//! Bodies in aws-chunked framing, signed and not, through the whole store. The
//! signed ones are the examples of Amazon S3 API Reference, "Signature
//! Calculations for the Authorization Header: Transferring Payload in Multiple
//! Chunks (Chunked Upload)" and "Signature calculations for trailing headers".
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod harness;

use std::sync::Arc;

use bytes::Bytes;
use concierge_identity::{
    Bootstrap, Identity, ManualClock, Payload, Placement, Principal, SignedRequest,
};
use concierge_objects::*;
use harness::*;

/// 2013-05-24T00:00:00Z, when the examples were signed.
const SIGNED_US: u64 = 1_369_353_600_000_000;

const PLAIN: (&str, &str) = (
    "PUT\n/examplebucket/chunkObject.txt\n\ncontent-encoding:aws-chunked\ncontent-length:66824\nhost:s3.amazonaws.com\nx-amz-content-sha256:STREAMING-AWS4-HMAC-SHA256-PAYLOAD\nx-amz-date:20130524T000000Z\nx-amz-decoded-content-length:66560\nx-amz-storage-class:REDUCED_REDUNDANCY\n\ncontent-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class\nSTREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
);
const PLAIN_CHUNKS: [&str; 3] = [
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
];

const TRAILER: (&str, &str) = (
    "PUT\n/examplebucket/chunkObject.txt\n\ncontent-encoding:aws-chunked\nhost:s3.amazonaws.com\nx-amz-content-sha256:STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER\nx-amz-date:20130524T000000Z\nx-amz-decoded-content-length:66560\nx-amz-storage-class:REDUCED_REDUNDANCY\nx-amz-trailer:x-amz-checksum-crc32c\n\ncontent-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer\nSTREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
);
const TRAILER_CHUNKS: [&str; 3] = [
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
];
const TRAILER_SIGNATURE: &str = "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435";
const CRC32C: &str = "sOO8/Q==";

fn principal(
    dir: &std::path::Path,
    (canonical, seed): (&str, &str),
    payload: Payload,
) -> Principal {
    let bootstrap = Bootstrap {
        access_key_id: Some("AKIAIOSFODNN7EXAMPLE".to_owned()),
        secret_access_key: Some("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
        ..Bootstrap::default()
    };
    let clock = Arc::new(ManualClock::at(SIGNED_US));
    let identity = Identity::open(&dir.join("identity"), clock, bootstrap).unwrap();
    let request = SignedRequest {
        placement: Placement::Header,
        access_key_id: "AKIAIOSFODNN7EXAMPLE",
        timestamp: "20130524T000000Z",
        scope_date: "20130524",
        region: "us-east-1",
        service: "s3",
        canonical_request: canonical,
        signature: seed,
        expires_s: None,
        payload,
    };
    let verified = identity.verify_sigv4(&request).unwrap();
    identity.principal(&verified.token).unwrap()
}

fn framed(signatures: [&str; 3], end: &str) -> String {
    let [first, second, last] = signatures;
    format!(
        "10000;chunk-signature={first}\r\n{}\r\n400;chunk-signature={second}\r\n{}\r\n0;chunk-signature={last}\r\n{end}",
        "a".repeat(65536),
        "a".repeat(1024)
    )
}

fn request(framing: Framing, trailer: bool) -> PutRequest {
    PutRequest {
        body: Body {
            framing,
            size: Some(66560),
            trailer: trailer.then(|| "x-amz-checksum-crc32c".to_owned()),
            ..Body::default()
        },
        ..put("chunkObject.txt")
    }
}

/// A body cut in pieces of a size that fits no boundary.
fn cut(body: &str) -> BodyStream {
    pieces(
        body.as_bytes()
            .chunks(1009)
            .map(Bytes::copy_from_slice)
            .collect(),
    )
}

#[tokio::test]
async fn signed_chunks_are_verified() {
    let h = Harness::with_bucket().await;
    let signer = principal(h.dir.path(), PLAIN, Payload::SignedChunks);
    let put = |body: String| {
        h.store.put(
            &signer,
            request(Framing::AwsChunkedSigned, false),
            cut(&body),
        )
    };
    put(framed(PLAIN_CHUNKS, "\r\n")).await.unwrap();
    assert_eq!(h.get("chunkObject.txt").await.unwrap().1, "a".repeat(66560));
    let good = framed(PLAIN_CHUNKS, "\r\n");
    let forged = good.replacen("aaaa", "aaba", 1);
    assert_eq!(put(forged).await, Err(Error::ChunkSignatureMismatch));
    let swapped = framed([PLAIN_CHUNKS[1], PLAIN_CHUNKS[0], PLAIN_CHUNKS[2]], "\r\n");
    assert_eq!(put(swapped).await, Err(Error::ChunkSignatureMismatch));
    assert_eq!(
        put(good[..good.len() - 3].to_owned()).await,
        Err(Error::IncompleteBody)
    );
    assert_eq!(
        h.get("chunkObject.txt").await.unwrap().1,
        "a".repeat(66560),
        "nothing changed"
    );
    // A principal whose request announced no signed chunks has no seed.
    let refused = h
        .store
        .put(
            &h.user,
            request(Framing::AwsChunkedSigned, false),
            cut(&good),
        )
        .await;
    assert_eq!(refused, Err(Error::ChunkSignatureMismatch));
}

#[tokio::test]
async fn signed_trailers_are_verified() {
    let h = Harness::with_bucket().await;
    let signer = principal(h.dir.path(), TRAILER, Payload::SignedChunksAndTrailer);
    let put = |body: String| {
        h.store.put(
            &signer,
            request(Framing::AwsChunkedSignedTrailer, true),
            cut(&body),
        )
    };
    let end = |crc: &str, signature: &str| {
        format!("x-amz-checksum-crc32c:{crc}\r\nx-amz-trailer-signature:{signature}\r\n\r\n")
    };
    let stored = put(framed(TRAILER_CHUNKS, &end(CRC32C, TRAILER_SIGNATURE)))
        .await
        .unwrap();
    assert_eq!(
        stored.checksum.unwrap().algorithm,
        ChecksumAlgorithm::Crc32c
    );
    let forged = framed(TRAILER_CHUNKS, &end("AAAAAA==", TRAILER_SIGNATURE));
    assert_eq!(put(forged).await, Err(Error::ChunkSignatureMismatch));
    let unsigned = framed(
        TRAILER_CHUNKS,
        &format!("x-amz-checksum-crc32c:{CRC32C}\r\n\r\n"),
    );
    assert!(matches!(
        put(unsigned).await,
        Err(Error::MalformedFraming(_))
    ));
}

#[tokio::test]
async fn unsigned_trailers_are_checked() {
    let h = Harness::with_bucket().await;
    let framed = |end: &str| format!("5\r\nhello\r\n0\r\n{end}\r\n");
    let request = |trailer: Option<&str>| PutRequest {
        body: Body {
            framing: Framing::AwsChunked,
            size: Some(5),
            trailer: trailer.map(str::to_owned),
            ..Body::default()
        },
        ..put("key")
    };
    let put =
        |trailer: Option<&str>, body: String| h.store.put(&h.user, request(trailer), cut(&body));
    let name = Some("x-amz-checksum-crc32c");
    // CRC-32C of "hello" is 9a71bb4c.
    let good = "x-amz-checksum-crc32c:mnG7TA==\r\n";
    let stored = put(name, framed(good)).await.unwrap();
    assert_eq!(stored.checksum.unwrap().value, [0x9a, 0x71, 0xbb, 0x4c]);
    put(None, framed("")).await.unwrap();
    let wrong = put(name, framed("x-amz-checksum-crc32c:AAAAAA==\r\n")).await;
    assert_eq!(
        wrong,
        Err(Error::ChecksumMismatch(ChecksumAlgorithm::Crc32c))
    );
    for (trailer, end) in [
        (name, ""),
        (name, "x-amz-checksum-crc32:AAAAAA==\r\n"),
        (name, "x-amz-checksum-crc32c:%%%\r\n"),
        (name, "x-amz-checksum-crc32c:mnG7\r\n"),
        (None, good),
        (name, &format!("{good}{good}")),
    ] {
        let refused = put(trailer, framed(end)).await;
        assert!(
            matches!(refused, Err(Error::MalformedFraming(_))),
            "{end:?}: {refused:?}"
        );
    }
    let unknown = put(Some("x-amz-checksum-md5"), framed("")).await;
    assert!(matches!(unknown, Err(Error::InvalidRequest(_))));
    let mut raw = request(name);
    raw.body.framing = Framing::Raw;
    let refused = h.store.put(&h.user, raw, body("hello")).await;
    assert!(matches!(refused, Err(Error::InvalidRequest(_))));
}
