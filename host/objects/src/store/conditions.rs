//! Conditions and ranges of reads.

use crate::error::Error;
use crate::types::{ByteRange, ReadConditions};

const MICROS_PER_SECOND: u64 = 1_000_000;

/// What the conditions say about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Proceed,
    /// The client's copy is current.
    NotModified(&'static str),
    /// The condition of this header failed.
    Failed(&'static str),
}

/// Evaluates conditions in the order of RFC 9110 §13.2.2.
pub fn evaluate(conditions: &ReadConditions, etag: &str, modified_us: u64) -> Verdict {
    let modified_s = modified_us / MICROS_PER_SECOND;
    let matches = |tags: &[String]| tags.iter().any(|tag| tag == "*" || tag == etag);
    // Steps 1 and 2.
    if !conditions.if_match.is_empty() {
        if !matches(&conditions.if_match) {
            return Verdict::Failed("If-Match");
        }
    } else if conditions
        .if_unmodified_since_s
        .is_some_and(|since| modified_s > since)
    {
        return Verdict::Failed("If-Unmodified-Since");
    }
    // Steps 3 and 4.
    if !conditions.if_none_match.is_empty() {
        if matches(&conditions.if_none_match) {
            return Verdict::NotModified("If-None-Match");
        }
    } else if conditions
        .if_modified_since_s
        .is_some_and(|since| modified_s <= since)
    {
        return Verdict::NotModified("If-Modified-Since");
    }
    Verdict::Proceed
}

/// The first byte and the one after the last that a range asks for in an
/// object of this size; `None` if the range is to be ignored (RFC 9110
/// §14.1.2: an int-range whose last position is less than its first is
/// invalid, and §14.2: an invalid range is ignored).
pub fn resolve(range: ByteRange, size: u64) -> Result<Option<(u64, u64)>, Error> {
    match range {
        ByteRange::Span(first, Some(last)) if last < first => Ok(None),
        ByteRange::Span(first, _) if first >= size => Err(Error::InvalidRange(size)),
        ByteRange::Span(first, last) => {
            let end = last.map_or(size, |last| last.saturating_add(1).min(size));
            Ok(Some((first, end)))
        }
        ByteRange::Suffix(len) if len == 0 || size == 0 => Err(Error::InvalidRange(size)),
        ByteRange::Suffix(len) => Ok(Some((size.saturating_sub(len), size))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODIFIED_US: u64 = 1_000 * MICROS_PER_SECOND + 999_999;

    fn tags(tags: &[&str]) -> Vec<String> {
        tags.iter().map(|tag| (*tag).to_owned()).collect()
    }

    fn verdict(
        if_match: &[&str],
        if_none_match: &[&str],
        if_modified_since_s: Option<u64>,
        if_unmodified_since_s: Option<u64>,
    ) -> Verdict {
        let conditions = ReadConditions {
            if_match: tags(if_match),
            if_none_match: tags(if_none_match),
            if_modified_since_s,
            if_unmodified_since_s,
        };
        evaluate(&conditions, "tag", MODIFIED_US)
    }

    #[test]
    fn conditions_are_evaluated_in_the_order_of_rfc_9110() {
        use Verdict::{Failed, NotModified, Proceed};
        assert_eq!(verdict(&[], &[], None, None), Proceed);
        assert_eq!(verdict(&["other", "tag"], &[], None, None), Proceed);
        assert_eq!(verdict(&["*"], &[], None, None), Proceed);
        assert_eq!(verdict(&["other"], &[], None, None), Failed("If-Match"));
        assert_eq!(
            verdict(&["tag"], &[], None, Some(999)),
            Proceed,
            "If-Match wins"
        );
        assert_eq!(
            verdict(&[], &[], None, Some(999)),
            Failed("If-Unmodified-Since")
        );
        assert_eq!(
            verdict(&[], &[], None, Some(1000)),
            Proceed,
            "dates have whole seconds"
        );
        assert_eq!(
            verdict(&[], &["tag"], None, None),
            NotModified("If-None-Match")
        );
        assert_eq!(
            verdict(&[], &["*"], None, None),
            NotModified("If-None-Match")
        );
        assert_eq!(
            verdict(&[], &["other"], Some(1000), None),
            Proceed,
            "If-None-Match wins"
        );
        assert_eq!(
            verdict(&[], &[], Some(1000), None),
            NotModified("If-Modified-Since")
        );
        assert_eq!(verdict(&[], &[], Some(999), None), Proceed);
        assert_eq!(
            verdict(&["other"], &["tag"], None, None),
            Failed("If-Match"),
            "412 before 304"
        );
    }

    #[test]
    fn ranges_are_cut_to_the_object() {
        use ByteRange::{Span, Suffix};
        assert_eq!(resolve(Span(0, Some(0)), 10), Ok(Some((0, 1))));
        assert_eq!(resolve(Span(2, None), 10), Ok(Some((2, 10))));
        assert_eq!(resolve(Span(2, Some(u64::MAX)), 10), Ok(Some((2, 10))));
        assert_eq!(resolve(Span(5, Some(4)), 10), Ok(None));
        assert_eq!(resolve(Span(10, None), 10), Err(Error::InvalidRange(10)));
        assert_eq!(resolve(Span(0, None), 0), Err(Error::InvalidRange(0)));
        assert_eq!(resolve(Suffix(3), 10), Ok(Some((7, 10))));
        assert_eq!(resolve(Suffix(30), 10), Ok(Some((0, 10))));
        assert_eq!(resolve(Suffix(0), 10), Err(Error::InvalidRange(10)));
        assert_eq!(resolve(Suffix(1), 0), Err(Error::InvalidRange(0)));
    }
}
