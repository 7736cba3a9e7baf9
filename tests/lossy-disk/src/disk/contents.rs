//! The contents of one file: as they are, and what they were when they were last synced.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use super::{Choice, Loss};

/// What is kept, lost or torn by itself: a page of the kernel's cache.
pub const PAGE_BYTES: usize = 4096;
/// What a disk writes as a whole.
pub const SECTOR_BYTES: usize = 512;

const _: () = assert!(PAGE_BYTES.is_multiple_of(SECTOR_BYTES));

type Page = Arc<[u8; PAGE_BYTES]>;

/// What becomes of a page that was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is as it was written.
    Kept,
    /// It is as it was before.
    Lost,
    /// It is as it was written up to this octet, and as it was before from there on.
    Torn(usize),
}

/// Pages and a size, and for what was changed since the last sync, what it was then.
///
/// Octets behind the size are zeros in the last page, so that they are zeros when the size grows over them.
#[derive(Debug, Default)]
pub struct Contents {
    size_bytes: u64,
    /// A page that is not here is a hole.
    pages: BTreeMap<u64, Page>,
    synced_size_bytes: u64,
    /// Of the pages that were changed since the last sync; `None` is a hole.
    synced_pages: BTreeMap<u64, Option<Page>>,
}

/// Which page an octet is in, and where in it.
fn place(at: u64) -> (u64, usize) {
    let page = PAGE_BYTES as u64;
    (at / page, (at % page) as usize)
}

impl Contents {
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Pages that take room as the file is now.
    pub fn pages(&self) -> u64 {
        self.pages.len() as u64
    }

    /// Pages that are kept in memory, at most.
    pub fn held_pages(&self) -> u64 {
        (self.pages.len() + self.synced_pages.len()) as u64
    }

    /// Octets from somewhere on; fewer where the file ends.
    pub fn read(&self, from: u64, length: usize) -> Vec<u8> {
        let left = self.size_bytes.saturating_sub(from);
        let mut octets = vec![0; length.min(usize::try_from(left).unwrap_or(usize::MAX))];
        let mut at = from;
        let mut rest = octets.as_mut_slice();
        while !rest.is_empty() {
            let (index, start) = place(at);
            let (piece, behind) = rest.split_at_mut((PAGE_BYTES - start).min(rest.len()));
            if let Some(page) = self.pages.get(&index) {
                piece.copy_from_slice(&page[start..start + piece.len()]);
            }
            at += piece.len() as u64;
            rest = behind;
        }
        octets
    }

    pub fn write(&mut self, from: u64, octets: &[u8]) {
        let mut at = from;
        let mut rest = octets;
        while !rest.is_empty() {
            let (index, start) = place(at);
            let (piece, behind) = rest.split_at((PAGE_BYTES - start).min(rest.len()));
            self.page_to_write(index)[start..start + piece.len()].copy_from_slice(piece);
            at += piece.len() as u64;
            rest = behind;
        }
        self.size_bytes = self.size_bytes.max(at);
    }

    /// Cuts the file, or has it end in a hole.
    pub fn resize(&mut self, size_bytes: u64) {
        let (last, end) = place(size_bytes);
        if size_bytes < self.size_bytes {
            if end > 0 && self.pages.contains_key(&last) {
                self.page_to_write(last)[end..].fill(0);
            }
            let first_gone = last + u64::from(end > 0);
            for (index, page) in self.pages.split_off(&first_gone) {
                self.synced_pages.entry(index).or_insert(Some(page));
            }
        }
        self.size_bytes = size_bytes;
    }

    fn page_to_write(&mut self, index: u64) -> &mut [u8; PAGE_BYTES] {
        let before = self.synced_pages.entry(index);
        before.or_insert_with(|| self.pages.get(&index).cloned());
        let page = self.pages.entry(index);
        Arc::make_mut(page.or_insert_with(|| Arc::new([0; PAGE_BYTES])))
    }

    pub fn sync(&mut self) {
        self.synced_pages.clear();
        self.synced_size_bytes = self.size_bytes;
    }

    /// Leaves what a loss of power leaves.
    pub fn lose(&mut self, choice: &mut Choice, loss: &mut Loss) {
        let before = (loss.pages, loss.torn);
        let size_bytes = choice.size_bytes(self.synced_size_bytes, self.size_bytes);
        let end = self.size_bytes.div_ceil(PAGE_BYTES as u64);
        for (index, synced) in mem::take(&mut self.synced_pages) {
            // What was cut off is there again where the file is as long again.
            let fate = if index < end {
                choice.fate()
            } else {
                Fate::Lost
            };
            match fate {
                Fate::Kept => continue,
                Fate::Lost => self.set(index, synced),
                Fate::Torn(at) => {
                    let mut mixed = synced.map_or([0; PAGE_BYTES], |page| *page);
                    if let Some(page) = self.pages.get(&index) {
                        mixed[..at].copy_from_slice(&page[..at]);
                    }
                    self.set(index, Some(Arc::new(mixed)));
                }
            }
            loss.pages += u64::from(index < end && fate == Fate::Lost);
            loss.torn += u64::from(fate != Fate::Lost);
        }
        let is_other = size_bytes != self.size_bytes || before != (loss.pages, loss.torn);
        loss.files += u64::from(is_other);
        // The last page may have come back longer than the file, and pages behind it.
        self.size_bytes = u64::MAX;
        self.resize(size_bytes);
        self.sync();
    }

    fn set(&mut self, index: u64, page: Option<Page>) {
        match page {
            Some(page) => self.pages.insert(index, page),
            None => self.pages.remove(&index),
        };
    }
}
