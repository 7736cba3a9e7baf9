//! Puts a configuration together and says where each value came from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use clap::builder::NonEmptyStringValueParser;
use tracing_subscriber::EnvFilter;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::declare::Setting;
use super::settings::{Config, FileSettings, SETTINGS};
use crate::exit::Failure;

/// The file that is read if it is there and no other is named.
const DEFAULT_FILE: &str = "concierge.toml";
/// What all our variables begin with.
const PREFIX: &str = "CONCIERGE_";
/// Names another file.
const FILE_VARIABLE: &str = "CONCIERGE_CONFIG";
/// Between the values of a variable that holds several: no path, URL or
/// address has it.
const SEPARATOR: char = ';';
/// Variables that are not settings: what the first start makes.
pub const BOOTSTRAP_VARIABLES: [&str; 4] = [
    "CONCIERGE_ROOT_USER",
    "CONCIERGE_ROOT_PASSWORD",
    "CONCIERGE_ACCESS_KEY_ID",
    "CONCIERGE_SECRET_ACCESS_KEY",
];

/// Secrets that commands take from the environment, since flags are shown to
/// all who can list processes: of a node, and of a key that is imported.
pub const NODE_TOKEN_VARIABLE: &str = "CONCIERGE_NODE_TOKEN";
/// See [`NODE_TOKEN_VARIABLE`].
pub const EDGE_TOKEN_VARIABLE: &str = "CONCIERGE_EDGE_TOKEN";
/// See [`NODE_TOKEN_VARIABLE`].
pub const IMPORT_SECRET_VARIABLE: &str = "CONCIERGE_IMPORT_SECRET";

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nothing set it.
    Default,
    /// A file.
    File(PathBuf),
    /// A variable of the environment.
    Variable(String),
    /// A flag.
    Flag(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => path.display().fmt(f),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => write!(f, "--{name}"),
        }
    }
}

/// Which settings a command has flags for.
pub trait Selection {
    /// Whether there is a flag for this one.
    fn has(setting: &Setting) -> bool;
}

/// A flag for each setting that `S` selects, and `--config`.
#[derive(Debug, Clone)]
pub struct Flags<S> {
    file: Option<PathBuf>,
    given: BTreeMap<&'static str, Vec<String>>,
    selection: std::marker::PhantomData<S>,
}

impl<S: Selection> clap::Args for Flags<S> {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .help("Read this configuration file instead of ./concierge.toml")
            .value_parser(clap::value_parser!(PathBuf))
            .env(FILE_VARIABLE)
            .hide_env_values(true);
        SETTINGS
            .iter()
            .filter(|setting| S::has(setting))
            .fold(command.arg(config), |command, setting| {
                command.arg(argument(setting))
            })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// The flag of a setting. Its value is read later, together with those of the
/// file and the environment, so that all three give the same messages.
fn argument(setting: &Setting) -> Arg {
    let (details, summary) = (setting.text(), setting.summary());
    let help = |text: &str| format!("{text} [env: {}]", setting.variable());
    Arg::new(setting.key)
        .long(setting.flag)
        .value_name(setting.placeholder)
        .help_heading("Settings")
        .help(help(summary.trim_end_matches('.')))
        .long_help(help(&details))
        .value_parser(NonEmptyStringValueParser::new())
        .action(if setting.many {
            ArgAction::Append
        } else {
            ArgAction::Set
        })
}

impl<S: Selection> clap::FromArgMatches for Flags<S> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = SETTINGS
            .iter()
            .filter(|setting| S::has(setting))
            .filter_map(|setting| {
                let texts = matches.get_many::<String>(setting.key)?;
                Some((setting.key, texts.cloned().collect()))
            })
            .collect();
        let file = matches.get_one("config").cloned();
        Ok(Self {
            file,
            given,
            selection: std::marker::PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<S> Flags<S> {
    /// Reads the file and the environment and puts the flags over them.
    pub fn load(&self) -> Result<Config, Failure> {
        let mut config = Config::default();
        if let Some(path) = self.file() {
            read_file(&mut config, &path)?;
        }
        for setting in SETTINGS {
            let name = setting.variable();
            if let Some(text) = variable(&name)? {
                let texts = split(setting, &text);
                config
                    .apply_texts(setting.key, &texts, Source::Variable(name.clone()))
                    .map_err(|error| Failure::usage(format!("{name}: {error}")))?;
            }
        }
        for (key, texts) in &self.given {
            let Some(setting) = SETTINGS.iter().find(|setting| setting.key == *key) else {
                continue;
            };
            config
                .apply_texts(key, texts, Source::Flag(setting.flag))
                .map_err(|error| Failure::usage(format!("--{}: {error}", setting.flag)))?;
        }
        check(&config)?;
        Ok(config)
    }

    /// The file to read: one that is named must be there.
    fn file(&self) -> Option<PathBuf> {
        self.file
            .clone()
            .or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists()))
    }
}

/// Variables with our prefix that mean nothing. They are worth a warning, not
/// an error: an orchestrator sets some of its own (`CONCIERGE_SERVICE_HOST`,
/// after the name of a service).
pub fn unknown_variables() -> Vec<String> {
    let known: BTreeSet<String> = SETTINGS
        .iter()
        .map(Setting::variable)
        .chain(BOOTSTRAP_VARIABLES.map(str::to_owned))
        .chain(
            [
                FILE_VARIABLE,
                NODE_TOKEN_VARIABLE,
                EDGE_TOKEN_VARIABLE,
                IMPORT_SECRET_VARIABLE,
            ]
            .map(str::to_owned),
        )
        .collect();
    std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with(PREFIX) && !known.contains(name))
        .collect()
}

/// A variable of the environment; one that is empty is not set.
pub fn variable(name: &str) -> Result<Option<String>, Failure> {
    match std::env::var(name) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Failure::usage(format!("{name} is not UTF-8")))
        }
    }
}

fn split(setting: &Setting, text: &str) -> Vec<String> {
    if setting.many {
        text.split(SEPARATOR)
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    } else {
        vec![text.to_owned()]
    }
}

fn read_file(config: &mut Config, path: &Path) -> Result<(), Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    let file: FileSettings =
        toml::from_str(&text).map_err(|error| Failure::usage(explain(path, &text, &error)))?;
    let directory = path.parent().unwrap_or_else(|| Path::new(""));
    config.apply_file(file, directory, &Source::File(path.to_owned()));
    Ok(())
}

/// One line that says where and what, and the lines of keys that exist.
fn explain(path: &Path, text: &str, error: &toml::de::Error) -> String {
    let line = error
        .span()
        .and_then(|span| text.get(..span.start))
        .map_or(1, |before| before.matches('\n').count() + 1);
    let message = error
        .message()
        .trim_end()
        .replace("unknown field", "unknown key")
        .replace("missing field", "missing key");
    format!("{}, line {line}: {message}", path.display())
}

/// What must hold between settings.
fn check(config: &Config) -> Result<(), Failure> {
    if config.tls_cert.is_some() != config.tls_key.is_some() {
        return Err(Failure::usage(
            "tls_cert and tls_key are given together, or neither is",
        ));
    }
    if !config.internal.0.ip().is_loopback() && config.tls_cert.is_none() {
        return Err(Failure::usage(format!(
            "internal is {}, which is not loopback, and so needs tls_cert and tls_key: its bearer token must not cross a network in the clear",
            config.internal
        )));
    }
    let mut ids = BTreeSet::new();
    if let Some(twice) = config.nodes.iter().find(|node| !ids.insert(node.id)) {
        return Err(Failure::usage(format!(
            "nodes: {} is the id of two nodes",
            twice.id
        )));
    }
    let nodes = config.nodes.len().max(1);
    for (class, &copies) in &config.replicas {
        if copies == 0 {
            return Err(Failure::usage(format!(
                "replicas: {class} has no copies; it needs at least 1"
            )));
        }
        if usize::from(copies) > nodes {
            return Err(Failure::usage(format!(
                "replicas: {class} has {copies} copies, and the nodes are {nodes}; each copy is on another node"
            )));
        }
    }
    if let Err(error) = EnvFilter::builder().parse(&config.log) {
        return Err(Failure::usage(format!("log: {error}")));
    }
    if config.threads == Some(0) {
        return Err(Failure::usage("threads: at least 1"));
    }
    Ok(())
}
