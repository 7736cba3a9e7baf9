//! What is in use in this process: blobs being written, which no collector may
//! take for orphans, and blobs being read, which it must not delete yet.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use concierge_storage_nodes::ObjectId;

#[derive(Default)]
struct State {
    uploading: HashSet<ObjectId>,
    reading: HashMap<ObjectId, u32>,
    dying: HashSet<ObjectId>,
}

/// The blobs in use.
#[derive(Clone, Default)]
pub struct Uses {
    state: Arc<Mutex<State>>,
}

impl Uses {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a blob is being written, until the answer is dropped: after
    /// the catalogue has named it, or after it was given up.
    pub fn upload(&self, object: ObjectId) -> Uploading {
        self.lock().uploading.insert(object);
        Uploading {
            uses: self.clone(),
            object,
        }
    }

    /// Whether a blob is being written.
    pub fn is_uploading(&self, object: ObjectId) -> bool {
        self.lock().uploading.contains(&object)
    }

    /// Notes that blobs are being read, until the answer is dropped; `None`
    /// when one of them is being deleted at this moment.
    pub fn read(&self, objects: impl IntoIterator<Item = ObjectId>) -> Option<Reading> {
        let mut state = self.lock();
        let mut reading = Reading {
            uses: self.clone(),
            objects: Vec::new(),
        };
        for object in objects {
            if state.dying.contains(&object) {
                drop(state);
                return None;
            }
            *state.reading.entry(object).or_default() += 1;
            reading.objects.push(object);
        }
        Some(reading)
    }

    /// Takes a blob to be deleted, unless it is being read; readers are turned
    /// away until the answer is dropped.
    pub fn delete(&self, object: ObjectId) -> Option<Deleting> {
        let mut state = self.lock();
        if state.reading.contains_key(&object) {
            return None;
        }
        state.dying.insert(object);
        Some(Deleting {
            uses: self.clone(),
            object,
        })
    }
}

/// A blob is being written.
pub struct Uploading {
    uses: Uses,
    object: ObjectId,
}

impl Drop for Uploading {
    fn drop(&mut self) {
        self.uses.lock().uploading.remove(&self.object);
    }
}

/// Blobs are being read.
pub struct Reading {
    uses: Uses,
    objects: Vec<ObjectId>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut state = self.uses.lock();
        for object in &self.objects {
            if let Some(count) = state.reading.get_mut(object) {
                *count -= 1;
                if *count == 0 {
                    state.reading.remove(object);
                }
            }
        }
    }
}

/// A blob is being deleted.
pub struct Deleting {
    uses: Uses,
    object: ObjectId,
}

impl Drop for Deleting {
    fn drop(&mut self) {
        self.uses.lock().dying.remove(&self.object);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn readers_and_the_collector_keep_out_of_each_others_way() {
        let uses = Uses::default();
        let (a, b) = (ObjectId(Uuid::from_u128(1)), ObjectId(Uuid::from_u128(2)));
        let first = uses.read([a, b]).unwrap();
        let second = uses.read([a]).unwrap();
        assert!(uses.delete(a).is_none());
        drop(first);
        assert!(uses.delete(a).is_none(), "one still reads");
        drop(second);
        let deleting = uses.delete(a).unwrap();
        assert!(uses.read([b, a]).is_none(), "it is going");
        assert!(
            uses.delete(b).is_some(),
            "who was turned away holds nothing"
        );
        drop(deleting);
        assert!(uses.read([a]).is_some());
    }

    #[test]
    fn an_upload_is_known_until_it_is_done() {
        let uses = Uses::default();
        let object = ObjectId(Uuid::from_u128(1));
        let uploading = uses.upload(object);
        assert!(uses.is_uploading(object));
        drop(uploading);
        assert!(!uses.is_uploading(object));
    }
}
