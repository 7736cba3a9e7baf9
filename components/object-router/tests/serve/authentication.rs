//! Who is asking: signatures in both places, and what a client is told when one is missing or wrong.

use hmac::{Hmac, KeyInit as _, Mac as _};
use object_router::bindings::concierge::identity::sigv4::{
    Error, Payload, Placement, SignedRequest,
};
use sha2::{Digest as _, Sha256};

use crate::client::{Answered, Request, SIGNATURE};
use crate::fixtures::bucket;
use crate::playback::{Answer, Playback};

/// The secret of all of AWS's examples.
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";

fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// The signature of a canonical request, as the host computes it (API Reference, "Signature Calculations for the
/// Authorization Header: Transferring Payload in a Single Chunk").
fn sign(request: &SignedRequest) -> String {
    let day = hmac(format!("AWS4{SECRET}").as_bytes(), &request.scope_date);
    let region = hmac(&day, &request.region);
    let service = hmac(&region, &request.service);
    let key = hmac(&service, "aws4_request");
    let scope = format!(
        "{}/{}/{}/aws4_request",
        request.scope_date, request.region, request.service
    );
    let digest = hex::encode(Sha256::digest(&request.canonical_request));
    let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{digest}", request.timestamp);
    hex::encode(hmac(&key, &to_sign))
}

/// What is sent to the host to be verified. What becomes of the request after is of no interest: the host refuses.
fn to_verify(request: &Request) -> SignedRequest {
    let host = Playback::refusing(Error::Unavailable);
    assert_eq!(request.send(&host).error(), (503, "ServiceUnavailable"));
    host.verified().into_iter().next().unwrap()
}

fn authorization(signed_headers: &str, signature: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={KEY_ID}/20130524/us-east-1/s3/aws4_request,SignedHeaders={signed_headers},Signature={signature}"
    )
}

/// A request of the examples, but for what it signs.
fn example(method: &'static str, target: &str, host: &str, content_sha256: &str) -> Request {
    Request::new(method, target)
        .anonymous()
        .header("Host", host)
        .header("x-amz-date", "20130524T000000Z")
        .header("x-amz-content-sha256", content_sha256)
}

const BUCKET_HOST: &str = "examplebucket.s3.amazonaws.com";

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The request's canonical form must have the signature that AWS published with it.
fn check(request: Request, signed_headers: &str, signature: &str) -> SignedRequest {
    let request = request.header("Authorization", authorization(signed_headers, signature));
    let sent = to_verify(&request);
    assert_eq!(sent.signature, signature);
    assert_eq!(sign(&sent), signature, "{}", sent.canonical_request);
    sent
}

#[test]
fn awss_examples_of_requests_with_a_header() {
    let get = example("GET", "/test.txt", BUCKET_HOST, EMPTY).header("Range", "bytes=0-9");
    let sent = check(
        get,
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
    assert_eq!(
        sent.canonical_request,
        format!(
            "GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\nrange:bytes=0-9\nx-amz-content-sha256:{EMPTY}\n\
             x-amz-date:20130524T000000Z\n\nhost;range;x-amz-content-sha256;x-amz-date\n{EMPTY}"
        )
    );
    assert_eq!(
        (sent.access_key_id.as_str(), sent.timestamp.as_str()),
        (KEY_ID, "20130524T000000Z")
    );
    assert_eq!(
        (sent.placement, sent.expires_s, sent.payload),
        (Placement::Header, None, Payload::Single)
    );
    // The path may be sent with its dollar or without; what is signed is the same.
    for path in ["/test$file.text", "/test%24file.text"] {
        let put = example(
            "PUT",
            path,
            BUCKET_HOST,
            "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        );
        check(
            put.header("Date", "Fri, 24 May 2013 00:00:00 GMT")
                .header("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        );
    }
    check(
        example("GET", "/?lifecycle", BUCKET_HOST, EMPTY),
        "host;x-amz-content-sha256;x-amz-date",
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    );
    for target in ["/?max-keys=2&prefix=J", "/?prefix=J&max-keys=2&"] {
        check(
            example("GET", target, BUCKET_HOST, EMPTY),
            "host;x-amz-content-sha256;x-amz-date",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        );
    }
}

/// "Transferring Payload in Multiple Chunks (Chunked Upload)", the seed signature.
#[test]
fn awss_example_of_signed_chunks() {
    let put = example(
        "PUT",
        "/examplebucket/chunkObject.txt",
        "s3.amazonaws.com",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    );
    let sent = check(
        put.header("Content-Encoding", "aws-chunked")
            .header("Content-Length", "66824")
            .header("x-amz-decoded-content-length", "66560")
            .header("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class",
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    );
    assert_eq!(sent.payload, Payload::SignedChunks);
}

/// "Signature calculations for trailing headers", the seed signature.
#[test]
fn awss_example_of_signed_chunks_and_trailer() {
    let put = example(
        "PUT",
        "/examplebucket/chunkObject.txt",
        "s3.amazonaws.com",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    );
    let sent = check(
        put.header("Content-Encoding", "aws-chunked")
            .header("x-amz-decoded-content-length", "66560")
            .header("x-amz-storage-class", "REDUCED_REDUNDANCY")
            .header("x-amz-trailer", "x-amz-checksum-crc32c"),
        "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
    );
    assert_eq!(sent.payload, Payload::SignedChunksAndTrailer);
}

const PRESIGNED: &str = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
    &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
    &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
    &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";

fn presigned(target: impl Into<String>) -> Request {
    Request::new("GET", target)
        .anonymous()
        .header("Host", BUCKET_HOST)
}

/// "Authenticating Requests: Using Query Parameters", the example.
#[test]
fn awss_example_of_a_presigned_url() {
    let sent = to_verify(&presigned(PRESIGNED));
    assert_eq!(sign(&sent), sent.signature, "{}", sent.canonical_request);
    assert_eq!(
        (sent.placement, sent.expires_s, sent.payload),
        (Placement::Query, Some(86_400), Payload::Single)
    );
}

#[test]
fn what_is_wrong_with_a_presigned_url() {
    let code = |target: String| {
        let answer = presigned(target).send(&Playback::new([]));
        (answer.status, answer.element("Code").unwrap().to_owned())
    };
    let wrong = (400, "AuthorizationQueryParametersError".to_owned());
    for parameter in [
        "&X-Amz-Date=20130524T000000Z",
        "&X-Amz-Expires=86400",
        "&X-Amz-SignedHeaders=host",
    ] {
        assert_eq!(code(PRESIGNED.replace(parameter, "")), wrong, "{parameter}");
        // Twice it says nothing for sure.
        assert_eq!(
            code(format!("{PRESIGNED}{parameter}")),
            wrong,
            "{parameter}"
        );
    }
    for (from, to) in [
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        ("Expires=86400", "Expires=0"),
        ("Expires=86400", "Expires=-1"),
        ("Expires=86400", "Expires=604801"),
        ("Expires=86400", "Expires=99999999999999999999"),
        ("Expires=86400", "Expires=day"),
        ("Date=20130524T", "Date=20130525T"),
        ("Date=20130524T000000Z", "Date=2013-05-24T00:00:00Z"),
        ("%2Fs3%2F", "%2Fec2%2F"),
        ("aws4_request", "aws5_request"),
        ("%2F20130524%2Fus-east-1", "%2F2013%2Fus-east-1"),
        ("AKIAIOSFODNN7EXAMPLE%2F", "%2F"),
    ] {
        assert_eq!(code(PRESIGNED.replace(from, to)), wrong, "{to}");
    }
    let short = PRESIGNED.replace("aeeed9bb", "");
    assert_eq!(code(short), (403, "SignatureDoesNotMatch".into()));
    let token = format!("{PRESIGNED}&X-Amz-Security-Token=t");
    assert_eq!(code(token), (400, "InvalidToken".into()));
    // A header of the service that was not signed decides nothing.
    let unsigned = presigned(PRESIGNED)
        .header("x-amz-checksum-mode", "ENABLED")
        .send(&Playback::new([]));
    assert_eq!(unsigned.error(), (403, "AccessDenied"));
    assert_eq!(
        unsigned.element("HeadersNotSigned"),
        Some("x-amz-checksum-mode")
    );
}

#[test]
fn the_anonymous_may_nothing() {
    for (method, target) in [
        ("GET", "/"),
        ("GET", "/b/k"),
        ("PUT", "/b/k"),
        ("POST", "/b?delete"),
    ] {
        let answer = Request::new(method, target)
            .anonymous()
            .send(&Playback::new([]));
        assert_eq!(answer.error(), (403, "AccessDenied"), "{method} {target}");
    }
    let head = Request::new("HEAD", "/b")
        .anonymous()
        .send(&Playback::new([]));
    assert_eq!((head.status, head.body), (403, None));
}

#[test]
fn one_mechanism_only() {
    let both = presigned(PRESIGNED).header("Authorization", authorization("host", SIGNATURE));
    let answer = both.send(&Playback::new([]));
    assert_eq!(answer.error(), (400, "InvalidArgument"));
    assert_eq!(answer.element("ArgumentName"), Some("Authorization"));
    let version_2 = "/b/k?AWSAccessKeyId=AKID&Expires=1&Signature=c2ln";
    let answer = Request::new("GET", version_2)
        .anonymous()
        .send(&Playback::new([]));
    assert_eq!(answer.error(), (400, "InvalidRequest"));
}

#[test]
fn what_is_wrong_with_an_authorization_header() {
    let good = authorization("host;x-amz-content-sha256;x-amz-date", SIGNATURE);
    let send = |value: &str| -> Answered {
        example("GET", "/b/k", "s3.example", EMPTY)
            .header("Authorization", value)
            .send(&Playback::new([]))
    };
    let malformed = (400, "AuthorizationHeaderMalformed");
    for (from, to) in [
        (SIGNATURE, "short"),
        (SIGNATURE, &SIGNATURE.to_uppercase()),
        ("/s3/", "/ec2/"),
        ("aws4_request", "aws5_request"),
        ("/20130524/", "/20130525/"),
        ("/20130524/", "/2013052/"),
        ("/us-east-1/", "//"),
        (KEY_ID, &"K".repeat(129)),
        ("Credential=", "Credentials="),
        (",Signature=", ",Signature=x,Signature="),
        ("SignedHeaders=host;x-amz-content-sha256;x-amz-date,", ""),
        (",", ";"),
        (good.as_str(), "AWS4-HMAC-SHA256"),
    ] {
        assert_eq!(send(&good.replace(from, to)).error(), malformed, "{to}");
    }
    for (value, status, code) in [
        ("AWS AKID:c2ln", 400, "InvalidRequest"),
        ("AWS4-ECDSA-P256-SHA256 x", 501, "NotImplemented"),
        ("Basic dTpw", 400, "InvalidArgument"),
        ("", 400, "InvalidArgument"),
    ] {
        assert_eq!(send(value).error(), (status, code), "{value}");
    }
    let many = format!("host;{}x-amz-content-sha256;x-amz-date", "a;".repeat(200));
    assert_eq!(
        send(&authorization(&many, SIGNATURE)).error(),
        (400, "InvalidRequest")
    );
    let token = example("GET", "/b/k", "s3.example", EMPTY)
        .header("Authorization", &good)
        .header("x-amz-security-token", "t");
    assert_eq!(
        token.send(&Playback::new([])).error(),
        (400, "InvalidToken")
    );
    let twice = example("GET", "/b/k", "s3.example", EMPTY)
        .header("Authorization", &good)
        .header("Authorization", good.replace(KEY_ID, "ANOTHER"));
    assert_eq!(
        twice.send(&Playback::new([])).error(),
        (400, "InvalidRequest")
    );
}

#[test]
fn a_header_that_was_not_signed_decides_nothing() {
    let request = |signed: &str| {
        example("GET", "/b/k", "s3.example", EMPTY)
            .header("x-amz-copy-source", "s/k")
            .header("content-type", "not/signed")
            .header("Authorization", authorization(signed, SIGNATURE))
            .send(&Playback::new([]))
    };
    let answer = request("host;x-amz-content-sha256");
    assert_eq!(answer.error(), (403, "AccessDenied"));
    assert_eq!(
        answer.element("HeadersNotSigned"),
        Some("x-amz-date, x-amz-copy-source")
    );
    let answer = request("x-amz-content-sha256;x-amz-copy-source;x-amz-date");
    assert_eq!(answer.element("HeadersNotSigned"), Some("host"));
}

#[test]
fn the_time_is_in_one_of_two_headers() {
    let signed = "date;host;x-amz-content-sha256";
    let request = |name: &str, value: &str, signed: &str| {
        Request::new("GET", "/b/k")
            .anonymous()
            .header("x-amz-content-sha256", EMPTY)
            .header(name, value)
            .header("Authorization", authorization(signed, SIGNATURE))
    };
    for value in [
        "Fri, 24 May 2013 00:00:00 GMT",
        "20130524T000000Z",
        "2013-05-24T00:00:00Z",
    ] {
        let sent = to_verify(&request("date", value, signed));
        assert_eq!(sent.timestamp, "20130524T000000Z");
    }
    for (name, value) in [
        ("date", "yesterday"),
        ("x-amz-date", "Fri, 24 May 2013 00:00:00 GMT"),
        ("x-other", "1"),
    ] {
        let signed = "date;host;x-amz-content-sha256;x-amz-date";
        let answer = request(name, value, signed).send(&Playback::new([]));
        assert_eq!(answer.error(), (403, "AccessDenied"), "{name}: {value}");
    }
}

#[test]
fn canonical_forms() {
    let canonical = |target: &str, headers: &[(&str, &str)], signed: &str| {
        let mut request = example("GET", target, "s3.example:9000", EMPTY);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let signed = format!("{signed}host;x-amz-content-sha256;x-amz-date");
        let request = request.header("Authorization", authorization(&signed, SIGNATURE));
        to_verify(&request).canonical_request
    };
    let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    // Paths: encoded once, whatever was sent; never normalised.
    for (sent, signed) in [
        ("/b/a b", "/b/a%20b"),
        ("/b/a+b", "/b/a%2Bb"),
        ("/b/(a)'*!", "/b/%28a%29%27%2A%21"),
        ("/b/%7Ea%2D", "/b/~a-"),
        ("/b/./../a//b/", "/b/./../a//b/"),
        ("/b/%c3%bc", "/b/%C3%BC"),
        ("/b/ü", "/b/%C3%BC"),
        ("/b/a%2520b", "/b/a%2520b"),
        ("", "/"),
    ] {
        assert_eq!(lines(canonical(sent, &[], ""))[1], signed, "{sent}");
    }
    // Queries: each name and value encoded, ordered by name and then by value, doubles kept.
    for (sent, signed) in [
        ("/b?b&a", "a=&b="),
        ("/b?a=2&a=1&A=3", "A=3&a=1&a=2"),
        ("/b?prefix=a+b&q=%2B/=", "prefix=a%20b&q=%2B%2F%3D"),
        ("/b?a-b=1&a=2", "a=2&a-b=1"),
        ("/b?", ""),
        ("/b?X-Amz-Signature=x", "X-Amz-Signature=x"),
    ] {
        assert_eq!(lines(canonical(sent, &[], ""))[2], signed, "{sent}");
    }
    // Headers: trimmed, runs of spaces made one, several lines joined.
    let headers = [
        ("accept", "  a   b \t c  "),
        ("accept", "d"),
        ("Cache-Control", ""),
    ];
    let text = lines(canonical("/b", &headers, "accept;cache-control;"));
    assert_eq!(
        text[3..6],
        ["accept:a b c,d", "cache-control:", "host:s3.example:9000"]
    );
    // A header that was signed and is not there cannot have been lost unseen.
    let text = lines(canonical("/b", &[], "accept;"));
    assert_eq!(text[3], "accept:");
}

#[test]
fn a_canonical_request_has_a_limit() {
    let target = format!("/b?prefix={}", "%20".repeat(22_000));
    let answer = Request::new("GET", target).send(&Playback::new([]));
    assert_eq!(answer.error(), (400, "InvalidRequest"));
}

#[test]
fn what_a_client_is_told_of_a_bad_signature() {
    let get = Request::new("GET", "/b/k");
    let refused = |error| get.send(&Playback::refusing(error));
    let answer = refused(Error::SignatureDoesNotMatch("AWS4\nx".into()));
    assert_eq!(answer.error(), (403, "SignatureDoesNotMatch"));
    let canonical = answer.element("CanonicalRequest").unwrap();
    assert!(
        canonical.starts_with("GET\n/b/k\n\nhost:s3.example\n"),
        "{canonical}"
    );
    for (name, value) in [
        ("AWSAccessKeyId", "AKID"),
        ("StringToSign", "AWS4\nx"),
        ("SignatureProvided", SIGNATURE),
        ("StringToSignBytes", "41 57 53 34 0a 78"),
    ] {
        assert_eq!(answer.element(name), Some(value), "{name}");
    }
    let bytes = answer.element("CanonicalRequestBytes").unwrap();
    assert!(
        bytes.starts_with("47 45 54 0a 2f 62 2f 6b 0a 0a"),
        "{bytes}"
    );

    let answer = refused(Error::UnknownAccessKey);
    assert_eq!(answer.error(), (403, "InvalidAccessKeyId"));
    assert_eq!(answer.element("AWSAccessKeyId"), Some("AKID"));

    let answer = refused(Error::RequestTimeTooSkewed(784_111_777_000_000));
    assert_eq!(answer.error(), (403, "RequestTimeTooSkewed"));
    for (name, value) in [
        ("RequestTime", "20261125T120000Z"),
        ("ServerTime", "1994-11-06T08:49:37Z"),
        ("MaxAllowedSkewMilliseconds", "900000"),
    ] {
        assert_eq!(answer.element(name), Some(value), "{name}");
    }

    let answer = refused(Error::Malformed("the region is not of its form".into()));
    assert_eq!(answer.error(), (400, "AuthorizationHeaderMalformed"));
    assert_eq!(
        answer.element("Message"),
        Some("the region is not of its form")
    );
    let malformed = Error::Malformed("the region is not of its form".into());
    let answer = presigned(PRESIGNED).send(&Playback::refusing(malformed));
    assert_eq!(answer.error(), (400, "AuthorizationQueryParametersError"));

    let answer = refused(Error::Unavailable);
    assert_eq!(answer.error(), (503, "ServiceUnavailable"));

    let expired = Error::Expired("Request has expired".into());
    let answer = presigned(PRESIGNED).send(&Playback::refusing(expired));
    assert_eq!(answer.error(), (403, "AccessDenied"));
    for (name, value) in [
        ("Message", "Request has expired"),
        ("X-Amz-Expires", "86400"),
        ("Expires", "2013-05-25T00:00:00Z"),
    ] {
        assert_eq!(answer.element(name), Some(value), "{name}");
    }
}

/// The bucket may be in the host, with a port or without, dots and capitals included.
#[test]
fn the_bucket_may_be_in_the_host() {
    for (host, target, bucket_name) in [
        ("b.s3.example", "/?location", "b"),
        ("b.s3.example:9000", "/?location", "b"),
        ("a.b.c.s3.example", "/?location", "a.b.c"),
        ("B.S3.Example", "/?location", "b"),
        ("s3.example:9000", "/b?location", "b"),
        ("127.0.0.1:9000", "/b?location", "b"),
        ("[::1]:9000", "/b/?location", "b"),
    ] {
        let playback = Playback::new([Answer::GetBucket(Ok(bucket()))]);
        let answer = Request::new("GET", target)
            .header("host", host)
            .send(&playback);
        assert_eq!(answer.status, 200, "{host}");
        let asked = crate::playback::Asked::GetBucket(bucket_name.into());
        assert_eq!(playback.asked(), [asked], "{host}");
    }
}
