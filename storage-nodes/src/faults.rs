//! A file layer in memory that loses power, tears writes, flips bits, fills up and fails to sync: for tests.
//!
//! A [`FaultyDisk`] outlives the node that uses it. [`FaultyDisk::power_cut`] leaves what a disk could hold after a
//! power cut under the assumptions in [`crate::format`]: everything synced, and of the rest any mix of 512-byte
//! sectors, chosen by a seed. Names are durable after `sync_dir`.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, IoSlice},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

use crate::files::{OpenMode, VolumeFile, VolumeFiles};

/// What a disk writes as a whole.
const SECTOR_BYTES: usize = 512;

/// The content of one file, now and as it was when it was last synced.
#[derive(Debug, Default)]
struct Inode {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors written since the last sync.
    dirty: BTreeSet<usize>,
    /// The length was changed since the last sync.
    resized: bool,
}

#[derive(Debug, Default)]
struct Disk {
    inodes: BTreeMap<u64, Inode>,
    next_inode: u64,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    /// Bytes that may still be written before the disk is full.
    room_bytes: Option<u64>,
    /// Syncs that still succeed.
    syncs_left: Option<u64>,
    /// Syncs of the directory that still succeed.
    directory_syncs_left: Option<u64>,
    /// Whether reads say that they would have to wait.
    cold: bool,
    /// Whether space cannot be reserved, so that a full disk is met while writing.
    thin: bool,
}

/// The disk under some nodes' files.
#[derive(Debug)]
pub struct FaultyDisk {
    disk: Mutex<Disk>,
    /// Handles from before the last power cut write nothing any more.
    power: Mutex<Arc<AtomicBool>>,
    locked: Mutex<Weak<FaultyFiles>>,
}

impl Default for FaultyDisk {
    fn default() -> Self {
        let power = Mutex::new(Arc::new(AtomicBool::new(true)));
        Self {
            disk: Mutex::default(),
            power,
            locked: Mutex::default(),
        }
    }
}

impl FaultyDisk {
    /// An empty disk without faults.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The files of the disk, as one process sees them until the next power cut.
    #[must_use]
    pub fn files(self: &Arc<Self>) -> Arc<FaultyFiles> {
        let power = self
            .power
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Arc::new_cyclic(|me| FaultyFiles {
            disk: self.clone(),
            power,
            me: me.clone(),
        })
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cuts the power: of what is not durable, each sector survives or not, as the seed says. Open files fail
    /// from now on. Also lifts every other fault.
    pub fn power_cut(&self, seed: u64) {
        let mut power = self.power.lock().unwrap_or_else(PoisonError::into_inner);
        let mut disk = self.disk();
        power.store(false, Ordering::SeqCst);
        *power = Arc::new(AtomicBool::new(true));
        *self.locked.lock().unwrap_or_else(PoisonError::into_inner) = Weak::new();
        let mut random = StdRng::seed_from_u64(seed);
        // Some power cuts lose all that was not synced, some keep all, some tear.
        let keep_percent = match random.random_range(0..5) {
            0 => 0,
            1 => 10,
            2 => 50,
            3 => 90,
            _ => 100,
        };
        for inode in disk.inodes.values_mut() {
            inode.tear(&mut random, keep_percent);
        }
        // One name after the other, in the order of the names, survives or not.
        let undurable: Vec<_> = disk
            .names
            .iter()
            .map(|(name, inode)| (name.clone(), *inode))
            .collect();
        for (name, inode) in undurable {
            if random.random_range(0..100) < keep_percent {
                disk.durable_names.insert(name, inode);
            }
        }
        disk.names = disk.durable_names.clone();
        (disk.room_bytes, disk.syncs_left, disk.cold) = (None, None, false);
        disk.directory_syncs_left = None;
    }

    /// Ends the processes that use the disk, and nothing else: the system goes on and keeps all they wrote.
    pub fn kill(&self) {
        let mut power = self.power.lock().unwrap_or_else(PoisonError::into_inner);
        let _disk = self.disk();
        power.store(false, Ordering::SeqCst);
        *power = Arc::new(AtomicBool::new(true));
        *self.locked.lock().unwrap_or_else(PoisonError::into_inner) = Weak::new();
    }

    /// The disk is full after this many more bytes.
    pub fn limit_room(&self, bytes: Option<u64>) {
        self.disk().room_bytes = bytes;
    }

    /// After this many more syncs each one fails.
    pub fn fail_syncs_after(&self, syncs: u64) {
        self.disk().syncs_left = Some(syncs);
    }

    /// After this many more syncs of the directory each one fails.
    pub fn fail_syncs_in_directory_after(&self, syncs: u64) {
        self.disk().directory_syncs_left = Some(syncs);
    }

    /// Puts a file there, durably, as a power cut brings back one that was removed.
    pub fn restore(&self, name: &str, content: Vec<u8>) {
        let mut disk = self.disk();
        let number = disk.next_inode;
        disk.next_inode += 1;
        let inode = Inode {
            durable: content.clone(),
            now: content,
            ..Inode::default()
        };
        disk.inodes.insert(number, inode);
        disk.names.insert(name.to_owned(), number);
        disk.durable_names.insert(name.to_owned(), number);
    }

    /// Whether reserving space does nothing, as on file systems that cannot: then writes find out, and are cut short.
    pub fn set_thin(&self, thin: bool) {
        self.disk().thin = thin;
    }

    /// Makes reads say that nothing is in memory, or that all is.
    pub fn set_cold(&self, cold: bool) {
        self.disk().cold = cold;
    }

    /// The files, by name, with their lengths.
    #[must_use]
    pub fn names(&self) -> Vec<(String, u64)> {
        let disk = self.disk();
        let length = |inode| {
            disk.inodes
                .get(inode)
                .map_or(0, |inode: &Inode| inode.now.len() as u64)
        };
        disk.names
            .iter()
            .map(|(name, inode)| (name.clone(), length(inode)))
            .collect()
    }

    /// The content of a file, if it is there.
    #[must_use]
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        let disk = self.disk();
        Some(disk.inodes.get(disk.names.get(name)?)?.now.clone())
    }

    /// Flips one bit of a file, also in what was synced. False: there is no such byte.
    pub fn flip_bit(&self, name: &str, offset: u64, bit: u8) -> bool {
        let mut disk = self.disk();
        let Some(inode) = disk.names.get(name).copied() else {
            return false;
        };
        let Some(inode) = disk.inodes.get_mut(&inode) else {
            return false;
        };
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let Some(byte) = inode.now.get_mut(at) else {
            return false;
        };
        *byte ^= 1 << (bit % 8);
        if let Some(byte) = inode.durable.get_mut(at) {
            *byte ^= 1 << (bit % 8);
        }
        true
    }

    /// Removes a file, as a careless hand would.
    pub fn remove(&self, name: &str) {
        let mut disk = self.disk();
        disk.names.remove(name);
        disk.durable_names.remove(name);
    }
}

impl Inode {
    fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        if end > self.now.len() {
            self.now.resize(end, 0);
            self.resized = true;
        }
        if let Some(target) = self.now.get_mut(offset..end) {
            target.copy_from_slice(bytes);
        }
        self.dirty
            .extend(offset / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES));
    }

    fn sync(&mut self) {
        self.durable.clone_from(&self.now);
        self.dirty.clear();
        self.resized = false;
    }

    fn tear(&mut self, random: &mut impl Rng, keep_percent: u32) {
        let mut after = self.durable.clone();
        if self.resized {
            // A longer file may have become as long as any of its sectors that survived, a shorter one as short.
            let (low, high) = (
                after.len().min(self.now.len()),
                after.len().max(self.now.len()),
            );
            let length = if random.random_range(0..100) < keep_percent {
                self.now.len()
            } else {
                random.random_range(low..=high)
            };
            after.resize(length, 0);
        }
        for sector in &self.dirty {
            let start = sector * SECTOR_BYTES;
            let end = (start + SECTOR_BYTES).min(after.len()).min(self.now.len());
            if random.random_range(0..100) >= keep_percent {
                continue;
            }
            if let (Some(target), Some(source)) =
                (after.get_mut(start..end), self.now.get(start..end))
            {
                target.copy_from_slice(source);
            }
        }
        self.now.clone_from(&after);
        self.durable = after;
        self.dirty.clear();
        self.resized = false;
    }
}

/// The files of a [`FaultyDisk`].
#[derive(Debug)]
pub struct FaultyFiles {
    disk: Arc<FaultyDisk>,
    power: Arc<AtomicBool>,
    me: Weak<Self>,
}

fn powerless() -> io::Error {
    io::Error::other("the power was cut")
}

impl FaultyFiles {
    fn disk(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let disk = self.disk.disk();
        if self.power.load(Ordering::SeqCst) {
            Ok(disk)
        } else {
            Err(powerless())
        }
    }
}

impl VolumeFiles for FaultyFiles {
    fn lock(&self) -> io::Result<bool> {
        let mut holder = self
            .disk
            .locked
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if holder.strong_count() > 0 {
            return Ok(false);
        }
        *holder = self.me.clone();
        Ok(true)
    }

    fn open(&self, name: &str, mode: OpenMode) -> io::Result<Arc<dyn VolumeFile>> {
        let mut disk = self.disk()?;
        let inode = match (disk.names.get(name).copied(), mode) {
            (Some(inode), OpenMode::Existing) => inode,
            (None, OpenMode::Existing) => return Err(io::ErrorKind::NotFound.into()),
            (_, OpenMode::Create) => {
                let inode = disk.next_inode;
                disk.next_inode += 1;
                disk.inodes.insert(inode, Inode::default());
                disk.names.insert(name.to_owned(), inode);
                inode
            }
        };
        Ok(Arc::new(FaultyFile {
            disk: self.disk.clone(),
            power: self.power.clone(),
            inode,
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk()?;
        let inode = disk.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        if let Some(replaced) = disk.names.insert(to.to_owned(), inode) {
            disk.give_room_back(replaced);
        }
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk()?;
        let inode = disk.names.remove(name).ok_or(io::ErrorKind::NotFound)?;
        disk.give_room_back(inode);
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.disk()?.names.keys().cloned().collect())
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut disk = self.disk()?;
        disk.spend_sync()?;
        spend(&mut disk.directory_syncs_left)?;
        disk.durable_names = disk.names.clone();
        Ok(())
    }

    fn available_bytes(&self) -> io::Result<u64> {
        Ok(self.disk()?.room_bytes.unwrap_or(u64::MAX / 2))
    }
}

fn spend(syncs_left: &mut Option<u64>) -> io::Result<()> {
    match syncs_left {
        Some(0) => Err(io::Error::other("the device does not answer")),
        Some(left) => {
            *left -= 1;
            Ok(())
        }
        None => Ok(()),
    }
}

impl Disk {
    fn spend_sync(&mut self) -> io::Result<()> {
        spend(&mut self.syncs_left)
    }

    /// A file without a name takes no room.
    fn give_room_back(&mut self, inode: u64) {
        let bytes = self.inodes.get(&inode).map_or(0, |inode| inode.now.len());
        if let Some(room) = &mut self.room_bytes {
            *room += bytes as u64;
        }
    }

    /// Takes room for a file to grow; gives how many of the bytes fit.
    fn spend_room(&mut self, growth: u64) -> u64 {
        match &mut self.room_bytes {
            Some(room) => {
                let fits = growth.min(*room);
                *room -= fits;
                fits
            }
            None => growth,
        }
    }
}

#[derive(Debug)]
struct FaultyFile {
    disk: Arc<FaultyDisk>,
    power: Arc<AtomicBool>,
    inode: u64,
}

impl FaultyFile {
    fn with<T>(
        &self,
        use_inode: impl FnOnce(&mut Disk, &mut Inode) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut disk = self.disk.disk();
        if !self.power.load(Ordering::SeqCst) {
            return Err(powerless());
        }
        // Taken out while it is used, since the disk's own account changes with it.
        let mut inode = disk
            .inodes
            .remove(&self.inode)
            .ok_or(io::ErrorKind::NotFound)?;
        let outcome = use_inode(&mut disk, &mut inode);
        disk.inodes.insert(self.inode, inode);
        outcome
    }
}

impl VolumeFile for FaultyFile {
    fn pread(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(|_, inode| {
            let start = usize::try_from(offset)
                .unwrap_or(usize::MAX)
                .min(inode.now.len());
            let end = start.saturating_add(buf.len()).min(inode.now.len());
            let source = inode.now.get(start..end).unwrap_or_default();
            if let Some(target) = buf.get_mut(..source.len()) {
                target.copy_from_slice(source);
            }
            Ok(source.len())
        })
    }

    fn pread_cached(&self, buf: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        if self.disk.disk().cold {
            return Ok(None);
        }
        self.pread(buf, offset).map(Some)
    }

    fn pwritev(&self, parts: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        let mut bytes = parts
            .iter()
            .flat_map(|part| part.iter().copied())
            .collect::<Vec<_>>();
        self.with(|disk, inode| {
            let start = usize::try_from(offset).map_err(io::Error::other)?;
            let growth = (start + bytes.len()).saturating_sub(inode.now.len()) as u64;
            let missing = growth - disk.spend_room(growth);
            bytes.truncate(bytes.len().saturating_sub(missing as usize));
            inode.write(&bytes, start);
            if missing > 0 {
                Err(io::ErrorKind::StorageFull.into())
            } else {
                Ok(())
            }
        })
    }

    fn allocate(&self, offset: u64, length: u64) -> io::Result<()> {
        self.with(|disk, inode| {
            let end = usize::try_from(offset + length).map_err(io::Error::other)?;
            let growth = end.saturating_sub(inode.now.len()) as u64;
            if disk.thin {
                return Ok(());
            }
            if disk.room_bytes.is_some_and(|room| room < growth) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            disk.spend_room(growth);
            if growth > 0 {
                inode.now.resize(end, 0);
                inode.resized = true;
            }
            Ok(())
        })
    }

    fn fdatasync(&self) -> io::Result<()> {
        self.with(|disk, inode| {
            disk.spend_sync()?;
            inode.sync();
            Ok(())
        })
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.with(|disk, inode| {
            let length = usize::try_from(length).map_err(io::Error::other)?;
            if let Some(room) = &mut disk.room_bytes {
                *room += inode.now.len().saturating_sub(length) as u64;
            }
            inode.resized |= length != inode.now.len();
            inode.now.resize(length, 0);
            Ok(())
        })
    }

    fn length(&self) -> io::Result<u64> {
        self.with(|_, inode| Ok(inode.now.len() as u64))
    }
}
