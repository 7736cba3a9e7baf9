//! Joins the interfaces that components import to the domain crates.
//!
//! Each interface of `wit/` has a module that turns its calls into calls of a domain crate: the
//! token into a principal, records into the domain's types. No rule of a domain is here. The domain
//! crates are in this process, or behind the contracts of a host elsewhere ([`Services`]); `contracts`
//! is the seam. A call never traps: whatever a guest passes, it gets an answer of the contract.

#![expect(
    clippy::result_large_err,
    reason = "the errors are the contracts', which say what they are about"
)]

mod bindings;
mod body;
mod booking;
mod call;
mod contracts;
mod identity;
mod mail;
mod objects;
mod variables;

pub(crate) use body::{HostRead, WholeBody};

use crate::instance::InstanceState;
use bindings::objects::blobs;
use concierge_booking::Booking;
use concierge_identity::{AccountId, Identity, Principal};
use concierge_mail::Mail;
use concierge_objects::ObjectStore;
use concierge_wit_http::Client;
use concierge_wit_http::server::{Answer, Call, Refusal};
use std::sync::Arc;
use wasmtime::component::{HasData, Linker};

/// What answers the imports: the domain crates in this process, or a host elsewhere. A domain that is
/// not there is not provided: a component that imports it does not start.
#[derive(Clone, Default)]
pub struct Services {
    /// Verifies signatures and passwords and opens tokens: behind `concierge:identity`, and behind every call
    /// that takes a token.
    pub identity: Option<Arc<Identity>>,
    /// Behind `concierge:booking`.
    pub booking: Option<Arc<Booking>>,
    /// Behind `concierge:mail`.
    pub mail: Option<Arc<Mail>>,
    /// Behind `concierge:objects`.
    pub objects: Option<Arc<ObjectStore>>,
    /// A host elsewhere, which answers everything in place of them.
    pub remote: Option<Arc<Client>>,
    /// The accounts that calls may be made for; `None`: all.
    pub accounts: Option<Arc<[AccountId]>>,
}

/// The interfaces that `imports` in `spin.toml` can grant, as `package/interface`.
pub const INTERFACES: [&str; 21] = [
    "concierge:booking/administration",
    "concierge:booking/availability",
    "concierge:booking/catalogue",
    "concierge:booking/changes",
    "concierge:booking/payments",
    "concierge:booking/reports",
    "concierge:booking/reservations",
    PASSWORDS,
    SIGV4,
    "concierge:mail/accounts",
    "concierge:mail/emails",
    "concierge:mail/events",
    "concierge:mail/mailboxes",
    "concierge:mail/messages",
    "concierge:mail/outgoing",
    "concierge:mail/search",
    "concierge:mail/submissions",
    "concierge:objects/blobs",
    "concierge:objects/buckets",
    "concierge:objects/listing",
    "concierge:objects/multipart",
];

const PASSWORDS: &str = "concierge:identity/passwords";
const SIGV4: &str = "concierge:identity/sigv4";

/// What every component has without being granted it, beside `wasi:`.
const FREE: &str = "spin:variables/variables";

/// The implementor of the generated traits.
pub(crate) struct Joins;

impl HasData for Joins {
    type Data<'a> = &'a mut InstanceState;
}

impl Services {
    /// Whether this host has an interface (`package/interface`).
    pub(crate) fn provides(&self, interface: &str) -> bool {
        let behind = match interface.split_once('/') {
            _ if self.remote.is_some() => true,
            Some(("concierge:booking", _)) => self.identity.is_some() && self.booking.is_some(),
            Some(("concierge:mail", _)) => self.identity.is_some() && self.mail.is_some(),
            Some(("concierge:objects", _)) => self.identity.is_some() && self.objects.is_some(),
            _ => self.identity.is_some(),
        };
        behind && INTERFACES.contains(&interface)
    }

    /// Answers a call of a contract that came over HTTP.
    ///
    /// # Errors
    /// [`Refusal`] where there is no such function here, or the call cannot be read.
    pub async fn answer(&self, call: Call) -> Result<Answer, Refusal> {
        match (call.package.name, call.interface.as_str()) {
            ("concierge:booking", "administration") => {
                contracts::administration::dispatch(self, call).await
            }
            ("concierge:booking", "availability") => {
                contracts::availability::dispatch(self, call).await
            }
            ("concierge:booking", "catalogue") => contracts::catalogue::dispatch(self, call).await,
            ("concierge:booking", "changes") => contracts::changes::dispatch(self, call).await,
            ("concierge:booking", "payments") => contracts::payments::dispatch(self, call).await,
            ("concierge:booking", "reports") => contracts::reports::dispatch(self, call).await,
            ("concierge:booking", "reservations") => {
                contracts::reservations::dispatch(self, call).await
            }
            ("concierge:identity", "passwords") => contracts::passwords::dispatch(self, call).await,
            ("concierge:identity", "sigv4") => contracts::sigv4::dispatch(self, call).await,
            ("concierge:mail", "accounts") => contracts::accounts::dispatch(self, call).await,
            ("concierge:mail", "emails") => contracts::emails::dispatch(self, call).await,
            ("concierge:mail", "events") => contracts::events::dispatch(self, call).await,
            ("concierge:mail", "mailboxes") => contracts::mailboxes::dispatch(self, call).await,
            ("concierge:mail", "messages") => contracts::messages::dispatch(self, call).await,
            ("concierge:mail", "outgoing") => contracts::outgoing::dispatch(self, call).await,
            ("concierge:mail", "search") => contracts::search::dispatch(self, call).await,
            ("concierge:mail", "submissions") => contracts::submissions::dispatch(self, call).await,
            ("concierge:objects", "blobs") => contracts::blobs::dispatch(self, call).await,
            ("concierge:objects", "buckets") => contracts::buckets::dispatch(self, call).await,
            ("concierge:objects", "listing") => contracts::listing::dispatch(self, call).await,
            ("concierge:objects", "multipart") => contracts::multipart::dispatch(self, call).await,
            _ => Err(Refusal::unknown(
                call.package,
                &call.interface,
                &call.function,
            )),
        }
    }

    /// Whether calls may be made for an account.
    fn admits(&self, account: AccountId) -> bool {
        self.accounts
            .as_ref()
            .is_none_or(|accounts| accounts.contains(&account))
    }

    /// The object store in this process.
    fn store(&self) -> Result<&ObjectStore, blobs::Error> {
        // A component that imports the interface is not loaded where there is no store behind it.
        self.objects.as_deref().ok_or(blobs::Error::Internal)
    }

    /// The object store in this process, and whom `token` proves.
    fn by_principal(&self, token: &str) -> Result<(&ObjectStore, Principal), blobs::Error> {
        let identity = self.identity.as_ref().ok_or(blobs::Error::Internal)?;
        let principal = identity.principal(token).map_err(|error| {
            tracing::debug!("a token was refused: {error}");
            blobs::Error::InvalidToken
        })?;
        if !self.admits(principal.account) {
            return Err(blobs::Error::AccessDenied);
        }
        Ok((self.store()?, principal))
    }
}

/// Whether an interface (`package/interface`) needs no grant.
pub(crate) fn is_free(interface: &str) -> bool {
    interface.starts_with("wasi:") || interface == FREE
}

/// Adds the granted interfaces, and those that need no grant.
pub(crate) fn add_to_linker(
    linker: &mut Linker<InstanceState>,
    granted: &[String],
) -> wasmtime::Result<()> {
    use bindings::identity::{passwords, sigv4};
    use bindings::objects::{buckets, listing, multipart};
    use bindings::{booking, mail};
    bindings::variables::add_to_linker::<_, Joins>(linker, |state| state)?;
    for interface in granted {
        match interface.as_str() {
            "concierge:booking/administration" => {
                booking::administration::add_to_linker::<_, Joins>(linker, |state| state)?
            }
            "concierge:booking/availability" => {
                booking::availability::add_to_linker::<_, Joins>(linker, |state| state)?
            }
            "concierge:booking/catalogue" => {
                booking::catalogue::add_to_linker::<_, Joins>(linker, |state| state)?
            }
            "concierge:booking/changes" => {
                booking::changes::add_to_linker::<_, Joins>(linker, |state| state)?
            }
            "concierge:booking/payments" => {
                booking::payments::add_to_linker::<_, Joins>(linker, |state| state)?
            }
            "concierge:booking/reports" => {
                booking::reports::add_to_linker::<_, Joins>(linker, |state| state)?
            }
            "concierge:booking/reservations" => {
                booking::reservations::add_to_linker::<_, Joins>(linker, |state| state)?
            }
            PASSWORDS => passwords::add_to_linker::<_, Joins>(linker, |state| state)?,
            SIGV4 => sigv4::add_to_linker::<_, Joins>(linker, |state| state)?,
            "concierge:mail/accounts" => {
                mail::accounts::add_to_linker::<_, Joins>(linker, |state| state)?
            }
            "concierge:mail/emails" => {
                mail::emails::add_to_linker::<_, Joins>(linker, |state| state)?
            }
            "concierge:mail/events" => {
                mail::events::add_to_linker::<_, Joins>(linker, |state| state)?
            }
            "concierge:mail/mailboxes" => {
                mail::mailboxes::add_to_linker::<_, Joins>(linker, |state| state)?
            }
            "concierge:mail/messages" => {
                mail::messages::add_to_linker::<_, Joins>(linker, |state| state)?
            }
            "concierge:mail/outgoing" => {
                mail::outgoing::add_to_linker::<_, Joins>(linker, |state| state)?
            }
            "concierge:mail/search" => {
                mail::search::add_to_linker::<_, Joins>(linker, |state| state)?
            }
            "concierge:mail/submissions" => {
                mail::submissions::add_to_linker::<_, Joins>(linker, |state| state)?
            }
            "concierge:objects/blobs" => blobs::add_to_linker::<_, Joins>(linker, |state| state)?,
            "concierge:objects/buckets" => {
                buckets::add_to_linker::<_, Joins>(linker, |state| state)?
            }
            "concierge:objects/listing" => {
                listing::add_to_linker::<_, Joins>(linker, |state| state)?
            }
            "concierge:objects/multipart" => {
                multipart::add_to_linker::<_, Joins>(linker, |state| state)?
            }
            _ => {}
        }
    }
    Ok(())
}
