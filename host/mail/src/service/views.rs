//! What is told of messages: made of their bytes, or of what is kept beside them.

use bytes::Bytes;
use concierge_mail_message::{Message, Texts, read};

use super::contents::Loaded;
use crate::error::Error;
use crate::types::calls::emails::{BodyValue, Detail, Email, Field, Part};
use crate::types::{BlobId, EmailRow, HeaderField, Summary, ThreadKeys};

/// Octets of texts and headers of one answer. Who is told that this is too much asks for fewer emails.
pub(crate) const ANSWER_MAX_BYTES: u64 = 32 << 20;

/// Whether the bytes of messages have to be read for it.
pub(crate) fn needs_bytes(detail: &Detail) -> bool {
    let Texts {
        text_body,
        html_body,
        all,
    } = detail.texts;
    detail.all_headers || detail.structure || detail.part_headers || text_body || html_body || all
}

/// Works on a message on a thread that may take its time.
pub(crate) async fn with_message<T: Send + 'static>(
    loaded: Loaded,
    work: impl FnOnce(&Message<'_>, &Bytes) -> T + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(move || work(&read(&loaded.bytes), &loaded.bytes));
    done.await.map_err(|error| {
        tracing::error!(%error, "reading a message");
        Error::Internal
    })
}

/// What only the bytes of a message tell.
#[derive(Debug, Default)]
pub(crate) struct Deep {
    headers: Option<Vec<Field>>,
    parts: Vec<Part>,
    texts: Vec<BodyValue>,
}

impl Deep {
    pub(crate) fn of(message: &Message<'_>, blob: &BlobId, detail: &Detail) -> Self {
        let parts = match detail.structure || detail.part_headers {
            true => message.parts(detail.part_headers),
            false => Vec::new(),
        };
        Self {
            headers: detail.all_headers.then(|| message.headers(true)),
            parts: parts.into_iter().map(|read| part(read, blob)).collect(),
            texts: message.texts(detail.texts, detail.max_text_bytes),
        }
    }
}

/// Octets of an email's texts and headers.
pub(crate) fn size(email: &Email) -> u64 {
    let parts = email.parts.iter().flat_map(|part| &part.headers);
    let fields = email.headers.iter().chain(parts);
    let fields = fields.map(|field| field.name.len() + field.value.len());
    let texts = email.texts.iter().map(|text| text.value.len());
    fields.chain(texts).sum::<usize>() as u64
}

fn part(read: concierge_mail_message::Part, blob: &BlobId) -> Part {
    let body = read.body;
    Part {
        id: read.id,
        depth: read.depth,
        blob_id: body.and_then(|body| blob.part(body.range, body.encoding)),
        size: read.size,
        headers: read.headers,
        name: read.name,
        content_type: read.content_type,
        charset: read.charset,
        disposition: read.disposition,
        cid: read.cid,
        language: read.language,
        location: read.location,
        in_text_body: read.in_text_body,
        in_html_body: read.in_html_body,
        in_attachments: read.in_attachments,
    }
}

/// An email of the store.
pub(crate) fn email(row: EmailRow, deep: Deep) -> Email {
    let kept = |headers: Vec<HeaderField>| headers.into_iter().map(field).collect();
    Email {
        id: Some(row.id),
        blob_id: row.blob.into(),
        thread_id: Some(row.thread),
        mailboxes: row.mailboxes,
        keywords: row.keywords,
        size: row.size,
        received_us: row.received_us,
        headers: deep.headers.unwrap_or_else(|| kept(row.headers)),
        has_attachment: row.has_attachment,
        preview: row.preview,
        parts: deep.parts,
        texts: deep.texts,
    }
}

/// A message that is no email (`Email/parse`).
pub(crate) fn parsed(message: &Message<'_>, blob: BlobId, size: u64, detail: &Detail) -> Email {
    let deep = Deep::of(message, &blob, detail);
    Email {
        id: None,
        blob_id: blob,
        thread_id: None,
        mailboxes: Vec::new(),
        keywords: Vec::new(),
        size,
        received_us: 0,
        headers: deep.headers.unwrap_or_else(|| message.headers(false)),
        has_attachment: message.has_attachment(),
        preview: message.preview(),
        parts: deep.parts,
        texts: deep.texts,
    }
}

fn field(kept: HeaderField) -> Field {
    Field {
        name: kept.name,
        value: kept.value,
    }
}

/// What is kept beside a message.
pub(crate) fn summary(message: &Message<'_>, size: u64) -> Summary {
    let sort = message.sort_keys();
    let keys = message.thread_keys();
    let headers = message.headers(false).into_iter();
    Summary {
        size,
        sent_us: message.sent_us(),
        sort_from: sort.from,
        sort_to: sort.to,
        sort_subject: sort.subject,
        has_attachment: message.has_attachment(),
        preview: message.preview(),
        headers: headers
            .map(|Field { name, value }| HeaderField { name, value })
            .collect(),
        thread: ThreadKeys {
            message_id: keys.message_id,
            references: keys.references,
            subject: keys.subject.key(),
            is_reply: keys.subject.is_reply,
        },
    }
}
