//! Requests that no good client sends. Each gets S3's own error, and the server
//! serves the next one as if nothing had been.

use concierge_tests::{Request, Response, Server, raw};
use jiff::{Span, Timestamp};

const BUCKET: &str = "front-desk";

async fn fresh() -> anyhow::Result<Server> {
    let server = Server::start().await?;
    server.create_bucket(BUCKET).await?;
    let kept = server
        .send(Request::new("PUT", format!("/{BUCKET}/kept")).body("kept"))
        .await?;
    assert_eq!(kept.status, 200, "{kept:?}");
    Ok(server)
}

/// The server still does its work, and holds just the one object.
async fn still_well(server: &Server) -> anyhow::Result<()> {
    let got = server
        .send(Request::new("GET", format!("/{BUCKET}/kept")))
        .await?;
    assert_eq!((got.status, got.text().as_str()), (200, "kept"));
    let listed = server
        .send(Request::new("GET", format!("/{BUCKET}?list-type=2")))
        .await?;
    assert_eq!(
        listed.element("KeyCount").as_deref(),
        Some("1"),
        "{listed:?}"
    );
    Ok(())
}

fn expect(what: &str, answer: &Response, status: u16, code: &str) {
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (status, code),
        "{what}: {answer:?}"
    );
}

fn expect_one_of(what: &str, answer: &Response, status: u16, codes: &[&str]) {
    assert_eq!(answer.status, status, "{what}: {answer:?}");
    let code = answer.code();
    assert!(codes.contains(&code.as_str()), "{what}: {answer:?}");
}

#[tokio::test]
async fn keys() -> anyhow::Result<()> {
    let server = fresh().await?;
    let put = |key: String| server.send(Request::new("PUT", format!("/{BUCKET}/{key}")).body("x"));
    expect(
        "1,025 bytes",
        &put("k".repeat(1025)).await?,
        400,
        "KeyTooLongError",
    );
    // 342 characters of three bytes each: bytes count, not characters.
    expect(
        "1,026 bytes",
        &put("%E6%97%A5".repeat(342)).await?,
        400,
        "KeyTooLongError",
    );
    for invalid in ["%FF%FE", "a%C3", "%ED%A0%80", "%C0%AF"] {
        let answer = put(invalid.to_owned()).await?;
        expect_one_of(invalid, &answer, 400, &["InvalidURI", "InvalidArgument"]);
    }
    let fits = "%E6%97%A5".repeat(341) + "k";
    assert_eq!(put(fits.clone()).await?.status, 200);
    let gone = server
        .send(Request::new("DELETE", format!("/{BUCKET}/{fits}")))
        .await?;
    assert_eq!(gone.status, 204);
    still_well(&server).await
}

/// Text that is no UTF-8 elsewhere than in the key.
#[tokio::test]
async fn invalid_utf8() -> anyhow::Result<()> {
    let server = fresh().await?;
    for query in ["prefix=%FF", "delimiter=%C3", "start-after=%ED%A0%80"] {
        let answer = server
            .send(Request::new(
                "GET",
                format!("/{BUCKET}?list-type=2&{query}"),
            ))
            .await?;
        expect_one_of(query, &answer, 400, &["InvalidURI", "InvalidArgument"]);
    }
    let answer = server
        .send(Request::new("GET", "/%FF%FE?list-type=2"))
        .await?;
    assert!([400, 404].contains(&answer.status), "bucket: {answer:?}");
    for (name, value) in [
        ("x-amz-tagging", "a=%FF"),
        ("x-amz-copy-source", "/front-desk/%C0%AF"),
    ] {
        let put = Request::new("PUT", format!("/{BUCKET}/utf8")).header(name, value);
        expect(name, &server.send(put).await?, 400, "InvalidArgument");
    }
    // Bytes that are no text at all: no client signs such a header, so it may
    // fail for its signature as well as for itself.
    for name in ["x-amz-copy-source", "x-amz-checksum-crc32", "x-amz-date"] {
        let put = Request::new("PUT", format!("/{BUCKET}/utf8")).header(name, b"\xff\xfe");
        let answer = server.send(put).await?;
        assert!([400, 403].contains(&answer.status), "{name}: {answer:?}");
    }
    still_well(&server).await
}

#[tokio::test]
async fn broken_percent_encoding() -> anyhow::Result<()> {
    let server = fresh().await?;
    for broken in ["%", "%4", "%zz", "a%"] {
        let answer = server
            .send(Request::new("GET", format!("/{BUCKET}/{broken}")))
            .await?;
        assert!((400..500).contains(&answer.status), "{broken}: {answer:?}");
    }
    still_well(&server).await
}

#[tokio::test]
async fn signatures() -> anyhow::Result<()> {
    let server = fresh().await?;
    let host = server.s3()?.to_owned();
    let credentials = Server::credentials();
    let get = || Request::new("GET", format!("/{BUCKET}/kept"));
    let signed = || credentials.signed(get(), &host);
    let change = |mut request: Request, name: &str, with: &dyn Fn(&str) -> String| {
        for (header, value) in &mut request.headers {
            if header == name {
                *value = with(&String::from_utf8_lossy(value)).into_bytes();
            }
        }
        request
    };
    let authorization = |with: &dyn Fn(&str) -> String| change(signed(), "authorization", with);

    let cases: Vec<(&str, Request, u16, &str)> = vec![
        ("nobody", get().header("host", &host), 403, "AccessDenied"),
        (
            "another digit",
            authorization(&|a| flip_last_digit(a)),
            403,
            "SignatureDoesNotMatch",
        ),
        (
            "another path",
            Request {
                path: format!("/{BUCKET}/other"),
                ..signed()
            },
            403,
            "SignatureDoesNotMatch",
        ),
        (
            "another method",
            Request {
                method: "DELETE".into(),
                ..signed()
            },
            403,
            "SignatureDoesNotMatch",
        ),
        (
            "a query",
            Request {
                query: "acl".into(),
                ..signed()
            },
            403,
            "SignatureDoesNotMatch",
        ),
        (
            "short signature",
            authorization(&|a| a[..a.len() - 1].into()),
            400,
            "AuthorizationHeaderMalformed",
        ),
        (
            "another service",
            authorization(&|a| a.replace("/s3/", "/ec2/")),
            400,
            "AuthorizationHeaderMalformed",
        ),
        (
            "another end",
            authorization(&|a| a.replace("aws4_request", "aws3_request")),
            400,
            "AuthorizationHeaderMalformed",
        ),
        (
            "no scope",
            authorization(&|a| a.replace("/s3/aws4_request", "")),
            400,
            "AuthorizationHeaderMalformed",
        ),
        (
            "no signature",
            authorization(&|a| a.split(", Signature").next().unwrap().into()),
            400,
            "AuthorizationHeaderMalformed",
        ),
        (
            "unknown key",
            authorization(&|a| a.replace("ENDTOENDTESTS", "ENDTOENDGUEST")),
            403,
            "InvalidAccessKeyId",
        ),
        (
            "version 2",
            get()
                .header("host", &host)
                .header("authorization", "AWS AKID:c2lnbmF0dXJl"),
            400,
            "InvalidRequest",
        ),
        (
            "a scheme of no kind",
            get()
                .header("host", &host)
                .header("authorization", "Basic dTpw"),
            400,
            "InvalidArgument",
        ),
        (
            "binary",
            get()
                .header("host", &host)
                .header("authorization", [0xff, 0xfe]),
            400,
            "InvalidArgument",
        ),
    ];
    for (what, request, status, code) in cases {
        expect(what, &raw::send(&host, &request).await?, status, code);
    }
    let unsigned_host = change(signed(), "authorization", &|a| {
        a.replace("SignedHeaders=host;", "SignedHeaders=")
    });
    let answer = raw::send(&host, &unsigned_host).await?;
    assert!(
        [400, 403].contains(&answer.status),
        "host not signed: {answer:?}"
    );
    still_well(&server).await
}

/// A header that came but was not signed must not decide anything: S3 wants
/// every `x-amz-` header signed ("Authenticating Requests", signed headers).
#[tokio::test]
async fn amz_headers_must_be_signed() -> anyhow::Result<()> {
    let server = fresh().await?;
    let host = server.s3()?.to_owned();
    let put = Request::new("PUT", format!("/{BUCKET}/copied"));
    let smuggled = Server::credentials()
        .signed(put, &host)
        .header("x-amz-copy-source", format!("/{BUCKET}/kept"));
    expect(
        "copy source",
        &raw::send(&host, &smuggled).await?,
        403,
        "AccessDenied",
    );
    still_well(&server).await
}

fn flip_last_digit(text: &str) -> String {
    let last = if text.ends_with('0') { "1" } else { "0" };
    format!("{}{last}", &text[..text.len() - 1])
}

#[tokio::test]
async fn dates() -> anyhow::Result<()> {
    let server = fresh().await?;
    let host = server.s3()?.to_owned();
    let credentials = Server::credentials();
    let get = || Request::new("GET", format!("/{BUCKET}/kept"));
    for minutes in [-16_i64, 16] {
        let when = Timestamp::now() + Span::new().minutes(minutes);
        let answer = raw::send(&host, &credentials.signed_at(get(), &host, when).0).await?;
        expect(
            &format!("{minutes} minutes"),
            &answer,
            403,
            "RequestTimeTooSkewed",
        );
    }
    for minutes in [-14_i64, 14] {
        let when = Timestamp::now() + Span::new().minutes(minutes);
        let answer = raw::send(&host, &credentials.signed_at(get(), &host, when).0).await?;
        assert_eq!(answer.status, 200, "{minutes} minutes: {answer:?}");
    }
    for date in ["yesterday", "20261324T000000Z", "2026-11-24T00:00:00Z", ""] {
        let request = credentials.signed(get().header("x-amz-date", date), &host);
        let answer = raw::send(&host, &request).await?;
        assert!([400, 403].contains(&answer.status), "{date:?}: {answer:?}");
        assert_ne!(answer.code(), "", "{date:?}: {answer:?}");
    }
    let past = Timestamp::now() + Span::new().minutes(-10);
    let answer = raw::send(&host, &credentials.presigned(get(), &host, past, 60)).await?;
    expect("expired", &answer, 403, "AccessDenied");
    let answer = raw::send(&host, &credentials.presigned(get(), &host, past, 3600)).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    for expires in [0, 604_801] {
        let answer = raw::send(
            &host,
            &credentials.presigned(get(), &host, Timestamp::now(), expires),
        )
        .await?;
        expect(
            &format!("for {expires} s"),
            &answer,
            400,
            "AuthorizationQueryParametersError",
        );
    }
    still_well(&server).await
}

#[tokio::test]
async fn headers() -> anyhow::Result<()> {
    let server = fresh().await?;
    let put = || Request::new("PUT", format!("/{BUCKET}/headers")).body("x");
    let fat = server
        .send(put().header("x-amz-meta-fat", "v".repeat(2049)))
        .await?;
    expect("metadata", &fat, 400, "MetadataTooLarge");
    for (what, request) in [
        (
            "one header of 1 MiB",
            put().header("x-amz-meta-huge", "v".repeat(1 << 20)),
        ),
        (
            "5,000 headers",
            (0..5000).fold(put(), |request, n| {
                request.header(&format!("x-amz-meta-{n}"), "v")
            }),
        ),
    ] {
        let answer = server.send(request).await?;
        assert!([400, 431].contains(&answer.status), "{what}: {answer:?}");
    }
    let bytes = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "u".repeat(1 << 20));
    let answer = raw::send_bytes(server.s3()?, bytes.as_bytes(), false).await?;
    assert!(
        [400, 414, 431].contains(&answer.status),
        "a target of 1 MiB: {answer:?}"
    );
    still_well(&server).await
}

#[tokio::test]
async fn not_http() -> anyhow::Result<()> {
    let server = fresh().await?;
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"GET /\x7f\x00 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
    ] {
        if let Some(answer) = raw::send_and_hang_up(server.s3()?, garbage, true).await? {
            assert!((400..600).contains(&answer.status), "{garbage:?}: {answer:?}");
        }
    }
    still_well(&server).await
}

#[tokio::test]
async fn bad_xml() -> anyhow::Result<()> {
    let server = fresh().await?;
    let entities: String = (1..20)
        .map(|n| format!("<!ENTITY e{n} \"{}\">", format!("&e{};", n - 1).repeat(10)))
        .collect();
    let bomb = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE d [<!ENTITY e0 \"lol\">{entities}]><Delete><Object><Key>&e19;</Key></Object></Delete>"
    );
    let outside = "<!DOCTYPE d [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><Delete><Object><Key>&x;</Key></Object></Delete>";
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    let wide = format!(
        "<Delete {}/>",
        (0..50_000).map(|n| format!("a{n}='' ")).collect::<String>()
    );
    let mut not_utf8 = b"<Delete><Object><Key>".to_vec();
    not_utf8.extend_from_slice(b"\xff\xfe</Key></Object></Delete>");
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("entities", bomb.into()),
        ("external entity", outside.into()),
        ("deep", deep.into()),
        ("wide", wide.into()),
        ("not UTF-8", not_utf8),
        ("cut", b"<Delete><Object><Key>a</Key></Obj".to_vec()),
        ("another root", b"<Tagging><TagSet/></Tagging>".to_vec()),
        ("empty", Vec::new()),
        ("no XML", b"{\"Objects\": []}".to_vec()),
        (
            "UTF-16",
            "<Delete/>"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect(),
        ),
    ];
    for (what, body) in &bodies {
        let answer = server
            .send(Request::new("POST", format!("/{BUCKET}?delete")).body(body.clone()))
            .await?;
        let codes = [
            "MalformedXML",
            "MissingRequestBodyError",
            "EntityTooLarge",
            "MaxMessageLengthExceeded",
        ];
        assert!(
            answer.status == 400 && codes.contains(&answer.code().as_str()),
            "{what}: {answer:?}"
        );
    }
    for target in ["versioning", "tagging", "cors"] {
        for (what, body) in bodies
            .iter()
            .filter(|(what, _)| *what != "another root" || target != "tagging")
        {
            let answer = server
                .send(Request::new("PUT", format!("/{BUCKET}?{target}")).body(body.clone()))
                .await?;
            assert_eq!(answer.status, 400, "{target}, {what}: {answer:?}");
        }
    }
    still_well(&server).await
}

/// A document far over any that S3 defines must be refused while it comes, not
/// collected first.
#[tokio::test]
async fn endless_xml_costs_no_memory() -> anyhow::Result<()> {
    const SENT: usize = 64 << 20;
    const GROWTH_MAX: u64 = 24 << 20;
    let server = fresh().await?;
    let growth = server.watch_memory()?;
    let mut body = b"<Delete>".to_vec();
    while body.len() < SENT {
        body.extend_from_slice(
            b"<Object><Key>kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk</Key></Object>",
        );
    }
    let answer = server
        .send(Request::new("POST", format!("/{BUCKET}?delete")).body(body))
        .await?;
    assert!([400, 413].contains(&answer.status), "{answer:?}");
    let grown = growth.peak_bytes()?;
    assert!(grown < GROWTH_MAX, "the server grew by {grown} bytes");
    still_well(&server).await
}

#[tokio::test]
async fn parts() -> anyhow::Result<()> {
    let server = fresh().await?;
    let target = format!("/{BUCKET}/parts");
    let started = server
        .send(Request::new("POST", format!("{target}?uploads")))
        .await?;
    let upload = started.element("UploadId").unwrap();
    let put = |number: &'static str| {
        server.send(
            Request::new(
                "PUT",
                format!("{target}?partNumber={number}&uploadId={upload}"),
            )
            .body("part"),
        )
    };
    for number in ["0", "10001", "-1", "one", "99999999999999999999"] {
        expect(number, &put(number).await?, 400, "InvalidArgument");
    }
    let one = put("1").await?.header("etag").unwrap().to_owned();
    let two = put("2").await?.header("etag").unwrap().to_owned();
    let complete = |parts: &[(&str, &str)]| {
        let list: String = parts
            .iter()
            .map(|(number, tag)| {
                format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>")
            })
            .collect();
        let body = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
        server.send(Request::new("POST", format!("{target}?uploadId={upload}")).body(body))
    };
    expect(
        "descending",
        &complete(&[("2", &two), ("1", &one)]).await?,
        400,
        "InvalidPartOrder",
    );
    expect(
        "twice",
        &complete(&[("1", &one), ("1", &one)]).await?,
        400,
        "InvalidPartOrder",
    );
    expect(
        "small",
        &complete(&[("1", &one), ("2", &two)]).await?,
        400,
        "EntityTooSmall",
    );
    expect(
        "unknown",
        &complete(&[("1", &one), ("3", &two)]).await?,
        400,
        "InvalidPart",
    );
    expect(
        "another tag",
        &complete(&[("1", "\"0123456789abcdef0123456789abcdef\"")]).await?,
        400,
        "InvalidPart",
    );
    expect("no parts", &complete(&[]).await?, 400, "MalformedXML");
    expect(
        "no number",
        &complete(&[("x", &one)]).await?,
        400,
        "MalformedXML",
    );
    for id in ["", "nobody", "..%2F..%2Fetc%2Fpasswd", "%00"] {
        let answer = server
            .send(Request::new("DELETE", format!("{target}?uploadId={id}")))
            .await?;
        assert!(
            [400, 404].contains(&answer.status),
            "upload {id:?}: {answer:?}"
        );
    }
    still_well(&server).await?;
    let aborted = server
        .send(Request::new(
            "DELETE",
            format!("{target}?uploadId={upload}"),
        ))
        .await?;
    assert_eq!(aborted.status, 204);
    Ok(())
}

#[tokio::test]
async fn arguments() -> anyhow::Result<()> {
    let server = fresh().await?;
    for (target, status, code) in [
        ("?list-type=2&max-keys=x", 400, "InvalidArgument"),
        ("?list-type=2&max-keys=-1", 400, "InvalidArgument"),
        (
            "?list-type=2&continuation-token=bm90IG91cnM",
            400,
            "InvalidArgument",
        ),
        ("?list-type=2&encoding-type=rot13", 400, "InvalidArgument"),
        ("?list-type=3", 400, "InvalidArgument"),
        ("/kept?partNumber=0", 400, "InvalidArgument"),
        ("/kept?versionId=..%2F..%2Fetc", 400, "InvalidArgument"),
    ] {
        expect(
            target,
            &server
                .send(Request::new("GET", format!("/{BUCKET}{target}")))
                .await?,
            status,
            code,
        );
    }
    let answer = server
        .send(Request::new("PATCH", format!("/{BUCKET}/kept")))
        .await?;
    expect("PATCH", &answer, 405, "MethodNotAllowed");
    for (header, value) in [
        ("content-md5", "not base64"),
        ("content-md5", "AAAA"),
        ("x-amz-checksum-crc32", "AAAA=A"),
    ] {
        let put = Request::new("PUT", format!("/{BUCKET}/no"))
            .header(header, value)
            .body("x");
        let answer = server.send(put).await?;
        assert_eq!(answer.status, 400, "{header}: {value}: {answer:?}");
        assert!(
            ["InvalidDigest", "InvalidRequest"].contains(&answer.code().as_str()),
            "{answer:?}"
        );
    }
    let two = Request::new("PUT", format!("/{BUCKET}/no"))
        .header("x-amz-checksum-crc32", "AAAAAA==")
        .header("x-amz-checksum-crc32c", "AAAAAA==");
    expect(
        "two checksums",
        &server.send(two).await?,
        400,
        "InvalidRequest",
    );
    still_well(&server).await
}
