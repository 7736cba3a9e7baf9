//! Parts of messages as clients read them (RFC 8621 §4.1.4).

use serde_json::{Map, Value, json};

use super::properties::PartProperty;
use super::room::Room;
use crate::bindings::concierge::mail::emails::Part;
use crate::header::property;
use crate::jmap::error::MethodError;

/// Parts inside of parts that are told of as such; what lies deeper stands beside them. The host has no deeper ones: this
/// keeps a client's JSON reader safe from any host.
const DEPTH_MAX: usize = 100;

/// `bodyStructure`: the tree that parts in preorder make.
///
/// # Errors
///
/// `requestTooLarge` where there is no room for it.
pub fn tree(
    parts: &[Part],
    wanted: &[(String, PartProperty)],
    room: &mut Room,
) -> Result<Value, MethodError> {
    // The parts that are still open, from the message's own downwards, each with the parts inside of it.
    let mut open: Vec<(Value, Vec<Value>)> = Vec::new();
    for part in parts {
        let depth = usize::try_from(part.depth).unwrap_or(usize::MAX);
        // The first is the message's own, and there is no other.
        let depth = depth.clamp(open.len().min(1), DEPTH_MAX);
        while open.len() > depth {
            close(&mut open);
        }
        open.push((object(part, wanted, room)?, Vec::new()));
    }
    while open.len() > 1 {
        close(&mut open);
    }
    Ok(open
        .pop()
        .map_or(Value::Null, |(part, inner)| with_inner(part, inner)))
}

/// Puts the last open part into the one that it is in.
fn close(open: &mut Vec<(Value, Vec<Value>)>) {
    let Some((part, inner)) = open.pop() else {
        return;
    };
    if let Some((_, siblings)) = open.last_mut() {
        siblings.push(with_inner(part, inner));
    }
}

/// A tree is none without its branches: `subParts` is told of whether it is among the wanted properties or not.
fn with_inner(mut part: Value, inner: Vec<Value>) -> Value {
    if let (Value::Object(members), false) = (&mut part, inner.is_empty()) {
        members.insert("subParts".to_owned(), inner.into());
    }
    part
}

/// `textBody`, `htmlBody` or `attachments`: those parts of a message that are in it, without parts inside.
///
/// # Errors
///
/// `requestTooLarge` where there is no room for it.
pub fn list(
    parts: &[Part],
    is_in: impl Fn(&Part) -> bool,
    wanted: &[(String, PartProperty)],
    room: &mut Room,
) -> Result<Value, MethodError> {
    let parts = parts.iter().filter(|part| is_in(part));
    parts.map(|part| object(part, wanted, room)).collect()
}

fn object(
    part: &Part,
    wanted: &[(String, PartProperty)],
    room: &mut Room,
) -> Result<Value, MethodError> {
    let mut members = Map::new();
    for (name, property) in wanted {
        let value = room.take(value(part, property))?;
        members.insert(name.clone(), value);
    }
    Ok(Value::Object(members))
}

fn value(part: &Part, property: &PartProperty) -> Value {
    match property {
        PartProperty::PartId => json!(part.id),
        PartProperty::BlobId => json!(part.blob_id),
        PartProperty::Size => part.size.into(),
        PartProperty::Headers => part.headers.iter().map(property::field).collect(),
        PartProperty::Header(header) => header.value(&part.headers),
        PartProperty::Name => json!(part.name),
        PartProperty::Type => part.content_type.as_str().into(),
        PartProperty::Charset => json!(part.charset),
        PartProperty::Disposition => json!(part.disposition),
        PartProperty::Cid => json!(part.cid),
        PartProperty::Language if part.language.is_empty() => Value::Null,
        PartProperty::Language => json!(part.language),
        PartProperty::Location => json!(part.location),
        // A multipart may be empty (RFC 2046 has none, mail has some).
        PartProperty::SubParts if part.id.is_none() => json!([]),
        PartProperty::SubParts => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(depth: u32, id: &str) -> Part {
        let is_multipart = id.is_empty();
        Part {
            id: (!is_multipart).then(|| id.to_owned()),
            depth,
            blob_id: (!is_multipart).then(|| format!("b{id}")),
            size: 1,
            headers: Vec::new(),
            name: None,
            content_type: "text/plain".to_owned(),
            charset: None,
            disposition: None,
            cid: None,
            language: Vec::new(),
            location: None,
            in_text_body: false,
            in_html_body: false,
            in_attachments: false,
        }
    }

    fn made(parts: &[(u32, &str)], wanted: &[(String, PartProperty)]) -> Value {
        let parts: Vec<Part> = parts.iter().map(|(depth, id)| part(*depth, id)).collect();
        tree(&parts, wanted, &mut Room::default()).unwrap()
    }

    fn ids() -> Vec<(String, PartProperty)> {
        vec![("partId".to_owned(), PartProperty::PartId)]
    }

    /// The structure of the example in RFC 8621 §4.1.4.
    #[test]
    fn preorder_makes_a_tree() {
        let parts = [
            (0, ""),
            (1, "A"),
            (1, ""),
            (2, ""),
            (3, ""),
            (4, "B"),
            (4, "C"),
            (4, "D"),
            (3, ""),
            (4, "E"),
            (4, "F"),
            (2, "G"),
            (2, "H"),
            (2, "J"),
            (1, "K"),
        ];
        let leaf = |id: &str| json!({"partId": id});
        let many = |inner: Vec<Value>| json!({"partId": null, "subParts": inner});
        let alternative = many(vec![
            many(vec![leaf("B"), leaf("C"), leaf("D")]),
            many(vec![leaf("E"), leaf("F")]),
        ]);
        let mixed = many(vec![alternative, leaf("G"), leaf("H"), leaf("J")]);
        assert_eq!(
            made(&parts, &ids()),
            many(vec![leaf("A"), mixed, leaf("K")])
        );
    }

    #[test]
    fn a_message_of_one_part_is_that_part() {
        assert_eq!(made(&[(0, "1")], &ids()), json!({"partId": "1"}));
        assert_eq!(made(&[], &ids()), Value::Null);
    }

    #[test]
    fn inner_parts_are_told_of_in_lists_only_where_they_are_asked_for() {
        let mut wanted = ids();
        wanted.push(("subParts".to_owned(), PartProperty::SubParts));
        assert_eq!(
            made(&[(0, "1")], &wanted),
            json!({"partId": "1", "subParts": null})
        );
        assert_eq!(
            made(&[(0, "")], &wanted),
            json!({"partId": null, "subParts": []})
        );
    }

    #[test]
    fn whatever_the_host_says_of_depths_is_a_tree_of_bounded_depth() {
        // A second root, and a level that is missing.
        let expected = json!({"partId": null, "subParts": [{"partId": "1"}, {"partId": "2"}]});
        assert_eq!(
            made(&[(0, ""), (0, "1"), (7, "2")], &ids()),
            json!({
                "partId": null, "subParts": [{"partId": "1", "subParts": [{"partId": "2"}]}]
            })
        );
        assert_eq!(made(&[(5, ""), (1, "1"), (1, "2")], &ids()), expected);
        let deep: Vec<_> = (0..10_000).map(|depth| (depth, "")).collect();
        let mut tree = made(&deep, &ids());
        let mut depth = 0;
        while let Some(inner) = tree.get_mut("subParts").map(Value::take) {
            tree = inner.get(0).cloned().unwrap();
            depth += 1;
        }
        assert_eq!(depth, DEPTH_MAX);
    }

    #[test]
    fn what_has_no_room_is_refused() {
        let field = crate::bindings::concierge::mail::emails::Field {
            name: "X".to_owned(),
            value: "x".repeat(1_000_000),
        };
        let part = Part {
            headers: vec![field; 4],
            ..part(1, "1")
        };
        let wanted = [("headers".to_owned(), PartProperty::Headers)];
        let parts = vec![part; 5];
        let told = list(&parts, |_| true, &wanted, &mut Room::default());
        assert!(told.is_err());
        assert!(list(&parts, |_| false, &wanted, &mut Room::default()).is_ok());
    }
}
