//! What a stay costs, line by line: `_price.html`.

use super::text::{Currency, Locale, fill};
use crate::bindings::concierge::booking::availability::{Price, PricedRoom};
use crate::bindings::concierge::booking::catalogue::{Money, TimeUs};

/// A price for people.
pub(crate) struct PriceTable {
    pub(crate) rooms: Vec<PriceRoom>,
    pub(crate) total: String,
}

/// A room, or several that are alike.
pub(crate) struct PriceRoom {
    pub(crate) title: String,
    pub(crate) plan: String,
    pub(crate) lines: Vec<PriceLine>,
}

/// An amount and what it is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PriceLine {
    pub(crate) label: String,
    pub(crate) amount: String,
}

/// The currency of a price.
pub(crate) fn currency(price: &Price) -> Currency<'_> {
    Currency {
        code: &price.currency,
        digits: price.currency_digits,
    }
}

impl PriceTable {
    pub(crate) fn of(l: Locale, price: &Price) -> Self {
        let currency = currency(price);
        let mut rooms = Vec::new();
        let mut rest = price.rooms.as_slice();
        while let [first, ..] = rest {
            let alike = rest
                .iter()
                .take_while(|room| are_alike(room, first))
                .count();
            rooms.push(PriceRoom::of(l, first, alike, currency));
            rest = rest.get(alike..).unwrap_or_default();
        }
        Self {
            rooms,
            total: l.money(price.total, currency),
        }
    }
}

/// Rooms that differ in nothing that is shown.
fn are_alike(one: &PricedRoom, other: &PricedRoom) -> bool {
    one.room.room_type == other.room.room_type
        && one.room.rate_plan == other.room.rate_plan
        && one.nights == other.nights
        && one.tax == other.tax
        && one.city_tax == other.city_tax
}

impl PriceRoom {
    fn of(l: Locale, room: &PricedRoom, count: usize, currency: Currency<'_>) -> Self {
        let times = Money::try_from(count).unwrap_or(Money::MAX);
        let title = if count == 1 {
            room.room_type_name.clone()
        } else {
            format!("{count} × {}", room.room_type_name)
        };
        let mut lines: Vec<PriceLine> = nights(&room.nights)
            .into_iter()
            .map(|(count, night)| PriceLine {
                label: format!(
                    "{} × {}",
                    l.nights(count),
                    l.money(night.saturating_mul(times), currency)
                ),
                amount: l.money(
                    night
                        .saturating_mul(Money::from(count))
                        .saturating_mul(times),
                    currency,
                ),
            })
            .collect();
        for (label, amount) in [(l.t.tax, room.tax), (l.t.city_tax, room.city_tax)] {
            if amount != 0 {
                lines.push(PriceLine {
                    label: label.to_owned(),
                    amount: l.money(amount.saturating_mul(times), currency),
                });
            }
        }
        Self {
            title,
            plan: room.rate_plan_name.clone(),
            lines,
        }
    }
}

/// Nights with the same price after one another: how many, and the price of one.
fn nights(prices: &[Money]) -> Vec<(u32, Money)> {
    let mut runs: Vec<(u32, Money)> = Vec::new();
    for price in prices {
        match runs.last_mut() {
            Some((count, known)) if known == price => *count += 1,
            _ => runs.push((1, *price)),
        }
    }
    runs
}

/// What cancelling costs, in words, and how it is shown.
pub(crate) struct Policy {
    pub(crate) text: String,
    pub(crate) class: &'static str,
}

impl Policy {
    /// `fee` is what it costs when it is not free (any more).
    pub(crate) fn of(
        l: Locale,
        free_until_us: Option<TimeUs>,
        fee: Money,
        currency: Currency<'_>,
        zone: &str,
        now_us: TimeUs,
    ) -> Self {
        let costs = l.money(fee, currency);
        let Some(until) = free_until_us.filter(|until| *until > now_us) else {
            return Self {
                text: fill(l.t.policy_never_free, &[("fee", &costs)]),
                class: "strict",
            };
        };
        let moment = l.moment(until, zone);
        let mut text = fill(l.t.policy_free_until, &[("moment", &moment)]);
        text.push('.');
        if fee > 0 {
            text.push(' ');
            text.push_str(&fill(l.t.policy_after, &[("fee", &costs)]));
        }
        Self {
            text,
            class: "kind",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::concierge::booking::availability::Room;
    use crate::pages::language::Language;

    fn room(room_type: &str, nights: &[Money]) -> PricedRoom {
        PricedRoom {
            room: Room {
                room_type: room_type.to_owned(),
                rate_plan: "flex".to_owned(),
                adults: 2,
                children: 0,
            },
            room_type_name: room_type.to_owned(),
            rate_plan_name: "Flexible".to_owned(),
            nights: nights.to_vec(),
            tax: 700,
            city_tax: 0,
        }
    }

    #[test]
    fn nights_and_rooms_that_are_alike_are_one_line() {
        let price = Price {
            currency: "EUR".to_owned(),
            currency_digits: 2,
            rooms: vec![
                room("double", &[10_000, 10_000, 12_000]),
                room("double", &[10_000, 10_000, 12_000]),
                room("single", &[8_000, 8_000, 8_000]),
            ],
            total: 90_100,
        };
        let table = PriceTable::of(Locale::of(Language::English), &price);
        let [double, single] = table.rooms.as_slice() else {
            panic!("{} rooms", table.rooms.len());
        };
        assert_eq!(double.title, "2 × double");
        let lines: Vec<_> = double
            .lines
            .iter()
            .map(|line| (line.label.as_str(), line.amount.as_str()))
            .collect();
        assert_eq!(
            lines,
            [
                ("2 nights × €200.00", "€400.00"),
                ("1 night × €240.00", "€240.00"),
                ("Taxes", "€14.00"),
            ]
        );
        assert_eq!(single.lines.len(), 2);
        assert_eq!(table.total, "€901.00");
    }

    #[test]
    fn free_cancellation_that_is_over_is_not_promised() {
        let l = Locale::of(Language::English);
        let euro = Currency {
            code: "EUR",
            digits: 2,
        };
        let at = |now| {
            Policy::of(
                l,
                Some(1_796_121_000_000_000),
                9_900,
                euro,
                "Europe/Berlin",
                now,
            )
        };
        assert!(
            at(1_796_120_000_000_000)
                .text
                .contains("until Tue 1 Dec 2026, 11:30")
        );
        assert_eq!(at(1_796_121_000_000_000).text, "Cancelling costs €99.00.");
        assert_eq!(at(1_796_121_000_000_000).class, "strict");
    }
}
