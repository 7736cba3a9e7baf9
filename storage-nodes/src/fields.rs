//! Structures of fixed size, field by field. What the fields are is told where they are used.

use crate::checksum::{Crc32c, crc32c};

const CRC_BYTES: usize = 4;

/// Writes fields one after the other into a structure of fixed size that ends with its checksum.
pub(crate) struct Encoder {
    bytes: Vec<u8>,
    size: usize,
}

impl Encoder {
    pub fn new(size: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(size),
            size,
        }
    }

    pub fn put(&mut self, field: &[u8]) {
        self.bytes.extend_from_slice(field);
    }

    pub fn skip_to(&mut self, offset: usize) {
        self.bytes.resize(offset, 0);
    }

    /// The whole structure; its checksum is over `prefix` and it.
    pub fn finish_with_crc(mut self, prefix: &[u8]) -> Vec<u8> {
        self.skip_to(self.size - CRC_BYTES);
        let crc = prefixed_crc(prefix, &self.bytes);
        self.put(&crc.to_le_bytes());
        self.bytes
    }
}

/// Reads fields one after the other from a structure of fixed size.
pub(crate) struct Decoder<'a> {
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    /// The fields of a structure of `size` bytes, or nothing if its checksum, over `prefix` and it, is wrong.
    pub fn checked(bytes: &'a [u8], size: usize, prefix: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..size)?;
        let (rest, crc) = bytes.split_last_chunk::<CRC_BYTES>()?;
        (prefixed_crc(prefix, rest) == u32::from_le_bytes(*crc)).then_some(Self { rest })
    }

    /// The fields of a structure that has no checksum of its own.
    pub fn unchecked(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `N` bytes; zeros after the end, which the fixed sizes of the structures rule out.
    pub fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.rest.split_first_chunk::<N>() {
            Some((field, rest)) => {
                self.rest = rest;
                *field
            }
            None => [0; N],
        }
    }

    pub fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }
}

fn prefixed_crc(prefix: &[u8], bytes: &[u8]) -> u32 {
    if prefix.is_empty() {
        return crc32c(bytes);
    }
    let mut crc = Crc32c::new();
    crc.update(prefix);
    crc.update(bytes);
    crc.finish()
}
