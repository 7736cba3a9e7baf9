//! A month of a hotel: what a night costs at least, and whether there is room.

use super::form::Address;
use super::hotel::{address, are_few};
use super::text::{Currency, Locale, dates, fill};
use super::visit::Visit;
use super::wish::Wish;
use crate::bindings::concierge::booking::availability::{CalendarNight, RoomTypeCalendar};
use crate::bindings::concierge::booking::catalogue::{Date, HotelDetails};
use crate::dates::{self as days, civil};
use crate::host::Host;

/// A month as a table of weeks.
pub(crate) struct Month {
    pub(crate) month: String,
    pub(crate) note: String,
    pub(crate) previous: Option<String>,
    pub(crate) previous_name: String,
    pub(crate) next: String,
    pub(crate) next_name: String,
    pub(crate) weekdays: Vec<dates::Weekday>,
    pub(crate) weeks: Vec<Vec<Option<Day>>>,
}

/// A day; its night is the one that begins on it.
pub(crate) struct Day {
    pub(crate) number: i8,
    pub(crate) class: String,
    pub(crate) cost: String,
    /// All of it in words.
    pub(crate) spoken: String,
    /// Where to arrive on this day.
    pub(crate) href: Option<String>,
    pub(crate) is_arrival: bool,
}

/// The month that was asked for, else the one of the arrival. `None` where the host cannot say: a page without a
/// calendar is of use, too.
pub(crate) async fn show<H: Host>(
    host: &H,
    visit: &Visit,
    details: &HotelDetails,
    wish: Wish,
) -> Option<Month> {
    let l = visit.locale;
    let first_month = days::Month::of(details.today);
    let asked = days::Month::parse(visit.query.get("month"))
        .unwrap_or_else(|_| days::Month::of(wish.arrival));
    let month = if asked.first < first_month.first {
        first_month
    } else {
        asked
    };
    let code = details.hotel.code.clone();
    let calendar = host
        .calendar(code, None, month.first, month.days)
        .await
        .ok()?;
    let view = View {
        l,
        details,
        wish,
        calendar: &calendar,
    };
    let href = |month: days::Month| {
        let page = wish.to_address(Address::to(address(&details.hotel.code)));
        format!("{}#calendar", page.with("month", &month.text()).finish())
    };
    let before = days::Month::of(month.first.saturating_sub(1));
    let after = days::Month::of(month.first.saturating_add_unsigned(month.days));
    let name = |month: days::Month| dates::month(l.t, civil(month.first));
    Some(Month {
        month: name(month),
        note: fill(l.t.calendar_note, &[("currency", &details.hotel.currency)]),
        previous: (month.first > first_month.first).then(|| href(before)),
        previous_name: name(before),
        next: href(after),
        next_name: name(after),
        weekdays: dates::weekdays(l.t),
        weeks: view.weeks(month),
    })
}

struct View<'a> {
    l: Locale,
    details: &'a HotelDetails,
    wish: Wish,
    calendar: &'a [RoomTypeCalendar],
}

impl View<'_> {
    fn weeks(&self, month: days::Month) -> Vec<Vec<Option<Day>>> {
        let lead = dates::weekday_index(civil(month.first));
        let mut cells: Vec<Option<Day>> = std::iter::repeat_with(|| None).take(lead).collect();
        for offset in 0..month.days {
            cells.push(Some(self.day(month.first.saturating_add_unsigned(offset))));
        }
        while !cells.len().is_multiple_of(7) {
            cells.push(None);
        }
        let mut weeks = Vec::new();
        let mut cells = cells.into_iter();
        loop {
            let week: Vec<_> = cells.by_ref().take(7).collect();
            if week.is_empty() {
                return weeks;
            }
            weeks.push(week);
        }
    }

    fn day(&self, date: Date) -> Day {
        let l = self.l;
        let number = civil(date).day();
        let in_words = l.date_long(date);
        let mut day = Day {
            number,
            class: "past".to_owned(),
            cost: String::new(),
            spoken: in_words.clone(),
            href: None,
            is_arrival: date == self.wish.arrival,
        };
        if date < self.details.today {
            return day;
        }
        let Some(Cheapest { price, left }) = self.cheapest(date) else {
            let sold_out = self.nights(date).any(|night| night.price.is_some());
            let (class, text) = if sold_out {
                ("sold", l.t.day_sold)
            } else {
                ("past", l.t.day_not_sold)
            };
            class.clone_into(&mut day.class);
            day.spoken = fill(text, &[("date", &in_words)]);
            return day;
        };
        let currency = Currency {
            code: &self.details.hotel.currency,
            digits: self.details.currency_digits,
        };
        let (class, text) = if are_few(left) {
            ("few", l.t.day_few)
        } else {
            ("free", l.t.day_free)
        };
        let full_price = l.money(price, currency);
        day.cost = l.money_rounded(price, currency);
        day.spoken = fill(
            text,
            &[
                ("date", &in_words),
                ("price", &full_price),
                ("left", &l.left(left)),
            ],
        );
        let stays = (self.wish.arrival..self.wish.departure).contains(&date);
        day.class = format!("{class}{}", if stays { " stay" } else { "" });
        day.href = Some(self.arrive_on(date));
        day
    }

    /// The nights of all room types that begin on a day.
    fn nights(&self, date: Date) -> impl Iterator<Item = &CalendarNight> {
        self.calendar
            .iter()
            .flat_map(|room_type| &room_type.nights)
            .filter(move |night| night.night == date)
    }

    /// The lowest price of what is free, and how many rooms are left in all.
    fn cheapest(&self, date: Date) -> Option<Cheapest> {
        let free = || {
            self.nights(date)
                .filter(|night| night.left > 0)
                .filter_map(|night| night.price.map(|price| (price, night.left)))
        };
        let price = free().map(|(price, _)| price).min()?;
        let left = free().fold(0_u32, |sum, (_, left)| sum.saturating_add(left));
        Some(Cheapest { price, left })
    }

    /// The same stay, but for its arrival.
    fn arrive_on(&self, date: Date) -> String {
        let wish = Wish {
            arrival: date,
            departure: date.saturating_add_unsigned(self.wish.nights()),
            ..self.wish
        };
        let page = Address::to(address(&self.details.hotel.code));
        format!("{}#rates", wish.to_address(page).finish())
    }
}

struct Cheapest {
    price: i64,
    left: u32,
}
