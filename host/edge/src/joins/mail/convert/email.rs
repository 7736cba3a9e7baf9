use super::{To, record, variant};
use crate::joins::bindings::mail::emails as wit;
use concierge_mail::types::{self, calls::emails};

record!(emails::Field => wit::Field { name, value });
record!(wit::Field => emails::Field { name, value });
record!(wit::Texts => emails::Texts { text_body, html_body, all });
record!(wit::Detail => emails::Detail {
    all_headers,
    structure,
    part_headers,
    texts,
    max_text_bytes
});
record!(emails::BodyValue => wit::BodyValue { part_id, value, encoding_problem, truncated });
record!(emails::Part => wit::Part {
    id,
    depth,
    blob_id,
    size,
    headers,
    name,
    content_type,
    charset,
    disposition,
    cid,
    language,
    location,
    in_text_body,
    in_html_body,
    in_attachments,
});

impl To<wit::Email> for emails::Email {
    fn to(self) -> wit::Email {
        wit::Email {
            // One that was parsed has none: the contract says the empty string.
            id: self.id.map(To::to).unwrap_or_default(),
            blob_id: self.blob_id.to(),
            thread_id: self.thread_id.map(To::to).unwrap_or_default(),
            mailboxes: self.mailboxes.to(),
            keywords: self.keywords,
            size: self.size,
            received_us: self.received_us,
            headers: self.headers.to(),
            has_attachment: self.has_attachment,
            preview: self.preview,
            parts: self.parts.to(),
            texts: self.texts.to(),
        }
    }
}

record!(types::Thread => wit::Thread { id, emails });
variant!(wit::Content => emails::Content { Parts, Text(text), Blob(blob) });
record!(wit::DraftPart => emails::DraftPart {
    depth,
    content_type,
    charset,
    name,
    disposition,
    cid,
    language,
    location,
    headers,
    content,
});
record!(wit::Draft => emails::Draft { headers, parts, mailboxes, keywords, received_us });
record!(wit::Message => emails::Message { blob_id, mailboxes, keywords, received_us });
record!(wit::Copied => emails::Copied { from_id, mailboxes, keywords, received_us });
record!(wit::Patch => emails::Patch {
    id,
    mailboxes,
    add_mailboxes,
    remove_mailboxes,
    keywords,
    add_keywords,
    remove_keywords,
});
variant!(wit::Edit => emails::Edit { Create(draft), Import(message), Update(patch), Destroy(id) });

impl To<wit::Made> for types::Made {
    fn to(self) -> wit::Made {
        wit::Made {
            id: self.id.to(),
            blob_id: self.blob.to(),
            thread_id: self.thread.to(),
            size: self.size,
        }
    }
}

variant!(types::Done => wit::Done { Made(made), Changed(id), Destroyed(id) });
record!(types::Edited => wit::Edited { old_state, new_state, items });
