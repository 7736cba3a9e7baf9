//! Imports files: reads rows, has them done in batches, says which were rejected.

use std::collections::BTreeMap;
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};

use super::columns::Kind;
use super::files::{self, Part};
use crate::admin::Call;
use crate::admin::booking::{Import, Imported};
use crate::backend::Session;
use crate::cli::output::{print, read};
use crate::exit::Failure;

/// Imports in one call. A call is small beside what the server takes at once, and large enough that its way there
/// and back does not count.
const BATCH_MAX: usize = 100;
/// Rows of rates or allotments in one import, which the hotel takes all or none: the contract's limit is 1,000.
const ROWS_TOGETHER_MAX: usize = 200;
/// Bytes of a call, as JSON: well below what the server reads of one.
const BATCH_MAX_BYTES: usize = 256 * 1024;

const _: () = assert!(BATCH_MAX_BYTES * 2 <= crate::admin::http::BODY_MAX_BYTES);

/// An import and the lines that it comes from: more than one where rows were put together.
struct Pending {
    import: Import,
    lines: Vec<u64>,
    size_bytes: usize,
}

/// Imports files in the order that their rows need.
pub async fn files(session: &Session, paths: &[PathBuf]) -> Result<(), Failure> {
    let mut parts = Vec::new();
    for path in paths {
        parts.extend(files::open(path)?);
    }
    let progress = Progress::new(parts.iter().map(|part| part.size_bytes).sum());
    parts_of(session, parts, progress).await
}

/// Imports parts of files in the order that they need.
pub async fn parts_of(
    session: &Session,
    mut parts: Vec<Part>,
    progress: Progress,
) -> Result<(), Failure> {
    parts.sort_by_key(|part| part.kind);
    let mut accepted: BTreeMap<Kind, u64> = BTreeMap::new();
    let mut rejected = 0;
    for part in parts {
        let kind = part.kind;
        let mut importer = Importer {
            session,
            progress: &progress,
            name: part.name,
            pending: Vec::new(),
            accepted: 0,
            rejected: 0,
        };
        progress.begins(&importer.name, kind);
        for row in part.rows {
            let row = row?;
            match row.import {
                Ok(import) => importer.add(import, row.line).await?,
                Err(why) => importer.reject(row.line, &why),
            }
            progress.advance(row.size_bytes);
        }
        importer.flush().await?;
        progress.ends(&importer, kind);
        *accepted.entry(kind).or_default() += importer.accepted;
        rejected += importer.rejected;
    }
    progress.clear();
    let done: Vec<String> = accepted
        .iter()
        .map(|(kind, count)| kind.counted(*count))
        .collect();
    match done.is_empty() {
        true => print("nothing to import\n")?,
        false => print(&format!("imported {}\n", done.join(", ")))?,
    }
    match rejected {
        0 => Ok(()),
        1 => Err(Failure::failed("1 row was rejected")),
        more => Err(Failure::failed(format!("{more} rows were rejected"))),
    }
}

struct Importer<'a> {
    session: &'a Session,
    progress: &'a Progress,
    name: String,
    pending: Vec<Pending>,
    accepted: u64,
    rejected: u64,
}

impl Importer<'_> {
    async fn add(&mut self, import: Import, line: u64) -> Result<(), Failure> {
        let size_bytes = serde_json::to_string(&import)
            .map_err(Failure::failed)?
            .len();
        if size_bytes > BATCH_MAX_BYTES {
            self.reject(line, "the row is too large");
            return Ok(());
        }
        if let Some(last) = self.pending.last_mut()
            && last.lines.len() < ROWS_TOGETHER_MAX
            && last.import.absorb(&import)
        {
            last.lines.push(line);
            last.size_bytes += size_bytes;
        } else {
            self.pending.push(Pending {
                import,
                lines: vec![line],
                size_bytes,
            });
        }
        let size_bytes: usize = self.pending.iter().map(|pending| pending.size_bytes).sum();
        if self.pending.len() >= BATCH_MAX || size_bytes >= BATCH_MAX_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    /// Has done what is pending. Rows that were put together and rejected are done one by one, to find out which
    /// of them it is.
    async fn flush(&mut self) -> Result<(), Failure> {
        let mut pending = std::mem::take(&mut self.pending);
        while !pending.is_empty() {
            let imports = pending.iter().map(|one| one.import.clone()).collect();
            let answer = self.session.run(Call::ImportBooking { imports }).await?;
            let Imported { rejected } = read(answer)?;
            let mut again = Vec::new();
            for (index, one) in pending.into_iter().enumerate() {
                match rejected.iter().find(|rejection| rejection.index == index) {
                    None => self.accepted += one.lines.len() as u64,
                    Some(_) if one.lines.len() > 1 => {
                        let singles = one.import.apart().into_iter().zip(one.lines);
                        again.extend(singles.map(|(import, line)| Pending {
                            import,
                            lines: vec![line],
                            size_bytes: 0,
                        }));
                    }
                    Some(rejection) => {
                        for line in one.lines {
                            self.reject(line, &rejection.reason);
                        }
                    }
                }
            }
            pending = again;
        }
        Ok(())
    }

    fn reject(&mut self, line: u64, why: &str) {
        self.rejected += 1;
        self.progress
            .say(&format!("{}, line {line}: {why}", self.name));
    }
}

/// A bar on a terminal, else a line for each part of a file. Both on standard error.
pub struct Progress {
    bar: ProgressBar,
    lines: bool,
}

impl Progress {
    /// Nothing but what was rejected.
    pub fn silent() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            lines: false,
        }
    }

    fn new(size_bytes: u64) -> Self {
        // On what is no terminal indicatif draws nothing.
        let bar = ProgressBar::new(size_bytes);
        let style = ProgressStyle::with_template("{msg:<32!} {wide_bar} {percent:>3}% {eta:>4}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Self {
            lines: bar.is_hidden(),
            bar,
        }
    }

    fn begins(&self, name: &str, kind: Kind) {
        self.bar.set_message(format!("{name}: {}", kind.plural()));
    }

    fn advance(&self, size_bytes: u64) {
        self.bar.inc(size_bytes);
    }

    fn ends(&self, importer: &Importer<'_>, kind: Kind) {
        if self.lines {
            self.say(&format!(
                "{}: {}, {} rejected",
                importer.name,
                kind.counted(importer.accepted),
                importer.rejected
            ));
        }
    }

    fn say(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
