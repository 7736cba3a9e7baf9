//! The body as pieces: framing taken off, lengths checked.

use bytes::Bytes;
use futures::StreamExt;

use super::chunked::{Decoder, FramingError, Piece};
use crate::error::Error;
use crate::types::{BodyStream, Framing};

impl From<FramingError> for Error {
    fn from(error: FramingError) -> Self {
        match error {
            FramingError::Malformed(why) => Self::MalformedFraming(why.to_owned()),
            FramingError::Truncated => Self::IncompleteBody,
        }
    }
}

/// Some pieces that follow each other.
#[derive(Debug, Default)]
pub struct Batch {
    /// In order.
    pub pieces: Vec<Piece>,
    /// Bytes of the object in them.
    pub len: u64,
    /// The body ends with it.
    pub last: bool,
}

impl Batch {
    /// The bytes of the object in it.
    pub fn data(&self) -> impl Iterator<Item = &Bytes> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Data(bytes) => Some(bytes),
            _ => None,
        })
    }
}

/// A body being read.
pub struct Source {
    body: BodyStream,
    decoder: Option<Decoder>,
    expected: Option<u64>,
    limit: u64,
    seen: u64,
}

impl Source {
    /// A body of this framing that has `expected` bytes of data, where known,
    /// and at most `limit`.
    pub fn new(body: BodyStream, framing: Framing, expected: Option<u64>, limit: u64) -> Self {
        Self {
            body,
            decoder: Decoder::new(framing),
            expected,
            limit,
            seen: 0,
        }
    }

    /// Reads until there are at least `enough` bytes of data, or the body ends.
    pub async fn next(&mut self, enough: u64) -> Result<Batch, Error> {
        let mut batch = Batch::default();
        while batch.len < enough {
            let Some(bytes) = self.body.next().await else {
                self.end()?;
                batch.last = true;
                break;
            };
            let bytes = bytes.map_err(|error| {
                tracing::debug!(%error, "an upload was cut off");
                Error::IncompleteBody
            })?;
            let from = batch.pieces.len();
            match &mut self.decoder {
                Some(decoder) => decoder.feed(bytes, &mut batch.pieces)?,
                None if bytes.is_empty() => {}
                None => batch.pieces.push(Piece::Data(bytes)),
            }
            self.count(&mut batch, from)?;
        }
        Ok(batch)
    }

    fn count(&mut self, batch: &mut Batch, from: usize) -> Result<(), Error> {
        let new = batch.pieces.iter().skip(from).map(|piece| match piece {
            Piece::Data(data) => data.len() as u64,
            _ => 0,
        });
        let new: u64 = new.sum();
        batch.len += new;
        self.seen += new;
        if self.seen > self.limit {
            return Err(Error::EntityTooLarge);
        }
        if self.expected.is_some_and(|expected| self.seen > expected) {
            return Err(Error::IncompleteBody);
        }
        Ok(())
    }

    fn end(&self) -> Result<(), Error> {
        if let Some(decoder) = &self.decoder {
            decoder.finish()?;
        }
        match self.expected {
            Some(expected) if expected != self.seen => Err(Error::IncompleteBody),
            _ => Ok(()),
        }
    }
}
