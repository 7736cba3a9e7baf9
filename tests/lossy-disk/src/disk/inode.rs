//! What a name stands for.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::SystemTime;

use rustix::io::Errno;

use super::{Contents, Result};

/// A file or directory, whatever its names are. Never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct InodeId(pub u64);

pub type Names = BTreeMap<OsString, InodeId>;

/// A directory: its names, and those that a loss of power leaves.
#[derive(Debug)]
pub struct Directory {
    pub parent: InodeId,
    pub names: Names,
    pub durable_names: Names,
}

#[derive(Debug)]
pub enum Kind {
    File(Contents),
    Directory(Directory),
}

impl Kind {
    pub fn file() -> Self {
        Self::File(Contents::default())
    }

    pub fn directory(parent: InodeId) -> Self {
        Self::Directory(Directory {
            parent,
            names: Names::new(),
            durable_names: Names::new(),
        })
    }
}

/// Whose something is, and who may do what with it.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    pub user: u32,
    pub group: u32,
    /// The lower twelve bits of the mode.
    pub permissions: u16,
}

/// A file or directory, without its names.
#[derive(Debug)]
pub struct Inode {
    pub kind: Kind,
    pub owner: Owner,
    pub accessed: SystemTime,
    pub modified: SystemTime,
    pub changed: SystemTime,
    /// Names that it has.
    pub links: u32,
    /// References that the kernel has, be it open or in its caches.
    pub lookups: u64,
}

impl Inode {
    pub fn new(kind: Kind, owner: Owner) -> Self {
        let now = SystemTime::now();
        Self {
            kind,
            owner,
            accessed: now,
            modified: now,
            changed: now,
            links: 0,
            lookups: 0,
        }
    }

    /// Its contents or names are others now.
    pub fn touch(&mut self) {
        self.modified = SystemTime::now();
        self.changed = self.modified;
    }

    pub fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory(_))
    }

    pub fn as_directory(&self) -> Result<&Directory> {
        match &self.kind {
            Kind::Directory(directory) => Ok(directory),
            Kind::File(_) => Err(Errno::NOTDIR),
        }
    }

    pub fn as_directory_mut(&mut self) -> Result<&mut Directory> {
        match &mut self.kind {
            Kind::Directory(directory) => Ok(directory),
            Kind::File(_) => Err(Errno::NOTDIR),
        }
    }

    pub fn as_file(&self) -> Result<&Contents> {
        match &self.kind {
            Kind::File(contents) => Ok(contents),
            Kind::Directory(_) => Err(Errno::ISDIR),
        }
    }

    pub fn as_file_mut(&mut self) -> Result<&mut Contents> {
        match &mut self.kind {
            Kind::File(contents) => Ok(contents),
            Kind::Directory(_) => Err(Errno::ISDIR),
        }
    }
}
