//! Tags in a header (API Reference, "PutObject", x-amz-tagging).

use crate::bindings::concierge::objects::blobs::Tag;
use crate::error::{Code, S3Error};
use crate::http::headers::Headers;
use crate::http::query::parse_query;

/// The most tags of an object (User Guide, "Categorizing your objects using tags").
const MAX_OBJECT_TAGS: usize = 10;
/// The most tags of a bucket (User Guide, "Using cost allocation S3 bucket tags").
const MAX_BUCKET_TAGS: usize = 50;

/// Refuses more tags than an object may have, with the code and words that S3 has for this alone: it is no
/// `InvalidTag`.
pub fn check_object_tags(count: usize) -> Result<(), S3Error> {
    check(count, MAX_OBJECT_TAGS, "Object")
}

/// Refuses more tags than a bucket may have.
pub fn check_bucket_tags(count: usize) -> Result<(), S3Error> {
    check(count, MAX_BUCKET_TAGS, "Bucket")
}

fn check(count: usize, limit: usize, whose: &str) -> Result<(), S3Error> {
    if count <= limit {
        return Ok(());
    }
    let why = format!("{whose} tags cannot be greater than {limit}");
    Err(S3Error::with(Code::BadRequest, why))
}

/// Reads `KEY=VALUE&KEY=VALUE`, URL-encoded; `None` where the header was not sent. What the tags may be is the
/// host's to say.
pub fn parse_tagging(headers: &Headers) -> Result<Option<Vec<Tag>>, S3Error> {
    let Some(text) = headers.single("x-amz-tagging")? else {
        return Ok(None);
    };
    let pairs = parse_query(text).map_err(|_| {
        S3Error::argument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag \
             name duplicates.",
            "x-amz-tagging",
            text,
        )
    })?;
    check_object_tags(pairs.pairs().len())?;
    let tags: Vec<Tag> = pairs
        .pairs()
        .iter()
        .map(|(key, value)| Tag {
            key: key.clone(),
            value: value.clone(),
        })
        .collect();
    let duplicate = tags
        .iter()
        .enumerate()
        .any(|(at, tag)| tags.iter().skip(at + 1).any(|other| other.key == tag.key));
    if duplicate {
        return Err(S3Error::with(
            Code::InvalidTag,
            "Cannot provide multiple Tags with the same key",
        ));
    }
    Ok(Some(tags))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Vec<Tag>>, S3Error> {
        parse_tagging(&Headers::new(vec![(
            "x-amz-tagging".into(),
            text.as_bytes().to_vec(),
        )]))
    }

    #[test]
    fn reads_pairs() {
        let tag = |key: &str, value: &str| Tag {
            key: key.into(),
            value: value.into(),
        };
        assert_eq!(
            read("a=1&b%20c=%C3%BC+x&d").unwrap().unwrap(),
            [tag("a", "1"), tag("b c", "ü x"), tag("d", "")]
        );
        assert_eq!(read("").unwrap().unwrap(), []);
        assert_eq!(parse_tagging(&Headers::default()).unwrap(), None);
    }

    #[test]
    fn refuses_duplicates_and_broken_escapes() {
        assert_eq!(read("a=1&a=2").unwrap_err().code(), Code::InvalidTag);
        assert_eq!(read("a=%f").unwrap_err().code(), Code::InvalidArgument);
    }

    #[test]
    fn refuses_an_eleventh() {
        let many = |n: usize| (0..n).map(|n| format!("k{n}=v&")).collect::<String>();
        assert_eq!(read(&many(10)).unwrap().unwrap().len(), 10);
        for n in [11, 10_000] {
            assert_eq!(read(&many(n)).unwrap_err().code(), Code::BadRequest);
        }
    }
}
