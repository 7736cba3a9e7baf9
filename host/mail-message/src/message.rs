//! A message as it is read.

use std::ops::Range;

use crate::bytes::{part, truncate};
use crate::charset;
use crate::header::{Field, Fields, Mailbox, RawField, language_tags};
use crate::html;
use crate::limits::{
    PREVIEW_INPUT_MAX_BYTES, PREVIEW_MAX_CHARS, SORT_KEY_MAX_BYTES, TEXT_MAX_BYTES, TEXTS_MAX_BYTES,
};
use crate::roles::{self, Role};
use crate::search::SearchText;
use crate::structure::{self, Node};
use crate::subject::{BaseSubject, base_subject};
use crate::threads::ThreadKeys;
use crate::transfer::{Encoding, decode_head, decoded_length};
use crate::{addresses, date_us, text};

/// The fields that lists show; of each the last is kept (`concierge:mail/emails.email.headers`).
const KEPT_FIELDS: [&str; 11] = [
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

/// Octets of an address field of which the first address is looked for.
const FIRST_ADDRESS_MAX_BYTES: usize = 16 << 10;

/// Reads a message: any bytes are one.
#[must_use]
pub fn read(bytes: &[u8]) -> Message<'_> {
    let nodes = structure::scan(bytes);
    let roles = roles::assign(&nodes);
    let header = nodes.first().map_or(0..0, |node| node.header.clone());
    Message {
        bytes,
        header: part(bytes, header),
        nodes,
        roles,
    }
}

/// A message whose structure is known. What its methods give is made when they are called.
#[derive(Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    header: &'a [u8],
    nodes: Vec<Node>,
    roles: Vec<Role>,
}

/// A part of a message, as `concierge:mail/emails.part` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Unique in the message; `None` for `multipart/*`.
    pub id: Option<String>,
    /// 0 for the message's own part. Parts come in preorder.
    pub depth: u32,
    /// Where its bytes are; `None` for `multipart/*`.
    pub body: Option<Encoded>,
    /// Decoded octets; 0 for `multipart/*`.
    pub size: u64,
    /// All fields of its header, where they were asked for.
    pub headers: Vec<Field>,
    /// Decoded.
    pub name: Option<String>,
    /// In lower case, without parameters.
    pub content_type: String,
    /// Of text: as it was given, or `us-ascii` (RFC 8621 §4.1.4).
    pub charset: Option<String>,
    /// In lower case.
    pub disposition: Option<String>,
    /// Without brackets.
    pub cid: Option<String>,
    /// Tags of languages.
    pub language: Vec<String>,
    /// A URI.
    pub location: Option<String>,
    /// In `textBody`.
    pub in_text_body: bool,
    /// In `htmlBody`.
    pub in_html_body: bool,
    /// In `attachments`.
    pub in_attachments: bool,
}

/// Bytes of a part within the message, and how they are encoded: what a part's blob id tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// From the start of the message.
    pub range: Range<u64>,
    /// By a [`Decoder`](crate::transfer::Decoder).
    pub encoding: Encoding,
}

/// Which texts are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Texts {
    /// Those in `textBody`.
    pub text_body: bool,
    /// Those in `htmlBody`.
    pub html_body: bool,
    /// All that are text.
    pub all: bool,
}

/// The text of a part (RFC 8621 §4.1.4, `EmailBodyValue`), with line feeds as line breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyValue {
    /// [`Part::id`].
    pub part_id: String,
    /// Decoded.
    pub value: String,
    /// The charset or the transfer encoding did not decode without fault, or is not known.
    pub encoding_problem: bool,
    /// Something was cut off at the end.
    pub truncated: bool,
}

/// What messages are sorted by (RFC 8621 §4.4.2), in lower case, each at most [`SORT_KEY_MAX_BYTES`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SortKeys {
    /// The name of the first address in From, else the address.
    pub from: String,
    /// The same of To.
    pub to: String,
    /// The base subject.
    pub subject: String,
}

impl<'a> Message<'a> {
    /// Whether it has a header at all. Bytes without one are hardly a message.
    #[must_use]
    pub fn has_header(&self) -> bool {
        self.fields().next().is_some()
    }

    /// The fields of the header: all in their order, or those that lists show, the last of each.
    #[must_use]
    pub fn headers(&self, all: bool) -> Vec<Field> {
        if all {
            return self.fields().told();
        }
        let mut kept = [None; KEPT_FIELDS.len()];
        for field in self.fields() {
            let slots = KEPT_FIELDS.iter().zip(&mut kept);
            for (_, slot) in slots.filter(|(name, _)| field.is(name)) {
                *slot = Some(field);
            }
        }
        kept.into_iter()
            .flatten()
            .map(|field| field.told())
            .collect()
    }

    /// The value of a field, as it was received; of several the last.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.field(name).map(|field| field.value)
    }

    /// The addresses of a field; none where there is no such field.
    #[must_use]
    pub fn addresses(&self, name: &str) -> Vec<Mailbox> {
        self.header(name).map(addresses).unwrap_or_default()
    }

    /// The parts in preorder, with their headers if these are wanted. Decodes each part to know its size.
    #[must_use]
    pub fn parts(&self, with_headers: bool) -> Vec<Part> {
        let nodes = self.nodes.iter().zip(&self.roles).enumerate();
        nodes
            .map(|(at, (node, role))| self.part(at, node, *role, with_headers))
            .collect()
    }

    fn part(&self, at: usize, node: &Node, role: Role, with_headers: bool) -> Part {
        let header = part(self.bytes, node.header.clone());
        let content = &node.content;
        let is_multipart = node.is_multipart();
        let is_text = content.media_type.starts_with("text/");
        let body = part(self.bytes, node.body.clone());
        let mut described = Part {
            id: (!is_multipart).then(|| part_id(at)),
            depth: node.depth,
            body: (!is_multipart).then_some(Encoded {
                range: node.body.start as u64..node.body.end as u64,
                encoding: content.encoding,
            }),
            size: 0,
            headers: Vec::new(),
            name: content.name.clone(),
            content_type: content.media_type.clone(),
            charset: content.charset.clone(),
            disposition: content.disposition.clone(),
            cid: None,
            language: Vec::new(),
            location: None,
            in_text_body: role.in_text_body,
            in_html_body: role.in_html_body,
            in_attachments: role.in_attachments,
        };
        if is_text {
            described
                .charset
                .get_or_insert_with(|| "us-ascii".to_owned());
        }
        if !is_multipart {
            described.size = decoded_length(content.encoding, body);
        }
        if with_headers {
            described.headers = Fields::of(header).told();
        }
        for field in Fields::of(header) {
            describe(&mut described, field);
        }
        described
    }

    /// The texts of the parts that are wanted, each at most `max_bytes` (0: as much as there may be).
    #[must_use]
    pub fn texts(&self, wanted: Texts, max_bytes: u32) -> Vec<BodyValue> {
        let max = match max_bytes as usize {
            0 => TEXT_MAX_BYTES,
            max => max.min(TEXT_MAX_BYTES),
        };
        let mut left_bytes = TEXTS_MAX_BYTES;
        let mut texts = Vec::new();
        for (at, (node, role)) in self.nodes.iter().zip(&self.roles).enumerate() {
            let is_wanted = wanted.all
                || wanted.text_body && role.in_text_body
                || wanted.html_body && role.in_html_body;
            if is_wanted && is_text(node) {
                let text = self.text(at, node, max.min(left_bytes));
                left_bytes = left_bytes.saturating_sub(text.value.len());
                texts.push(text);
            }
        }
        texts
    }

    fn text(&self, at: usize, node: &Node, max: usize) -> BodyValue {
        let mut text = self.decoded(node, max);
        let mut truncated = truncate(&mut text.value, max) || !text.is_whole;
        if truncated && node.content.media_type == "text/html" {
            // RFC 8621 §4.2: not within a tag.
            let tag = text.value.rfind('<').filter(|tag| {
                let behind = text.value.get(*tag..);
                behind.is_some_and(|behind| !behind.contains('>'))
            });
            if let Some(tag) = tag {
                text.value.truncate(tag);
            }
            truncated = true;
        }
        BodyValue {
            part_id: part_id(at),
            value: text.value,
            encoding_problem: text.has_problem,
            truncated,
        }
    }

    /// The text of a part, at least `max` octets of it if there are so many.
    fn decoded(&self, node: &Node, max: usize) -> DecodedText {
        let content = &node.content;
        let body = part(self.bytes, node.body.clone());
        // UTF-16 and escapes between charsets take most octets for one of UTF-8.
        let decoded = decode_head(content.encoding, body, max.saturating_mul(4));
        let mut bytes = decoded.bytes;
        if !decoded.is_whole {
            // The end may lie within a character, which is no fault of the sender's.
            let end = bytes.iter().rposition(|byte| *byte == b'\n');
            bytes.truncate(end.filter(|end| *end >= max).unwrap_or(bytes.len()));
        }
        let (text, is_faultless) = charset::decode(&bytes, content.charset.as_deref());
        DecodedText {
            value: text.replace("\r\n", "\n"),
            has_problem: !is_faultless || !decoded.is_faultless || content.is_encoding_unknown,
            is_whole: decoded.is_whole,
        }
    }

    /// Whether it has a part that is offered for download: one that is attached and not to be shown within the text.
    #[must_use]
    pub fn has_attachment(&self) -> bool {
        let mut parts = self.nodes.iter().zip(&self.roles);
        parts.any(|(node, role)| {
            role.in_attachments && node.content.disposition.as_deref() != Some("inline")
        })
    }

    /// The beginning of the text, blanks collapsed, at most [`PREVIEW_MAX_CHARS`] characters.
    #[must_use]
    pub fn preview(&self) -> String {
        let mut preview = String::new();
        let texts = self.nodes.iter().zip(&self.roles);
        for (node, _) in texts.filter(|(node, role)| role.in_text_body && is_text(node)) {
            let text = self.plain(node, PREVIEW_INPUT_MAX_BYTES);
            for word in text.split_whitespace() {
                if !preview.is_empty() {
                    preview.push(' ');
                }
                preview.push_str(word);
                if preview.len() > 4 * PREVIEW_MAX_CHARS {
                    break;
                }
            }
            if !preview.is_empty() {
                break;
            }
        }
        let shown = preview.chars().filter(|c| !c.is_control());
        shown.take(PREVIEW_MAX_CHARS).collect()
    }

    /// The text of a part without markup.
    pub(crate) fn plain(&self, node: &Node, max: usize) -> String {
        let mut text = self.decoded(node, max).value;
        if node.content.media_type == "text/html" {
            text = html::to_text(&text, max);
        }
        truncate(&mut text, max);
        text
    }

    /// What it is sorted by.
    #[must_use]
    pub fn sort_keys(&self) -> SortKeys {
        SortKeys {
            from: self.first_name("From"),
            to: self.first_name("To"),
            subject: sort_key(&self.base_subject().text),
        }
    }

    fn first_name(&self, field: &str) -> String {
        let value = self.header(field).unwrap_or_default();
        let head = crate::bytes::head(value, FIRST_ADDRESS_MAX_BYTES);
        let first = addresses(head).into_iter().next();
        let name = first.map(|mailbox| mailbox.name.unwrap_or(mailbox.address));
        sort_key(&name.unwrap_or_default())
    }

    /// The decoded subject.
    #[must_use]
    pub fn subject(&self) -> String {
        self.header("Subject").map(text).unwrap_or_default()
    }

    fn base_subject(&self) -> BaseSubject {
        base_subject(&self.subject())
    }

    /// When it was sent, as its Date says: microseconds since the Unix epoch.
    #[must_use]
    pub fn sent_us(&self) -> Option<u64> {
        self.header("Date").and_then(date_us)
    }

    /// When it was received, as far as its header tells: the time in its first Received field (RFC 5321 §4.4), which the
    /// last server wrote, else its Date.
    #[must_use]
    pub fn received_us(&self) -> Option<u64> {
        let received = self.fields().find(|field| field.is("Received"));
        let time = received.and_then(|field| {
            let semicolon = memchr::memrchr(b';', field.value)?;
            date_us(field.value.get(semicolon + 1..)?)
        });
        time.or_else(|| self.sent_us())
    }

    /// What it says of its thread.
    #[must_use]
    pub fn thread_keys(&self) -> ThreadKeys {
        ThreadKeys::of(
            self.field("Message-ID"),
            self.field("References"),
            self.field("In-Reply-To"),
            self.base_subject(),
        )
    }

    /// The text to be found by.
    #[must_use]
    pub fn search_text(&self) -> SearchText {
        SearchText::of(self)
    }

    /// The parts with their roles.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (&Node, &Role)> {
        self.nodes.iter().zip(&self.roles)
    }

    pub(crate) fn fields(&self) -> Fields<'a> {
        Fields::of(self.header)
    }

    fn field(&self, name: &str) -> Option<RawField<'a>> {
        self.fields().filter(|field| field.is(name)).last()
    }
}

struct DecodedText {
    value: String,
    has_problem: bool,
    is_whole: bool,
}

fn part_id(at: usize) -> String {
    (at + 1).to_string()
}

pub(crate) fn is_text(node: &Node) -> bool {
    node.content.media_type.starts_with("text/")
}

/// Fields that only clients look at.
fn describe(part: &mut Part, field: RawField<'_>) {
    let told = |value: String| Some(value).filter(|value| !value.is_empty());
    if field.is("Content-ID") {
        part.cid = crate::message_ids(field.value)
            .into_iter()
            .next()
            .or_else(|| told(text(field.value)));
    } else if field.is("Content-Language") {
        part.language = language_tags(&text(field.value));
    } else if field.is("Content-Location") {
        // Folds are no part of it (RFC 2557 §4.4.1).
        part.location = told(text(field.value).split_whitespace().collect());
    }
}

fn sort_key(text: &str) -> String {
    let mut key = text.trim().to_lowercase();
    truncate(&mut key, SORT_KEY_MAX_BYTES);
    key
}
