//! `Blob/…` (RFC 9404, and `Blob/copy` of RFC 8620 §6.3).

mod copy;
mod get;
mod lookup;
mod upload;

use serde_json::Value;

use crate::host::Host;
use crate::jmap::capability::Capability;
use crate::jmap::context::{Arguments, Context};
use crate::jmap::error::MethodError;

/// The methods of blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// From one account to another.
    Copy,
    /// Bytes and digests.
    Get,
    /// What refers to them.
    Lookup,
    /// Made of texts, bytes and other blobs.
    Upload,
}

impl Method {
    /// The method of a name.
    pub fn named(verb: &str) -> Option<Self> {
        match verb {
            "copy" => Some(Self::Copy),
            "get" => Some(Self::Get),
            "lookup" => Some(Self::Lookup),
            "upload" => Some(Self::Upload),
            _ => None,
        }
    }

    /// The capability that a request must name to use it: copying is the core's.
    pub fn capability(self) -> Capability {
        match self {
            Self::Copy => Capability::Core,
            Self::Get | Self::Lookup | Self::Upload => Capability::Blob,
        }
    }
}

/// Runs a method.
///
/// # Errors
///
/// Where it is not run at all; what happens to single blobs is in its answer.
pub async fn run<H: Host>(
    method: Method,
    context: &mut Context<'_, H>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    match method {
        Method::Copy => copy::run(context, arguments).await,
        Method::Get => get::run(context, arguments).await,
        Method::Lookup => lookup::run(context, arguments).await,
        Method::Upload => upload::run(context, arguments).await,
    }
}
