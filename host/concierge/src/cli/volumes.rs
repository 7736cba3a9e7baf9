//! `concierge volumes`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use concierge_storage_nodes::{Node, RecoveryReport, VolumeFault};
use serde::Serialize;

use super::node::OfNodes;
use super::output::{print, print_json};
use super::{OutputArgs, quiet};
use crate::config::{Config, Flags};
use crate::data_dir::{DataDir, Refused, held};
use crate::exit::{Exit, Failure};
use crate::{storage, telemetry};

/// Bytes read in one step of the verification.
const STEP_BYTES: u64 = 64 * 1024 * 1024;

/// Look after the volume files of storage nodes that are not running.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  concierge volumes verify                    of the nodes of the data directory
  concierge volumes verify /srv/node-2        of one node's directory
  concierge volumes rebuild-index             of the nodes of the data directory")]
pub enum VolumesCommand {
    /// Read all stored data and check it; ends with 1 if anything is damaged
    Verify(VolumesArgs),
    /// Make the index again from the volume files alone; ends with 1 if anything is damaged
    ///
    /// A start does so by itself when the index's file is gone or does not fit the
    /// volumes. By hand it is for when that file is in doubt.
    RebuildIndex(VolumesArgs),
}

#[derive(Debug, Args)]
pub struct VolumesArgs {
    /// The directory of a node; the local nodes of the configuration otherwise
    dir: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    settings: Flags<OfNodes>,
}

/// What is to be done with a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    Verify,
    RebuildIndex,
}

/// What was found in one node's directory.
#[derive(Debug, Serialize)]
struct Found {
    dir: PathBuf,
    records: u64,
    bytes: u64,
    /// Records that do not match their checksums.
    damaged: Vec<String>,
    /// What else is wrong with the files.
    problems: Vec<String>,
}

impl Found {
    fn is_clean(&self) -> bool {
        self.damaged.is_empty() && self.problems.is_empty()
    }
}

impl VolumesCommand {
    pub async fn run(self) -> Result<(), Failure> {
        let (task, arguments) = match self {
            Self::Verify(arguments) => (Task::Verify, arguments),
            Self::RebuildIndex(arguments) => (Task::RebuildIndex, arguments),
        };
        let config = arguments.settings.load()?;
        telemetry::start_logs(&quiet(&config))?;
        let found = match arguments.dir {
            Some(dir) => vec![look_after(&dir, task, &config).await?],
            None => look_after_all(task, &config).await?,
        };
        if arguments.output.json {
            print_json(&serde_json::json!({ "nodes": found }))?;
        } else {
            print(&describe(&found))?;
        }
        if found.iter().all(Found::is_clean) {
            Ok(())
        } else {
            Err(Failure::failed("stored data is damaged"))
        }
    }
}

/// Goes through every local node of a data directory, which is held meanwhile.
async fn look_after_all(task: Task, config: &Config) -> Result<Vec<Found>, Failure> {
    let data = DataDir::acquire(&config.data, false).map_err(|refused| match refused {
        Refused::Held(holder) => held(&config.data, holder)
            .while_doing("volumes are looked after while nothing writes to them"),
        Refused::Failed(failure) => failure,
    })?;
    let mut found = Vec::new();
    for dir in storage::local_directories(config, data.layout()) {
        found.push(look_after(&dir, task, config).await?);
    }
    Ok(found)
}

async fn look_after(dir: &Path, task: Task, config: &Config) -> Result<Found, Failure> {
    // Opening would make it.
    if !dir.is_dir() {
        return Err(Failure::new(
            Exit::NotFound,
            format!("{} is not the directory of a node", dir.display()),
        ));
    }
    let mut options = storage::node_options(config);
    options.background = false;
    options.rebuild_index = task == Task::RebuildIndex;
    let node = storage::open_node(dir, options).await?;
    let status = node.status().await.map_err(Failure::failed)?;
    let mut found = Found {
        dir: dir.to_owned(),
        records: 0,
        bytes: 0,
        damaged: Vec::new(),
        problems: problems(&status.recovery),
    };
    match task {
        Task::Verify => verify(&node, &mut found).await?,
        Task::RebuildIndex => {
            found.records = status.records;
            found.bytes = status.live_bytes;
            node.checkpoint().await.map_err(Failure::failed)?;
        }
    }
    tokio::task::spawn_blocking(move || node.close())
        .await
        .map_err(Failure::failed)?;
    Ok(found)
}

/// What opening a node found wrong with its files.
fn problems(recovery: &RecoveryReport) -> Vec<String> {
    let stretches = recovery
        .damaged
        .iter()
        .map(|stretch| not_records(&stretch.file, stretch.from, stretch.to));
    let unreadable = recovery
        .unreadable
        .iter()
        .map(|file| format!("{file}: its header cannot be read"));
    let mut problems: Vec<_> = stretches.chain(unreadable).collect();
    if recovery.lost_records > 0 {
        problems.push(format!(
            "{} records are gone with their volumes",
            recovery.lost_records
        ));
    }
    problems
}

fn not_records(file: &str, from: u64, to: u64) -> String {
    format!("{file}: bytes {from} to {to} are not records")
}

/// Reads every record, and every volume from end to end.
async fn verify(node: &Arc<Node>, found: &mut Found) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let step = node
            .verify(after, STEP_BYTES)
            .await
            .map_err(Failure::failed)?;
        found.records += step.records;
        found.bytes += step.bytes;
        found
            .damaged
            .extend(step.damaged.iter().map(ToString::to_string));
        match step.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    for fault in node.check_volumes().await.map_err(Failure::failed)? {
        let problem = match fault {
            VolumeFault::NotRecords { file, from, to } => not_records(&file, from, to),
            VolumeFault::SealBroken { file } => {
                format!("{file}: the file does not match the checksum in its seal")
            }
        };
        if !found.problems.contains(&problem) {
            found.problems.push(problem);
        }
    }
    Ok(())
}

fn describe(found: &[Found]) -> String {
    let mut text = String::new();
    for node in found {
        let verdict = if node.is_clean() { "good" } else { "DAMAGED" };
        text.push_str(&format!(
            "{}: {} records, {} bytes, {verdict}\n",
            node.dir.display(),
            node.records,
            node.bytes
        ));
        for key in &node.damaged {
            text.push_str(&format!("  record {key} does not match its checksum\n"));
        }
        for problem in &node.problems {
            text.push_str(&format!("  {problem}\n"));
        }
    }
    text
}
