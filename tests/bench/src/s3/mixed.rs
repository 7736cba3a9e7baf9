//! The mix of MinIO's `warp mixed` by default: 45% GET, 15% PUT, 10% DELETE,
//! 30% STAT over a pool of objects.

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use super::endpoint::Endpoint;
use super::workload::{Payload, S3Request, Target, key};
use crate::load::{Reply, Request, Workload};

const GET: usize = 0;
const PUT: usize = 1;
const DELETE: usize = 2;
const STAT: usize = 3;

/// Below so many a DELETE becomes a PUT, so that the pool never runs dry.
const MIN_POOL: usize = 16;

/// What a connection is doing.
#[derive(Clone, Copy)]
enum UnderWay {
    Nothing,
    Reading(u64),
    Putting(u64),
}

/// The mixed workload.
pub struct Mixed {
    requests: S3Request,
    prefix: String,
    payloads: Vec<Payload>,
    /// Numbers of the objects that are there.
    pool: Vec<u64>,
    next: u64,
    under_way: Vec<UnderWay>,
    random: SmallRng,
}

impl Mixed {
    /// Over the first `count` keys under `prefix`, which must be there.
    pub fn new(
        endpoint: &Endpoint,
        prefix: &str,
        payloads: Vec<Payload>,
        count: u64,
        connections: usize,
        seed: u64,
    ) -> Self {
        Self {
            requests: S3Request::new(endpoint),
            prefix: prefix.into(),
            payloads,
            pool: (0..count).collect(),
            next: count,
            under_way: vec![UnderWay::Nothing; connections],
            random: SmallRng::seed_from_u64(seed),
        }
    }

    /// Which operation comes next.
    fn draw(&mut self) -> usize {
        match self.random.random_range(0..100) {
            0..45 => GET,
            45..60 => PUT,
            60..70 if self.pool.len() > MIN_POOL => DELETE,
            60..70 => PUT,
            _ => STAT,
        }
    }

    /// Takes an object that nobody reads out of the pool.
    fn take(&mut self) -> Option<u64> {
        let at = self.random.random_range(0..self.pool.len());
        let number = self.pool[at];
        let read = |under_way: &UnderWay| matches!(under_way, UnderWay::Reading(other) if *other == number);
        if self.under_way.iter().any(read) {
            return None;
        }
        Some(self.pool.swap_remove(at))
    }

    fn read(&mut self, connection: usize, method: &'static str, request: &mut Request) {
        let at = self.random.random_range(0..self.pool.len());
        let number = self.pool[at];
        self.under_way[connection] = UnderWay::Reading(number);
        self.bodiless(method, number, request);
        if method == "GET" {
            let payload = self.payload(number);
            request.expect_length = Some(payload.body.len());
        }
    }

    fn put(&mut self, connection: usize, request: &mut Request) {
        let number = self.next;
        self.next += 1;
        self.under_way[connection] = UnderWay::Putting(number);
        let target = Target {
            method: "PUT",
            key: &key(&self.prefix, number),
            query: "",
        };
        let payload = self.payload(number).clone();
        self.requests.with_body(&target, &payload, request);
    }

    fn bodiless(&mut self, method: &'static str, number: u64, request: &mut Request) {
        let target = Target {
            method,
            key: &key(&self.prefix, number),
            query: "",
        };
        self.requests.bodiless(&target, request);
    }

    fn payload(&self, number: u64) -> &Payload {
        &self.payloads[(number % self.payloads.len() as u64) as usize]
    }

    /// Takes back what a connection had claimed.
    fn release(&mut self, connection: usize, succeeded: bool) {
        let under_way = std::mem::replace(&mut self.under_way[connection], UnderWay::Nothing);
        if let UnderWay::Putting(number) = under_way
            && succeeded
        {
            self.pool.push(number);
        }
    }
}

impl Workload for Mixed {
    fn operations(&self) -> &[&'static str] {
        &["GET", "PUT", "DELETE", "STAT"]
    }

    fn next(&mut self, connection: usize, request: &mut Request) -> bool {
        let drawn = self.draw();
        let taken = if drawn == DELETE { self.take() } else { None };
        let operation = if drawn == DELETE && taken.is_none() {
            STAT
        } else {
            drawn
        };
        request.reset(operation);
        match (operation, taken) {
            (GET, _) => self.read(connection, "GET", request),
            (PUT, _) => self.put(connection, request),
            (DELETE, Some(number)) => {
                self.bodiless("DELETE", number, request);
                request.expect_status = 204;
            }
            _ => self.read(connection, "HEAD", request),
        }
        true
    }

    fn finished(&mut self, connection: usize, _reply: Reply<'_>) -> Result<(), String> {
        self.release(connection, true);
        Ok(())
    }

    fn failed(&mut self, connection: usize) {
        self.release(connection, false);
    }
}
