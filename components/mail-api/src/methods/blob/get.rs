//! `Blob/get` (RFC 9404 §4.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::bindings::concierge::mail::messages::{Digests, Found, Range};
use crate::host::Host;
use crate::jmap::context::{Arguments, Context};
use crate::jmap::error::{Kind, MethodError};
use crate::jmap::get::{distinct, in_order};
use crate::jmap::value::UnsignedInt;

/// Bytes of all blobs of a call: they are in memory, and again as JSON.
const BYTES_MAX: usize = 4_000_000;

/// Blobs of one call of the host, which takes no more (`wit/mail/messages.wit`).
const BLOBS_MAX: usize = 64;

/// The properties that are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wanted {
    /// As text where it is UTF-8, else as Base64.
    either: bool,
    text: bool,
    base64: bool,
    sha_1: bool,
    sha_256: bool,
    size: bool,
}

impl Wanted {
    /// "If null, properties defaults to data and size."
    fn of(names: Option<Vec<String>>) -> Result<Self, MethodError> {
        let default = || vec!["data".to_owned(), "size".to_owned()];
        let mut wanted = Self::default();
        for name in names.unwrap_or_else(default) {
            match name.as_str() {
                "id" => {}
                "data" => wanted.either = true,
                "data:asText" => wanted.text = true,
                "data:asBase64" => wanted.base64 = true,
                "digest:sha" => wanted.sha_1 = true,
                "digest:sha-256" => wanted.sha_256 = true,
                "size" => wanted.size = true,
                _ => {
                    let why = format!("There is no property {name:?}.");
                    return Err(MethodError::invalid_arguments(why));
                }
            }
        }
        Ok(wanted)
    }

    fn data(self) -> bool {
        self.either || self.text || self.base64
    }

    /// Blobs of one call of the host, so that no more than [`BYTES_MAX`] and one blob are in memory.
    fn at_once(self) -> usize {
        if self.data() { 1 } else { BLOBS_MAX }
    }
}

/// Runs it.
///
/// # Errors
///
/// `requestTooLarge` for too many ids or bytes.
pub async fn run<H: Host>(
    context: &Context<'_, H>,
    mut arguments: Arguments,
) -> Result<Value, MethodError> {
    let account: String = arguments.require("accountId")?;
    let ids: Vec<String> = arguments.require("ids")?;
    let wanted = Wanted::of(arguments.take("properties")?)?;
    let number = |number: UnsignedInt| number.0;
    let range = Range {
        offset: arguments.take("offset")?.map_or(0, number),
        length: arguments.take("length")?.map(number),
    };
    arguments.finish()?;
    context.account(&account)?;
    let ids = distinct(&context.created.resolved(ids))?;
    let digests = Digests {
        sha_1: wanted.sha_1,
        sha_256: wanted.sha_256,
    };
    let (host, token) = (context.host, context.token);
    let mut objects = Vec::new();
    let mut bytes_left = BYTES_MAX;
    for some in ids.chunks(wanted.at_once()) {
        let found = host
            .blobs(
                token,
                &account,
                some.to_vec(),
                range,
                wanted.data(),
                digests,
            )
            .await?;
        for found in found {
            bytes_left = bytes_left
                .checked_sub(found.bytes.len())
                .ok_or(Kind::RequestTooLarge)?;
            objects.push(object(&found, wanted));
        }
    }
    let (list, not_found) = in_order(&ids, objects);
    Ok(json!({"accountId": account, "list": list, "notFound": not_found}))
}

fn object(found: &Found, wanted: Wanted) -> Value {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    let text = std::str::from_utf8(&found.bytes).ok();
    put("id", found.id.as_str().into());
    if wanted.text || (wanted.either && text.is_some()) {
        put("data:asText", text.into());
    }
    if wanted.base64 || (wanted.either && text.is_none()) {
        put("data:asBase64", STANDARD.encode(&found.bytes).into());
    }
    // "isEncodingProblem" is about the text that was wanted; "data" falls back to Base64, and tells it, too.
    if (wanted.text || wanted.either) && text.is_none() {
        put("isEncodingProblem", true.into());
    }
    let ranged = wanted.data() || wanted.sha_1 || wanted.sha_256;
    if ranged && found.truncated {
        put("isTruncated", true.into());
    }
    let digest = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| STANDARD.encode(bytes));
    if wanted.sha_1 {
        put("digest:sha", digest(&found.sha_1).into());
    }
    if wanted.sha_256 {
        put("digest:sha-256", digest(&found.sha_256).into());
    }
    if wanted.size {
        put("size", found.size.into());
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::concierge::mail::accounts::Error;
    use crate::methods::email::tests::{kind, tell};
    use crate::scripted::Scripted;

    fn found(id: &str, bytes: &[u8]) -> Found {
        Found {
            id: id.to_owned(),
            size: 100,
            bytes: bytes.to_vec(),
            truncated: false,
            sha_1: None,
            sha_256: None,
        }
    }

    /// RFC 9404 §4.2.1: data that is a text, and data that is none.
    #[test]
    fn data_is_text_where_it_can_be() {
        let host = Scripted::default();
        for (id, bytes) in [("b1", b"The quick".as_slice()), ("b2", b"\xff\x00")] {
            let bytes = bytes.to_vec();
            host.blobs
                .then(Box::new(move |_, account, ids, range, data, digests| {
                    assert_eq!((account, ids.as_slice()), ("a", [id.to_owned()].as_slice()));
                    assert_eq!((range.offset, range.length), (4, Some(9)));
                    assert!(data && !digests.sha_1 && !digests.sha_256);
                    Ok(vec![found(id, &bytes)])
                }));
        }
        host.blobs.then(Box::new(|_, _, _, _, _, _| Ok(vec![])));
        let arguments =
            json!({"accountId": "a", "ids": ["b1", "b2", "b3"], "offset": 4, "length": 9});
        let expected = json!({
            "accountId": "a",
            "list": [
                {"id": "b1", "data:asText": "The quick", "size": 100},
                {"id": "b2", "data:asBase64": "/wA=", "isEncodingProblem": true, "size": 100}
            ],
            "notFound": ["b3"]
        });
        assert_eq!(tell(&host, "Blob/get", arguments), Ok(expected));
        host.finish();
    }

    #[test]
    fn each_form_can_be_asked_for() {
        let whole = Found {
            truncated: true,
            sha_1: Some(vec![1]),
            sha_256: Some(vec![2]),
            ..found("b", b"\xff")
        };
        let told = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            object(&whole, Wanted::of(Some(names)).unwrap())
        };
        let text =
            json!({"id": "b", "data:asText": null, "isEncodingProblem": true, "isTruncated": true});
        assert_eq!(told(&["data:asText"]), text);
        let base64 = json!({"id": "b", "data:asBase64": "/w==", "isTruncated": true});
        assert_eq!(told(&["data:asBase64"]), base64);
        let digests =
            json!({"id": "b", "digest:sha": "AQ==", "digest:sha-256": "Ag==", "isTruncated": true});
        assert_eq!(told(&["digest:sha", "digest:sha-256", "id"]), digests);
        assert_eq!(told(&["size"]), json!({"id": "b", "size": 100}));
        assert!(Wanted::of(Some(vec!["digest:md5".to_owned()])).is_err());
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let host = Scripted::default();
        for _ in 0..=BYTES_MAX / 1_000_000 {
            host.blobs.then(Box::new(|_, _, ids, _, _, _| {
                Ok(vec![found(&ids[0], &[0; 1_000_000])])
            }));
        }
        let ids: Vec<String> = (0..9).map(|number| format!("b{number}")).collect();
        let arguments = json!({"accountId": "a", "ids": ids});
        assert_eq!(kind(&host, "Blob/get", arguments), Kind::RequestTooLarge);
        host.finish();

        host.blobs
            .then(Box::new(|_, _, _, _, _, _| Err(Error::TooLarge(1 << 20))));
        let arguments = json!({"accountId": "a", "ids": ["b"]});
        assert_eq!(kind(&host, "Blob/get", arguments), Kind::RequestTooLarge);
    }
}
