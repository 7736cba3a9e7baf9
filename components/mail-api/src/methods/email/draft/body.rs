//! The parts of an email that is to be made (RFC 8621 §4.1.4, §4.6).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::fields::{Fault, Fields};
use crate::bindings::concierge::mail::emails::{Content, DraftPart};
use crate::jmap::context::{CreatedIds, read};

/// The fields of parts that their properties represent, or that follow from how they are encoded.
const RESERVED: [&str; 6] = [
    "content-type",
    "content-disposition",
    "content-id",
    "content-language",
    "content-location",
    "content-transfer-encoding",
];

/// What a blob is where nothing is said.
const BLOB_TYPE: &str = "application/octet-stream";

/// What a text is where nothing is said (RFC 2045 §5.2).
const TEXT_TYPE: &str = "text/plain";

/// What an email holds.
#[derive(Debug, Default)]
pub struct Body {
    /// In preorder; none for an empty email.
    pub parts: Vec<DraftPart>,
    /// Creation ids that stand for no blob.
    pub missing: Vec<String>,
}

impl Body {
    /// Takes the properties that are about parts.
    pub fn take(
        members: &mut Map<String, Value>,
        created: &CreatedIds,
        faults: &mut Vec<Fault>,
    ) -> Self {
        let mut given = |name: &str| members.remove(name).filter(|value| !value.is_null());
        let structure = given("bodyStructure");
        let lists = ["textBody", "htmlBody", "attachments"].map(|name| (name, given(name)));
        let texts = texts(given("bodyValues"), faults);
        let mut reader = Reader {
            texts,
            created,
            faults,
            missing: Vec::new(),
        };
        let parts = match structure {
            Some(structure) => {
                for (name, _) in lists.iter().filter(|(_, value)| value.is_some()) {
                    reader.fault(name, "bodyStructure says it already.");
                }
                let place = Place::at("bodyStructure");
                reader.part(&place, structure).unwrap_or_default()
            }
            None => {
                let [text, html, attachments] = lists.map(|(_, value)| value);
                reader.composed(text, html, attachments)
            }
        };
        Self {
            parts,
            missing: reader.missing,
        }
    }
}

/// A text of `bodyValues`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BodyValue {
    value: String,
    is_encoding_problem: Option<bool>,
    is_truncated: Option<bool>,
}

fn texts(given: Option<Value>, faults: &mut Vec<Fault>) -> BTreeMap<String, String> {
    let Some(given) = given else {
        return BTreeMap::new();
    };
    let mut fault = |why: String| faults.push(("bodyValues".to_owned(), why));
    let given: BTreeMap<String, BodyValue> = match read(given) {
        Ok(given) => given,
        Err(why) => {
            fault(why);
            return BTreeMap::new();
        }
    };
    let whole = |text: &BodyValue| {
        text.is_encoding_problem != Some(true) && text.is_truncated != Some(true)
    };
    if !given.values().all(whole) {
        fault("A text that is sent is whole and without problem.".to_owned());
    }
    let texts = given.into_iter().map(|(id, text)| (id, text.value));
    texts.collect()
}

/// RFC 8621 §4.1.4, as clients write it, without properties that represent fields.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Part {
    part_id: Option<String>,
    blob_id: Option<String>,
    size: Option<u64>,
    name: Option<String>,
    #[serde(rename = "type")]
    content_type: Option<String>,
    charset: Option<String>,
    disposition: Option<String>,
    cid: Option<String>,
    language: Option<Vec<String>>,
    location: Option<String>,
    sub_parts: Option<Vec<Value>>,
}

/// Where a part is in the properties of the email.
struct Place {
    property: &'static str,
    path: String,
}

impl Place {
    fn at(property: &'static str) -> Self {
        let path = property.to_owned();
        Self { property, path }
    }

    fn below(&self, step: &str, number: usize) -> Self {
        Self {
            property: self.property,
            path: format!("{}{step}/{number}", self.path),
        }
    }
}

struct Reader<'r> {
    texts: BTreeMap<String, String>,
    created: &'r CreatedIds,
    faults: &'r mut Vec<Fault>,
    missing: Vec<String>,
}

impl Reader<'_> {
    fn fault(&mut self, property: &str, why: impl Into<String>) {
        self.faults.push((property.to_owned(), why.into()));
    }

    fn fault_at(&mut self, place: &Place, why: &str) {
        self.fault(place.property, format!("{}: {why}", place.path));
    }

    /// A part and those in it. `None` where it has faults. It goes no deeper than a request's JSON.
    fn part(&mut self, place: &Place, value: Value) -> Option<Vec<DraftPart>> {
        let Value::Object(mut members) = value else {
            self.fault_at(place, "A part is an object.");
            return None;
        };
        let mut faults = Vec::new();
        let fields = Fields::of_part(&mut members, &mut faults);
        for (name, why) in faults {
            self.fault_at(place, &format!("{name}: {why}"));
        }
        if let Some(name) = fields.among(&RESERVED) {
            self.fault_at(place, &format!("{name} is not given as a field."));
        }
        let part: Part = match read(Value::Object(members)) {
            Ok(part) => part,
            Err(why) => {
                self.fault_at(place, &why);
                return None;
            }
        };
        let content = match self.content(&part) {
            Ok(content) => content,
            Err(why) => {
                self.fault_at(place, &why);
                return None;
            }
        };
        let default = match content {
            Content::Blob(_) => BLOB_TYPE,
            _ => TEXT_TYPE,
        };
        let own = DraftPart {
            depth: 0,
            content_type: part.content_type.unwrap_or_else(|| default.to_owned()),
            charset: part.charset,
            name: part.name,
            disposition: part.disposition,
            cid: part.cid,
            language: part.language.unwrap_or_default(),
            location: part.location,
            headers: fields.finish(),
            content,
        };
        let mut inner = Vec::new();
        for (number, value) in part.sub_parts.into_iter().flatten().enumerate() {
            inner.push(self.part(&place.below("/subParts", number), value)?);
        }
        Some(around(own, inner))
    }

    /// "The client may specify a partId OR a blobId, but not both"; a multipart has neither, but parts.
    fn content(&mut self, part: &Part) -> Result<Content, String> {
        let is_multipart = part.content_type.as_deref().is_some_and(is_multipart);
        let parts = part.sub_parts.as_ref().map_or(0, Vec::len);
        match (is_multipart, parts, &part.part_id, &part.blob_id) {
            (true, 1.., None, None) => Ok(Content::Parts),
            (true, ..) => Err("A multipart has subParts, and neither partId nor blobId.".into()),
            (false, 1.., ..) => Err("Only a multipart has subParts.".into()),
            (false, 0, Some(id), None) => {
                if part.charset.is_some() || part.size.is_some() {
                    return Err("charset and size are not given with a partId.".into());
                }
                let text = self.texts.remove(id);
                let text = text.ok_or_else(|| {
                    format!("bodyValues has no {id:?}, or another part has it already.")
                })?;
                Ok(Content::Text(text))
            }
            (false, 0, None, Some(blob)) => match self.created.resolve(blob) {
                Some(blob) => Ok(Content::Blob(blob.to_owned())),
                None => {
                    self.missing.push(blob.clone());
                    Ok(Content::Blob(String::new()))
                }
            },
            (false, 0, ..) => Err("A part has either a partId or a blobId.".into()),
        }
    }

    /// The parts of `textBody`, `htmlBody` and `attachments`, put together as mail programs do: texts that say the same
    /// are alternatives (RFC 2046 §5.1.4), what an HTML text shows is related to it (RFC 2387).
    fn composed(
        &mut self,
        text: Option<Value>,
        html: Option<Value>,
        attachments: Option<Value>,
    ) -> Vec<DraftPart> {
        let text = text.and_then(|value| self.only("textBody", value, "text/plain"));
        let html = html.and_then(|value| self.only("htmlBody", value, "text/html"));
        let mut attached = attachments.map_or_else(Vec::new, |value| self.attached(value));
        let html = html.map(|html| {
            let is_shown = |part: &Vec<DraftPart>| part.first().is_some_and(is_shown);
            let (shown, others) = attached.drain(..).partition(is_shown);
            attached = others;
            with("multipart/related", html, shown)
        });
        let body = match (text, html) {
            (Some(text), Some(html)) => Some(with("multipart/alternative", text, vec![html])),
            (text, html) => text.or(html),
        };
        match body {
            Some(body) => with("multipart/mixed", body, attached),
            None if attached.is_empty() => Vec::new(),
            None => around(multipart("multipart/mixed"), attached),
        }
    }

    /// "It MUST contain exactly one body part", of one type.
    fn only(
        &mut self,
        property: &'static str,
        value: Value,
        content_type: &str,
    ) -> Option<Vec<DraftPart>> {
        let parts = match value {
            Value::Array(parts) => parts,
            _ => Vec::new(),
        };
        let [mut part] = <[Value; 1]>::try_from(parts)
            .inspect_err(|_| self.fault(property, "It has exactly one part."))
            .ok()?;
        if let Some(members) = part.as_object_mut()
            && members.get("type").is_none_or(Value::is_null)
        {
            members.insert("type".to_owned(), content_type.into());
        }
        let parts = self.part(&Place::at(property).below("", 0), part)?;
        let is_right = |part: &DraftPart| part.content_type.eq_ignore_ascii_case(content_type);
        if !parts.iter().all(is_right) {
            self.fault(property, format!("Its part is {content_type}."));
            return None;
        }
        Some(parts)
    }

    fn attached(&mut self, value: Value) -> Vec<Vec<DraftPart>> {
        let Value::Array(values) = value else {
            self.fault("attachments", "It is no array.");
            return Vec::new();
        };
        let place = Place::at("attachments");
        let mut attached = Vec::new();
        for (number, value) in values.into_iter().enumerate() {
            let Some(mut part) = self.part(&place.below("", number), value) else {
                continue;
            };
            if let Some(first) = part.first_mut()
                && first.disposition.is_none()
            {
                first.disposition = Some("attachment".to_owned());
            }
            attached.push(part);
        }
        attached
    }
}

fn is_multipart(content_type: &str) -> bool {
    const START: &str = "multipart/";
    let start = content_type.get(..START.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(START))
}

/// Whether the HTML text refers to it (RFC 2392).
fn is_shown(part: &DraftPart) -> bool {
    let disposition = part.disposition.as_deref();
    let inline = disposition.is_some_and(|one| one.eq_ignore_ascii_case("inline"));
    inline && part.cid.is_some()
}

fn multipart(content_type: &str) -> DraftPart {
    DraftPart {
        depth: 0,
        content_type: content_type.to_owned(),
        charset: None,
        name: None,
        disposition: None,
        cid: None,
        language: Vec::new(),
        location: None,
        headers: Vec::new(),
        content: Content::Parts,
    }
}

/// Parts in a multipart behind the first, or that one alone.
fn with(content_type: &str, first: Vec<DraftPart>, others: Vec<Vec<DraftPart>>) -> Vec<DraftPart> {
    if others.is_empty() {
        return first;
    }
    let parts = std::iter::once(first).chain(others);
    around(multipart(content_type), parts.collect())
}

/// A part and those in it, one deeper, in preorder.
fn around(own: DraftPart, inner: Vec<Vec<DraftPart>>) -> Vec<DraftPart> {
    let mut parts = vec![own];
    parts.extend(inner.into_iter().flatten().map(|part| DraftPart {
        depth: part.depth + 1,
        ..part
    }));
    parts
}
