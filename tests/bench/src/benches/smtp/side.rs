//! Those that are compared: where mail for them goes, and how far they are with it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::benches::mail::calls::Client;
use crate::servers::cpu;
use crate::servers::postfix::{self, Postfix};

/// How often it is asked how far somebody is.
const POLL: Duration = Duration::from_millis(20);
/// Without a step in this time it is not going on.
const STEP_LIMIT: Duration = Duration::from_secs(60);

/// As reported.
pub const OURS: &str = "concierge";
/// The baseline of what comes in.
pub const TO_MAILDIR: &str = "postfix, Maildir";
pub const DISCARDING: &str = "postfix, discarding";

/// A server, and somebody there.
pub enum Side<'a> {
    /// Mail becomes a file in a Maildir, synced.
    Maildir(&'a Postfix),
    /// Mail is thrown away once it was in the queue.
    Discarding(&'a Postfix),
    /// Mail comes into a mailbox, its threads and its index.
    Ours {
        client: &'a Client,
        /// Of the account.
        address: &'a str,
        smtp: SocketAddr,
        pid: u32,
    },
}

impl Side<'_> {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Maildir(_) => TO_MAILDIR,
            Self::Discarding(_) => DISCARDING,
            Self::Ours { .. } => OURS,
        }
    }

    pub fn recipient(&self) -> &str {
        match self {
            Self::Maildir(_) => postfix::MAILDIR,
            Self::Discarding(_) => postfix::DISCARDED,
            Self::Ours { address, .. } => address,
        }
    }

    pub fn addr(&self) -> SocketAddr {
        match self {
            Self::Maildir(postfix) | Self::Discarding(postfix) => postfix.addr,
            Self::Ours { smtp, .. } => *smtp,
        }
    }

    /// Processor time so far.
    pub fn cpu(&self) -> Result<Duration> {
        match self {
            Self::Maildir(postfix) | Self::Discarding(postfix) => cpu::of_family(postfix.pid()?),
            Self::Ours { pid, .. } => cpu::of_process(*pid),
        }
    }

    /// Messages that were delivered so far.
    pub fn delivered(&self) -> Result<u64> {
        match self {
            Self::Maildir(postfix) | Self::Discarding(postfix) => postfix.done(),
            Self::Ours { client, .. } => in_inbox(client),
        }
    }

    /// Waits until so many are delivered.
    pub fn wait_for(&self, count: u64) -> Result<()> {
        wait_for(self.name(), count, || self.delivered())
    }

    /// Checks that so many messages are there, and have a word; the search waits until the index knows them all.
    pub fn check(&self, count: u64, word: &str) -> Result<()> {
        match self {
            Self::Maildir(postfix) => {
                let found = postfix.in_maildir()?;
                ensure!(found == count, "{found} of {count} are in the Maildir");
            }
            Self::Discarding(_) => {}
            Self::Ours { client, .. } => {
                let search = client.search(word, 1, true);
                let found = client.answers(&search)?[0]["total"].clone();
                ensure!(found == count, "{found} of {count} are found");
            }
        }
        Ok(())
    }
}

/// Messages in the inbox.
pub fn in_inbox(client: &Client) -> Result<u64> {
    let arguments = json!({ "ids": [client.inbox], "properties": ["totalEmails"] });
    let inbox = client.call("Mailbox/get", arguments)?;
    let total = &inbox["list"][0]["totalEmails"];
    total.as_u64().context("an inbox without a count")
}

/// Waits until somebody is as far as that, and no further.
pub fn wait_for(name: &str, count: u64, mut so_far: impl FnMut() -> Result<u64>) -> Result<()> {
    let (mut last, mut since) = (0, Instant::now());
    loop {
        let now = so_far()?;
        ensure!(now <= count, "{name} has {now} messages, {count} were sent");
        if now == count {
            return Ok(());
        }
        if now > last {
            (last, since) = (now, Instant::now());
        }
        ensure!(
            since.elapsed() < STEP_LIMIT,
            "{name} stopped at {now} of {count} messages"
        );
        std::thread::sleep(POLL);
    }
}
