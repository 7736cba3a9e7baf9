//! A message for some recipients (RFC 5321 §3.3).

use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};

use super::commands;
use super::connection::Client;
use super::error::{Broken, ClientError, Point, Step};
use super::lines::Lines;
use crate::envelope::{Recipient, Sender};
use crate::reply::Reply;

/// Commands that are sent before their answers are read (RFC 2920): few enough that the answers to all of them fit where
/// the system keeps them, so that neither side waits for the other to read.
const PIPELINED: usize = 64;
/// Of a message, written at once, in octets.
const BLOCK_BYTES: usize = 32 * 1024;
/// How long is listened for why a server stopped taking a message: it has said so by now, or never does.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl Client {
    /// Why this server cannot be given a message from this sender, by what it offers; nothing is said to it. A body of seven
    /// bits is to be named [`SevenBit`](crate::BodyKind::SevenBit), whatever its author called it.
    #[must_use]
    pub fn unfit(&self, sender: &Sender) -> Option<Reply> {
        commands::unfit_sender(sender, &self.extensions)
    }

    /// Sends a message. One answer for each recipient, in their order: what refused them, or what took the message. Answers
    /// to what this server cannot be asked are made here.
    ///
    /// # Errors
    /// [`Broken`]: the connection is of no use any more.
    pub async fn send<M>(
        &mut self,
        sender: &Sender,
        recipients: &[Recipient],
        message: M,
    ) -> Result<Vec<Reply>, Broken>
    where
        M: Stream<Item = io::Result<Bytes>>,
    {
        if let Some(reply) = self.unfit(sender) {
            return Ok(vec![reply; recipients.len()]);
        }
        let unfit = |to| commands::unfit_recipient(to, &self.extensions);
        let mut refused: Vec<Option<Reply>> = recipients.iter().map(unfit).collect();
        match self
            .transact(sender, recipients, &mut refused, message)
            .await
        {
            Ok(reply) => {
                let replies = refused.into_iter();
                Ok(replies
                    .map(|no| no.unwrap_or_else(|| reply.clone()))
                    .collect())
            }
            Err((point, error)) => {
                self.is_usable = false;
                Err(Broken {
                    error,
                    point,
                    refused,
                })
            }
        }
    }

    /// The answer for all recipients that are not refused.
    async fn transact<M>(
        &mut self,
        sender: &Sender,
        recipients: &[Recipient],
        refused: &mut [Option<Reply>],
        message: M,
    ) -> Result<Reply, (Point, ClientError)>
    where
        M: Stream<Item = io::Result<Bytes>>,
    {
        let before = |error| (Point::Before, error);
        let named = recipients.iter().zip(refused.iter_mut());
        let mut named: Vec<_> = named.filter(|(_, refused)| refused.is_none()).collect();
        if named.is_empty() {
            return Ok(Reply::plain(503, "there is no recipient"));
        }
        let needs_utf8 = named.iter().any(|(to, _)| !to.address.is_ascii());
        let mail = commands::mail(sender, needs_utf8, &self.extensions);
        let data = self.envelope(mail, &mut named).await.map_err(before)?;
        match data {
            Data::Refused(reply) => Ok(reply),
            Data::Wanted => self.message(message).await,
        }
    }

    /// Says who it is from and for, and that the message follows.
    async fn envelope(
        &mut self,
        mail: String,
        named: &mut [(&Recipient, &mut Option<Reply>)],
    ) -> Result<Data, ClientError> {
        let mut commands = vec![(Step::Mail, mail)];
        for (to, _) in named.iter() {
            let line = commands::recipient(to, &self.extensions);
            commands.push((Step::Recipient, line));
        }
        commands.push((Step::Data, "DATA\r\n".to_owned()));

        let at_once = match self.extensions.pipelining {
            true => PIPELINED,
            false => 1,
        };
        let mut no_sender: Option<Reply> = None;
        let mut outcomes = named.iter_mut();
        let mut accepted = 0_usize;
        for group in commands.chunks(at_once) {
            // What follows is not asked of a server that has said no already.
            if let Some(no) = &no_sender {
                return Ok(Data::Refused(no.clone()));
            }
            if let [(Step::Data, _)] = group
                && accepted == 0
            {
                return Ok(Data::Refused(no_recipient()));
            }
            let lines: String = group.iter().map(|(_, line)| line.as_str()).collect();
            self.say(Step::Mail, lines.as_bytes(), self.timeouts.mail)
                .await?;
            for (step, _) in group {
                let reply = self.reply(*step, self.patience(*step)).await?;
                match step {
                    Step::Data => {
                        let is_wanted = accepted > 0 && no_sender.is_none();
                        let no = no_sender.take().unwrap_or_else(no_recipient);
                        return self.data(reply, is_wanted, no).await;
                    }
                    Step::Mail if !reply.is_success() => no_sender = Some(reply),
                    Step::Recipient => {
                        let outcome = outcomes.next().map(|(_, outcome)| outcome);
                        match reply.is_success() {
                            true => accepted += 1,
                            // That there is no transaction is not what became of them.
                            false if no_sender.is_some() => {}
                            false => {
                                if let Some(outcome) = outcome {
                                    **outcome = Some(reply);
                                }
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        Ok(Data::Refused(no_recipient()))
    }

    fn patience(&self, step: Step) -> Duration {
        match step {
            Step::Mail => self.timeouts.mail,
            Step::Recipient => self.timeouts.recipient,
            _ => self.timeouts.data,
        }
    }

    /// The answer to DATA. A server may want a message for nobody (RFC 2920 §3.1): it is given an empty one.
    async fn data(
        &mut self,
        reply: Reply,
        is_wanted: bool,
        no: Reply,
    ) -> Result<Data, ClientError> {
        match (reply.code, is_wanted) {
            (354, true) => Ok(Data::Wanted),
            (354, false) => {
                let done = self.timeouts.done;
                self.ask(Step::Done, ".\r\n", done).await?;
                Ok(Data::Refused(no))
            }
            (_, false) => Ok(Data::Refused(no)),
            (_, true) if reply.is_success() => {
                let why = "DATA was answered as if it were the message";
                Err(ClientError::Protocol(Step::Data, why))
            }
            (_, true) => Ok(Data::Refused(reply)),
        }
    }

    /// The message, and what the server says of it.
    async fn message<M>(&mut self, message: M) -> Result<Reply, (Point, ClientError)>
    where
        M: Stream<Item = io::Result<Bytes>>,
    {
        let before = |error| (Point::Before, error);
        let mut message = pin!(message);
        let mut lines = Lines::dotted();
        let mut out = BytesMut::with_capacity(BLOCK_BYTES);
        while let Some(piece) = message.next().await {
            // Without its final dot it is no message: the connection is closed instead.
            let piece = piece.map_err(|error| before(ClientError::Message(error)))?;
            for part in piece.chunks(BLOCK_BYTES) {
                lines.write(part, &mut out);
                if out.len() >= BLOCK_BYTES
                    && let Some(reply) = self.block(&mut out).await.map_err(before)?
                {
                    return Ok(reply);
                }
            }
        }
        lines.finish(&mut out);
        let after = |error| (Point::After, error);
        if let Some(reply) = self.block(&mut out).await.map_err(after)? {
            return Ok(reply);
        }
        let done = self.timeouts.done;
        let reply = self.reply(Step::Done, done).await.map_err(after)?;
        Ok(reply)
    }

    /// Writes a block. The answer, if the server does not take it, but says why.
    async fn block(&mut self, out: &mut BytesMut) -> Result<Option<Reply>, ClientError> {
        let within = self.timeouts.block;
        let written = self.say(Step::Message, out, within).await;
        out.clear();
        let Err(error) = written else {
            return Ok(None);
        };
        let last_words = LAST_WORDS.min(within);
        match self.reply(Step::Message, last_words).await {
            Ok(reply) if !reply.is_success() && reply.code >= 400 => Ok(Some(reply)),
            _ => Err(error),
        }
    }
}

/// What became of DATA.
enum Data {
    /// The message is to follow.
    Wanted,
    /// Whoever is not refused already is by this.
    Refused(Reply),
}

/// Where each recipient has their own answer.
fn no_recipient() -> Reply {
    Reply::plain(503, "no recipient was taken")
}
