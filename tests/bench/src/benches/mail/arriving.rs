//! How fast mail comes in: by `concierge mail import` and by JMAP, beside synced files.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::calls::{Client, concierge};
use super::letters::Letters;
use crate::load::{Keep, Plan, Reply, Request, Stop, Workload, drive};
use crate::report::{Report, median};

/// Writers of files, and connections of JMAP clients, at once.
const AT_ONCE: usize = 8;
/// Messages of one `Email/import`.
const BATCH: usize = 25;

/// The server that mail comes to.
pub struct Target<'a> {
    pub binary: &'a Path,
    pub dir: &'a Path,
    pub client: Client,
    /// The account's name.
    pub name: &'a str,
}

/// Another program that imports.
#[derive(Clone, PartialEq, Eq)]
pub struct Importer {
    name: String,
    /// For a shell; `{}` is the mbox file.
    command: String,
}

/// `NAME=COMMAND`
pub fn importer(text: &str) -> Result<Importer, String> {
    let parts = text
        .split_once('=')
        .filter(|(_, command)| command.contains("{}"));
    let (name, command) = parts.ok_or("NAME=COMMAND with {} in it is expected")?;
    Ok(Importer {
        name: name.into(),
        command: command.into(),
    })
}

/// Ways for mail to come.
#[derive(Clone, PartialEq, Eq)]
enum Way {
    /// One file a letter, as a Maildir has them: written aside, synced, renamed, the directory synced.
    Files(usize),
    Other(Importer),
    Command,
    Jmap(usize),
}

impl Way {
    const BASELINES: [Self; 2] = [Self::Files(1), Self::Files(AT_ONCE)];
    const OURS: [Self; 3] = [Self::Command, Self::Jmap(1), Self::Jmap(AT_ONCE)];

    fn name(&self) -> String {
        match self {
            Self::Other(importer) => importer.name.clone(),
            Self::Files(at_once) => format!("synced files, {at_once} at once"),
            Self::Command => "concierge mail import".into(),
            Self::Jmap(at_once) => format!("JMAP upload and Email/import, {at_once} connections"),
        }
    }

    /// Its place among the rates of a round.
    fn baseline(&self) -> usize {
        match self {
            Self::Files(1) | Self::Jmap(1) | Self::Other(_) => 0,
            _ => 1,
        }
    }
}

/// Measures each way in each round, with new letters; says rates and ratios.
pub fn measure(
    dir: &Path,
    target: Option<&Target<'_>>,
    others: &[Importer],
    (letters, rounds, seed): (usize, usize, u64),
    report: &mut Report,
) -> Result<()> {
    let mut ways = Way::BASELINES.to_vec();
    ways.extend(others.iter().cloned().map(Way::Other));
    if target.is_some() {
        ways.extend(Way::OURS);
    }
    let mut rates = vec![Vec::new(); ways.len()];
    for round in 0..rounds {
        for (number, way) in ways.iter().enumerate() {
            let mut made = Letters::new(seed, &format!("{round}.{number}"));
            let made: Vec<String> = (0..letters).map(|_| made.letter()).collect();
            let seconds = match (way, target) {
                (Way::Files(at_once), _) => files(dir, &made, *at_once)?,
                (Way::Other(importer), _) => other(dir, importer, &made)?,
                (Way::Command, Some(target)) => command(dir, target, &made)?,
                (Way::Jmap(at_once), Some(target)) => jmap(&target.client, made, *at_once)?,
                (_, None) => continue,
            };
            rates[number].push(letters as f64 / seconds);
        }
    }
    for (way, own) in ways.iter().zip(&rates) {
        let rate = median(own.iter().copied());
        report.fact(format!("import: {}", way.name()), rate, "messages/s");
        if !matches!(way, Way::Files(_)) {
            let baseline = &Way::BASELINES[way.baseline()];
            let ratios = own.iter().zip(&rates[way.baseline()]);
            report.fact(
                format!("import: {} by {}", way.name(), baseline.name()),
                median(ratios.map(|(own, base)| own / base)),
                "",
            );
        }
    }
    Ok(())
}

/// Writes letters to files; how many seconds it took.
fn files(dir: &Path, letters: &[String], at_once: usize) -> Result<f64> {
    let maildir = tempfile::tempdir_in(dir)?;
    for name in ["tmp", "new"] {
        fs::create_dir(maildir.path().join(name))?;
    }
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..at_once)
            .map(|writer| {
                let own = letters.iter().enumerate().skip(writer).step_by(at_once);
                let path = maildir.path();
                scope.spawn(move || {
                    own.into_iter()
                        .try_for_each(|(n, text)| file(path, n, text))
                })
            })
            .collect();
        for writer in writers {
            writer.join().map_err(|_| anyhow!("a writer panicked"))??;
        }
        anyhow::Ok(())
    })?;
    Ok(begun.elapsed().as_secs_f64())
}

fn file(maildir: &Path, number: usize, letter: &str) -> Result<()> {
    let (aside, place) = (
        maildir.join(format!("tmp/{number}")),
        maildir.join(format!("new/{number}")),
    );
    let mut file = File::create(&aside)?;
    file.write_all(letter.as_bytes())?;
    file.sync_all()?;
    fs::rename(&aside, &place)?;
    File::open(maildir.join("new"))?.sync_all()?;
    Ok(())
}

/// Imports an mbox file; how many seconds the command took.
fn command(dir: &Path, target: &Target<'_>, letters: &[String]) -> Result<f64> {
    let mbox = mbox(dir, letters)?;
    import(target, mbox.path(), letters.len() as u64)
}

/// Has another program import an mbox file; how many seconds it took.
fn other(dir: &Path, importer: &Importer, letters: &[String]) -> Result<f64> {
    let mbox = mbox(dir, letters)?;
    let path = mbox.path().to_str().context("a path that is not UTF-8")?;
    let command = importer.command.replace("{}", path);
    let begun = Instant::now();
    let output = Command::new("sh").args(["-c", &command]).output()?;
    let seconds = begun.elapsed().as_secs_f64();
    match output.status.success() {
        true => Ok(seconds),
        false => bail!("{command}: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

fn mbox(dir: &Path, letters: &[String]) -> Result<NamedTempFile> {
    let mbox = NamedTempFile::new_in(dir)?;
    let mut all = String::new();
    for letter in letters {
        all.extend([
            "From bench@example.org Mon Jan  1 00:00:00 2024\n",
            letter,
            "\n",
        ]);
    }
    fs::write(mbox.path(), all)?;
    Ok(mbox)
}

/// Imports a file with so many letters; how many seconds the command took.
pub fn import(target: &Target<'_>, mbox: &Path, letters: u64) -> Result<f64> {
    let path = mbox.to_str().context("a path that is not UTF-8")?;
    let arguments = ["mail", "import", target.name, path, "--format", "mbox"];
    let begun = Instant::now();
    let said = concierge(target.binary, target.dir, &arguments)?;
    let seconds = begun.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&said);
    match said.contains(&format!("imported {letters} messages")) {
        true => Ok(seconds),
        false => bail!("{letters} messages were to be imported: {said}"),
    }
}

/// Uploads letters and imports them in batches; how many seconds it took.
fn jmap(client: &Client, letters: Vec<String>, connections: usize) -> Result<f64> {
    let mut workload = Imports {
        client,
        letters: letters.into_iter(),
        states: (0..connections).map(|_| State::default()).collect(),
    };
    let plan = Plan {
        addr: client.addr,
        connections,
        stop: Stop::WhenDone,
        pace: None,
    };
    let sample = drive(&plan, &mut workload)?;
    match sample.first_error {
        Some(error) => bail!("{error}"),
        None => Ok(sample.elapsed.as_secs_f64()),
    }
}

/// Each connection uploads a batch, letter by letter, and then imports it.
struct Imports<'a> {
    client: &'a Client,
    letters: std::vec::IntoIter<String>,
    states: Vec<State>,
}

#[derive(Default)]
struct State {
    /// What was uploaded and is not imported.
    blobs: Vec<String>,
    is_importing: bool,
}

impl Workload for Imports<'_> {
    fn operations(&self) -> &[&'static str] {
        &["upload", "Email/import"]
    }

    fn next(&mut self, connection: usize, request: &mut Request) -> bool {
        let state = &mut self.states[connection];
        let letter = match state.blobs.len() < BATCH {
            true => self.letters.next(),
            false => None,
        };
        match letter {
            Some(letter) => self
                .client
                .uploaded(letter.into_bytes())
                .lay_out(0, request),
            None if state.blobs.is_empty() => return false,
            None => {
                state.is_importing = true;
                let mut emails = json!({});
                for (number, blob) in state.blobs.iter().enumerate() {
                    let mailboxes = json!({ &self.client.inbox: true });
                    emails[number.to_string()] = json!({ "blobId": blob, "mailboxIds": mailboxes });
                }
                let import = ("Email/import", json!({ "emails": emails }));
                self.client.request(vec![import]).lay_out(1, request);
            }
        }
        request.keep = Keep::Everything;
        true
    }

    fn finished(&mut self, connection: usize, reply: Reply<'_>) -> Result<(), String> {
        let state = &mut self.states[connection];
        let answer: Value =
            serde_json::from_slice(reply.kept).map_err(|error| error.to_string())?;
        if !state.is_importing {
            let blob = answer["blobId"].as_str().ok_or("no blob")?;
            state.blobs.push(blob.to_owned());
            return Ok(());
        }
        let created = &answer["methodResponses"][0][1]["created"];
        let created = created.as_object().map_or(0, serde_json::Map::len);
        let wanted = std::mem::take(&mut state.blobs).len();
        state.is_importing = false;
        match created == wanted {
            true => Ok(()),
            false => Err(format!("{created} of {wanted} were imported: {answer}")),
        }
    }
}
