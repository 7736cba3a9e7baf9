//! The methods, one module a data type. What is done first is the same for all of them ([`crate::jmap`]).

mod batch;
pub mod blob;
pub mod core;
pub mod email;
pub mod identity;
mod in_memory;
pub mod mailbox;
mod properties;
pub mod push;
pub mod quota;
pub mod snippet;
pub mod submission;
pub mod thread;
pub mod vacation;

use serde_json::Value;

use crate::host::Host;
use crate::jmap::capability::Capability;
use crate::jmap::context::{Arguments, Context};
use crate::jmap::error::MethodError;

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `Blob/…`
    Blob(blob::Method),
    /// `Core/…`
    Core(core::Method),
    /// `Email/…`
    Email(email::Method),
    /// `Identity/…`
    Identity(identity::Method),
    /// `Mailbox/…`
    Mailbox(mailbox::Method),
    /// `EmailSubmission/…`
    Submission(submission::Method),
    /// `PushSubscription/…`
    Push(push::Method),
    /// `Quota/…`
    Quota(quota::Method),
    /// `SearchSnippet/…`
    Snippet(snippet::Method),
    /// `Thread/…`
    Thread(thread::Method),
    /// `VacationResponse/…`
    Vacation(vacation::Method),
}

impl Method {
    /// The method of a name, such as `Email/get`.
    pub fn named(name: &str) -> Option<Self> {
        let (data_type, verb) = name.split_once('/')?;
        match data_type {
            "Blob" => blob::Method::named(verb).map(Self::Blob),
            "Core" => core::Method::named(verb).map(Self::Core),
            "Email" => email::Method::named(verb).map(Self::Email),
            "Identity" => identity::Method::named(verb).map(Self::Identity),
            "Mailbox" => mailbox::Method::named(verb).map(Self::Mailbox),
            "EmailSubmission" => submission::Method::named(verb).map(Self::Submission),
            "PushSubscription" => push::Method::named(verb).map(Self::Push),
            "Quota" => quota::Method::named(verb).map(Self::Quota),
            "SearchSnippet" => snippet::Method::named(verb).map(Self::Snippet),
            "Thread" => thread::Method::named(verb).map(Self::Thread),
            "VacationResponse" => vacation::Method::named(verb).map(Self::Vacation),
            _ => None,
        }
    }

    /// The capability that a request must name to use it.
    pub fn capability(self) -> Capability {
        match self {
            Self::Blob(method) => method.capability(),
            Self::Core(_) | Self::Push(_) => Capability::Core,
            Self::Email(_) | Self::Mailbox(_) | Self::Snippet(_) | Self::Thread(_) => {
                Capability::Mail
            }
            Self::Identity(_) | Self::Submission(_) => Capability::Submission,
            Self::Quota(_) => Capability::Quota,
            Self::Vacation(_) => Capability::VacationResponse,
        }
    }
}

/// Runs a method.
///
/// # Errors
///
/// Where it is not run at all; what happens to single objects is in its answer.
pub async fn run<H: Host>(
    method: Method,
    context: &mut Context<'_, H>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    match method {
        Method::Blob(method) => blob::run(method, context, arguments).await,
        Method::Core(method) => core::run(method, context, arguments).await,
        Method::Email(method) => email::run(method, context, arguments).await,
        Method::Identity(method) => identity::run(method, context, arguments).await,
        Method::Mailbox(method) => mailbox::run(method, context, arguments).await,
        Method::Submission(method) => submission::run(method, context, arguments).await,
        Method::Push(method) => push::run(method, context, arguments).await,
        Method::Quota(method) => quota::run(method, context, arguments).await,
        Method::Snippet(method) => snippet::run(method, context, arguments).await,
        Method::Thread(method) => thread::run(method, context, arguments).await,
        Method::Vacation(method) => vacation::run(method, context, arguments).await,
    }
}
