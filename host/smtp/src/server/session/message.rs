//! The octets of a message: DATA (RFC 5321 §4.1.1.4) and BDAT (RFC 3030).

use bytes::Bytes;

use super::super::data::{ChunkCheck, DataDecoder};
use super::super::handler::{Accepted, Envelope, Incoming};
use super::super::options::{Limits, PIECE_BYTES};
use super::super::wire::{Ended, Pace};
use super::{Chunks, Next, Session, Transaction, ask, sequence, too_large};
use crate::reply::{EnhancedCode, Reply};

/// A message that is written as it comes, until something is wrong with it.
struct Writing {
    incoming: Box<dyn Incoming>,
    piece: Vec<u8>,
    bytes: u64,
}

impl Writing {
    fn new(incoming: Box<dyn Incoming>) -> Self {
        Self {
            incoming,
            piece: Vec::new(),
            bytes: 0,
        }
    }

    /// Hands on what has come, if it is enough.
    async fn hand_on(&mut self, limits: &Limits, is_last: bool) -> Result<(), Reply> {
        let is_due = self.piece.len() >= PIECE_BYTES || (is_last && !self.piece.is_empty());
        if self.bytes + self.piece.len() as u64 > limits.message_max_bytes {
            return Err(too_large(limits.message_max_bytes));
        }
        if !is_due {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.piece));
        self.bytes += piece.len() as u64;
        ask(limits.handler_timeout, self.incoming.write(piece)).await
    }
}

impl Session {
    /// Takes the transaction, if a message may follow.
    async fn begin(&mut self, transaction: Transaction) -> Result<Box<dyn Incoming>, Reply> {
        let envelope = Envelope {
            sender: transaction.sender,
            recipients: transaction.recipients,
        };
        let asked = self.shared.handler.message(&self.connection, envelope);
        ask(self.limits().handler_timeout, asked).await
    }

    fn has_recipients(&self) -> Result<(), Reply> {
        match &self.transaction {
            None => Err(sequence("MAIL comes first")),
            // RFC 5321 §3.3.
            Some(transaction) if transaction.recipients.is_empty() => Err(Reply::new(
                554,
                EnhancedCode(5, 5, 1),
                "there are no recipients",
            )),
            Some(_) => Ok(()),
        }
    }

    pub(super) async fn data(&mut self) -> Result<Next, Ended> {
        if let Err(reply) = self.has_recipients() {
            return Ok(self.answer(&reply));
        }
        let Some(transaction) = self.transaction.take() else {
            return Ok(Next::Command);
        };
        if transaction.chunks.is_some() {
            // RFC 3030 §2: not both.
            self.transaction = Some(transaction);
            return Ok(self.answer(&sequence("the message comes by BDAT")));
        }
        let incoming = match self.begin(transaction).await {
            Ok(incoming) => incoming,
            Err(reply) => return Ok(self.answer(&reply)),
        };
        self.reply(&Reply::plain(354, "end with a dot in a line of its own"));
        let reply = match self.receive(incoming).await? {
            Ok(accepted) => self.taken(&accepted),
            Err(reply) => reply,
        };
        Ok(self.answer(&reply))
    }

    /// Reads a message to its end. What is wrong with it is said then: what follows must be commands again.
    async fn receive(
        &mut self,
        incoming: Box<dyn Incoming>,
    ) -> Result<Result<Accepted, Reply>, Ended> {
        let limits = *self.limits();
        let mut decoder = DataDecoder::new();
        let mut pace = Pace::default();
        let mut writing: Result<_, Reply> = Ok(Writing::new(incoming));
        let mut scratch = Vec::new();
        let mut passed_over = 0;
        loop {
            let wire = self.wire()?;
            let out = match &mut writing {
                Ok(writing) => &mut writing.piece,
                Err(_) => &mut scratch,
            };
            let (taken, has_ended) = decoder.feed(wire.pending(), out);
            wire.take(taken);
            if let Err(reply) = &writing {
                passed_over += taken as u64;
                scratch.clear();
                if passed_over > limits.message_max_bytes {
                    // Nobody waits for the end of what has none.
                    let reply = reply.clone();
                    self.reply(&reply);
                    return Err(Ended::Flooded);
                }
            }
            if let Some(fault) = decoder.fault().filter(|_| writing.is_ok()) {
                writing = Err(fault.reply());
            }
            if let Ok(open) = &mut writing
                && let Err(reply) = open.hand_on(&limits, has_ended).await
            {
                writing = Err(reply);
            }
            if has_ended {
                break;
            }
            pace.read(self.wire()?, &limits).await?;
        }
        // It is said whatever else was wrong, and wherever the pieces were.
        if let Some(fault) = decoder.fault() {
            return Ok(Err(fault.reply()));
        }
        match writing {
            Ok(writing) => {
                let finished = writing.incoming.finish();
                Ok(ask(limits.handler_timeout, finished).await)
            }
            Err(reply) => Ok(Err(reply)),
        }
    }

    fn taken(&mut self, accepted: &Accepted) -> Reply {
        self.messages += 1;
        metrics::counter!("concierge_smtp_messages_total", "service" => self.name()).increment(1);
        let text = format!("taken as {}", accepted.id);
        Reply::new(250, EnhancedCode(2, 0, 0), text)
    }

    pub(super) async fn bdat(&mut self, size_bytes: u64, is_last: bool) -> Result<Next, Ended> {
        let begun = self.begin_chunk(size_bytes).await;
        let mut chunks = match begun {
            Ok(chunks) => chunks,
            Err(reply) => {
                // The octets come all the same (RFC 3030 §2).
                self.pass_over(size_bytes).await?;
                return Ok(self.answer(&reply));
            }
        };
        let received = self.chunk(&mut chunks, size_bytes).await?;
        let reply = match (received, is_last) {
            (Err(reply), _) => reply,
            (Ok(()), false) => {
                let text = format!("{size_bytes} octets");
                if let Some(transaction) = &mut self.transaction {
                    transaction.chunks = Some(chunks);
                }
                return Ok(self.answer(&Reply::new(250, EnhancedCode(2, 0, 0), text)));
            }
            (Ok(()), true) => match self.last_chunk(chunks).await {
                Ok(accepted) => self.taken(&accepted),
                Err(reply) => reply,
            },
        };
        self.transaction = None;
        Ok(self.answer(&reply))
    }

    /// What the chunk is added to.
    async fn begin_chunk(&mut self, size_bytes: u64) -> Result<Chunks, Reply> {
        let max_bytes = self.limits().message_max_bytes;
        self.has_recipients()?;
        let Some(transaction) = &mut self.transaction else {
            return Err(sequence("MAIL comes first"));
        };
        let chunks = transaction.chunks.take();
        let so_far = chunks.as_ref().map_or(0, |chunks| chunks.bytes);
        if so_far.saturating_add(size_bytes) > max_bytes {
            self.transaction = None;
            return Err(too_large(max_bytes));
        }
        if let Some(chunks) = chunks {
            return Ok(chunks);
        }
        let begun = Transaction {
            sender: transaction.sender.clone(),
            recipients: transaction.recipients.clone(),
            chunks: None,
        };
        let incoming = self.begin(begun).await;
        if incoming.is_err() {
            self.transaction = None;
        }
        Ok(Chunks {
            incoming: incoming?,
            check: ChunkCheck::default(),
            pace: Pace::default(),
            bytes: 0,
        })
    }

    async fn chunk(
        &mut self,
        chunks: &mut Chunks,
        size_bytes: u64,
    ) -> Result<Result<(), Reply>, Ended> {
        let limits = *self.limits();
        let mut left = size_bytes;
        let mut outcome = Ok(());
        while left > 0 {
            let wire = self.wire()?;
            let pending = wire.pending();
            let count = pending
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            if count == 0 {
                chunks.pace.read(wire, &limits).await?;
                continue;
            }
            let piece = pending.get(..count).unwrap_or_default();
            chunks.check.feed(piece);
            let piece = Bytes::copy_from_slice(piece);
            wire.take(count);
            left -= count as u64;
            chunks.bytes += count as u64;
            if outcome.is_ok() {
                outcome = ask(limits.handler_timeout, chunks.incoming.write(piece)).await;
            }
        }
        Ok(outcome)
    }

    async fn last_chunk(&mut self, chunks: Chunks) -> Result<Accepted, Reply> {
        if let Some(fault) = chunks.check.fault() {
            return Err(fault.reply());
        }
        ask(self.limits().handler_timeout, chunks.incoming.finish()).await
    }

    async fn pass_over(&mut self, size_bytes: u64) -> Result<(), Ended> {
        let limits = *self.limits();
        let mut left = size_bytes;
        let mut pace = Pace::default();
        if left > limits.message_max_bytes {
            self.reply(&too_large(limits.message_max_bytes));
            return Err(Ended::Flooded);
        }
        loop {
            let wire = self.wire()?;
            let pending = wire.pending().len();
            let count = pending.min(usize::try_from(left).unwrap_or(usize::MAX));
            wire.take(count);
            left -= count as u64;
            if left == 0 {
                return Ok(());
            }
            pace.read(wire, &limits).await?;
        }
    }
}
