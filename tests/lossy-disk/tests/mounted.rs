//! The disk mounted, under programs' own calls and under SQLite.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a step that fails fails the test"
)]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const SEEDS: u64 = 20;
/// Rows between two losses.
const ROWS: usize = 25;

/// A mounted disk. Unmounted when dropped.
struct LossyDisk {
    child: Child,
    input: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    directory: TempDir,
}

impl LossyDisk {
    /// Mounts one; `None`, with a word on why, where that is not possible, unless `CI` is set: there nothing is skipped.
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_lossy-disk"))
            .arg(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut disk = Self {
            child,
            input,
            answers,
            directory,
        };
        if disk.answer() == "ready" {
            return Some(disk);
        }
        assert!(std::env::var_os("CI").is_none(), "it cannot be mounted");
        eprintln!("skipped: it cannot be mounted");
        None
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn lose(&mut self, seed: u64) {
        writeln!(self.input.as_ref().unwrap(), "lose {seed}").unwrap();
        let answer = self.answer();
        assert!(answer.starts_with("lost "), "{answer:?}");
    }

    fn sync_names(&self) {
        File::open(self.path()).unwrap().sync_all().unwrap();
    }
}

impl Drop for LossyDisk {
    fn drop(&mut self) {
        drop(self.input.take());
        self.child.wait().unwrap();
    }
}

fn is_mounted(path: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    mounts.contains(path.to_str().unwrap())
}

#[test]
fn what_was_synced_is_read_back_and_what_is_open_fails() {
    let Some(mut disk) = LossyDisk::mount() else {
        return;
    };
    for seed in 0..SEEDS {
        let path = disk.path().join("file");
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        let durable: Vec<u8> = (0..10_000_u64).map(|at| (at * seed) as u8).collect();
        file.write_all(&durable).unwrap();
        file.sync_data().unwrap();
        disk.sync_names();
        file.write_all(b"and more").unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        disk.lose(seed);
        assert!(file.write_all(b"of the dead").is_err());
        drop(file);
        let mut found = Vec::new();
        File::open(&path).unwrap().read_to_end(&mut found).unwrap();
        assert_eq!(found[..durable.len()], durable);
    }
}

#[test]
fn files_behave() {
    let Some(disk) = LossyDisk::mount() else {
        return;
    };
    let at = |name: &str| disk.path().join(name);
    fs::create_dir_all(at("a/b")).unwrap();
    for number in 0..2000 {
        fs::write(at(&format!("a/b/{number}")), number.to_string()).unwrap();
    }
    assert_eq!(fs::read_dir(at("a/b")).unwrap().count(), 2000);
    fs::rename(at("a/b/7"), at("a/seven")).unwrap();
    fs::rename(at("a/b/8"), at("a/seven")).unwrap();
    fs::hard_link(at("a/seven"), at("eight")).unwrap();
    fs::remove_file(at("a/seven")).unwrap();
    assert_eq!(fs::read(at("eight")).unwrap(), b"8");
    fs::remove_dir_all(at("a")).unwrap();
    let file = File::options()
        .read(true)
        .append(true)
        .open(at("eight"))
        .unwrap();
    file.try_lock().unwrap();
    assert!(File::open(at("eight")).unwrap().try_lock().is_err());
    fs::remove_file(at("eight")).unwrap();
    (&file).write_all(b" and open").unwrap();
    file.set_len(12).unwrap();
    let mut octets = Vec::new();
    (&file).seek(SeekFrom::Start(0)).unwrap();
    (&file).read_to_end(&mut octets).unwrap();
    assert_eq!(octets, b"8 and open\0\0");
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
}

#[test]
fn nothing_is_left_mounted() {
    let Some(mut disk) = LossyDisk::mount() else {
        return;
    };
    let file = File::create(disk.path().join("file")).unwrap();
    disk.lose(0);
    assert!(is_mounted(disk.path()));
    let open = File::open(disk.path()).unwrap();
    drop(disk.input.take());
    assert!(disk.child.wait().unwrap().success());
    assert!(!is_mounted(disk.path()));
    drop((file, open));
}

#[test]
fn it_ends_when_it_is_asked_to() {
    let Some(mut disk) = LossyDisk::mount() else {
        return;
    };
    let pid = Pid::from_child(&disk.child);
    kill_process(pid, Signal::TERM).unwrap();
    assert!(disk.child.wait().unwrap().success());
    assert!(!is_mounted(disk.path()));
}

fn database(disk: &LossyDisk, synchronous: &str) -> rusqlite::Result<Connection> {
    let database = Connection::open(disk.path().join("rows.db"))?;
    database.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    database.pragma_update(None, "synchronous", synchronous)?;
    database.execute(
        "CREATE TABLE IF NOT EXISTS rows (number INTEGER PRIMARY KEY, text)",
        (),
    )?;
    Ok(database)
}

/// The numbers of the rows, in their order.
fn rows(database: &Connection) -> rusqlite::Result<Vec<usize>> {
    let mut statement = database.prepare("SELECT number FROM rows ORDER BY number")?;
    statement.query_map((), |row| row.get(0))?.collect()
}

/// Commits rows and loses power, again and again; gives how many rows were committed, or what was found instead.
fn commit_through_losses(synchronous: &str) -> Option<Result<usize, String>> {
    let mut disk = LossyDisk::mount()?;
    let mut committed = 0;
    for seed in 0..SEEDS {
        let outcome = database(&disk, synchronous).and_then(|database| {
            let found = rows(&database)?;
            for number in committed..committed + ROWS {
                let text = "row ".repeat(number * 37 % 500);
                database.execute("INSERT INTO rows VALUES (?1, ?2)", (number, text))?;
            }
            // A killed process closes nothing: what it has open outlives the loss here.
            Ok((database, found))
        });
        let (database, found) = match outcome {
            Ok(outcome) => outcome,
            Err(error) => return Some(Err(error.to_string())),
        };
        if found != (0..committed).collect::<Vec<_>>() {
            return Some(Err(format!("{} of {committed} rows", found.len())));
        }
        committed += ROWS;
        disk.lose(seed);
        drop(database);
    }
    Some(Ok(committed))
}

#[test]
fn sqlite_keeps_what_it_synced() {
    let Some(outcome) = commit_through_losses("FULL") else {
        return;
    };
    assert_eq!(outcome, Ok(ROWS * SEEDS as usize));
}

/// Shows that the disk loses, so that the test above can fail.
#[test]
fn sqlite_loses_what_it_did_not_sync() {
    let Some(outcome) = commit_through_losses("OFF") else {
        return;
    };
    assert!(outcome.is_err(), "{outcome:?}");
}
