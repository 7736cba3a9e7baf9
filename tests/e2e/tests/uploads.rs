//! Uploads that fail on the way: each gets its S3 error, and nothing of it is
//! kept.

use concierge_tests::chunked::{self, Fault, Framing};
use concierge_tests::{Request, Server, raw, seed};

const BUCKET: &str = "parcels";
const MIB: usize = 1 << 20;
/// One that is packed, one that is an extent, one of more than one extent.
const LENGTHS: [usize; 3] = [30_000, 3 * MIB, 9 * MIB];

async fn fresh() -> anyhow::Result<Server> {
    let server = Server::start().await?;
    server.create_bucket(BUCKET).await?;
    Ok(server)
}

async fn nothing_is_there(server: &Server) -> anyhow::Result<()> {
    let listed = server
        .send(Request::new("GET", format!("/{BUCKET}?versions")))
        .await?;
    assert_eq!(listed.status, 200);
    assert!(!listed.text().contains("<Key>"), "{listed:?}");
    Ok(())
}

#[tokio::test]
async fn wrong_digests() -> anyhow::Result<()> {
    let server = fresh().await?;
    for length in LENGTHS {
        let body = seed::bytes(1, length);
        let put = || Request::new("PUT", format!("/{BUCKET}/digest")).body(body.clone());
        for (request, code) in [
            (
                put().header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="),
                "BadDigest",
            ),
            (put().payload(&"0".repeat(64)), "XAmzContentSHA256Mismatch"),
            (
                put().header("x-amz-checksum-crc32", "AAAAAA=="),
                "BadDigest",
            ),
            (
                put().header("x-amz-checksum-crc32c", "AAAAAA=="),
                "BadDigest",
            ),
            (
                put().header("x-amz-checksum-crc64nvme", "AAAAAAAAAAA="),
                "BadDigest",
            ),
            (
                put().header("x-amz-checksum-sha1", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
                "BadDigest",
            ),
            (
                put().header(
                    "x-amz-checksum-sha256",
                    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                ),
                "BadDigest",
            ),
        ] {
            let names: Vec<String> = request
                .headers
                .iter()
                .map(|(name, _)| name.clone())
                .collect();
            let answer = server.send(request).await?;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (400, code),
                "{length}, {names:?}: {answer:?}"
            );
        }
    }
    nothing_is_there(&server).await
}

/// A client that dies in the middle. What it sent is not an object, and what it
/// had replaced is as it was.
#[tokio::test]
async fn truncated_bodies() -> anyhow::Result<()> {
    let server = fresh().await?;
    let address = server.s3()?.to_owned();
    for length in LENGTHS {
        for half_close in [true, false] {
            let put = Request::new("PUT", format!("/{BUCKET}/cut")).body(seed::bytes(2, length));
            let bytes = Server::credentials().signed(put, &address).bytes();
            let sent = bytes.len() - length / 2;
            let answer = raw::send_and_hang_up(&address, &bytes[..sent], half_close).await?;
            if let Some(answer) = answer {
                assert!((400..500).contains(&answer.status), "{length}: {answer:?}");
            }
            let got = server
                .send(Request::new("GET", format!("/{BUCKET}/cut")))
                .await?;
            assert_eq!(got.status, 404, "{length}: {got:?}");
        }
    }
    nothing_is_there(&server).await?;

    let old = seed::bytes(3, 100_000);
    let put = |body: Vec<u8>| Request::new("PUT", format!("/{BUCKET}/kept")).body(body);
    assert_eq!(server.send(put(old.clone())).await?.status, 200);
    let bytes = Server::credentials()
        .signed(put(seed::bytes(4, 9 * MIB)), &address)
        .bytes();
    raw::send_and_hang_up(&address, &bytes[..bytes.len() - 1], false).await?;
    let got = server
        .send(Request::new("GET", format!("/{BUCKET}/kept")))
        .await?;
    assert!(
        got.body == old,
        "an upload that was cut off changed the object"
    );
    Ok(())
}

#[tokio::test]
async fn good_chunks() -> anyhow::Result<()> {
    let server = fresh().await?;
    let address = server.s3()?.to_owned();
    for framing in [
        Framing::Signed,
        Framing::SignedTrailer,
        Framing::UnsignedTrailer,
    ] {
        for length in LENGTHS.into_iter().chain([0, 1]) {
            let body = seed::bytes(5, length);
            // Chunks of odd sizes, and a tiny one.
            let chunks: Vec<&[u8]> = body.chunks(65_537).collect();
            let path = format!("/{BUCKET}/{framing:?}/{length}");
            let put = chunked::put(
                &Server::credentials(),
                &address,
                &path,
                framing,
                &chunks,
                Fault::None,
            );
            let answer = raw::send(&address, &put).await?;
            assert_eq!(answer.status, 200, "{framing:?} {length}: {answer:?}");
            let got = server.send(Request::new("GET", &path)).await?;
            assert!(
                got.body == body,
                "{framing:?} {length}: {} bytes differ",
                got.body.len()
            );
            assert_eq!(
                got.header("content-encoding"),
                None,
                "aws-chunked is not kept"
            );
            if framing != Framing::Signed {
                let head = Request::new("HEAD", &path).header("x-amz-checksum-mode", "ENABLED");
                let head = server.send(head).await?;
                assert_eq!(
                    head.header(chunked::TRAILER),
                    Some(chunked::crc32c_base64(&body).as_str())
                );
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn broken_chunks() -> anyhow::Result<()> {
    use Fault::{
        ChunkData, ChunkSignature, EndlessSizeLine, FewerBytes, HugeSize, MoreBytes, NoLastChunk,
        NoTrailer, OtherTrailer, SizeNotHex, Swapped, TrailerSignature, TrailerValue,
    };
    let server = fresh().await?;
    let address = server.s3()?.to_owned();
    let signed = [Framing::Signed, Framing::SignedTrailer];
    let trailed = [Framing::SignedTrailer, Framing::UnsignedTrailer];
    let all = [
        Framing::Signed,
        Framing::SignedTrailer,
        Framing::UnsignedTrailer,
    ];
    let malformed = &[
        "InvalidRequest",
        "IncompleteBody",
        "InvalidChunkSizeError",
        "MalformedTrailerError",
    ][..];
    let cases: Vec<(Fault, &[Framing], &[&str])> = vec![
        (ChunkSignature, &signed, &["SignatureDoesNotMatch"]),
        (ChunkData, &signed, &["SignatureDoesNotMatch"]),
        (Swapped, &signed, &["SignatureDoesNotMatch"]),
        (
            TrailerSignature,
            &[Framing::SignedTrailer],
            &["SignatureDoesNotMatch"],
        ),
        (TrailerValue, &trailed, &["BadDigest"]),
        (ChunkData, &[Framing::UnsignedTrailer], &["BadDigest"]),
        (NoTrailer, &trailed, malformed),
        (OtherTrailer, &trailed, malformed),
        (NoLastChunk, &all, malformed),
        (SizeNotHex, &all, malformed),
        (HugeSize, &all, malformed),
        (EndlessSizeLine, &all, malformed),
        (FewerBytes, &all, malformed),
        (MoreBytes, &all, malformed),
    ];
    for length in LENGTHS {
        let body = seed::bytes(6, length);
        let chunks: Vec<&[u8]> = body.chunks(length / 3).collect();
        for (fault, framings, codes) in &cases {
            for framing in *framings {
                let path = format!("/{BUCKET}/broken");
                let put = chunked::put(
                    &Server::credentials(),
                    &address,
                    &path,
                    *framing,
                    &chunks,
                    *fault,
                );
                let answer = raw::send(&address, &put).await?;
                let what = format!("{framing:?} {fault:?} {length}");
                assert!([400, 403].contains(&answer.status), "{what}: {answer:?}");
                assert!(
                    codes.contains(&answer.code().as_str()),
                    "{what}: {answer:?}"
                );
            }
        }
    }
    nothing_is_there(&server).await
}

/// A part that fails leaves the upload as it was.
#[tokio::test]
async fn failed_parts() -> anyhow::Result<()> {
    let server = fresh().await?;
    let address = server.s3()?.to_owned();
    let started = server
        .send(Request::new("POST", format!("/{BUCKET}/m?uploads")))
        .await?;
    let upload = started.element("UploadId").unwrap();
    let target = format!("/{BUCKET}/m?partNumber=1&uploadId={upload}");
    let good = server
        .send(Request::new("PUT", &target).body("good"))
        .await?;
    let bad = Request::new("PUT", &target)
        .body("bad")
        .header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==");
    assert_eq!(server.send(bad).await?.code(), "BadDigest");
    let cut = Server::credentials().signed(
        Request::new("PUT", &target).body(seed::bytes(8, 9 * MIB)),
        &address,
    );
    let bytes = cut.bytes();
    raw::send_and_hang_up(&address, &bytes[..bytes.len() - 1], false).await?;
    let tag = good.header("etag").unwrap();
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part></CompleteMultipartUpload>"
    );
    let done = server
        .send(Request::new("POST", format!("/{BUCKET}/m?uploadId={upload}")).body(body))
        .await?;
    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(
        server
            .send(Request::new("GET", format!("/{BUCKET}/m")))
            .await?
            .text(),
        "good"
    );
    Ok(())
}

#[tokio::test]
async fn lengths() -> anyhow::Result<()> {
    let server = fresh().await?;
    let address = server.s3()?.to_owned();
    // Over 5 GiB in one request (PutObject, "EntityTooLarge").
    let put = Request::new("PUT", format!("/{BUCKET}/large"))
        .payload("UNSIGNED-PAYLOAD")
        .header(
            "content-length",
            (5_u64 * 1024 * 1024 * 1024 + 1).to_string(),
        );
    let answer = raw::send(&address, &Server::credentials().signed(put, &address)).await?;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "EntityTooLarge"),
        "{answer:?}"
    );
    // S3 wants a length: a body framed by HTTP alone has none.
    let put = Request::new("PUT", format!("/{BUCKET}/endless"))
        .payload("UNSIGNED-PAYLOAD")
        .header("transfer-encoding", "chunked")
        .body("4\r\nbody\r\n0\r\n\r\n");
    let answer = raw::send(&address, &Server::credentials().signed(put, &address)).await?;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (411, "MissingContentLength"),
        "{answer:?}"
    );
    nothing_is_there(&server).await
}
