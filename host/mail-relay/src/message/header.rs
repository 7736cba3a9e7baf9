//! The header of a message that comes in pieces.

use bytes::BytesMut;

/// The longest header that is signed, in octets. What is longer is sent as it is.
const HEADER_MAX_BYTES: usize = 1 << 20;

/// A header being gathered, with the little of the body that came in the same piece.
#[derive(Debug, Default)]
pub(super) struct Header {
    taken: BytesMut,
    /// Behind the last field's end of line.
    end: Option<usize>,
}

impl Header {
    /// Takes a piece; whether no more is needed.
    pub(super) fn push(&mut self, piece: &[u8]) -> bool {
        let searched = self.taken.len().saturating_sub(3);
        self.taken.extend_from_slice(piece);
        let unsearched = self.taken.get(searched..).unwrap_or_default();
        let found = memchr::memmem::find(unsearched, b"\r\n\r\n");
        self.end = found.map(|at| searched + at + 2);
        self.end.is_some() || self.taken.len() > HEADER_MAX_BYTES
    }

    /// All that was taken.
    pub(super) fn taken(&self) -> &[u8] {
        &self.taken
    }

    /// The header, without the empty line behind it, as far as it was taken.
    pub(super) fn taken_header(&self) -> &[u8] {
        let end = self.end.unwrap_or(self.taken.len());
        self.taken.get(..end).unwrap_or_default()
    }

    /// The header, if all of it was taken: there may be no body, but no end that was not found for its length.
    pub(super) fn complete(&self) -> Option<&[u8]> {
        let is_all = self.end.is_some() || self.taken.len() <= HEADER_MAX_BYTES;
        is_all.then(|| self.taken_header())
    }
}

/// The fields of a header: names, and values with their folds and the last end of line.
pub(crate) fn fields(header: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = header;
    std::iter::from_fn(move || {
        let end = field_end(rest)?;
        let (field, behind) = rest.split_at_checked(end)?;
        rest = behind;
        let colon = memchr::memchr(b':', field).unwrap_or(field.len());
        let (name, value) = field.split_at_checked(colon)?;
        Some((name.trim_ascii(), value.strip_prefix(b":").unwrap_or(value)))
    })
}

/// Behind the first end of line that no blank follows (RFC 5322 §2.2.3).
fn field_end(header: &[u8]) -> Option<usize> {
    if header.is_empty() {
        return None;
    }
    let mut ends = memchr::memchr_iter(b'\n', header).map(|at| at + 1);
    let folded = |end: usize| matches!(header.get(end), Some(b' ' | b'\t'));
    Some(ends.find(|end| !folded(*end)).unwrap_or(header.len()))
}

/// The domain of the first address in From, in lower case: that which readers see.
pub(super) fn from_domain(header: &[u8]) -> Option<String> {
    let mut fields = fields(header);
    let (_, value) = fields.find(|(name, _)| name.eq_ignore_ascii_case(b"From"))?;
    let from = concierge_mail_message::addresses(value)
        .into_iter()
        .next()?;
    let (_, domain) = from.address.rsplit_once('@')?;
    Some(domain.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_in_any_pieces() {
        let message = b"Subject: a\r\n b\r\nFrom: Ann <ann@A.example>,\r\n\tbob@b.example\r\n\r\nbody\r\n\r\n";
        for size in 1..message.len() {
            let mut header = Header::default();
            let mut pieces = message.chunks(size);
            while !header.push(pieces.next().unwrap()) {}
            let found = header.complete().unwrap();
            assert!(found.ends_with(b"example\r\n"), "{size}");
            assert_eq!(from_domain(found).as_deref(), Some("a.example"));
            let names: Vec<_> = fields(found).map(|(name, _)| name).collect();
            assert_eq!(names, [&b"Subject"[..], b"From"]);
        }
    }

    #[test]
    fn headers_that_are_none() {
        assert_eq!(from_domain(b""), None);
        assert_eq!(from_domain(b"no colon\r\n"), None);
        assert_eq!(from_domain(b"From: nobody\r\n"), None);
        let mut header = Header::default();
        assert!(header.push(&vec![b'x'; HEADER_MAX_BYTES + 1]));
        assert_eq!(header.complete(), None);
    }
}
