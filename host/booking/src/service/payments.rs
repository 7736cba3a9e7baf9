//! Payments: the interface `payments`, and the steps of the saga ([`crate::rules::saga`]).

use std::sync::Arc;
use std::time::Duration;

use super::Booking;
use crate::authorize::Access;
use crate::error::{Error, Reason};
use crate::letters::Desk;
use crate::payment::{Order, ProviderError};
use crate::rules::check::METHOD_MAX_BYTES;
use crate::rules::saga::{self, Standing, Step};
use crate::store::{ClaimedKey, Decided, Rule, Transition, Who};
use crate::types::{
    Attempt, AttemptId, AttemptState, Caller, DecidedView, HotelCode, Idempotency, Reservation,
    ReservationId,
};

/// Longest notice of a provider, bytes.
const NOTICE_MAX_BYTES: usize = 64 << 10;
/// From so many tries of one step on, each is worth a look.
const TRIES_WORTH_A_LOOK: u32 = 10;

impl Booking {
    /// Pays for a reservation that is held. The payment's state in the outcome says whether the reservation is confirmed
    /// (authorised or captured), was declined, or is pending: the provider is waited for a while only. The payment goes
    /// on when the caller goes away.
    ///
    /// # Errors
    /// What was not decided on the tables; what was is in the outcome.
    pub async fn pay(
        self: &Arc<Self>,
        caller: &Caller,
        hotel: &str,
        reservation: &str,
        method: &str,
        idempotency: Idempotency,
        client: &str,
    ) -> Result<DecidedView, Error> {
        let (_, found, access) = self.accessible(caller, hotel, reservation).await?;
        self.writes.enter(found.hotel.as_str())?;
        check_method(method)?;
        let key = self.claim(caller, &idempotency)?;
        let decided = {
            let claim = &key.claim;
            let hotel = found.hotel.as_str();
            let _under_way = self.keys.enter(hotel, &claim.scope, &claim.key)?;
            let decided = self.begin(&found, access, method, &key).await?;
            match decided.now {
                true => self.first_step(decided).await?,
                false => self.as_it_is_now(decided).await?,
            }
        };
        tracing::debug!(hotel, client, now = decided.now, "pay");
        Ok(self.decided(decided, access == Access::Guest))
    }

    /// Writes the attempt down, with its first step as taken.
    async fn begin(
        &self,
        found: &Reservation,
        access: Access,
        method: &str,
        key: &ClaimedKey,
    ) -> Result<Decided, Error> {
        let now_us = self.now_us();
        let (attempt, method) = (AttemptId::generate(), method.to_owned());
        let rule: Rule =
            Arc::new(move |reservation| saga::begin(reservation, attempt, &method, now_us));
        let transition = Transition {
            hotel: found.hotel.clone(),
            reservation: found.id,
            catalogue_version: None,
            key: Some(key.clone()),
            who: access.who(),
            now_us,
            rule,
        };
        let changed = self.store.change(transition).await?;
        // It names no version, which could have changed.
        changed.map_err(|_| Error::Internal)
    }

    /// Takes the first step of an attempt that was just written down, and waits for it for a while.
    async fn first_step(self: &Arc<Self>, mut decided: Decided) -> Result<Decided, Error> {
        let Ok(reservation) = &decided.outcome else {
            return Ok(decided);
        };
        let Some(attempt) = reservation.attempts.last().cloned() else {
            return Ok(decided);
        };
        let (booking, begun) = (Arc::clone(self), reservation.clone());
        let step = self
            .runtime
            .spawn(async move { booking.take_step(&begun, &attempt).await });
        let waited = tokio::time::timeout(self.options.payment_wait, step).await;
        match waited {
            Ok(Ok(Ok(Some(next)))) => decided.outcome = Ok(next),
            // It is pending; the work behind goes on with it.
            Ok(Ok(Ok(None))) | Err(_) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "a payment's step"),
            Ok(Err(error)) => tracing::error!(%error, "a payment's step"),
        }
        Ok(decided)
    }

    /// The outcome of a payment that came before under the same key: what became of its attempt. While that is open, and
    /// no answer was given, the first request is as if it still ran.
    async fn as_it_is_now(&self, mut decided: Decided) -> Result<Decided, Error> {
        let (Ok(then), None) = (&decided.outcome, &decided.answer) else {
            return Ok(decided);
        };
        let Some(attempt) = then.attempts.last().map(|attempt| attempt.id) else {
            return Ok(decided);
        };
        let found = self.store.reservation(&then.hotel, then.id).await?;
        let Some(found) = found else {
            return Ok(decided);
        };
        let state = found.attempt(attempt).map(|attempt| attempt.state);
        if state == Some(AttemptState::Authorising) {
            return Err(Error::KeyInUse);
        }
        decided.outcome = Ok(found);
        Ok(decided)
    }

    /// What the payment provider tells of its own accord.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] where the signature is not the provider's.
    pub async fn notify(&self, body: &[u8], signature: &str) -> Result<(), Error> {
        if body.len() > NOTICE_MAX_BYTES {
            let detail = format!("At most {NOTICE_MAX_BYTES} bytes.");
            return Err(Error::invalid("body", Reason::TooLarge, detail));
        }
        let notice = self.provider.read_notice(body, signature);
        let notice = notice.ok_or(Error::Unauthorized)?;
        count("notice", &notice.standing);
        self.learn(
            &notice.hotel,
            notice.reservation,
            notice.attempt,
            notice.standing,
        )
        .await?;
        Ok(())
    }

    /// Takes the step of an attempt that is due, unless another host has taken it.
    pub(crate) async fn due_step(
        &self,
        reservation: &Reservation,
        attempt: AttemptId,
    ) -> Result<(), Error> {
        let now_us = self.now_us();
        let rule: Rule = Arc::new(move |reservation| saga::take(reservation, attempt, now_us));
        let taken = self
            .as_system(&reservation.hotel, reservation.id, rule)
            .await?;
        // Someone else has it.
        let Ok(taken) = taken.outcome else {
            return Ok(());
        };
        let Some(attempt) = taken.attempt(attempt).cloned() else {
            return Ok(());
        };
        if attempt.tries >= TRIES_WORTH_A_LOOK {
            let (id, tries) = (attempt.id, attempt.tries);
            tracing::warn!(reservation = %taken.id, attempt = %id, tries, "a payment does not come to its end");
        }
        self.take_step(&taken, &attempt).await?;
        Ok(())
    }

    /// Asks the provider for the step that is written down, and writes down what follows. `None`: nothing does yet.
    async fn take_step(
        &self,
        reservation: &Reservation,
        attempt: &Attempt,
    ) -> Result<Option<Reservation>, Error> {
        let Some(step) = saga::step(attempt) else {
            return Ok(None);
        };
        let asked = self.ask(reservation, attempt, step);
        let standing = match within(self.options.provider_timeout, asked).await {
            Ok(standing) => standing,
            Err(error) => {
                tracing::warn!(reservation = %reservation.id, attempt = %attempt.id, ?step, %error, "a payment's step");
                return Ok(None);
            }
        };
        count(name(step), &standing);
        let (hotel, id) = (&reservation.hotel, reservation.id);
        self.learn(hotel, id, attempt.id, standing).await.map(Some)
    }

    async fn ask(
        &self,
        reservation: &Reservation,
        attempt: &Attempt,
        step: Step,
    ) -> Result<Standing, ProviderError> {
        let order = Order {
            attempt: attempt.id,
            hotel: reservation.hotel.clone(),
            reservation: reservation.id,
            amount: attempt.amount,
            currency: reservation.price.currency.clone(),
            method: attempt.method.clone(),
        };
        match step {
            Step::Authorise => self.provider.authorise(&order).await,
            Step::Status => match self.provider.status(attempt.id).await? {
                // The first request was lost on its way.
                Standing::Unknown => self.provider.authorise(&order).await,
                standing => Ok(standing),
            },
            Step::Capture => self.provider.capture(attempt.id).await,
            Step::Void => self.provider.void(attempt.id).await,
            Step::Refund(refunded) => self.provider.refund(attempt.id, refunded).await,
        }
    }

    /// Writes down what follows from the provider's word; gives the reservation as it is then.
    async fn learn(
        &self,
        hotel: &HotelCode,
        reservation: ReservationId,
        attempt: AttemptId,
        standing: Standing,
    ) -> Result<Reservation, Error> {
        let known = self.cache.known(hotel).await?;
        let now_us = self.now_us();
        let desk = Desk::new(Arc::clone(&known.catalogue.hotel), now_us);
        let rule: Rule = Arc::new(move |reservation| {
            let letter = |next: &Reservation| Some(desk.confirmation(next));
            saga::learn(reservation, attempt, &standing, now_us, &letter)
        });
        let learnt = self.as_system(hotel, reservation, rule).await?;
        let next = learnt.outcome?;
        self.after_change(&next);
        Ok(next)
    }

    /// Changes a reservation of the host's own accord.
    pub(crate) async fn as_system(
        &self,
        hotel: &HotelCode,
        reservation: ReservationId,
        rule: Rule,
    ) -> Result<Decided, Error> {
        let transition = Transition {
            hotel: hotel.clone(),
            reservation,
            catalogue_version: None,
            key: None,
            who: Who::System,
            now_us: self.now_us(),
            rule,
        };
        let changed = self.store.change(transition).await?;
        // It names no version, which could have changed.
        changed.map_err(|_| Error::Internal)
    }
}

async fn within(
    limit: Duration,
    asked: impl Future<Output = Result<Standing, ProviderError>>,
) -> Result<Standing, ProviderError> {
    let late = |_| ProviderError(format!("not within {} s", limit.as_secs_f32()));
    tokio::time::timeout(limit, asked).await.map_err(late)?
}

fn check_method(method: &str) -> Result<(), Error> {
    let plain = method.bytes().all(|b| b.is_ascii_graphic());
    match !method.is_empty() && method.len() <= METHOD_MAX_BYTES && plain {
        true => Ok(()),
        false => {
            let detail = format!("It has 1 to {METHOD_MAX_BYTES} printable characters of ASCII.");
            Err(Error::invalid("method", Reason::Malformed, detail))
        }
    }
}

fn name(step: Step) -> &'static str {
    match step {
        Step::Authorise => "authorise",
        Step::Status => "status",
        Step::Capture => "capture",
        Step::Void => "void",
        Step::Refund(_) => "refund",
    }
}

fn count(step: &'static str, standing: &Standing) {
    let standing = match standing {
        Standing::Unknown => "unknown",
        Standing::Pending => "pending",
        Standing::Authorised => "authorised",
        Standing::Declined(_) => "declined",
        Standing::Captured { .. } => "captured",
        Standing::Voided => "voided",
    };
    metrics::counter!("concierge_booking_payments_total", "step" => step, "answer" => standing)
        .increment(1);
}
