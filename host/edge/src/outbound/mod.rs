//! A component's own HTTP requests: where they may go, and the connections that they go over.

mod allowed;
mod connections;
mod exchange;

pub use allowed::{AllowedHostError, AllowedHosts};
pub(crate) use connections::Connections;

use exchange::Transmitted;
use std::sync::Arc;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// Bytes that are copied out of a guest at a time.
const GUEST_PIECE_BYTES: usize = 64 << 10;

/// Checks each outbound request of an instance against its component's list, and sends it.
pub(crate) struct OutboundHooks {
    pub(crate) component: Arc<str>,
    pub(crate) allowed: AllowedHosts,
    pub(crate) connections: Connections,
}

/// What `send_request` answers with: the response, and what becomes of sending the request.
type Sent = (http::Response<WasiBody>, Transmitted);

impl WasiHttpHooks for OutboundHooks {
    /// The default makes a new filter for each header field.
    fn is_forbidden_header(&mut self, name: &http::HeaderName) -> bool {
        wasmtime_wasi_http::DEFAULT_FORBIDDEN_HEADERS.contains(name)
    }

    /// Also of a component's answers. The default, 1 MiB, is a fresh mapping for each piece, whose
    /// pages the kernel must clear; pieces of this size are taken from the heap again and again.
    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        GUEST_PIECE_BYTES
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        if !self.allowed.allows(request.uri()) {
            tracing::warn!(
                component = %self.component,
                to = %request.uri().authority().map_or("", |a| a.as_str()),
                "outbound request refused: not in allowed_outbound_hosts"
            );
            metrics::counter!("concierge_edge_outbound_denied_total", "component" => self.component.to_string())
                .increment(1);
            return Box::new(async { Err(Error::HttpRequestDenied) });
        }
        let connections = self.connections.clone();
        Box::new(async move { exchange::send(&connections, request, options).await })
    }
}
