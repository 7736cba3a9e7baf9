//! The instances of one component on one core.

use super::scope::RequestScope;
use super::worker::{CallError, Job, LoadGuard, Worker};
use crate::component::LoadedComponent;
use crate::metric::InstanceMetrics;
use crate::outbound::Connections;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;
use wasmtime_wasi_http::WasiBody;

/// The version of a component that new requests go to, shared by all cores.
pub(crate) struct Slot {
    generation: AtomicU64,
    current: Mutex<Arc<LoadedComponent>>,
}

impl Slot {
    pub(crate) fn new(component: LoadedComponent) -> Self {
        Self {
            generation: AtomicU64::new(0),
            current: Mutex::new(Arc::new(component)),
        }
    }

    pub(crate) fn replace(&self, component: LoadedComponent) {
        *self.lock() = Arc::new(component);
        self.generation.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn current(&self) -> Arc<LoadedComponent> {
        Arc::clone(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Arc<LoadedComponent>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The instances of one component on one core.
pub(crate) struct Pool {
    slot: Arc<Slot>,
    cores: u32,
    metrics: InstanceMetrics,
    /// Of all its instances here, so that a new one finds what an old one opened.
    connections: Connections,
    inner: Mutex<Inner>,
}

struct Inner {
    generation: u64,
    component: Arc<LoadedComponent>,
    workers: Vec<Arc<Worker>>,
}

/// A request that an instance has.
pub(crate) struct Dispatch {
    pub(crate) reply: oneshot::Receiver<Result<http::Response<WasiBody>, CallError>>,
    pub(crate) load: LoadGuard,
}

impl Pool {
    pub(crate) fn new(slot: Arc<Slot>, cores: u32, metrics: InstanceMetrics) -> Self {
        let generation = slot.generation.load(Ordering::Acquire);
        let component = slot.current();
        Self {
            slot,
            cores,
            metrics,
            connections: Connections::default(),
            inner: Mutex::new(Inner {
                generation,
                component,
                workers: Vec::new(),
            }),
        }
    }

    /// The version that the next request goes to.
    pub(crate) fn component(&self) -> Arc<LoadedComponent> {
        let mut inner = self.lock();
        self.refresh(&mut inner);
        Arc::clone(&inner.component)
    }

    /// Gives a request to an instance, a new one if none is free. `Err` gives it back when this core
    /// has as many instances as it may and all are full.
    pub(crate) fn dispatch(
        &self,
        request: http::Request<WasiBody>,
        scope: &Arc<RequestScope>,
    ) -> Result<Dispatch, Box<http::Request<WasiBody>>> {
        let mut inner = self.lock();
        self.refresh(&mut inner);
        let limits = &inner.component.config.limits;
        let per_instance = limits.requests_per_instance;
        let free = |worker: &&Arc<Worker>| worker.has_room(per_instance);
        let most = limits
            .concurrent_requests
            .div_ceil(per_instance)
            .div_ceil(self.cores);
        let most = usize::try_from(most)
            .unwrap_or(usize::MAX)
            .saturating_add(1);
        let worker = match inner
            .workers
            .iter()
            .filter(free)
            .find(|worker| worker.is_idle())
        {
            Some(worker) => Arc::clone(worker),
            None => {
                inner.workers.retain(|worker| !worker.has_ended());
                let taking = inner
                    .workers
                    .iter()
                    .filter(|worker| !worker.is_draining())
                    .count();
                if taking < most {
                    let worker = Worker::start(
                        Arc::clone(&inner.component),
                        self.connections.clone(),
                        self.metrics.clone(),
                    );
                    inner.workers.push(Arc::clone(&worker));
                    worker
                } else {
                    match inner.workers.iter().find(free) {
                        Some(busy) => Arc::clone(busy),
                        None => return Err(Box::new(request)),
                    }
                }
            }
        };
        drop(inner);
        let (tx, reply) = oneshot::channel();
        let load = worker.assign(Job {
            request,
            scope: Arc::clone(scope),
            reply: tx,
        });
        Ok(Dispatch { reply, load })
    }

    /// Ends every instance once its requests are answered.
    pub(crate) fn drain(&self) {
        for worker in &self.lock().workers {
            worker.drain();
        }
    }

    fn refresh(&self, inner: &mut Inner) {
        let generation = self.slot.generation.load(Ordering::Acquire);
        if generation != inner.generation {
            inner.generation = generation;
            inner.component = self.slot.current();
            for worker in inner.workers.drain(..) {
                worker.drain();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
