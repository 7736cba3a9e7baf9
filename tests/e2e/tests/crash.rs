//! kill -9 in a loop under load.
//!
//! Several writers put, overwrite, copy, delete and upload in parts, each on
//! keys of its own, until the program is killed at a random moment. Then the
//! volumes verify, and after the restart: what was acknowledged is there byte for
//! byte (and what was deleted is not), what was under way is there whole or not
//! at all, versions stay, and the listing agrees with the reads.
//!
//! `CONCIERGE_CRASH_ROUNDS` sets the rounds (5 unless set), `CONCIERGE_SEED`
//! replays the choices of a run; moments and the order of events between
//! writers are the machine's.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use concierge_tests::disk::{self, eventually};
use concierge_tests::{Request, Server, seed};
use futures::TryStreamExt;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{Error, GetOptions, ObjectStore, ObjectStoreExt};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

const PLAIN: &str = "crash-plain";
const VERSIONED: &str = "crash-versioned";
const WRITERS: usize = 8;
const KEYS_PER_WRITER: u32 = 12;
const MIB: usize = 1 << 20;
/// Old versions that a round reads again, of each writer. All of them are read
/// after the last round; reading them in each would make a long run quadratic.
const OLD_VERSIONS_PER_ROUND: usize = 25;

/// What a key holds: nothing, or bytes that `seed::bytes` makes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    Absent,
    Bytes {
        seed: u64,
        length: usize,
    },
    /// Two parts.
    Parts {
        seed: u64,
        first: usize,
        second: usize,
    },
}

impl Value {
    fn bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Absent => None,
            Self::Bytes { seed, length } => Some(seed::bytes(seed, length)),
            Self::Parts {
                seed,
                first,
                second,
            } => Some([seed::bytes(seed, first), seed::bytes(seed ^ 1, second)].concat()),
        }
    }
}

/// What is known of a key: the last acknowledged value, and what was under way
/// when the connection broke.
#[derive(Debug, Clone, Copy)]
struct Known {
    certain: Value,
    possible: Option<Value>,
}

/// A version that a writer was told of: it stays for ever.
#[derive(Debug, Clone)]
struct Version {
    key: String,
    id: String,
    value: Value,
}

/// A writer, its keys, and its versions.
struct Writer {
    rng: StdRng,
    number: usize,
    keys: BTreeMap<String, Known>,
    versions: Vec<Version>,
    /// How many of the versions were read since they were written.
    versions_read: usize,
    acknowledged: usize,
}

/// What a run did and checked.
#[derive(Debug, Default)]
struct Figures {
    /// Operations that were answered with success.
    acknowledged: usize,
    /// Keys and versions read after a restart and compared with what is known.
    reads_compared: usize,
    /// Of these, reads that found what was under way at the kill.
    unacknowledged_found: usize,
    /// Records of volumes read and matched with their checksums.
    records_verified: u64,
    /// Bytes of these.
    bytes_verified: u64,
}

impl Writer {
    fn new(seed: u64, number: usize) -> Self {
        let keys = (0..KEYS_PER_WRITER)
            .map(|n| {
                (
                    format!("w{number}/k{n:02}"),
                    Known {
                        certain: Value::Absent,
                        possible: None,
                    },
                )
            })
            .collect();
        Self {
            rng: StdRng::seed_from_u64(seed),
            number,
            keys,
            versions: Vec::new(),
            versions_read: 0,
            acknowledged: 0,
        }
    }

    fn random_value(&mut self) -> Value {
        let seed = self.rng.random();
        match self.rng.random_range(0..20) {
            0 => Value::Bytes {
                seed,
                length: self.rng.random_range(8 * MIB..10 * MIB),
            },
            1..=3 => Value::Bytes {
                seed,
                length: self.rng.random_range(60_000..400_000),
            },
            4 => Value::Parts {
                seed,
                first: 5 * MIB,
                second: self.rng.random_range(1..100_000),
            },
            _ => Value::Bytes {
                seed,
                length: self.rng.random_range(0..20_000),
            },
        }
    }

    /// Works until an operation fails, as it does when the program is killed.
    async fn work(&mut self, plain: &AmazonS3, versioned: &AmazonS3) {
        loop {
            let result = match self.rng.random_range(0..10) {
                0..=1 => self.delete(plain).await,
                2 => self.put_version(versioned).await,
                3 => self.copy(plain).await,
                _ => self.put(plain).await,
            };
            match result {
                Ok(()) => self.acknowledged += 1,
                // 503 asks to come again; it has done nothing.
                Err(Error::Generic { source, .. }) if source.to_string().contains("SlowDown") => {}
                Err(_) => return,
            }
        }
    }

    fn pick(&mut self) -> String {
        format!(
            "w{}/k{:02}",
            self.number,
            self.rng.random_range(0..KEYS_PER_WRITER)
        )
    }

    fn begin(&mut self, key: &str, value: Value) {
        if let Some(known) = self.keys.get_mut(key) {
            known.possible = Some(value);
        }
    }

    fn done(&mut self, key: &str, value: Value) {
        self.keys.insert(
            key.to_owned(),
            Known {
                certain: value,
                possible: None,
            },
        );
    }

    async fn put(&mut self, store: &AmazonS3) -> Result<(), Error> {
        let key = self.pick();
        let value = self.random_value();
        self.begin(&key, value);
        store_value(store, &key, value).await?;
        self.done(&key, value);
        Ok(())
    }

    async fn delete(&mut self, store: &AmazonS3) -> Result<(), Error> {
        let key = self.pick();
        self.begin(&key, Value::Absent);
        store.delete(&Path::from(key.as_str())).await?;
        self.done(&key, Value::Absent);
        Ok(())
    }

    async fn copy(&mut self, store: &AmazonS3) -> Result<(), Error> {
        let (from, to) = (self.pick(), self.pick());
        let value = self
            .keys
            .get(&from)
            .map_or(Value::Absent, |known| known.certain);
        if value == Value::Absent || from == to {
            return Ok(());
        }
        self.begin(&to, value);
        store
            .copy(&Path::from(from.as_str()), &Path::from(to.as_str()))
            .await?;
        self.done(&to, value);
        Ok(())
    }

    async fn put_version(&mut self, store: &AmazonS3) -> Result<(), Error> {
        let key = self.pick();
        let value = Value::Bytes {
            seed: self.rng.random(),
            length: self.rng.random_range(0..100_000),
        };
        let put = store
            .put(
                &Path::from(key.as_str()),
                value.bytes().unwrap_or_default().into(),
            )
            .await?;
        if let Some(id) = put.version {
            self.versions.push(Version { key, id, value });
        }
        Ok(())
    }

    /// Compares every key with what is known, and takes what was found as
    /// certain from now on.
    async fn check(&mut self, plain: &AmazonS3, figures: &mut Figures) -> anyhow::Result<()> {
        for (key, known) in &mut self.keys {
            let found = read(plain, key, None).await?;
            let candidates = [Some(known.certain), known.possible];
            let Some(value) = candidates
                .into_iter()
                .flatten()
                .find(|value| value.bytes() == found)
            else {
                let length = found.map(|bytes| bytes.len());
                anyhow::bail!("{key} holds {length:?} bytes that are neither of {known:?}");
            };
            figures.reads_compared += 1;
            figures.unacknowledged_found += usize::from(value != known.certain);
            *known = Known {
                certain: value,
                possible: None,
            };
        }
        Ok(())
    }

    /// Compares the versions written since the last time, and `old` of those
    /// before.
    async fn check_versions(
        &mut self,
        versioned: &AmazonS3,
        old: usize,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let fresh = self.versions.split_off(self.versions_read);
        let again = self.versions.sample(&mut self.rng, old).cloned();
        for version in fresh.iter().cloned().chain(again.collect::<Vec<_>>()) {
            let found = read(versioned, &version.key, Some(&version.id)).await?;
            anyhow::ensure!(found == version.value.bytes(), "{version:?} is not so");
            figures.reads_compared += 1;
        }
        self.versions.extend(fresh);
        self.versions_read = self.versions.len();
        Ok(())
    }
}

async fn store_value(store: &AmazonS3, key: &str, value: Value) -> Result<(), Error> {
    let path = Path::from(key);
    if let Value::Parts {
        seed,
        first,
        second,
    } = value
    {
        let mut upload = store.put_multipart(&path).await?;
        upload.put_part(seed::bytes(seed, first).into()).await?;
        upload
            .put_part(seed::bytes(seed ^ 1, second).into())
            .await?;
        upload.complete().await?;
    } else {
        store
            .put(&path, value.bytes().unwrap_or_default().into())
            .await?;
    }
    Ok(())
}

async fn read(
    store: &AmazonS3,
    key: &str,
    version: Option<&String>,
) -> anyhow::Result<Option<Vec<u8>>> {
    let options = GetOptions {
        version: version.cloned(),
        ..GetOptions::default()
    };
    match store.get_opts(&Path::from(key), options).await {
        Ok(got) => Ok(Some(got.bytes().await?.to_vec())),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn listing_agrees(store: &AmazonS3, writers: &[Writer]) -> anyhow::Result<()> {
    let listed: BTreeMap<String, u64> = store
        .list(None)
        .map_ok(|meta| (meta.location.to_string(), meta.size))
        .try_collect()
        .await?;
    let expected: BTreeMap<String, u64> = writers
        .iter()
        .flat_map(|writer| &writer.keys)
        .filter_map(|(key, known)| Some((key.clone(), known.certain.bytes()?.len() as u64)))
        .collect();
    anyhow::ensure!(
        listed == expected,
        "the listing has {listed:?}, the reads {expected:?}"
    );
    Ok(())
}

async fn abort_uploads(server: &Server) -> anyhow::Result<()> {
    let listed = server
        .send(Request::new("GET", format!("/{PLAIN}?uploads")))
        .await?;
    let text = listed.text();
    for upload in text.split("<Upload>").skip(1) {
        let inside = |name: &str| {
            let (_, rest) = upload.split_once(&format!("<{name}>"))?;
            rest.split_once("</").map(|(inside, _)| inside.to_owned())
        };
        let (Some(key), Some(id)) = (inside("Key"), inside("UploadId")) else {
            continue;
        };
        let answer = server
            .send(Request::new(
                "DELETE",
                format!("/{PLAIN}/{key}?uploadId={id}"),
            ))
            .await?;
        anyhow::ensure!(answer.status == 204, "aborting {key}: {answer:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_kills() -> anyhow::Result<()> {
    let seed = seed::choose("crash");
    let rounds: u32 = std::env::var("CONCIERGE_CRASH_ROUNDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(5);
    let mut rng = StdRng::seed_from_u64(seed);
    let mut server = fresh().await?;
    let mut writers: Vec<Writer> = (0..WRITERS)
        .map(|number| Writer::new(rng.random(), number))
        .collect();
    let mut figures = Figures::default();
    for round in 1..=rounds {
        let moment = Duration::from_millis(rng.random_range(20..2500));
        work_until_killed(&mut server, &mut writers, moment).await?;
        volumes_verify(&server, &mut figures).await?;
        server.start_again().await?;
        let old = if round == rounds {
            usize::MAX
        } else {
            OLD_VERSIONS_PER_ROUND
        };
        check_all(&server, &mut writers, old, &mut figures).await?;
        abort_uploads(&server).await?;
        figures.acknowledged = writers.iter().map(|writer| writer.acknowledged).sum();
        println!("round {round}: killed after {moment:?}; so far {figures:?}");
    }
    assert!(
        figures.acknowledged > 0,
        "no operation was ever acknowledged: the load did not run"
    );
    let kept = writers.iter().flat_map(|writer| &writer.versions);
    let kept_bytes = kept
        .filter_map(|version| Some(version.value.bytes()?.len() as u64))
        .sum();
    nothing_is_left(&server, kept_bytes).await
}

async fn fresh() -> anyhow::Result<Server> {
    let server = Server::start().await?;
    server.create_bucket(PLAIN).await?;
    server.create_bucket(VERSIONED).await?;
    let enable = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    let enabled = server
        .send(Request::new("PUT", format!("/{VERSIONED}?versioning")).body(enable))
        .await?;
    assert_eq!(enabled.status, 200, "{enabled:?}");
    Ok(server)
}

async fn work_until_killed(
    server: &mut Server,
    writers: &mut [Writer],
    moment: Duration,
) -> anyhow::Result<()> {
    let (plain, versioned) = (server.object_store(PLAIN)?, server.object_store(VERSIONED)?);
    let load = futures::future::join_all(
        writers
            .iter_mut()
            .map(|writer| writer.work(&plain, &versioned)),
    );
    // The random moment of the kill, not a wait for something.
    let kill = async {
        tokio::time::sleep(moment).await;
        server.kill().await
    };
    let (_, killed) = tokio::join!(load, kill);
    killed
}

async fn check_all(
    server: &Server,
    writers: &mut [Writer],
    old_versions: usize,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let (plain, versioned) = (server.object_store(PLAIN)?, server.object_store(VERSIONED)?);
    for writer in writers.iter_mut() {
        writer.check(&plain, figures).await?;
        writer
            .check_versions(&versioned, old_versions, figures)
            .await?;
    }
    listing_agrees(&plain, writers).await
}

/// All stored data passes verification, while the program does not run.
async fn volumes_verify(server: &Server, figures: &mut Figures) -> anyhow::Result<()> {
    let found = server.json(&["volumes", "verify", "--json"]).await?;
    let nodes = found["nodes"].as_array().context("no nodes")?;
    anyhow::ensure!(!nodes.is_empty(), "nothing was verified: {found}");
    for node in nodes {
        figures.records_verified += node["records"].as_u64().context("no records")?;
        figures.bytes_verified += node["bytes"].as_u64().context("no bytes")?;
    }
    Ok(())
}

/// With every object deleted, only versions are left on the disk: no garbage
/// grows for ever.
async fn nothing_is_left(server: &Server, kept_bytes: u64) -> anyhow::Result<()> {
    /// Records are a little larger than what they hold.
    const OVERHEAD_BYTES: u64 = 8 * MIB as u64;
    let store = server.object_store(PLAIN)?;
    let paths: Vec<Path> = store
        .list(None)
        .map_ok(|meta| meta.location)
        .try_collect()
        .await?;
    for path in &paths {
        store.delete(path).await?;
    }
    let before = disk::used_bytes(&server.data())?;
    println!("{before} bytes on the disk before collection, {kept_bytes} to be kept");
    eventually("the bytes of deleted objects are collected", || async {
        let status = server.json(&["status", "--json"]).await?;
        let live = live_bytes(&status).context("no live_bytes")?;
        Ok(live >= kept_bytes && live < kept_bytes + kept_bytes / 8 + OVERHEAD_BYTES)
    })
    .await
}

/// Live bytes on all nodes, as `concierge status` says.
fn live_bytes(status: &serde_json::Value) -> Option<u64> {
    status
        .pointer("/objects/nodes")?
        .as_array()?
        .iter()
        .map(|node| node.pointer("/status/live_bytes")?.as_u64())
        .sum()
}
