//! 3,000 messages that people sent and received (`mail-corpus.tar.gz`): each is found by a word of its body, at once after
//! it was fed and after the index was opened again, and what is found has the word.
//!
//! The messages are not ours to give. Where they are missing the test says so and is skipped; with `CI` set it fails.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use concierge_mail_message::read;
use concierge_mail_search::{
    AccountId, Change, Document, Index, Key, Positions, Scope, Shard, StorageId, Term, Texts,
    snippet,
};
use flate2::read::GzDecoder;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

const NAME: &str = "mail-corpus.tar.gz";
/// Relative to the repository, unless `CONCIERGE_TEST_DATA` says otherwise.
const DIRECTORY: &str = "../shared/data";
const MESSAGES: usize = 3_000;
const ACCOUNT: AccountId = AccountId(1);

/// The texts of the messages.
fn corpus() -> anyhow::Result<Option<Vec<Texts>>> {
    let directory = std::env::var_os("CONCIERGE_TEST_DATA").map_or_else(
        || Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(DIRECTORY),
        PathBuf::from,
    );
    let path = directory.join(NAME);
    if !path.exists() {
        let missing = format!("{} is not there", path.display());
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        eprintln!("skipped: {missing}");
        return Ok(None);
    }
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(path)?));
    let mut messages = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.path()?.extension().is_some_and(|name| name == "eml") {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            messages.push(texts(&bytes));
        }
    }
    ensure!(messages.len() == MESSAGES, "{} messages", messages.len());
    Ok(Some(messages))
}

fn texts(bytes: &[u8]) -> Texts {
    let text = read(bytes).search_text();
    Texts {
        from: text.from,
        to: text.to,
        cc: text.cc,
        bcc: text.bcc,
        subject: text.subject,
        body: text.body,
        attachment_names: text.attachment_names,
        header: text.header,
    }
}

/// The word of a text that is in the fewest others; letters of ASCII alone, so that a message is seen to have it.
fn rarest(text: &str, counts: &HashMap<String, usize>) -> Option<String> {
    let words = ascii_words(text);
    words.min_by_key(|word| (counts.get(word).copied(), word.clone()))
}

fn ascii_words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.len() >= 4 && word.bytes().all(|byte| byte.is_ascii_alphabetic()))
        .map(str::to_lowercase)
}

#[test]
fn each_message_is_found_by_a_word_of_its_body() -> anyhow::Result<()> {
    let Some(messages) = corpus()? else {
        return Ok(());
    };
    let mut counts = HashMap::new();
    for texts in &messages {
        let words: std::collections::HashSet<_> = ascii_words(&texts.body).collect();
        words
            .into_iter()
            .for_each(|word| *counts.entry(word).or_default() += 1);
    }
    let words: Vec<_> = messages
        .iter()
        .map(|texts| rarest(&texts.body, &counts))
        .collect();
    let with_words = words.iter().flatten().count();
    ensure!(with_words > MESSAGES * 99 / 100, "{with_words} have a word");
    let directory = tempfile::tempdir()?;
    let index = Index::open(directory.path())?;
    let numbered = || (0_u64..).zip(&messages).zip(&words);
    for ((number, texts), word) in numbered() {
        let change = Change::Put(Box::new(Document {
            key: Key {
                account: ACCOUNT,
                message: StorageId(number),
            },
            texts: texts.clone(),
        }));
        let position = number + 1;
        index.feed(vec![change], &Positions::of(Shard(0), position))?;
        if let Some(word) = word {
            check(&index, number, word, &messages)?;
        }
    }
    index.commit()?;
    drop(index);
    let index = Index::open(directory.path())?;
    ensure!(index.committed_messages() == MESSAGES as u64);
    for ((number, texts), word) in numbered() {
        let Some(word) = word else { continue };
        check(&index, number, word, &messages)?;
        let term = body_term(word);
        let preview = snippet(&texts.subject, &texts.body, &[term])?.preview;
        let preview = preview.with_context(|| format!("{number}: no preview of {word}"))?;
        ensure!(
            preview.contains("<mark>") && preview.len() <= 255,
            "{preview}"
        );
    }
    Ok(())
}

fn body_term(word: &str) -> Term {
    Term {
        scope: Scope::Body,
        text: word.to_owned(),
    }
}

/// In lower case, without accents: so a text is compared. By another way than the index's own.
fn without_accents(text: &str) -> String {
    let decomposed = text.nfkd().filter(|c| !is_combining_mark(*c));
    decomposed.flat_map(char::to_lowercase).collect()
}

/// Whether a message is among those that a word finds, and all of those have it.
fn check(index: &Index, number: u64, word: &str, messages: &[Texts]) -> anyhow::Result<()> {
    let found = index.find(ACCOUNT, &body_term(word))?;
    ensure!(
        found.contains(&StorageId(number)),
        "{number}: not found by {word}"
    );
    for message in found {
        let texts = messages
            .get(usize::try_from(message.0)?)
            .context("a message")?;
        let has_word = without_accents(&texts.body).contains(word);
        ensure!(has_word, "{}: found by {word}", message.0);
    }
    Ok(())
}
