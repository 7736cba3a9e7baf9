//! What every call of a guest has in common: it is made for a request, and it ends when no one waits for
//! that request's answer any more.

use super::{Joins, Services};
use crate::instance::{InstanceState, RequestScope};
use concierge_wit_http::{ContractError, Failure};
use futures::future::{Either, select};
use std::pin::pin;
use std::sync::Arc;
use wasmtime::AsContextMut;
use wasmtime::component::Accessor;

/// The store of the instance that calls.
pub(super) type Caller = Accessor<InstanceState, Joins>;

/// Does the call `function` (`interface.function`) of a guest, and counts it.
pub(super) async fn made<T, E, F>(
    caller: &Caller,
    function: &'static str,
    work: impl FnOnce(Services) -> F,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
    E: ContractError,
{
    metrics::counter!("concierge_edge_host_calls_total", "function" => function).increment(1);
    let services = caller.with(|mut access| access.data_mut().services().clone());
    while_wanted(scope(caller), work(services)).await
}

/// The request that a call is made for.
pub(super) fn scope(caller: &Caller) -> Option<Arc<RequestScope>> {
    caller.with(|mut access| InstanceState::current_request(access.as_context_mut()))
}

/// Does `work` as long as someone waits for the request that it is done for. Where no one does,
/// the work is dropped and the answer is an error that no one will see.
async fn while_wanted<T, E: ContractError>(
    scope: Option<Arc<RequestScope>>,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let Some(scope) = scope else {
        return work.await;
    };
    let cancelled = pin!(scope.until_cancelled());
    match select(pin!(work), cancelled).await {
        Either::Left((result, _)) => result,
        Either::Right(((), _)) => Err(E::of(&Failure::Unreachable("no one waits".into()))),
    }
}
