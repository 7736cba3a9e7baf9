//! Instances of components: what belongs to one, how they are pooled and driven, and how a
//! request's fate is known to all who work on it.

mod cpu;
mod output;
mod pool;
mod scope;
mod state;
mod worker;

pub(crate) use pool::{Pool, Slot};
pub(crate) use scope::RequestScope;
pub(crate) use state::InstanceState;
pub(crate) use worker::{CallError, LoadGuard};
