//! What a component may use.

use std::time::Duration;

/// Linear memory of one instance, unless spin.toml says otherwise: enough for protocol work on
/// streamed bodies, small enough that a hundred instances fit in a small machine.
pub const DEFAULT_MEMORY_BYTES: u64 = 64 << 20;
/// The most linear memory spin.toml can grant: the whole address space of 32-bit wasm.
pub const MAX_MEMORY_BYTES: u64 = 4 << 30;
/// Computing time of one request. Components shape requests and answers, which takes
/// microseconds; a second of computing is a bug or an attack.
pub const DEFAULT_CPU_MS: u64 = 1_000;
/// From the last byte of the request's body that moved to the first byte of the answer.
pub const DEFAULT_FIRST_BYTE_MS: u64 = 30_000;
/// Body of a request to a component that does not say how large a body it takes.
pub const DEFAULT_BODY_BYTES: u64 = 16 << 20;
/// Requests that one component serves at the same time, over all cores.
pub const DEFAULT_CONCURRENT_REQUESTS: u32 = 512;
/// Requests at the same time in one instance. A trap takes all of them with it, and a component
/// may hold global state across an await, so components that we do not know get one.
pub const DEFAULT_REQUESTS_PER_INSTANCE: u32 = 1;

/// The resolution of [`ComponentLimits::cpu`]: how often a running guest is looked at.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);

/// What a component may use, from `[component.X.tool.concierge]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentLimits {
    /// Most linear memory of one instance, in bytes. Growing beyond it fails in the guest.
    pub memory_bytes: u64,
    /// An instance whose memory is above this many bytes takes no more requests and is replaced,
    /// because linear memory never shrinks.
    pub memory_mark_bytes: u64,
    /// Computing time granted by each request. An instance that used up what its requests granted
    /// is stopped, with all of its requests.
    pub cpu: Duration,
    /// Time for the first byte of the answer, counted from the last byte of the request's body
    /// that moved, so that a long upload is not cut off.
    pub first_byte: Duration,
    /// Most bytes in the body of a request.
    pub body_bytes: u64,
    /// Most requests at the same time, over all cores; the next one gets 503 at once.
    pub concurrent_requests: u32,
    /// Most requests at the same time in one instance.
    pub requests_per_instance: u32,
    /// An instance is replaced after so many requests; `None`: never for that reason.
    pub instance_requests: Option<u64>,
}

impl Default for ComponentLimits {
    fn default() -> Self {
        Self {
            memory_bytes: DEFAULT_MEMORY_BYTES,
            memory_mark_bytes: DEFAULT_MEMORY_BYTES / 2,
            cpu: Duration::from_millis(DEFAULT_CPU_MS),
            first_byte: Duration::from_millis(DEFAULT_FIRST_BYTE_MS),
            body_bytes: DEFAULT_BODY_BYTES,
            concurrent_requests: DEFAULT_CONCURRENT_REQUESTS,
            requests_per_instance: DEFAULT_REQUESTS_PER_INSTANCE,
            instance_requests: None,
        }
    }
}
