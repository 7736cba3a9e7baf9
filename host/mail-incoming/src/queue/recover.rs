//! Opening a queue: what is in its log files.

use std::collections::HashSet;

use super::format::{self, Place, Record};
use super::{Disk, Entry, QueueError, State};

/// Reads all log files; the state, and the number of the next one.
pub(super) fn recover(disk: &dyn Disk) -> Result<(State, u64), QueueError> {
    let logs = disk.logs()?;
    let next = disk.last()?.map_or(0, |last| last + 1);
    let mut state = State::default();
    let mut done = HashSet::new();
    let mut found = Vec::new();
    let owns: HashSet<_> = disk.owns()?.into_iter().collect();
    let mut has_own = HashSet::new();
    for log in &logs {
        let bytes = disk.read_all(*log)?;
        let mut at = 0;
        let mut end = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let place = Place {
                log: *log,
                at: at as u64,
            };
            let Some((record, length)) = format::parse(rest, place) else {
                let Some(skipped) = format::next_record(rest, place) else {
                    // Left by a crash, or by an older log.
                    break;
                };
                tracing::warn!(
                    log,
                    at,
                    skipped,
                    "octets of the incoming queue that are no record"
                );
                at += skipped;
                continue;
            };
            end = at + length;
            match record {
                Record::Done(id) => {
                    done.insert(id);
                }
                Record::Message(metadata, octets) => {
                    if metadata.own_file.is_some() {
                        // Its client was told that it was not kept.
                        if !owns.contains(&metadata.id) {
                            done.insert(metadata.id);
                        }
                        has_own.insert(metadata.id);
                    }
                    let entry = Entry {
                        log: *log,
                        at: at as u64,
                        length: length as u64,
                        octets: metadata
                            .own_file
                            .map_or(octets.len() as u64, |own_file| own_file.octets),
                        received_us: metadata.received_us,
                        has_own_file: metadata.own_file.is_some(),
                    };
                    found.push((metadata.id, entry));
                }
            }
            at = end;
        }
        let log = state.logs.entry(*log).or_default();
        log.length = end as u64;
    }
    // What was appended anew is twice there until its old log file is gone: the later one counts.
    let mut seen = HashSet::new();
    found.reverse();
    found.retain(|(id, _)| !done.contains(id) && seen.insert(*id));
    found.sort_by_key(|(id, entry)| (entry.received_us, *id));
    for (id, entry) in found {
        state.fresh.push_back(id);
        state.keep(id, entry);
    }
    for id in owns {
        if !(has_own.contains(&id) && state.entries.contains_key(&id)) {
            disk.remove_own(id)?;
        }
    }
    while let Some(oldest) = state.logs.first_entry()
        && oldest.get().live == 0
    {
        disk.remove(*oldest.key())?;
        oldest.remove();
    }
    Ok((state, next))
}
