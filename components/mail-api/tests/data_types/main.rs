//! Requests about mailboxes, emails, threads, identities, submissions, the answer of who is away and push
//! subscriptions, against a host whose answers are written down.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that is wrong has to fail"
)]

mod emails;
mod fixtures;
mod identities;
mod mailbox_edits;
mod mailboxes;
mod pushes;
mod snippets;
mod submission_edits;
mod submissions;
mod threads;
mod vacations;
