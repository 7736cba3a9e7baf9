//! Messages of RFC 8887 §4.3: JMAP's objects with a type, and an id that tells which answer goes with which request.

use bytes::Bytes;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::fmt;

/// Bytes of an id that is given back.
const ID_MAX_BYTES: usize = 255;

/// What a client says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// A JMAP request.
    Request {
        /// To be given back, as JSON.
        id: Option<String>,
        /// The request without what belongs to the message.
        body: Bytes,
    },
    /// Changes are to be told.
    PushEnable {
        /// Types of data; `None`: all.
        data_types: Option<Vec<String>>,
        /// The last that it saw.
        push_state: Option<String>,
    },
    /// And no longer.
    PushDisable,
}

/// Why a message is refused: what it had as its id, as JSON, and a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) id: Option<String>,
    /// Of RFC 8620 §3.6.1.
    pub(super) kind: &'static str,
    pub(super) detail: String,
}

const NOT_JSON: &str = "urn:ietf:params:jmap:error:notJSON";
const NOT_REQUEST: &str = "urn:ietf:params:jmap:error:notRequest";

/// Reads what a client says.
pub(super) fn read(text: &str) -> Result<Message, Refused> {
    let refuse = |id: Option<&RawValue>, kind, detail: String| Refused {
        id: id.map(|id| id.get().to_owned()),
        kind,
        detail,
    };
    let fields: Fields<'_> = serde_json::from_str(text)
        .map_err(|error| refuse(None, NOT_JSON, format!("not a JSON object: {error}")))?;
    let id = fields.get("id");
    if id.is_some_and(|id| id.get().len() > ID_MAX_BYTES) {
        return Err(refuse(None, NOT_REQUEST, "the id is too long".to_owned()));
    }
    match fields.text("@type").as_deref() {
        Some("Request") => Ok(Message::Request {
            id: id.map(|id| id.get().to_owned()),
            body: fields.without(&["@type", "id"]),
        }),
        Some("WebSocketPushEnable") => {
            let wrong = |error| refuse(id, NOT_REQUEST, format!("dataTypes: {error}"));
            let types = fields.get("dataTypes").map(RawValue::get);
            let data_types: Option<Option<Vec<String>>> =
                types.map(serde_json::from_str).transpose().map_err(wrong)?;
            Ok(Message::PushEnable {
                data_types: data_types.flatten(),
                push_state: fields.text("pushState"),
            })
        }
        Some("WebSocketPushDisable") => Ok(Message::PushDisable),
        other => Err(refuse(
            id,
            NOT_REQUEST,
            format!("no message has the @type {other:?}"),
        )),
    }
}

/// What the component answered with, as a message. `None` where it is no JSON object.
pub(super) fn answer(is_response: bool, id: Option<&str>, body: &str) -> Option<String> {
    let rest = body.trim().strip_prefix('{')?;
    let kind = if is_response {
        "Response"
    } else {
        "RequestError"
    };
    Some(typed(kind, id, rest))
}

/// A refusal as a message.
pub(super) fn refusal(refused: &Refused) -> String {
    let problem = serde_json::json!({
        "type": refused.kind, "status": 400, "detail": refused.detail,
    });
    let problem = problem.to_string();
    let rest = problem.strip_prefix('{').unwrap_or("}");
    typed("RequestError", refused.id.as_deref(), rest)
}

/// A change of states as a message, with what the client shows when it comes again.
pub(super) fn state_change(change: &str, push_state: &str) -> Option<String> {
    // The object says its own type.
    let rest = change.trim().strip_prefix('{')?;
    let push_state = serde_json::Value::from(push_state);
    let comma = comma_before(rest);
    Some(format!("{{\"pushState\":{push_state}{comma}{rest}"))
}

fn typed(kind: &str, id: Option<&str>, rest: &str) -> String {
    let id = id.map_or_else(String::new, |id| format!(",\"requestId\":{id}"));
    let comma = comma_before(rest);
    format!("{{\"@type\":\"{kind}\"{id}{comma}{rest}")
}

/// What stands between fields and the rest of an object.
fn comma_before(rest: &str) -> &'static str {
    match rest.trim_start().starts_with('}') {
        true => "",
        false => ",",
    }
}

/// The fields of an object in their order, unread.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| *value)
    }

    fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.get(name)?.get()).ok()
    }

    fn without(&self, names: &[&str]) -> Bytes {
        let mut object = String::from("{");
        let kept = self.0.iter().filter(|(name, _)| !names.contains(&&**name));
        for (at, (name, value)) in kept.enumerate() {
            if at > 0 {
                object.push(',');
            }
            object.push_str(&serde_json::Value::from(name.as_str()).to_string());
            object.push(':');
            object.push_str(value.get());
        }
        object.push('}');
        object.into()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields: Vec<(String, &'de RawValue)> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    // RFC 7493 §2.3, which RFC 8620 §1.5 asks for.
                    if fields.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::custom(format!("{name:?} is there twice")));
                    }
                    if fields.len() == FIELDS_MAX {
                        return Err(A::Error::custom("too many fields"));
                    }
                    fields.push((name, map.next_value()?));
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(Object).map(Self)
    }
}

/// Fields of a message: a request has a handful.
const FIELDS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_lose_what_belongs_to_the_message_and_nothing_else() {
        let text = r#"{"@type": "Request", "using": ["a"], "id": "R1", "methodCalls": [["x", {"id": 1}, "0"]]}"#;
        let Message::Request { id, body } = read(text).unwrap() else {
            panic!("not a request");
        };
        assert_eq!(id.as_deref(), Some(r#""R1""#));
        assert_eq!(
            body,
            r#"{"using":["a"],"methodCalls":[["x", {"id": 1}, "0"]]}"#
        );
    }

    #[test]
    fn pushes_are_asked_for_and_ended() {
        let enable = read(
            r#"{"@type":"WebSocketPushEnable","dataTypes":["Mailbox","Email"],"pushState":"aaa"}"#,
        );
        assert_eq!(
            enable.unwrap(),
            Message::PushEnable {
                data_types: Some(vec!["Mailbox".to_owned(), "Email".to_owned()]),
                push_state: Some("aaa".to_owned()),
            }
        );
        let all = read(r#"{"@type":"WebSocketPushEnable","dataTypes":null}"#);
        assert_eq!(
            all.unwrap(),
            Message::PushEnable {
                data_types: None,
                push_state: None,
            }
        );
        assert_eq!(
            read(r#"{"@type":"WebSocketPushDisable"}"#).unwrap(),
            Message::PushDisable
        );
    }

    #[test]
    fn what_is_no_message_is_refused_with_its_id() {
        for (text, id, kind) in [
            ("", None, NOT_JSON),
            ("[]", None, NOT_JSON),
            ("{", None, NOT_JSON),
            (r#"{"id":"a","id":"b"}"#, None, NOT_JSON),
            (r#"{"id":"a"}"#, Some(r#""a""#), NOT_REQUEST),
            (r#"{"id":"a","@type":1}"#, Some(r#""a""#), NOT_REQUEST),
            (r#"{"@type":"Response"}"#, None, NOT_REQUEST),
            (
                r#"{"@type":"WebSocketPushEnable","dataTypes":7}"#,
                None,
                NOT_REQUEST,
            ),
        ] {
            let refused = read(text).unwrap_err();
            assert_eq!((refused.id.as_deref(), refused.kind), (id, kind), "{text}");
        }
        let long = format!(r#"{{"@type":"Request","id":"{}"}}"#, "x".repeat(300));
        assert_eq!(read(&long).unwrap_err().kind, NOT_REQUEST);
    }

    #[test]
    fn answers_have_their_type_and_id() {
        assert_eq!(
            answer(true, Some(r#""R1""#), r#"{"sessionState":"s"}"#).unwrap(),
            r#"{"@type":"Response","requestId":"R1","sessionState":"s"}"#
        );
        assert_eq!(
            answer(false, None, "{}").unwrap(),
            r#"{"@type":"RequestError"}"#
        );
        assert_eq!(answer(true, None, "Overloaded\n"), None);
        let refused = read(r#"{"id":7}"#).unwrap_err();
        let told: serde_json::Value = serde_json::from_str(&refusal(&refused)).unwrap();
        assert_eq!(told["requestId"], 7);
        assert_eq!(told["type"], NOT_REQUEST);
        assert_eq!(
            state_change(r#"{"@type":"StateChange","changed":{}}"#, "a\"b").unwrap(),
            r#"{"pushState":"a\"b","@type":"StateChange","changed":{}}"#
        );
    }
}
