//! AWS's documented examples, and everything that must not pass for them.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::sync::Arc;

use concierge_identity::{
    Bootstrap, Identity, MAX_SKEW_US, MICROS_PER_SECOND, ManualClock, Payload, Placement,
    SigV4Error, SignedRequest, TOKEN_LIFE_US, TokenError,
};
use sha2::{Digest, Sha256};

/// 2013-05-24T00:00:00Z, the time of the documentation's examples.
const EXAMPLE_US: u64 = 1_369_353_600 * MICROS_PER_SECOND;
const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

const GET: &str = "GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\nrange:bytes=0-9\nx-amz-content-sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\nx-amz-date:20130524T000000Z\n\nhost;range;x-amz-content-sha256;x-amz-date\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const GET_SIGNATURE: &str = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";

struct Fixture {
    identity: Identity,
    clock: Arc<ManualClock>,
    _directory: tempfile::TempDir,
}

fn fixture() -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(EXAMPLE_US));
    let bootstrap = Bootstrap {
        access_key_id: Some(KEY_ID.to_owned()),
        secret_access_key: Some(SECRET.to_owned()),
        ..Bootstrap::default()
    };
    let identity =
        Identity::open(&directory.path().join("identity"), clock.clone(), bootstrap).unwrap();
    Fixture {
        identity,
        clock,
        _directory: directory,
    }
}

fn request<'a>(canonical_request: &'a str, signature: &'a str) -> SignedRequest<'a> {
    SignedRequest {
        placement: Placement::Header,
        access_key_id: KEY_ID,
        timestamp: "20130524T000000Z",
        scope_date: "20130524",
        region: "us-east-1",
        service: "s3",
        canonical_request,
        signature,
        expires_s: None,
        payload: Payload::Single,
    }
}

const PRESIGNED: &str = "GET\n/test.txt\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\nhost:examplebucket.s3.amazonaws.com\n\nhost\nUNSIGNED-PAYLOAD";

fn presigned() -> SignedRequest<'static> {
    SignedRequest {
        placement: Placement::Query,
        expires_s: Some(86_400),
        ..request(
            PRESIGNED,
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        )
    }
}

/// Amazon S3 API Reference, "Signature Calculations for the Authorization
/// Header: Transferring Payload in a Single Chunk", "Examples".
#[test]
fn accepts_awss_header_examples() {
    let fixture = fixture();
    let put = "PUT\n/test%24file.text\n\ndate:Fri, 24 May 2013 00:00:00 GMT\nhost:examplebucket.s3.amazonaws.com\nx-amz-content-sha256:44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072\nx-amz-date:20130524T000000Z\nx-amz-storage-class:REDUCED_REDUNDANCY\n\ndate;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class\n44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    let empty = "host:examplebucket.s3.amazonaws.com\nx-amz-content-sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\nx-amz-date:20130524T000000Z\n\nhost;x-amz-content-sha256;x-amz-date\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let lifecycle = format!("GET\n/\nlifecycle=\n{empty}");
    let list = format!("GET\n/\nmax-keys=2&prefix=J\n{empty}");
    for (canonical, signature) in [
        (GET, GET_SIGNATURE),
        (
            put,
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            &lifecycle,
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            &list,
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ] {
        let verified = fixture
            .identity
            .verify_sigv4(&request(canonical, signature))
            .unwrap();
        assert_eq!(verified.account_name.as_ref(), "admin");
        assert_eq!(verified.expires_us, EXAMPLE_US + TOKEN_LIFE_US);
        let principal = fixture.identity.principal(&verified.token).unwrap();
        assert_eq!(principal.account, verified.account);
        assert!(principal.is_administrator());
        assert!(principal.chunk_verifier().is_none());
    }
}

/// "Authenticating Requests: Using Query Parameters", the example.
#[test]
fn accepts_awss_presigned_example_for_its_life() {
    let fixture = fixture();
    let life_us = 86_400 * MICROS_PER_SECOND;
    for now_us in [EXAMPLE_US, EXAMPLE_US + life_us, EXAMPLE_US - MAX_SKEW_US] {
        fixture.clock.set_us(now_us);
        assert!(
            fixture.identity.verify_sigv4(&presigned()).is_ok(),
            "{now_us}"
        );
    }
    for (now_us, why) in [
        (EXAMPLE_US + life_us + 1, "the request has expired"),
        (EXAMPLE_US - MAX_SKEW_US - 1, "the request is not valid yet"),
    ] {
        fixture.clock.set_us(now_us);
        let error = fixture.identity.verify_sigv4(&presigned()).unwrap_err();
        assert_eq!(error, SigV4Error::Expired(why.to_owned()));
    }
}

/// "Signature Calculations for the Authorization Header: Transferring Payload
/// in Multiple Chunks (Chunked Upload)", the example, through the token.
#[test]
fn a_token_carries_the_seed_of_the_chunks() {
    let fixture = fixture();
    let canonical = "PUT\n/examplebucket/chunkObject.txt\n\ncontent-encoding:aws-chunked\ncontent-length:66824\nhost:s3.amazonaws.com\nx-amz-content-sha256:STREAMING-AWS4-HMAC-SHA256-PAYLOAD\nx-amz-date:20130524T000000Z\nx-amz-decoded-content-length:66560\nx-amz-storage-class:REDUCED_REDUNDANCY\n\ncontent-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class\nSTREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    let seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
    let request = SignedRequest {
        payload: Payload::SignedChunks,
        ..request(canonical, seed)
    };
    let verified = fixture.identity.verify_sigv4(&request).unwrap();
    let principal = fixture.identity.principal(&verified.token).unwrap();
    let chunk: [u8; 32] = Sha256::digest("a".repeat(65536)).into();
    let signature = b"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648";
    assert!(principal.chunk_verifier().unwrap().chunk(&chunk, signature));
    // Each body begins at the seed, whatever another one did.
    assert!(principal.chunk_verifier().unwrap().chunk(&chunk, signature));
    let shown = format!("{principal:?}");
    assert!(!shown.contains(SECRET) && !shown.contains(seed), "{shown}");
}

#[test]
fn a_change_of_any_signed_field_is_refused() {
    let fixture = fixture();
    let good = request(GET, GET_SIGNATURE);
    let other_path = GET.replace("/test.txt", "/test.txu");
    let other_key = "AKIAIOSFODNN7EXAMPLF";
    let flipped = GET_SIGNATURE.replace("f0e8", "f0e9");
    for (what, changed) in [
        (
            "request",
            SignedRequest {
                canonical_request: &other_path,
                ..good.clone()
            },
        ),
        (
            "time",
            SignedRequest {
                timestamp: "20130524T000001Z",
                ..good.clone()
            },
        ),
        (
            "region",
            SignedRequest {
                region: "us-east-2",
                ..good.clone()
            },
        ),
        (
            "service",
            SignedRequest {
                service: "s4",
                ..good.clone()
            },
        ),
        (
            "signature",
            SignedRequest {
                signature: &flipped,
                ..good.clone()
            },
        ),
    ] {
        let error = fixture.identity.verify_sigv4(&changed).unwrap_err();
        let SigV4Error::SignatureDoesNotMatch(string_to_sign) = error else {
            panic!("{what}: {error:?}");
        };
        assert!(
            string_to_sign.starts_with("AWS4-HMAC-SHA256\n20130524T00000"),
            "{string_to_sign}"
        );
    }
    let changed = SignedRequest {
        access_key_id: other_key,
        ..good.clone()
    };
    assert_eq!(
        fixture.identity.verify_sigv4(&changed).unwrap_err(),
        SigV4Error::UnknownAccessKey
    );
    assert!(
        fixture.identity.verify_sigv4(&good).is_ok(),
        "failures leave no trace"
    );
}

/// The whole signed text, byte by byte: the signature covers all of it.
#[test]
fn every_byte_of_the_canonical_request_counts() {
    let fixture = fixture();
    for at in 0..GET.len() {
        let mut bytes = GET.as_bytes().to_vec();
        bytes[at] ^= 1;
        let changed = String::from_utf8(bytes).unwrap();
        let answer = fixture
            .identity
            .verify_sigv4(&request(&changed, GET_SIGNATURE));
        assert!(
            matches!(answer, Err(SigV4Error::SignatureDoesNotMatch(_))),
            "byte {at}"
        );
    }
}

#[test]
fn fields_that_are_not_of_their_form_are_named() {
    let fixture = fixture();
    let good = request(GET, GET_SIGNATURE);
    let long_key = "A".repeat(129);
    let long_region = "r".repeat(65);
    let large = "x".repeat(64 * 1024 + 1);
    let upper = GET_SIGNATURE.to_uppercase();
    for (changed, expected) in [
        (
            SignedRequest {
                access_key_id: &long_key,
                ..good.clone()
            },
            "access key id",
        ),
        (
            SignedRequest {
                timestamp: "2013-05-24T00:00:00Z",
                ..good.clone()
            },
            "signing time",
        ),
        (
            SignedRequest {
                scope_date: "20130523",
                ..good.clone()
            },
            "date of the credential scope",
        ),
        (
            SignedRequest {
                scope_date: "2013",
                ..good.clone()
            },
            "date of the credential scope",
        ),
        (
            SignedRequest {
                scope_date: "",
                ..good.clone()
            },
            "date of the credential scope",
        ),
        (
            SignedRequest {
                region: "",
                ..good.clone()
            },
            "region",
        ),
        (
            SignedRequest {
                region: "us/east",
                ..good.clone()
            },
            "region",
        ),
        (
            SignedRequest {
                region: "us\neast",
                ..good.clone()
            },
            "region",
        ),
        (
            SignedRequest {
                region: &long_region,
                ..good.clone()
            },
            "region",
        ),
        (
            SignedRequest {
                service: "",
                ..good.clone()
            },
            "service",
        ),
        (
            SignedRequest {
                canonical_request: &large,
                ..good.clone()
            },
            "64 KiB",
        ),
        (
            SignedRequest {
                signature: "",
                ..good.clone()
            },
            "64 lower-case",
        ),
        (
            SignedRequest {
                signature: &upper,
                ..good.clone()
            },
            "64 lower-case",
        ),
        (
            SignedRequest {
                expires_s: Some(60),
                ..good.clone()
            },
            "presigned",
        ),
        (
            SignedRequest {
                expires_s: None,
                ..presigned()
            },
            "1 to 604800",
        ),
        (
            SignedRequest {
                expires_s: Some(0),
                ..presigned()
            },
            "1 to 604800",
        ),
        (
            SignedRequest {
                expires_s: Some(604_801),
                ..presigned()
            },
            "1 to 604800",
        ),
    ] {
        match fixture.identity.verify_sigv4(&changed) {
            Err(SigV4Error::Malformed(text)) => assert!(text.contains(expected), "{text}"),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn a_signing_time_may_be_fifteen_minutes_off() {
    let fixture = fixture();
    for now_us in [EXAMPLE_US - MAX_SKEW_US, EXAMPLE_US + MAX_SKEW_US] {
        fixture.clock.set_us(now_us);
        assert!(
            fixture
                .identity
                .verify_sigv4(&request(GET, GET_SIGNATURE))
                .is_ok()
        );
    }
    for now_us in [EXAMPLE_US - MAX_SKEW_US - 1, EXAMPLE_US + MAX_SKEW_US + 1] {
        fixture.clock.set_us(now_us);
        let error = fixture
            .identity
            .verify_sigv4(&request(GET, GET_SIGNATURE))
            .unwrap_err();
        assert_eq!(error, SigV4Error::RequestTimeTooSkewed(now_us));
    }
}

#[test]
fn a_token_ends() {
    let fixture = fixture();
    let token = fixture
        .identity
        .verify_sigv4(&request(GET, GET_SIGNATURE))
        .unwrap()
        .token;
    fixture.clock.advance_us(TOKEN_LIFE_US - 1);
    assert!(fixture.identity.principal(&token).is_ok());
    fixture.clock.advance_us(1);
    assert_eq!(
        fixture.identity.principal(&token).unwrap_err(),
        TokenError::Expired
    );
    for bad in ["", "x", "AAAA", "not base64!", &"A".repeat(5000)] {
        assert_eq!(
            fixture.identity.principal(bad).unwrap_err(),
            TokenError::Malformed,
            "{bad}"
        );
    }
}

/// A key that was deleted and made again with another secret must not meet
/// signing keys derived from the old one.
#[test]
fn a_key_made_again_has_its_new_secret_only() {
    let fixture = fixture();
    let good = request(GET, GET_SIGNATURE);
    let token = fixture.identity.verify_sigv4(&good).unwrap().token;
    let account = fixture.identity.principal(&token).unwrap().account.into();
    let id = KEY_ID.parse().unwrap();
    fixture.identity.delete_key(&id).unwrap();
    assert_eq!(
        fixture.identity.verify_sigv4(&good).unwrap_err(),
        SigV4Error::UnknownAccessKey
    );
    assert_eq!(
        fixture.identity.principal(&token).unwrap_err(),
        TokenError::Revoked
    );
    let secret = "another secret".replace(' ', "-").parse().unwrap();
    fixture
        .identity
        .create_key(&account, Some((id, secret)))
        .unwrap();
    let answer = fixture.identity.verify_sigv4(&good);
    assert!(
        matches!(answer, Err(SigV4Error::SignatureDoesNotMatch(_))),
        "{answer:?}"
    );
}
