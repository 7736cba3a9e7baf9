//! Against a server that plays a part.

mod bounds;
mod noise;
mod sending;
mod tls;

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;

use super::fake::Fake;
use super::{Broken, Client, ClientError, Connect, Timeouts};
use crate::envelope::{Recipient, Sender};
use crate::reply::Reply;

/// Longer than any of these servers takes that answers.
const LONG: Duration = Duration::from_secs(60);
/// What a server that hangs is given.
const SHORT: Duration = Duration::from_millis(50);

fn all(timeout: Duration) -> Timeouts {
    Timeouts {
        connect: LONG,
        greeting: timeout,
        command: timeout,
        tls: timeout,
        mail: timeout,
        recipient: timeout,
        data: timeout,
        block: timeout,
        done: timeout,
        quit: timeout,
    }
}

async fn connect_within(fake: &Fake, timeouts: Timeouts) -> Result<Client, ClientError> {
    Client::connect(Connect {
        address: fake.address,
        source: None,
        hello: "us.example",
        timeouts,
        tls: None,
    })
    .await
}

async fn connect(fake: &Fake) -> Client {
    connect_within(fake, all(LONG)).await.unwrap()
}

fn ann() -> Sender {
    Sender {
        address: "ann@us.example".to_owned(),
        ..Sender::default()
    }
}

fn to(addresses: &[&str]) -> Vec<Recipient> {
    let to = addresses.iter().map(|address| Recipient {
        address: (*address).to_owned(),
        ..Recipient::default()
    });
    to.collect()
}

fn message(text: &'static str) -> impl futures::Stream<Item = io::Result<Bytes>> {
    stream::iter([Ok(Bytes::from_static(text.as_bytes()))])
}

/// Sends a message of ann's.
async fn send(
    client: &mut Client,
    addresses: &[&str],
    text: &'static str,
) -> Result<Vec<Reply>, Broken> {
    client.send(&ann(), &to(addresses), message(text)).await
}
