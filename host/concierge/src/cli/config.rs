//! `concierge config`.

use clap::Args;
use serde_json::json;

use super::output::{print, print_json};
use super::{All, OutputArgs};
use crate::config::{Config, Flags, SETTINGS, reference, unknown_variables};
use crate::exit::Failure;

/// Show the configuration in effect, and where each value comes from.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  concierge config
  CONCIERGE_S3=9100 concierge config --json
  concierge config > concierge.toml     the output can be read back")]
pub struct ConfigArgs {
    /// Print docs/configuration.md instead
    #[arg(long, hide = true)]
    reference: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    settings: Flags<All>,
}

impl ConfigArgs {
    pub fn run(self) -> Result<(), Failure> {
        if self.reference {
            return print(&reference());
        }
        let config = self.settings.load()?;
        for name in unknown_variables() {
            eprintln!("concierge: {name} is set, but there is no such setting");
        }
        if self.output.json {
            print_json(&as_json(&config))
        } else {
            print(&as_toml(&config))
        }
    }
}

fn as_json(config: &Config) -> serde_json::Value {
    let settings: serde_json::Map<_, _> = SETTINGS
        .iter()
        .map(|setting| {
            let source = config.source(setting.key).to_string();
            (
                setting.key.to_owned(),
                json!({ "value": config.value(setting.key), "source": source }),
            )
        })
        .collect();
    serde_json::Value::Object(settings)
}

/// TOML that sets what is in effect, with sources as comments.
fn as_toml(config: &Config) -> String {
    let lines: Vec<(String, String)> = SETTINGS
        .iter()
        .map(|setting| {
            let line = match config.value(setting.key) {
                Some(value) => format!("{} = {value}", setting.key),
                None => format!("# {} is not set", setting.key),
            };
            (line, config.source(setting.key).to_string())
        })
        .collect();
    let width = lines
        .iter()
        .map(|(line, _)| line.chars().count())
        .filter(|&width| width <= 48)
        .max()
        .unwrap_or(0);
    lines
        .iter()
        .map(|(line, source)| format!("{line:<width$}  # {source}\n"))
        .collect()
}
