//! The edge as the binary uses it.

use crate::component::{LoadError, LoadedComponent};
use crate::engine::{EngineOptions, Runtime};
use crate::instance::Slot;
use crate::joins::Services;
use crate::manifest::App;
use crate::metric;
use crate::reload::{self, WatchList};
use crate::server::tls::{Tls, TlsError, TlsFiles};
use crate::server::{CoreSetup, Listener, serve_core};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Open connections on one core, unless the options say otherwise.
pub const DEFAULT_CONNECTIONS_PER_CORE: usize = 10_000;
/// How long a drain waits for requests under way, unless the options say otherwise.
pub const DEFAULT_DRAIN: Duration = Duration::from_secs(30);

/// How long a client may take no byte of its answer, unless the options say otherwise.
pub const DEFAULT_WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// What an edge is made of.
#[derive(Clone)]
#[non_exhaustive]
pub struct EdgeOptions {
    /// Threads, each with its own runtime and instances; the default is one a core.
    pub cores: usize,
    /// How wasm is compiled and instances are allocated.
    pub engine: EngineOptions,
    /// Connections that may be open on one core; more wait in the kernel.
    pub connections_per_core: usize,
    /// How long a client may take no byte of its answer before its connection is given up. Until then
    /// it has a place among the component's concurrent requests.
    pub write_timeout: Duration,
    /// How long [`Edge::drain`] waits for requests under way before it cuts them off.
    pub drain: Duration,
    /// The domain crates behind the interfaces that components import.
    pub services: Services,
}

impl Default for EdgeOptions {
    fn default() -> Self {
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            engine: EngineOptions::default(),
            connections_per_core: DEFAULT_CONNECTIONS_PER_CORE,
            write_timeout: DEFAULT_WRITE_TIMEOUT,
            drain: DEFAULT_DRAIN,
            services: Services::default(),
        }
    }
}

/// Why an edge could not be made, or cannot do something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EdgeError {
    /// The wasm engine cannot run here.
    #[error("the WebAssembly engine cannot be started: {0}")]
    Engine(String),
    /// A component of the manifest was given no bytes.
    #[error("component \"{0}\" has no WebAssembly file")]
    NoSource(String),
    /// There is no such component.
    #[error("there is no component \"{0}\"")]
    NoComponent(String),
    /// A component cannot be taken into service.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address} for \"{listener}\": {error}")]
    Bind {
        /// The listener's name.
        listener: String,
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// Components behind HTTP listeners.
pub struct Edge {
    shared: Arc<Shared>,
    options: EdgeOptions,
    drain: CancellationToken,
    listeners: Mutex<Vec<Listener>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What the watching thread needs too.
pub(crate) struct Shared {
    runtime: Runtime,
    services: Services,
    setup: CoreSetup,
    pub(crate) watch_list: WatchList,
    certificates: Mutex<Vec<Arc<Tls>>>,
}

impl Edge {
    /// Compiles the components of `app`; `sources` gives the bytes of each by its name.
    ///
    /// # Errors
    /// [`EdgeError`]: the first component that is missing or does not fit, or no engine.
    pub fn new(
        options: EdgeOptions,
        app: &App,
        sources: &BTreeMap<String, Vec<u8>>,
    ) -> Result<Self, EdgeError> {
        metric::describe();
        let runtime =
            Runtime::new(&options.engine).map_err(|e| EdgeError::Engine(format!("{e:#}")))?;
        let services = options.services.clone();
        let mut components = BTreeMap::new();
        for (name, config) in &app.components {
            let bytes = sources
                .get(name)
                .ok_or_else(|| EdgeError::NoSource(name.clone()))?;
            let component = LoadedComponent::load(&runtime, config, &services, bytes)?;
            let slot = Arc::new(Slot::new(component));
            components.insert(name.clone(), (slot, Arc::new(AtomicU32::new(0))));
        }
        let routes = app
            .routes
            .iter()
            .filter_map(|(pattern, name)| {
                let listener = app.components.get(name)?.listener.clone();
                Some((listener, pattern.clone(), name.clone()))
            })
            .collect();
        let setup = CoreSetup {
            cores: u32::try_from(options.cores.max(1)).unwrap_or(u32::MAX),
            ticks: runtime.ticks.clone(),
            components: Arc::new(components),
            routes: Arc::new(routes),
        };
        let shared = Arc::new(Shared {
            runtime,
            services,
            setup,
            watch_list: WatchList::default(),
            certificates: Mutex::default(),
        });
        reload::start(&shared).map_err(EdgeError::Thread)?;
        Ok(Self {
            shared,
            options,
            drain: CancellationToken::new(),
            listeners: Mutex::default(),
            threads: Mutex::default(),
        })
    }

    /// Listens on an address for the components whose listener is `name`; gives the address that
    /// was bound (port 0 takes a free one). Connections are served once [`Self::start`] was called.
    ///
    /// # Errors
    /// The address is in use or not ours, or the certificate cannot be used.
    pub fn bind(
        &self,
        name: &str,
        address: SocketAddr,
        tls: Option<TlsFiles>,
    ) -> Result<SocketAddr, EdgeError> {
        let tls = tls.map(Tls::open).transpose()?.map(Arc::new);
        let listener = Listener::bind(name, address, tls.clone(), self.options.cores.max(1))
            .map_err(|error| EdgeError::Bind {
                listener: name.to_owned(),
                address,
                error,
            })?;
        let bound = listener.address;
        if let Some(tls) = tls {
            lock(&self.shared.certificates).push(tls);
        }
        lock(&self.listeners).push(listener);
        Ok(bound)
    }

    /// Starts a thread a core, which serve what was bound until [`Self::drain`].
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(&self) -> Result<(), EdgeError> {
        let mut listeners = std::mem::take(&mut *lock(&self.listeners));
        for core in 0..self.options.cores.max(1) {
            let sockets = listeners
                .iter_mut()
                .filter_map(|l| Some((Arc::clone(&l.name), l.tls.clone(), l.sockets.pop()?)))
                .collect();
            let (setup, drain) = (self.shared.setup.clone(), self.drain.clone());
            let options = self.options.clone();
            let thread = std::thread::Builder::new()
                .name(format!("edge-{core}"))
                .spawn(move || serve_core(&setup, sockets, &options, &drain))
                .map_err(EdgeError::Thread)?;
            lock(&self.threads).push(thread);
        }
        Ok(())
    }

    /// Stops accepting, waits for requests under way (as long as the options say), and ends the
    /// threads.
    pub async fn drain(&self) {
        self.drain.cancel();
        let threads = std::mem::take(&mut *lock(&self.threads));
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                if thread.join().is_err() {
                    tracing::error!("a thread of the edge panicked");
                }
            }
        });
        if joined.await.is_err() {
            tracing::error!("the end of the edge's threads was not seen");
        }
    }

    /// Puts other bytes into service for a component: new requests go there; those under way are
    /// answered by the old version. Compiles on the calling thread.
    ///
    /// # Errors
    /// No such component, or it does not fit; the old version stays.
    pub fn reload_component(&self, name: &str, bytes: &[u8]) -> Result<(), EdgeError> {
        self.shared.reload(name, bytes)
    }

    /// Reloads a component whenever `path` changes. What the file holds now counts as loaded. A file
    /// that does not fit is logged, and the old version stays.
    pub fn watch_component(&self, name: &str, path: PathBuf) {
        self.shared.watch_list.add(name, path);
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.drain.cancel();
    }
}

impl Shared {
    pub(crate) fn reload(&self, name: &str, bytes: &[u8]) -> Result<(), EdgeError> {
        let (slot, _) = self
            .setup
            .components
            .get(name)
            .ok_or_else(|| EdgeError::NoComponent(name.to_owned()))?;
        let config = slot.current().config.clone();
        slot.replace(LoadedComponent::load(
            &self.runtime,
            &config,
            &self.services,
            bytes,
        )?);
        Ok(())
    }

    pub(crate) fn refresh_certificates(&self) {
        for tls in lock(&self.certificates).iter() {
            tls.refresh();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
