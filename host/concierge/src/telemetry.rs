//! Logs and metrics of the process.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::IsTerminal;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::Subscriber;

use crate::config::{Config, LogFormat};
use crate::exit::Failure;

/// Bounds of histograms of durations, in seconds: from what a cached read takes
/// to what a client gives up at, two a decade and one more where most requests
/// lie.
const SECONDS_BUCKETS: [f64; 14] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0,
];
/// Bounds of histograms of sizes, in bytes: by sixteen, from a small answer to
/// a part of an upload.
const BYTES_BUCKETS: [f64; 7] = [
    256.0,
    4_096.0,
    65_536.0,
    1_048_576.0,
    8_388_608.0,
    67_108_864.0,
    1_073_741_824.0,
];
/// Bounds of all other histograms (how many operations a group commit took,
/// how long a queue was).
const COUNT_BUCKETS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 256.0, 1024.0];

/// What is not logged unless `log` asks for it: a line for each client that goes away in the middle of its upload.
const QUIET: &str = "wasmtime_wasi_http=error";

/// Starts logging to standard error, and logs panics.
pub fn start_logs(config: &Config) -> Result<(), Failure> {
    let filter = EnvFilter::builder()
        .parse(format!("{QUIET},{}", config.log))
        .map_err(|error| Failure::usage(format!("log: {error}")))?;
    let builder = Subscriber::builder()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = match config.log_format {
        LogFormat::Json => {
            tracing::subscriber::set_global_default(builder.json().flatten_event(true).finish())
        }
        LogFormat::Auto | LogFormat::Human => {
            let colours = config.log_format == LogFormat::Auto && std::io::stderr().is_terminal();
            tracing::subscriber::set_global_default(builder.with_ansi(colours).finish())
        }
    };
    started.map_err(Failure::failed)?;
    log_panics();
    Ok(())
}

/// A task that panics takes only itself down; nobody would hear of it.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("(not a text)");
        let location = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let thread = std::thread::current();
        metrics::counter!("concierge_panics_total").increment(1);
        tracing::error!(location, thread = thread.name(), "panicked: {message}");
        // Only where RUST_BACKTRACE asks for it.
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            tracing::error!("backtrace of the panic:\n{backtrace}");
        }
    }));
}

/// Starts collecting metrics; the handle renders them.
pub fn start_metrics() -> Result<PrometheusHandle, Failure> {
    let suffix = |text: &str| Matcher::Suffix(text.to_owned());
    let builder = PrometheusBuilder::new()
        .set_buckets(&COUNT_BUCKETS)
        .and_then(|builder| builder.set_buckets_for_metric(suffix("_seconds"), &SECONDS_BUCKETS))
        .and_then(|builder| builder.set_buckets_for_metric(suffix("_bytes"), &BYTES_BUCKETS))
        .map_err(Failure::failed)?;
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(Failure::failed)?;
    metrics::describe_counter!("concierge_panics_total", "Panics of any thread or task.");
    metrics::counter!("concierge_panics_total").absolute(0);
    metrics::gauge!("concierge_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}
