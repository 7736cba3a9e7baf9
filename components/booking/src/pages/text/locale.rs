//! A language, and what it makes of the contract's values.

use super::{ENGLISH, GERMAN, Messages, dates, fill, money};
use crate::bindings::concierge::booking::availability::Stay;
use crate::bindings::concierge::booking::catalogue::{Date, Localised, Money, TimeUs};
use crate::pages::language::Language;

/// The language of a page, with its texts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Locale {
    pub(crate) language: Language,
    pub(crate) t: &'static Messages,
}

/// A currency: its code, and how many digits it has after the point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Currency<'a> {
    pub(crate) code: &'a str,
    pub(crate) digits: u32,
}

impl Locale {
    /// The texts of a language.
    pub(crate) fn of(language: Language) -> Self {
        let t = match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        };
        Self { language, t }
    }

    pub(crate) fn money(self, amount: Money, currency: Currency<'_>) -> String {
        money::money(self.language, amount, currency.code, currency.digits)
    }

    pub(crate) fn money_rounded(self, amount: Money, currency: Currency<'_>) -> String {
        money::money_rounded(self.language, amount, currency.digits)
    }

    pub(crate) fn date(self, date: Date) -> String {
        dates::short(self.language, self.t, date)
    }

    pub(crate) fn date_long(self, date: Date) -> String {
        dates::long(self.language, self.t, date)
    }

    /// The dates of a stay: `Thu 24 Dec 2026 – Sun 27 Dec 2026`.
    pub(crate) fn dates(self, arrival: Date, departure: Date) -> String {
        format!("{} – {}", self.date(arrival), self.date(departure))
    }

    /// A moment in the zone of a place.
    pub(crate) fn moment(self, at_us: TimeUs, zone: &str) -> String {
        dates::moment(self.language, self.t, at_us, zone)
    }

    pub(crate) fn nights(self, n: u32) -> String {
        counted(n, self.t.nights_one, self.t.nights_many)
    }

    pub(crate) fn rooms(self, n: u32) -> String {
        counted(n, self.t.rooms_one, self.t.rooms_many)
    }

    pub(crate) fn guests(self, n: u32) -> String {
        counted(n, self.t.guests_one, self.t.guests_many)
    }

    pub(crate) fn minutes(self, n: u32) -> String {
        counted(n, self.t.minutes_one, self.t.minutes_many)
    }

    pub(crate) fn seconds(self, n: u32) -> String {
        counted(n, self.t.seconds_one, self.t.seconds_many)
    }

    pub(crate) fn left(self, n: u32) -> String {
        counted(n, self.t.left_one, self.t.left_many)
    }

    /// `2 adults, 1 child`.
    pub(crate) fn party(self, adults: u32, children: u32) -> String {
        let adults = counted(adults, self.t.adults_one, self.t.adults_many);
        if children == 0 {
            return adults;
        }
        let children = counted(children, self.t.children_one, self.t.children_many);
        format!("{adults}, {children}")
    }

    /// Everyone in a stay, and in how many rooms: `2 adults, 1 room, 3 nights`.
    pub(crate) fn stay(self, stay: &Stay) -> String {
        let adults = stay.rooms.iter().map(|room| room.adults).sum();
        let children = stay.rooms.iter().map(|room| room.children).sum();
        let rooms = u32::try_from(stay.rooms.len()).unwrap_or(u32::MAX);
        let nights = stay.departure.abs_diff(stay.arrival);
        format!(
            "{}, {}, {}",
            self.party(adults, children),
            self.rooms(rooms),
            self.nights(nights)
        )
    }

    /// The text of a hotel in this language; else in English; else the first there is.
    pub(crate) fn localised(self, texts: &[Localised]) -> &str {
        let wanted = texts
            .iter()
            .find(|text| Language::from_tag(&text.language) == Some(self.language));
        let english = || {
            texts
                .iter()
                .find(|text| Language::from_tag(&text.language) == Some(Language::English))
        };
        wanted
            .or_else(english)
            .or_else(|| texts.first())
            .map_or("", |text| text.text.as_str())
    }
}

fn counted(n: u32, one: &str, many: &str) -> String {
    if n == 1 {
        one.to_owned()
    } else {
        fill(many, &[("n", &n.to_string())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        let english = Locale::of(Language::English);
        assert_eq!(english.party(1, 0), "1 adult");
        assert_eq!(english.party(2, 1), "2 adults, 1 child");
        assert_eq!(english.nights(0), "0 nights");
        assert_eq!(Locale::of(Language::German).nights(3), "3 Nächte");
    }

    #[test]
    fn a_text_in_the_language_of_the_page_comes_before_english_and_english_before_others() {
        let text = |language: &str| Localised {
            language: language.to_owned(),
            text: language.to_owned(),
        };
        let german = Locale::of(Language::German);
        assert_eq!(german.localised(&[text("en"), text("de-at")]), "de-at");
        assert_eq!(german.localised(&[text("fr"), text("en")]), "en");
        assert_eq!(german.localised(&[text("fr"), text("it")]), "fr");
        assert_eq!(german.localised(&[]), "");
    }
}
