//! `spin:variables`: what `[component.X.variables]` gives a component.

use super::Joins;
use super::bindings::variables::{Error, Host, HostWithStore};
use super::call::Caller;
use crate::instance::InstanceState;

impl Host for InstanceState {}

impl HostWithStore<InstanceState> for Joins {
    async fn get(caller: &Caller, name: String) -> wasmtime::Result<Result<String, Error>> {
        if !is_variable_name(&name) {
            return Ok(Err(Error::InvalidName(name)));
        }
        let value = caller.with(|mut access| access.data_mut().variable(&name).map(str::to_owned));
        Ok(value.ok_or(Error::Undefined(name)))
    }
}

/// A letter, then lower-case letters, digits and `_` (Spin: "Application Variables").
fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
