//! Exports every interface of `wit/` and answers its calls by asking a host elsewhere, over the scheme of
//! `concierge-wit-http`. Composed with a component that imports those interfaces (Spin does so by
//! `[component.X.dependencies]`), it takes the place of the host that the component would run in.
//!
//! Where the host is and the token for it are the variables `concierge_url` and `concierge_token` of the
//! component it is composed with. Streams pass through by handle: their bytes do not enter its memory.

#[cfg(target_family = "wasm")]
mod bindings;
#[cfg(target_family = "wasm")]
mod exports;
#[cfg(target_family = "wasm")]
mod request;
