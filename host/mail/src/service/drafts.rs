//! Emails that are about to be kept: made of drafts, imported, or copied.

use std::borrow::Cow;

use bytes::Bytes;
use concierge_identity::AccountId;
use concierge_mail_message::mailboxes::with_crlf;
use concierge_mail_message::make::{self, BlobPiece, Piece, Stamp};
use concierge_mail_message::{Field, addresses, read};
use futures::TryStreamExt;
use uuid::Uuid;

use super::contents::{Loaded, MESSAGE_MAX_BYTES, Opened, disk};
use super::ids::{blob, blob_not_found, ids};
use super::letters::Attached;
use super::{Mail, keywords, views};
use crate::error::{Error, Reason, Refusal};
use crate::spool::{Spool, Spooled};
use crate::types::calls::emails::{Copied, Draft, Message};
use crate::types::{BlobHash, EmailRow, MAILBOXES_PER_EMAIL_MAX, MailboxId, NewEmail, Summary};

/// What message ids end with where the draft says not whose it is (RFC 2606 §2).
const NO_DOMAIN: &str = "mail.invalid";

/// Why an item was not done: a fault of its own, or of the whole call.
#[derive(Debug)]
pub(super) enum Fault {
    Refused(Refusal),
    Failed(Error),
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::TooLarge(max) => Self::Refused(too_large(max)),
            // It went after it was found: another call destroyed it meanwhile.
            Error::NotFound => Self::Refused(Refusal::not_found()),
            error => Self::Failed(error),
        }
    }
}

/// An item, apart from faults of the whole call.
pub(super) fn item<T>(outcome: Result<T, Fault>) -> Result<Result<T, Refusal>, Error> {
    match outcome {
        Ok(done) => Ok(Ok(done)),
        Err(Fault::Refused(refusal)) => Ok(Err(refusal)),
        Err(Fault::Failed(error)) => Err(error),
    }
}

fn too_large(max: u64) -> Refusal {
    Refusal::new(Reason::TooLarge, format!("more than {max} octets")).limit(max)
}

impl Mail {
    /// Makes the message of a draft.
    pub(super) async fn made(&self, account: AccountId, draft: Draft) -> Result<NewEmail, Fault> {
        let mailboxes = mailboxes(&draft.mailboxes)?;
        let keywords = keywords::checked(draft.keywords)?;
        let received_us = draft.received_us.unwrap_or_else(|| self.now_us());
        let made = make::Draft {
            headers: draft.headers,
            parts: draft.parts,
        };
        let mut spooled = self.assembled(account, &made, &Attached::new()).await?;
        let (blob, size) = (spooled.hash, spooled.size);
        let loaded = self.contents.load_spooled(&mut spooled).await?;
        let summary = views::with_message(loaded, move |message, _| views::summary(message, size));
        let summary = summary.await?;
        self.contents.keep(account, spooled).await?;
        Ok(NewEmail {
            blob,
            summary,
            mailboxes,
            keywords,
            received_us,
        })
    }

    /// The bytes of a message that is made, the blobs in it those of an account.
    pub(super) async fn assembled(
        &self,
        account: AccountId,
        draft: &make::Draft,
        attached: &Attached,
    ) -> Result<Spooled, Fault> {
        let stamp = Stamp {
            now_us: self.now_us(),
            message_id: message_id(&draft.headers),
            boundary: rand::random(),
        };
        let pieces = make::assemble(draft, &stamp).map_err(|refusal| not_made(&refusal))?;
        let mut spool = self.contents.spool(MESSAGE_MAX_BYTES);
        for piece in pieces {
            match piece {
                Piece::Bytes(bytes) => spool.push(&bytes).await.map_err(Error::from)?,
                Piece::Blob(piece) => match attached.get(&piece.blob) {
                    Some(bytes) => encode(piece, bytes, &mut spool).await?,
                    None => self.encode(account, piece, &mut spool).await?,
                },
            }
        }
        Ok(spool.finish().await.map_err(Error::from)?)
    }

    async fn encode(
        &self,
        account: AccountId,
        piece: BlobPiece,
        spool: &mut Spool,
    ) -> Result<(), Fault> {
        let opened = self.readable(account, &piece.blob).await?;
        let mut encoder = piece.encoder;
        let mut bytes = self.contents.read(&opened, 0..opened.size).await?;
        let mut encoded = Vec::new();
        while let Some(bytes) = bytes.try_next().await.map_err(disk)? {
            encoder.feed(&bytes, &mut encoded);
            spool.push(&encoded).await.map_err(Error::from)?;
            encoded.clear();
        }
        encoder.finish(&mut encoded);
        Ok(spool.push(&encoded).await.map_err(Error::from)?)
    }

    /// A blob that the account may read, by what a client calls it.
    pub(super) async fn readable(&self, account: AccountId, text: &str) -> Result<Opened, Fault> {
        match self.contents.open(account, &blob(text)?).await {
            Err(Error::NotFound) => Err(blob_not_found(text).into()),
            opened => Ok(opened?),
        }
    }

    /// Takes a message that is there as bytes (RFC 8621 §4.8).
    pub(super) async fn imported(
        &self,
        account: AccountId,
        message: Message,
    ) -> Result<NewEmail, Fault> {
        let mailboxes = mailboxes(&message.mailboxes)?;
        let keywords = keywords::checked(message.keywords)?;
        let opened = self.readable(account, &message.blob_id).await?;
        let loaded = self.contents.load(&opened).await?;
        let taken = taken(loaded).await??;
        let blob = match (opened.whole(), &taken.changed) {
            (Some(hash), None) => {
                self.contents.keep_opened(account, &opened).await?;
                hash
            }
            _ => self.keep_bytes(account, taken.bytes()).await?,
        };
        Ok(NewEmail {
            blob,
            summary: taken.summary,
            mailboxes,
            keywords,
            received_us: message.received_us.unwrap_or_else(|| self.now_us()),
        })
    }

    /// Takes the bytes of a message; bare line feeds in them become CRLF.
    pub(super) async fn taken(
        &self,
        account: AccountId,
        bytes: Bytes,
    ) -> Result<(BlobHash, Summary), Fault> {
        let loaded = self.contents.loaded(bytes).await?;
        let taken = taken(loaded).await??;
        let hash = self.keep_bytes(account, taken.bytes()).await?;
        Ok((hash, taken.summary))
    }

    async fn keep_bytes(&self, account: AccountId, bytes: Bytes) -> Result<BlobHash, Error> {
        let spooled = Spooled::of(bytes);
        let hash = spooled.hash;
        self.contents.keep(account, spooled).await?;
        Ok(hash)
    }

    /// Takes an email of another account (RFC 8621 §4.7).
    pub(super) async fn copied(
        &self,
        from: AccountId,
        account: AccountId,
        row: EmailRow,
        copied: Copied,
    ) -> Result<NewEmail, Fault> {
        let mailboxes = mailboxes(&copied.mailboxes)?;
        let keywords = keywords::checked(copied.keywords.unwrap_or(row.keywords))?;
        let opened = self.contents.open_whole(from, row.blob).await?;
        let loaded = self.contents.load(&opened).await?;
        let size = opened.size;
        let summary = views::with_message(loaded, move |message, _| views::summary(message, size));
        let summary = summary.await?;
        self.contents.keep_opened(account, &opened).await?;
        Ok(NewEmail {
            blob: row.blob,
            summary,
            mailboxes,
            keywords,
            received_us: copied.received_us.unwrap_or(row.received_us),
        })
    }
}

async fn encode(piece: BlobPiece, bytes: &[u8], spool: &mut Spool) -> Result<(), Error> {
    let mut encoder = piece.encoder;
    let mut encoded = Vec::new();
    encoder.feed(bytes, &mut encoded);
    encoder.finish(&mut encoded);
    Ok(spool.push(&encoded).await?)
}

/// A message that was taken.
struct Taken {
    /// As it was given. It keeps its room while it is kept, too.
    given: Loaded,
    /// What it became, where it had bare line feeds.
    changed: Option<Bytes>,
    summary: Summary,
}

impl Taken {
    fn bytes(&self) -> Bytes {
        self.changed.as_ref().unwrap_or(&self.given.bytes).clone()
    }
}

async fn taken(given: Loaded) -> Result<Result<Taken, Refusal>, Error> {
    let taken = tokio::task::spawn_blocking(move || {
        let changed = match with_crlf(&given.bytes) {
            Cow::Borrowed(_) => None,
            Cow::Owned(bytes) => Some(Bytes::from(bytes)),
        };
        let bytes = changed.as_ref().unwrap_or(&given.bytes);
        let message = read(bytes);
        if !message.has_header() {
            return Err(Refusal::new(Reason::InvalidEmail, "it has no header"));
        }
        let summary = views::summary(&message, bytes.len() as u64);
        Ok(Taken {
            given,
            changed,
            summary,
        })
    });
    taken.await.map_err(|error| {
        tracing::error!(%error, "reading a message");
        Error::Internal
    })
}

/// The mailboxes of a new email.
fn mailboxes(texts: &[String]) -> Result<Vec<MailboxId>, Refusal> {
    if texts.is_empty() {
        let none = "an email is in at least one mailbox";
        return Err(Refusal::property("mailboxIds", none));
    }
    if texts.len() > MAILBOXES_PER_EMAIL_MAX {
        let refusal = Refusal::new(Reason::TooManyMailboxes, "too many mailboxes");
        return Err(refusal.limit(MAILBOXES_PER_EMAIL_MAX as u64));
    }
    Ok(ids(texts))
}

/// An id for a message, of the domain that it comes from.
fn message_id(headers: &[Field]) -> String {
    let from = headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("From"));
    let from = from.and_then(|field| addresses(field.value.as_bytes()).into_iter().next());
    let domain = from.as_ref().and_then(|from| from.address.rsplit_once('@'));
    let domain = domain.map(|(_, domain)| domain).filter(|domain| {
        let in_domain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        !domain.is_empty() && domain.bytes().all(in_domain)
    });
    let unique = Uuid::now_v7();
    format!("{}@{}", unique.as_simple(), domain.unwrap_or(NO_DOMAIN))
}

/// Why a draft is no message, with the property that has the fault.
fn not_made(refusal: &make::Refusal) -> Refusal {
    use make::Refusal as Made;
    let property = match refusal {
        Made::FieldName(name)
        | Made::FieldControl(name)
        | Made::FieldNotAscii(name)
        | Made::FieldTooLong(name)
        | Made::FieldReserved(name) => format!("header:{name}"),
        Made::HeaderTooLarge => "headers".to_owned(),
        _ => "bodyStructure".to_owned(),
    };
    Refusal::property(&property, refusal.to_string())
}
