//! A node in this process.

use std::{
    io,
    ops::Range,
    path::Path,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    thread::JoinHandle,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
    client::{RecordStream, RecordWriter},
    ending::Pace,
    error::{NodeError, OpenError},
    extents::{self, CommitQueue, Reserver},
    files::{DiskFiles, OpenMode, VolumeFiles, write_atomically},
    format::{FORMAT_VERSION, MAX_RECORD_BYTES},
    key::{Lease, RecordInfo, RecordKey},
    options::{NodeOptions, PACKED_LIMIT_BYTES},
    packed::{self, Operation, PackedQueue, closed},
    read,
    recover::{RecoveryReport, recover},
    scrub::VolumeFault,
    shared::Shared,
    space::Purpose,
    status::{NodeStatus, ScrubStatus, Verified},
    upkeep::Upkeep,
    volume::{Phase, volume_id},
    writer::LocalWriter,
};

/// The file that names the node.
const IDENTITY_NAME: &str = "node.json";
/// The most entries that one call of [`Node::list`] gives.
pub const LIST_LIMIT: u32 = 10_000;

/// What `node.json` holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    format: u32,
    node: Uuid,
}

/// A node whose directory this process has open. Methods may be called from any tokio runtime.
pub struct Node {
    id: Uuid,
    shared: Arc<Shared>,
    packed: PackedQueue,
    commits: CommitQueue,
    reserver: Arc<Reserver>,
    recovery: RecoveryReport,
    upkeep: Arc<Upkeep>,
    threads: Mutex<Option<Threads>>,
}

/// The threads of a node.
#[derive(Default)]
struct Threads {
    /// They use the writers, and so end first.
    behind: Vec<JoinHandle<()>>,
    writers: Vec<JoinHandle<()>>,
}

impl Threads {
    fn join(threads: Vec<JoinHandle<()>>) {
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the node panicked");
            }
        }
    }
}

impl Node {
    /// Opens the node in `dir`, making it when it is not there. Blocks until everything durable is readable again.
    ///
    /// # Errors
    /// [`OpenError`]; each is a sentence for the person who runs the node. Damage in volumes is no error: it is
    /// in [`NodeStatus::recovery`].
    pub fn open(dir: &Path, options: NodeOptions) -> Result<Arc<Self>, OpenError> {
        options.check()?;
        let io = |action| {
            move |source| OpenError::Io {
                action,
                dir: dir.to_owned(),
                source,
            }
        };
        let files = match &options.files {
            Some(files) => files.clone(),
            None => Arc::new(DiskFiles::new(dir).map_err(io("make or open files"))?),
        };
        if !files.lock().map_err(io("take the lock"))? {
            return Err(OpenError::Locked(dir.to_owned()));
        }
        let id = identity(&*files, dir)?;
        let shared = Arc::new(Shared::new(files, options, id));
        let recovery = recover(&shared, dir, id)?;
        if !recovery.is_clean() {
            shared.note_error("damage was found when the node was opened; see its recovery report");
        }
        tracing::info!(dir = %dir.display(), ?recovery, "opened the node");
        Self::start(id, shared, recovery).map_err(io("start threads"))
    }

    fn start(id: Uuid, shared: Arc<Shared>, recovery: RecoveryReport) -> io::Result<Arc<Self>> {
        let (packed, packed_receiver) = PackedQueue::new();
        let (commits, commit_receiver) = CommitQueue::new();
        let reserver = Arc::new(Reserver::new(&shared));
        let upkeep = Arc::new(Upkeep::new(
            shared.clone(),
            packed.clone(),
            commits.clone(),
            reserver.clone(),
            &recovery,
        ));
        let mut threads = Threads::default();
        let run = move |shared: &Arc<Shared>| packed::run(shared, &packed_receiver);
        threads.writers.push(spawn("node-packed", &shared, run)?);
        let run = move |shared: &Arc<Shared>| extents::run(shared, &commit_receiver);
        threads.writers.push(spawn("node-extents", &shared, run)?);
        if shared.options.background {
            let upkeep = upkeep.clone();
            let run = move |_: &Arc<Shared>| upkeep.run();
            threads.behind.push(spawn("node-upkeep", &shared, run)?);
            if shared.options.scrub_bytes_per_second > 0 {
                let run = |shared: &Arc<Shared>| crate::scrub::run(shared);
                threads.behind.push(spawn("node-scrub", &shared, run)?);
            }
        }
        Ok(Arc::new(Self {
            id,
            shared,
            packed,
            commits,
            reserver,
            recovery,
            upkeep,
            threads: Mutex::new(Some(threads)),
        }))
    }

    /// The node's own id.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Stores a record, replacing one with the same key. Durable when this returns; then a read sees it.
    ///
    /// # Errors
    /// [`NodeError::Full`], [`NodeError::Busy`], [`NodeError::TooLarge`] (over 64 MiB), [`NodeError::Stopped`]
    /// and [`NodeError::Io`]. After any of them the record is not to be seen, or an older one still is; after the
    /// last two it may be there when the node is opened again.
    pub async fn put(
        self: &Arc<Self>,
        key: RecordKey,
        lease: Lease,
        payload: Bytes,
    ) -> Result<(), NodeError> {
        if payload.len() as u64 > PACKED_LIMIT_BYTES {
            let mut writer = self.begin_local(key, lease, payload.len() as u64).await?;
            writer.write(payload).await?;
            return writer.finish().await;
        }
        self.shared.check_writable()?;
        let (reply, answer) = oneshot::channel();
        self.packed.submit(Operation::Put {
            key,
            lease,
            payload,
            reply,
        })?;
        let stored = answer.await.unwrap_or_else(|_| Err(closed()));
        stored.inspect_err(|error| self.look_for_room(error))
    }

    /// What is dead may be in the way of new data.
    fn look_for_room(&self, error: &NodeError) {
        if matches!(error, NodeError::Full) {
            self.shared.ending.wake();
        }
    }

    /// Reserves room for a record of up to `capacity` bytes, whose bytes then come one after the other.
    ///
    /// # Errors
    /// As [`Node::put`]; [`NodeError::Full`] comes here, before a byte is written.
    pub async fn begin(
        self: &Arc<Self>,
        key: RecordKey,
        lease: Lease,
        capacity: u64,
    ) -> Result<RecordWriter, NodeError> {
        self.begin_local(key, lease, capacity)
            .await
            .map(RecordWriter::local)
    }

    async fn begin_local(
        &self,
        key: RecordKey,
        lease: Lease,
        capacity: u64,
    ) -> Result<LocalWriter, NodeError> {
        if capacity > MAX_RECORD_BYTES {
            return Err(NodeError::TooLarge {
                limit_bytes: MAX_RECORD_BYTES,
            });
        }
        let (reserver, shared) = (self.reserver.clone(), self.shared.clone());
        let reserve = move || reserver.reserve(&shared, key, lease, capacity, Purpose::Data);
        let region = tokio::task::spawn_blocking(reserve)
            .await
            .map_err(|_| closed())?
            .inspect_err(|error| self.look_for_room(error))?;
        Ok(LocalWriter::new(
            self.shared.clone(),
            self.commits.clone(),
            region,
        ))
    }

    /// Reads a range of a record. Each block is verified before a byte of it is given.
    ///
    /// # Errors
    /// [`NodeError::NotFound`], [`NodeError::OutOfRange`], [`NodeError::Corrupt`], [`NodeError::Io`]; the stream
    /// gives the last two as well, and nothing after them.
    pub async fn read(
        self: &Arc<Self>,
        key: RecordKey,
        range: Range<u64>,
    ) -> Result<RecordStream, NodeError> {
        read::open(&self.shared, key, range)
            .await
            .map(RecordStream::local)
    }

    /// What is known of a record, without reading it.
    ///
    /// # Errors
    /// None on a local node.
    pub async fn stat(&self, key: RecordKey) -> Result<Option<RecordInfo>, NodeError> {
        Ok(self.shared.index.get(&key).map(|entry| entry.info(key)))
    }

    /// Deletes records; keys that are not there are passed over. Durable when this returns. Works on a full node.
    ///
    /// # Errors
    /// [`NodeError::Busy`], [`NodeError::Stopped`], [`NodeError::Io`], and [`NodeError::Full`] on a disk that cannot
    /// even take a tombstone. Some of the keys may be deleted then.
    pub async fn delete(&self, keys: Vec<RecordKey>) -> Result<(), NodeError> {
        self.shared.check_writable()?;
        for keys in keys.chunks(KEYS_IN_A_DELETE) {
            let (reply, answer) = oneshot::channel();
            self.packed.submit(Operation::Delete {
                keys: keys.to_vec(),
                reply,
            })?;
            answer.await.unwrap_or_else(|_| Err(closed()))?;
        }
        Ok(())
    }

    /// Up to `limit` records (at most [`LIST_LIMIT`]) whose keys come after `after`, in the order of keys.
    ///
    /// # Errors
    /// None on a local node.
    pub async fn list(
        &self,
        after: Option<RecordKey>,
        limit: u32,
    ) -> Result<Vec<RecordInfo>, NodeError> {
        let entries = self
            .shared
            .index
            .list(after, limit.min(LIST_LIMIT) as usize);
        Ok(entries
            .into_iter()
            .map(|(key, entry)| entry.info(key))
            .collect())
    }

    /// Records known to be damaged here and neither replaced nor deleted since, at most [`LIST_LIMIT`].
    ///
    /// # Errors
    /// None on a local node.
    pub async fn damaged(&self) -> Result<Vec<RecordKey>, NodeError> {
        Ok(self.shared.damaged(LIST_LIMIT as usize))
    }

    /// Reads and verifies the records after `after` in the order of keys, about `budget_bytes` of them.
    ///
    /// # Errors
    /// [`NodeError::Io`] when the disk cannot be read.
    pub async fn verify(
        self: &Arc<Self>,
        after: Option<RecordKey>,
        budget_bytes: u64,
    ) -> Result<Verified, NodeError> {
        let shared = self.shared.clone();
        let verify = move || crate::scrub::verify(&shared, after, budget_bytes);
        tokio::task::spawn_blocking(verify)
            .await
            .map_err(|_| closed())?
    }

    /// Seals, compacts and makes a checkpoint if one is due: once, now, and as fast as it goes. The background of a
    /// node does the same from time to time.
    ///
    /// # Errors
    /// [`NodeError::Stopped`], [`NodeError::Io`], [`NodeError::Full`]. Nothing is lost then; it may be tried again.
    pub async fn keep_up(self: &Arc<Self>) -> Result<(), NodeError> {
        let node = self.clone();
        let pass = move || node.upkeep.pass(&mut Pace::fast(&node.shared.ending));
        tokio::task::spawn_blocking(pass)
            .await
            .map_err(|_| closed())?
    }

    /// Makes a checkpoint of the index, so that the next start is quick.
    ///
    /// # Errors
    /// [`NodeError::Io`] and [`NodeError::Full`]; the checkpoint before is as it was then.
    pub async fn checkpoint(self: &Arc<Self>) -> Result<(), NodeError> {
        let node = self.clone();
        let save = move || node.upkeep.checkpoint_changes();
        tokio::task::spawn_blocking(save)
            .await
            .map_err(|_| closed())?
    }

    /// Reads all volume files from end to end, and says what in them is neither a record nor dead space of ours, and
    /// which do not match their seals. Payloads are [`Node::verify`]'s to check.
    ///
    /// # Errors
    /// [`NodeError::Io`] when the disk cannot be read.
    pub async fn check_volumes(self: &Arc<Self>) -> Result<Vec<VolumeFault>, NodeError> {
        let shared = self.shared.clone();
        tokio::task::spawn_blocking(move || crate::scrub::check_volumes(&shared))
            .await
            .map_err(|_| closed())?
    }

    /// The state of the node.
    ///
    /// # Errors
    /// None on a local node.
    pub async fn status(&self) -> Result<NodeStatus, NodeError> {
        let volumes = self.shared.volumes.all();
        let (mut live_bytes, mut record_bytes, mut sealed_volumes) = (0, 0, 0);
        for volume in &volumes {
            let state = volume.state();
            live_bytes += state.live_bytes;
            live_bytes += state.tombstones.len() as u64 * volume.region_bytes(0);
            record_bytes += state.record_bytes();
            sealed_volumes += u64::from(matches!(state.phase, Phase::Sealed { .. }));
        }
        Ok(NodeStatus {
            node: self.id,
            records: self.shared.index.len() as u64,
            volumes: volumes.len() as u64,
            sealed_volumes,
            used_bytes: self.shared.space.used_bytes(),
            live_bytes,
            dead_bytes: record_bytes.saturating_sub(live_bytes),
            free_bytes: self.shared.space.free_bytes(),
            queued_bytes: self.packed.waiting_bytes() as u64,
            damaged_records: self.shared.damaged_count(),
            stopped: self.shared.stopped_reason(),
            recent_errors: self.shared.recent_errors(),
            counters: self.shared.counters.values(),
            scrub: self.scrub_status(),
            recovery: self.recovery.clone(),
        })
    }

    fn scrub_status(&self) -> ScrubStatus {
        let progress = &self.shared.scrub;
        ScrubStatus {
            passes: progress.passes.load(Ordering::Relaxed),
            done_bytes: progress.done_bytes.load(Ordering::Relaxed),
            total_bytes: progress.total_bytes.load(Ordering::Relaxed),
        }
    }

    /// Finishes what was asked before, ends the node's threads and gives back unused space. Later writes are
    /// refused; the directory is free for others when the node, its streams and its writers are dropped. Blocks.
    pub fn close(&self) {
        let threads = self
            .threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(threads) = threads else { return };
        self.shared.ending.end();
        Threads::join(threads.behind);
        self.packed.stop();
        self.commits.stop();
        Threads::join(threads.writers);
        if let Err(error) = self.reserver.trim(&self.shared) {
            tracing::warn!(%error, "could not give back unused space of a volume");
        }
        if self.shared.options.background
            && self.shared.check_writable().is_ok()
            && let Err(error) = self.upkeep.checkpoint_changes()
        {
            tracing::warn!(%error, "no checkpoint of the index was made; the next start reads more");
        }
    }
}

/// Keys deleted in one operation: their tombstones fit a batch of the writer.
const KEYS_IN_A_DELETE: usize = 1024;

impl Drop for Node {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

fn spawn(
    name: &str,
    shared: &Arc<Shared>,
    run: impl FnOnce(&Arc<Shared>) + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let shared = shared.clone();
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || run(&shared))
}

/// Reads who the node is, or makes it somebody.
fn identity(files: &dyn VolumeFiles, dir: &Path) -> Result<Uuid, OpenError> {
    let io = |action| {
        move |source| OpenError::Io {
            action,
            dir: dir.to_owned(),
            source,
        }
    };
    let damaged = |reason: String| OpenError::Damaged {
        dir: dir.to_owned(),
        file: IDENTITY_NAME.to_owned(),
        reason,
    };
    let names = files.list().map_err(io("list the files"))?;
    if !names.iter().any(|name| name == IDENTITY_NAME) {
        if names.iter().any(|name| volume_id(name).is_some()) {
            return Err(OpenError::NoIdentity(dir.to_owned()));
        }
        let identity = Identity {
            format: FORMAT_VERSION.into(),
            node: Uuid::new_v4(),
        };
        let content = serde_json::to_vec(&identity).map_err(|error| damaged(error.to_string()))?;
        write_atomically(files, IDENTITY_NAME, &content).map_err(io("write node.json"))?;
        return Ok(identity.node);
    }
    const LARGEST_BYTES: usize = 4096;
    let file = files
        .open(IDENTITY_NAME, OpenMode::Existing)
        .map_err(io("open node.json"))?;
    let content = file
        .read_vec(LARGEST_BYTES, 0)
        .map_err(io("read node.json"))?;
    let identity: Identity =
        serde_json::from_slice(&content).map_err(|error| damaged(error.to_string()))?;
    if identity.format > FORMAT_VERSION.into() {
        return Err(OpenError::NewerFormat {
            dir: dir.to_owned(),
            found: identity.format,
            known: FORMAT_VERSION.into(),
        });
    }
    Ok(identity.node)
}
