//! Telling those who wait that there is room, in the order in which they came.
//!
//! Who is told has a head start of an hour: so long the rooms that were told of count as taken, and those after are not
//! told of the same ones.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::LONGEST_WAIT;
use crate::cache::Known;
use crate::error::Error;
use crate::letters::Desk;
use crate::service::{Booking, Free};
use crate::types::{Date, HotelCode, TimeUs, US_PER_S, Waiting};

/// The head start of who was told, microseconds.
pub(crate) const HEAD_START_US: TimeUs = 3_600 * US_PER_S;
/// Places of a list looked at: who comes after so many waits for them to be done.
const LOOKED_AT_MAX: usize = 2_000;
/// Places read at once.
const PAGE: usize = 200;

pub(super) async fn run(booking: Arc<Booking>) {
    // What happened while no host was there.
    for entry in booking.cache.all().iter() {
        let code = entry.known().catalogue.hotel.code.clone();
        booking.bells.waiting.add(code);
    }
    // When hotels are to be looked at again.
    let mut again: BTreeMap<HotelCode, TimeUs> = BTreeMap::new();
    loop {
        let rings = booking.bells.waiting.bell.notified();
        let now_us = booking.now_us();
        let mut hotels = booking.bells.waiting.take();
        hotels.extend(
            again
                .extract_if(.., |_, at_us| *at_us <= now_us)
                .map(|(hotel, _)| hotel),
        );
        for hotel in hotels {
            match tell(&booking, &hotel).await {
                Ok(None) => {}
                Ok(Some(at_us)) => {
                    again.insert(hotel, at_us);
                }
                Err(error) => {
                    tracing::warn!(%hotel, %error, "the waiting list");
                    again.insert(hotel, now_us.saturating_add(US_PER_S));
                }
            }
        }
        let next_us = again.values().min().copied().unwrap_or(TimeUs::MAX);
        let wait = Duration::from_micros(next_us.saturating_sub(booking.now_us()));
        tokio::select! {
            () = tokio::time::sleep(wait.min(LONGEST_WAIT)) => {}
            () = rings => {}
        }
    }
}

/// Tells those of a hotel for whom there is room now; when to look again, if someone has a head start before others.
///
/// # Errors
/// What the store says.
pub(crate) async fn tell(booking: &Booking, hotel: &HotelCode) -> Result<Option<TimeUs>, Error> {
    let now_us = booking.now_us();
    let known = booking.cache.known(hotel).await?;
    let list = list(booking, hotel, known.today(now_us), now_us).await?;
    let someone_waits = list.iter().any(|waiting| waiting.told_us.is_none());
    let (Some(first), Some(end)) = (
        list.iter().map(|waiting| waiting.stay.arrival).min(),
        list.iter().map(|waiting| waiting.stay.departure).max(),
    ) else {
        return Ok(None);
    };
    if !someone_waits || !known.catalogue.hotel.open {
        return Ok(None);
    }
    let nights = u32::try_from(end.since(first)).unwrap_or(0);
    let nights = booking.store.nights(hotel, first, nights).await?;
    let mut free = Free::of(&known, &nights);
    // First those who have a head start.
    let told = list
        .iter()
        .filter_map(|waiting| Some((waiting, waiting.told_us?)));
    let mut again_us = TimeUs::MAX;
    for (waiting, told_us) in told {
        if free.fits(&waiting.stay) {
            free.take(&waiting.stay);
            again_us = again_us.min(told_us.saturating_add(HEAD_START_US));
        }
    }
    let mut passed_over = false;
    for waiting in list.iter().filter(|waiting| waiting.told_us.is_none()) {
        if free.fits(&waiting.stay) {
            free.take(&waiting.stay);
            tell_one(booking, &known, waiting, now_us).await?;
            again_us = again_us.min(now_us.saturating_add(HEAD_START_US));
        } else {
            passed_over = true;
        }
    }
    Ok((passed_over && again_us != TimeUs::MAX).then_some(again_us))
}

/// Those who wait for a stay that can still be, and those who have a head start.
async fn list(
    booking: &Booking,
    hotel: &HotelCode,
    today: Date,
    now_us: TimeUs,
) -> Result<Vec<Waiting>, Error> {
    let mut list = Vec::new();
    let mut after = None;
    while list.len() < LOOKED_AT_MAX {
        let page = booking.store.waiting_list(hotel, after, PAGE).await?;
        let full = page.len() == PAGE;
        after = page.last().map(|waiting| waiting.id);
        list.extend(page.into_iter().filter(|waiting| {
            let told_us = waiting.told_us;
            let heads =
                told_us.is_none_or(|told_us| now_us < told_us.saturating_add(HEAD_START_US));
            heads && waiting.stay.arrival >= today
        }));
        if !full {
            break;
        }
    }
    Ok(list)
}

async fn tell_one(
    booking: &Booking,
    known: &Known,
    waiting: &Waiting,
    now_us: TimeUs,
) -> Result<(), Error> {
    let hotel = &known.catalogue.hotel;
    let mail = Desk::new(Arc::clone(hotel), now_us).room_is_free(waiting);
    let told = booking
        .store
        .tell_waiting(hotel.code.clone(), waiting.id, mail, now_us)
        .await?;
    if told {
        booking.bells.mails.notify_one();
        metrics::counter!("concierge_booking_waiting_told_total").increment(1);
    }
    Ok(())
}
