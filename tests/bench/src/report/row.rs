//! From the samples of several rounds to figures.

use serde::Serialize;

use crate::load::{Operation, Sample};

/// What one server did in one case, round by round.
pub struct Outcome {
    pub server: String,
    pub samples: Vec<Sample>,
}

/// The figures of one server in one case.
#[derive(Serialize)]
pub struct Row {
    pub case: String,
    pub server: String,
    /// Median over the rounds.
    pub per_second: f64,
    /// Body bytes up and down, 10^6 a second; over all rounds.
    pub mb_per_second: f64,
    /// Latencies over all rounds; 0 where they are not known.
    pub p50_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    /// Processor time of the server a request.
    pub server_cpu_us: Option<f64>,
    /// Part of one core that the load generator took.
    pub client_core_share: f64,
    pub requests: u64,
    pub errors: u64,
    /// Median over the rounds of this server's rate by the baseline's in the
    /// same round; none for the baseline itself.
    pub ratio: Option<f64>,
}

/// Makes the rows of a case. The first outcome is the baseline. A case with
/// several operations gets a row for each of them and one for all.
pub fn rows(case: &str, outcomes: &[Outcome]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (index, outcome) in outcomes.iter().enumerate() {
        let baseline = (index > 0).then(|| &outcomes[0]);
        rows.push(Row::of(case.to_owned(), outcome, baseline, None));
    }
    let operations = outcomes.first().and_then(|outcome| outcome.samples.first());
    let names: Vec<&str> = operations
        .map(|sample| {
            sample
                .operations
                .iter()
                .map(|operation| operation.name)
                .collect()
        })
        .unwrap_or_default();
    if names.len() < 2 {
        return rows;
    }
    for (operation, name) in names.iter().enumerate() {
        for (index, outcome) in outcomes.iter().enumerate() {
            let baseline = (index > 0).then(|| &outcomes[0]);
            rows.push(Row::of(
                format!("{case}: {name}"),
                outcome,
                baseline,
                Some(operation),
            ));
        }
    }
    rows
}

impl Row {
    /// One operation, or all of them together.
    fn of(
        case: String,
        outcome: &Outcome,
        baseline: Option<&Outcome>,
        operation: Option<usize>,
    ) -> Self {
        let merged = merge(&outcome.samples, operation);
        let seconds: f64 = outcome
            .samples
            .iter()
            .map(|sample| sample.elapsed.as_secs_f64())
            .sum();
        let client: f64 = outcome
            .samples
            .iter()
            .map(|sample| sample.client_cpu.as_secs_f64())
            .sum();
        let server: Option<f64> = outcome
            .samples
            .iter()
            .map(|sample| sample.server_cpu.map(|time| time.as_secs_f64()))
            .sum();
        let requests = merged.count();
        let percentile = |quantile| merged.latency_ns.value_at_quantile(quantile) as f64 / 1e3;
        let rates = |outcome: &Outcome| -> Vec<f64> {
            outcome
                .samples
                .iter()
                .map(|sample| rate(sample, operation))
                .collect()
        };
        let own = rates(outcome);
        let ratio = baseline.map(|baseline| {
            median(
                own.iter()
                    .zip(rates(baseline))
                    .map(|(own, base)| own / base),
            )
        });
        Self {
            case,
            server: outcome.server.clone(),
            per_second: median(own.iter().copied()),
            mb_per_second: merged.body_bytes as f64 / 1e6 / seconds.max(f64::EPSILON),
            p50_us: percentile(0.5),
            p99_us: percentile(0.99),
            p999_us: percentile(0.999),
            server_cpu_us: server
                .filter(|_| operation.is_none() && requests > 0)
                .map(|seconds| seconds * 1e6 / requests as f64),
            client_core_share: client / seconds.max(f64::EPSILON),
            requests,
            errors: outcome.samples.iter().map(|sample| sample.errors).sum(),
            ratio: ratio.filter(|ratio| ratio.is_finite()),
        }
    }
}

/// Requests a second, of one operation or of all.
fn rate(sample: &Sample, operation: Option<usize>) -> f64 {
    match operation {
        None => sample.rate(),
        Some(index) => {
            sample.operations[index].count() as f64 / sample.elapsed.as_secs_f64().max(f64::EPSILON)
        }
    }
}

/// Joins the samples of all rounds.
fn merge(samples: &[Sample], operation: Option<usize>) -> Operation {
    let mut merged = Operation::new("all");
    for sample in samples {
        for (index, of_sample) in sample.operations.iter().enumerate() {
            if operation.is_none_or(|wanted| wanted == index) {
                // Both histograms grow by themselves, so that adding cannot fail.
                let _ = merged.latency_ns.add(&of_sample.latency_ns);
                merged.record_untimed(of_sample.untimed, of_sample.body_bytes);
            }
        }
    }
    merged
}

/// The middle value, or the mean of the two in the middle; NaN of nothing.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.len(), values.len() % 2) {
        (0, _) => f64::NAN,
        (_, 1) => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn outcome(server: &str, counts: &[u64]) -> Outcome {
        let sample = |count: &u64| {
            let mut sample = Sample::new(&["GET"]);
            sample.elapsed = Duration::from_secs(1);
            for _ in 0..*count {
                sample.operations[0].record(Duration::from_micros(100), 10);
            }
            sample
        };
        Outcome {
            server: server.into(),
            samples: counts.iter().map(sample).collect(),
        }
    }

    #[test]
    fn the_ratio_is_the_median_of_the_rounds_ratios() {
        let outcomes = [
            outcome("bare", &[100, 200, 400]),
            outcome("ours", &[50, 50, 400]),
        ];
        let rows = rows("case", &outcomes);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].ratio, None);
        assert_eq!(rows[1].ratio, Some(0.5));
        assert_eq!(rows[1].per_second, 50.0);
        assert_eq!(rows[1].requests, 500);
    }

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle() {
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
        assert!(median(std::iter::empty()).is_nan());
    }
}
