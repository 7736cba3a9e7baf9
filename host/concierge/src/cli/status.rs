//! `concierge status` and `concierge bucket`.

use clap::{Args, Subcommand};
use concierge_identity::AccountSelector;
use serde_json::Value;

use super::output::{print, print_json, print_table, read, time};
use super::{DataArgs, OutputArgs};
use crate::admin::Call;
use crate::admin::views::{Buckets, StatusView};
use crate::exit::Failure;

/// Show how everything is doing.
#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    data: DataArgs,
}

/// Look at buckets.
#[derive(Debug, Subcommand)]
pub enum BucketCommand {
    /// List buckets
    List {
        /// Only those of this account
        #[arg(long)]
        account: Option<AccountSelector>,
        #[command(flatten)]
        output: OutputArgs,
        #[command(flatten)]
        data: DataArgs,
    },
}

impl StatusArgs {
    pub async fn run(self) -> Result<(), Failure> {
        let answer = self.data.call(Call::Status).await?;
        if self.output.json {
            return print_json(&answer);
        }
        print(&describe(&read(answer)?))
    }
}

fn describe(status: &StatusView) -> String {
    let mut lines = vec![match status.started {
        Some(started) => format!(
            "concierge {}, process {}, running since {}",
            status.version,
            status.process,
            time(started)
        ),
        None => format!("concierge {}, not running", status.version),
    }];
    lines.push(format!("data       {}", status.data));
    lines.push(format!("accounts   {}", status.accounts));
    lines.extend(
        status
            .listeners
            .iter()
            .map(|(name, address)| format!("{name:<10} {address}")),
    );
    lines.push(match status.problems.as_slice() {
        [] => "health     ok".to_owned(),
        problems => format!("health     {}", problems.join("; ")),
    });
    describe_objects(&mut lines, &status.objects);
    lines.join("\n") + "\n"
}

/// What matters of what the object store says of itself; all of it is in the
/// JSON.
fn describe_objects(lines: &mut Vec<String>, objects: &Value) {
    let list = |name: &str| objects[name].as_array().cloned().unwrap_or_default();
    let shards = list("shards");
    let sum = |name: &str| {
        shards
            .iter()
            .filter_map(|shard| shard[name].as_u64())
            .sum::<u64>()
    };
    lines.push(format!(
        "catalogue  {} shards, {} waiting, {} to collect, {} copies missing",
        shards.len(),
        sum("queued"),
        sum("garbage"),
        sum("missing_replicas"),
    ));
    for node in list("nodes") {
        let status = &node["status"];
        let bytes = |name: &str| size(status[name].as_u64().unwrap_or_default());
        let state = match (node["error"].as_str(), status["stopped"].as_str()) {
            (Some(error), _) => error.to_owned(),
            (None, Some(stopped)) => format!("takes no more writes: {stopped}"),
            (None, None) => format!(
                "{} records, {} live, {} dead, {} free, {} damaged, {}",
                status["records"],
                bytes("live_bytes"),
                bytes("dead_bytes"),
                bytes("free_bytes"),
                status["damaged_records"],
                scrub(&status["scrub"]),
            ),
        };
        lines.push(format!("node {:<5} {state}", node["id"].to_string()));
    }
    if objects["moving"] == true {
        lines.push("moving     data is on its way to new places".to_owned());
    }
}

/// How far the scrub of a node is.
fn scrub(progress: &Value) -> String {
    let number = |name: &str| progress[name].as_u64().unwrap_or_default();
    match (number("total_bytes"), number("passes")) {
        (0, 0) => "not scrubbed yet".to_owned(),
        (0, 1) => "scrubbed once".to_owned(),
        (0, passes) => format!("scrubbed {passes} times"),
        (total, _) => format!("scrub at {}%", number("done_bytes") * 100 / total),
    }
}

/// A number of bytes as people read it, to a tenth of a unit.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut tenths = bytes;
    let mut unit = None;
    for name in UNITS {
        if tenths < if unit.is_none() { 1024 } else { 10_240 } {
            break;
        }
        tenths = if unit.is_none() {
            tenths * 10 / 1024
        } else {
            tenths / 1024
        };
        unit = Some(name);
    }
    match unit {
        None => format!("{bytes} B"),
        Some(unit) => format!("{}.{} {unit}", tenths / 10, tenths % 10),
    }
}

impl BucketCommand {
    pub async fn run(self) -> Result<(), Failure> {
        let Self::List {
            account,
            output,
            data,
        } = self;
        let answer = data.call(Call::ListBuckets { account }).await?;
        if output.json {
            return print_json(&answer);
        }
        let Buckets { buckets } = read(answer)?;
        let rows: Vec<_> = buckets
            .into_iter()
            .map(|bucket| {
                [
                    bucket.name,
                    bucket.owner,
                    time(bucket.created),
                    bucket.versioning,
                    bucket.region,
                ]
            })
            .collect();
        print_table(["NAME", "OWNER", "CREATED", "VERSIONING", "REGION"], &rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_in_the_largest_unit_that_fits() {
        for (bytes, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1023.9 KiB"),
            (1 << 20, "1.0 MiB"),
            (66_903_343_104, "62.3 GiB"),
            (5 << 40, "5.0 TiB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }
}
