//! Reservations that are due: holds that end, and steps of payments.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};

use super::{LONGEST_WAIT, PAUSE};
use crate::error::Error;
use crate::rules::action;
use crate::service::Booking;
use crate::store::{Due, Rule};
use crate::types::{Reservation, State, TimeUs};

/// Reservations looked at in one round.
const BATCH: usize = 64;
/// Of those, at once: a step waits for the payment provider.
const AT_ONCE: usize = 16;

pub(super) async fn run(booking: Arc<Booking>) {
    loop {
        let rings = booking.bells.due.notified();
        let wait = round(&booking).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "what is due");
            PAUSE
        });
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = rings => {}
        }
    }
}

/// Looks at what is due now; after how long something is due again.
///
/// # Errors
/// What the store says.
pub(crate) async fn round(booking: &Booking) -> Result<Duration, Error> {
    let now_us = booking.now_us();
    let soon_us = now_us.saturating_add(micros(LONGEST_WAIT));
    let due = booking.store.due(soon_us, BATCH).await?;
    let (ready, later): (Vec<_>, Vec<_>) = due.into_iter().partition(|due| due.due_us <= now_us);
    let more = ready.len() == BATCH;
    let looks = stream::iter(ready).map(|due| async move {
        let looked = look(booking, &due).await;
        if let Err(error) = &looked {
            tracing::warn!(hotel = %due.hotel, reservation = %due.reservation, %error, "what is due");
        }
        looked.is_ok()
    });
    let good = looks.buffer_unordered(AT_ONCE).all(async |good| good).await;
    Ok(match later.first() {
        _ if !good => PAUSE,
        _ if more => Duration::ZERO,
        Some(next) => Duration::from_micros(next.due_us.saturating_sub(now_us)),
        None => LONGEST_WAIT,
    })
}

async fn look(booking: &Booking, due: &Due) -> Result<(), Error> {
    let found = booking
        .store
        .reservation(&due.hotel, due.reservation)
        .await?;
    let Some(mut reservation) = found else {
        return Ok(());
    };
    let now_us = booking.now_us();
    if reservation.state == State::Held && reservation.hold_ends_us() <= now_us {
        reservation = expire(booking, &reservation, now_us).await?;
    }
    let steps = reservation.attempts.iter();
    let steps = steps.filter(|attempt| attempt.state.is_under_way() && attempt.due_us <= now_us);
    for attempt in steps {
        booking.due_step(&reservation, attempt.id).await?;
    }
    Ok(())
}

async fn expire(
    booking: &Booking,
    reservation: &Reservation,
    now_us: TimeUs,
) -> Result<Reservation, Error> {
    let known = booking.cache.known(&reservation.hotel).await?;
    let today = known.today(now_us);
    let rule: Rule = Arc::new(move |reservation| action::expire(reservation, now_us, today));
    let expired = booking
        .as_system(&reservation.hotel, reservation.id, rule)
        .await?;
    let next = expired.outcome?;
    if next.state == State::Expired {
        metrics::counter!("concierge_booking_reservations_total", "action" => "expire", "outcome" => "done")
            .increment(1);
    }
    booking.after_change(&next);
    Ok(next)
}

fn micros(duration: Duration) -> TimeUs {
    TimeUs::try_from(duration.as_micros()).unwrap_or(TimeUs::MAX)
}
