//! Byte ranges (RFC 9110 §14.1.2).

use crate::bindings::concierge::objects::blobs::ByteRange;
use crate::error::S3Error;
use crate::http::headers::Headers;
use crate::http::request::parse_decimal;

/// The range of a GET or HEAD. What is not one range of bytes is ignored, and the whole object sent (RFC 9110 §14.2;
/// S3 does the same with several ranges).
pub fn parse_range(headers: &Headers) -> Option<ByteRange> {
    parse(headers.get("range")?)
}

/// The range of UploadPartCopy, which must be of the form `bytes=FIRST-LAST`.
pub fn parse_copy_range(headers: &Headers) -> Result<Option<ByteRange>, S3Error> {
    let name = "x-amz-copy-source-range";
    let Some(text) = headers.single(name)? else {
        return Ok(None);
    };
    match parse(text) {
        Some(range @ ByteRange::Span((_, Some(_)))) => Ok(Some(range)),
        _ => Err(S3Error::argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
             zero-based offsets of the first and last bytes to copy",
            name,
            text,
        )),
    }
}

fn parse(text: &str) -> Option<ByteRange> {
    let (unit, set) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = set.trim().split_once('-')?;
    match (first.trim(), last.trim()) {
        ("", suffix) => Some(ByteRange::Suffix(position(suffix)?)),
        (first, "") => Some(ByteRange::Span((position(first)?, None))),
        (first, last) => {
            let (first, last) = (position(first)?, position(last)?);
            (first <= last).then_some(ByteRange::Span((first, Some(last))))
        }
    }
}

/// A number of digits. One beyond 64 bits is beyond every object as the greatest of 64 bits is.
fn position(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| parse_decimal(text).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_one_range() {
        assert_eq!(parse("bytes=0-9"), Some(ByteRange::Span((0, Some(9)))));
        assert_eq!(parse("bytes=5-"), Some(ByteRange::Span((5, None))));
        assert_eq!(parse("Bytes = 5-5"), Some(ByteRange::Span((5, Some(5)))));
        assert_eq!(parse("bytes=-7"), Some(ByteRange::Suffix(7)));
        assert_eq!(parse("bytes=-0"), Some(ByteRange::Suffix(0)));
    }

    #[test]
    fn ignores_what_is_not_one() {
        for text in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=9-0",
            "bytes=0-1,3-4",
            "items=0-1",
            "bytes=a-b",
            "bytes=+1-2",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_may_be_beyond_every_object() {
        let huge = "99999999999999999999999";
        assert_eq!(
            parse(&format!("bytes=0-{huge}")),
            Some(ByteRange::Span((0, Some(u64::MAX))))
        );
        assert_eq!(
            parse(&format!("bytes={huge}-")),
            Some(ByteRange::Span((u64::MAX, None)))
        );
        assert_eq!(
            parse(&format!("bytes=-{huge}")),
            Some(ByteRange::Suffix(u64::MAX))
        );
    }

    #[test]
    fn a_copy_takes_a_closed_range_only() {
        let read = |text: &str| {
            parse_copy_range(&Headers::new(vec![(
                "x-amz-copy-source-range".to_owned(),
                text.as_bytes().to_vec(),
            )]))
        };
        assert_eq!(
            read("bytes=1-2").unwrap(),
            Some(ByteRange::Span((1, Some(2))))
        );
        for text in ["bytes=1-", "bytes=-1", "1-2", "bytes=2-1"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
