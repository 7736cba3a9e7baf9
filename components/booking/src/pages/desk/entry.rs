//! Reservations as the front desk sees them, with what can be done with each.

use crate::bindings::concierge::booking::availability::Stay;
use crate::bindings::concierge::booking::catalogue::Date;
use crate::bindings::concierge::booking::reservations::{Reservation, State};
use crate::host::Host;
use crate::pages::decide::{self, KEY_FIELD};
use crate::pages::price::currency;
use crate::pages::reservation;
use crate::pages::route::DeskAct;
use crate::pages::text::{Locale, fill};

/// A list of reservations: `_desk_list.html`.
pub(super) struct List {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) empty: &'static str,
    pub(super) count: usize,
    pub(super) entries: Vec<Entry>,
    /// There are more than are shown.
    pub(super) more: bool,
}

/// A reservation in a list.
pub(super) struct Entry {
    pub(super) guest: String,
    pub(super) code: String,
    pub(super) guests: String,
    pub(super) rooms: String,
    pub(super) dates: String,
    pub(super) notes: String,
    pub(super) total: String,
    pub(super) payment: String,
    pub(super) state: &'static str,
    pub(super) state_class: &'static str,
    pub(super) main_actions: Vec<Action>,
    /// What cannot be taken back.
    pub(super) grave_actions: Vec<Action>,
}

/// A button.
pub(super) struct Action {
    pub(super) href: String,
    pub(super) text: &'static str,
    pub(super) warning: String,
    pub(super) hidden: Vec<(&'static str, String)>,
}

/// What entries have in common.
pub(super) struct Desk<'a, H> {
    pub(super) host: &'a H,
    pub(super) l: Locale,
    pub(super) today: Date,
    /// The day and the search that the page shows, to come back to.
    pub(super) back: &'a [(&'static str, String)],
}

impl<H: Host> Desk<'_, H> {
    pub(super) fn entry(&self, r: &Reservation) -> Entry {
        let l = self.l;
        let (state, state_class) = reservation::state(l, r.state);
        let (main, grave) = possible(r.state, &r.stay, self.today);
        let actions = |acts: &[DeskAct]| acts.iter().map(|act| self.action(r, *act)).collect();
        Entry {
            guest: r.guest.name.clone(),
            code: r.code.clone(),
            guests: l.stay(&r.stay),
            rooms: rooms(r),
            dates: l.dates(r.stay.arrival, r.stay.departure),
            notes: r.guest.notes.clone(),
            total: l.money(r.price.total, currency(&r.price)),
            payment: reservation::payment(l, r),
            state,
            state_class,
            main_actions: actions(main),
            grave_actions: actions(grave),
        }
    }

    fn action(&self, r: &Reservation, act: DeskAct) -> Action {
        let t = self.l.t;
        let (text, warning) = match act {
            DeskAct::CheckIn => (t.desk_check_in, String::new()),
            DeskAct::CheckOut => (t.desk_check_out, String::new()),
            DeskAct::NoShow => (t.desk_no_show, t.desk_no_show_warning.to_owned()),
            DeskAct::Cancel => {
                let fee = self.l.money(r.cancellation_fee, currency(&r.price));
                (t.desk_cancel, fill(t.desk_cancel_warning, &[("fee", &fee)]))
            }
        };
        let mut hidden = self.back.to_vec();
        hidden.push(("version", r.version.to_string()));
        hidden.push((KEY_FIELD, decide::new_key(self.host)));
        Action {
            href: format!(
                "/booking/desk/{}/reservations/{}/{}",
                r.hotel,
                r.id,
                act.name()
            ),
            text,
            warning,
            hidden,
        }
    }
}

/// What is offered for a reservation: what is done every day, and what cannot be taken back. The host decides.
fn possible(state: State, stay: &Stay, today: Date) -> (&'static [DeskAct], &'static [DeskAct]) {
    let has_come = stay.arrival <= today;
    let is_over = stay.departure <= today;
    match state {
        State::Confirmed if is_over => (&[], &[DeskAct::NoShow]),
        State::Confirmed if has_come => (&[DeskAct::CheckIn], &[DeskAct::NoShow, DeskAct::Cancel]),
        State::Confirmed | State::Held => (&[], &[DeskAct::Cancel]),
        State::CheckedIn => (&[DeskAct::CheckOut], &[]),
        State::CheckedOut | State::Cancelled | State::NoShow | State::Expired => (&[], &[]),
    }
}

/// The rooms of a reservation: `2 × Double, Single`.
fn rooms(r: &Reservation) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for room in &r.price.rooms {
        let name = room.room_type_name.as_str();
        match counts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => counts.push((name, 1)),
        }
    }
    let named: Vec<String> = counts
        .into_iter()
        .map(|(name, count)| match count {
            1 => name.to_owned(),
            count => format!("{count} × {name}"),
        })
        .collect();
    named.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_fits_the_state_and_the_day() {
        let stay = Stay {
            arrival: 10,
            departure: 12,
            rooms: Vec::new(),
        };
        let offered = |state, today| possible(state, &stay, today);
        assert_eq!(
            offered(State::Confirmed, 9),
            (&[][..], &[DeskAct::Cancel][..])
        );
        assert_eq!(offered(State::Confirmed, 10).0, [DeskAct::CheckIn]);
        assert_eq!(offered(State::Confirmed, 11).0, [DeskAct::CheckIn]);
        assert_eq!(
            offered(State::Confirmed, 12),
            (&[][..], &[DeskAct::NoShow][..])
        );
        assert_eq!(
            offered(State::CheckedIn, 11),
            (&[DeskAct::CheckOut][..], &[][..])
        );
        assert_eq!(offered(State::Cancelled, 10), (&[][..], &[][..]));
    }
}
