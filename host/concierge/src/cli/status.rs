//! `concierge status` and `concierge bucket`.

use clap::{Args, Subcommand};
use concierge_identity::AccountSelector;

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
    describe_value(&mut lines, "objects", &status.objects, 0);
    lines.join("\n") + "\n"
}

/// What the object store says of itself, as an indented list.
fn describe_value(lines: &mut Vec<String>, name: &str, value: &serde_json::Value, depth: usize) {
    let indent = "  ".repeat(depth);
    let nest = |lines: &mut Vec<String>, entries: Vec<(String, &serde_json::Value)>| {
        lines.push(format!("{indent}{name}"));
        for (name, value) in entries {
            describe_value(lines, &name, value, depth + 1);
        }
    };
    match value {
        serde_json::Value::Object(map) => nest(
            lines,
            map.iter()
                .map(|(name, value)| (name.clone(), value))
                .collect(),
        ),
        serde_json::Value::Array(list) => {
            nest(
                lines,
                list.iter()
                    .enumerate()
                    .map(|(index, value)| (index.to_string(), value))
                    .collect(),
            );
        }
        serde_json::Value::Null => {}
        serde_json::Value::String(text) => lines.push(format!("{indent}{name}: {text}")),
        other => lines.push(format!("{indent}{name}: {other}")),
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
