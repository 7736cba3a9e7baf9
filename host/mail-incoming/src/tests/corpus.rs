//! 3,000 messages that people sent and received (`mail-corpus.tar.gz`), by several sessions at once.
//!
//! The messages are not ours to give. Where they are missing the test says so and is skipped; with `CI` set it fails.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use futures::{StreamExt, stream};

use super::world::World;

const NAME: &str = "mail-corpus.tar.gz";
/// Relative to the repository, unless `CONCIERGE_TEST_DATA` says otherwise.
const DIRECTORY: &str = "../shared/data";
const MESSAGES: usize = 3_000;

fn corpus() -> Option<Vec<Vec<u8>>> {
    let directory = std::env::var_os("CONCIERGE_TEST_DATA").map_or_else(
        || Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(DIRECTORY),
        PathBuf::from,
    );
    let path = directory.join(NAME);
    if !path.exists() {
        let missing = format!("{} is not there", path.display());
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        eprintln!("skipped: {missing}");
        return None;
    }
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(path).unwrap()));
    let mut messages = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry
            .path()
            .unwrap()
            .extension()
            .is_some_and(|name| name == "eml")
        {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            messages.push(bytes);
        }
    }
    assert_eq!(messages.len(), MESSAGES);
    Some(messages)
}

/// As a mail program would send it: lines end with CRLF, and the last one does; NUL, which mail cannot have, is left out.
fn canonical(message: &[u8]) -> Vec<u8> {
    let lines = message.split(|byte| *byte == b'\n');
    let mut out = Vec::new();
    for line in lines {
        let kept = line.iter().filter(|byte| !matches!(byte, b'\r' | 0));
        out.extend(kept);
        out.extend_from_slice(b"\r\n");
    }
    if message.ends_with(b"\n") {
        out.truncate(out.len() - 2);
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn real_mail_comes_once_and_unchanged() {
    let Some(messages) = corpus() else {
        return;
    };
    let world = World::new().await;
    let mut expected: HashMap<Vec<u8>, usize> = HashMap::new();
    for message in &messages {
        *expected.entry(canonical(message)).or_default() += 1;
    }
    let world_of = &world;
    let sent: usize = stream::iter(messages.chunks(100))
        .map(|messages| async move {
            let mut said = b"EHLO client.test\r\n".to_vec();
            for message in messages {
                said.extend_from_slice(
                    b"MAIL FROM:<s@far.example>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\n",
                );
                for line in canonical(message).split_inclusive(|byte| *byte == b'\n') {
                    if line.starts_with(b".") {
                        said.push(b'.');
                    }
                    said.extend_from_slice(line);
                }
                said.extend_from_slice(b".\r\n");
            }
            // From this machine: 3,000 messages are more than a stranger may send at once.
            let service = concierge_smtp::server::Service::Exchange;
            let told = world_of
                .session(service, "127.0.0.1:4000", None, said)
                .await;
            told.matches("250 2.0.0 taken as ").count()
        })
        .buffer_unordered(8)
        .fold(0, async |sum, count| sum + count)
        .await;
    assert_eq!(sent, MESSAGES);
    world.idle().await;
    let mut found: HashMap<Vec<u8>, usize> = HashMap::new();
    for email in world.emails(world.ann, MESSAGES).await {
        let begins = memchr::memmem::find(&email, b"\tby mx.test with ESMTP id ").unwrap();
        let date = memchr::memmem::find(&email[begins..], b";\r\n\t").unwrap();
        let end = memchr::memchr(b'\n', &email[begins + date + 3..]).unwrap();
        let original = email[begins + date + 3 + end + 1..].to_vec();
        *found.entry(original).or_default() += 1;
    }
    assert!(found == expected, "some came changed, twice or not at all");
}
