//! Where a command is done: by the running server, or here on a data directory
//! that nobody has open. The directory's lock decides.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use concierge_identity::{Bootstrap, Identity, SystemClock};
use serde_json::Value;

use crate::admin::{Admin, AdminError, Call, Process};
use crate::bridge_tokens::BridgeTokens;
use crate::client::Client;
use crate::config::Config;
use crate::data_dir::{DataDir, Layout, Refused, held};
use crate::exit::Failure;
use crate::storage;

/// For whoever has the directory to answer or to let it go: a server that is
/// starting or ending, or another command.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(20);

/// Where a command is done.
pub enum Backend {
    /// By the server that has the directory.
    Running(Client),
    /// Here.
    Stopped(DataDir),
}

impl Backend {
    /// Finds out.
    pub async fn find(root: &Path) -> Result<Self, Failure> {
        let layout = Layout::of(root);
        let began = Instant::now();
        loop {
            let holder = match DataDir::acquire(root, false) {
                Ok(data) => return Ok(Self::Stopped(data)),
                Err(Refused::Failed(failure)) => return Err(failure),
                Err(Refused::Held(holder)) => holder,
            };
            if let Some(client) = client(&layout)
                && client.answers().await
            {
                return Ok(Self::Running(client));
            }
            if began.elapsed() > PATIENCE {
                return Err(held(root, holder).while_doing("no server answers there"));
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Has a call done.
    pub async fn run(self, config: &Config, call: Call) -> Result<Value, Failure> {
        match self {
            Self::Running(client) => client.run(&call).await,
            Self::Stopped(data) => run_here(&data, config, call).await,
        }
    }
}

fn client(layout: &Layout) -> Option<Client> {
    Some(Client::new(
        layout.address()?.parse().ok()?,
        layout.token()?,
    ))
}

async fn run_here(data: &DataDir, config: &Config, call: Call) -> Result<Value, Failure> {
    let layout = data.layout();
    if !layout.identity().exists() {
        // The first start makes the administrator; a command must not do it
        // behind its back.
        return Err(Failure::new(
            crate::exit::Exit::NotFound,
            format!(
                "{} was never started; `concierge up` does",
                config.data.display()
            ),
        ));
    }
    let identity = Identity::open(
        &layout.identity(),
        Arc::new(SystemClock),
        Bootstrap::default(),
    )
    .map_err(Failure::failed)?;
    let storage = match call.needs_objects() {
        true => Some(storage::open(config, layout).await?),
        false => None,
    };
    let tokens = BridgeTokens::open(layout.bridge_tokens()).map_err(AdminError::from)?;
    let admin = Arc::new(Admin {
        tokens: Arc::new(tokens),
        identity: Arc::new(identity),
        objects: storage.as_ref().map(|storage| Arc::clone(&storage.objects)),
        process: Process {
            data: config.data.display().to_string(),
            started: None,
            listeners: Default::default(),
        },
    });
    let answer = admin.run(call).await;
    if let Some(storage) = storage {
        storage.close().await;
    }
    answer.map_err(Failure::from)
}
