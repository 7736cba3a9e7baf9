//! Whether a draft can be made a message.

use super::fields::is_token_octet;
use super::{Content, DraftPart, Refusal};
use crate::limits::{NESTING_MAX, PARTS_MAX};

/// Fields of a part that come of its properties or its encoding.
const RESERVED: [&str; 6] = [
    "Content-Type",
    "Content-Disposition",
    "Content-ID",
    "Content-Language",
    "Content-Location",
    "Content-Transfer-Encoding",
];

/// Whether the parts are a tree: one at depth 0, each of the others below a multipart, no multipart empty.
pub(super) fn tree(parts: &[DraftPart]) -> Result<(), Refusal> {
    if parts.len() > PARTS_MAX || parts.iter().any(|part| part.depth > NESTING_MAX) {
        return Err(Refusal::TooManyParts);
    }
    for (at, part) in parts.iter().enumerate() {
        let is_multipart = part.content == Content::Parts;
        if is_multipart != is_multipart_type(&part.content_type) {
            return Err(Refusal::Structure);
        }
        let is_root = at == 0;
        let below = parts.get(at + 1).map(|next| next.depth);
        let fits = match below {
            Some(depth) if is_multipart => depth == part.depth + 1,
            Some(depth) => depth <= part.depth,
            None => !is_multipart,
        };
        if is_root != (part.depth == 0) || !fits {
            return Err(Refusal::Structure);
        }
    }
    Ok(())
}

fn is_multipart_type(media_type: &str) -> bool {
    let kind = media_type.split('/').next().unwrap_or_default();
    kind.eq_ignore_ascii_case("multipart")
}

/// Whether the properties of a part are of their form.
pub(super) fn part(part: &DraftPart) -> Result<(), Refusal> {
    let is_type = part
        .content_type
        .split_once('/')
        .is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    if !is_type {
        return Err(Refusal::MediaType(part.content_type.clone()));
    }
    let check = |name, is_right: bool| match is_right {
        true => Ok(()),
        false => Err(Refusal::PartProperty(name)),
    };
    check("charset", part.charset.as_deref().is_none_or(is_token))?;
    check(
        "disposition",
        part.disposition.as_deref().is_none_or(is_token),
    )?;
    check("content id", part.cid.as_deref().is_none_or(is_content_id))?;
    check("language", part.language.iter().all(|tag| is_token(tag)))?;
    check("location", part.location.as_deref().is_none_or(is_graphic))?;
    let reserved = part.headers.iter().find(|field| {
        let mut reserved = RESERVED.iter();
        reserved.any(|name| field.name.eq_ignore_ascii_case(name))
    });
    match reserved {
        Some(field) => Err(Refusal::FieldReserved(field.name.clone())),
        None => Ok(()),
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_octet)
}

fn is_content_id(text: &str) -> bool {
    is_graphic(text) && !text.contains(['<', '>'])
}

fn is_graphic(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
