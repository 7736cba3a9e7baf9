//! A disk where programs see it: mounted with FUSE.
//!
//! The kernel keeps names, attributes and pages in its caches, since nobody else changes them; writes come here at once,
//! before `write` answers, and pages of shared mappings when they are synced or given up. Locks are the kernel's own.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem,
    FopenFlags, Generation, INodeNo, LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr,
    ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs,
    ReplyWrite, Request, Session, TimeOrNow, WriteFlags,
};
use rustix::fs::FallocateFlags;
use rustix::mount::{UnmountFlags, unmount};

use crate::disk::{Disk, Inode, InodeId, Kind, NAME_MAX_BYTES, Owner, PAGE_BYTES, SECTOR_BYTES};

/// How long the kernel may rely on what it was told: nothing changes but by its requests.
const VALID: Duration = Duration::from_secs(24 * 60 * 60);
/// Inodes are never given twice.
const GENERATION: Generation = Generation(0);
const PERMISSIONS: u32 = 0o7777;

/// The disk, until it is taken away.
type Shared = Arc<Mutex<Option<Disk>>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A mounted disk. Unmounted when dropped.
#[derive(Debug)]
pub struct Mount {
    path: PathBuf,
    disk: Shared,
    session: Option<BackgroundSession>,
}

impl Mount {
    /// Mounts a disk on a directory: as root directly, else by `fusermount3`.
    ///
    /// # Errors
    /// Where the kernel has no FUSE, or this process may not mount.
    pub fn new(path: &Path, disk: Disk) -> io::Result<Self> {
        let disk = Arc::new(Mutex::new(Some(disk)));
        let mut config = Config::default();
        config.mount_options = vec![
            MountOption::FSName("lossy-disk".to_owned()),
            MountOption::DefaultPermissions,
        ];
        let files = Files {
            disk: disk.clone(),
            listings: Mutex::default(),
        };
        let session = Session::new(files, path, &config)?.spawn()?;
        Ok(Self {
            path: path.to_owned(),
            disk,
            session: Some(session),
        })
    }

    /// What is to be done with the disk; `None` after it was taken.
    pub fn with<T>(&self, act: impl FnOnce(&mut Disk) -> T) -> Option<T> {
        lock(&self.disk).as_mut().map(act)
    }

    /// Takes the disk away, and frees its directory. Whoever has something open still gets errors from now on.
    pub fn end(&mut self) -> anyhow::Result<Disk> {
        let disk = lock(&self.disk).take().context("it was taken already")?;
        detach(&self.path)?;
        // fuser unmounts once more, whatever is mounted there: it must not come to do so later, when that is another.
        drop(self.session.take());
        Ok(disk)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if self.session.is_some()
            && let Err(error) = self.end()
        {
            eprintln!("lossy-disk: {}: {error:#}", self.path.display());
        }
    }
}

/// Unmounts a directory, although something there may be open.
fn detach(path: &Path) -> anyhow::Result<()> {
    match unmount(path, UnmountFlags::DETACH) {
        Err(rustix::io::Errno::PERM) => {
            let status = Command::new("fusermount3")
                .args(["-u", "-z", "--"])
                .arg(path)
                .status()
                .context("fusermount3")?;
            ensure!(status.success(), "fusermount3: {status}");
            Ok(())
        }
        unmounted => Ok(unmounted?),
    }
}

/// A directory as it was when its reader began.
type Listing = Vec<(InodeId, FileType, OsString)>;

/// Answers the kernel's requests.
#[derive(Debug)]
struct Files {
    disk: Shared,
    /// Of the directories that are being read, so that what is removed meanwhile moves nothing past the reader.
    listings: Mutex<Listings>,
}

#[derive(Debug, Default)]
struct Listings {
    next: u64,
    open: BTreeMap<u64, Listing>,
}

impl Files {
    fn with<T>(&self, act: impl FnOnce(&mut Disk) -> rustix::io::Result<T>) -> Result<T, Errno> {
        let mut disk = lock(&self.disk);
        let disk = disk.as_mut().ok_or(Errno::EIO)?;
        act(disk).map_err(|error| Errno::from_i32(error.raw_os_error()))
    }

    /// Does something that gives an inode, of which the kernel has a reference from then on.
    fn named(
        &self,
        act: impl FnOnce(&mut Disk) -> rustix::io::Result<InodeId>,
    ) -> Result<FileAttr, Errno> {
        self.with(|disk| {
            let id = act(disk)?;
            disk.remember(id);
            Ok(attributes(id, disk.inode(id)?))
        })
    }

    fn list(&self, directory: INodeNo) -> Result<Listing, Errno> {
        self.with(|disk| {
            let id = InodeId(directory.0);
            let found = disk.inode(id)?.as_directory()?;
            let ways = [(id, ".".into()), (found.parent, "..".into())];
            let names = found.names.iter().map(|(name, id)| (*id, name.clone()));
            let names = ways.into_iter().chain(names);
            names
                .map(|(id, name)| Ok((id, kind(disk.inode(id)?), name)))
                .collect()
        })
    }
}

fn kind(inode: &Inode) -> FileType {
    match inode.kind {
        Kind::File(_) => FileType::RegularFile,
        Kind::Directory(_) => FileType::Directory,
    }
}

fn attributes(id: InodeId, inode: &Inode) -> FileAttr {
    let (size, pages) = match &inode.kind {
        Kind::File(contents) => (contents.size_bytes(), contents.pages()),
        Kind::Directory(_) => (0, 0),
    };
    FileAttr {
        ino: INodeNo(id.0),
        size,
        blocks: pages * (PAGE_BYTES / SECTOR_BYTES) as u64,
        atime: inode.accessed,
        mtime: inode.modified,
        ctime: inode.changed,
        crtime: inode.changed,
        kind: kind(inode),
        perm: inode.owner.permissions,
        nlink: inode.links,
        uid: inode.owner.user,
        gid: inode.owner.group,
        rdev: 0,
        blksize: PAGE_BYTES as u32,
        flags: 0,
    }
}

fn owner(request: &Request, mode: u32) -> Owner {
    Owner {
        user: request.uid(),
        group: request.gid(),
        permissions: permissions(mode),
    }
}

/// The kernel has taken the umask off.
fn permissions(mode: u32) -> u16 {
    (mode & PERMISSIONS) as u16
}

fn time(time: TimeOrNow) -> SystemTime {
    match time {
        TimeOrNow::SpecificTime(time) => time,
        TimeOrNow::Now => SystemTime::now(),
    }
}

fn answer_entry(reply: ReplyEntry, outcome: Result<FileAttr, Errno>) {
    match outcome {
        Ok(attributes) => reply.entry(&VALID, &attributes, GENERATION),
        Err(error) => reply.error(error),
    }
}

fn answer_attributes(reply: ReplyAttr, outcome: Result<FileAttr, Errno>) {
    match outcome {
        Ok(attributes) => reply.attr(&VALID, &attributes),
        Err(error) => reply.error(error),
    }
}

fn answer_empty(reply: ReplyEmpty, outcome: Result<(), Errno>) {
    match outcome {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

impl Filesystem for Files {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.named(|disk| disk.lookup(InodeId(parent.0), name));
        answer_entry(reply, found);
    }

    fn forget(&self, _: &Request, id: INodeNo, lookups: u64) {
        // After the end nobody counts.
        let _ = self.with(|disk| {
            disk.forget(InodeId(id.0), lookups);
            Ok(())
        });
    }

    fn getattr(&self, _: &Request, id: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let id = InodeId(id.0);
        let found = self.with(|disk| Ok(attributes(id, disk.inode(id)?)));
        answer_attributes(reply, found);
    }

    fn setattr(
        &self,
        _: &Request,
        id: INodeNo,
        mode: Option<u32>,
        user: Option<u32>,
        group: Option<u32>,
        size_bytes: Option<u64>,
        accessed: Option<TimeOrNow>,
        modified: Option<TimeOrNow>,
        _changed: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let id = InodeId(id.0);
        let outcome = self.with(|disk| {
            if let Some(size_bytes) = size_bytes {
                disk.resize(id, size_bytes)?;
            }
            let inode = disk.inode_mut(id)?;
            inode.changed = SystemTime::now();
            inode.owner = Owner {
                user: user.unwrap_or(inode.owner.user),
                group: group.unwrap_or(inode.owner.group),
                permissions: mode.map_or(inode.owner.permissions, permissions),
            };
            inode.accessed = accessed.map_or(inode.accessed, time);
            inode.modified = modified.map_or(inode.modified, time);
            Ok(attributes(id, inode))
        });
        answer_attributes(reply, outcome);
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let owner = owner(request, mode);
        let made = self.named(|disk| disk.create(InodeId(parent.0), name, Kind::file(), owner));
        match made {
            Ok(attributes) => {
                let flags = FopenFlags::FOPEN_KEEP_CACHE;
                reply.created(&VALID, &attributes, GENERATION, FileHandle(0), flags);
            }
            Err(error) => reply.error(error),
        }
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        reply: ReplyEntry,
    ) {
        let (parent, owner) = (InodeId(parent.0), owner(request, mode));
        let made = self.named(|disk| disk.create(parent, name, Kind::directory(parent), owner));
        answer_entry(reply, made);
    }

    fn link(&self, _: &Request, id: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let id = InodeId(id.0);
        let linked = self.named(|disk| {
            disk.link(id, InodeId(parent.0), name)?;
            Ok(id)
        });
        answer_entry(reply, linked);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer_empty(
            reply,
            self.with(|disk| disk.unlink(InodeId(parent.0), name)),
        );
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let removed = self.with(|disk| disk.remove_directory(InodeId(parent.0), name));
        answer_empty(reply, removed);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !(flags - RenameFlags::RENAME_NOREPLACE).is_empty() {
            return reply.error(Errno::EINVAL);
        }
        let may_replace = flags.is_empty();
        let (from, to) = (InodeId(parent.0), InodeId(new_parent.0));
        let renamed = self.with(|disk| disk.rename((from, name), (to, new_name), may_replace));
        answer_empty(reply, renamed);
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
    }

    fn read(
        &self,
        _: &Request,
        id: INodeNo,
        _: FileHandle,
        from: u64,
        length: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.with(|disk| disk.read(InodeId(id.0), from, length as usize)) {
            Ok(octets) => reply.data(&octets),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        id: INodeNo,
        _: FileHandle,
        from: u64,
        octets: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.with(|disk| disk.write(InodeId(id.0), from, octets)) {
            Ok(()) => reply.written(octets.len() as u32),
            Err(error) => reply.error(error),
        }
    }

    fn fallocate(
        &self,
        _: &Request,
        id: INodeNo,
        _: FileHandle,
        from: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let flags = FallocateFlags::from_bits_retain(mode.cast_unsigned());
        let outcome = match from.checked_add(length) {
            Some(end) if flags.is_empty() => self.with(|disk| disk.extend(InodeId(id.0), end)),
            Some(_) if flags == FallocateFlags::KEEP_SIZE => Ok(()),
            Some(_) => Err(Errno::EOPNOTSUPP),
            None => Err(Errno::EFBIG),
        };
        answer_empty(reply, outcome);
    }

    fn fsync(&self, _: &Request, id: INodeNo, _: FileHandle, _data: bool, reply: ReplyEmpty) {
        answer_empty(reply, self.with(|disk| disk.sync_file(InodeId(id.0))));
    }

    fn opendir(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let mut listings = lock(&self.listings);
        listings.next += 1;
        reply.opened(FileHandle(listings.next), FopenFlags::empty());
    }

    fn readdir(
        &self,
        _: &Request,
        id: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let mut listings = lock(&self.listings);
        if offset == 0 {
            match self.list(id) {
                Ok(listing) => listings.open.insert(handle.0, listing),
                Err(error) => return reply.error(error),
            };
        }
        let listing = listings.open.get(&handle.0).into_iter().flatten();
        for (next, (id, kind, name)) in (1..).zip(listing).skip(offset as usize) {
            if reply.add(INodeNo(id.0), next, *kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        reply: ReplyEmpty,
    ) {
        lock(&self.listings).open.remove(&handle.0);
        reply.ok();
    }

    fn fsyncdir(&self, _: &Request, id: INodeNo, _: FileHandle, _data: bool, reply: ReplyEmpty) {
        answer_empty(reply, self.with(|disk| disk.sync_directory(InodeId(id.0))));
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        match self.with(|disk| Ok(disk.room_pages())) {
            Ok((pages, free)) => {
                let page_bytes = PAGE_BYTES as u32;
                reply.statfs(
                    pages,
                    free,
                    free,
                    0,
                    0,
                    page_bytes,
                    NAME_MAX_BYTES,
                    page_bytes,
                );
            }
            Err(error) => reply.error(error),
        }
    }
}
