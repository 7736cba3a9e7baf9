//! `list`: pages of 1,000 keys at random places of many, and of 1,000 common
//! prefixes. The baseline is the range scan that a listing is at best: SQLite
//! in this process, one table in the order of its keys.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use memchr::memmem;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use rusqlite::{Connection, params};

use crate::load::{Keep, Plan, Reply, Request, Sample, Stop, Workload, drive};
use crate::options::Options;
use crate::report::{Outcome, Report, rows};
use crate::s3::{Endpoint, Payload, PayloadKind, Puts, S3Request, Target, create_bucket};
use crate::servers::{concierge, memory};

/// Options of `list`.
#[derive(clap::Args)]
pub struct ListOptions {
    /// Keys to make under one prefix.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(2_000..))]
    keys: u64,
    /// Pages to list of each kind.
    #[arg(long, default_value_t = 1_000)]
    pages: u32,
    /// Connections that make the keys.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Another S3 endpoint to measure in the same run: NAME=URL,KEY,SECRET[,REGION[,PID]].
    #[arg(long = "endpoint", value_name = "ENDPOINT")]
    endpoints: Vec<Endpoint>,
    /// Measure the baseline and the other endpoints only.
    #[arg(long)]
    without_concierge: bool,
}

const OURS: &str = "concierge";
const SQLITE: &str = "SQLite scan";
/// Everything lies under this.
const PREFIX: &str = "log/";
/// Keys in a page (the most that S3 gives).
const PAGE_KEYS: u64 = 1_000;
/// Keys that share the part of their names before the second slash.
const GROUP_KEYS: u64 = 100;
/// Bytes in the unit of memory.
const MIB: f64 = (1 << 20) as f64;
/// Bytes of each object: small enough that making a million is about keys.
const OBJECT_BYTES: u64 = 16;

/// The n-th key in the order of listing: `log/GROUP/NUMBER`.
fn key(prefix: &str, number: u64) -> String {
    format!("{prefix}{:06}/{number:08}", number / GROUP_KEYS)
}

/// Measures, and says what came out.
pub fn run(options: &Options, of_list: &ListOptions) -> Result<Report> {
    let dir = options.temporary()?;
    let keys = options.pick(of_list.keys, of_list.keys.min(5_000));
    let pages = options.pick(of_list.pages, of_list.pages.min(20));
    let mut report = Report::new("list");
    let ours = match of_list.without_concierge {
        true => None,
        false => Some(concierge::start(
            &concierge::binary(options.bin.as_deref())?,
            dir.path(),
            &[],
        )?),
    };
    let mut endpoints = Vec::new();
    if let Some(server) = &ours {
        let addr = server.address("s3")?;
        endpoints.push(Endpoint::new(
            OURS,
            addr,
            concierge::credentials(),
            Some(server.pid()),
        ));
    }
    endpoints.extend(of_list.endpoints.iter().cloned());
    for endpoint in &endpoints {
        make_keys(endpoint, keys, of_list.clients, &mut report)?;
    }
    let table = scan_table(&dir.path().join("baseline.db"), keys)?;
    let before = endpoints.iter().map(watch).collect::<Result<Vec<_>>>()?;
    for kind in [Kind::FirstPage, Kind::Random, Kind::Prefixes] {
        let mut outcomes = vec![scan(&table, kind, keys, pages, options.seed)?];
        for endpoint in &endpoints {
            outcomes.push(list(endpoint, kind, keys, pages, options.seed)?);
        }
        report
            .rows
            .extend(rows(kind.name(keys).as_str(), &outcomes));
    }
    for (endpoint, before) in endpoints.iter().zip(before) {
        say_growth(endpoint, before, &mut report)?;
    }
    Ok(report)
}

/// Begins to watch the memory of an endpoint whose process we know; gives what
/// it has now, in bytes.
fn watch(endpoint: &Endpoint) -> Result<Option<u64>> {
    let Some(pid) = endpoint.pid else {
        return Ok(None);
    };
    memory::forget_peak(pid)?;
    Ok(Some(memory::of_process(pid)?.resident))
}

/// Says how far it grew at most while pages were listed.
fn say_growth(endpoint: &Endpoint, before: Option<u64>, report: &mut Report) -> Result<()> {
    if let (Some(pid), Some(before)) = (endpoint.pid, before) {
        let grown = memory::of_process(pid)?.peak.saturating_sub(before);
        report.fact(
            format!("{} grew while listing", endpoint.name),
            grown as f64 / MIB,
            "MiB",
        );
    }
    Ok(())
}

/// What is listed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The first 1,000 keys.
    FirstPage,
    /// 1,000 keys after a random one.
    Random,
    /// 1,000 common prefixes after a random one.
    Prefixes,
}

impl Kind {
    fn name(self, keys: u64) -> String {
        match self {
            Self::FirstPage => format!("first 1,000 of {keys}"),
            Self::Random => format!("random 1,000 of {keys}"),
            Self::Prefixes => format!("prefixes of {keys}, random"),
        }
    }

    /// The number of a key to begin after, and how many items then come.
    fn draw(self, keys: u64, random: &mut SmallRng) -> (Option<u64>, u64) {
        match self {
            Self::FirstPage => (None, PAGE_KEYS.min(keys)),
            Self::Random => {
                let after = random.random_range(0..keys - PAGE_KEYS);
                (Some(after), PAGE_KEYS)
            }
            Self::Prefixes => {
                let groups = keys / GROUP_KEYS;
                let page = PAGE_KEYS.min(groups / 2);
                let after = random.random_range(0..groups - page);
                // After the last key of a group comes the next group.
                (Some(after * GROUP_KEYS + GROUP_KEYS - 1), page)
            }
        }
    }
}

/// Puts all keys as fast as many connections can.
fn make_keys(endpoint: &Endpoint, keys: u64, clients: usize, report: &mut Report) -> Result<()> {
    eprintln!("making {keys} keys in {}", endpoint.name);
    create_bucket(endpoint)?;
    let plan = Plan {
        addr: endpoint.addr,
        connections: clients,
        stop: Stop::WhenDone,
        pace: None,
    };
    let payloads = vec![Payload::random(PayloadKind::Sdk, OBJECT_BYTES, 0)];
    let mut puts = Puts::once(endpoint, PREFIX, payloads, keys).named(key);
    let sample = drive(&plan, &mut puts)?;
    if let Some(error) = sample.first_error {
        bail!(
            "{} keys could not be made, the first: {error}",
            sample.errors
        );
    }
    let rate = keys as f64 / sample.elapsed.as_secs_f64();
    report.fact(
        format!("keys made in {}, {clients} connections", endpoint.name),
        rate,
        "1/s",
    );
    Ok(())
}

/// Lists `pages` pages, one after another.
fn list(endpoint: &Endpoint, kind: Kind, keys: u64, pages: u32, seed: u64) -> Result<Outcome> {
    let plan = Plan {
        addr: endpoint.addr,
        connections: 1,
        stop: Stop::WhenDone,
        pace: None,
    };
    let mut listing = Listing {
        requests: S3Request::new(endpoint),
        kind,
        keys,
        left: pages,
        random: SmallRng::seed_from_u64(seed),
        expected: (None, 0),
    };
    let sample =
        drive(&plan, &mut listing).with_context(|| format!("listing {} failed", endpoint.name))?;
    if let Some(error) = &sample.first_error {
        bail!("{}: {error}", endpoint.name);
    }
    Ok(Outcome {
        server: endpoint.name.clone(),
        samples: vec![sample],
    })
}

/// ListObjectsV2 with `start-after`.
struct Listing {
    requests: S3Request,
    kind: Kind,
    keys: u64,
    left: u32,
    random: SmallRng,
    expected: (Option<u64>, u64),
}

impl Workload for Listing {
    fn operations(&self) -> &[&'static str] {
        &["LIST"]
    }

    fn next(&mut self, _connection: usize, request: &mut Request) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        self.expected = self.kind.draw(self.keys, &mut self.random);
        let (after, items) = self.expected;
        let delimiter = if self.kind == Kind::Prefixes {
            "delimiter=%2F&"
        } else {
            ""
        };
        let encode = |text: &str| text.replace('/', "%2F");
        let after = after.map_or_else(String::new, |number| {
            format!("&start-after={}", encode(&key(PREFIX, number)))
        });
        let prefix = encode(PREFIX);
        request.reset(0);
        request.keep = Keep::Everything;
        let target = Target {
            method: "GET",
            key: "",
            query: &format!("{delimiter}list-type=2&max-keys={items}&prefix={prefix}{after}"),
        };
        self.requests.bodiless(&target, request);
        true
    }

    /// The page must hold the right number, first and last item.
    fn finished(&mut self, _connection: usize, reply: Reply<'_>) -> Result<(), String> {
        let (after, items) = self.expected;
        let first = after.map_or(0, |number| number + 1);
        let (tag, first, last) = match self.kind {
            Kind::Prefixes => {
                let group = |number: u64| format!("<Prefix>{PREFIX}{number:06}/</Prefix>");
                let from = first / GROUP_KEYS;
                ("<CommonPrefixes>", group(from), group(from + items - 1))
            }
            Kind::FirstPage | Kind::Random => {
                let tag = |number| format!("<Key>{}</Key>", key(PREFIX, number));
                ("<Key>", tag(first), tag(first + items - 1))
            }
        };
        let count = memmem::find_iter(reply.kept, tag).count() as u64;
        let has = |text: &str| memmem::find(reply.kept, text.as_bytes()).is_some();
        if count != items || !has(&first) || !has(&last) {
            return Err(format!("{count} of {items} items from {first} to {last}"));
        }
        Ok(())
    }
}

/// A table of the keys with what a listing shows of each.
fn scan_table(path: &std::path::Path, keys: u64) -> Result<Connection> {
    let mut table = Connection::open(path)?;
    table.execute_batch(
        "PRAGMA journal_mode = WAL;
         CREATE TABLE object (
             bucket INTEGER NOT NULL,
             key TEXT NOT NULL,
             size INTEGER NOT NULL,
             etag TEXT NOT NULL,
             modified_us INTEGER NOT NULL,
             PRIMARY KEY (bucket, key)
         ) WITHOUT ROWID;",
    )?;
    let fill = table.transaction()?;
    {
        let mut insert = fill.prepare("INSERT INTO object VALUES (1, ?1, ?2, ?3, ?4)")?;
        for number in 0..keys {
            insert.execute(params![
                key(PREFIX, number),
                OBJECT_BYTES,
                format!("{number:032x}"),
                number
            ])?;
        }
    }
    fill.commit()?;
    Ok(table)
}

/// Reads `pages` pages from the table. With prefixes it seeks from group to
/// group.
fn scan(table: &Connection, kind: Kind, keys: u64, pages: u32, seed: u64) -> Result<Outcome> {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut sample = Sample::new(&["LIST"]);
    let begun = Instant::now();
    for _ in 0..pages {
        let (after, items) = kind.draw(keys, &mut random);
        let after = after.map_or_else(|| PREFIX.to_owned(), |number| key(PREFIX, number));
        let started = Instant::now();
        let found = match kind {
            Kind::FirstPage | Kind::Random => scan_keys(table, &after, items)?,
            Kind::Prefixes => scan_groups(table, after, items)?,
        };
        sample.operations[0].record(started.elapsed(), 0);
        if found != items {
            bail!("the baseline found {found} of {items} items");
        }
    }
    sample.elapsed = begun.elapsed().max(Duration::from_nanos(1));
    Ok(Outcome {
        server: SQLITE.into(),
        samples: vec![sample],
    })
}

fn scan_keys(table: &Connection, after: &str, items: u64) -> Result<u64> {
    let mut page = table.prepare_cached(
        "SELECT key, size, etag, modified_us FROM object WHERE bucket = 1 AND key > ?1 ORDER BY key LIMIT ?2",
    )?;
    let mut found = 0;
    let mut page = page.query(params![after, items])?;
    while let Some(row) = page.next()? {
        let entry: (String, u64, String, u64) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        std::hint::black_box(entry);
        found += 1;
    }
    Ok(found)
}

fn scan_groups(table: &Connection, mut after: String, items: u64) -> Result<u64> {
    let mut next = table.prepare_cached(
        "SELECT key FROM object WHERE bucket = 1 AND key > ?1 ORDER BY key LIMIT 1",
    )?;
    for found in 0..items {
        let mut rows = next.query([&after])?;
        let Some(row) = rows.next()? else {
            return Ok(found);
        };
        let key: String = row.get(0)?;
        let group = key.rfind('/').map_or(key.as_str(), |slash| &key[..slash]);
        // `0` is the character after `/`: all keys of the group come before it.
        after = format!("{group}0");
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_baseline_finds_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let table = scan_table(&dir.path().join("t.db"), 5_000).unwrap();
        for kind in [Kind::FirstPage, Kind::Random, Kind::Prefixes] {
            let outcome = scan(&table, kind, 5_000, 50, 1).unwrap();
            assert_eq!(outcome.samples[0].count(), 50);
        }
    }
}
