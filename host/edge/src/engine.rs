//! The wasmtime engine and the clock that interrupts guests.

use crate::limits::EPOCH_TICK;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wasmtime::{
    Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
};

/// Instances that the pooling allocator reserves address space for. Each linear memory takes a
/// little over 4 GiB of address space (not of memory), of the 128 TiB that a process has.
const POOLED_INSTANCES: u32 = 2_000;
/// Core instances in one component: the program, wit-component's shims and fix-ups, and room for
/// composed components.
const CORE_INSTANCES_PER_COMPONENT: u32 = 32;
/// Bytes of an instance's memory that stay mapped when it is dropped, so that the next one in
/// the slot does not fault them in again.
const MEMORY_KEEP_RESIDENT_BYTES: usize = 1 << 20;

/// How wasm is compiled and instances are allocated.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// Where compiled components are kept between starts; `None` compiles anew each time.
    pub cache_dir: Option<PathBuf>,
    /// Allocate instances one by one instead of from a pool, for machines whose address space is
    /// limited (`ulimit -v`).
    pub on_demand: bool,
}

/// An engine and the count of its epochs, which a thread advances every [`EPOCH_TICK`] as long as
/// the engine lives.
#[derive(Clone)]
pub(crate) struct Runtime {
    pub(crate) engine: Engine,
    pub(crate) ticks: Ticks,
}

/// A coarse clock that costs one load to read: [`EPOCH_TICK`]s since the engine was made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ticks(Arc<AtomicU64>);

impl Ticks {
    pub(crate) fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Runtime {
    /// Makes the engine; falls back to allocation on demand where a pool cannot be reserved.
    pub(crate) fn new(options: &EngineOptions) -> Result<Self, wasmtime::Error> {
        let engine = match (options.on_demand, Engine::new(&config(options, true)?)) {
            (false, Ok(engine)) => engine,
            (false, Err(error)) => {
                tracing::warn!("no pool of instances, allocating each on demand: {error:#}");
                Engine::new(&config(options, false)?)?
            }
            (true, _) => Engine::new(&config(options, false)?)?,
        };
        let ticks = Ticks::default();
        start_ticker(&engine, ticks.clone())?;
        Ok(Self { engine, ticks })
    }
}

fn config(options: &EngineOptions, pool: bool) -> Result<Config, wasmtime::Error> {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.wasm_component_model_async(true);
    config.epoch_interruption(true);
    if let Some(dir) = &options.cache_dir {
        let mut cache = CacheConfig::new();
        cache.with_directory(dir);
        config.cache(Some(Cache::new(cache)?));
    }
    if pool {
        let mut pooling = PoolingAllocationConfig::new();
        pooling
            .total_component_instances(POOLED_INSTANCES)
            .total_core_instances(POOLED_INSTANCES.saturating_mul(4))
            .total_memories(POOLED_INSTANCES)
            .total_tables(POOLED_INSTANCES.saturating_mul(4))
            .total_stacks(POOLED_INSTANCES)
            .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT)
            .linear_memory_keep_resident(MEMORY_KEEP_RESIDENT_BYTES);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling));
    }
    Ok(config)
}

fn start_ticker(engine: &Engine, ticks: Ticks) -> Result<(), wasmtime::Error> {
    let engine = engine.weak();
    std::thread::Builder::new()
        .name("epoch".into())
        .spawn(move || {
            loop {
                std::thread::sleep(EPOCH_TICK);
                let Some(engine) = engine.upgrade() else {
                    return;
                };
                // The count first: a guest that is interrupted reads it.
                ticks.0.fetch_add(1, Ordering::Relaxed);
                engine.increment_epoch();
            }
        })?;
    Ok(())
}

#[cfg(test)]
impl Ticks {
    pub(crate) fn advance(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }
}
