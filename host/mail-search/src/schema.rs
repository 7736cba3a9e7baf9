//! The index on disk.
//!
//! A directory of the engine, version 0.27 of tantivy, and a file `FORMAT` that holds [`FORMAT`] and a line feed. `FORMAT`
//! is the last file to be written when an index is made, and the first to go: a directory without it holds no index, and
//! may be cleared.
//!
//! | field | what |
//! | --- | --- |
//! | `key` | account and storage id, 16 and 8 octets, big-endian: for removal |
//! | `account` | 16 octets, big-endian |
//! | `message` | the storage id, as a column |
//! | `from` … `attachment_names` | words with their places; the texts themselves are not kept |
//! | `header` | the same of the header's fields, each word behind `NAME:` in lower case, and `NAME:` alone once a field |
//!
//! The payload of a commit is [`Positions`](crate::Positions).

use tantivy::schema::{
    BytesOptions, FAST, Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::{TantivyDocument, Term};

use crate::document::{AccountId, Document, Key};
use crate::terms::{Place, Scope};

/// What `FORMAT` holds. It changes with the schema, with how words are made, and with the engine's format.
pub(crate) const FORMAT: &str = "concierge-mail-search 2";

/// The name of the file.
pub(crate) const FORMAT_FILE: &str = "FORMAT";

/// The name of our tokenizer in the schema.
pub(crate) const TOKENIZER: &str = "mail";

/// The same for the fields of the header.
pub(crate) const HEADER_TOKENIZER: &str = "mail-header";

pub(crate) const MESSAGE: &str = "message";

/// The fields of texts, with their scope.
pub(crate) const TEXTS: [(Scope, &str); 7] = [
    (Scope::From, "from"),
    (Scope::To, "to"),
    (Scope::Cc, "cc"),
    (Scope::Bcc, "bcc"),
    (Scope::Subject, "subject"),
    (Scope::Body, "body"),
    (Scope::AttachmentName, "attachment_names"),
];

/// The fields of the schema.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    pub(crate) schema: Schema,
    key: Field,
    account: Field,
    message: Field,
    /// In the order of [`TEXTS`].
    texts: [Field; TEXTS.len()],
    header: Field,
}

impl Fields {
    pub(crate) fn new() -> Self {
        let mut builder = Schema::builder();
        let exact = BytesOptions::default().set_indexed();
        // Nothing is sorted by relevance: lengths of fields would be written in vain.
        let text = |tokenizer| {
            let indexing = TextFieldIndexing::default()
                .set_tokenizer(tokenizer)
                .set_index_option(IndexRecordOption::WithFreqsAndPositions)
                .set_fieldnorms(false);
            TextOptions::default().set_indexing_options(indexing)
        };
        Self {
            key: builder.add_bytes_field("key", exact.clone()),
            account: builder.add_bytes_field("account", exact),
            message: builder.add_u64_field(MESSAGE, FAST),
            texts: TEXTS.map(|(_, name)| builder.add_text_field(name, text(TOKENIZER))),
            header: builder.add_text_field("header", text(HEADER_TOKENIZER)),
            schema: builder.build(),
        }
    }

    pub(crate) fn document(&self, document: Document) -> TantivyDocument {
        let Document { key, texts } = document;
        let mut out = TantivyDocument::new();
        out.add_bytes(self.key, &key_bytes(key));
        out.add_bytes(self.account, &key.account.0.to_be_bytes());
        out.add_u64(self.message, key.message.0);
        let header = (self.header, texts.header);
        let texts = [
            texts.from,
            texts.to,
            texts.cc,
            texts.bcc,
            texts.subject,
            texts.body,
            texts.attachment_names,
        ];
        let texts = self.texts.into_iter().zip(texts);
        for (field, text) in texts.chain([header]) {
            if !text.is_empty() {
                out.add_text(field, text);
            }
        }
        out
    }

    pub(crate) fn key_term(&self, key: Key) -> Term {
        Term::from_field_bytes(self.key, &key_bytes(key))
    }

    pub(crate) fn account_term(&self, account: AccountId) -> Term {
        Term::from_field_bytes(self.account, &account.0.to_be_bytes())
    }

    /// The fields of a place.
    pub(crate) fn of_place(&self, place: Place) -> Vec<Field> {
        match place {
            Place::Texts(scope) => self.in_scope(scope),
            Place::Header => vec![self.header],
        }
    }

    fn in_scope(&self, scope: Scope) -> Vec<Field> {
        let fields = TEXTS.iter().zip(&self.texts);
        fields
            .filter(|((of, _), _)| scope == Scope::Text || *of == scope)
            .map(|(_, field)| *field)
            .collect()
    }
}

fn key_bytes(key: Key) -> [u8; 24] {
    let mut bytes = [0; 24];
    let (account, message) = bytes.split_at_mut(16);
    account.copy_from_slice(&key.account.0.to_be_bytes());
    message.copy_from_slice(&key.message.0.to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_have_their_fields() {
        let fields = Fields::new();
        assert_eq!(fields.in_scope(Scope::Text).len(), TEXTS.len());
        let subject = fields.schema.get_field("subject").unwrap();
        assert_eq!(fields.in_scope(Scope::Subject), [subject]);
    }
}
