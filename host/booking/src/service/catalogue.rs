//! Hotels, to be read: the interface `catalogue`.

use super::Booking;
use crate::authorize;
use crate::cache::Known;
use crate::error::Error;
use crate::types::{Caller, HotelDetails, HotelPage, TimeUs};

/// Most hotels of a page.
const HOTELS_MAX: u32 = 200;
/// Most hotels looked at for a page, where many are not open. The page may then be short, and says where to go on.
const LOOKED_AT_MAX: usize = 2_000;

impl Booking {
    /// A hotel that is open, with what it has.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn hotel(&self, hotel: &str) -> Result<HotelDetails, Error> {
        let (_, known) = self.open(hotel).await?;
        Ok(details(&known, self.now_us()))
    }

    /// A hotel with what it has, open or not. Staff.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unauthorized`] or [`Error::Forbidden`].
    pub async fn hotel_for_staff(
        &self,
        caller: &Caller,
        hotel: &str,
    ) -> Result<HotelDetails, Error> {
        authorize::account(caller)?;
        let (_, known) = self.known(hotel).await?;
        authorize::staff(caller, &known.catalogue)?;
        Ok(details(&known, self.now_us()))
    }

    /// Hotels that are open, in the order of their codes after `after`, at most `max` (up to 200). Staff see those that
    /// are not open, too.
    ///
    /// # Errors
    /// What the store says.
    pub async fn hotels(&self, caller: &Caller, after: &str, max: u32) -> Result<HotelPage, Error> {
        let max = max.clamp(1, HOTELS_MAX) as usize;
        let mut page = HotelPage::default();
        let mut after = after.to_owned();
        let mut looked_at = 0;
        while looked_at < LOOKED_AT_MAX {
            let codes = self.store.hotels(&after, max).await?;
            let last_page = codes.len() < max;
            for code in codes {
                after = code.to_string();
                looked_at += 1;
                let known = self.cache.known(&code).await?;
                let shown =
                    known.catalogue.hotel.open || authorize::is_staff(caller, &known.catalogue);
                if !shown {
                    continue;
                }
                page.hotels.push(known.catalogue.hotel.clone());
                if page.hotels.len() == max {
                    page.next = Some(after);
                    return Ok(page);
                }
            }
            if last_page {
                return Ok(page);
            }
        }
        page.next = Some(after);
        Ok(page)
    }
}

fn details(known: &Known, now_us: TimeUs) -> HotelDetails {
    let catalogue = &known.catalogue;
    HotelDetails {
        hotel: catalogue.hotel.clone(),
        room_types: catalogue.room_types.clone(),
        rate_plans: catalogue.rate_plans.clone(),
        currency_digits: known.currency_digits,
        today: known.today(now_us),
    }
}
