//! The contract's records as JSON, both ways. Requests are refused for what is not known in them; answers have every
//! field, `null` where there is nothing.
//!
//! What is read is also what fingerprints are made of: written again, a request must come out the same however its
//! client spells it. A field that is added here changes the fingerprints of requests that are repeated across an update,
//! unless it is left out where it has its default.

pub mod hotel;
pub mod plan;
pub mod reservation;
pub mod stay;

use std::fmt;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{SerializeMap as _, Serializer};
use serde::{Deserialize, Serialize};

use super::checks::{CODE_CHARS_MAX, Checks, LIST_MAX, TEXT_CHARS_MAX, is_language};
use super::problem::Code;
use crate::bindings::concierge::booking::catalogue::{self, Date, Localised, TimeUs};
use crate::dates;

/// Money: minor units and their currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Cents of EUR, yen of JPY.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
}

impl Money {
    /// An amount of a currency.
    pub fn of(amount: catalogue::Money, currency: &str) -> Self {
        Self {
            amount,
            currency: currency.to_owned(),
        }
    }

    /// The amount, which must be of a currency.
    pub fn amount_in(&self, currency: &str, field: &str, checks: &mut Checks) -> catalogue::Money {
        if self.currency != currency {
            let detail = format!("The hotel's currency is {currency}.");
            checks.refuse(Code::Currency, format!("{field}.currency"), detail);
        }
        self.amount
    }
}

/// A date: `2026-12-24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day(pub Date);

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&dates::text(self.0))
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        dates::parse(&text).map(Self).map_err(D::Error::custom)
    }
}

/// A time, RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time(pub TimeUs);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&dates::time_text(self.0))
    }
}

/// A time of day, `15:00`, as minutes after midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay(pub u32);

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&dates::time_of_day_text(self.0))
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        dates::parse_time_of_day(&text)
            .map(Self)
            .ok_or_else(|| D::Error::custom("times of day are written HH:MM, as in 15:00"))
    }
}

/// A text in several languages: an object with the languages as names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts(Vec<(String, String)>);

impl Texts {
    /// From the contract's.
    pub fn of(texts: Vec<Localised>) -> Self {
        Self(
            texts
                .into_iter()
                .map(|one| (one.language, one.text))
                .collect(),
        )
    }

    /// To the contract's.
    pub fn checked(self, field: &str, checks: &mut Checks) -> Vec<Localised> {
        checks.count(field, self.0.len(), LIST_MAX);
        for (language, text) in &self.0 {
            checks.text(format!("{field}.{language}"), text, TEXT_CHARS_MAX);
        }
        let localised = |(language, text)| Localised { language, text };
        self.0.into_iter().map(localised).collect()
    }
}

impl Serialize for Texts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (language, text) in &self.0 {
            map.serialize_entry(language, text)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a text for each language")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
        let mut texts: Vec<(String, String)> = Vec::new();
        while let Some((language, text)) = map.next_entry::<String, String>()? {
            if !is_language(&language) {
                return Err(A::Error::custom(
                    "languages are written as in en or pt-br (BCP 47, lower case)",
                ));
            }
            if texts.iter().any(|(known, _)| *known == language) {
                return Err(A::Error::custom(format!("{language} is there twice")));
            }
            texts.push((language, text));
        }
        // Their order means nothing.
        texts.sort_unstable();
        Ok(Texts(texts))
    }
}

/// Checks a list of short words, and takes it.
pub fn words(list: Vec<String>, field: &str, checks: &mut Checks) -> Vec<String> {
    checks.count(field, list.len(), LIST_MAX);
    for (at, word) in list.iter().enumerate() {
        checks.needed(format!("{field}.{at}"), word, CODE_CHARS_MAX);
    }
    list
}
