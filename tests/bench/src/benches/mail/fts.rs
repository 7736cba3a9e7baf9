//! What a search is at best: SQLite's full-text index (FTS5) of the same letters, in the generator's process.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rusqlite::{Connection, params};

use super::letters::{Letters, Wanted};
use crate::load::Sample;

/// Letters between two commits.
const BATCH: u64 = 10_000;

/// The index.
pub struct FullText {
    table: Connection,
    letters: u64,
}

impl FullText {
    /// Indexes so many letters of a seed.
    pub fn fill(path: &Path, letters: u64, seed: u64) -> Result<Self> {
        let mut table = Connection::open(path)?;
        table.execute_batch(
            "PRAGMA journal_mode = WAL;
             CREATE VIRTUAL TABLE letter USING fts5(text, content = '');",
        )?;
        let mut made = Letters::new(seed, "baseline");
        let mut number = 0;
        while number < letters {
            let batch = table.transaction()?;
            {
                let mut insert =
                    batch.prepare("INSERT INTO letter (rowid, text) VALUES (?1, ?2)")?;
                let end = letters.min(number + BATCH);
                while number < end {
                    insert.execute(params![number as i64, made.letter()])?;
                    number += 1;
                }
            }
            batch.commit()?;
        }
        Ok(Self { table, letters })
    }

    /// Searches for the marks in turn for a time: the newest `limit` that have each.
    pub fn search(&self, wanted: Wanted, limit: u64, time: Duration) -> Result<Sample> {
        let mut sample = Sample::new(&["call"]);
        let mut search = self.table.prepare(
            "SELECT rowid FROM letter WHERE letter MATCH ?1 ORDER BY rowid DESC LIMIT ?2",
        )?;
        let texts: Vec<String> = texts(wanted, self.letters);
        let counts: Vec<u64> = texts
            .iter()
            .map(|text| wanted.count(text, self.letters).min(limit))
            .collect();
        let begun = Instant::now();
        for (text, count) in texts.iter().zip(counts).cycle() {
            let started = Instant::now();
            let found = search.query_map(params![text, limit], |row| row.get::<_, i64>(0))?;
            let found = found.collect::<Result<Vec<_>, _>>()?.len() as u64;
            sample.operations[0].record(started.elapsed(), 0);
            ensure!(found == count, "{found} of {count} letters with {text}");
            if begun.elapsed() >= time {
                break;
            }
        }
        sample.elapsed = begun.elapsed();
        Ok(sample)
    }
}

/// Different texts to search for in turn, so that no answer is at hand from the last time.
pub fn texts(wanted: Wanted, letters: u64) -> Vec<String> {
    let mut texts: Vec<String> = (0..letters.min(TEXTS))
        .filter_map(|number| wanted.text(number))
        .collect();
    texts.sort();
    texts.dedup();
    texts
}

/// Letters whose marks are searched for.
const TEXTS: u64 = 97;
