//! `Blob/upload` (RFC 9404 §4.1).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::bindings::concierge::mail::messages::{Piece, Range};
use crate::host::Host;
use crate::jmap::context::{Arguments, Context, CreatedIds, read};
use crate::jmap::error::{Kind, MethodError, SetError, SetKind};
use crate::jmap::limits::{BLOB_SOURCES_MAX, OBJECTS_IN_SET_MAX};
use crate::jmap::set::{Reference, objects, or_null};
use crate::jmap::value::UnsignedInt;

/// Blobs of one call of the host, which takes no more (`wit/mail/messages.wit`).
const BLOBS_MAX: usize = 64;

/// What a blob is said to be where its maker does not say. No blob keeps its type: it is a hint.
const TYPE: &str = "application/octet-stream";

/// A blob that is to be made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Upload {
    data: Vec<Source>,
    #[serde(rename = "type")]
    content_type: Option<String>,
}

/// A piece of it: one of the three.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Source {
    #[serde(rename = "data:asText")]
    text: Option<String>,
    #[serde(rename = "data:asBase64")]
    base64: Option<String>,
    blob_id: Option<String>,
    offset: Option<UnsignedInt>,
    length: Option<UnsignedInt>,
}

/// Blobs that are not made yet, by their creation ids.
type Pending = BTreeMap<String, Upload>;

/// Runs it. Blobs that refer to others of the call are made after them.
///
/// # Errors
///
/// Those of RFC 9404 §4.1.
pub async fn run<H: Host>(
    context: &mut Context<'_, H>,
    mut arguments: Arguments,
) -> Result<Value, MethodError> {
    let account: String = arguments.require("accountId")?;
    let create: Map<String, Value> = arguments.require("create")?;
    arguments.finish()?;
    context.writable(&account)?;
    if create.len() > OBJECTS_IN_SET_MAX {
        let why = format!("At most {OBJECTS_IN_SET_MAX} blobs at once.");
        return Err(MethodError::new(Kind::RequestTooLarge, why));
    }
    let mut answer = Answer::default();
    let mut pending = Pending::new();
    for (creation, members) in objects("create", create)? {
        match upload(members) {
            Ok(upload) => {
                pending.insert(creation, upload);
            }
            Err(error) => answer.refused(creation, &error),
        }
    }
    while !pending.is_empty() {
        let ready = ready(&pending);
        if ready.is_empty() {
            for creation in pending.into_keys() {
                let why = "Blobs are made of each other, in a circle.";
                answer.refused(creation, &SetError::invalid(["data"], why));
            }
            break;
        }
        let uploads: Vec<(String, Upload)> = ready
            .into_iter()
            .filter_map(|creation| pending.remove_entry(&creation))
            .collect();
        make(context, &account, uploads, &mut answer).await?;
    }
    Ok(answer.finish(&account))
}

/// A blob that is to be made, of its form.
fn upload(members: Map<String, Value>) -> Result<Upload, SetError> {
    let property = match members.contains_key("data") {
        true => "type",
        false => "data",
    };
    let known = |name: &str| ["data", "type"].contains(&name);
    if let Some(name) = members.keys().find(|name| !known(name)) {
        return Err(SetError::invalid([name.as_str()], "It is not known."));
    }
    let upload: Upload = read(Value::Object(members)).map_err(|why| {
        let property = if why.starts_with("data") {
            "data"
        } else {
            property
        };
        SetError::invalid([property], why)
    })?;
    if upload.data.len() as u64 > BLOB_SOURCES_MAX {
        let why = format!("At most {BLOB_SOURCES_MAX} sources.");
        return Err(SetError::invalid(["data"], why));
    }
    Ok(upload)
}

/// Those that wait for none of the others.
fn ready(pending: &Pending) -> Vec<String> {
    let waits = |source: &Source| match source.blob_id.as_deref().map(Reference::of) {
        Some(Reference::Creation(creation)) => pending.contains_key(creation),
        _ => false,
    };
    let ready = pending
        .iter()
        .filter(|(_, upload)| !upload.data.iter().any(waits));
    ready.map(|(creation, _)| creation.clone()).collect()
}

async fn make<H: Host>(
    context: &mut Context<'_, H>,
    account: &str,
    uploads: Vec<(String, Upload)>,
    answer: &mut Answer,
) -> Result<(), MethodError> {
    let mut blobs = Vec::new();
    let mut makers = Vec::new();
    for (creation, upload) in uploads {
        match pieces(upload.data, &context.created) {
            Ok(pieces) => {
                blobs.push(pieces);
                makers.push((creation, upload.content_type));
            }
            Err(error) => answer.refused(creation, &error),
        }
    }
    let mut makers = makers.into_iter();
    let mut blobs = blobs.into_iter().peekable();
    while blobs.peek().is_some() {
        let some: Vec<_> = blobs.by_ref().take(BLOBS_MAX).collect();
        let count = some.len();
        let outcomes = context.host.assemble(context.token, account, some).await?;
        if outcomes.len() != count {
            return Err(Kind::ServerFail.into());
        }
        for (outcome, (creation, content_type)) in outcomes.into_iter().zip(makers.by_ref()) {
            match outcome {
                Ok(blob) => {
                    context.created.insert(&creation, &blob.id);
                    let content_type = content_type.as_deref().unwrap_or(TYPE);
                    let made = json!({"id": blob.id, "type": content_type, "size": blob.size});
                    answer.created.insert(creation, made);
                }
                Err(refusal) => answer.refused(creation, &refusal.into()),
            }
        }
    }
    Ok(())
}

fn pieces(sources: Vec<Source>, created: &CreatedIds) -> Result<Vec<Piece>, SetError> {
    let piece = |source| piece(source, created);
    sources.into_iter().map(piece).collect()
}

fn piece(source: Source, created: &CreatedIds) -> Result<Piece, SetError> {
    let invalid = |why: &str| SetError::invalid(["data"], why);
    let ranged = source.offset.is_some() || source.length.is_some();
    match (source.text, source.base64, source.blob_id) {
        (Some(text), None, None) if !ranged => Ok(Piece::Bytes(text.into_bytes())),
        (None, Some(base64), None) if !ranged => match STANDARD.decode(base64) {
            Ok(bytes) => Ok(Piece::Bytes(bytes)),
            Err(_) => Err(invalid("data:asBase64 is no Base64.")),
        },
        (None, None, Some(blob)) => {
            let id = created.resolve(&blob).ok_or_else(|| {
                SetError::new(SetKind::BlobNotFound, "").with("notFound", json!([blob]))
            })?;
            let range = Range {
                offset: source.offset.map_or(0, |number| number.0),
                length: source.length.map(|number| number.0),
            };
            Ok(Piece::Blob((id.to_owned(), range)))
        }
        _ => Err(invalid(
            "A source is a text, Base64, or a blob with a range.",
        )),
    }
}

#[derive(Default)]
struct Answer {
    created: Map<String, Value>,
    not_created: Map<String, Value>,
}

impl Answer {
    fn refused(&mut self, creation: String, error: &SetError) {
        self.not_created.insert(creation, error.to_json());
    }

    fn finish(self, account: &str) -> Value {
        json!({
            "accountId": account,
            "created": or_null(self.created),
            "notCreated": or_null(self.not_created),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::concierge::mail::messages::Blob;
    use crate::methods::email::tests::{kind, ran, tell};
    use crate::scripted::Scripted;

    fn blob(id: &str, size: u64) -> Blob {
        Blob {
            id: id.to_owned(),
            size,
        }
    }

    /// RFC 9404 §4.1.1: a simple blob.
    #[test]
    fn the_upload_of_the_rfc() {
        let host = Scripted::default();
        host.assemble.then(Box::new(|_, account, blobs| {
            assert_eq!(account, "a");
            let bytes = STANDARD.decode("iVBORw0KGgo=").unwrap();
            assert_eq!(blobs, [[Piece::Bytes(bytes)]]);
            Ok(vec![Ok(blob(
                "G4c6751edf9dd6903ff54b792e432fba781271beb",
                8,
            ))])
        }));
        let arguments = json!({
            "accountId": "a",
            "create": {"1": {"data": [{"data:asBase64": "iVBORw0KGgo="}], "type": "image/png"}}
        });
        let ran = ran(&host, "Blob/upload", arguments, CreatedIds::default());
        let expected = json!({
            "accountId": "a",
            "created": {"1": {
                "id": "G4c6751edf9dd6903ff54b792e432fba781271beb", "type": "image/png", "size": 8
            }},
            "notCreated": null
        });
        assert_eq!(ran.answer, Ok(expected));
        assert_eq!(
            ran.created.resolve("#1"),
            Some("G4c6751edf9dd6903ff54b792e432fba781271beb")
        );
        host.finish();
    }

    /// The blobs of RFC 9404 §4.1.2, of one call.
    #[test]
    fn blobs_are_made_of_blobs() {
        let host = Scripted::default();
        host.assemble.then(Box::new(|_, _, blobs| {
            let text = "The quick brown fox jumped over the lazy dog.";
            assert_eq!(blobs, [[Piece::Bytes(text.into())]]);
            Ok(vec![Ok(blob("Gc0854", 45))])
        }));
        host.assemble.then(Box::new(|_, _, blobs| {
            let range = Range {
                offset: 4,
                length: Some(5),
            };
            let cat = vec![
                Piece::Bytes("How ".into()),
                Piece::Blob(("Gc0854".to_owned(), range)),
            ];
            assert_eq!(blobs, [cat]);
            Ok(vec![Ok(blob("Gcc60", 9))])
        }));
        let arguments = json!({"accountId": "a", "create": {
            "a-cat": {"data": [
                {"data:asText": "How "},
                {"blobId": "#b4", "offset": 4, "length": 5}
            ]},
            "b4": {"data": [{"data:asText": "The quick brown fox jumped over the lazy dog."}]}
        }});
        let answer = tell(&host, "Blob/upload", arguments).unwrap();
        assert_eq!(answer["created"]["a-cat"]["id"], "Gcc60");
        assert_eq!(answer["created"]["b4"]["type"], "application/octet-stream");
        host.finish();
    }

    #[test]
    fn what_cannot_be_made_is_refused_by_itself() {
        let host = Scripted::default();
        let text = || json!([{"data:asText": "x"}]);
        let arguments = json!({"accountId": "a", "create": {
            "both": {"data": [{"data:asText": "x", "data:asBase64": "eA=="}]},
            "none": {"data": [{}]},
            "ranged": {"data": [{"data:asText": "x", "offset": 1}]},
            "base64": {"data": [{"data:asBase64": "*"}]},
            "missing": {},
            "other": {"data": text(), "name": "x"},
            "type": {"data": text(), "type": 1},
            "many": {"data": vec![json!({"data:asText": "x"}); 65]},
            "nowhere": {"data": [{"blobId": "#x"}]},
            "one": {"data": [{"blobId": "#two"}]},
            "two": {"data": [{"blobId": "#one"}]}
        }});
        let answer = tell(&host, "Blob/upload", arguments).unwrap();
        assert_eq!(answer["created"], Value::Null);
        for (creation, property) in [
            ("both", "data"),
            ("none", "data"),
            ("ranged", "data"),
            ("base64", "data"),
            ("missing", "data"),
            ("other", "name"),
            ("type", "type"),
            ("many", "data"),
            ("one", "data"),
            ("two", "data"),
        ] {
            let error = &answer["notCreated"][creation];
            assert_eq!(error["type"], "invalidProperties", "{creation}");
            assert_eq!(error["properties"], json!([property]), "{creation}");
        }
        let nowhere = &answer["notCreated"]["nowhere"];
        assert_eq!(nowhere["type"], "blobNotFound");
        assert_eq!(nowhere["notFound"], json!(["#x"]));
    }

    #[test]
    fn at_most_so_many_go_to_the_host_at_once() {
        let host = Scripted::default();
        for expected in [64, 36] {
            host.assemble.then(Box::new(move |_, _, blobs| {
                assert_eq!(blobs.len(), expected);
                Ok(blobs.iter().map(|_| Ok(blob("b", 1))).collect())
            }));
        }
        let create: Map<String, Value> = (0..100)
            .map(|number| (format!("k{number}"), json!({"data": []})))
            .collect();
        let arguments = json!({"accountId": "a", "create": create});
        let answer = tell(&host, "Blob/upload", arguments).unwrap();
        assert_eq!(answer["created"].as_object().unwrap().len(), 100);
        host.finish();
        let shared = json!({"accountId": "shared", "create": {}});
        assert_eq!(kind(&host, "Blob/upload", shared), Kind::AccountReadOnly);
    }
}
