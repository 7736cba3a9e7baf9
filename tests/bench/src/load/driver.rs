//! The loop: epoll over all connections of a run, on one thread.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use super::connection::{Connection, Sent};
use super::request::{Reply, Request};
use super::sample::Sample;
use crate::servers::cpu;

/// What one read takes at most. Large enough that a body of 1 MiB comes in a
/// few reads, small enough to stay in the second-level cache.
const READ_BUFFER_BYTES: usize = 256 * 1024;
/// The loop looks at the clock at least this often.
const TICK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};
/// Requests under way when the time is over are waited for this long.
const DRAIN_LIMIT: Duration = Duration::from_secs(120);
/// So many failures in a row mean that the server is gone or all wrong.
const MAX_FAILURES_IN_A_ROW: u32 = 64;

/// What to send. One workload serves all connections of a run.
pub trait Workload {
    /// Names of the kinds of request it sends.
    fn operations(&self) -> &[&'static str];

    /// Lays the next request of a connection into `request`; false when this
    /// connection has nothing more to do.
    fn next(&mut self, connection: usize, request: &mut Request) -> bool;

    /// The request came back as expected. An error makes it a failed one.
    fn finished(&mut self, _connection: usize, _reply: Reply<'_>) -> Result<(), String> {
        Ok(())
    }

    /// The request failed.
    fn failed(&mut self, _connection: usize) {}
}

/// When a run ends.
#[derive(Clone, Copy)]
pub enum Stop {
    /// No request starts after this time; those under way are finished.
    After(Duration),
    /// When the workload has nothing more.
    WhenDone,
}

/// Whom to load, how wide and how long.
pub struct Plan {
    pub addr: SocketAddr,
    pub connections: usize,
    pub stop: Stop,
    /// Time from one request's start to the next one's, over all connections: an open loop. A request whose time has come
    /// while all connections are busy waits, and its latency runs from when it was to start, so that a server that
    /// stalls is charged for all whom it kept waiting. `None`: a closed loop.
    pub pace: Option<Duration>,
}

/// Runs a workload to its end. Fails when the server cannot be reached or only
/// fails; single failures are counted in the sample.
pub fn drive(plan: &Plan, workload: &mut dyn Workload) -> Result<Sample> {
    let mut driver = Driver::connect(plan, workload)?;
    let cpu_before = cpu::this_thread()?;
    driver.begun = Instant::now();
    driver.run()?;
    driver.sample.elapsed = driver.begun.elapsed();
    driver.sample.client_cpu = cpu::this_thread()?.saturating_sub(cpu_before);
    Ok(driver.sample)
}

struct Driver<'a> {
    plan: &'a Plan,
    workload: &'a mut dyn Workload,
    epoll: OwnedFd,
    connections: Vec<Connection>,
    buffer: Vec<u8>,
    sample: Sample,
    begun: Instant,
    /// Connections with a request under way.
    busy: usize,
    /// Of an open loop: connections without one, and when the next request is to start.
    idle: Vec<usize>,
    due: Instant,
    failures_in_a_row: u32,
}

impl<'a> Driver<'a> {
    fn connect(plan: &'a Plan, workload: &'a mut dyn Workload) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut connections = Vec::with_capacity(plan.connections);
        for index in 0..plan.connections {
            let connection = Connection::open(plan.addr)
                .with_context(|| format!("cannot connect to {}", plan.addr))?;
            watch(&epoll, &connection, index)?;
            connections.push(connection);
        }
        let sample = Sample::new(workload.operations());
        Ok(Self {
            plan,
            workload,
            epoll,
            connections,
            buffer: vec![0; READ_BUFFER_BYTES],
            sample,
            begun: Instant::now(),
            busy: 0,
            idle: Vec::new(),
            due: Instant::now(),
            failures_in_a_row: 0,
        })
    }

    fn run(&mut self) -> Result<()> {
        self.due = self.begun;
        for index in 0..self.connections.len() {
            self.go_on(index)?;
        }
        self.keep_pace()?;
        let mut events = Vec::with_capacity(self.connections.len().max(1));
        while self.busy > 0 || (self.plan.pace.is_some() && !self.is_over()) {
            let patience = self.patience();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&patience)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in events.drain(..) {
                // The kernel's structure is packed: its fields are copied out.
                let (data, flags) = (event.data, event.flags);
                let index = data.u64() as usize;
                if flags.contains(epoll::EventFlags::OUT) {
                    self.send(index)?;
                }
                if flags.intersects(
                    epoll::EventFlags::IN | epoll::EventFlags::HUP | epoll::EventFlags::ERR,
                ) {
                    self.receive(index)?;
                }
            }
            self.keep_pace()?;
            self.check_drain()?;
        }
        self.count_missed();
        Ok(())
    }

    /// What was due in an open loop and found no connection until the end was not served either.
    fn count_missed(&mut self) {
        let (Some(pace), Stop::After(limit)) = (self.plan.pace, self.plan.stop) else {
            return;
        };
        let behind = (self.begun + limit).saturating_duration_since(self.due);
        let missed = behind.as_nanos() / pace.as_nanos().max(1);
        if missed > 0 {
            self.sample.errors += u64::try_from(missed).unwrap_or(u64::MAX);
            let message = format!("{missed} requests were due and found no connection");
            self.sample.first_error.get_or_insert(message);
        }
    }

    /// Starts what is due, as far as there are connections.
    fn keep_pace(&mut self) -> Result<()> {
        let Some(pace) = self.plan.pace else {
            return Ok(());
        };
        while self.due <= Instant::now() && !self.is_over() {
            let Some(index) = self.idle.pop() else {
                return Ok(());
            };
            self.start(index)?;
            self.connections[index].started = self.due;
            self.due += pace;
        }
        Ok(())
    }

    /// How long to wait for events.
    fn patience(&self) -> Timespec {
        if self.plan.pace.is_none() || self.idle.is_empty() {
            return TICK;
        }
        let left = self.due.saturating_duration_since(Instant::now());
        Timespec::try_from(left).map_or(TICK, |left| left.min(TICK))
    }

    /// A connection has nothing to do: its next request now, or when one is due.
    fn go_on(&mut self, index: usize) -> Result<()> {
        match self.plan.pace {
            None => self.start(index),
            Some(_) => {
                self.idle.push(index);
                Ok(())
            }
        }
    }

    fn is_over(&self) -> bool {
        match self.plan.stop {
            Stop::After(limit) => self.begun.elapsed() >= limit,
            Stop::WhenDone => false,
        }
    }

    fn check_drain(&self) -> Result<()> {
        if let Stop::After(limit) = self.plan.stop
            && self.begun.elapsed() > limit + DRAIN_LIMIT
        {
            bail!(
                "{} requests did not end within {DRAIN_LIMIT:?} after the run",
                self.busy
            );
        }
        Ok(())
    }

    /// Sends a connection's next request, if there is one.
    fn start(&mut self, index: usize) -> Result<()> {
        if self.is_over() {
            return Ok(());
        }
        let connection = &mut self.connections[index];
        if !self.workload.next(index, &mut connection.request) {
            return Ok(());
        }
        connection.begin();
        self.busy += 1;
        self.send(index)
    }

    fn send(&mut self, index: usize) -> Result<()> {
        let connection = &mut self.connections[index];
        if !connection.busy {
            return Ok(());
        }
        let wants_write = match connection.send() {
            Ok(Sent::All) => false,
            Ok(Sent::Partly) => true,
            Err(error) => return self.fail(index, format!("sending failed: {error}")),
        };
        if wants_write != connection.wants_write {
            connection.wants_write = wants_write;
            let mut interest = epoll::EventFlags::IN;
            interest.set(epoll::EventFlags::OUT, wants_write);
            let data = epoll::EventData::new_u64(index as u64);
            epoll::modify(&self.epoll, &connection.stream, data, interest)?;
        }
        Ok(())
    }

    fn receive(&mut self, index: usize) -> Result<()> {
        let connection = &mut self.connections[index];
        if !connection.busy {
            // Closed, or spoke out of turn, while nothing was under way.
            return self.renew(index);
        }
        match connection.receive(&mut self.buffer) {
            Ok(true) => self.complete(index),
            Ok(false) => Ok(()),
            Err(message) => self.fail(index, message),
        }
    }

    /// A response is whole: checks it, counts it, and goes on.
    fn complete(&mut self, index: usize) -> Result<()> {
        let connection = &mut self.connections[index];
        let latency = connection.started.elapsed();
        let request = &connection.request;
        let response = &connection.response;
        if response.status != request.expect_status {
            let text = String::from_utf8_lossy(&response.kept);
            let message = format!("status {}: {text}", response.status);
            return self.fail(index, message);
        }
        if !connection.is_sent() {
            return self.fail(index, "answered before the whole request was sent".into());
        }
        if let Some(expected) = request.expect_length
            && expected != response.received
        {
            let message = format!("{} bytes instead of {expected}", response.received);
            return self.fail(index, message);
        }
        let operation = request.operation;
        let reply = Reply {
            kept: &response.kept,
        };
        if let Err(message) = self.workload.finished(index, reply) {
            return self.fail(index, message);
        }
        let body_bytes = request.body.len() + response.received;
        self.sample.operations[operation].record(latency, body_bytes);
        self.failures_in_a_row = 0;
        connection.busy = false;
        self.busy -= 1;
        if connection.response.close {
            self.renew(index)?;
        }
        self.go_on(index)
    }

    /// Counts a failure, and goes on with a new connection.
    fn fail(&mut self, index: usize, message: String) -> Result<()> {
        self.workload.failed(index);
        self.sample.errors += 1;
        self.failures_in_a_row += 1;
        if self.failures_in_a_row > MAX_FAILURES_IN_A_ROW {
            bail!("{MAX_FAILURES_IN_A_ROW} requests in a row failed, the last: {message}");
        }
        self.sample.first_error.get_or_insert(message);
        self.connections[index].busy = false;
        self.busy -= 1;
        self.renew(index)?;
        self.go_on(index)
    }

    /// Replaces a connection's socket. Closing the old one takes it out of epoll.
    fn renew(&mut self, index: usize) -> Result<()> {
        let connection = &mut self.connections[index];
        connection
            .reopen(self.plan.addr)
            .with_context(|| format!("cannot connect again to {}", self.plan.addr))?;
        watch(&self.epoll, connection, index)
    }
}

fn watch(epoll: &OwnedFd, connection: &Connection, index: usize) -> Result<()> {
    let data = epoll::EventData::new_u64(index as u64);
    epoll::add(epoll, &connection.stream, data, epoll::EventFlags::IN)?;
    Ok(())
}
