//! Letters to guests, in the guest's language: English, or German for those who read it.
//!
//! They are written inside rules, so everything that is not in the reservation comes with a [`Desk`].

mod calendar;

use std::fmt::Write;
use std::sync::Arc;

use crate::store::Mail;
use crate::types::{Date, Guest, Hotel, MailId, Money, Reservation, State, Stay, TimeUs, Waiting};
use calendar::Method;

/// What a letter is written with. Made once an operation, so that a rule which runs twice writes the same letter.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    /// The hotel.
    pub(crate) hotel: Arc<Hotel>,
    /// The mail's id.
    pub(crate) mail: MailId,
    /// When it is written.
    pub(crate) now_us: TimeUs,
}

#[derive(Clone, Copy)]
enum Language {
    English,
    German,
}

impl Language {
    fn of(guest: &Guest) -> Self {
        let primary = guest.language.split('-').next().unwrap_or("");
        match primary.eq_ignore_ascii_case("de") {
            true => Self::German,
            false => Self::English,
        }
    }
}

impl Desk {
    /// A desk for one letter.
    pub(crate) fn new(hotel: Arc<Hotel>, now_us: TimeUs) -> Self {
        Self {
            hotel,
            mail: MailId::generate(),
            now_us,
        }
    }

    /// The confirmation, with the stay for the guest's calendar.
    pub(crate) fn confirmation(&self, reservation: &Reservation) -> Mail {
        let (subject, opening) = match Language::of(&reservation.guest) {
            Language::English => ("Your booking is confirmed", "your booking is confirmed."),
            Language::German => ("Ihre Buchung ist bestätigt", "Ihre Buchung ist bestätigt."),
        };
        self.about(reservation, subject, opening, Some(Method::Publish))
    }

    /// What follows from an action that gave `next`: a letter about a change or a cancellation of what was confirmed.
    pub(crate) fn about_action(&self, before: State, next: &Reservation) -> Option<Mail> {
        if before != State::Confirmed {
            return None;
        }
        let language = Language::of(&next.guest);
        let (subject, opening, method) = match (next.state, language) {
            (State::Confirmed, Language::English) => (
                "Your booking was changed",
                "your booking was changed. This is how it is now.",
                Method::Publish,
            ),
            (State::Confirmed, Language::German) => (
                "Ihre Buchung wurde geändert",
                "Ihre Buchung wurde geändert. So ist sie jetzt.",
                Method::Publish,
            ),
            (State::Cancelled, Language::English) => (
                "Your booking is cancelled",
                "your booking is cancelled.",
                Method::Cancel,
            ),
            (State::Cancelled, Language::German) => (
                "Ihre Buchung ist storniert",
                "Ihre Buchung ist storniert.",
                Method::Cancel,
            ),
            _ => return None,
        };
        Some(self.about(next, subject, opening, Some(method)))
    }

    /// There is room for someone who waits.
    pub(crate) fn room_is_free(&self, waiting: &Waiting) -> Mail {
        let language = Language::of(&waiting.guest);
        let hotel = &self.hotel.name;
        let (subject, opening) = match language {
            Language::English => (
                format!("There is room at {hotel}"),
                "the rooms that you wait for are free now. They are not kept for you: book soon.",
            ),
            Language::German => (
                format!("Bei {hotel} ist etwas frei"),
                "die Zimmer, auf die Sie warten, sind jetzt frei. Sie werden nicht für Sie gehalten: buchen Sie bald.",
            ),
        };
        let mut text = greeting(language, &waiting.guest.name, opening);
        stay_lines(&mut text, language, &waiting.stay);
        self.sign(&mut text);
        self.mail(&waiting.guest, subject, text, String::new())
    }

    fn about(
        &self,
        reservation: &Reservation,
        subject: &str,
        opening: &str,
        method: Option<Method>,
    ) -> Mail {
        let guest = &reservation.guest;
        let language = Language::of(guest);
        let mut text = greeting(language, &guest.name, opening);
        let code = match language {
            Language::English => "Booking code",
            Language::German => "Buchungscode",
        };
        row(&mut text, code, reservation.code.as_str());
        stay_lines(&mut text, language, &reservation.stay);
        for room in &reservation.price.rooms {
            let name = format!("{}, {}", room.room_type_name, room.rate_plan_name);
            row(&mut text, word(language, "Room", "Zimmer"), &name);
        }
        self.money_lines(&mut text, language, reservation);
        self.sign(&mut text);
        let calendar = method.map_or_else(String::new, |method| {
            calendar::event(
                reservation,
                &self.hotel,
                &self.hotel.name,
                method,
                self.now_us,
            )
        });
        let subject = format!("{subject}: {}, {}", self.hotel.name, reservation.code);
        self.mail(guest, subject, text, calendar)
    }

    fn money_lines(&self, text: &mut String, language: Language, reservation: &Reservation) {
        let price = &reservation.price;
        let show = |amount| money(language, amount, price.currency_digits, &price.currency);
        row(text, word(language, "Total", "Gesamt"), &show(price.total));
        if reservation.state == State::Cancelled {
            let label = word(language, "Cancellation fee", "Stornogebühr");
            row(text, label, &show(reservation.fee));
        } else {
            let from = minutes(self.hotel.check_in_from_min);
            let until = minutes(self.hotel.check_out_until_min);
            row(text, word(language, "Check-in from", "Anreise ab"), &from);
            row(
                text,
                word(language, "Check-out until", "Abreise bis"),
                &until,
            );
        }
    }

    fn sign(&self, text: &mut String) {
        let hotel = &self.hotel;
        let address = &hotel.address;
        let town = format!("{} {}", address.postal_code, address.city);
        text.push('\n');
        for line in [&hotel.name, &address.street, &town, &hotel.phone] {
            if !line.trim().is_empty() {
                text.push_str(line.trim());
                text.push('\n');
            }
        }
    }

    fn mail(&self, guest: &Guest, subject: String, text: String, calendar: String) -> Mail {
        Mail {
            id: self.mail,
            from: self.hotel.email.clone(),
            from_name: self.hotel.name.clone(),
            to: guest.email.clone(),
            to_name: guest.name.clone(),
            subject,
            text,
            calendar,
        }
    }
}

fn greeting(language: Language, name: &str, opening: &str) -> String {
    match language {
        Language::English => format!("Dear {name},\n\n{opening}\n\n"),
        Language::German => format!("Guten Tag {name},\n\n{opening}\n\n"),
    }
}

fn stay_lines(text: &mut String, language: Language, stay: &Stay) {
    let arrival = long_date(language, stay.arrival);
    let departure = long_date(language, stay.departure);
    row(text, word(language, "Arrival", "Anreise"), &arrival);
    row(text, word(language, "Departure", "Abreise"), &departure);
}

fn row(text: &mut String, label: &str, value: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{label}: {value}");
}

fn word(language: Language, english: &'static str, german: &'static str) -> &'static str {
    match language {
        Language::English => english,
        Language::German => german,
    }
}

/// `15:00`.
fn minutes(minutes: u32) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// `Thursday, 24 December 2026`; `Donnerstag, 24. Dezember 2026`.
fn long_date(language: Language, date: Date) -> String {
    let (year, month, day, weekday) = date.parts();
    let (days, months, point) = match language {
        Language::English => (DAYS_ENGLISH, MONTHS_ENGLISH, ""),
        Language::German => (DAYS_GERMAN, MONTHS_GERMAN, "."),
    };
    let weekday = days.get(weekday).copied().unwrap_or("");
    let month = months.get(month.saturating_sub(1)).copied().unwrap_or("");
    format!("{weekday}, {day}{point} {month} {year}")
}

/// An amount of minor units, as the language writes it: `1,234.50 EUR`, `1.234,50 EUR`.
fn money(language: Language, amount: Money, digits: u32, currency: &str) -> String {
    let (thousands, point) = match language {
        Language::English => (',', '.'),
        Language::German => ('.', ','),
    };
    let unit = 10_u64.saturating_pow(digits);
    let size = amount.unsigned_abs();
    let whole = (size / unit).to_string();
    let mut text = String::new();
    if amount < 0 {
        text.push('-');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(thousands);
        }
        text.push(digit);
    }
    if digits > 0 {
        let width = digits as usize;
        // Writing to a string does not fail.
        let _ = write!(text, "{point}{:0width$}", size % unit);
    }
    text + " " + currency
}

const DAYS_ENGLISH: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
const DAYS_GERMAN: [&str; 7] = [
    "Montag",
    "Dienstag",
    "Mittwoch",
    "Donnerstag",
    "Freitag",
    "Samstag",
    "Sonntag",
];
const MONTHS_ENGLISH: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const MONTHS_GERMAN: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_as_the_language_does() {
        for (amount, digits, english, german) in [
            (123_450, 2, "1,234.50 X", "1.234,50 X"),
            (5, 2, "0.05 X", "0,05 X"),
            (1_234_567, 0, "1,234,567 X", "1.234.567 X"),
            (-1_234, 3, "-1.234 X", "-1,234 X"),
        ] {
            assert_eq!(money(Language::English, amount, digits, "X"), english);
            assert_eq!(money(Language::German, amount, digits, "X"), german);
        }
    }

    #[test]
    fn dates_are_written_as_the_language_does() {
        let date = "2026-12-24".parse().unwrap();
        assert_eq!(
            long_date(Language::English, date),
            "Thursday, 24 December 2026"
        );
        assert_eq!(
            long_date(Language::German, date),
            "Donnerstag, 24. Dezember 2026"
        );
    }
}
