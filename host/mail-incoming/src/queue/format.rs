//! A log file: records, one behind the other.
//!
//! | offset | octets | what |
//! | --- | --- | --- |
//! | 0 | 4 | `CIQ2` |
//! | 4 | 1 | 1: a message; 2: a message is done |
//! | 5 | 3 | 0 |
//! | 8 | 4 | length of the metadata, little-endian like all numbers |
//! | 12 | 8 | length of the octets |
//! | 20 | 4 | CRC-32C of the 20 octets before, the metadata and the octets, exclusive or that of the record's place |
//! | 24 | | the metadata: [`Metadata`] as postcard, or the 16 octets of the id that is done |
//! | | | the message's octets; none where it has a file of its own |
//!
//! A record's place is the number of its log file and the offset in it, 8 octets each. A file is written over what an older
//! log left in it: its records are at other places than those that they know, and are none. Records of the format before,
//! `CIQ1`, do not know their place; no file that has one is written over.
//!
//! What is behind the last record of a file was left by a crash or by an older log, and is passed over; so is a damaged
//! record in the middle, up to the next whole one. Files are never written to again once they are opened anew.

use std::io;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use concierge_mail::types::Path;
use crc_fast::{CrcAlgorithm, Digest};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const MAGIC: &[u8; 4] = b"CIQ2";
const MAGIC_WITHOUT_PLACE: &[u8; 4] = b"CIQ1";
pub(super) const HEADER_BYTES: usize = 24;
/// Of the checksum, in the header.
const CRC: Range<usize> = 20..24;

/// More than any message's metadata has: its recipients are bounded, and each has an address and a few words.
const METADATA_MAX_BYTES: usize = 4 << 20;

const MESSAGE: u8 = 1;
const DONE: u8 = 2;

/// A recipient of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The address.
    pub address: String,
    /// NOTIFY of RFC 3461 as the client had it.
    pub notify: Option<String>,
    /// ORCPT of RFC 3461, decoded.
    pub orcpt: Option<String>,
}

/// What is known of a message beside its octets. Members are only ever added at the end, with the next number in `MAGIC`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The message's id, and that of its delivery.
    pub id: Uuid,
    /// When it came, microseconds since the Unix epoch.
    pub received_us: u64,
    /// From the envelope; empty: the null path.
    pub mail_from: String,
    /// RET of RFC 3461: `FULL` or `HDRS`.
    pub ret: Option<String>,
    /// ENVID of RFC 3461, decoded.
    pub envid: Option<String>,
    /// For whom.
    pub recipients: Vec<Recipient>,
    /// Fields that stand before the message, each with its CRLF.
    pub trace: String,
    /// It is for the mailbox of junk.
    pub is_junk: bool,
    /// `BODY=8BITMIME` (RFC 6152).
    pub is_8bit: bool,
    /// `SMTPUTF8` (RFC 6531).
    pub is_utf8: bool,
    /// What its own file holds, if it has one.
    pub own_file: Option<OwnFile>,
}

/// What a file holds that has one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnFile {
    /// Its length.
    pub octets: u64,
    /// CRC-32C of them.
    pub crc: u32,
}

impl OwnFile {
    pub(super) fn of(octets: &[u8]) -> Self {
        Self {
            octets: octets.len() as u64,
            crc: checksum(&[octets]),
        }
    }
}

fn parameter(name: &str, value: &Option<String>) -> Option<(String, Option<String>)> {
    let value = value.clone()?;
    Some((name.to_owned(), Some(value)))
}

impl Metadata {
    /// The envelope's sender with the parameters that hold on the next way too.
    pub(crate) fn sender_path(&self) -> Path {
        let flag = |is_set: bool, name: &str, value: Option<&str>| {
            is_set.then(|| (name.to_owned(), value.map(str::to_owned)))
        };
        let parameters = [
            flag(self.is_8bit, "BODY", Some("8BITMIME")),
            flag(self.is_utf8, "SMTPUTF8", None),
            parameter("RET", &self.ret),
            parameter("ENVID", &self.envid),
        ];
        Path {
            email: self.mail_from.clone(),
            parameters: parameters.into_iter().flatten().collect(),
        }
    }
}

impl Recipient {
    /// The same with its parameters.
    pub(crate) fn path(&self) -> Path {
        let parameters = [
            parameter("NOTIFY", &self.notify),
            parameter("ORCPT", &self.orcpt),
        ];
        Path {
            email: self.address.clone(),
            parameters: parameters.into_iter().flatten().collect(),
        }
    }
}

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The number of the log file.
    pub(super) log: u64,
    /// In it.
    pub(super) at: u64,
}

impl Place {
    /// Other places near by have others: a CRC-32C tells all runs of up to 32 bits.
    fn checksum(self) -> u32 {
        checksum(&[&self.log.to_le_bytes(), &self.at.to_le_bytes()])
    }
}

/// Tells a record where it lies, once.
pub(super) fn put_down(record: &mut [u8], place: Place) {
    let of_place = place.checksum().to_le_bytes();
    let crc = record.get_mut(CRC).into_iter().flatten();
    crc.zip(of_place)
        .for_each(|(crc, of_place)| *crc ^= of_place);
}

/// A record in a log file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Record {
    Message(Metadata, Range<usize>),
    Done(Uuid),
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

fn record(kind: u8, metadata: &[u8], octets: &[u8]) -> io::Result<Bytes> {
    let metadata_length = u32::try_from(metadata.len()).ok();
    let metadata_length = metadata_length.filter(|_| metadata.len() <= METADATA_MAX_BYTES);
    let metadata_length = metadata_length.ok_or_else(|| invalid("too much metadata"))?;
    let mut out = BytesMut::with_capacity(HEADER_BYTES + metadata.len() + octets.len());
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[kind, 0, 0, 0]);
    out.extend_from_slice(&metadata_length.to_le_bytes());
    out.extend_from_slice(&(octets.len() as u64).to_le_bytes());
    let crc = checksum(&[&out, metadata, octets]);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(metadata);
    out.extend_from_slice(octets);
    Ok(out.freeze())
}

fn checksum(parts: &[&[u8]]) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    parts.iter().for_each(|part| digest.update(part));
    // The algorithm has 32 bits.
    digest.finalize() as u32
}

/// The record of a message, which lies nowhere yet.
pub(super) fn message(metadata: &Metadata, octets: &[u8]) -> io::Result<Bytes> {
    let metadata = postcard::to_stdvec(metadata).map_err(io::Error::other)?;
    record(MESSAGE, &metadata, octets)
}

/// The record that a message is done, which lies nowhere yet.
pub(super) fn done(id: Uuid) -> io::Result<Bytes> {
    record(DONE, id.as_bytes(), &[])
}

/// Reads the record at the start of some bytes, which lie there; its length too. `None`: there is no whole one.
pub(super) fn parse(bytes: &[u8], place: Place) -> Option<(Record, usize)> {
    let header = bytes.get(..HEADER_BYTES)?;
    let of_place = match header.get(..4)? {
        magic if magic == MAGIC => place.checksum(),
        magic if magic == MAGIC_WITHOUT_PLACE => 0,
        _ => return None,
    };
    let number = |range: Range<usize>| {
        let mut number = [0; 8];
        let part = header.get(range)?;
        number.get_mut(..part.len())?.copy_from_slice(part);
        usize::try_from(u64::from_le_bytes(number)).ok()
    };
    let (metadata_length, octets_length) = (number(8..12)?, number(12..20)?);
    let octets_start = HEADER_BYTES.checked_add(metadata_length)?;
    let end = octets_start.checked_add(octets_length)?;
    let metadata = bytes.get(HEADER_BYTES..octets_start)?;
    let octets = bytes.get(octets_start..end)?;
    let crc = checksum(&[header.get(..CRC.start)?, metadata, octets]) ^ of_place;
    if number(CRC)? != crc as usize {
        return None;
    }
    let record = match *header.get(4)? {
        MESSAGE => Record::Message(postcard::from_bytes(metadata).ok()?, octets_start..end),
        DONE => Record::Done(Uuid::from_slice(metadata).ok()?),
        _ => return None,
    };
    Some((record, end))
}

/// Where the next whole record begins in some bytes, which lie there.
pub(super) fn next_record(bytes: &[u8], place: Place) -> Option<usize> {
    // Both formats begin with these three.
    let starts = memchr::memmem::find_iter(bytes, &MAGIC[..3]);
    starts.into_iter().find(|start| {
        let at = place.at + *start as u64;
        let record = bytes
            .get(*start..)
            .and_then(|record| parse(record, Place { at, ..place }));
        record.is_some()
    })
}

/// Reads the record of a message, which lies there.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] where it is none.
pub(super) fn read(record: &Bytes, place: Place) -> io::Result<(Metadata, Bytes)> {
    match parse(record, place) {
        Some((Record::Message(metadata, octets), _)) => Ok((metadata, record.slice(octets))),
        _ => Err(invalid("a damaged message in the queue")),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn metadata(number: u128) -> Metadata {
        Metadata {
            id: Uuid::from_u128(number),
            received_us: 1_795_651_200_000_000,
            mail_from: "a@b.example".to_owned(),
            ret: None,
            envid: None,
            recipients: vec![Recipient {
                address: "c@d.example".to_owned(),
                notify: Some("NEVER".to_owned()),
                orcpt: None,
            }],
            trace: "Received: x\r\n".to_owned(),
            is_junk: false,
            is_8bit: false,
            is_utf8: false,
            own_file: None,
        }
    }

    const HERE: Place = Place { log: 3, at: 1_000 };

    /// A record that lies here.
    fn here(record: io::Result<Bytes>) -> Bytes {
        let mut record = record.unwrap().to_vec();
        put_down(&mut record, HERE);
        record.into()
    }

    #[test]
    fn records_are_read_as_they_were_written() {
        let written = here(message(&metadata(7), b"A: 1\r\n\r\nx"));
        let (read, octets) = read(&written, HERE).unwrap();
        assert_eq!((read, &octets[..]), (metadata(7), &b"A: 1\r\n\r\nx"[..]));
        let done = here(done(Uuid::from_u128(7)));
        assert_eq!(
            parse(&done, HERE),
            Some((Record::Done(Uuid::from_u128(7)), done.len()))
        );
        for end in 0..written.len() {
            assert_eq!(parse(&written[..end], HERE), None, "{end}");
        }
        for at in 0..written.len() {
            let mut damaged = written.to_vec();
            damaged[at] ^= 1;
            assert_eq!(parse(&damaged, HERE), None, "{at}");
        }
    }

    #[test]
    fn a_record_is_none_at_another_place() {
        let record = here(done(Uuid::from_u128(7)));
        let (log, at) = (HERE.log, HERE.at);
        let others = [(log + 1, at), (log, at + 1), (at, log), (0, 0)];
        for (log, at) in others {
            assert_eq!(parse(&record, Place { log, at }), None, "{log} {at}");
        }
        assert!(parse(&record, HERE).is_some());
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Files of both formats must be read for ever.
    #[test]
    fn the_formats_are_what_they_were() {
        let written = here(done(Uuid::from_u128(1)));
        let second =
            "4349513202000000100000000000000000000000ca65d02b00000000000000000000000000000001";
        assert_eq!(hex(&written), second);
        let first =
            "4349513102000000100000000000000000000000efab2c4d00000000000000000000000000000001";
        let first: Vec<u8> = (0..first.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&first[at..at + 2], 16).unwrap())
            .collect();
        let read = parse(&first, HERE).map(|(record, _)| record);
        assert_eq!(read, Some(Record::Done(Uuid::from_u128(1))));
    }
}
