//! `booking`: the mix of DeathStarBench's hotel reservation (Gan et al., ASPLOS 2019): 60% searches, 39%
//! recommendations, 0.5% sign-ins, 0.5% reservations, at a constant rate, with latencies counted from when a request was
//! to start; and what the cache does for a calendar and a search.

mod calls;
mod mix;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::load::{Plan, Sample, Stop, drive};
use crate::options::Options;
use crate::report::{Outcome, Report, rows};
use crate::servers::concierge;
use calls::{Call, PASSWORD, USER, one_by_one};
use mix::Mix;

/// Options of `booking`.
#[derive(clap::Args)]
pub struct BookingOptions {
    /// Hotels, a case each.
    #[arg(long, value_delimiter = ',', default_values_t = [80, 1_000])]
    hotels: Vec<u32>,
    /// Connections.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Seconds at each rate.
    #[arg(long, default_value_t = 5)]
    probe_s: u64,
}

/// The latency that the rate is sought for: 99 of 100 requests below it.
const P99_AIM: Duration = Duration::from_millis(10);
/// Where the search for the highest rate begins, requests a second.
const FIRST_RATE: f64 = 250.0;
/// How close the highest rate is sought: a twentieth.
const RATE_PRECISION: f64 = 1.05;
/// Of so many requests one may fail or never start: more means that the rate is not kept.
const FAILURES: u64 = 1_000;

/// Measures, and says what came out.
pub fn run(options: &Options, of_booking: &BookingOptions) -> Result<Report> {
    let binary = concierge::binary(options.bin.as_deref())?;
    let mut report = Report::new("booking");
    for &hotels in &of_booking.hotels {
        let hotels = options.pick(hotels, hotels.min(5));
        let dir = options.temporary()?;
        let environment = [
            ("CONCIERGE_ROOT_USER", USER),
            ("CONCIERGE_ROOT_PASSWORD", PASSWORD),
        ];
        let unlimited = [
            "--booking-searches-per-s",
            "0",
            "--booking-changes-per-s",
            "0",
        ];
        let server = concierge::start_with(&binary, dir.path(), &unlimited, &environment)?;
        let addr = server.address("web")?;
        one_by_one(addr, mix::setup(hotels))?;
        caches(addr, hotels, &mut report)?;
        let mut mix = Mix::new(hotels, options.seed);
        let probe = Duration::from_secs(options.pick(of_booking.probe_s, 1));
        let found = highest_rate(addr, &mut mix, of_booking.clients, probe, options.quick)?;
        report.fact(
            format!("{hotels} hotels: highest rate with p99 under 10 ms"),
            found.rate,
            "/s",
        );
        let outcome = Outcome {
            server: "concierge".into(),
            samples: vec![found.sample],
        };
        report
            .rows
            .extend(rows(&format!("mix, {hotels} hotels"), &[outcome]));
    }
    Ok(report)
}

/// The highest rate that was kept, and what was measured at it.
struct Found {
    rate: f64,
    sample: Sample,
}

/// Doubles the rate until it is not kept, then halves the interval.
fn highest_rate(
    addr: SocketAddr,
    mix: &mut Mix,
    connections: usize,
    time: Duration,
    quick: bool,
) -> Result<Found> {
    let mut try_rate = |rate: f64| -> Result<Option<Found>> {
        let plan = Plan {
            addr,
            connections,
            stop: Stop::After(time),
            pace: Some(Duration::from_secs_f64(1.0 / rate)),
        };
        let sample = drive(&plan, mix)?;
        let kept = sample.errors * FAILURES <= sample.count() && p99(&sample) < P99_AIM;
        eprintln!(
            "{rate:.0}/s: p99 {:?}, {} errors{}",
            p99(&sample),
            sample.errors,
            first(sample.first_error.as_deref()),
        );
        Ok((kept || quick).then_some(Found { rate, sample }))
    };
    let mut best = try_rate(FIRST_RATE)?.context("not even the first rate was kept")?;
    if quick {
        return Ok(best);
    }
    let mut above = best.rate * 2.0;
    while let Some(found) = try_rate(above)? {
        above = found.rate * 2.0;
        best = found;
    }
    while above / best.rate > RATE_PRECISION {
        let middle = (above * best.rate).sqrt();
        match try_rate(middle)? {
            Some(found) => best = found,
            None => above = middle,
        }
    }
    Ok(best)
}

/// The first error of a try, to be added to what is said of it.
fn first(error: Option<&str>) -> String {
    error.map_or_else(String::new, |error| format!(", the first: {error}"))
}

fn p99(sample: &Sample) -> Duration {
    let mut all = sample
        .operations
        .first()
        .map(|first| first.latency_ns.clone());
    for operation in sample.operations.iter().skip(1) {
        if let Some(all) = &mut all {
            // They have the same bounds.
            let _ = all.add(&operation.latency_ns);
        }
    }
    Duration::from_nanos(all.map_or(0, |all| all.value_at_quantile(0.99)))
}

/// The first look at each hotel's calendar reads the tables, the second the cache; likewise a search.
fn caches(addr: SocketAddr, hotels: u32, report: &mut Report) -> Result<()> {
    let mut search = Vec::new();
    for name in ["cold", "warm"] {
        let (sample, found) = one_by_one(addr, [mix::wide_search()])?;
        mix::check_found(&found)?;
        search.push(Outcome {
            server: name.into(),
            samples: vec![sample],
        });
    }
    report
        .rows
        .extend(rows(&format!("search, {hotels} hotels"), &search));
    let month = mix::month();
    let mut calendars = Vec::new();
    for name in ["cold", "warm"] {
        let path = |hotel| format!("/booking/v1/hotels/hotel-{hotel}/calendar?month={month}");
        let (sample, _) = one_by_one(addr, (0..hotels).map(|hotel| Call::get(path(hotel))))?;
        calendars.push(Outcome {
            server: name.into(),
            samples: vec![sample],
        });
    }
    report
        .rows
        .extend(rows(&format!("calendar, {hotels} hotels"), &calendars));
    Ok(())
}
