//! A disk that counts, loses, tears and fills up.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use uuid::Uuid;

use super::{Disk, LogFile, lock};

/// A file: what was written, and how much of it survives.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    durable: usize,
}

/// A disk in memory.
#[derive(Default)]
pub(crate) struct Faulty {
    pub(super) logs: Arc<Mutex<BTreeMap<u64, Content>>>,
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
        Ok(())
    }
}

impl Disk for Faulty {
    fn logs(&self) -> io::Result<Vec<u64>> {
        Ok(lock(&self.logs).keys().copied().collect())
    }
    fn create(&self, log: u64) -> io::Result<Box<dyn LogFile>> {
        let replaced = lock(&self.logs).insert(log, Content::default());
        assert!(replaced.is_none(), "log {log} was there");
        Ok(Box::new(FaultyLog {
            number: log,
            logs: Arc::clone(&self.logs),
            syncs: Arc::clone(&self.syncs),
            free: Arc::clone(&self.free),
        }))
    }
    fn read_all(&self, log: u64) -> io::Result<Bytes> {
        Ok(lock(&self.logs)[&log].bytes.clone().into())
    }
    fn read(&self, log: u64, at: u64, length: u64) -> io::Result<Bytes> {
        let bytes = self.read_all(log)?;
        Ok(bytes.slice(at as usize..(at + length) as usize))
    }
    fn remove(&self, log: u64) -> io::Result<()> {
        lock(&self.logs).remove(&log);
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
            let bytes = content.bytes[..kept].to_vec();
            let durable = bytes.len();
            lock(&after.logs).insert(*number, Content { bytes, durable });
        }
        *lock(&after.owns) = lock(&self.owns).clone();
        Arc::new(after)
    }
}
