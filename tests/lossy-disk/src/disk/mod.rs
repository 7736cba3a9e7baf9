//! The disk: files and directories in memory, what of them is durable, and what a loss of power leaves.

mod choice;
mod contents;
mod inode;
mod journal;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;

use rustix::io::Errno;

use choice::Choice;
pub use contents::{Contents, PAGE_BYTES, SECTOR_BYTES};
use inode::Names;
pub use inode::{Inode, InodeId, Kind, Owner};
use journal::{Entry, Journal, Operation};

type Result<T> = std::result::Result<T, Errno>;

/// Longer names are refused, as by other file systems of Linux.
pub const NAME_MAX_BYTES: u32 = 255;

/// The directory that all others are in.
pub const ROOT: InodeId = InodeId(1);

/// What a loss of power took.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// Files that have other contents than before. Those without a name are not counted.
    pub files: u64,
    /// Pages that are as they were before.
    pub pages: u64,
    /// Pages of which a part is.
    pub torn: u64,
    /// Changes of names that were not kept.
    pub operations: u64,
}

/// A file system in memory that knows what of it is durable.
///
/// What is promised, and no more than this, as POSIX has it:
/// - `fsync` and `fdatasync` of a file make its octets and its size durable. They do not make its name durable, although
///   ext4 and xfs do so for a new file.
/// - `fsync` of a directory makes its names durable: what was made, removed and renamed in it. It does nothing for the
///   directory's own name, which is its parent's, and nothing for the contents of its files.
///
/// What [`Disk::lose`] leaves of the rest:
/// - Of each file, every page of 4 KiB that was written since its last sync is as it was then, as it is now, or new up to a
///   multiple of 512 octets and old from there on, each independently of the others. Its size is the old one, the new one or
///   one between. Octets behind it are gone, and a page that is not kept where the file was shorter reads as zeros.
/// - Of the changes of names, of all directories together, in the order in which they were made, a first part is kept. This
///   is what the journals of ext4 and xfs do. Each is kept or lost whole; so what is renamed is there under the old name or
///   under the new one, and under the new one is what was there before or what came.
/// - A file whose name was not kept is gone, whatever of it was synced. One whose name was kept has any of its contents.
/// - Owners, permissions and times are kept.
///
/// A sync of a directory may make a change durable before one that was made earlier elsewhere. Where the later one could not
/// be without the earlier, or what it moved would be in no directory, it takes the earlier one along ([`Journal`]).
#[derive(Debug)]
pub struct Disk {
    inodes: BTreeMap<InodeId, Inode>,
    next: InodeId,
    journal: Journal,
    /// Pages in memory at most, old and new ones.
    limit_pages: u64,
    held_pages: u64,
}

impl Disk {
    /// An empty one for so many octets, with a root directory.
    pub fn new(size_bytes: u64, owner: Owner) -> Self {
        let mut root = Inode::new(Kind::directory(ROOT), owner);
        root.links = 1;
        Self {
            inodes: BTreeMap::from([(ROOT, root)]),
            next: InodeId(ROOT.0 + 1),
            journal: Journal::default(),
            limit_pages: size_bytes / PAGE_BYTES as u64,
            held_pages: 0,
        }
    }

    /// Pages that there are, and those that are free.
    pub fn room_pages(&self) -> (u64, u64) {
        let free = self.limit_pages.saturating_sub(self.held_pages);
        (self.limit_pages, free)
    }

    pub fn inode(&self, id: InodeId) -> Result<&Inode> {
        self.inodes.get(&id).ok_or(Errno::NOENT)
    }

    pub fn inode_mut(&mut self, id: InodeId) -> Result<&mut Inode> {
        self.inodes.get_mut(&id).ok_or(Errno::NOENT)
    }

    pub fn lookup(&self, directory: InodeId, name: &OsStr) -> Result<InodeId> {
        let names = &self.inode(directory)?.as_directory()?.names;
        names.get(name).copied().ok_or(Errno::NOENT)
    }

    /// The kernel has one reference more.
    pub fn remember(&mut self, id: InodeId) {
        if let Some(inode) = self.inodes.get_mut(&id) {
            inode.lookups += 1;
        }
    }

    /// The kernel has so many references fewer.
    pub fn forget(&mut self, id: InodeId, lookups: u64) {
        if let Some(inode) = self.inodes.get_mut(&id) {
            inode.lookups = inode.lookups.saturating_sub(lookups);
        }
    }

    pub fn read(&self, id: InodeId, from: u64, length: usize) -> Result<Vec<u8>> {
        Ok(self.inode(id)?.as_file()?.read(from, length))
    }

    pub fn write(&mut self, id: InodeId, from: u64, octets: &[u8]) -> Result<()> {
        from.checked_add(octets.len() as u64).ok_or(Errno::FBIG)?;
        self.change_file(id, octets.len(), |file| file.write(from, octets))
    }

    pub fn resize(&mut self, id: InodeId, size_bytes: u64) -> Result<()> {
        // The last page may be copied.
        self.change_file(id, 1, |file| file.resize(size_bytes))
    }

    /// Makes a file longer where it is shorter than this. No room is put aside.
    pub fn extend(&mut self, id: InodeId, size_bytes: u64) -> Result<()> {
        if self.inode(id)?.as_file()?.size_bytes() < size_bytes {
            self.resize(id, size_bytes)?;
        }
        Ok(())
    }

    fn change_file(
        &mut self,
        id: InodeId,
        written_bytes: usize,
        change: impl FnOnce(&mut Contents),
    ) -> Result<()> {
        // Each is there twice, new and as it was, and the octets may begin and end in a page.
        let pages = 2 * (written_bytes.div_ceil(PAGE_BYTES) as u64 + 1);
        let has_room = self.held_pages + pages <= self.limit_pages;
        let inode = self.inodes.get_mut(&id).ok_or(Errno::NOENT)?;
        let file = inode.as_file_mut()?;
        let before = file.held_pages();
        if !has_room {
            return Err(Errno::NOSPC);
        }
        change(file);
        self.held_pages = self.held_pages - before + file.held_pages();
        inode.touch();
        Ok(())
    }

    /// Makes a file or directory under a new name.
    pub fn create(
        &mut self,
        directory: InodeId,
        name: &OsStr,
        kind: Kind,
        owner: Owner,
    ) -> Result<InodeId> {
        self.expect_no_name(directory, name)?;
        let id = self.next;
        self.next = InodeId(id.0 + 1);
        self.inodes.insert(id, Inode::new(kind, owner));
        self.change_names(vec![(entry(directory, name), Some(id))], None)?;
        Ok(id)
    }

    /// Gives a file another name.
    pub fn link(&mut self, id: InodeId, directory: InodeId, name: &OsStr) -> Result<()> {
        self.inode(id)?.as_file().map_err(|_| Errno::PERM)?;
        self.expect_no_name(directory, name)?;
        self.change_names(vec![(entry(directory, name), Some(id))], None)
    }

    /// Takes a file's name away; it is there as long as it is open or has another.
    pub fn unlink(&mut self, directory: InodeId, name: &OsStr) -> Result<()> {
        let id = self.lookup(directory, name)?;
        self.inode(id)?.as_file()?;
        self.change_names(vec![(entry(directory, name), None)], None)
    }

    pub fn remove_directory(&mut self, directory: InodeId, name: &OsStr) -> Result<()> {
        let id = self.lookup(directory, name)?;
        self.expect_empty(id)?;
        self.change_names(vec![(entry(directory, name), None)], Some(id))
    }

    /// Renames; what has the new name already is replaced, where that is allowed.
    pub fn rename(
        &mut self,
        (from, name): (InodeId, &OsStr),
        (to, new_name): (InodeId, &OsStr),
        may_replace: bool,
    ) -> Result<()> {
        let id = self.lookup(from, name)?;
        let replaced = self.lookup(to, new_name).ok();
        if replaced == Some(id) {
            return Ok(());
        }
        if replaced.is_none() {
            self.expect_no_name(to, new_name)?;
        } else if !may_replace {
            return Err(Errno::EXIST);
        }
        let mut removed_directory = None;
        if let Some(replaced) = replaced {
            let is_directory = self.inode(replaced)?.is_directory();
            match (self.inode(id)?.is_directory(), is_directory) {
                (true, true) => self.expect_empty(replaced)?,
                (false, false) => {}
                (true, false) => return Err(Errno::NOTDIR),
                (false, true) => return Err(Errno::ISDIR),
            }
            removed_directory = is_directory.then_some(replaced);
        }
        let changes = vec![(entry(from, name), None), (entry(to, new_name), Some(id))];
        self.change_names(changes, removed_directory)
    }

    fn expect_no_name(&self, directory: InodeId, name: &OsStr) -> Result<()> {
        if name.len() > NAME_MAX_BYTES as usize {
            return Err(Errno::NAMETOOLONG);
        }
        let inode = self.inode(directory)?;
        if inode.links == 0 {
            // It was removed while it was somebody's working directory.
            return Err(Errno::NOENT);
        }
        match inode.as_directory()?.names.contains_key(name) {
            true => Err(Errno::EXIST),
            false => Ok(()),
        }
    }

    fn expect_empty(&self, id: InodeId) -> Result<()> {
        match self.inode(id)?.as_directory()?.names.is_empty() {
            true => Ok(()),
            false => Err(Errno::NOTEMPTY),
        }
    }

    fn change_names(
        &mut self,
        changes: Vec<(Entry, Option<InodeId>)>,
        removed_directory: Option<InodeId>,
    ) -> Result<()> {
        for (entry, id) in &changes {
            let inode = self.inode_mut(entry.directory)?;
            inode.touch();
            let names = &mut inode.as_directory_mut()?.names;
            if let Some(before) = set(names, &entry.name, *id) {
                let before = self.inode_mut(before)?;
                before.links = before.links.saturating_sub(1);
            }
            if let Some(id) = id {
                let inode = self.inode_mut(*id)?;
                inode.links += 1;
                if let Kind::Directory(directory) = &mut inode.kind {
                    directory.parent = entry.directory;
                }
            }
        }
        self.journal.push(Operation {
            changes,
            removed_directory,
        });
        Ok(())
    }

    /// Makes a file's contents durable.
    pub fn sync_file(&mut self, id: InodeId) -> Result<()> {
        let file = self
            .inodes
            .get_mut(&id)
            .ok_or(Errno::NOENT)?
            .as_file_mut()?;
        let before = file.held_pages();
        file.sync();
        self.held_pages = self.held_pages - before + file.held_pages();
        Ok(())
    }

    /// Makes the names in a directory durable.
    pub fn sync_directory(&mut self, id: InodeId) -> Result<()> {
        self.inode(id)?.as_directory()?;
        let mut journal = std::mem::take(&mut self.journal);
        let synced = journal.take_synced(id, |directory| self.ancestors(directory));
        self.journal = journal;
        self.make_durable(synced);
        self.collect();
        Ok(())
    }

    /// Makes all of it durable.
    pub fn sync(&mut self) {
        let operations = self.journal.take_first(usize::MAX);
        self.make_durable(operations);
        for inode in self.inodes.values_mut() {
            if let Kind::File(contents) = &mut inode.kind {
                contents.sync();
            }
        }
        self.collect();
    }

    /// A directory and those that it is in, without the root.
    fn ancestors(&self, mut id: InodeId) -> Vec<InodeId> {
        let mut ancestors = Vec::new();
        while id != ROOT
            && let Ok(directory) = self.inode(id).and_then(Inode::as_directory)
        {
            ancestors.push(id);
            id = directory.parent;
        }
        ancestors
    }

    fn make_durable(&mut self, operations: Vec<Operation>) {
        for (entry, id) in operations.into_iter().flat_map(|one| one.changes) {
            let directory = self.inode_mut(entry.directory);
            if let Ok(directory) = directory.and_then(Inode::as_directory_mut) {
                set(&mut directory.durable_names, &entry.name, id);
            }
        }
    }

    /// Frees what has no name, is not open, and is not what a loss of power would bring back.
    fn collect(&mut self) {
        let mut wanted: BTreeSet<_> = self.journal.inodes().collect();
        for inode in self.inodes.values() {
            if let Kind::Directory(directory) = &inode.kind {
                wanted.extend(directory.durable_names.values());
            }
        }
        self.inodes
            .retain(|id, inode| inode.links > 0 || inode.lookups > 0 || wanted.contains(id));
        self.count_pages();
    }

    fn count_pages(&mut self) {
        let files = self
            .inodes
            .values()
            .filter_map(|inode| inode.as_file().ok());
        self.held_pages = files.map(Contents::held_pages).sum();
    }

    /// Loses power: what is left is what a disk may hold then, and all of it is durable. Nobody has anything open any more.
    pub fn lose(&mut self, seed: u64) -> Loss {
        let mut choice = Choice::new(seed);
        let mut loss = Loss::default();
        let count = self.journal.len();
        let kept = choice.operations(count);
        loss.operations = (count - kept) as u64;
        let operations = self.journal.take_first(kept);
        self.make_durable(operations);
        self.restore_names();
        for inode in self.inodes.values_mut() {
            inode.lookups = 0;
            if let Kind::File(contents) = &mut inode.kind {
                contents.lose(&mut choice, &mut loss);
            }
        }
        self.count_pages();
        loss
    }

    /// Leaves the durable names alone, and what they lead to from the root.
    fn restore_names(&mut self) {
        for inode in self.inodes.values_mut() {
            inode.links = 0;
        }
        let mut unread = vec![(ROOT, ROOT)];
        while let Some((id, parent)) = unread.pop() {
            let Some(inode) = self.inodes.get_mut(&id) else {
                continue;
            };
            inode.links += 1;
            if let Kind::Directory(directory) = &mut inode.kind {
                directory.parent = parent;
                directory.names.clone_from(&directory.durable_names);
                unread.extend(directory.names.values().map(|inside| (*inside, id)));
            }
        }
        self.inodes.retain(|_, inode| inode.links > 0);
    }
}

fn entry(directory: InodeId, name: &OsStr) -> Entry {
    let name = name.to_owned();
    Entry { directory, name }
}

/// Has a name stand for something, or for nothing; gives what it stood for.
fn set(names: &mut Names, name: &OsStr, id: Option<InodeId>) -> Option<InodeId> {
    match id {
        Some(id) => names.insert(name.to_owned(), id),
        None => names.remove(name),
    }
}
