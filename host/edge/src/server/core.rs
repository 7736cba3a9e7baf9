//! What one core has: a route table for each listener and a pool for each component.

use super::spin::RouteFields;
use crate::engine::Ticks;
use crate::instance::{Pool, Slot};
use crate::metric::RequestMetrics;
use crate::routes::{RoutePattern, RouteTable};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The version of a component that is in service, and its requests under way over all cores.
pub(crate) type InService = (Arc<Slot>, Arc<AtomicU32>);

/// What is needed to set up a core.
#[derive(Clone)]
pub(crate) struct CoreSetup {
    pub(crate) cores: u32,
    pub(crate) ticks: Ticks,
    /// By component.
    pub(crate) components: Arc<BTreeMap<String, InService>>,
    /// Every route: its listener, its pattern, and its component.
    pub(crate) routes: Arc<Vec<(String, RoutePattern, String)>>,
}

/// One core's side of the edge. Used by one thread.
pub(crate) struct Core {
    pub(super) ticks: Ticks,
    listeners: BTreeMap<String, Arc<RouteTable<Routed>>>,
    targets: Vec<Arc<Target>>,
}

/// What a route leads to.
pub(crate) struct Routed {
    pub(super) target: Arc<Target>,
    /// What Spin says of the route.
    pub(super) spin: RouteFields,
}

/// A component as one core sees it.
pub(crate) struct Target {
    pub(super) pool: Pool,
    pub(super) metrics: RequestMetrics,
    in_flight: Arc<AtomicU32>,
}

impl Core {
    pub(crate) fn new(setup: &CoreSetup) -> Self {
        let targets: BTreeMap<&str, Arc<Target>> = setup
            .components
            .iter()
            .map(|(name, (slot, in_flight))| {
                let metrics = RequestMetrics::new(name);
                let pool = Pool::new(Arc::clone(slot), setup.cores, metrics.instances.clone());
                let in_flight = Arc::clone(in_flight);
                (
                    name.as_str(),
                    Arc::new(Target {
                        pool,
                        metrics,
                        in_flight,
                    }),
                )
            })
            .collect();
        let mut routes: BTreeMap<String, Vec<(RoutePattern, Routed)>> = BTreeMap::new();
        for (listener, pattern, component) in setup.routes.iter() {
            if let Some(target) = targets.get(component.as_str()) {
                let routed = Routed {
                    target: Arc::clone(target),
                    spin: RouteFields::new(pattern),
                };
                routes
                    .entry(listener.clone())
                    .or_default()
                    .push((pattern.clone(), routed));
            }
        }
        Self {
            ticks: setup.ticks.clone(),
            listeners: routes
                .into_iter()
                .map(|(listener, routes)| (listener, Arc::new(RouteTable::new(routes))))
                .collect(),
            targets: targets.into_values().collect(),
        }
    }

    /// The routes of a listener.
    pub(super) fn routes(&self, listener: &str) -> Arc<RouteTable<Routed>> {
        self.listeners
            .get(listener)
            .map_or_else(|| Arc::new(RouteTable::new(Vec::new())), Arc::clone)
    }

    /// Ends all instances once their requests are answered.
    pub(crate) fn drain(&self) {
        for target in &self.targets {
            target.pool.drain();
        }
    }
}

impl Target {
    /// A place among the component's requests, if there is one.
    pub(super) fn admit(self: &Arc<Self>, most: u32) -> Option<Admission> {
        let admitted = self.in_flight.fetch_add(1, Ordering::Relaxed) < most;
        if !admitted {
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        self.metrics.in_flight.increment(1.0);
        Some(Admission {
            target: Arc::clone(self),
        })
    }
}

/// A place among a component's requests; dropped when the answer is finished.
pub(super) struct Admission {
    target: Arc<Target>,
}

impl Admission {
    pub(super) fn metrics(&self) -> &RequestMetrics {
        &self.target.metrics
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.target.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.target.metrics.in_flight.decrement(1.0);
    }
}
