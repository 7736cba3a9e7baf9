//! What an update changes of an email (RFC 8621 §4.6): its mailboxes and keywords, as a whole or one by one.

use serde_json::{Map, Value};

use super::{keyword, placement};
use crate::bindings::concierge::mail::emails::Patch;
use crate::jmap::context::CreatedIds;
use crate::jmap::error::{SetError, SetKind};
use crate::jmap::pointer::patch_tokens;

/// Reads the patch of an email.
///
/// # Errors
///
/// `invalidPatch` where it is none (RFC 8620 §5.3), `invalidProperties` where it changes what cannot be changed, or to
/// what is not of its form.
pub fn read(
    id: &str,
    members: &Map<String, Value>,
    created: &CreatedIds,
) -> Result<Patch, SetError> {
    let mut patch = Patch {
        id: id.to_owned(),
        mailboxes: None,
        add_mailboxes: Vec::new(),
        remove_mailboxes: Vec::new(),
        keywords: None,
        add_keywords: Vec::new(),
        remove_keywords: Vec::new(),
    };
    for (path, value) in members {
        change(&mut patch, path, value, created)?;
    }
    let twice = |name: &str| {
        let why = format!("{name} is patched twice.");
        Err(SetError::new(SetKind::InvalidPatch, why))
    };
    let single = |add: &[String], remove: &[String]| !add.is_empty() || !remove.is_empty();
    if patch.mailboxes.is_some() && single(&patch.add_mailboxes, &patch.remove_mailboxes) {
        return twice("mailboxIds");
    }
    if patch.keywords.is_some() && single(&patch.add_keywords, &patch.remove_keywords) {
        return twice("keywords");
    }
    Ok(patch)
}

fn change(
    patch: &mut Patch,
    path: &str,
    value: &Value,
    created: &CreatedIds,
) -> Result<(), SetError> {
    let no_patch = || SetError::new(SetKind::InvalidPatch, format!("{path:?} leads nowhere."));
    let invalid = |why: String| SetError::invalid([path], why);
    let tokens = patch_tokens(path).ok_or_else(no_patch)?;
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    match tokens.as_slice() {
        ["mailboxIds"] => {
            let ids = object(value).map_err(invalid)?;
            patch.mailboxes = Some(placement::mailboxes(&ids, created).map_err(invalid)?);
        }
        ["keywords"] => {
            let keywords = object(value).map_err(invalid)?;
            patch.keywords = Some(placement::keywords(&keywords).map_err(invalid)?);
        }
        ["mailboxIds", mailbox] => {
            let mailbox = placement::mailbox(mailbox, created).map_err(invalid)?;
            match added(value).map_err(invalid)? {
                true => patch.add_mailboxes.push(mailbox),
                false => patch.remove_mailboxes.push(mailbox),
            }
        }
        ["keywords", keyword] => {
            let keyword = keyword::parse(keyword).map_err(invalid)?;
            match added(value).map_err(invalid)? {
                true => patch.add_keywords.push(keyword),
                false => patch.remove_keywords.push(keyword),
            }
        }
        // RFC 8620 §5.3: what cannot be changed may be there as it is.
        ["id"] if value == patch.id.as_str() => {}
        ["mailboxIds" | "keywords", ..] => return Err(no_patch()),
        _ => return Err(invalid("It cannot be changed, or is not known.".to_owned())),
    }
    Ok(())
}

/// `null` is the default, which has nothing in it.
fn object(value: &Value) -> Result<Map<String, Value>, String> {
    match value {
        Value::Null => Ok(Map::new()),
        Value::Object(members) => Ok(members.clone()),
        _ => Err("It is no object.".to_owned()),
    }
}

/// RFC 8620 §5.3 takes members out by `null`; jmap-client does by `false`, which can mean nothing else.
fn added(value: &Value) -> Result<bool, String> {
    match value {
        Value::Null | Value::Bool(false) => Ok(false),
        Value::Bool(true) => Ok(true),
        _ => Err("It is neither true nor null.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patch(value: Value) -> Result<Patch, SetError> {
        let mut created = CreatedIds::default();
        created.insert("k", "m9");
        read("e", value.as_object().unwrap(), &created)
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn nothing() -> Patch {
        patch(json!({})).unwrap()
    }

    /// RFC 8621 §4.6 has the first.
    #[test]
    fn single_changes() {
        let given = json!({
            "keywords/$seen": null,
            "keywords/$Flagged": true,
            "mailboxIds/m1": null,
            "mailboxIds/#k": true,
            "id": "e"
        });
        let expected = Patch {
            add_mailboxes: texts(&["m9"]),
            remove_mailboxes: texts(&["m1"]),
            add_keywords: texts(&["$flagged"]),
            remove_keywords: texts(&["$seen"]),
            ..nothing()
        };
        assert_eq!(patch(given), Ok(expected));
        let by_false = patch(json!({"keywords/$draft": false})).unwrap();
        assert_eq!(by_false.remove_keywords, ["$draft"]);
        let escaped = patch(json!({"keywords/a~1b~0": true})).unwrap();
        assert_eq!(escaped.add_keywords, ["a/b~"]);
    }

    #[test]
    fn whole_replacements() {
        let given = json!({"mailboxIds": {"m1": true}, "keywords": {"$Seen": true}});
        let expected = Patch {
            mailboxes: Some(texts(&["m1"])),
            keywords: Some(texts(&["$seen"])),
            ..nothing()
        };
        assert_eq!(patch(given), Ok(expected));
        let cleared = patch(json!({"keywords": null})).unwrap();
        assert_eq!(cleared.keywords, Some(vec![]));
    }

    #[test]
    fn what_is_no_patch_is_refused() {
        for (given, kind) in [
            (
                json!({"keywords": {}, "keywords/a": true}),
                SetKind::InvalidPatch,
            ),
            (
                json!({"mailboxIds": {"m": true}, "mailboxIds/m2": null}),
                SetKind::InvalidPatch,
            ),
            (json!({"keywords/a/b": true}), SetKind::InvalidPatch),
            (json!({"keywords/a~2": true}), SetKind::InvalidPatch),
            (json!({"keywords/a": 0}), SetKind::InvalidProperties),
            (json!({"keywords/a b": true}), SetKind::InvalidProperties),
            (json!({"keywords": ["a"]}), SetKind::InvalidProperties),
            (json!({"mailboxIds": {}}), SetKind::InvalidProperties),
            (json!({"mailboxIds": null}), SetKind::InvalidProperties),
            (json!({"mailboxIds/#x": true}), SetKind::InvalidProperties),
            (json!({"subject": "x"}), SetKind::InvalidProperties),
            (json!({"id": "f"}), SetKind::InvalidProperties),
            (
                json!({"receivedAt": "2014-10-30T06:12:00Z"}),
                SetKind::InvalidProperties,
            ),
        ] {
            assert_eq!(patch(given.clone()).unwrap_err().kind(), kind, "{given}");
        }
    }
}
