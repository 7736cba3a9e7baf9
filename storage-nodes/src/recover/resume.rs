//! Opening a node from its index checkpoint and what came after it.

use std::{collections::HashMap, io, sync::Arc};

use super::{DamagedStretch, Recovery};
use crate::{
    checkpoint::{self, CHECKPOINT_NAME, Loaded, Mark, MarkedState, Rejected},
    error::OpenError,
    files::OpenMode,
    format::{VOLUME_HEADER_BYTES, VolumeHeader},
    scan::{Found, look},
    volume::{Phase, Volume, volume_id},
};

impl Recovery<'_> {
    /// The checkpoint, if it is one of these files.
    pub(super) fn usable_checkpoint(
        &mut self,
        names: &[String],
    ) -> Result<Option<Loaded>, OpenError> {
        let reason = if self.shared.options.rebuild_index {
            "the volumes were to be read".to_owned()
        } else {
            match checkpoint::load(self.shared).and_then(|loaded| self.fitting(loaded, names)) {
                Ok(loaded) => return Ok(Some(loaded)),
                Err(Rejected::Absent) if names.is_empty() => return Ok(None),
                Err(rejected) => rejected.to_string(),
            }
        };
        tracing::info!(reason, "the index is made from the volumes alone");
        self.report.without_checkpoint = Some(reason);
        Ok(None)
    }

    fn fitting(&self, loaded: Loaded, names: &[String]) -> Result<Loaded, Rejected> {
        let mut marks: HashMap<u32, &Mark> =
            loaded.marks.iter().map(|mark| (mark.id, mark)).collect();
        for name in names {
            let Some(id) = volume_id(name) else { continue };
            let header = self.header_of(name)?;
            let fits = match (marks.remove(&id), header) {
                // Unreadable: what is known of it is lost, if anything is.
                (_, None) => true,
                (Some(mark), Some(header)) => mark.state.as_ref().is_some_and(|state| {
                    (state.kind, state.marker) == (header.kind, header.marker)
                }),
                (None, Some(_)) => id >= loaded.next_volume,
            };
            if !fits {
                return Err(Rejected::OtherVolume(id));
            }
        }
        Ok(loaded)
    }

    fn header_of(&self, name: &str) -> io::Result<Option<VolumeHeader>> {
        let file = self.shared.files.open(name, OpenMode::Existing)?;
        let page = file.read_vec(VOLUME_HEADER_BYTES as usize, 0)?;
        Ok(VolumeHeader::decode(&page).ok())
    }

    /// Fills the index. Gives what is known of each volume that is there.
    pub(super) fn resume(
        &mut self,
        loaded: Loaded,
    ) -> Result<HashMap<u32, MarkedState>, OpenError> {
        let volumes = &self.shared.volumes;
        self.shared
            .raise_sequence_above(loaded.next_sequence.saturating_sub(1));
        volumes.reserve_ids_below(loaded.next_volume);
        let mut marked = HashMap::new();
        for mark in &loaded.marks {
            match &mark.state {
                Some(state) if volumes.get(mark.id).is_some() => {
                    marked.insert(mark.id, state.clone());
                }
                _ => volumes.add_missing(mark.id),
            }
        }
        let (mut known, mut lost) = (0, 0);
        let dead = loaded.entries(|key, entry| {
            known += 1;
            if volumes.get(entry.volume).is_some() {
                volumes.count_live(&entry);
            } else {
                // Kept, so that a read says that it is damaged, and not that it was never there.
                lost += 1;
            }
            self.shared.index.insert(key, entry);
        });
        let dead = dead.map_err(|rejected| match rejected {
            Rejected::Io(error) => self.io("read the index checkpoint")(error),
            other => self.damaged(CHECKPOINT_NAME, &other.to_string()),
        })?;
        for (id, hashes) in dead {
            if let Some(volume) = volumes.get(id) {
                volumes.add_dead(&volume, &hashes);
            }
        }
        self.report.records_from_checkpoint = known;
        self.report.lost_records = lost;
        Ok(marked)
    }

    /// Reads what came to a volume after the checkpoint.
    pub(super) fn read_on(&mut self, volume: &Arc<Volume>, mark: MarkedState) -> io::Result<()> {
        {
            let mut state = volume.state();
            state.settled_round = mark.settled_round;
            state.settled_end = mark.settled_end;
            state.damaged = mark.damaged;
            state.suspect = mark.suspect;
            state.tombstones = mark.tombstones;
        }
        let Phase::Sealed { crc64, seal_offset } = mark.phase else {
            return self.read_volume(volume, mark.settled_end, &mark.open_regions);
        };
        let seal = Found::Seal {
            offset: seal_offset,
            crc64,
        };
        if look(&*volume.file, &volume.header, seal_offset)? != Some(seal) {
            volume.state().damaged = true;
            self.report.damaged.push(DamagedStretch {
                file: volume.name(),
                from: seal_offset,
                to: mark.end,
            });
        }
        self.open_sealed(volume, seal_offset, crc64)
    }
}
