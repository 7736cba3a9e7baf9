//! The conformance suite: what every engine must do, whatever its strategy. An engine's tests call [`everything`] with
//! a function that opens an empty store.

mod change;
mod edit;
pub(crate) mod fixture;
mod keys;
mod model;
mod outgoing;
mod pages;
mod reserve;
mod webhooks;

use std::sync::Arc;

pub(crate) use fixture::{House, NOW, allotment, fresh_key, key, rate, sold_out, stay, today};
pub(crate) use outgoing::mail;
pub(crate) use pages::waiting;
pub(crate) use webhooks::webhook;

use super::{Store, Strategy};

/// Runs the whole suite. `open` gives a store that is empty and no other's, each time.
pub(crate) async fn everything<F>(strategy: Strategy, open: F)
where
    F: AsyncFn(Strategy) -> Arc<dyn Store>,
{
    reserve::all(&open(strategy).await).await;
    keys::all(&open(strategy).await).await;
    change::all(&open(strategy).await).await;
    edit::all(&open(strategy).await).await;
    pages::all(&open(strategy).await).await;
    webhooks::all(&open(strategy).await).await;
    outgoing::feed(&open(strategy).await).await;
    outgoing::due(&open(strategy).await).await;
    outgoing::mails(&open(strategy).await).await;
    outgoing::audit(&open(strategy).await).await;
    outgoing::sweep(&open(strategy).await).await;
    outgoing::whole(&open(strategy).await).await;
    model::all(&open(strategy).await).await;
}
