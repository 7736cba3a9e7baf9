//! 3,000 messages that people sent and received (`mail-corpus.tar.gz`): each is read, its parts decode, its text is
//! found, each survives the formats of mailboxes, and the threads are those that another program finds.
//!
//! The messages are not ours to give. Where they are missing the tests say so and are skipped; with `CI` set they fail.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a step that fails fails the test"
)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use concierge_mail_message::mailboxes::{
    EmlReader, EmlWriter, LineBreaks, MaildirReader, MaildirWriter, MboxQuoting, MboxReader,
    MboxWriter, Stored, with_crlf,
};
use concierge_mail_message::transfer::Decoder;
use concierge_mail_message::{Texts, ThreadKeys, read};
use flate2::read::GzDecoder;

const NAME: &str = "mail-corpus.tar.gz";
/// Relative to the repository, unless `CONCIERGE_TEST_DATA` says otherwise.
const DIRECTORY: &str = "../shared/data";
const MESSAGES: usize = 3_000;

/// The messages by name, as the archive has them.
fn corpus() -> anyhow::Result<Option<BTreeMap<String, Vec<u8>>>> {
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
    let mut messages = BTreeMap::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.display().to_string();
        if name.ends_with(".eml") {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            messages.insert(name, bytes);
        }
    }
    ensure!(messages.len() == MESSAGES, "{} messages", messages.len());
    Ok(Some(messages))
}

#[test]
fn every_message_is_read() -> anyhow::Result<()> {
    let Some(corpus) = corpus()? else {
        return Ok(());
    };
    let mut told = Counts::default();
    for (name, bytes) in &corpus {
        let bytes = with_crlf(bytes);
        let message = read(&bytes);
        assert!(message.has_header(), "{name}");
        let all = message.headers(true);
        for kept in message.headers(false) {
            assert!(all.contains(&kept), "{name}: {kept:?}");
        }
        for part in message.parts(false) {
            let Some(body) = part.body else { continue };
            let range = usize::try_from(body.range.start)?..usize::try_from(body.range.end)?;
            let encoded = bytes.get(range).with_context(|| format!("{name}: range"))?;
            let mut decoder = Decoder::new(body.encoding);
            let mut decoded = Vec::new();
            decoder.feed(encoded, &mut decoded);
            told.faulty += usize::from(!decoder.finish(&mut decoded));
            assert_eq!(decoded.len() as u64, part.size, "{name}");
            told.parts += 1;
        }
        let wanted = Texts {
            text_body: true,
            html_body: true,
            all: false,
        };
        let texts = message.texts(wanted, 0);
        told.without_text += usize::from(texts.is_empty());
        told.without_preview += usize::from(message.preview().is_empty());
        told.without_date += usize::from(message.sent_us().is_none());
        told.without_from += usize::from(message.sort_keys().from.is_empty());
        let search = message.search_text();
        let plain = texts.iter().filter(|text| !text.value.contains('<'));
        for text in plain.filter(|text| !text.truncated) {
            let words = text.value.split_whitespace();
            let mut found = words.filter(|word| !word.contains('&'));
            assert!(found.all(|word| search.body.contains(word)), "{name}");
        }
    }
    eprintln!("{told:?}");
    assert!(told.parts > MESSAGES, "{told:?}");
    // Spam is damaged, and tests of filters leave messages empty; hardly any of either.
    assert!(told.faulty < MESSAGES / 100, "{told:?}");
    assert!(told.without_text < MESSAGES / 50, "{told:?}");
    assert!(told.without_preview < MESSAGES / 50, "{told:?}");
    assert!(told.without_date < MESSAGES / 50, "{told:?}");
    assert!(told.without_from < MESSAGES / 50, "{told:?}");
    Ok(())
}

#[derive(Debug, Default)]
struct Counts {
    parts: usize,
    faulty: usize,
    without_text: usize,
    without_preview: usize,
    without_date: usize,
    without_from: usize,
}

/// The messages as they are stored: the n-th received n seconds after the epoch.
fn stored(corpus: &BTreeMap<String, Vec<u8>>) -> Vec<Stored> {
    let numbered = (0..).zip(corpus);
    numbered
        .map(|(number, (name, bytes))| Stored {
            folder: name.split('/').take(1).map(str::to_owned).collect(),
            received_us: Some(number * 1_000_000),
            bytes: with_crlf(bytes).into_owned(),
            ..Stored::default()
        })
        .collect()
}

#[test]
fn every_message_survives_the_formats() -> anyhow::Result<()> {
    let Some(corpus) = corpus()? else {
        return Ok(());
    };
    let messages = stored(&corpus);
    for line_breaks in [LineBreaks::AsStored, LineBreaks::Unix] {
        let directory = tempfile::tempdir()?;
        let (eml, maildir) = (
            directory.path().join("eml"),
            directory.path().join("maildir"),
        );
        let mut eml_writer = EmlWriter::new(&eml, line_breaks);
        let mut maildir_writer = MaildirWriter::new(&maildir, line_breaks);
        let mut mbox_writer = MboxWriter::new(Vec::new(), line_breaks);
        for (message, original) in messages.iter().zip(corpus.values()) {
            let path = eml_writer.write(message)?;
            if line_breaks == LineBreaks::Unix && !original.contains(&b'\r') {
                ensure!(&fs::read(&path)? == original, "{}", path.display());
            }
            maildir_writer.write(message)?;
            mbox_writer.write(message)?;
        }
        let mbox = mbox_writer.finish()?;
        same(EmlReader::new(&eml), &messages, |bytes| bytes.to_vec())?;
        same(MaildirReader::new(&maildir), &messages, |bytes| {
            bytes.to_vec()
        })?;
        // The format ends each message with a line break.
        let mbox = MboxReader::new(mbox.as_slice(), "mbox", MboxQuoting::Mboxrd);
        same(mbox, &messages, |bytes| {
            let mut bytes = bytes.to_vec();
            if !bytes.ends_with(b"\n") {
                bytes.extend_from_slice(b"\r\n");
            }
            bytes
        })?;
    }
    Ok(())
}

/// Whether what is read are the messages, in whatever order a file system gives them.
fn same<E: std::error::Error + Send + Sync + 'static>(
    found: impl Iterator<Item = Result<Stored, E>>,
    messages: &[Stored],
    form: impl Fn(&[u8]) -> Vec<u8>,
) -> anyhow::Result<()> {
    let mut found: Vec<Vec<u8>> = found
        .map(|message| message.map(|message| message.bytes))
        .collect::<Result<_, _>>()?;
    let mut expected: Vec<Vec<u8>> = messages
        .iter()
        .map(|message| form(&message.bytes))
        .collect();
    found.sort();
    expected.sort();
    ensure!(found == expected, "not the same messages");
    Ok(())
}

type Threads = BTreeSet<BTreeSet<String>>;

#[test]
fn threads_are_those_that_another_program_finds() -> anyhow::Result<()> {
    let Some(corpus) = corpus()? else {
        return Ok(());
    };
    let directory = tempfile::tempdir()?;
    let mut keys = Vec::new();
    for (name, bytes) in &corpus {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().context("a folder")?)?;
        fs::write(path, bytes)?;
        keys.push((name.clone(), read(bytes).thread_keys()));
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/clients/jwz.py");
    let Ok(output) = Command::new("python3")
        .arg(script)
        .arg(directory.path())
        .output()
    else {
        assert!(std::env::var_os("CI").is_none(), "python3 is not there");
        eprintln!("skipped: python3 is not there");
        return Ok(());
    };
    ensure!(output.status.success(), "{output:?}");
    let theirs: Threads = String::from_utf8(output.stdout)?
        .lines()
        .map(|line| line.split(' ').map(str::to_owned).collect())
        .collect();
    let ours = threads(&keys);
    let differing: Vec<_> = ours.symmetric_difference(&theirs).collect();
    assert!(differing.is_empty(), "{differing:?}");
    // Otherwise nothing was compared.
    assert!(ours.iter().any(|thread| thread.len() > 20));
    assert!(keys.iter().any(|(_, keys)| keys.goes_by_subject()));
    Ok(())
}

/// The threads that the keys make, by joining sets.
fn threads(keys: &[(String, ThreadKeys)]) -> Threads {
    let mut sets = Sets::default();
    let subjects_of_replies: BTreeSet<String> = keys
        .iter()
        .filter(|(_, keys)| keys.goes_by_subject())
        .map(|(_, keys)| keys.subject.key())
        .collect();
    for (name, keys) in keys {
        for id in keys.message_id.iter().chain(&keys.references) {
            sets.join(format!("message {name}"), format!("id {id}"));
        }
        let subject = keys.subject.key();
        if subjects_of_replies.contains(&subject) {
            sets.join(format!("message {name}"), format!("subject {subject}"));
        }
    }
    let mut threads: HashMap<String, BTreeSet<String>> = HashMap::new();
    for (name, _) in keys {
        let set = sets.find(format!("message {name}"));
        threads.entry(set).or_default().insert(name.clone());
    }
    threads.into_values().collect()
}

/// Disjoint sets.
#[derive(Default)]
struct Sets {
    parents: HashMap<String, String>,
}

impl Sets {
    fn find(&mut self, mut node: String) -> String {
        while let Some(parent) = self.parents.get(&node) {
            node.clone_from(parent);
        }
        node
    }

    fn join(&mut self, a: String, b: String) {
        let (a, b) = (self.find(a), self.find(b));
        if a != b {
            self.parents.insert(a, b);
        }
    }
}
