//! Names of what a node stores.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One stored blob: the data of an object, or of one part of a multipart upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectId(pub Uuid);

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_simple().fmt(f)
    }
}

/// The key of one record on a node. Keys sort by object, then extent, then shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordKey {
    /// The blob that the record belongs to.
    pub object: ObjectId,
    /// Which extent of the blob, counted from 0.
    pub extent: u32,
    /// Which shard of the extent; 0 where the extent is kept whole.
    pub shard: u8,
}

impl fmt::Display for RecordKey {
    /// `<object>-<extent>-<shard>`, the object as 32 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.object, self.extent, self.shard)
    }
}

/// The text was not a record key as [`RecordKey`]'s `Display` writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a record key: expected <object>-<extent>-<shard>")]
pub struct ParseKeyError;

impl std::str::FromStr for RecordKey {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '-');
        let mut next = || parts.next().ok_or(ParseKeyError);
        let object = Uuid::try_parse(next()?).map_err(|_| ParseKeyError)?;
        let extent = next()?.parse().map_err(|_| ParseKeyError)?;
        let shard = next()?.parse().map_err(|_| ParseKeyError)?;
        Ok(Self {
            object: ObjectId(object),
            extent,
            shard,
        })
    }
}

/// Who wrote a record: a host and that host's start epoch. Garbage collection spares records whose
/// lease is still held, whatever their age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lease {
    /// The number of the host.
    pub host: u32,
    /// How many times that host had started.
    pub epoch: u32,
}

/// What a node knows of one record without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordInfo {
    /// The record's key.
    pub key: RecordKey,
    /// The length of its payload in bytes.
    pub length: u64,
    /// Who wrote it.
    pub lease: Lease,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_their_text_form() {
        let key = RecordKey {
            object: ObjectId(Uuid::from_u128(7)),
            extent: 12,
            shard: 3,
        };
        assert_eq!(key.to_string().parse(), Ok(key));
        for bad in [
            "",
            "7",
            "7-1-1",
            "00000000000000000000000000000007-1",
            "00000000000000000000000000000007-1-256",
        ] {
            assert_eq!(bad.parse::<RecordKey>(), Err(ParseKeyError), "{bad}");
        }
    }
}
