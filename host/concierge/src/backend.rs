//! Where a command is done: by the running server, or here on a data directory
//! that nobody has open. The directory's lock decides.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use concierge_identity::{Bootstrap, Identity, SystemClock};
use serde_json::Value;

use crate::admin::{Admin, AdminError, Call, Needs, Process};
use crate::booking::{self, OpenBooking};
use crate::bridge_tokens::BridgeTokens;
use crate::client::Client;
use crate::config::Config;
use crate::data_dir::{DataDir, Layout, Refused, held};
use crate::exit::Failure;
use crate::mail::{self, OpenMail};
use crate::storage::{self, Storage};

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

    /// Opens what calls need, for any number of them.
    pub async fn open(self, config: &Config, needs: Needs) -> Result<Session, Failure> {
        match self {
            Self::Running(client) => Ok(Session::Running(client)),
            Self::Stopped(data) => {
                let opened = open_here(data, config, needs).await?;
                Ok(Session::Here(Box::new(opened)))
            }
        }
    }
}

fn client(layout: &Layout) -> Option<Client> {
    Some(Client::new(
        layout.address()?.parse().ok()?,
        layout.token()?,
    ))
}

/// Where calls are done, one after another.
pub enum Session {
    /// By the running server.
    Running(Client),
    /// Here.
    Here(Box<Opened>),
}

/// What is open here.
pub struct Opened {
    admin: Arc<Admin>,
    storage: Option<Storage>,
    booking: Option<OpenBooking>,
    mail: Option<OpenMail>,
    /// The lock is held as long as anything is open.
    _data: DataDir,
}

impl Session {
    /// Has a call done.
    pub async fn run(&self, call: Call) -> Result<Value, Failure> {
        match self {
            Self::Running(client) => client.run(&call).await,
            Self::Here(opened) => opened.admin.run(call).await.map_err(Failure::from),
        }
    }

    /// Closes what was opened.
    pub async fn close(self) {
        if let Self::Here(opened) = self {
            if let Some(mail) = opened.mail {
                mail.close().await;
            }
            if let Some(booking) = opened.booking {
                booking.close().await;
            }
            if let Some(storage) = opened.storage {
                storage.close().await;
            }
        }
    }
}

async fn open_here(data: DataDir, config: &Config, needs: Needs) -> Result<Opened, Failure> {
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
    let tokens = BridgeTokens::open(layout.bridge_tokens()).map_err(AdminError::from)?;
    let storage = match needs.objects {
        true => Some(storage::open(config, layout).await?),
        false => None,
    };
    let booking = match needs.booking {
        // Who has nothing to tell tells it when it runs: webhooks wait for the server.
        true => Some(booking::open(config, layout, None, None).await?),
        false => None,
    };
    let mail = match (needs.mail, &storage) {
        (true, Some(storage)) => {
            let objects = Arc::clone(&storage.objects);
            Some(mail::open(config, layout, objects, None).await?)
        }
        _ => None,
    };
    let rules = match needs.mail_rules {
        true => Some(mail::smtp::rules(layout)?),
        false => None,
    };
    let admin = Arc::new(Admin {
        tokens: Arc::new(tokens),
        identity: Arc::new(identity),
        objects: storage.as_ref().map(|storage| Arc::clone(&storage.objects)),
        booking: booking.as_ref().map(|booking| Arc::clone(&booking.service)),
        mail: mail.as_ref().map(|mail| Arc::clone(&mail.service)),
        reindex: mail.as_ref().map(|mail| Arc::clone(&mail.reindex)),
        rules,
        incoming: None,
        dkim: mail::smtp::dkim(layout)?,
        mail_host_name: mail::smtp::host_name(config),
        mail_resolvers: mail::smtp::resolvers(config),
        process: Process {
            data: config.data.display().to_string(),
            started: None,
            listeners: Default::default(),
        },
    });
    Ok(Opened {
        admin,
        storage,
        booking,
        mail,
        _data: data,
    })
}
