//! Signatures, while a message is read.

use bytes::Bytes;
use mail_auth::common::crypto::{Algorithm, DkimKey, Sha256, SigningKey};
use mail_auth::common::headers::{HeaderWriter, Writable};
use mail_auth::dkim::{DkimSigner, DkimSigningStream, Done};

use crate::message::fields;

/// Fields that are signed, and once more than they are there: nobody may add another (RFC 6376 §8.15).
const SEALED: [&str; 13] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];
/// Fields that are signed where they are: lists add their own.
const SIGNED: [&str; 8] = [
    "Auto-Submitted",
    "Content-Language",
    "List-Help",
    "List-Id",
    "List-Post",
    "List-Subscribe",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];

/// A key of a domain, ready to sign.
pub(crate) struct DomainKey {
    pub(super) domain: String,
    pub(super) selector: String,
    pub(super) key: DkimKey,
}

/// A key that is lent: it signs other messages at the same time.
pub(crate) struct Lent<'a>(&'a DkimKey);

impl SigningKey for Lent<'_> {
    type Hasher = Sha256;

    fn sign(&self, input: impl Writable) -> mail_auth::Result<Vec<u8>> {
        self.0.sign(input)
    }

    fn algorithm(&self) -> Algorithm {
        self.0.algorithm()
    }
}

/// Keys that sign one message.
pub(crate) struct Signers<'a>(Vec<DkimSigner<Lent<'a>, Done>>);

impl<'a> Signers<'a> {
    /// For a message with this header. Canonicalization is relaxed for header and body: servers on the way fold and trim.
    pub(crate) fn new(keys: &'a [DomainKey], header: &[u8]) -> Self {
        let names = names(header);
        let signers = keys.iter().map(|key| {
            DkimSigner::from_key(Lent(&key.key))
                .domain(&key.domain)
                .selector(&key.selector)
                .headers(names.iter().copied())
        });
        Self(signers.collect())
    }

    /// Begins to sign.
    pub(crate) fn start(&self) -> Signing<'_, 'a> {
        Signing(self.0.iter().map(DkimSigner::sign_streaming).collect())
    }
}

/// Signatures that are being made.
pub(crate) struct Signing<'s, 'a>(Vec<DkimSigningStream<'s, Lent<'a>>>);

impl Signing<'_, '_> {
    /// Takes a piece of the message, whose lines end with CRLF.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        for signing in &mut self.0 {
            signing.write(piece);
        }
    }

    /// The fields to put before the message. What cannot be signed goes unsigned: receivers are told by DMARC what to think
    /// of it.
    pub(crate) fn finish(self) -> Bytes {
        let mut fields = String::new();
        for signing in self.0 {
            let outcome = match signing.finish() {
                Ok(signature) => {
                    fields.push_str(&signature.to_header());
                    "signed"
                }
                Err(error) => {
                    tracing::warn!(%error, "signing a message");
                    "failed"
                }
            };
            metrics::counter!("concierge_relay_signatures_total", "outcome" => outcome)
                .increment(1);
        }
        Bytes::from(fields)
    }
}

/// The names that are signed of a header. One that is named once more than it is there says that it is there no more often:
/// each is named twice where it is there, and mail-auth takes the second for one that is missing.
fn names(header: &[u8]) -> Vec<&'static str> {
    let is_there = |name: &str| {
        let mut fields = fields(header);
        fields.any(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
    };
    let mut names = Vec::new();
    for name in SEALED {
        names.push(name);
        if is_there(name) {
            names.push(name);
        }
    }
    names.extend(SIGNED.into_iter().filter(|name| is_there(name)));
    names
}
