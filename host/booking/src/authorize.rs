//! Who may do what: the only place that decides it.
//!
//! - Administrators may do everything.
//! - Accounts of the role staff do the work of the hotels that list them.
//! - A guest shows the token of a reservation, and may see it, pay for it, change and cancel it.
//! - A stranger is told that there is no such reservation, never that there is one which is not for him.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use concierge_identity::{AccountId, Principal, Role};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::error::Error;
use crate::store::Who;
use crate::types::{
    AttemptState, Caller, Catalogue, Payment, Reservation, ReservationId, ReservationView, State,
    TimeUs,
};

/// Begins each guest token.
const GUEST_TOKEN_PREFIX: &str = "gt_";
/// Characters of a guest token after its beginning: 132 bits.
const GUEST_TOKEN_CHARS: usize = 22;

/// How a caller stands to a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// It is the guest's own.
    Guest,
    /// The caller works at the hotel.
    Staff(AccountId),
}

impl Access {
    /// The access of those who work at the hotel.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for the guest.
    pub(crate) fn staff(self) -> Result<(), Error> {
        match self {
            Self::Staff(_) => Ok(()),
            Self::Guest => Err(Error::Forbidden),
        }
    }

    pub(crate) fn who(self) -> Who {
        match self {
            Self::Guest => Who::Guest,
            Self::Staff(account) => Who::Account(account),
        }
    }
}

/// Knows the secret of guest tokens, and decides.
pub(crate) struct Gate {
    secret: [u8; 32],
}

impl Gate {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// What the guest of a reservation shows.
    pub(crate) fn guest_token(&self, id: ReservationId) -> String {
        let tag = hmac_sha256(&self.secret, id.0.as_bytes());
        let mut token = GUEST_TOKEN_PREFIX.to_owned();
        token.extend(URL_SAFE_NO_PAD.encode(tag).chars().take(GUEST_TOKEN_CHARS));
        token
    }

    /// How a caller stands to a reservation of a hotel.
    ///
    /// # Errors
    /// [`Error::NotFound`] for strangers.
    pub(crate) fn reservation(
        &self,
        caller: &Caller,
        catalogue: &Catalogue,
        id: ReservationId,
    ) -> Result<Access, Error> {
        let access = match caller {
            Caller::Anyone => None,
            Caller::Guest(token) => {
                let good = self.guest_token(id);
                let same = bool::from(good.as_bytes().ct_eq(token.as_bytes()));
                same.then_some(Access::Guest)
            }
            Caller::Account(principal) => {
                works_at(principal, catalogue).then_some(Access::Staff(principal.account))
            }
        };
        access.ok_or_else(|| Error::NotFound("reservation".to_owned()))
    }

    /// A reservation as it is shown. `with_token`: to someone who may have the guest's token.
    pub(crate) fn view(
        &self,
        reservation: &Reservation,
        now_us: TimeUs,
        with_token: bool,
    ) -> ReservationView {
        let ended = !reservation.state.is_live();
        let unpaid = reservation.state == State::Held
            && !reservation.attempts.iter().any(|attempt| {
                matches!(
                    attempt.state,
                    AttemptState::Capturing | AttemptState::Captured
                )
            });
        let fee = match reservation.state {
            _ if ended => reservation.fee,
            // What is not paid costs nothing to give up.
            _ if unpaid => 0,
            _ => reservation.price.cancellation_fee(now_us),
        };
        let held = reservation.state == State::Held;
        ReservationView {
            id: reservation.id,
            code: reservation.code.clone(),
            hotel: reservation.hotel.clone(),
            hotel_name: reservation.hotel_name.clone(),
            state: reservation.state,
            stay: reservation.stay.clone(),
            price: reservation.price.clone(),
            guest: reservation.guest.clone(),
            created_us: reservation.created_us,
            changed_us: reservation.changed_us,
            hold_expires_us: held.then_some(reservation.hold_expires_us),
            payment: Payment::of(reservation),
            cancellation_fee: fee,
            free_until_us: reservation.price.free_until_us(),
            version: reservation.version,
            guest_token: match with_token {
                true => self.guest_token(reservation.id),
                false => String::new(),
            },
        }
    }
}

/// An account that may do the work of a hotel.
///
/// # Errors
/// [`Error::Unauthorized`] without an account, [`Error::Forbidden`] with another.
pub(crate) fn staff(caller: &Caller, catalogue: &Catalogue) -> Result<Who, Error> {
    let principal = account(caller)?;
    match works_at(principal, catalogue) {
        true => Ok(Who::Account(principal.account)),
        false => Err(Error::Forbidden),
    }
}

/// An administrator.
///
/// # Errors
/// As [`staff`].
pub(crate) fn administrator(caller: &Caller) -> Result<Who, Error> {
    let principal = account(caller)?;
    match principal.is_administrator() {
        true => Ok(Who::Account(principal.account)),
        false => Err(Error::Forbidden),
    }
}

/// Whether a caller does the work of a hotel.
pub(crate) fn is_staff(caller: &Caller, catalogue: &Catalogue) -> bool {
    staff(caller, catalogue).is_ok()
}

/// The account that calls.
///
/// # Errors
/// [`Error::Unauthorized`] without one.
pub(crate) fn account(caller: &Caller) -> Result<&Principal, Error> {
    match caller {
        Caller::Account(principal) => Ok(principal),
        Caller::Anyone | Caller::Guest(_) => Err(Error::Unauthorized),
    }
}

/// Whose idempotency keys a caller uses: the account's, else those of a guest's cookie, else anyone's. The scope that a
/// client chooses can never be an account's.
pub(crate) fn scope(caller: &Caller, chosen: &str) -> String {
    match caller {
        Caller::Account(principal) => format!("account:{}", principal.account),
        Caller::Anyone | Caller::Guest(_) => format!("guest:{chosen}"),
    }
}

fn works_at(principal: &Principal, catalogue: &Catalogue) -> bool {
    match principal.role {
        Role::Administrator => true,
        Role::Staff => catalogue.staff.contains(&principal.account),
        Role::User => false,
    }
}

/// HMAC-SHA256 of a message.
#[allow(
    clippy::expect_used,
    reason = "HMAC takes keys of any length (RFC 2104 §3)"
)]
pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length is good");
    mac.update(message);
    mac.finalize().into_bytes().into()
}
