//! The command line.

mod accounts;
mod app_passwords;
mod booking;
mod config;
mod edge;
mod keys;
mod mail;
mod node;
mod output;
mod password_input;
mod status;
mod tokens;
mod volumes;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::backend::{Backend, Session};
use crate::config::{Flags, Selection, Setting};
use crate::exit::{EXIT_CODES_HELP, Failure};
use crate::{admin, serve, telemetry};

const EXAMPLES: &str = "\
Examples:
  concierge                                        start everything here, data in ./data
  concierge up --data /srv/concierge --s3 9100     with another directory and port
  concierge account create ann                     an account for ann
  concierge key create --account ann               and a key, shown once
  concierge status                                 how everything is doing

Settings come from flags, from CONCIERGE_… variables and from concierge.toml,
in this order; `concierge config` shows what is in effect.
";

/// Hotel reservations, mail and an S3-compatible object store, whose HTTP APIs are WebAssembly components.
#[derive(Debug, Parser)]
#[command(
    version,
    name = "concierge",
    after_help = format!("{EXAMPLES}\n{EXIT_CODES_HELP}"),
    args_conflicts_with_subcommands = true,
    subcommand_precedence_over_arg = true
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    up: UpArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server (what happens without a command)
    Up(UpArgs),
    /// Manage accounts
    #[command(subcommand)]
    Account(accounts::AccountCommand),
    /// Manage application passwords
    #[command(subcommand)]
    AppPassword(app_passwords::AppPasswordCommand),
    /// Manage access keys
    #[command(subcommand)]
    Key(keys::KeyCommand),
    /// Manage the tokens of bridges and edges elsewhere
    #[command(subcommand)]
    Token(tokens::TokenCommand),
    /// Look at buckets
    #[command(subcommand)]
    Bucket(status::BucketCommand),
    /// Manage hotels
    #[command(subcommand)]
    Booking(booking::BookingCommand),
    /// Manage mail
    #[command(subcommand)]
    Mail(mail::MailCommand),
    /// Show how everything is doing
    Status(status::StatusArgs),
    /// Show the configuration in effect, and where each value comes from
    Config(config::ConfigArgs),
    /// Run the components here, before a host elsewhere
    Edge(edge::EdgeArgs),
    /// Run a storage node for servers in other processes
    Node(node::NodeArgs),
    /// Look after the volume files of storage nodes that are not running
    #[command(subcommand)]
    Volumes(volumes::VolumesCommand),
    /// Print a completion script for a shell
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
}

/// Settings of the server.
#[derive(Debug, Args)]
#[command(after_help = UP_EXAMPLES)]
pub struct UpArgs {
    #[command(flatten)]
    pub settings: Flags<All>,
}

const UP_EXAMPLES: &str = "\
Examples:
  concierge up
  concierge up --data /srv/concierge --s3 0.0.0.0:9000 --tls-cert cert.pem --tls-key key.pem
  concierge up --node 1=/mnt/a --node 2=/mnt/b --replicas STANDARD=2
  concierge up --component object-router=router.wasm

When every listener accepts, one line is printed on standard output:
  ready web=ADDRESS s3=ADDRESS smtp=ADDRESS submission=ADDRESS submissions=ADDRESS internal=ADDRESS
Ctrl-C or SIGTERM ends it once what is under way is answered; a second Ctrl-C at once.";

/// All settings.
#[derive(Debug, Clone)]
pub struct All;

impl Selection for All {
    fn has(_: &Setting) -> bool {
        true
    }
}

/// Where the data is: what a command needs to find the server.
#[derive(Debug, Clone)]
pub struct DataOnly;

impl Selection for DataOnly {
    fn has(setting: &Setting) -> bool {
        setting.key == "data"
    }
}

/// Of commands that are done by the server, or on its data directory.
#[derive(Debug, Args)]
pub struct DataArgs {
    #[command(flatten)]
    settings: Flags<DataOnly>,
}

/// Of commands whose answer a script may read.
#[derive(Debug, Clone, Copy, Args)]
pub struct OutputArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl DataArgs {
    /// Has a call done, by the running server or here.
    async fn call(&self, call: admin::Call) -> Result<serde_json::Value, Failure> {
        let session = self.session(call.needs()).await?;
        let answer = session.run(call).await;
        session.close().await;
        answer
    }

    /// Where any number of calls are done, by the running server or here.
    async fn session(&self, needs: admin::Needs) -> Result<Session, Failure> {
        let config = self.settings.load()?;
        telemetry::start_logs(&quiet(&config))?;
        Backend::find(&config.data)
            .await?
            .open(&config, needs)
            .await
    }
}

/// A command's own answer is what its user wants to see, and warnings at most.
fn quiet(config: &crate::config::Config) -> crate::config::Config {
    let mut config = config.clone();
    if config.source("log") == crate::config::Source::Default {
        config.log = "warn".to_owned();
    }
    config
}

impl Cli {
    /// Does what the command line asks for.
    pub async fn run(self) -> Result<(), Failure> {
        match self.command {
            None => serve::up(self.up.settings.load()?).await,
            Some(Command::Up(up)) => serve::up(up.settings.load()?).await,
            Some(Command::Account(command)) => command.run().await,
            Some(Command::AppPassword(command)) => command.run().await,
            Some(Command::Key(command)) => command.run().await,
            Some(Command::Token(command)) => command.run().await,
            Some(Command::Bucket(command)) => command.run().await,
            Some(Command::Booking(command)) => command.run().await,
            Some(Command::Mail(command)) => command.run().await,
            Some(Command::Status(args)) => args.run().await,
            Some(Command::Config(args)) => args.run(),
            Some(Command::Edge(args)) => args.run().await,
            Some(Command::Node(args)) => args.run().await,
            Some(Command::Volumes(command)) => command.run().await,
            Some(Command::Completions { shell }) => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "concierge", &mut script);
                output::print(&String::from_utf8_lossy(&script))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declaration_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn up_is_the_default() {
        let cli = Cli::try_parse_from([
            "concierge",
            "--data",
            "x",
            "--component",
            "a=b",
            "--component",
            "c=d",
        ])
        .unwrap();
        assert!(cli.command.is_none());
        let config = cli.up.settings.load().unwrap();
        assert_eq!(config.components.len(), 2);
        assert_eq!(config.source("data").to_string(), "--data");
        assert!(Cli::try_parse_from(["concierge", "--data", "x", "status"]).is_err());
        assert!(
            Cli::try_parse_from(["concierge", "up", "--data", "x"])
                .unwrap()
                .command
                .is_some()
        );
    }
}
