//! The edge's metrics. Handles are made once for each component and core, because looking one up
//! costs more than counting.

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

/// Of a component's instances.
#[derive(Clone)]
pub(crate) struct InstanceMetrics {
    pub(crate) live: Gauge,
    pub(crate) traps: Counter,
}

/// Of a component's requests.
pub(crate) struct RequestMetrics {
    component: String,
    /// By the first digit of the status.
    classes: [Counter; 5],
    pub(crate) latency: Histogram,
    pub(crate) in_flight: Gauge,
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
    pub(crate) instances: InstanceMetrics,
}

impl RequestMetrics {
    pub(crate) fn new(component: &str) -> Self {
        let name = component.to_owned();
        let class = |status: &'static str| counter!("concierge_edge_requests_total", "component" => name.clone(), "status" => status);
        Self {
            component: name.clone(),
            classes: [
                class("1xx"),
                class("2xx"),
                class("3xx"),
                class("4xx"),
                class("5xx"),
            ],
            latency: histogram!("concierge_edge_first_byte_seconds", "component" => name.clone()),
            in_flight: gauge!("concierge_edge_in_flight", "component" => name.clone()),
            bytes_in: counter!("concierge_edge_request_body_bytes_total", "component" => name.clone()),
            bytes_out: counter!("concierge_edge_response_body_bytes_total", "component" => name.clone()),
            instances: InstanceMetrics {
                live: gauge!("concierge_edge_instances", "component" => name.clone()),
                traps: counter!("concierge_edge_traps_total", "component" => name.clone()),
            },
        }
    }

    pub(crate) fn answered(&self, status: http::StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(counter) = self.classes.get(class) {
            counter.increment(1);
        }
    }

    /// A request that no instance saw, or that was cut off. `why`: overload, body, first_byte, ...
    pub(crate) fn rejected(&self, why: &'static str) {
        counter!("concierge_edge_rejected_total", "component" => self.component.clone(), "why" => why)
            .increment(1);
    }
}

/// Names and units, for exporters that show them.
pub(crate) fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_counter!(
        "concierge_edge_requests_total",
        "Requests answered by a component, by class of status"
    );
    describe_histogram!(
        "concierge_edge_first_byte_seconds",
        Unit::Seconds,
        "From the request's head to the answer's head"
    );
    describe_gauge!(
        "concierge_edge_in_flight",
        "Requests whose answers are not finished"
    );
    describe_counter!(
        "concierge_edge_request_body_bytes_total",
        Unit::Bytes,
        "Bytes of request bodies that moved"
    );
    describe_counter!(
        "concierge_edge_response_body_bytes_total",
        Unit::Bytes,
        "Bytes of response bodies"
    );
    describe_gauge!("concierge_edge_instances", "Live instances of a component");
    describe_counter!(
        "concierge_edge_traps_total",
        "Instances that were stopped: traps, limits, abandoned work"
    );
    describe_counter!(
        "concierge_edge_rejected_total",
        "Requests that got no answer from a component, by reason"
    );
    describe_counter!(
        "concierge_edge_outbound_denied_total",
        "Outbound requests that allowed_outbound_hosts refused"
    );
    describe_counter!(
        "concierge_edge_host_calls_total",
        "Calls of granted interfaces, by function"
    );
    describe_gauge!(
        "concierge_edge_connections",
        "Open connections, by listener"
    );
    describe_counter!(
        "concierge_edge_accept_errors_total",
        "Connections that could not be accepted"
    );
}
