//! Ids of blobs: of whole ones, and of parts within them.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use concierge_mail_message::transfer::Encoding;

use super::{BlobHash, InvalidId};

/// Messages within messages whose encodings lie in each other. An id has at most 255 octets (RFC 8620 §1.2).
pub const BLOB_STEPS_MAX: usize = 4;

/// A blob of the account, or a part of one.
///
/// A whole blob is `b` and 64 hexadecimal digits of its SHA-256. A part is `p`, the digits of the message, and for each
/// step into it `-START-END-ENCODING`: a range of what the step before gives, which is then decoded (`7` as is, `q`
/// quoted-printable, `b` base64). A part of a message that is attached as it is takes one step; a second one is needed
/// only within a message that is attached in base64. So nothing is stored twice, and access is that to the whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BlobId {
    hash: BlobHash,
    steps: Vec<BlobStep>,
}

/// A step into a blob.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BlobStep {
    /// Of what the step before gives.
    pub range: Range<u64>,
    /// How the range is encoded.
    pub encoding: Encoding,
}

impl BlobId {
    /// The whole blob.
    #[must_use]
    pub fn whole(&self) -> BlobHash {
        self.hash
    }

    /// The steps into it; none: it is whole.
    #[must_use]
    pub fn steps(&self) -> &[BlobStep] {
        &self.steps
    }

    /// A part of this blob; `None` where ids do not reach as deep.
    #[must_use]
    pub fn part(&self, range: Range<u64>, encoding: Encoding) -> Option<Self> {
        let mut part = self.clone();
        match part.steps.last_mut() {
            // A range of a range is one.
            Some(step) if step.encoding == Encoding::Identity => {
                let start = step.range.start;
                step.range = start.checked_add(range.start)?..start.checked_add(range.end)?;
                step.encoding = encoding;
            }
            _ => part.steps.push(BlobStep { range, encoding }),
        }
        (part.steps.len() <= BLOB_STEPS_MAX).then_some(part)
    }
}

impl From<BlobHash> for BlobId {
    fn from(hash: BlobHash) -> Self {
        Self {
            hash,
            steps: Vec::new(),
        }
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() {
            return self.hash.fmt(f);
        }
        write!(f, "p{}", hex::encode(self.hash.0))?;
        for BlobStep { range, encoding } in &self.steps {
            write!(f, "-{}-{}-{}", range.start, range.end, encoding.letter())?;
        }
        Ok(())
    }
}

impl FromStr for BlobId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let Some(part) = text.strip_prefix('p') else {
            return text.parse().map(BlobHash::into);
        };
        let mut fields = part.split('-');
        let digits = fields.next().unwrap_or_default();
        let mut id = Self::from(format!("b{digits}").parse::<BlobHash>()?);
        let fields: Vec<_> = fields.collect();
        let (steps, rest) = fields.as_chunks::<3>();
        if !rest.is_empty() || steps.is_empty() || steps.len() > BLOB_STEPS_MAX {
            return Err(InvalidId);
        }
        for [start, end, encoding] in steps {
            id.steps.push(step(start, end, encoding)?);
        }
        Ok(id)
    }
}

fn step(start: &str, end: &str, encoding: &str) -> Result<BlobStep, InvalidId> {
    let range = number(start)?..number(end)?;
    let mut letters = encoding.chars();
    match (letters.next().and_then(Encoding::of_letter), letters.next()) {
        (Some(encoding), None) if range.start <= range.end => Ok(BlobStep { range, encoding }),
        _ => Err(InvalidId),
    }
}

/// One form for each number: neither signs nor leading zeros.
fn number(text: &str) -> Result<u64, InvalidId> {
    let number: u64 = text.parse().map_err(|_| InvalidId)?;
    match number.to_string() == text {
        true => Ok(number),
        false => Err(InvalidId),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> BlobId {
        BlobHash([0xab; 32]).into()
    }

    #[test]
    fn ids_read_back_and_have_one_form() {
        let part = whole().part(10..200, Encoding::Base64).unwrap();
        let within = part.part(0..7, Encoding::QuotedPrintable).unwrap();
        for id in [whole(), part.clone(), within] {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        let digits = "ab".repeat(32);
        assert_eq!(part.to_string(), format!("p{digits}-10-200-b"));
        for wrong in [
            format!("p{digits}"),
            format!("p{digits}-1-2"),
            format!("p{digits}-01-2-7"),
            format!("p{digits}-+1-2-7"),
            format!("p{digits}-2-1-7"),
            format!("p{digits}-1-2-x"),
            format!("p{digits}-1-2-77"),
            format!("p{}-1-2-7", digits.to_uppercase()),
            format!("p{digits}{}", "-1-2-b".repeat(BLOB_STEPS_MAX + 1)),
            format!("b{digits}-1-2-7"),
            "p".to_owned(),
        ] {
            assert_eq!(wrong.parse::<BlobId>(), Err(InvalidId), "{wrong}");
        }
    }

    #[test]
    fn ranges_of_ranges_are_one_step() {
        let attached = whole().part(100..500, Encoding::Identity).unwrap();
        let part = attached.part(20..30, Encoding::Base64).unwrap();
        assert_eq!(part, whole().part(120..130, Encoding::Base64).unwrap());
        assert!(
            attached
                .part(u64::MAX..u64::MAX, Encoding::Identity)
                .is_none()
        );
        let mut deep = whole();
        for _ in 0..BLOB_STEPS_MAX {
            deep = deep
                .part(1_000_000_000..1_500_000_000, Encoding::Base64)
                .unwrap();
        }
        assert!(deep.to_string().len() <= 255);
        assert!(deep.part(0..1, Encoding::Base64).is_none());
    }
}
