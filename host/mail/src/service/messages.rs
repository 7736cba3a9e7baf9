//! `concierge:mail/messages`: uploads, messages as they were received, and their parts.

use std::collections::BTreeSet;
use std::ops::Range as Bounds;

use concierge_identity::AccountId;
use futures::TryStreamExt;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::Mail;
use super::contents::{Opened, disk};
use super::drafts::{Fault, item};
use super::emails::EDITS_MAX;
use super::ids::at_most;
use crate::error::{Error, Refusal};
use crate::spool::{Spool, Spooled};
use crate::types::calls::ByteStream;
use crate::types::calls::messages::{
    ASSEMBLED_MAX, Blob, Content, Digests, FOUND_MAX_BYTES, Found, PIECES_MAX, Piece, Range,
    References, UPLOAD_MAX_BYTES,
};
use crate::types::{BlobHash, BlobId};

impl Mail {
    /// Keeps what is uploaded for a day, or for as long as an email refers to it.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`], [`Error::AccountReadOnly`], [`Error::TooLarge`] for more than
    /// [`UPLOAD_MAX_BYTES`], [`Error::OverQuota`] where those of the last day are as much as the account may have,
    /// [`Error::InvalidArguments`] where the stream ends with a fault.
    pub async fn upload(
        &self,
        principal: AccountId,
        account: &str,
        bytes: ByteStream,
    ) -> Result<Blob, Error> {
        let account = self.write(principal, account).await?;
        let mut spool = self.contents.spool(UPLOAD_MAX_BYTES);
        spool.push_all(bytes).await?;
        self.uploaded(account, spool.finish().await?).await
    }

    async fn uploaded(&self, account: AccountId, spooled: Spooled) -> Result<Blob, Error> {
        let (hash, size) = (spooled.hash, spooled.size);
        // What is refused is not put on disk first.
        if !self.store.upload_fits(account, hash, size).await? {
            return Err(Error::OverQuota);
        }
        self.contents.keep(account, spooled).await?;
        self.store.upload(account, hash, self.now_us()).await?;
        let id = hash.into();
        Ok(Blob { id, size })
    }

    /// A blob's bytes, those of a part decoded.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`]; [`Error::NotFound`] also for what the account may not read.
    pub async fn download(
        &self,
        principal: AccountId,
        account: &str,
        blob: &str,
        range: Range,
    ) -> Result<(Content, ByteStream), Error> {
        let account = self.read(principal, account).await?;
        let id: BlobId = blob.parse().map_err(|_| Error::NotFound)?;
        let opened = self.contents.open(account, &id).await?;
        let bounds = bounds(range, opened.size);
        let content = Content {
            length: bounds.end - bounds.start,
            size: opened.size,
        };
        Ok((content, self.contents.read(&opened, bounds).await?))
    }

    /// The bytes of a whole blob of an account, for operators: nobody is asked for permission.
    ///
    /// # Errors
    /// [`Error::NotFound`]; what the store says.
    pub async fn message(&self, account: AccountId, blob: BlobHash) -> Result<ByteStream, Error> {
        let opened = self.contents.open(account, &blob.into()).await?;
        self.contents.read(&opened, 0..opened.size).await
    }

    /// Puts blobs together from pieces (`Blob/upload` of RFC 9404 §4.1): at most [`ASSEMBLED_MAX`] of [`PIECES_MAX`].
    ///
    /// # Errors
    /// Those of [`Self::upload`].
    pub async fn assemble_blobs(
        &self,
        principal: AccountId,
        account: &str,
        blobs: Vec<Vec<Piece>>,
    ) -> Result<Vec<Result<Blob, Refusal>>, Error> {
        let account = self.write(principal, account).await?;
        at_most(blobs.len(), ASSEMBLED_MAX)?;
        let mut assembled = Vec::new();
        for pieces in blobs {
            assembled.push(item(self.assemble(account, pieces).await)?);
        }
        Ok(assembled)
    }

    async fn assemble(&self, account: AccountId, pieces: Vec<Piece>) -> Result<Blob, Fault> {
        if pieces.len() > PIECES_MAX {
            let many = Refusal::property("data", "too many pieces").limit(PIECES_MAX as u64);
            return Err(many.into());
        }
        let mut spool = self.contents.spool(UPLOAD_MAX_BYTES);
        for piece in pieces {
            match piece {
                Piece::Bytes(bytes) => spool.push(&bytes).await.map_err(Error::from)?,
                Piece::Blob(blob, range) => {
                    let opened = self.readable(account, &blob).await?;
                    self.piece(&opened, range, &mut spool).await?;
                }
            }
        }
        let spooled = spool.finish().await.map_err(Error::from)?;
        Ok(self.uploaded(account, spooled).await?)
    }

    async fn piece(&self, opened: &Opened, range: Range, spool: &mut Spool) -> Result<(), Fault> {
        if is_beyond(range, opened.size) {
            // RFC 9404 §4.1.
            let beyond = "a range goes beyond the end of its blob";
            return Err(Refusal::property("data", beyond).into());
        }
        let bytes = self
            .contents
            .read(opened, bounds(range, opened.size))
            .await?;
        Ok(spool.push_all(bytes).await.map_err(Error::from)?)
    }

    /// Bytes and digests of ranges of blobs (`Blob/get` of RFC 9404 §4.2). Those that are not there are left out.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`]; [`Error::TooLarge`] for more than [`ASSEMBLED_MAX`] blobs, or [`FOUND_MAX_BYTES`] of
    /// one.
    pub async fn blobs(
        &self,
        principal: AccountId,
        account: &str,
        blobs: Vec<String>,
        range: Range,
        data: bool,
        digests: Digests,
    ) -> Result<Vec<Found>, Error> {
        let account = self.read(principal, account).await?;
        at_most(blobs.len(), ASSEMBLED_MAX)?;
        let mut found = Vec::new();
        for id in blobs.iter().filter_map(|text| text.parse::<BlobId>().ok()) {
            match self.contents.open(account, &id).await {
                Err(Error::NotFound) => {}
                opened => found.push(self.found(id, &opened?, range, data, digests).await?),
            }
        }
        Ok(found)
    }

    async fn found(
        &self,
        id: BlobId,
        opened: &Opened,
        range: Range,
        data: bool,
        digests: Digests,
    ) -> Result<Found, Error> {
        let bounds = bounds(range, opened.size);
        if data && bounds.end - bounds.start > FOUND_MAX_BYTES {
            return Err(Error::TooLarge(FOUND_MAX_BYTES));
        }
        let mut bytes = Vec::new();
        let mut sha_1 = digests.sha_1.then(Sha1::new);
        let mut sha_256 = digests.sha_256.then(Sha256::new);
        if data || digests.sha_1 || digests.sha_256 {
            let mut stream = self.contents.read(opened, bounds).await?;
            while let Some(piece) = stream.try_next().await.map_err(disk)? {
                sha_1.iter_mut().for_each(|hash| hash.update(&piece));
                sha_256.iter_mut().for_each(|hash| hash.update(&piece));
                if data {
                    bytes.extend_from_slice(&piece);
                }
            }
        }
        Ok(Found {
            id,
            size: opened.size,
            bytes,
            truncated: is_beyond(range, opened.size),
            sha_1: sha_1.map(|hash| hash.finalize().to_vec()),
            sha_256: sha_256.map(|hash| hash.finalize().to_vec()),
        })
    }

    /// What refers to blobs (`Blob/lookup` of RFC 9404 §4.3). Those that are not there are left out.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`], [`Error::TooLarge`].
    pub async fn lookup_blobs(
        &self,
        principal: AccountId,
        account: &str,
        blobs: Vec<String>,
    ) -> Result<Vec<References>, Error> {
        let account = self.read(principal, account).await?;
        at_most(blobs.len(), EDITS_MAX)?;
        let mut references = Vec::new();
        for text in blobs {
            let Ok(id) = text.parse::<BlobId>() else {
                continue;
            };
            let hash = id.whole();
            if self
                .store
                .blob(account, hash, self.now_us())
                .await?
                .is_some()
            {
                references.push(self.references(account, text, hash).await?);
            }
        }
        Ok(references)
    }

    async fn references(
        &self,
        account: AccountId,
        id: String,
        hash: BlobHash,
    ) -> Result<References, Error> {
        let uses = self.store.blob_uses(account, hash).await?;
        let threads: BTreeSet<_> = uses.iter().map(|by| by.thread).collect();
        let mailboxes: BTreeSet<_> = uses.iter().flat_map(|by| &by.mailboxes).copied().collect();
        Ok(References {
            id,
            emails: uses.iter().map(|by| by.email).collect(),
            threads: threads.into_iter().collect(),
            mailboxes: mailboxes.into_iter().collect(),
        })
    }

    /// Makes blobs of one account readable in another (RFC 8620 §6.3). A part becomes a blob of its own: who reads the
    /// other account is not given the message around it.
    ///
    /// # Errors
    /// Those of [`Self::upload`], of either account.
    pub async fn copy_blobs(
        &self,
        principal: AccountId,
        from_account: &str,
        account: &str,
        blobs: Vec<String>,
    ) -> Result<Vec<Result<Blob, Refusal>>, Error> {
        let from = self.read(principal, from_account).await?;
        let account = self.write(principal, account).await?;
        at_most(blobs.len(), EDITS_MAX)?;
        let mut copied = Vec::new();
        for blob in blobs {
            copied.push(item(self.copy_blob(from, account, &blob).await)?);
        }
        Ok(copied)
    }

    async fn copy_blob(
        &self,
        from: AccountId,
        account: AccountId,
        text: &str,
    ) -> Result<Blob, Fault> {
        let opened = self.readable(from, text).await?;
        if let Some(hash) = opened.whole() {
            self.contents.keep_opened(account, &opened).await?;
            self.store.upload(account, hash, self.now_us()).await?;
            let (id, size) = (hash.into(), opened.size);
            return Ok(Blob { id, size });
        }
        let mut spool = self.contents.spool(UPLOAD_MAX_BYTES);
        let bytes = self.contents.read(&opened, 0..opened.size).await?;
        spool.push_all(bytes).await.map_err(Error::from)?;
        let spooled = spool.finish().await.map_err(Error::from)?;
        Ok(self.uploaded(account, spooled).await?)
    }
}

/// Of a blob of `size` octets.
fn bounds(range: Range, size: u64) -> Bounds<u64> {
    let start = range.offset.min(size);
    let length = range.length.unwrap_or(size);
    start..start.saturating_add(length).min(size)
}

fn is_beyond(range: Range, size: u64) -> bool {
    let end = range.offset.saturating_add(range.length.unwrap_or(0));
    end > size
}
