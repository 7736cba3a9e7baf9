//! Single calls and bulk loads, outside the measured time.

use anyhow::{Context as _, Result, bail};

use super::endpoint::Endpoint;
use super::workload::{Payload, Puts, S3Request, Target, key};
use crate::load::{Keep, Plan, Reply, Request, Stop, Workload, drive};

/// One request, and its answer's body.
struct Once<'a> {
    lay_out: &'a mut dyn FnMut(&mut Request),
    sent: bool,
    answer: Vec<u8>,
}

impl Workload for Once<'_> {
    fn operations(&self) -> &[&'static str] {
        &["call"]
    }

    fn next(&mut self, _connection: usize, request: &mut Request) -> bool {
        if std::mem::replace(&mut self.sent, true) {
            return false;
        }
        request.reset(0);
        request.keep = Keep::Everything;
        (self.lay_out)(request);
        true
    }

    fn finished(&mut self, _connection: usize, reply: Reply<'_>) -> Result<(), String> {
        self.answer = reply.kept.to_vec();
        Ok(())
    }
}

/// Sends one request and gives the body of its answer.
fn call(endpoint: &Endpoint, lay_out: &mut dyn FnMut(&mut Request)) -> Result<Vec<u8>> {
    let plan = Plan {
        addr: endpoint.addr,
        connections: 1,
        stop: Stop::WhenDone,
        pace: None,
    };
    let mut once = Once {
        lay_out,
        sent: false,
        answer: Vec::new(),
    };
    let sample = drive(&plan, &mut once)?;
    match sample.first_error {
        Some(error) => bail!("{}: {error}", endpoint.name),
        None => Ok(once.answer),
    }
}

/// Makes the bench's bucket.
pub fn create_bucket(endpoint: &Endpoint) -> Result<()> {
    let mut requests = S3Request::new(endpoint);
    let target = Target {
        method: "PUT",
        key: "",
        query: "",
    };
    call(endpoint, &mut |request| requests.bodiless(&target, request))
        .context("cannot make the bucket")?;
    Ok(())
}

/// Puts one object and gets it back: every byte must be there. Without this a
/// fast server that keeps nothing would win.
pub fn check_round_trip(endpoint: &Endpoint, payload: &Payload) -> Result<()> {
    let mut requests = S3Request::new(endpoint);
    let put = Target {
        method: "PUT",
        key: "round-trip",
        query: "",
    };
    call(endpoint, &mut |request| {
        requests.with_body(&put, payload, request)
    })?;
    let get = Target {
        method: "GET",
        ..put
    };
    let answer = call(endpoint, &mut |request| requests.bodiless(&get, request))?;
    if !payload.body.equals(&answer) {
        bail!("{} gave other bytes back than were put", endpoint.name);
    }
    Ok(())
}

/// Puts each of the first `count` keys under `prefix` once.
pub fn put_many(
    endpoint: &Endpoint,
    prefix: &str,
    payloads: &[Payload],
    count: u64,
    connections: usize,
) -> Result<()> {
    let plan = Plan {
        addr: endpoint.addr,
        connections,
        stop: Stop::WhenDone,
        pace: None,
    };
    let mut puts = Puts::once(endpoint, prefix, payloads.to_vec(), count);
    let sample = drive(&plan, &mut puts)?;
    match sample.first_error {
        Some(error) => bail!(
            "{}: putting {} failed: {error}",
            endpoint.name,
            key(prefix, 0)
        ),
        None => Ok(()),
    }
}
