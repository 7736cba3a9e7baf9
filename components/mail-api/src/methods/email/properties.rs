//! The properties of emails (RFC 8621 §4.1) that a call asks for, and what they need of the host.

use std::collections::BTreeSet;

use crate::bindings::concierge::mail::emails::{Detail, Texts};
use crate::header::property::{Form, HeaderProperty, PREFIX};
use crate::jmap::context::Arguments;
use crate::jmap::error::{Kind, MethodError};
use crate::jmap::value::UnsignedInt;

/// Properties that a call may name, each of which costs work for every email.
const PROPERTIES_MAX: usize = 500;

/// The properties of a part where a call names none (RFC 8621 §4.2).
const PART_DEFAULT: [&str; 10] = [
    "partId",
    "blobId",
    "size",
    "name",
    "type",
    "charset",
    "disposition",
    "cid",
    "language",
    "location",
];

/// The fields of the header that the host keeps beside a message, the last of each (`wit/mail/emails.wit`).
const KEPT_BESIDE: [&str; 11] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
];

/// A property of an email.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "RFC 8621 §4.1 has these names")]
pub enum Property {
    Id,
    BlobId,
    ThreadId,
    MailboxIds,
    Keywords,
    Size,
    ReceivedAt,
    Headers,
    /// One field, also under a name of its own such as `subject`.
    Header(HeaderProperty),
    BodyStructure,
    BodyValues,
    TextBody,
    HtmlBody,
    Attachments,
    HasAttachment,
    Preview,
}

impl Property {
    fn named(name: &str) -> Result<Self, String> {
        let header = |field, form| Self::Header(HeaderProperty::last(field, form));
        Ok(match name {
            "id" => Self::Id,
            "blobId" => Self::BlobId,
            "threadId" => Self::ThreadId,
            "mailboxIds" => Self::MailboxIds,
            "keywords" => Self::Keywords,
            "size" => Self::Size,
            "receivedAt" => Self::ReceivedAt,
            "headers" => Self::Headers,
            "messageId" => header("Message-ID", Form::MessageIds),
            "inReplyTo" => header("In-Reply-To", Form::MessageIds),
            "references" => header("References", Form::MessageIds),
            "sender" => header("Sender", Form::Addresses),
            "from" => header("From", Form::Addresses),
            "to" => header("To", Form::Addresses),
            "cc" => header("Cc", Form::Addresses),
            "bcc" => header("Bcc", Form::Addresses),
            "replyTo" => header("Reply-To", Form::Addresses),
            "subject" => header("Subject", Form::Text),
            "sentAt" => header("Date", Form::Date),
            "bodyStructure" => Self::BodyStructure,
            "bodyValues" => Self::BodyValues,
            "textBody" => Self::TextBody,
            "htmlBody" => Self::HtmlBody,
            "attachments" => Self::Attachments,
            "hasAttachment" => Self::HasAttachment,
            "preview" => Self::Preview,
            _ if name.starts_with(PREFIX) => Self::Header(HeaderProperty::parse(name)?),
            _ => return Err(format!("There is no property {name:?}.")),
        })
    }

    fn needs_all_headers(&self) -> bool {
        match self {
            Self::Headers => true,
            Self::Header(header) => {
                let is_field = |kept: &&str| kept.eq_ignore_ascii_case(&header.field);
                header.all || !KEPT_BESIDE.iter().any(is_field)
            }
            _ => false,
        }
    }

    fn needs_structure(&self) -> bool {
        matches!(
            self,
            Self::BodyStructure | Self::TextBody | Self::HtmlBody | Self::Attachments
        )
    }
}

/// A property of a part (RFC 8621 §4.1.4).
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "RFC 8621 §4.1.4 has these names")]
pub enum PartProperty {
    PartId,
    BlobId,
    Size,
    Headers,
    Header(HeaderProperty),
    Name,
    Type,
    Charset,
    Disposition,
    Cid,
    Language,
    Location,
    SubParts,
}

impl PartProperty {
    fn named(name: &str) -> Result<Self, String> {
        Ok(match name {
            "partId" => Self::PartId,
            "blobId" => Self::BlobId,
            "size" => Self::Size,
            "headers" => Self::Headers,
            "name" => Self::Name,
            "type" => Self::Type,
            "charset" => Self::Charset,
            "disposition" => Self::Disposition,
            "cid" => Self::Cid,
            "language" => Self::Language,
            "location" => Self::Location,
            "subParts" => Self::SubParts,
            _ if name.starts_with(PREFIX) => Self::Header(HeaderProperty::parse(name)?),
            _ => return Err(format!("A part has no property {name:?}.")),
        })
    }
}

/// What a call wants of emails: each property with the name that the client has for it.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Of an email.
    pub properties: Vec<(String, Property)>,
    /// Of a part.
    pub part: Vec<(String, PartProperty)>,
    texts: Texts,
    max_text_bytes: u32,
}

impl Wanted {
    /// Takes the arguments that `Email/get` and `Email/parse` have in common (RFC 8621 §4.2 and §4.9). `default` is what
    /// is given where no properties are named, `always` what is given in any case.
    ///
    /// # Errors
    ///
    /// `invalidArguments` where an argument is not of its form, a property is not known, or a form does not suit a field;
    /// `requestTooLarge` where there are too many.
    pub fn take(
        arguments: &mut Arguments,
        default: &[&str],
        always: &[&str],
    ) -> Result<Self, MethodError> {
        let properties: Option<Vec<String>> = arguments.take("properties")?;
        let part: Option<Vec<String>> = arguments.take("bodyProperties")?;
        let mut properties = properties.unwrap_or_else(|| owned(default));
        properties.extend(owned(always));
        let max: Option<UnsignedInt> = arguments.take("maxBodyValueBytes")?;
        Ok(Self {
            properties: known(properties, Property::named)?,
            part: known(
                part.unwrap_or_else(|| owned(&PART_DEFAULT)),
                PartProperty::named,
            )?,
            texts: Texts {
                text_body: arguments.take("fetchTextBodyValues")?.unwrap_or(false),
                html_body: arguments.take("fetchHTMLBodyValues")?.unwrap_or(false),
                all: arguments.take("fetchAllBodyValues")?.unwrap_or(false),
            },
            max_text_bytes: max.map_or(0, UnsignedInt::saturated),
        })
    }

    /// What the host has to look up for it: no more than that.
    pub fn detail(&self) -> Detail {
        let any = |needs: fn(&Property) -> bool| self.properties.iter().any(|(_, one)| needs(one));
        let structure = any(Property::needs_structure);
        let part_headers = self
            .part
            .iter()
            .any(|(_, one)| matches!(one, PartProperty::Headers | PartProperty::Header(_)));
        let texts = any(|one| *one == Property::BodyValues);
        Detail {
            all_headers: any(Property::needs_all_headers),
            structure,
            part_headers: structure && part_headers,
            texts: Texts {
                text_body: texts && self.texts.text_body,
                html_body: texts && self.texts.html_body,
                all: texts && self.texts.all,
            },
            max_text_bytes: self.max_text_bytes,
        }
    }
}

/// Whether the host has to read messages for it.
pub fn reads_messages(detail: &Detail) -> bool {
    let texts = &detail.texts;
    detail.all_headers || detail.structure || texts.text_body || texts.html_body || texts.all
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Properties by their names, each once.
fn known<P>(
    names: Vec<String>,
    named: impl Fn(&str) -> Result<P, String>,
) -> Result<Vec<(String, P)>, MethodError> {
    let names: BTreeSet<String> = names.into_iter().collect();
    if names.len() > PROPERTIES_MAX {
        let why = format!("At most {PROPERTIES_MAX} properties at once.");
        return Err(MethodError::new(Kind::RequestTooLarge, why));
    }
    names
        .into_iter()
        .map(|name| match named(&name) {
            Ok(property) => Ok((name, property)),
            Err(why) => Err(MethodError::invalid_arguments(why)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn wanted(arguments: Value) -> Result<Wanted, MethodError> {
        let mut arguments = Arguments(arguments.as_object().unwrap().clone());
        let wanted = Wanted::take(&mut arguments, &["id", "textBody", "bodyValues"], &["id"])?;
        arguments.finish()?;
        Ok(wanted)
    }

    fn detail(arguments: Value) -> Detail {
        wanted(arguments).unwrap().detail()
    }

    #[test]
    fn what_is_kept_beside_a_message_does_not_read_it() {
        let beside = json!({"properties": [
            "id", "blobId", "threadId", "mailboxIds", "keywords", "size", "receivedAt", "messageId", "inReplyTo",
            "references", "sender", "from", "to", "cc", "bcc", "replyTo", "subject", "sentAt", "hasAttachment", "preview",
            "header:SUBJECT", "header:to:asGroupedAddresses",
        ], "fetchAllBodyValues": true, "bodyProperties": ["headers"]});
        assert!(!reads_messages(&detail(beside)));
    }

    #[test]
    fn no_more_is_asked_of_the_host_than_is_needed() {
        let headers = detail(json!({"properties": ["header:List-Id"]}));
        assert!(headers.all_headers && !headers.structure);
        assert!(detail(json!({"properties": ["header:To:all"]})).all_headers);
        assert!(detail(json!({"properties": ["headers"]})).all_headers);
        let parts = detail(json!({"properties": ["attachments"]}));
        assert!(parts.structure && !parts.all_headers && !parts.part_headers);
        let fields =
            json!({"properties": ["bodyStructure"], "bodyProperties": ["header:Content-Type"]});
        assert!(detail(fields).part_headers);
        let texts = detail(json!({"fetchHTMLBodyValues": true, "maxBodyValueBytes": 256}));
        assert!(texts.structure && texts.texts.html_body && !texts.texts.all);
        assert_eq!(texts.max_text_bytes, 256);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for arguments in [
            json!({"properties": ["subjects"]}),
            json!({"properties": ["header:From:asText"]}),
            json!({"properties": "id"}),
            json!({"bodyProperties": ["preview"]}),
            json!({"bodyProperties": ["header:Subject:asURLs"]}),
            json!({"maxBodyValueBytes": -1}),
            json!({"fetchTextBodyValues": 1}),
            json!({"fetchValues": true}),
        ] {
            let error = wanted(arguments.clone()).unwrap_err();
            assert_eq!(error.kind(), Kind::InvalidArguments, "{arguments}");
        }
        let many: Vec<String> = (0..=PROPERTIES_MAX)
            .map(|one| format!("header:X{one}"))
            .collect();
        let error = wanted(json!({"properties": many})).unwrap_err();
        assert_eq!(error.kind(), Kind::RequestTooLarge);
        let same = vec!["subject"; PROPERTIES_MAX + 1];
        assert_eq!(
            wanted(json!({"properties": same}))
                .unwrap()
                .properties
                .len(),
            2
        );
    }
}
