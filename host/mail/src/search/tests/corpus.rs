//! 3,000 messages that people sent and received (`mail-corpus.tar.gz`), delivered to a store: a search finds those that
//! have a word.
//!
//! The messages are not ours to give. Where they are missing the test says so and is skipped; with `CI` set it fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use futures::{StreamExt, stream};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::world::{World, find};
use crate::types::{StorageId, Term};

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

/// The words of a text that are of ASCII, in lower case, and stand between what is of ASCII and no letter or digit.
fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric())
        .filter(|word| word.len() >= 4 && word.bytes().all(|byte| byte.is_ascii_alphabetic()))
        .map(str::to_ascii_lowercase)
        .collect()
}

/// In lower case, without accents: by another way than the index's own.
fn without_accents(text: &str) -> String {
    let decomposed = text.nfkd().filter(|c| !is_combining_mark(*c));
    decomposed.flat_map(char::to_lowercase).collect()
}

#[tokio::test]
async fn words_of_real_mail_are_found_where_they_are() {
    let Some(messages) = corpus() else {
        return;
    };
    let world = World::new(1).await;
    let ann = world.account("ann").await;
    let delivered: BTreeMap<StorageId, String> = stream::iter(&messages)
        .map(async |message| {
            let made = world.deliver(ann, message).await;
            let body = concierge_mail_message::read(message).search_text().body;
            (made.id.storage, body)
        })
        .buffer_unordered(100)
        .collect()
        .await;
    let mut having: BTreeMap<String, BTreeSet<StorageId>> = BTreeMap::new();
    for (storage, body) in &delivered {
        for word in words(body) {
            having.entry(word).or_default().insert(*storage);
        }
    }
    let search = world.search().await;
    // Some of each frequency, rare and common alike.
    let mut by_count: Vec<_> = having.iter().collect();
    by_count.sort_by_key(|(word, having)| (having.len(), word.as_str()));
    for (word, having) in by_count.iter().step_by(by_count.len() / 200) {
        let found = find(&search, ann, Term::Body((*word).clone())).await;
        let found: BTreeSet<_> = found.into_iter().collect();
        let missed: Vec<_> = having.difference(&found).collect();
        assert!(missed.is_empty(), "{word}: {missed:?}");
        // Beyond them it finds words with accents, which do not count, and those beside letters of other scripts.
        for storage in found.difference(having) {
            let body = without_accents(&delivered[storage]);
            assert!(body.contains(word.as_str()), "{storage}: found by {word}");
        }
    }
    search.close().await.unwrap();
}
