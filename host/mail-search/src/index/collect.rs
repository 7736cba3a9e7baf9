//! Collecting the messages that were found.

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

use crate::document::StorageId;
use crate::schema::MESSAGE;

/// Takes the ids of all messages that are found.
pub(super) struct Messages;

pub(super) struct SegmentMessages {
    ids: Column<u64>,
    found: Vec<StorageId>,
}

impl Collector for Messages {
    type Fruit = Vec<StorageId>;
    type Child = SegmentMessages;

    fn for_segment(
        &self,
        _: SegmentOrdinal,
        segment: &SegmentReader,
    ) -> tantivy::Result<SegmentMessages> {
        Ok(SegmentMessages {
            ids: segment.fast_fields().u64(MESSAGE)?,
            found: Vec::new(),
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, fruits: Vec<Vec<StorageId>>) -> tantivy::Result<Vec<StorageId>> {
        Ok(fruits.concat())
    }
}

impl SegmentCollector for SegmentMessages {
    type Fruit = Vec<StorageId>;

    fn collect(&mut self, document: DocId, _: Score) {
        self.found.extend(self.ids.first(document).map(StorageId));
    }

    fn harvest(self) -> Vec<StorageId> {
        self.found
    }
}
