//! Pages of mail and searches, in a large mailbox and in a small one.

use anyhow::{Context as _, Result, ensure};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use super::calls::{Call, Client, Repeated};
use super::fts::{FullText, texts};
use super::letters::Wanted;
use crate::load::Workload;
use crate::options::Options;
use crate::report::{Aim, Outcome, Report, rows};
use crate::rounds::{Contender, compare};

/// Messages that a page shows.
pub const PAGE: u64 = 50;
/// Medians that we stay below, by one client.
const AIM_PAGE_MS: f64 = 10.0;
const AIM_SEARCH_MS: f64 = 20.0;
/// Pages at random places that are asked for in turn.
const PLACES: usize = 200;
/// The answer to a request that only signs in.
const SESSION: &str = "GET /.well-known/jmap";
const FTS: &str = "SQLite FTS5 in-process";

/// A mailbox whose letters are known.
pub struct Mailbox {
    pub name: String,
    pub client: Client,
    pub letters: u64,
}

impl Mailbox {
    /// Checks that the newest page has the right messages, and that searches find what they must.
    pub fn check(&self) -> Result<()> {
        let answers = self.client.answers(&self.client.page(0, PAGE))?;
        let ids = answers[0]["ids"].as_array().map_or(0, Vec::len) as u64;
        let list = answers[1]["list"].as_array().context("no list")?;
        ensure!(ids == PAGE.min(self.letters), "a page has {ids} ids");
        ensure!(
            list.len() as u64 == ids,
            "a page has {} of {ids} messages",
            list.len()
        );
        let received = |at: usize| list[at]["receivedAt"].as_str().unwrap_or_default();
        let is_sorted = (1..list.len()).all(|at| received(at - 1) >= received(at));
        ensure!(is_sorted, "a page has not the newest first");
        for wanted in Wanted::ALL {
            for text in texts(wanted, self.letters).into_iter().take(3) {
                let answers = self
                    .client
                    .answers(&self.client.search(&text, PAGE, true))?;
                let (found, count) = (&answers[0]["total"], wanted.count(&text, self.letters));
                ensure!(*found == count, "{found} of {count} messages with {text}");
            }
        }
        Ok(())
    }

    fn newest(&self) -> Vec<(Call, usize)> {
        vec![(self.client.page(0, PAGE), self.on_page())]
    }

    fn anywhere(&self, seed: u64) -> Vec<(Call, usize)> {
        let mut random = SmallRng::seed_from_u64(seed);
        let last = self.letters - self.on_page() as u64;
        let mut place = || self.client.page(random.random_range(0..=last), PAGE);
        (0..PLACES).map(|_| (place(), self.on_page())).collect()
    }

    fn searches(&self, wanted: Wanted) -> Vec<(Call, usize)> {
        let texts = texts(wanted, self.letters).into_iter();
        let searches = texts.map(|text| {
            let count = wanted.count(&text, self.letters).min(PAGE);
            (self.client.search(&text, PAGE, false), count as usize)
        });
        searches.collect()
    }

    fn on_page(&self) -> usize {
        PAGE.min(self.letters) as usize
    }

    fn contender(&self, pid: u32, workload: Box<dyn Workload>) -> Contender<'static> {
        Contender {
            server: self.name.clone(),
            addr: self.client.addr,
            pid: Some(pid),
            workload,
        }
    }
}

/// Pages: the newest, and at random places. Each is compared with the same in the small mailbox.
pub fn pages(
    options: &Options,
    clients: &[usize],
    pid: u32,
    small: &Mailbox,
    large: &Mailbox,
    report: &mut Report,
) -> Result<()> {
    for &connections in clients {
        for is_newest in [true, false] {
            let what = if is_newest {
                "newest page"
            } else {
                "page anywhere"
            };
            let case = format!("{what} x{connections}");
            eprintln!("{case}");
            let mut contenders: Vec<_> = [small, large]
                .into_iter()
                .map(|mailbox| {
                    let calls = match is_newest {
                        true => mailbox.newest(),
                        false => mailbox.anywhere(options.seed),
                    };
                    let workload = Repeated::new(calls, "\"threadId\"");
                    mailbox.contender(pid, Box::new(workload))
                })
                .collect();
            if is_newest {
                let session = vec![(large.client.session(), 1)];
                contenders.push(Contender {
                    server: SESSION.into(),
                    ..large.contender(pid, Box::new(Repeated::new(session, "\"apiUrl\"")))
                });
            }
            let outcomes = compare(&mut contenders, options.rounds(connections), || Ok(()))?;
            report.rows.extend(rows(&case, &outcomes));
            aim(report, &case, &large.name, connections, AIM_PAGE_MS);
        }
    }
    Ok(())
}

/// Searches, beside the full-text index where that knows words of the script.
pub fn searches(
    options: &Options,
    clients: &[usize],
    pid: u32,
    (full_text, large): (&FullText, &Mailbox),
    report: &mut Report,
) -> Result<()> {
    for &connections in clients {
        for wanted in Wanted::ALL {
            let case = format!("{} x{connections}", wanted.name());
            eprintln!("{case}");
            let rounds = options.rounds(connections);
            let mut baseline = Vec::new();
            let workload = Repeated::new(large.searches(wanted), "\"e");
            let mut contenders = [large.contender(pid, Box::new(workload))];
            let outcomes = compare(&mut contenders, rounds, || {
                if wanted != Wanted::Chinese {
                    baseline.push(full_text.search(wanted, PAGE, rounds.slice)?);
                }
                Ok(())
            })?;
            let mut all = Vec::new();
            if !baseline.is_empty() {
                all.push(Outcome {
                    server: FTS.into(),
                    samples: baseline,
                });
            }
            all.extend(outcomes);
            report.rows.extend(rows(&case, &all));
            aim(report, &case, &large.name, connections, AIM_SEARCH_MS);
        }
    }
    Ok(())
}

/// The baseline of searches alone.
pub fn baseline(options: &Options, full_text: &FullText, report: &mut Report) -> Result<()> {
    for wanted in [Wanted::Word, Wanted::Words, Wanted::Cyrillic] {
        let slice = options.rounds(1).slice;
        let outcome = Outcome {
            server: FTS.into(),
            samples: vec![full_text.search(wanted, PAGE, slice)?],
        };
        report
            .rows
            .extend(rows(&format!("{} x1", wanted.name()), &[outcome]));
    }
    Ok(())
}

/// What we aim at is the median by one client.
fn aim(report: &mut Report, case: &str, server: &str, connections: usize, aim_ms: f64) {
    let median_us = report.row(case, server).map(|row| row.p50_us);
    if let (1, Some(median_us)) = (connections, median_us) {
        let name = format!("{case}, {server}, median, ms");
        report.aims.push(Aim::below(name, median_us / 1e3, aim_ms));
    }
}
