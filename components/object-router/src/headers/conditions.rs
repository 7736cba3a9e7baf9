//! Conditional headers (RFC 9110 §13.1; User Guide, "Conditional requests").

use crate::bindings::concierge::objects::blobs::{ReadConditions, WriteConditions};
use crate::error::S3Error;
use crate::http::date;
use crate::http::headers::Headers;

/// The names of the four headers, for the object itself or for the source of a copy.
struct Names {
    matches: &'static str,
    none_match: &'static str,
    modified: &'static str,
    unmodified: &'static str,
}

const READ: Names = Names {
    matches: "if-match",
    none_match: "if-none-match",
    modified: "if-modified-since",
    unmodified: "if-unmodified-since",
};

const COPY_SOURCE: Names = Names {
    matches: "x-amz-copy-source-if-match",
    none_match: "x-amz-copy-source-if-none-match",
    modified: "x-amz-copy-source-if-modified-since",
    unmodified: "x-amz-copy-source-if-unmodified-since",
};

/// The conditions of a GET or HEAD.
pub fn parse_read(headers: &Headers) -> ReadConditions {
    parse(headers, &READ)
}

/// The conditions on the source of a copy.
pub fn parse_copy_source(headers: &Headers) -> ReadConditions {
    parse(headers, &COPY_SOURCE)
}

/// Refuses the conditions that S3 does not have for writes: a client that sets one relies on it.
fn refuse_times(headers: &Headers) -> Result<(), S3Error> {
    match [READ.modified, READ.unmodified]
        .iter()
        .find(|name| headers.has(name))
    {
        Some(name) => Err(S3Error::not_implemented(name)),
        None => Ok(()),
    }
}

/// The condition of a delete: one entity tag for If-Match.
pub fn parse_delete(headers: &Headers) -> Result<Option<String>, S3Error> {
    refuse_times(headers)?;
    if headers.has(READ.none_match) {
        return Err(S3Error::not_implemented(READ.none_match));
    }
    single_tag(headers, READ.matches)
}

/// The conditions of a write. S3 defines one entity tag for If-Match, and `*` alone for If-None-Match.
pub fn parse_write(headers: &Headers) -> Result<WriteConditions, S3Error> {
    refuse_times(headers)?;
    let if_match = single_tag(headers, "if-match")?;
    let if_none_match = single_tag(headers, "if-none-match")?;
    if if_none_match.as_deref().is_some_and(|tag| tag != "*") {
        return Err(S3Error::not_implemented("If-None-Match"));
    }
    if if_match.is_some() && if_none_match.is_some() {
        return Err(S3Error::not_implemented("If-Match"));
    }
    Ok(WriteConditions {
        if_match,
        if_none_match,
    })
}

/// The one entity tag of a header, without its quotes.
fn single_tag(headers: &Headers, name: &'static str) -> Result<Option<String>, S3Error> {
    let Some(text) = headers.single(name)? else {
        return Ok(None);
    };
    let tags = parse_tags(text);
    match <[String; 1]>::try_from(tags) {
        Ok([tag]) => Ok(Some(tag)),
        Err(_) => Err(S3Error::argument("An entity tag is expected", name, text)),
    }
}

/// A strong entity tag without its quotes (RFC 9110 §8.8.3).
pub fn strong_tag(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    (!inner.contains('"')).then_some(inner)
}

/// Whether an If-Match that is added would be all that RFC 9110 §13.2.2 evaluates in its first two steps.
pub fn leaves_room_for_if_match(conditions: &ReadConditions) -> bool {
    conditions.if_match.is_empty() && conditions.if_unmodified_since_s.is_none()
}

fn parse(headers: &Headers, names: &Names) -> ReadConditions {
    let tags = |name| headers.all(name).flat_map(parse_tags).collect();
    // A date that is not one counts as not sent (RFC 9110 §13.1.3 and §13.1.4).
    let time = |name| headers.get(name).and_then(date::parse);
    ReadConditions {
        if_match: tags(names.matches),
        if_none_match: tags(names.none_match),
        if_modified_since_s: time(names.modified),
        if_unmodified_since_s: time(names.unmodified),
    }
}

/// Entity tags between commas, without quotes and the mark of a weak one: S3's tags hold no comma, and its clients send
/// them without quotes too. A list that names nothing matches nothing: an empty tag stands for it.
fn parse_tags(text: &str) -> Vec<String> {
    let tag = |piece: &str| {
        let piece = piece.trim();
        let piece = piece.strip_prefix("W/").unwrap_or(piece);
        piece
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or(piece)
            .to_owned()
    };
    text.split(',').map(tag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn headers(fields: &[(&str, &str)]) -> Headers {
        Headers::new(
            fields
                .iter()
                .map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec()))
                .collect(),
        )
    }

    #[test]
    fn reads_lists_and_dates() {
        let read = parse_read(&headers(&[
            ("if-match", "\"a\", W/\"b\",c"),
            ("if-none-match", "*"),
            ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("if-unmodified-since", "never"),
        ]));
        assert_eq!(read.if_match, ["a", "b", "c"]);
        assert_eq!(read.if_none_match, ["*"]);
        assert_eq!(
            (read.if_modified_since_s, read.if_unmodified_since_s),
            (Some(784_111_777), None)
        );
    }

    #[test]
    fn the_source_of_a_copy_has_its_own() {
        let both = headers(&[("if-match", "a"), ("x-amz-copy-source-if-match", "b")]);
        assert_eq!(parse_copy_source(&both).if_match, ["b"]);
        assert_eq!(parse_read(&both).if_match, ["a"]);
    }

    #[test]
    fn a_delete_takes_one_tag_alone() {
        let tag = parse_delete(&headers(&[("if-match", "\"e\"")])).unwrap();
        assert_eq!(tag.as_deref(), Some("e"));
        for (name, value) in [
            ("if-none-match", "*"),
            ("if-unmodified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ] {
            let error = parse_delete(&headers(&[(name, value)])).unwrap_err();
            assert_eq!(error.code(), Code::NotImplemented, "{name}");
        }
    }

    #[test]
    fn a_write_takes_what_s3_defines() {
        let write = parse_write(&headers(&[("if-none-match", "*")])).unwrap();
        assert_eq!(
            (write.if_match, write.if_none_match.as_deref()),
            (None, Some("*"))
        );
        let write = parse_write(&headers(&[("if-match", "\"e-2\"")])).unwrap();
        assert_eq!(write.if_match.as_deref(), Some("e-2"));
        let code = |fields: &[(&str, &str)]| parse_write(&headers(fields)).unwrap_err().code();
        assert_eq!(code(&[("if-none-match", "\"a\"")]), Code::NotImplemented);
        assert_eq!(
            code(&[("if-none-match", "*"), ("if-match", "a")]),
            Code::NotImplemented
        );
        let time = "Sun, 06 Nov 1994 08:49:37 GMT";
        for name in ["if-modified-since", "if-unmodified-since"] {
            assert_eq!(code(&[(name, time)]), Code::NotImplemented);
        }
        assert_eq!(code(&[("if-match", "a,b")]), Code::InvalidArgument);
        assert_eq!(
            code(&[("if-match", "a"), ("if-match", "b")]),
            Code::InvalidRequest
        );
    }
}
