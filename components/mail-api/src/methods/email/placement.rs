//! Where an email is kept and with which keywords (RFC 8621 §4.1.1), as objects of `true` say it.

use serde_json::{Map, Value};

use super::keyword;
use crate::jmap::context::CreatedIds;
use crate::jmap::value::UtcDate;
use crate::methods::properties::Properties;

/// What an email has beside its message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// At least one.
    pub mailboxes: Vec<String>,
    /// In lower case, each once; `None` where nothing is said of them.
    pub keywords: Option<Vec<String>>,
    /// Microseconds since the Unix epoch.
    pub received_us: Option<u64>,
}

impl Placement {
    /// Takes `mailboxIds`, which must be there, `keywords` and `receivedAt`.
    pub fn take(properties: &mut Properties, created: &CreatedIds) -> Self {
        let mut placement = Self::default();
        let ids: Map<String, Value> = properties.require("mailboxIds");
        match mailboxes(&ids, created) {
            Ok(mailboxes) => placement.mailboxes = mailboxes,
            Err(why) => properties.fault("mailboxIds", why),
        }
        let given: Option<Map<String, Value>> = properties.take("keywords");
        match given.as_ref().map(keywords).transpose() {
            Ok(keywords) => placement.keywords = keywords,
            Err(why) => properties.fault("keywords", why),
        }
        placement.received_us = properties.take("receivedAt").map(|UtcDate(time)| time);
        placement
    }
}

/// The mailboxes of an object of ids, or creation ids behind `#`.
///
/// # Errors
///
/// A sentence where there is none, one is not `true`, or a creation id stands for nothing.
pub fn mailboxes(ids: &Map<String, Value>, created: &CreatedIds) -> Result<Vec<String>, String> {
    if ids.is_empty() {
        return Err("An email is in at least one mailbox.".to_owned());
    }
    let mut mailboxes = Vec::with_capacity(ids.len());
    for id in all_true(ids)? {
        let mailbox = mailbox(id, created)?;
        if !mailboxes.contains(&mailbox) {
            mailboxes.push(mailbox);
        }
    }
    Ok(mailboxes)
}

/// The id that a mailbox is named by.
///
/// # Errors
///
/// A sentence where a creation id stands for nothing.
pub fn mailbox(id: &str, created: &CreatedIds) -> Result<String, String> {
    let found = created.resolve(id).map(str::to_owned);
    found.ok_or_else(|| format!("Nothing was created under {id:?}."))
}

/// The keywords of an object of them.
///
/// # Errors
///
/// A sentence where one is none, or not `true`.
pub fn keywords(given: &Map<String, Value>) -> Result<Vec<String>, String> {
    let mut keywords = all_true(given)?
        .map(keyword::parse)
        .collect::<Result<Vec<_>, _>>()?;
    keywords.sort_unstable();
    keywords.dedup();
    Ok(keywords)
}

/// "The value for each key in the object MUST be true."
fn all_true(object: &Map<String, Value>) -> Result<impl Iterator<Item = &str>, String> {
    match object.iter().find(|(_, value)| **value != true) {
        Some((key, _)) => Err(format!("{key:?} is not true.")),
        None => Ok(object.keys().map(String::as_str)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn placements_are_objects_of_true() {
        let mut created = CreatedIds::default();
        created.insert("k", "m1");
        let mut properties = Properties::of_new(map(json!({
            "mailboxIds": {"#k": true, "m1": true, "m2": true},
            "keywords": {"$Seen": true, "$seen": true, "a": true},
            "receivedAt": "2014-10-30T06:12:00Z"
        })));
        let expected = Placement {
            mailboxes: vec!["m1".to_owned(), "m2".to_owned()],
            keywords: Some(vec!["$seen".to_owned(), "a".to_owned()]),
            received_us: Some(1_414_649_520_000_000),
        };
        assert_eq!(Placement::take(&mut properties, &created), expected);
        assert_eq!(properties.finish(), Ok(()));
    }

    #[test]
    fn what_is_not_of_its_form_is_a_fault() {
        let mailbox = || json!({"m": true});
        for (given, fault) in [
            (json!({}), "mailboxIds"),
            (json!({"mailboxIds": {}}), "mailboxIds"),
            (json!({"mailboxIds": {"m": false}}), "mailboxIds"),
            (json!({"mailboxIds": {"#x": true}}), "mailboxIds"),
            (json!({"mailboxIds": ["m"]}), "mailboxIds"),
            (
                json!({"mailboxIds": mailbox(), "keywords": {"a b": true}}),
                "keywords",
            ),
            (
                json!({"mailboxIds": mailbox(), "keywords": {"a": 1}}),
                "keywords",
            ),
            (
                json!({"mailboxIds": mailbox(), "receivedAt": "now"}),
                "receivedAt",
            ),
            (
                json!({"mailboxIds": mailbox(), "threadId": "t"}),
                "threadId",
            ),
        ] {
            let mut properties = Properties::of_new(map(given.clone()));
            Placement::take(&mut properties, &CreatedIds::default());
            let error = properties.finish().unwrap_err().to_json();
            assert_eq!(error["properties"], json!([fault]), "{given}");
        }
    }
}
