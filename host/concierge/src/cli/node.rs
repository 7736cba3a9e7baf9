//! `concierge node`.

use std::path::PathBuf;

use clap::Args;

use super::Setting;
use crate::config::{Flags, ListenAddress, NODE_TOKEN_VARIABLE, Selection, variable};
use crate::exit::Failure;
use crate::serve;

/// Run a storage node for servers in other processes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  concierge node --data /srv/node-2 --listen 7102 --token-file token
  concierge up --node 1=/srv/node-1 --node 2=http://127.0.0.1:7102,token-file=token

What servers and nodes say to each other is not encrypted, so a node listens on
loopback alone; a tunnel takes it to other machines.

When it accepts, one line is printed on standard output:
  ready node=ADDRESS")]
pub struct NodeArgs {
    /// Where it answers
    #[arg(long, value_name = "ADDRESS")]
    listen: ListenAddress,
    /// The file with the token that it asks for [or in: CONCIERGE_NODE_TOKEN]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    settings: Flags<OfNodes>,
}

/// The settings of a storage node.
#[derive(Debug, Clone)]
pub struct OfNodes;

impl Selection for OfNodes {
    fn has(setting: &Setting) -> bool {
        let own = [
            "data",
            "log",
            "log_format",
            "volume_size",
            "capacity",
            "free_space",
            "scrub_rate",
        ];
        own.contains(&setting.key)
    }
}

impl NodeArgs {
    pub async fn run(self) -> Result<(), Failure> {
        let config = self.settings.load()?;
        let token = match &self.token_file {
            Some(path) => crate::storage::read_token(path)?,
            None => variable(NODE_TOKEN_VARIABLE)?.ok_or_else(|| {
                Failure::usage(format!("--token-file or {NODE_TOKEN_VARIABLE} is needed"))
            })?,
        };
        serve::node(config, self.listen.0, token).await
    }
}
