//! `concierge edge`.

use std::path::PathBuf;

use clap::Args;

use super::Setting;
use crate::config::{EDGE_TOKEN_VARIABLE, Flags, Selection, variable};
use crate::exit::Failure;
use crate::serve;

/// Run the components here, and have a host elsewhere answer what they ask for.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  concierge token create edge-1 > token            on the host
  concierge edge --host http://127.0.0.1:7070 --token-file token --s3 9100 --web 8180
  concierge edge --host https://store.internal:7070 --host-ca ca.pem --token-file token

An edge has no data: any number of them can be in front of a host, and any of
them answers any request.

When every listener accepts, one line is printed on standard output:
  ready web=ADDRESS s3=ADDRESS")]
pub struct EdgeArgs {
    /// The internal listener of the host: http:// on this machine, else https://
    #[arg(long, value_name = "URL")]
    host: String,
    /// The file with the token for it [or in: CONCIERGE_EDGE_TOKEN]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A PEM file with the certificates to trust [default: those of the web]
    #[arg(long, value_name = "FILE")]
    host_ca: Option<PathBuf>,
    /// Where compiled components are kept [default: compile at each start]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    #[command(flatten)]
    settings: Flags<OfEdges>,
}

/// The settings of an edge.
#[derive(Debug, Clone)]
pub struct OfEdges;

impl Selection for OfEdges {
    fn has(setting: &Setting) -> bool {
        let own = [
            "web",
            "s3",
            "tls_cert",
            "tls_key",
            "log",
            "log_format",
            "manifest",
            "components",
            "variables",
            "threads",
        ];
        own.contains(&setting.key)
    }
}

impl EdgeArgs {
    pub async fn run(self) -> Result<(), Failure> {
        let config = self.settings.load()?;
        let token = match &self.token_file {
            Some(path) => crate::storage::read_token(path)?,
            None => variable(EDGE_TOKEN_VARIABLE)?.ok_or_else(|| {
                Failure::usage(format!("--token-file or {EDGE_TOKEN_VARIABLE} is needed"))
            })?,
        };
        let host = serve::Host {
            url: self.host,
            token,
            trusted: self.host_ca,
        };
        serve::edge(config, host, self.cache).await
    }
}
