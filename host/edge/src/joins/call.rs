//! What every call has in common: it is made for a request, and it ends when no one waits for that
//! request's answer any more.

use super::bindings::objects::blobs;
use super::{Joins, Services};
use crate::instance::{InstanceState, RequestScope};
use concierge_identity::Principal;
use concierge_objects::{Error, ObjectStore};
use futures::future::{Either, select};
use std::pin::pin;
use std::sync::Arc;
use wasmtime::AsContextMut;
use wasmtime::component::Accessor;

/// The store of the instance that calls.
pub(super) type Caller = Accessor<InstanceState, Joins>;

/// Counts a call; `function` is `interface.function`.
pub(super) fn count(function: &'static str) {
    metrics::counter!("concierge_edge_host_calls_total", "function" => function).increment(1);
}

pub(super) fn services(caller: &Caller) -> Services {
    caller.with(|mut access| access.data_mut().services().clone())
}

/// The request that a call is made for.
pub(super) fn scope(caller: &Caller) -> Option<Arc<RequestScope>> {
    caller.with(|mut access| InstanceState::current_request(access.as_context_mut()))
}

/// Does `work` as long as someone waits for the request that it is done for. Where no one does,
/// the work is dropped and the answer is [`Error::Internal`], which no one will see.
async fn while_wanted<T>(
    scope: Option<Arc<RequestScope>>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let Some(scope) = scope else {
        return work.await;
    };
    let cancelled = pin!(scope.until_cancelled());
    match select(pin!(work), cancelled).await {
        Either::Left((result, _)) => result,
        Either::Right(((), _)) => Err(Error::Internal),
    }
}

/// A call of `concierge:objects` that needs no principal.
pub(super) async fn anonymous<T, F>(
    caller: &Caller,
    work: impl FnOnce(Arc<ObjectStore>) -> F,
) -> Result<T, blobs::Error>
where
    F: Future<Output = Result<T, Error>>,
{
    // A component that imports the interface is not loaded where there is no store behind it.
    let store = services(caller).objects.ok_or(blobs::Error::Internal)?;
    while_wanted(scope(caller), work(store))
        .await
        .map_err(blobs::Error::from)
}

/// A call of `concierge:objects` by whom `token` proves.
pub(super) async fn by_principal<T, F>(
    caller: &Caller,
    token: &str,
    work: impl FnOnce(Arc<ObjectStore>, Principal) -> F,
) -> Result<T, blobs::Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let identity = services(caller).identity.ok_or(blobs::Error::Internal)?;
    let principal = identity.principal(token).map_err(|error| {
        tracing::debug!("a token was refused: {error}");
        blobs::Error::InvalidToken
    })?;
    anonymous(caller, |store| work(store, principal)).await
}
