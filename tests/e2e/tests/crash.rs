//! kill -9 in a loop under load.
//!
//! Several writers put, overwrite, copy, delete and upload in parts, each on
//! keys of its own, until the program is killed at a random moment. After the
//! restart: what was acknowledged is there byte for byte (and what was deleted
//! is not), what was under way is there whole or not at all, versions stay, the
//! listing agrees with the reads, and the volumes verify.
//!
//! `CONCIERGE_CRASH_ROUNDS` sets the rounds (5 unless set), `CONCIERGE_SEED`
//! replays the choices of a run; moments and the order of events between
//! writers are the machine's.

use std::collections::BTreeMap;
use std::time::Duration;

use concierge_tests::disk::{self, eventually};
use concierge_tests::{Request, Server, seed};
use futures::TryStreamExt;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{Error, GetOptions, ObjectStore, ObjectStoreExt};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const PLAIN: &str = "crash-plain";
const VERSIONED: &str = "crash-versioned";
const WRITERS: usize = 8;
const KEYS_PER_WRITER: u32 = 12;
const MIB: usize = 1 << 20;

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

/// A writer, its keys, and the versions it was told of.
struct Writer {
    rng: StdRng,
    number: usize,
    keys: BTreeMap<String, Known>,
    versions: Vec<(String, String, Value)>,
    acknowledged: usize,
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
        if let Some(version) = put.version {
            self.versions.push((key, version, value));
        }
        Ok(())
    }

    /// Compares every key with what is known, and takes what was found as
    /// certain from now on.
    async fn check(&mut self, plain: &AmazonS3, versioned: &AmazonS3) -> anyhow::Result<()> {
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
            *known = Known {
                certain: value,
                possible: None,
            };
        }
        for (key, version, value) in &self.versions {
            let found = read(versioned, key, Some(version)).await?;
            anyhow::ensure!(
                found == value.bytes(),
                "version {version} of {key} is not {value:?}"
            );
        }
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
    let mut server = Server::start().await?;
    server.create_bucket(PLAIN).await?;
    server.create_bucket(VERSIONED).await?;
    let enable = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    let enabled = server
        .send(Request::new("PUT", format!("/{VERSIONED}?versioning")).body(enable))
        .await?;
    assert_eq!(enabled.status, 200, "{enabled:?}");
    let mut writers: Vec<Writer> = (0..WRITERS)
        .map(|number| Writer::new(rng.random(), number))
        .collect();

    for round in 1..=rounds {
        let (plain, versioned) = (server.object_store(PLAIN)?, server.object_store(VERSIONED)?);
        let moment = Duration::from_millis(rng.random_range(20..2500));
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
        killed?;

        server.start_again().await?;
        let (plain, versioned) = (server.object_store(PLAIN)?, server.object_store(VERSIONED)?);
        for writer in &mut writers {
            writer.check(&plain, &versioned).await?;
        }
        listing_agrees(&plain, &writers).await?;
        abort_uploads(&server).await?;
        let acknowledged: usize = writers.iter().map(|writer| writer.acknowledged).sum();
        println!(
            "round {round}: killed after {moment:?}; {acknowledged} operations acknowledged so far"
        );
    }
    let acknowledged: usize = writers.iter().map(|writer| writer.acknowledged).sum();
    assert!(
        acknowledged > 0,
        "no operation was ever acknowledged: the load did not run"
    );
    volumes_verify(&mut server).await?;
    nothing_is_left(&server).await
}

/// All stored data passes verification, with the program stopped.
async fn volumes_verify(server: &mut Server) -> anyhow::Result<()> {
    server.terminate().await?;
    let output = server.command(&["volumes", "verify"]).await?;
    anyhow::ensure!(
        output.status.success(),
        "the volumes do not verify: {output:?}"
    );
    server.start_again().await
}

/// With every object deleted, the disk comes back: no garbage grows for ever.
async fn nothing_is_left(server: &Server) -> anyhow::Result<()> {
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
    println!("{before} bytes on the disk before collection");
    eventually("the bytes of deleted objects are collected", || async {
        let status = server.json(&["status", "--json"]).await?;
        Ok(live_bytes(&status).is_some_and(|live| live < 64 * MIB as u64))
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
