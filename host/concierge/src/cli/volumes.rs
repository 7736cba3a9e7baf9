//! `concierge volumes`.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use concierge_storage_nodes::Node;
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
  concierge volumes verify /srv/node-2        of one node's directory")]
pub enum VolumesCommand {
    /// Read all stored data and check it; ends with 1 if anything is damaged
    Verify {
        /// The directory of a node; the local nodes of the configuration otherwise
        dir: Option<PathBuf>,
        #[command(flatten)]
        output: OutputArgs,
        #[command(flatten)]
        settings: Flags<OfNodes>,
    },
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
        let Self::Verify {
            dir,
            output,
            settings,
        } = self;
        let config = settings.load()?;
        telemetry::start_logs(&quiet(&config))?;
        let found = match dir {
            Some(dir) => vec![verify(&dir, &config).await?],
            None => verify_all(&config).await?,
        };
        if output.json {
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

/// Verifies every local node of a data directory, which is held meanwhile.
async fn verify_all(config: &Config) -> Result<Vec<Found>, Failure> {
    let data = DataDir::acquire(&config.data, false).map_err(|refused| match refused {
        Refused::Held(holder) => held(&config.data, holder)
            .while_doing("volumes are verified while nothing writes to them"),
        Refused::Failed(failure) => failure,
    })?;
    let mut found = Vec::new();
    for dir in storage::local_directories(config, data.layout()) {
        found.push(verify(&dir, config).await?);
    }
    Ok(found)
}

async fn verify(dir: &Path, config: &Config) -> Result<Found, Failure> {
    // Opening would make it.
    if !dir.is_dir() {
        return Err(Failure::new(
            Exit::NotFound,
            format!("{} is not the directory of a node", dir.display()),
        ));
    }
    let mut options = storage::node_options(config);
    options.background = false;
    let directory = dir.to_owned();
    let node = tokio::task::spawn_blocking(move || Node::open(&directory, options))
        .await
        .map_err(Failure::failed)?
        .map_err(Failure::failed)?;
    let recovery = node.status().await.map_err(Failure::failed)?.recovery;
    let mut found = Found {
        dir: dir.to_owned(),
        records: 0,
        bytes: 0,
        damaged: Vec::new(),
        problems: Vec::new(),
    };
    found
        .problems
        .extend(recovery.damaged.iter().map(|stretch| {
            format!(
                "{}: bytes {} to {} are not records",
                stretch.file, stretch.from, stretch.to
            )
        }));
    found.problems.extend(
        recovery
            .unreadable
            .iter()
            .map(|file| format!("{file}: its header cannot be read")),
    );
    if recovery.lost_records > 0 {
        found.problems.push(format!(
            "{} records are gone with their volumes",
            recovery.lost_records
        ));
    }
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
    tokio::task::spawn_blocking(move || node.close())
        .await
        .map_err(Failure::failed)?;
    Ok(found)
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
