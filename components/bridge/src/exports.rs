//! The exported functions, made from the list of all functions.

use crate::bindings::exports::concierge::{booking, identity, mail, objects};
use crate::request;
use concierge_wit_http::{ARGUMENTS_MAX_BYTES, ContractError, Failure, Function, functions};
use spin_sdk::wit_bindgen::rt::async_support::StreamReader;

struct Bridge;

/// Implements an interface: each function is one request.
macro_rules! interface {
    ($interface:ident of $package:ident { $(
        $kind:ident $function:ident $name:literal ($($argument:ident: $type:ty),*) -> $result:ty;
    )* }) => {
        mod $interface {
            use super::contracts::$interface::*;
            use super::*;

            impl Guest for Bridge {
                $( function! {
                    $kind $function ($($argument: $type),*) -> $result =
                        Function {
                            package: &concierge_wit_http::$package,
                            interface: stringify!($interface),
                            name: $name,
                        }
                } )*
            }
        }
    };
}

macro_rules! function {
    (plain $function:ident ($($argument:ident: $type:ty),*) -> $result:ty = $named:expr) => {
        async fn $function($($argument: $type),*) -> Result<$result, Error> {
            request::call(&$named, &($($argument,)*), None).await
        }
    };
    (takes $function:ident ($($argument:ident: $type:ty),*) -> $result:ty = $named:expr) => {
        async fn $function($($argument: $type,)* stream: StreamReader<u8>) -> Result<$result, Error> {
            request::call(&$named, &($($argument,)*), Some(stream)).await
        }
    };
    (gives $function:ident ($($argument:ident: $type:ty),*) -> $result:ty = $named:expr) => {
        async fn $function($($argument: $type),*) -> Result<($result, StreamReader<u8>), Error> {
            request::call_for_stream(&$named, &($($argument,)*)).await
        }
    };
}

/// The interfaces by the names that the list has.
mod contracts {
    pub(super) use super::booking::{
        administration, availability, catalogue, changes, payments, reports, reservations,
    };
    pub(super) use super::identity::{passwords, sigv4};
    pub(super) use super::mail::{
        accounts, emails, events, mailboxes, messages, outgoing, search, submissions,
    };
    pub(super) use super::objects::{blobs, buckets, listing, multipart};
}

functions!(interface);

#[allow(unsafe_code, reason = "the exported functions are the macro's")]
mod export {
    use super::Bridge;
    crate::bindings::export!(Bridge with_types_in crate::bindings);
}

impl ContractError for booking::catalogue::Error {
    fn of(failure: &Failure) -> Self {
        match failure {
            failure if failure.passes() => Self::Unavailable,
            _ => Self::Internal,
        }
    }
}

impl ContractError for identity::passwords::Error {
    fn of(failure: &Failure) -> Self {
        match failure {
            Failure::TooLong => Self::Malformed("the call is too long".to_owned()),
            _ => Self::Unavailable,
        }
    }
}

impl ContractError for identity::sigv4::Error {
    fn of(_: &Failure) -> Self {
        Self::Unavailable
    }
}

impl ContractError for mail::accounts::Error {
    fn of(failure: &Failure) -> Self {
        match failure {
            Failure::TooLong => Self::TooLarge(ARGUMENTS_MAX_BYTES as u64),
            failure if failure.passes() => Self::Unavailable,
            _ => Self::Internal,
        }
    }
}

impl ContractError for objects::blobs::Error {
    fn of(failure: &Failure) -> Self {
        match failure {
            Failure::TooLong => Self::InvalidRequest("The call is too long.".to_owned()),
            failure if failure.passes() => Self::SlowDown,
            _ => Self::Internal,
        }
    }
}
