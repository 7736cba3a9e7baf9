//! Changes of names that no sync of a directory has made durable yet.

use std::collections::BTreeSet;
use std::ffi::OsString;

use super::InodeId;

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub directory: InodeId,
    pub name: OsString,
}

/// What becomes of names together: all of it is kept, or nothing.
#[derive(Debug, Default)]
pub struct Operation {
    /// The names, and what each stands for from then on.
    pub changes: Vec<(Entry, Option<InodeId>)>,
    /// A directory that was removed by it, or replaced.
    pub removed_directory: Option<InodeId>,
}

impl Operation {
    fn touches(&self, directory: InodeId) -> bool {
        self.changes
            .iter()
            .any(|(entry, _)| entry.directory == directory)
    }

    /// The directory that something came into from another one.
    pub fn moved_into(&self) -> Option<InodeId> {
        let (to, _) = self.changes.iter().find(|(_, inode)| inode.is_some())?;
        let is_from_elsewhere = self
            .changes
            .iter()
            .any(|(entry, _)| entry.directory != to.directory);
        is_from_elsewhere.then_some(to.directory)
    }
}

/// The operations, in their order.
#[derive(Debug, Default)]
pub struct Journal {
    operations: Vec<Operation>,
}

impl Journal {
    pub fn push(&mut self, operation: Operation) {
        self.operations.push(operation);
    }

    /// Takes what a sync of a directory makes durable: the operations on its names, and those before them without which one
    /// of these could not be, or would lose what it moves: on the same names; in a directory that it removed; that made a
    /// directory (`ancestors` of where it moved something to) what it is.
    pub fn take_synced(
        &mut self,
        directory: InodeId,
        ancestors: impl Fn(InodeId) -> Vec<InodeId>,
    ) -> Vec<Operation> {
        let mut entries = BTreeSet::new();
        let mut removed = BTreeSet::new();
        let mut placed = BTreeSet::new();
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        for operation in self.operations.drain(..).rev() {
            let is_needed = operation.changes.iter().any(|(entry, inode)| {
                entries.contains(entry)
                    || removed.contains(&entry.directory)
                    || inode.is_some_and(|inode| placed.contains(&inode))
            });
            if !is_needed && !operation.touches(directory) {
                left.push(operation);
                continue;
            }
            entries.extend(operation.changes.iter().map(|(entry, _)| entry.clone()));
            removed.extend(operation.removed_directory);
            placed.extend(operation.moved_into().map(&ancestors).unwrap_or_default());
            taken.push(operation);
        }
        taken.reverse();
        left.reverse();
        self.operations = left;
        taken
    }

    /// Takes the first operations, and drops the others.
    pub fn take_first(&mut self, count: usize) -> Vec<Operation> {
        self.operations.truncate(count);
        std::mem::take(&mut self.operations)
    }

    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// All inodes that an operation names.
    pub fn inodes(&self) -> impl Iterator<Item = InodeId> {
        let changes = self.operations.iter().flat_map(|one| &one.changes);
        changes.flat_map(|(entry, inode)| [Some(entry.directory), *inode].into_iter().flatten())
    }
}
