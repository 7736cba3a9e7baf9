//! Properties that name a field of a header (RFC 8621 §4.1.3): `header:List-Post:asURLs`.

use serde_json::{Map, Value, json};

use super::addresses::{self, EmailAddress};
use super::{ITEMS_MAX, date, ids, text};
use crate::bindings::concierge::mail::emails::Field;

/// What such properties begin with.
pub const PREFIX: &str = "header:";

/// A form of a field's value (RFC 8621 §4.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it was received.
    Raw,
    /// Decoded text.
    Text,
    /// Addresses.
    Addresses,
    /// Addresses in their groups.
    GroupedAddresses,
    /// Message ids.
    MessageIds,
    /// A date.
    Date,
    /// URLs.
    Urls,
}

impl Form {
    /// The form that a suffix names.
    fn named(suffix: &str) -> Option<Self> {
        match suffix {
            "asRaw" => Some(Self::Raw),
            "asText" => Some(Self::Text),
            "asAddresses" => Some(Self::Addresses),
            "asGroupedAddresses" => Some(Self::GroupedAddresses),
            "asMessageIds" => Some(Self::MessageIds),
            "asDate" => Some(Self::Date),
            "asURLs" => Some(Self::Urls),
            _ => None,
        }
    }

    /// Whether a field may be asked for in this form, other than raw: those of RFC 5322 and RFC 2369 only in the one that
    /// RFC 8621 §4.1.2 gives them, all others in any.
    fn suits(self, field: &str) -> bool {
        match self {
            Self::Raw => true,
            Self::GroupedAddresses => Self::Addresses.suits(field),
            form => match defined_form(field) {
                None => true,
                Some(defined) => defined == form,
            },
        }
    }
}

/// The form of a field that RFC 5322 or RFC 2369 defines; `None` for others.
fn defined_form(field: &str) -> Option<Form> {
    match field.to_ascii_lowercase().as_str() {
        "subject" | "comments" | "keywords" => Some(Form::Text),
        "from" | "sender" | "reply-to" | "to" | "cc" | "bcc" | "resent-from" | "resent-sender"
        | "resent-reply-to" | "resent-to" | "resent-cc" | "resent-bcc" => Some(Form::Addresses),
        "message-id" | "in-reply-to" | "references" | "resent-message-id" => Some(Form::MessageIds),
        "date" | "resent-date" => Some(Form::Date),
        "list-help" | "list-unsubscribe" | "list-subscribe" | "list-post" | "list-owner"
        | "list-archive" => Some(Form::Urls),
        "received" | "return-path" => Some(Form::Raw),
        _ => None,
    }
}

/// A property that names a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderProperty {
    /// The field's name, as it was written; fields are found by it in any case.
    pub field: String,
    /// In which form its value is given.
    pub form: Form,
    /// All fields of that name, else the last.
    pub all: bool,
}

impl HeaderProperty {
    /// Reads a property that begins with [`PREFIX`].
    ///
    /// # Errors
    ///
    /// A sentence where it is not of its form, or the form does not suit the field.
    pub fn parse(property: &str) -> Result<Self, String> {
        let fault = |why: &str| format!("{property:?} {why}");
        let rest = property.strip_prefix(PREFIX);
        let rest = rest.ok_or_else(|| fault("names no field of a header."))?;
        let mut parts = rest.split(':');
        let field = parts.next().unwrap_or_default();
        if field.is_empty() || !field.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(fault("has no name of a field."));
        }
        let mut suffix = parts.next();
        let mut form = Form::Raw;
        if let Some(named) = suffix.and_then(Form::named) {
            form = named;
            suffix = parts.next();
        }
        let all = match suffix {
            None => false,
            Some("all") if parts.next().is_none() => true,
            Some(_) => {
                return Err(fault(
                    "has a suffix that is not known, or not in its place.",
                ));
            }
        };
        if !form.suits(field) {
            return Err(fault("asks for a form that the field does not have."));
        }
        Ok(Self {
            field: field.to_owned(),
            form,
            all,
        })
    }

    /// The last field of a name, in a form.
    pub fn last(field: &str, form: Form) -> Self {
        Self {
            field: field.to_owned(),
            form,
            all: false,
        }
    }

    /// Its value for a header; `null` or empty where there is no such field. Lists in it have together at most
    /// [`ITEMS_MAX`] items.
    pub fn value(&self, fields: &[Field]) -> Value {
        let mut named = fields
            .iter()
            .filter(|field| field.name.eq_ignore_ascii_case(&self.field));
        if !self.all {
            let last = named.next_back();
            return last.map_or(Value::Null, |field| formed(&field.value, self.form));
        }
        let mut left = ITEMS_MAX;
        let mut values = Vec::new();
        for field in named {
            let value = formed(&field.value, self.form);
            match left.checked_sub(1 + items(&value)) {
                Some(still) => left = still,
                None => break,
            }
            values.push(value);
        }
        Value::Array(values)
    }
}

fn items(value: &Value) -> usize {
    value.as_array().map_or(0, Vec::len)
}

/// The value of a field in a form.
pub fn formed(value: &str, form: Form) -> Value {
    match form {
        Form::Raw => text::raw(value).into(),
        Form::Text => text::text(value).into(),
        Form::Addresses => addresses::addresses(value)
            .into_iter()
            .map(address)
            .collect(),
        Form::GroupedAddresses => addresses::groups(value).into_iter().map(group).collect(),
        Form::MessageIds => ids::message_ids(value).into(),
        Form::Date => date::date(value).into(),
        Form::Urls => ids::urls(value).into(),
    }
}

fn address(address: EmailAddress) -> Value {
    let mut members = Map::new();
    members.insert("name".to_owned(), address.name.into());
    members.insert("email".to_owned(), address.email.into());
    Value::Object(members)
}

fn group(group: addresses::Group) -> Value {
    let addresses: Vec<Value> = group.addresses.into_iter().map(address).collect();
    json!({ "name": group.name, "addresses": addresses })
}

/// A field as it is (RFC 8621 §4.1.3, `EmailHeader`).
pub fn field(field: &Field) -> Value {
    json!({ "name": field.name, "value": text::raw(&field.value) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Vec<Field> {
        let field = |name: &str, value: &str| Field {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        vec![
            field("Subject", " first"),
            field("TO", " Ada <ada@example.org>"),
            field("subject", " =?utf-8?q?Gr=C3=BC=C3=9Fe?="),
            field(
                "List-Post",
                " <mailto:list@example.org>, <https://example.org/\r\n post>",
            ),
            field("Date", " Fri, 21 Nov 1997 09:55:06 -0600"),
            field("References", " <a@b> <c@d>"),
            field("X-To", " Team: Ada <ada@example.org>;"),
        ]
    }

    #[track_caller]
    fn check(property: &str, expected: Value) {
        let property = HeaderProperty::parse(property).unwrap();
        assert_eq!(property.value(&fields()), expected);
    }

    #[test]
    fn properties_give_the_last_field_or_all() {
        check("header:Subject", json!(" =?utf-8?q?Gr=C3=BC=C3=9Fe?="));
        check("header:sUBJECT:asText", json!("Grüße"));
        check("header:Subject:asText:all", json!(["first", "Grüße"]));
        check(
            "header:Subject:asRaw:all",
            json!([" first", " =?utf-8?q?Gr=C3=BC=C3=9Fe?="]),
        );
        check(
            "header:to:asAddresses",
            json!([{"name": "Ada", "email": "ada@example.org"}]),
        );
        check(
            "header:to:asAddresses:all",
            json!([[{"name": "Ada", "email": "ada@example.org"}]]),
        );
        check(
            "header:X-To:asGroupedAddresses",
            json!([{"name": "Team", "addresses": [{"name": "Ada", "email": "ada@example.org"}]}]),
        );
        check(
            "header:List-Post:asURLs",
            json!(["mailto:list@example.org", "https://example.org/post"]),
        );
        check("header:Date:asDate", json!("1997-11-21T09:55:06-06:00"));
        check("header:References:asMessageIds", json!(["a@b", "c@d"]));
        check("header:X-To:asDate", Value::Null);
        check("header:None", Value::Null);
        check("header:None:asURLs:all", json!([]));
    }

    #[test]
    fn forms_that_do_not_suit_are_refused() {
        for property in [
            "header:From:asText",
            "header:From:asDate",
            "header:Subject:asAddresses",
            "header:Subject:asGroupedAddresses",
            "header:Date:asText",
            "header:References:asURLs",
            "header:List-Post:asText",
            "header:Received:asText",
            "header:Return-Path:asAddresses",
            "header:RESENT-TO:asMessageIds",
        ] {
            assert!(HeaderProperty::parse(property).is_err(), "{property}");
        }
        for property in [
            "header:Subject:asText",
            "header:Comments:asText",
            "header:Keywords:asText",
            "header:List-Id:asText",
            "header:List-Id:asURLs",
            "header:X-Any:asDate",
            "header:Resent-Bcc:asGroupedAddresses",
            "header:Received:asRaw",
        ] {
            assert!(HeaderProperty::parse(property).is_ok(), "{property}");
        }
    }

    #[test]
    fn what_is_not_of_the_form_is_refused() {
        for property in [
            "header:",
            "header::asText",
            "header:a b",
            "header:ä",
            "header:X:all:asText",
            "header:X:asText:asText",
            "header:X:asText:all:all",
            "header:X:asTEXT",
            "header:X:",
            "headers:X",
        ] {
            assert!(HeaderProperty::parse(property).is_err(), "{property}");
        }
    }

    #[test]
    fn all_fields_together_are_cut() {
        let one = Field {
            name: "To".to_owned(),
            value: "a@b,".repeat(ITEMS_MAX / 4),
        };
        let property = HeaderProperty::parse("header:to:asAddresses:all").unwrap();
        let value = property.value(&vec![one; 10]);
        assert_eq!(items(&value), 3);
    }
}
