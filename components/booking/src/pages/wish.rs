//! What a guest looks for: dates, guests and rooms, as a form has them.

use super::form::{Address, Form};
use super::text::{Locale, dates, fill};
use super::view::FieldProblem;
use super::visit::Visit;
use crate::bindings::concierge::booking::availability::{Room, Stay};
use crate::bindings::concierge::booking::catalogue::Date;
use crate::dates::{parse, text};

/// Rooms that can be asked for here at once; groups with more call the hotel.
pub(crate) const MAX_ROOMS: u32 = 9;

/// Adults, and children, that can be asked for here at once.
pub(crate) const MAX_GUESTS: u32 = 36;

/// Days ahead that the date fields offer; the host decides.
const AHEAD_DAYS: i32 = 3 * 365;

/// Adults, where nobody has said how many.
const USUAL_ADULTS: u32 = 2;

/// Dates, guests and rooms that go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) arrival: Date,
    pub(crate) departure: Date,
    pub(crate) rooms: u32,
    pub(crate) adults: u32,
    pub(crate) children: u32,
}

impl Wish {
    /// What is looked for where nobody has said anything: the next weekend, for two.
    pub(crate) fn usual(today: Date) -> Self {
        let (arrival, departure) = dates::next_weekend(today);
        Self {
            arrival,
            departure,
            rooms: 1,
            adults: USUAL_ADULTS,
            children: 0,
        }
    }

    /// Reads a form. What is missing but for the dates is as usual.
    pub(crate) fn read(l: Locale, form: &Form) -> Result<Self, Vec<FieldProblem>> {
        let t = l.t;
        let mut problems = Vec::new();
        let mut wrong = |id, text: &str| {
            problems.push(FieldProblem {
                id,
                text: text.to_owned(),
            });
        };
        let arrival = parse(form.get("arrival")).ok();
        let departure = parse(form.get("departure")).ok();
        if arrival.is_none() {
            wrong("arrival", t.wrong_arrival);
        }
        match (arrival, departure) {
            (_, None) => wrong("departure", t.wrong_departure),
            (Some(arrival), Some(departure)) if departure <= arrival => {
                wrong("departure", t.wrong_dates_order);
            }
            _ => {}
        }
        let rooms = counted(form, "rooms", 1, 1..=MAX_ROOMS);
        if rooms.is_none() {
            wrong(
                "rooms",
                &fill(t.wrong_rooms, &[("n", &MAX_ROOMS.to_string())]),
            );
        }
        let children = counted(form, "children", 0, 0..=MAX_GUESTS);
        if children.is_none() {
            wrong("children", t.wrong_children);
        }
        let adults = counted(form, "adults", USUAL_ADULTS, 1..=MAX_GUESTS)
            .filter(|adults| adults + children.unwrap_or(0) >= rooms.unwrap_or(1));
        if adults.is_none() {
            wrong("adults", t.wrong_adults);
        }
        match (arrival, departure, rooms, adults, children) {
            (Some(arrival), Some(departure), Some(rooms), Some(adults), Some(children))
                if problems.is_empty() =>
            {
                Ok(Self {
                    arrival,
                    departure,
                    rooms,
                    adults,
                    children,
                })
            }
            _ => Err(problems),
        }
    }

    /// How many nights.
    pub(crate) fn nights(self) -> u32 {
        self.departure.abs_diff(self.arrival)
    }

    /// The stay in rooms of one type: guests are spread evenly, and where that does not come out even, adults fill the
    /// first rooms and children the last.
    pub(crate) fn stay(self, room_type: &str, rate_plan: &str) -> Stay {
        let rooms = (0..self.rooms)
            .map(|room| Room {
                room_type: room_type.to_owned(),
                rate_plan: rate_plan.to_owned(),
                adults: share(self.adults, self.rooms, room),
                children: share(self.children, self.rooms, self.rooms - 1 - room),
            })
            .collect();
        Stay {
            arrival: self.arrival,
            departure: self.departure,
            rooms,
        }
    }

    /// Adds it to an address.
    pub(crate) fn to_address(self, address: Address) -> Address {
        self.fields()
            .into_iter()
            .fold(address, |address, (name, value)| address.with(name, &value))
    }

    /// Its fields.
    pub(crate) fn fields(self) -> [(&'static str, String); 5] {
        [
            ("arrival", text(self.arrival)),
            ("departure", text(self.departure)),
            ("adults", self.adults.to_string()),
            ("children", self.children.to_string()),
            ("rooms", self.rooms.to_string()),
        ]
    }

    /// In words: `Fri 4 Dec 2026 – Sun 6 Dec 2026 · 2 adults · 1 room · 2 nights`.
    pub(crate) fn summary(self, l: Locale) -> String {
        [
            l.dates(self.arrival, self.departure),
            l.party(self.adults, self.children),
            l.rooms(self.rooms),
            l.nights(self.nights()),
        ]
        .join(" · ")
    }
}

/// A number of a form: the usual one where there is none; `None`: it is none, or out of bounds.
fn counted(
    form: &Form,
    name: &str,
    usual: u32,
    bounds: std::ops::RangeInclusive<u32>,
) -> Option<u32> {
    if form.get(name).is_empty() {
        return Some(usual);
    }
    form.number(name).filter(|number| bounds.contains(number))
}

/// The share of one of so many, of which the first get one more where it does not come out even.
fn share(all: u32, among: u32, place: u32) -> u32 {
    let among = among.max(1);
    all / among + u32::from(place < all % among)
}

/// The fields of a stay in a page: `_stay_form.html`'s `s`.
pub(crate) struct StayForm {
    pub(crate) with_place: bool,
    pub(crate) place: String,
    pub(crate) arrival: String,
    pub(crate) departure: String,
    pub(crate) adults: String,
    pub(crate) children: String,
    pub(crate) rooms: String,
    pub(crate) first_date: String,
    pub(crate) last_date: String,
    pub(crate) max_rooms: u32,
    pub(crate) max_adults: u32,
    pub(crate) max_children: u32,
    pub(crate) button: &'static str,
    problems: Vec<FieldProblem>,
}

impl StayForm {
    /// Filled with a wish.
    pub(crate) fn of(wish: Wish, now_us: u64, button: &'static str) -> Self {
        let [arrival, departure, adults, children, rooms] = wish.fields().map(|(_, value)| value);
        let first = Visit::earliest_today(now_us);
        Self {
            with_place: false,
            place: String::new(),
            arrival,
            departure,
            adults,
            children,
            rooms,
            first_date: text(first),
            last_date: text(first.saturating_add(AHEAD_DAYS)),
            max_rooms: MAX_ROOMS,
            max_adults: MAX_GUESTS,
            max_children: MAX_GUESTS,
            button,
            problems: Vec::new(),
        }
    }

    /// Filled with what was typed, and with what is wrong with it.
    #[must_use]
    pub(crate) fn typed(mut self, form: &Form, problems: &[FieldProblem]) -> Self {
        for (name, value) in [
            ("arrival", &mut self.arrival),
            ("departure", &mut self.departure),
            ("adults", &mut self.adults),
            ("children", &mut self.children),
            ("rooms", &mut self.rooms),
        ] {
            if let Some(typed) = form.find(name) {
                typed.clone_into(value);
            }
        }
        self.problems = problems.to_vec();
        self
    }

    /// With a field for the place.
    #[must_use]
    pub(crate) fn with_place(mut self, place: &str) -> Self {
        self.with_place = true;
        place.clone_into(&mut self.place);
        self
    }

    /// What is wrong with a field.
    pub(crate) fn error(&self, id: &str) -> Option<&str> {
        self.problems
            .iter()
            .find(|problem| problem.id == id)
            .map(|problem| problem.text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::language::Language;

    fn read(query: &str) -> Result<Wish, Vec<&'static str>> {
        Wish::read(Locale::of(Language::English), &Form::parse(query))
            .map_err(|problems| problems.into_iter().map(|problem| problem.id).collect())
    }

    #[test]
    fn what_is_not_said_is_as_usual() {
        let wish = read("arrival=2026-12-24&departure=2026-12-27").unwrap();
        assert_eq!((wish.rooms, wish.adults, wish.children), (1, 2, 0));
        assert_eq!(wish.nights(), 3);
    }

    #[test]
    fn what_cannot_be_is_refused_beside_its_field() {
        let dates = "arrival=2026-12-24&departure=2026-12-27";
        for (query, fields) in [
            ("", vec!["arrival", "departure"]),
            ("arrival=2026-12-24", vec!["departure"]),
            ("arrival=2026-02-30&departure=2026-03-02", vec!["arrival"]),
            ("arrival=2026-12-24&departure=2026-12-24", vec!["departure"]),
            (&format!("{dates}&rooms=0"), vec!["rooms"]),
            (&format!("{dates}&rooms=10&adults=20"), vec!["rooms"]),
            (&format!("{dates}&adults=0"), vec!["adults"]),
            (&format!("{dates}&adults=-1"), vec!["adults"]),
            (&format!("{dates}&adults=2&rooms=3"), vec!["adults"]),
            (&format!("{dates}&children=x"), vec!["children"]),
            (&format!("{dates}&children=99999999999"), vec!["children"]),
        ] {
            assert_eq!(read(query), Err(fields), "{query}");
        }
    }

    #[test]
    fn guests_are_spread_evenly_and_nobody_is_lost() {
        for (rooms, adults, children) in [(1, 2, 1), (2, 3, 1), (3, 7, 2), (9, 36, 36), (2, 1, 1)] {
            let wish = Wish {
                arrival: 0,
                departure: 1,
                rooms,
                adults,
                children,
            };
            let stay = wish.stay("double", "flex");
            let count = |of: fn(&Room) -> u32| stay.rooms.iter().map(of).collect::<Vec<_>>();
            for (spread, all) in [
                (count(|room| room.adults), adults),
                (count(|room| room.children), children),
            ] {
                assert_eq!(spread.iter().sum::<u32>(), all);
                assert!(spread.iter().max().unwrap() - spread.iter().min().unwrap() <= 1);
            }
            assert!(
                stay.rooms
                    .iter()
                    .all(|room| room.adults + room.children > 0)
            );
        }
    }

    #[test]
    fn a_wish_survives_its_address() {
        let wish =
            read("arrival=2026-12-24&departure=2026-12-27&rooms=2&adults=3&children=1").unwrap();
        let address = wish.to_address(Address::to("")).finish();
        assert_eq!(read(address.trim_start_matches('?')), Ok(wish));
    }
}
