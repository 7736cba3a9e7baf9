//! The waiting list: who wants rooms that are sold out.

use super::{Booking, not_found};
use crate::authorize;
use crate::cache::Known;
use crate::error::{Conflict, Error};
use crate::rules::price::{self, Prices};
use crate::rules::{check, limits};
use crate::store::Nights;
use crate::types::{Caller, Delta, Idempotency, Request, Stay, Waiting, WaitingId, sellable};

/// Most places of a page.
const WAITING_MAX: u32 = 200;

impl Booking {
    /// Waits for rooms: when they become free, those who wait are told by mail in the order in which they came. Only for
    /// stays that are sold out.
    ///
    /// # Errors
    /// [`Conflict::Available`] where there is room; [`Error::KeyReused`].
    pub async fn wait(
        &self,
        hotel: &str,
        request: Request,
        idempotency: Idempotency,
        client: &str,
    ) -> Result<Waiting, Error> {
        let (hotel, known) = self.open(hotel).await?;
        self.writes.enter(hotel.as_str())?;
        let key = self.claim(&Caller::Anyone, &idempotency)?;
        check::guest(&request.guest)?;
        let stay = request.stay;
        let today = self.today(&known);
        limits::check_stay(&known.catalogue, &stay, today)?;
        let nights = self
            .store
            .nights(&hotel, stay.arrival, stay.nights())
            .await?;
        price::price_stay(&known.catalogue, &Prices::of(&nights), &stay, today)?;
        if Free::of(&known, &nights).fits(&stay) {
            let text = "There is room: book it.".to_owned();
            return Err(Error::Conflict(Conflict::Available, text));
        }
        tracing::debug!(%hotel, client, "wait");
        let waiting = Waiting {
            id: WaitingId::generate(),
            stay,
            guest: request.guest,
            created_us: key.at_us,
            told_us: None,
        };
        self.store.wait(hotel, waiting, key.claim).await
    }

    /// The waiting list in its order. Staff.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unauthorized`] or [`Error::Forbidden`].
    pub async fn waiting_list(
        &self,
        caller: &Caller,
        hotel: &str,
        after: Option<&str>,
        max: u32,
    ) -> Result<Vec<Waiting>, Error> {
        authorize::account(caller)?;
        let (hotel, known) = self.known(hotel).await?;
        authorize::staff(caller, &known.catalogue)?;
        let after = after.map(|id| id.parse().map_err(|_| not_found("waiting")));
        let max = max.clamp(1, WAITING_MAX) as usize;
        self.store
            .waiting_list(&hotel, after.transpose()?, max)
            .await
    }
}

/// What is free on some nights, to be given out in thought.
pub(crate) struct Free<'k> {
    known: &'k Known,
    left: std::collections::HashMap<(crate::types::RoomTypeCode, crate::types::Date), i64>,
}

impl<'k> Free<'k> {
    /// What is free of a hotel's nights that were read.
    pub(crate) fn of(known: &'k Known, nights: &Nights) -> Self {
        let rows = nights.rows.iter().map(|row| {
            let left = i64::from(row.sellable) - i64::from(row.reserved);
            ((row.room_type.clone(), row.night), left)
        });
        Self {
            known,
            left: rows.collect(),
        }
    }

    /// Whether there is room for a stay, whose nights were read.
    pub(crate) fn fits(&self, stay: &Stay) -> bool {
        let taken = price::taken(stay);
        taken
            .iter()
            .all(|delta| self.left(delta) >= i64::from(delta.rooms))
    }

    /// Gives its rooms to a stay.
    pub(crate) fn take(&mut self, stay: &Stay) {
        for delta in price::taken(stay) {
            let left = self.left(&delta) - i64::from(delta.rooms);
            self.left.insert((delta.room_type, delta.night), left);
        }
    }

    fn left(&self, delta: &Delta) -> i64 {
        let place = (delta.room_type.clone(), delta.night);
        self.left.get(&place).copied().unwrap_or_else(|| {
            let catalogue = &self.known.catalogue;
            let kind = catalogue.room_type(&delta.room_type);
            kind.map_or(0, |kind| {
                i64::from(sellable(kind.rooms, catalogue.hotel.overbooking_percent))
            })
        })
    }
}
