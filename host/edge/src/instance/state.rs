//! What belongs to one instance: its WASI context, its memory limit, and the requests it works on.

use super::output::LogOutput;
use super::scope::RequestScope;
use crate::component::LoadedComponent;
use crate::joins::Services;
use crate::outbound::{Connections, OutboundHooks};
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use wasmtime::component::{GuestTaskId, ResourceTable};
use wasmtime::{ResourceLimiter, StoreContextMut};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Elements of one wasm table (function references); the largest components have thousands.
const TABLE_ELEMENTS_MAX: usize = 100_000;

/// The data of an instance's store.
pub(crate) struct InstanceState {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: OutboundHooks,
    services: Services,
    variables: Arc<BTreeMap<String, String>>,
    pub(crate) memory: MemoryLimit,
    requests: Vec<(GuestTaskId, Weak<RequestScope>)>,
}

impl InstanceState {
    pub(crate) fn new(component: &LoadedComponent, connections: Connections) -> Self {
        let mut wasi = WasiCtx::builder();
        let output = LogOutput::new(Arc::clone(&component.name));
        wasi.stdout(output.clone()).stderr(output);
        for (name, value) in &component.config.environment {
            wasi.env(name, value);
        }
        wasi.allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        Self {
            table: ResourceTable::new(),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            hooks: OutboundHooks {
                component: Arc::clone(&component.name),
                allowed: component.config.allowed_outbound_hosts.clone(),
                connections,
            },
            services: component.services.clone(),
            variables: Arc::clone(&component.config.variables),
            memory: MemoryLimit {
                most: usize::try_from(component.config.limits.memory_bytes).unwrap_or(usize::MAX),
                used: 0,
            },
            requests: Vec::new(),
        }
    }

    pub(crate) fn services(&self) -> &Services {
        &self.services
    }

    /// The value of one of the component's configuration variables.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    pub(crate) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    pub(crate) fn hooks(&mut self) -> &mut OutboundHooks {
        &mut self.hooks
    }

    /// Notes that the guest's task works for a request.
    pub(crate) fn add_request(&mut self, task: GuestTaskId, scope: &Arc<RequestScope>) {
        self.requests
            .retain(|(other, scope)| *other != task && scope.strong_count() > 0);
        self.requests.push((task, Arc::downgrade(scope)));
    }

    /// The requests that someone still waits for.
    pub(crate) fn live_requests(&self) -> impl Iterator<Item = Arc<RequestScope>> {
        self.requests
            .iter()
            .filter_map(|(_, scope)| scope.upgrade())
    }

    /// The request that the running host call was made for.
    pub(crate) fn current_request(
        mut store: StoreContextMut<'_, Self>,
    ) -> Option<Arc<RequestScope>> {
        let root = store.async_call_stack().ok()?.last()?;
        let requests = &store.data().requests;
        requests
            .iter()
            .find(|(task, _)| *task == root)
            .and_then(|(_, scope)| scope.upgrade())
    }
}

impl WasiView for InstanceState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for InstanceState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

/// Lets linear memory grow up to a limit; the guest sees a failed growth beyond it.
#[derive(Debug)]
pub(crate) struct MemoryLimit {
    most: usize,
    used: usize,
}

impl MemoryLimit {
    /// Bytes of linear memory.
    pub(crate) fn used(&self) -> u64 {
        u64::try_from(self.used).unwrap_or(u64::MAX)
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        let allowed = used <= self.most;
        if allowed {
            self.used = used;
        }
        Ok(allowed)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }
}
