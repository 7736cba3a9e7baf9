//! From the end of a message to its acceptance, and to the event that tells of it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::session::Session;
use super::side::{OURS, in_inbox};
use super::source::{Letter, SENDER};
use crate::benches::mail::calls::Client;
use crate::benches::mail::pushing::Listener;
use crate::load::Sample;
use crate::report::{Aim, Outcome, Report, rows};
use crate::servers::postfix::{self, Postfix};

/// Below this an event is there.
const AIM_PUSH_MS: f64 = 50.0;
/// Bytes of a message.
const BYTES: usize = 5_000;
/// The case.
const CASE: &str = "from the final dot";

/// Hands messages in one after the other, each when all is known of the last one.
pub fn measure(
    postfix: Option<&Postfix>,
    (client, address, smtp): (&Client, &str, SocketAddr),
    messages: u32,
    seed: u64,
    report: &mut Report,
) -> Result<()> {
    eprintln!("latency of {messages} messages");
    let mut outcomes = Vec::new();
    if let Some(postfix) = postfix {
        let letter = Letter::new(SENDER, postfix::MAILDIR, BYTES, seed);
        let mut session = Session::open(postfix.addr)?;
        let mut sample = Sample::new(&["message"]);
        for number in 0..=messages {
            let done = postfix.done()?;
            let (ended, accepted) = session.hand_in(SENDER, postfix::MAILDIR, &letter.on_wire())?;
            super::side::wait_for(postfix::NAME, done + 1, || postfix.done())?;
            count(&mut sample, number, accepted - ended);
        }
        outcomes.push(("postfix, 250", sample));
    }
    let [accepted, pushed] = ours(client, address, smtp, messages, seed)?;
    let event_source = format!("{OURS}, EventSource");
    let ours_250 = format!("{OURS}, 250");
    outcomes.extend([
        (ours_250.as_str(), accepted),
        (event_source.as_str(), pushed),
    ]);
    let outcomes: Vec<_> = outcomes
        .into_iter()
        .map(|(name, sample)| Outcome {
            server: name.into(),
            samples: vec![sample],
        })
        .collect();
    report.rows.extend(rows(CASE, &outcomes));
    if let Some(row) = report.row(CASE, &event_source) {
        let (p50, p99) = (row.p50_us / 1e3, row.p99_us / 1e3);
        let aim = |what, ms| {
            let name = format!("{CASE}, {event_source}, {what}, ms");
            Aim::below(name, ms, AIM_PUSH_MS)
        };
        report
            .aims
            .extend([aim("median", p50), aim("99th percentile", p99)]);
    }
    Ok(())
}

/// Our times to 250 and to the event.
fn ours(
    client: &Client,
    address: &str,
    smtp: SocketAddr,
    messages: u32,
    seed: u64,
) -> Result<[Sample; 2]> {
    let letter = Letter::new(SENDER, address, BYTES, seed).on_wire();
    let mut listener = Listener::event_source(client)?;
    let mut session = Session::open(smtp)?;
    let mut samples = [(); 2].map(|()| Sample::new(&["message"]));
    let before = in_inbox(client)?;
    let mut state = email_state(client)?;
    for number in 0..=messages {
        let (ended, accepted) = session.hand_in(SENDER, address, &letter)?;
        let (told, seen) = listener.wait_for_other_than(&state)?;
        let there = in_inbox(client)? - before;
        ensure!(
            there == u64::from(number) + 1,
            "an event before its message: {there}"
        );
        // One event tells of a message: the next one's is not mistaken for it.
        state = email_state(client)?;
        ensure!(
            state == told,
            "an event told of {told}, the state is {state}"
        );
        let [to_250, to_event] = &mut samples;
        count(to_250, number, accepted - ended);
        count(to_event, number, seen.saturating_duration_since(ended));
    }
    Ok(samples)
}

/// The first is not counted: with it a server sees all for the first time.
fn count(sample: &mut Sample, number: u32, took: Duration) {
    if number > 0 {
        sample.operations[0].record(took, BYTES as u64);
        sample.elapsed += took;
    }
}

fn email_state(client: &Client) -> Result<String> {
    let none = client.call("Email/get", json!({ "ids": [] }))?;
    let state = none["state"].as_str();
    Ok(state.context("emails without a state")?.to_owned())
}
