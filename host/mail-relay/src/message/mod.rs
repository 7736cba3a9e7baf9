//! A message as it leaves: with CRLF at the end of every line, signed, and looked through for what servers have to offer to
//! be given it.
//!
//! Invariant: memory does not grow with the message; what is more than [`IN_MEMORY_MAX_BYTES`] lies in a file without a
//! name. It is kept until it is sent, because another server is tried where one fails.

mod header;
mod taken;

use std::io;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use concierge_mail::types::calls::ByteStream;
use concierge_smtp::client::Lines;
use concierge_smtp::{BodyKind, Sender};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::dkim::{DkimKeys, Signers};
pub(crate) use header::fields;
use header::{Header, from_domain};
use taken::{Content, Taken};

/// What is kept in memory of a message: most have no attachments. With it, as many messages as the queue sends at once
/// take some MB.
const IN_MEMORY_MAX_BYTES: usize = 256 << 10;
/// Octets read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// A message.
pub(crate) struct Message {
    /// What signatures put before it.
    signatures: Bytes,
    content: Content,
    size_bytes: u64,
    /// Octets above 127, anywhere.
    is_eight_bit: bool,
    /// Octets above 127 in the header.
    is_header_utf8: bool,
}

impl Message {
    /// Takes a message to its end, and signs it with the keys of the domain that its From names.
    ///
    /// # Errors
    /// Those of the bytes, and of the directory for files.
    pub(crate) async fn load(bytes: ByteStream, keys: &DkimKeys, spool: &Path) -> io::Result<Self> {
        let mut taken = Taken::new(spool);
        let mut pieces = Pieces::new(bytes);
        let mut header = Header::default();
        // The header first: it says whose keys sign.
        while let Some(piece) = pieces.next().await? {
            taken.push(&piece).await?;
            if header.push(&piece) {
                break;
            }
        }
        let domain = header.complete().and_then(from_domain);
        let domain_keys = domain.map(|domain| keys.signer(&domain));
        let domain_keys = domain_keys.unwrap_or_default();
        let signers = Signers::new(&domain_keys, header.taken_header());
        let mut signing = signers.start();
        signing.push(header.taken());
        while let Some(piece) = pieces.next().await? {
            taken.push(&piece).await?;
            signing.push(&piece);
        }
        Ok(Self {
            signatures: signing.finish(),
            is_header_utf8: !header.taken_header().is_ascii(),
            is_eight_bit: taken.is_eight_bit(),
            size_bytes: taken.size_bytes(),
            content: taken.finish().await?,
        })
    }

    /// Tells what the message is made of.
    pub(crate) fn describe(&self, sender: Sender) -> Sender {
        let signatures = self.signatures.len() as u64;
        Sender {
            size_bytes: Some(self.size_bytes.saturating_add(signatures)),
            body: match self.is_eight_bit {
                true => BodyKind::EightBitMime,
                false => BodyKind::SevenBit,
            },
            smtputf8: self.is_header_utf8,
            ..sender
        }
    }

    /// The octets, from the start.
    ///
    /// # Errors
    /// Those of the file.
    pub(crate) async fn octets(&self) -> io::Result<ByteStream> {
        let signatures = stream::iter([Ok(self.signatures.clone())]);
        match &self.content {
            Content::Memory(octets) => {
                let octets = stream::iter([Ok(octets.clone())]);
                Ok(signatures.chain(octets).boxed())
            }
            Content::File(file) => {
                let mut file = file.try_clone().await?;
                file.rewind().await?;
                let octets = stream::try_unfold(file, |mut file| async move {
                    let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
                    let read = file.read_buf(&mut chunk).await?;
                    Ok((read > 0).then(|| (chunk.freeze(), file)))
                });
                Ok(signatures.chain(octets).boxed())
            }
        }
    }
}

/// Pieces with the ends of their lines made CRLF.
struct Pieces {
    bytes: ByteStream,
    lines: Option<Lines>,
}

impl Pieces {
    fn new(bytes: ByteStream) -> Self {
        Self {
            bytes,
            lines: Some(Lines::ends()),
        }
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let mut out = BytesMut::new();
        while out.is_empty() {
            let Some(lines) = &mut self.lines else {
                return Ok(None);
            };
            match self.bytes.try_next().await? {
                Some(piece) => lines.write(&piece, &mut out),
                None => {
                    if let Some(lines) = self.lines.take() {
                        lines.finish(&mut out);
                    }
                }
            }
        }
        Ok(Some(out.freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn load(message: &[u8]) -> Message {
        let directory = tempfile::tempdir().unwrap();
        let keys = DkimKeys::open(directory.path().join("keys")).unwrap();
        let pieces: Vec<_> = message.chunks(1000).map(Bytes::copy_from_slice).collect();
        let bytes = stream::iter(pieces.into_iter().map(Ok)).boxed();
        Message::load(bytes, &keys, directory.path()).await.unwrap()
    }

    async fn octets(message: &Message) -> Vec<u8> {
        let octets = message.octets().await.unwrap();
        let pieces: Vec<Bytes> = octets.try_collect().await.unwrap();
        pieces.concat()
    }

    #[tokio::test]
    async fn a_message_is_read_as_often_as_it_is_sent_from_memory_and_from_a_file() {
        let small = b"Subject: x\n\nbody".to_vec();
        let large = [b"Subject: x\n\n".to_vec(), b"line\n".repeat(200_000)].concat();
        for message in [small, large] {
            let loaded = load(&message).await;
            let is_large = message.len() > IN_MEMORY_MAX_BYTES;
            assert_eq!(matches!(loaded.content, Content::File(_)), is_large);
            let text = String::from_utf8(message).unwrap();
            let mut expected = text.replace('\n', "\r\n");
            if !expected.ends_with('\n') {
                expected.push_str("\r\n");
            }
            for _ in 0..2 {
                assert!(octets(&loaded).await == expected.as_bytes());
            }
            assert_eq!(loaded.size_bytes, expected.len() as u64);
        }
    }

    #[tokio::test]
    async fn what_a_message_needs_is_seen() {
        for (message, body, smtputf8) in [
            ("Subject: x\r\n\r\nbody", BodyKind::SevenBit, false),
            ("Subject: x\r\n\r\nbödy", BodyKind::EightBitMime, false),
            ("Subject: ä\r\n\r\nbody", BodyKind::EightBitMime, true),
            ("Subject: ä", BodyKind::EightBitMime, true),
        ] {
            let sender = load(message.as_bytes()).await.describe(Sender::default());
            let found = (sender.body, sender.smtputf8);
            assert_eq!(found, (body, smtputf8), "{message}");
        }
    }
}
