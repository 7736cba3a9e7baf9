//! What one run of the generator measured.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Significant digits of a latency: an error below 0.1%.
const HISTOGRAM_DIGITS: u8 = 3;

/// One kind of request in a sample.
#[derive(Clone)]
pub struct Operation {
    /// As reported.
    pub name: &'static str,
    /// Nanoseconds from the first byte sent to the last byte received.
    pub latency_ns: Histogram<u64>,
    /// Requests counted whose latency is not known: somebody else's generator made them.
    pub untimed: u64,
    /// Body bytes sent and received by the requests counted.
    pub body_bytes: u64,
}

impl Operation {
    /// Nothing measured yet.
    pub fn new(name: &'static str) -> Self {
        // The only error is of digits beyond five.
        #[allow(clippy::expect_used, reason = "a constant argument that is valid")]
        let latency_ns = Histogram::new(HISTOGRAM_DIGITS).expect("three digits are allowed");
        Self {
            name,
            latency_ns,
            untimed: 0,
            body_bytes: 0,
        }
    }

    /// Counts one request.
    pub fn record(&mut self, latency: Duration, body_bytes: u64) {
        let ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        // The histogram grows by itself; what does not fit is counted at its end.
        if self.latency_ns.record(ns.max(1)).is_err() {
            self.latency_ns.saturating_record(ns);
        }
        self.body_bytes += body_bytes;
    }

    /// Counts requests whose latency is not known.
    pub fn record_untimed(&mut self, requests: u64, body_bytes: u64) {
        self.untimed += requests;
        self.body_bytes += body_bytes;
    }

    /// Requests counted.
    pub fn count(&self) -> u64 {
        self.latency_ns.len() + self.untimed
    }
}

/// What one run measured.
#[derive(Clone)]
pub struct Sample {
    /// By index of [`super::Workload::operations`].
    pub operations: Vec<Operation>,
    /// Requests that failed; they are in no histogram.
    pub errors: u64,
    /// What the first of them said.
    pub first_error: Option<String>,
    /// From the first request's start to the last one's end.
    pub elapsed: Duration,
    /// Processor time of the generator's thread.
    pub client_cpu: Duration,
    /// Processor time of the server's process, where it is known.
    pub server_cpu: Option<Duration>,
}

impl Sample {
    /// Nothing measured yet.
    pub fn new(operations: &[&'static str]) -> Self {
        Self {
            operations: operations.iter().map(|name| Operation::new(name)).collect(),
            errors: 0,
            first_error: None,
            elapsed: Duration::ZERO,
            client_cpu: Duration::ZERO,
            server_cpu: None,
        }
    }

    /// Requests counted.
    pub fn count(&self) -> u64 {
        self.operations.iter().map(Operation::count).sum()
    }

    /// Requests per second.
    pub fn rate(&self) -> f64 {
        self.count() as f64 / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }
}
