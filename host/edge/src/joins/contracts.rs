//! The functions of the contracts, made from the list of all functions (`concierge_wit_http::functions!`).
//!
//! Each interface is a module here, with three things made for each of its functions:
//! - the function itself, which asks the domain crate in this process or the host elsewhere: the one seam
//!   between them;
//! - the import of guests, a method of [`HostWithStore`](blobs::HostWithStore), which is that function
//!   with `stream<u8>`s turned into streams of the host. Within the process nothing is encoded;
//! - its arm of `dispatch`, which answers a call that came over HTTP.

use super::body::{self, Output};
use super::call::{self, Caller as Instance};
use super::{Joins, Services};
use crate::instance::InstanceState;
use concierge_objects::BodyStream;
use concierge_wit_http::server::{Answer as Reply, Call, Refusal as Unanswered};
use concierge_wit_http::{
    ARGUMENTS_MAX_BYTES, ContractError, Failure, Function, decode, encode, functions,
};
use wasmtime::component::StreamReader;

/// What the domain crates answer with in this process.
mod local {
    pub(super) use crate::joins::booking::{
        administration, availability, catalogue, changes, payments, reports, reservations,
    };
    pub(super) use crate::joins::identity::{passwords, sigv4};
    pub(super) use crate::joins::mail::{
        accounts, emails, events, mailboxes, messages, outgoing, search, submissions,
    };
    pub(super) use crate::joins::objects::{blobs, buckets, listing, multipart};
}

/// What wasmtime generated.
mod generated {
    pub(super) use crate::joins::bindings::booking::{
        administration, availability, catalogue, changes, payments, reports, reservations,
    };
    pub(super) use crate::joins::bindings::identity::{passwords, sigv4};
    pub(super) use crate::joins::bindings::mail::{
        accounts, emails, events, mailboxes, messages, outgoing, search, submissions,
    };
    pub(super) use crate::joins::bindings::objects::{blobs, buckets, listing, multipart};
}

macro_rules! interface {
    ($interface:ident of $package:ident { $(
        $kind:ident $function:ident $name:literal ($($argument:ident: $type:ty),*) -> $result:ty;
    )* }) => {
        pub(in crate::joins) mod $interface {
            use super::*;
            use super::generated::$interface::*;

            /// Answers a call that came over HTTP.
            pub(in crate::joins) async fn dispatch(
                services: &Services,
                call: Call,
            ) -> Result<Reply, Unanswered> {
                match call.function.as_str() {
                    $( $name => answer! {
                        $kind $function ($($argument: $type),*) -> $result, services, call
                    }, )*
                    _ => Err(Unanswered::unknown(call.package, &call.interface, &call.function)),
                }
            }

            $( either! {
                $kind $function ($($argument: $type),*) -> $result, local::$interface::$function,
                &Function {
                    package: &concierge_wit_http::$package,
                    interface: stringify!($interface),
                    name: $name,
                }
            } )*

            impl Host for InstanceState {}

            impl HostWithStore<InstanceState> for Joins {
                $( import! {
                    $kind $function ($($argument: $type),*) -> $result,
                    concat!(stringify!($interface), ".", $name)
                } )*
            }
        }
    };
}

/// The function, wherever it is answered. What is away from this process is boxed: its futures are
/// large, and calls within the process should not carry their size.
macro_rules! either {
    (plain $function:ident ($($argument:ident: $type:ty),*) -> $result:ty, $local:path, $named:expr) => {
        #[allow(clippy::too_many_arguments, reason = "the contract's, and who answers")]
        pub(super) async fn $function(
            services: &Services,
            $($argument: $type),*
        ) -> Result<$result, Error> {
            match &services.remote {
                None => $local(services, $($argument),*).await,
                Some(host) => Box::pin(host.call($named, &($($argument,)*))).await,
            }
        }
    };
    (takes $function:ident ($($argument:ident: $type:ty),*) -> $result:ty, $local:path, $named:expr) => {
        #[allow(clippy::too_many_arguments, reason = "the contract's, and who answers")]
        pub(super) async fn $function(
            services: &Services,
            $($argument: $type,)*
            stream: BodyStream,
        ) -> Result<$result, Error> {
            match &services.remote {
                None => $local(services, $($argument,)* stream).await,
                Some(host) => {
                    let stream = body::to_wire(stream);
                    Box::pin(host.call_with_stream($named, &($($argument,)*), stream)).await
                }
            }
        }
    };
    (gives $function:ident ($($argument:ident: $type:ty),*) -> $result:ty, $local:path, $named:expr) => {
        pub(super) async fn $function(
            services: &Services,
            $($argument: $type),*
        ) -> Result<($result, Output), Error> {
            match &services.remote {
                None => $local(services, $($argument),*).await,
                Some(host) => {
                    let answer = Box::pin(host.call_for_stream($named, &($($argument,)*))).await;
                    answer.map(|(result, stream)| (result, Output::Host(stream)))
                }
            }
        }
    };
}

/// The import of guests.
macro_rules! import {
    (plain $function:ident ($($argument:ident: $type:ty),*) -> $result:ty, $label:expr) => {
        #[allow(clippy::too_many_arguments, reason = "the contract's, and who asks")]
        async fn $function(
            instance: &Instance,
            $($argument: $type),*
        ) -> wasmtime::Result<Result<$result, Error>> {
            let answer = call::made(instance, $label, |services| async move {
                $function(&services, $($argument),*).await
            });
            Ok(answer.await)
        }
    };
    (takes $function:ident ($($argument:ident: $type:ty),*) -> $result:ty, $label:expr) => {
        async fn $function(
            instance: &Instance,
            $($argument: $type,)*
            stream: StreamReader<u8>,
        ) -> wasmtime::Result<Result<$result, Error>> {
            let stream = body::from_guest(instance, stream, call::scope(instance))?;
            let answer = call::made(instance, $label, |services| async move {
                $function(&services, $($argument,)* stream).await
            });
            Ok(answer.await)
        }
    };
    (gives $function:ident ($($argument:ident: $type:ty),*) -> $result:ty, $label:expr) => {
        async fn $function(
            instance: &Instance,
            $($argument: $type),*
        ) -> wasmtime::Result<Result<($result, StreamReader<u8>), Error>> {
            let answer = call::made(instance, $label, |services| async move {
                $function(&services, $($argument),*).await
            });
            match answer.await {
                Ok((result, stream)) => {
                    let stream = body::to_guest(instance, stream, result.length)?;
                    Ok(Ok((result, stream)))
                }
                Err(error) => Ok(Err(error)),
            }
        }
    };
}

/// The answer to a call that came over HTTP.
macro_rules! answer {
    (plain $function:ident ($($argument:ident: $type:ty),*) -> $result:ty, $services:ident, $call:ident) => {{
        let ($($argument,)*): ($($type,)*) = decode(&$call.arguments().await?)?;
        let result: Result<$result, Error> = $function($services, $($argument),*).await;
        Ok(Reply { result: encode(&result)?, stream: None, gives: false })
    }};
    (takes $function:ident ($($argument:ident: $type:ty),*) -> $result:ty, $services:ident, $call:ident) => {{
        let (arguments, stream) = $call.arguments_and_stream()?;
        let ($($argument,)*): ($($type,)*) = decode(&arguments)?;
        let stream = body::from_wire(stream);
        let result: Result<$result, Error> = $function($services, $($argument,)* stream).await;
        Ok(Reply { result: encode(&result)?, stream: None, gives: false })
    }};
    (gives $function:ident ($($argument:ident: $type:ty),*) -> $result:ty, $services:ident, $call:ident) => {{
        let ($($argument,)*): ($($type,)*) = decode(&$call.arguments().await?)?;
        match $function($services, $($argument),*).await {
            Ok((result, stream)) => {
                let stream = (body::output_to_wire(stream), result.length);
                let result: Result<$result, Error> = Ok(result);
                Ok(Reply { result: encode(&result)?, stream: Some(stream), gives: true })
            }
            Err(error) => {
                let result: Result<$result, Error> = Err(error);
                Ok(Reply { result: encode(&result)?, stream: None, gives: true })
            }
        }
    }};
}

functions!(interface);

impl ContractError for generated::catalogue::Error {
    fn of(failure: &Failure) -> Self {
        match failure {
            failure if failure.passes() => Self::Unavailable,
            _ => Self::Internal,
        }
    }
}

impl ContractError for generated::passwords::Error {
    fn of(failure: &Failure) -> Self {
        match failure {
            Failure::TooLong => Self::Malformed("the call is too long".to_owned()),
            _ => Self::Unavailable,
        }
    }
}

impl ContractError for generated::sigv4::Error {
    fn of(_: &Failure) -> Self {
        Self::Unavailable
    }
}

impl ContractError for generated::accounts::Error {
    fn of(failure: &Failure) -> Self {
        match failure {
            Failure::TooLong => Self::TooLarge(ARGUMENTS_MAX_BYTES as u64),
            failure if failure.passes() => Self::Unavailable,
            _ => Self::Internal,
        }
    }
}

impl ContractError for generated::blobs::Error {
    fn of(failure: &Failure) -> Self {
        match failure {
            Failure::TooLong => Self::InvalidRequest("The call is too long.".to_owned()),
            failure if failure.passes() => Self::SlowDown,
            _ => Self::Internal,
        }
    }
}
