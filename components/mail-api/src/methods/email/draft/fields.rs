//! Fields of the header of an email or of a part, from the properties that represent them (RFC 8621 §4.1.2, §4.6).

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::encode;
use crate::bindings::concierge::mail::emails::Field;
use crate::header::addresses::{EmailAddress, Group};
use crate::header::property::{Form, HeaderProperty, PREFIX};
use crate::jmap::context::read;

/// The properties of an email that represent a field (RFC 8621 §4.1.3).
const CONVENIENT: [(&str, &str, Form); 11] = [
    ("messageId", "Message-ID", Form::MessageIds),
    ("inReplyTo", "In-Reply-To", Form::MessageIds),
    ("references", "References", Form::MessageIds),
    ("sender", "Sender", Form::Addresses),
    ("from", "From", Form::Addresses),
    ("to", "To", Form::Addresses),
    ("cc", "Cc", Form::Addresses),
    ("bcc", "Bcc", Form::Addresses),
    ("replyTo", "Reply-To", Form::Addresses),
    ("subject", "Subject", Form::Text),
    ("sentAt", "Date", Form::Date),
];

/// What fields of parts begin with, which an email's own must not (RFC 8621 §4.6).
const CONTENT: &str = "content-";

/// A property that is not as it must be, and why.
pub type Fault = (String, String);

/// Fields that are collected, and their names, for no field may be represented twice.
#[derive(Debug, Default)]
pub struct Fields {
    fields: Vec<Field>,
    names: BTreeSet<String>,
}

impl Fields {
    /// Those of an email, whose properties are taken out of the members.
    pub fn of_email(members: &mut Map<String, Value>, faults: &mut Vec<Fault>) -> Self {
        let mut fields = Self::default();
        for (name, field, form) in CONVENIENT {
            if let Some(value) = members.remove(name) {
                fields.take(name, &HeaderProperty::last(field, form), value, faults);
            }
        }
        for (name, property, value) in header_properties(members, faults) {
            if is_content(&property.field) {
                faults.push((name, "An email's own fields are none of a part.".to_owned()));
            } else {
                fields.take(&name, &property, value, faults);
            }
        }
        fields
    }

    /// Those of a part.
    pub fn of_part(members: &mut Map<String, Value>, faults: &mut Vec<Fault>) -> Self {
        let mut fields = Self::default();
        for (name, property, value) in header_properties(members, faults) {
            fields.take(&name, &property, value, faults);
        }
        fields
    }

    fn take(
        &mut self,
        name: &str,
        property: &HeaderProperty,
        value: Value,
        faults: &mut Vec<Fault>,
    ) {
        // Nothing, which represents no field.
        if value.is_null() || value == json!([]) {
            return;
        }
        if !self.names.insert(property.field.to_ascii_lowercase()) {
            faults.push((name.to_owned(), "Its field is there already.".to_owned()));
            return;
        }
        match values(property, value) {
            Ok(values) => self.fields.extend(values.into_iter().map(|value| Field {
                name: property.field.clone(),
                value,
            })),
            Err(why) => faults.push((name.to_owned(), why)),
        }
    }

    /// One of these names that a field has; they are in lower case.
    pub fn among<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        let mut names = names.iter().copied();
        names.find(|name| self.names.contains(*name))
    }

    /// The fields.
    pub fn finish(self) -> Vec<Field> {
        self.fields
    }
}

fn is_content(field: &str) -> bool {
    let start = field.get(..CONTENT.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(CONTENT))
}

/// The properties that begin with `header:`, which are taken out of the members.
fn header_properties(
    members: &mut Map<String, Value>,
    faults: &mut Vec<Fault>,
) -> Vec<(String, HeaderProperty, Value)> {
    let names: Vec<String> = members
        .keys()
        .filter(|name| name.starts_with(PREFIX))
        .cloned()
        .collect();
    let mut found = Vec::new();
    for name in names {
        let value = members.remove(&name).unwrap_or(Value::Null);
        match HeaderProperty::parse(&name) {
            Ok(property) => found.push((name, property, value)),
            Err(why) => faults.push((name, why)),
        }
    }
    found
}

/// The values of a property's fields: of one, or with `:all` of any number.
fn values(property: &HeaderProperty, value: Value) -> Result<Vec<String>, String> {
    match (property.all, value) {
        (false, value) => Ok(vec![encoded(property.form, value)?]),
        (true, Value::Array(values)) => values
            .into_iter()
            .map(|value| encoded(property.form, value))
            .collect(),
        (true, _) => Err("It is no array.".to_owned()),
    }
}

/// RFC 8621 §4.1.2.3, as clients write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Address {
    name: Option<String>,
    email: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddressGroup {
    name: Option<String>,
    addresses: Vec<Address>,
}

fn listed(addresses: Vec<Address>) -> Vec<EmailAddress> {
    let listed = addresses.into_iter().map(|address| EmailAddress {
        name: address.name,
        email: address.email,
    });
    listed.collect()
}

fn encoded(form: Form, value: Value) -> Result<String, String> {
    match form {
        Form::Raw => encode::raw(&read::<String>(value)?),
        Form::Text => encode::text(&read::<String>(value)?),
        Form::Date => encode::date(&read::<String>(value)?),
        Form::MessageIds => encode::message_ids(&read::<Vec<String>>(value)?),
        Form::Urls => encode::urls(&read::<Vec<String>>(value)?),
        Form::Addresses => encode::addresses(&listed(read(value)?)),
        Form::GroupedAddresses => {
            let groups = read::<Vec<AddressGroup>>(value)?.into_iter();
            let groups: Vec<Group> = groups
                .map(|group| Group {
                    name: group.name,
                    addresses: listed(group.addresses),
                })
                .collect();
            encode::groups(&groups)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_email(value: Value) -> (Vec<(String, String)>, Vec<String>) {
        let mut members = value.as_object().cloned().unwrap();
        let mut faults = Vec::new();
        let fields = Fields::of_email(&mut members, &mut faults).finish();
        assert_eq!(members, Map::new());
        let pairs = fields.into_iter().map(|field| (field.name, field.value));
        let faults = faults.into_iter().map(|(name, _)| name);
        (pairs.collect(), faults.collect())
    }

    #[test]
    fn each_form_becomes_a_field() {
        let (fields, faults) = of_email(json!({
            "from": [{"name": "Joe Bloggs", "email": "joe@example.com"}],
            "to": [],
            "cc": null,
            "subject": "Wörld",
            "messageId": ["a@example.com"],
            "sentAt": "2018-07-10T03:05:08+02:00",
            "header:X-Text:asText": "plain",
            "header:X-Raw": " raw",
            "header:List-Post:asURLs": ["mailto:l@example.com"],
            "header:Comments:asText:all": ["one", "two"],
            "header:Reply-To:asGroupedAddresses": [{"name": "G", "addresses": [{"email": "g@example.com"}]}]
        }));
        assert_eq!(faults, Vec::<String>::new());
        let expected = [
            ("Message-ID", "<a@example.com>"),
            ("From", "Joe Bloggs <joe@example.com>"),
            ("Subject", "=?UTF-8?Q?W=C3=B6rld?="),
            ("Date", "Tue, 10 Jul 2018 03:05:08 +0200"),
            ("Comments", "one"),
            ("Comments", "two"),
            ("List-Post", "<mailto:l@example.com>"),
            ("Reply-To", "G: g@example.com;"),
            ("X-Raw", "raw"),
            ("X-Text", "plain"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(fields, expected);
    }

    #[test]
    fn what_represents_no_field_is_a_fault() {
        for (properties, fault) in [
            (
                json!({"subject": "a", "header:subject:asText": "b"}),
                "header:subject:asText",
            ),
            (
                json!({"header:X": " a", "header:x:asText": "b"}),
                "header:x:asText",
            ),
            (
                json!({"header:Content-Type": "text/plain"}),
                "header:Content-Type",
            ),
            (json!({"header:From:asText": "a"}), "header:From:asText"),
            (json!({"header:X:asColour": "a"}), "header:X:asColour"),
            (json!({"header:X:asText:all": "a"}), "header:X:asText:all"),
            (json!({"subject": 1}), "subject"),
            (json!({"subject": "a\r\nBcc: b"}), "subject"),
            (json!({"from": [{"name": "a"}]}), "from"),
            (json!({"from": {"email": "a@b.c"}}), "from"),
            (json!({"sentAt": "yesterday"}), "sentAt"),
        ] {
            let (_, faults) = of_email(properties.clone());
            assert_eq!(faults, [fault], "{properties}");
        }
    }
}
