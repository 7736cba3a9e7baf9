//! What calls take and give beside the domain's records: a module for each interface of `concierge:mail`, in it the
//! records by their names there.
//!
//! Ids that a call takes are texts as clients sent them. A text that is no id is the id of something that there is not.

pub mod emails;
pub mod events;
pub mod mailboxes;
pub mod messages;
pub mod outgoing;
pub mod search;
pub mod submissions;

use std::io;
use std::pin::Pin;

use bytes::Bytes;
use futures::Stream;

/// Bytes as they come.
pub type ByteStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;
