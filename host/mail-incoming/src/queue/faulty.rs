//! A disk that counts, loses, tears and fills up.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use uuid::Uuid;

use super::{Disk, LogFile, lock};

/// A file: what was written, how much of it survives, and what an older log has left in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    durable: usize,
    left: Vec<u8>,
}

impl Content {
    /// So much of what was written, and what was left behind it.
    fn with_left(&self, written: usize) -> Vec<u8> {
        let left = self.left.get(written..).unwrap_or_default();
        [&self.bytes[..written], left].concat()
    }
}

/// A disk in memory. It writes each log over the one that was given up last.
#[derive(Default)]
pub(crate) struct Faulty {
    pub(super) logs: Arc<Mutex<BTreeMap<u64, Content>>>,
    /// What was given up, and by whom.
    spare: Mutex<Option<(u64, Vec<u8>)>>,
    owns: Mutex<BTreeMap<Uuid, Vec<u8>>>,
    pub(super) syncs: Arc<AtomicUsize>,
    /// Octets that may still be written.
    pub(super) free: Arc<Mutex<Option<u64>>>,
}

struct FaultyLog {
    number: u64,
    logs: Arc<Mutex<BTreeMap<u64, Content>>>,
    syncs: Arc<AtomicUsize>,
    free: Arc<Mutex<Option<u64>>>,
}

impl LogFile for FaultyLog {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut free = lock(&self.free);
        let fits = free.map_or(bytes.len(), |free| bytes.len().min(free as usize));
        let mut logs = lock(&self.logs);
        // A full disk takes the beginning.
        logs.get_mut(&self.number)
            .unwrap()
            .bytes
            .extend_from_slice(&bytes[..fits]);
        if let Some(free) = &mut *free {
            *free -= fits as u64;
        }
        match fits == bytes.len() {
            true => Ok(()),
            false => Err(io::ErrorKind::StorageFull.into()),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        let mut logs = lock(&self.logs);
        let content = logs.get_mut(&self.number).unwrap();
        content.durable = content.bytes.len();
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let mut logs = lock(&self.logs);
        let content = logs.get_mut(&self.number).unwrap();
        content.bytes.truncate(length as usize);
        content.durable = content.bytes.len();
        content.left.clear();
        Ok(())
    }
}

impl Disk for Faulty {
    fn logs(&self) -> io::Result<Vec<u64>> {
        Ok(lock(&self.logs).keys().copied().collect())
    }
    fn last(&self) -> io::Result<Option<u64>> {
        let log = lock(&self.logs).keys().next_back().copied();
        let spare = lock(&self.spare).as_ref().map(|(log, _)| *log);
        Ok(log.max(spare))
    }
    fn create(&self, log: u64) -> io::Result<Box<dyn LogFile>> {
        assert!(Some(log) > self.last()?, "log {log} may have been there");
        let spare = lock(&self.spare).take();
        let content = Content {
            left: spare.map(|(_, left)| left).unwrap_or_default(),
            ..Content::default()
        };
        lock(&self.logs).insert(log, content);
        Ok(Box::new(FaultyLog {
            number: log,
            logs: Arc::clone(&self.logs),
            syncs: Arc::clone(&self.syncs),
            free: Arc::clone(&self.free),
        }))
    }
    fn read_all(&self, log: u64) -> io::Result<Bytes> {
        let content = &lock(&self.logs)[&log];
        Ok(content.with_left(content.bytes.len()).into())
    }
    fn read(&self, log: u64, at: u64, length: u64) -> io::Result<Bytes> {
        let bytes = self.read_all(log)?;
        Ok(bytes.slice(at as usize..(at + length) as usize))
    }
    fn remove(&self, log: u64) -> io::Result<()> {
        let content = lock(&self.logs).remove(&log).unwrap();
        *lock(&self.spare) = Some((log, content.with_left(content.bytes.len())));
        Ok(())
    }
    fn write_own(&self, id: Uuid, octets: &[u8]) -> io::Result<()> {
        lock(&self.owns).insert(id, octets.to_vec());
        Ok(())
    }
    fn read_own(&self, id: Uuid) -> io::Result<Vec<u8>> {
        let owns = lock(&self.owns);
        owns.get(&id)
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
    fn remove_own(&self, id: Uuid) -> io::Result<()> {
        lock(&self.owns).remove(&id);
        Ok(())
    }
    fn owns(&self) -> io::Result<Vec<Uuid>> {
        Ok(lock(&self.owns).keys().copied().collect())
    }
    fn free_octets(&self) -> io::Result<u64> {
        Ok(lock(&self.free).unwrap_or(1 << 40))
    }
    fn release(&self) {}
}

impl Faulty {
    /// What is left after a loss of power: what was synced, and some of what was not.
    pub(crate) fn after_power_loss(&self, torn: usize) -> Arc<Self> {
        let after = Self::default();
        for (number, content) in &*lock(&self.logs) {
            let kept = content.bytes.len().min(content.durable + torn);
            let bytes = content.with_left(kept);
            let durable = bytes.len();
            let left = Vec::new();
            lock(&after.logs).insert(
                *number,
                Content {
                    bytes,
                    durable,
                    left,
                },
            );
        }
        (*lock(&after.spare)).clone_from(&lock(&self.spare));
        *lock(&after.owns) = lock(&self.owns).clone();
        Arc::new(after)
    }
}
