//! Requests of the booking API, as bytes.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::load::{Body, Keep, Plan, Reply, Request, Sample, Stop, Workload, drive};

/// The administrator of the server that is measured.
pub const USER: &str = "root";
/// And the password.
pub const PASSWORD: &str = "benchmarks only";

/// A request.
pub struct Call {
    pub method: &'static str,
    pub path: String,
    /// By the administrator.
    pub signed_in: bool,
    pub key: Option<String>,
    pub body: Option<Value>,
    pub expect_status: u16,
}

impl Call {
    /// A GET of anyone.
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: "GET",
            path: path.into(),
            signed_in: false,
            key: None,
            body: None,
            expect_status: 200,
        }
    }

    /// A PUT of the administrator.
    pub fn put(path: String, body: Value, expect_status: u16) -> Self {
        Self {
            method: "PUT",
            signed_in: true,
            body: Some(body),
            expect_status,
            ..Self::get(path)
        }
    }

    /// Lays it out.
    pub fn lay_out(&self, operation: usize, request: &mut Request) {
        request.reset(operation);
        request.expect_status = self.expect_status;
        let mut head = format!("{} {} HTTP/1.1\r\nhost: bench\r\n", self.method, self.path);
        if self.signed_in {
            let credentials = STANDARD.encode(format!("{USER}:{PASSWORD}"));
            head += &format!("authorization: Basic {credentials}\r\n");
        }
        if let Some(key) = &self.key {
            head += &format!("idempotency-key: {key}\r\n");
        }
        if let Some(body) = &self.body {
            let body = body.to_string().into_bytes();
            head += &format!(
                "content-type: application/json\r\ncontent-length: {}\r\n",
                body.len()
            );
            let length = body.len() as u64;
            request.body = Body::repeat(Arc::from(body), length);
        }
        head += "\r\n";
        request.head.extend_from_slice(head.as_bytes());
    }
}

/// Calls that are made once each, in their order as far as one connection goes.
struct Once<I> {
    calls: I,
    last: Vec<u8>,
}

impl<I: Iterator<Item = Call>> Workload for Once<I> {
    fn operations(&self) -> &[&'static str] {
        &["call"]
    }

    fn next(&mut self, _connection: usize, request: &mut Request) -> bool {
        let Some(call) = self.calls.next() else {
            return false;
        };
        call.lay_out(0, request);
        request.keep = Keep::Everything;
        true
    }

    fn finished(&mut self, _connection: usize, reply: Reply<'_>) -> Result<(), String> {
        self.last.clear();
        self.last.extend_from_slice(reply.kept);
        Ok(())
    }
}

/// Makes calls one after the other; all must be answered as they expect. Gives the last answer's body, too.
pub fn one_by_one(
    addr: SocketAddr,
    calls: impl IntoIterator<Item = Call>,
) -> Result<(Sample, Vec<u8>)> {
    let plan = Plan {
        addr,
        connections: 1,
        stop: Stop::WhenDone,
        pace: None,
    };
    let mut once = Once {
        calls: calls.into_iter(),
        last: Vec::new(),
    };
    let sample = drive(&plan, &mut once)?;
    match &sample.first_error {
        Some(error) => bail!("{} calls failed, the first: {error}", sample.errors),
        None => Ok((sample, once.last)),
    }
}
