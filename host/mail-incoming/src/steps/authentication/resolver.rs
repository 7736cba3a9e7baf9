//! Who is asked, and whether anybody answers.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mail_auth::MessageAuthenticator;
use mail_auth::hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use mail_auth::hickory_resolver::net::NetError;
use mail_auth::hickory_resolver::proto::rr::{Name, RecordType};

/// How long a resolver may take to say whether it is there.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long one that did not is left alone.
const PAUSE: Duration = Duration::from_secs(30);

/// Whether a resolver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// It does.
    Up,
    /// It did once, and does not now.
    Down,
    /// It never did: this machine has none.
    Absent,
}

#[derive(Debug, Default)]
struct State {
    has_answered: bool,
    /// `None`: not asked yet.
    is_up: Option<bool>,
    /// When it is asked again whether it is there.
    again: Option<Instant>,
}

/// A resolver. What is asked of it by way of [`Self::authenticator`] was named by strangers: that such a question is not
/// answered says little of the resolver, which is therefore asked for what everybody knows.
pub(super) struct Resolver {
    authenticator: MessageAuthenticator,
    state: Mutex<State>,
}

impl Resolver {
    pub(super) fn new(authenticator: MessageAuthenticator) -> Self {
        Self {
            authenticator,
            state: Mutex::default(),
        }
    }

    /// Asks these servers.
    pub(super) fn of(servers: &[SocketAddr]) -> Result<Self, NetError> {
        let servers = servers.iter().map(|server| {
            let mut config = NameServerConfig::udp_and_tcp(server.ip());
            for connection in &mut config.connections {
                connection.port = server.port();
            }
            config
        });
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
        MessageAuthenticator::new(config, ResolverOpts::default()).map(Self::new)
    }

    pub(super) fn authenticator(&self) -> &MessageAuthenticator {
        &self.authenticator
    }

    /// How it was when it was last looked at, which is now if that is too long ago.
    pub(super) async fn health(&self) -> Health {
        match self.known() {
            Some(is_up) => self.told(is_up),
            None => self.probe().await,
        }
    }

    /// Whether it answers, if that was looked at not long ago.
    fn known(&self) -> Option<bool> {
        let mut state = self.lock();
        let now = Instant::now();
        match state.is_up {
            Some(false) if state.again.is_none_or(|again| again <= now) => {
                // Others who come meanwhile do not wait for the same.
                state.again = Some(now + PAUSE);
                None
            }
            known => known,
        }
    }

    /// Looks whether it is there: it was asked and did not answer.
    pub(super) async fn probe(&self) -> Health {
        let asked = self
            .authenticator
            .resolver()
            .lookup(Name::root(), RecordType::NS);
        let asked = tokio::time::timeout(PROBE_TIMEOUT, asked).await;
        // That it knows of none is an answer too.
        let is_up = matches!(asked, Ok(Ok(_) | Err(NetError::Dns(_))));
        {
            let mut state = self.lock();
            if state.is_up != Some(is_up) {
                match is_up {
                    true => tracing::info!("the resolver answers: mail is authenticated"),
                    false => tracing::warn!("the resolver does not answer"),
                }
            }
            state.is_up = Some(is_up);
            state.has_answered |= is_up;
            state.again = (!is_up).then(|| Instant::now() + PAUSE);
        }
        self.told(is_up)
    }

    fn told(&self, is_up: bool) -> Health {
        match (is_up, self.lock().has_answered) {
            (true, _) => Health::Up,
            (false, true) => Health::Down,
            (false, false) => Health::Absent,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
