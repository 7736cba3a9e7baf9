//! The fuzz targets of `tests/fuzz`, on a stable compiler and for a short time:
//! each gets its seeds, and mutations of them.
//!
//! `CONCIERGE_FUZZ_CASES` sets the mutations of a target (3,000 unless set) and
//! `CONCIERGE_SEED` replays them. With `CONCIERGE_WRITE_CORPUS=DIR` the seeds are
//! also written to `DIR/TARGET/`, for cargo-fuzz to start from.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a step that fails fails the test"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use concierge_tests::seed;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

#[path = "../../fuzz/src/objects.rs"]
mod targets;

mod seeds {
    //! Valid inputs of each target, to mutate.
    use bytes::Bytes;
    use concierge_storage_nodes::{Lease, Node, NodeOptions, ObjectId, RecordKey};
    use concierge_tests::chunked::{Fault, Framing, put};
    use concierge_tests::raw::Request;
    use concierge_tests::{Server, seed};

    /// The volume files of a node that stored, overwrote nothing, and deleted.
    pub async fn volumes() -> anyhow::Result<Vec<Vec<u8>>> {
        let directory = tempfile::tempdir()?;
        let options = NodeOptions {
            background: false,
            free_space_reserve_bytes: 0,
            ..NodeOptions::default()
        };
        let node = Node::open(directory.path(), options)?;
        let key = |number: u128| RecordKey {
            object: ObjectId(uuid::Uuid::from_u128(number)),
            extent: 0,
            shard: 0,
        };
        let lease = Lease { host: 1, epoch: 1 };
        for (number, length) in [(1, 0), (2, 10), (3, 5_000), (4, 60_000)] {
            node.put(
                key(number),
                lease,
                Bytes::from(seed::bytes(number as u64, length)),
            )
            .await?;
        }
        node.delete(vec![key(3)]).await?;
        let mut writer = node.begin(key(5), lease, 200_000).await?;
        writer.write(Bytes::from(seed::bytes(5, 150_000))).await?;
        writer.finish().await?;
        node.close();
        let mut volumes = Vec::new();
        for file in concierge_tests::disk::files(directory.path())? {
            let mut bytes = std::fs::read(&file)?;
            if concierge_storage_nodes::scan_bytes(&bytes).is_ok() {
                // Space that is reserved and not written says nothing.
                let used = bytes
                    .iter()
                    .rposition(|byte| *byte != 0)
                    .map_or(0, |last| last + 1);
                bytes.truncate(used.next_multiple_of(4096));
                volumes.push(bytes);
            }
        }
        Ok(volumes)
    }

    /// Bodies in the three framings, behind a byte that names the framing.
    pub fn chunks() -> Vec<Vec<u8>> {
        let mut bodies = Vec::new();
        for (number, framing) in [
            Framing::UnsignedTrailer,
            Framing::Signed,
            Framing::SignedTrailer,
        ]
        .into_iter()
        .enumerate()
        {
            for chunks in [&[&b"first"[..], b"second", b"3"][..], &[b""], &[]] {
                let request = put(
                    &Server::credentials(),
                    "localhost",
                    "/b/k",
                    framing,
                    chunks,
                    Fault::None,
                );
                let mut seed = vec![u8::try_from(number).unwrap()];
                seed.extend(request.body);
                bodies.push(seed);
            }
        }
        bodies
    }

    /// One document of each kind.
    pub fn xml() -> Vec<Vec<u8>> {
        let documents = [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet><Object><Key>a&amp;b&#x63;<![CDATA[<d>]]></Key><VersionId>v</VersionId></Object><Object><Key>c</Key><ETag>\"e\"</ETag></Object></Delete>",
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"e\"</ETag><ChecksumCRC32>AAAAAQ==</ChecksumCRC32></Part><Part><PartNumber>2</PartNumber><ETag>f</ETag></Part></CompleteMultipartUpload>",
            "<Tagging><TagSet><Tag><Key>a &lt;</Key><Value>&#xFC;</Value></Tag><Tag><Key>b</Key><Value/></Tag></TagSet></Tagging>",
            "<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Disabled</MfaDelete></VersioningConfiguration>",
            "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>",
            "<CORSConfiguration><CORSRule><ID>i</ID><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod><AllowedHeader>x-*</AllowedHeader><ExposeHeader>etag</ExposeHeader><MaxAgeSeconds>30</MaxAgeSeconds></CORSRule></CORSConfiguration>",
            "<AccessControlPolicy><Owner><ID>o</ID></Owner><AccessControlList><Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"><ID>o</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>",
        ];
        documents.map(|text| text.as_bytes().to_vec()).to_vec()
    }

    /// Requests signed in both places, as lines.
    pub fn signatures() -> Vec<Vec<u8>> {
        let credentials = Server::credentials();
        let at = "2026-11-25T12:00:00Z".parse().unwrap();
        let host = "localhost:9000";
        let put = Request::new("PUT", "/b/a%20b+(c)/%C3%BC?partNumber=1&uploadId=u")
            .header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")
            .header("x-amz-checksum-crc32", "AAAAAA==")
            .header(
                "x-amz-meta-town",
                "=?UTF-8?B?S8O2bG4=?= =?UTF-8?Q?_am_Rhein?=",
            )
            .header("x-amz-tagging", "a=1&b=%20")
            .header("if-match", "\"e\"");
        let copy = Request::new("PUT", "/b/k")
            .header("x-amz-copy-source", "/s/a%2Fb?versionId=v")
            .header("date", "Wed, 25 Nov 2026 12:00:00 GMT");
        let get = Request::new("GET", "/b?list-type=2&prefix=a%2Fb&delimiter=/&a=2&a=1")
            .header("range", "bytes=1-2");
        vec![
            lines(&credentials.signed_at(put, host, at).0),
            lines(&credentials.signed_at(copy, host, at).0),
            lines(&credentials.signed_at(get.clone(), host, at).0),
            lines(&credentials.presigned(get, host, at, 3600)),
        ]
    }

    fn lines(request: &Request) -> Vec<u8> {
        let mut text = format!("{} {}", request.method, request.path).into_bytes();
        if !request.query.is_empty() {
            text.extend_from_slice(format!("?{}", request.query).as_bytes());
        }
        for (name, value) in &request.headers {
            text.extend_from_slice(format!("\n{name}:").as_bytes());
            text.extend_from_slice(value);
        }
        text
    }
}

/// Changes `input` in one to eight places, or joins it with another.
fn mutate(rng: &mut StdRng, input: &[u8], other: &[u8]) -> Vec<u8> {
    const TELLING: [&[u8]; 12] = [
        b"\0",
        b"\xff\xff\xff\xff",
        b"\r\n",
        b";",
        b":",
        b"<",
        b"&",
        b"]]>",
        b"%00",
        b"-1",
        b"\xc3",
        b"99999999999999999999",
    ];
    let mut bytes = input.to_vec();
    for _ in 0..rng.random_range(1..=8) {
        let at = rng.random_range(0..=bytes.len());
        match rng.random_range(0..6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..8),
            1 if at < bytes.len() => bytes[at] = rng.random(),
            2 => bytes.truncate(at),
            3 => {
                let telling = TELLING[rng.random_range(0..TELLING.len())];
                bytes.splice(at..at, telling.iter().copied());
            }
            4 => {
                let end = (at + rng.random_range(0..64)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let from = rng.random_range(0..=other.len());
                let end = (from + 64).min(other.len());
                bytes.splice(at..at, other[from..end].iter().copied());
            }
        }
    }
    bytes
}

/// Runs a target over seeds and mutations; on a panic it says which input.
fn smoke(name: &str, seeds: &[Vec<u8>], target: fn(&[u8])) {
    assert!(!seeds.is_empty(), "{name} has no seeds");
    if let Some(corpus) = std::env::var_os("CONCIERGE_WRITE_CORPUS") {
        // Tests run in the package's folder; the variable is relative to the repository's.
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(corpus)
            .join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(number.to_string()), seed).unwrap();
        }
    }
    let cases: usize = std::env::var("CONCIERGE_FUZZ_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(3_000);
    let mut rng = StdRng::seed_from_u64(seed::choose(name));
    let check = |case: usize, input: &[u8]| {
        if catch_unwind(AssertUnwindSafe(|| target(input))).is_err() {
            let file = std::env::temp_dir().join(format!("concierge-fuzz-{name}-{case}"));
            std::fs::write(&file, input).unwrap();
            panic!("{name} failed on case {case}, kept in {}", file.display());
        }
    };
    for (number, seed) in seeds.iter().enumerate() {
        check(number, seed);
    }
    for case in 0..cases {
        let (seed, other) = (
            &seeds[rng.random_range(0..seeds.len())],
            &seeds[rng.random_range(0..seeds.len())],
        );
        let input = mutate(&mut rng, seed, other);
        check(case, &input);
    }
}

#[tokio::test]
async fn volume() -> anyhow::Result<()> {
    let seeds = seeds::volumes().await?;
    // Flipped bits never make wrong bytes: a record that is still read has one
    // of the payloads that were stored.
    smoke("volume", &seeds, targets::volume);
    Ok(())
}

#[test]
fn chunks() {
    smoke("chunks", &seeds::chunks(), targets::chunks);
}

#[test]
fn xml() {
    smoke("xml", &seeds::xml(), targets::xml);
}

#[test]
fn signature() {
    smoke("signature", &seeds::signatures(), targets::signature);
}
