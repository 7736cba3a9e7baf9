//! The query string's parameters. All that is wrong with them is said at once.

use std::borrow::Cow;
use std::cell::RefCell;

use percent_encoding::percent_decode_str;

use super::problem::{Code, Problem};
use crate::bindings::concierge::booking::catalogue::Date;
use crate::dates;

/// Characters of one value.
const VALUE_CHARS_MAX: usize = 512;

/// The parameters of a request, taken one by one; those that nobody takes are not known.
#[derive(Debug)]
pub struct Query {
    pairs: RefCell<Vec<(String, String)>>,
    errors: RefCell<Vec<(Code, String, String)>>,
}

impl Query {
    /// Reads a query string (WHATWG URL, `application/x-www-form-urlencoded` parsing).
    pub fn parse(raw: Option<&str>) -> Self {
        let query = Self {
            pairs: RefCell::default(),
            errors: RefCell::default(),
        };
        for piece in raw
            .unwrap_or("")
            .split('&')
            .filter(|piece| !piece.is_empty())
        {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            match (decoded(name), decoded(value)) {
                (Some(name), Some(value)) => query.push(name, value),
                (name, _) => query.refuse(&name.unwrap_or_default(), "It is not UTF-8."),
            }
        }
        query
    }

    fn push(&self, name: String, value: String) {
        if self.pairs.borrow().iter().any(|(known, _)| *known == name) {
            self.refuse(&name, "It was sent more than once.");
        } else if value.chars().count() > VALUE_CHARS_MAX {
            let detail = format!("It is longer than {VALUE_CHARS_MAX} characters.");
            self.errors
                .borrow_mut()
                .push((Code::TooLarge, name.clone(), detail));
            self.pairs.borrow_mut().push((name, String::new()));
        } else {
            self.pairs.borrow_mut().push((name, value));
        }
    }

    /// Says that a parameter is wrong.
    pub fn refuse(&self, name: &str, detail: impl Into<String>) {
        self.refuse_as(Code::Malformed, name, detail);
    }

    /// Says that a parameter is wrong in a way of its own.
    pub fn refuse_as(&self, code: Code, name: &str, detail: impl Into<String>) {
        let error = (code, name.to_owned(), detail.into());
        self.errors.borrow_mut().push(error);
    }

    /// A parameter's value; an empty one is none.
    pub fn text(&self, name: &str) -> Option<String> {
        let mut pairs = self.pairs.borrow_mut();
        let at = pairs.iter().position(|(known, _)| known == name)?;
        Some(pairs.swap_remove(at).1).filter(|value| !value.is_empty())
    }

    /// A number within bounds.
    pub fn number(&self, name: &str, bounds: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let text = self.text(name)?;
        let number = digits(&text).and_then(|digits| digits.parse().ok());
        let number = number.filter(|number| bounds.contains(number));
        if number.is_none() {
            let (least, most) = bounds.into_inner();
            self.refuse(name, format!("It is a number from {least} to {most}."));
        }
        number
    }

    /// A number without bounds but its type's.
    pub fn long(&self, name: &str) -> Option<u64> {
        let text = self.text(name)?;
        let number = digits(&text).and_then(|digits| digits.parse().ok());
        if number.is_none() {
            self.refuse(name, "It is a number.");
        }
        number
    }

    /// An amount of money in minor units.
    pub fn amount(&self, name: &str) -> Option<i64> {
        let number = self.long(name)?;
        let amount = i64::try_from(number);
        if amount.is_err() {
            self.refuse(name, "It is an amount in minor units of the currency.");
        }
        amount.ok()
    }

    /// Degrees of latitude or longitude.
    pub fn degrees(&self, name: &str, most: f64) -> Option<f64> {
        let text = self.text(name)?;
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+'));
        let degrees: Option<f64> = plain.then(|| text.parse().ok()).flatten();
        let degrees = degrees.filter(|degrees| degrees.abs() <= most);
        if degrees.is_none() {
            self.refuse(name, format!("It is degrees from -{most} to {most}."));
        }
        degrees
    }

    /// A date.
    pub fn date(&self, name: &str) -> Option<Date> {
        let text = self.text(name)?;
        match dates::parse(&text) {
            Ok(date) => Some(date),
            Err(detail) => {
                self.refuse(name, detail);
                None
            }
        }
    }

    /// A date that must be there; the epoch where it is wrong, which nobody sees.
    pub fn needed_date(&self, name: &str) -> Date {
        let known = self
            .pairs
            .borrow()
            .iter()
            .any(|(known, value)| known == name && !value.is_empty());
        if !known {
            self.refuse(name, "It is needed.");
        }
        self.date(name).unwrap_or_default()
    }

    /// Nothing more will be taken: what is left is not known.
    pub fn finish(self) -> Result<(), Problem> {
        for (name, _) in self.pairs.take() {
            self.refuse(&name, "There is no such parameter.");
        }
        match Problem::fields(self.errors.take()) {
            Some(problem) => Err(problem),
            None => Ok(()),
        }
    }
}

fn decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .ok()
        .map(Cow::into_owned)
}

fn digits(text: &str) -> Option<&str> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(raw: &str, take: impl Fn(&Query)) -> Vec<(String, String)> {
        let query = Query::parse(Some(raw));
        take(&query);
        let Err(problem) = query.finish() else {
            return vec![];
        };
        let document: serde_json::Value = serde_json::from_slice(problem.reply().body()).unwrap();
        let errors = document["errors"].as_array().unwrap().iter();
        errors
            .map(|error| {
                let text = |name: &str| error[name].as_str().unwrap().to_owned();
                (text("field"), text("reason"))
            })
            .collect()
    }

    #[test]
    fn values_are_decoded() {
        let query = Query::parse(Some("a=1&b=c+d%20%C3%A9&e=&&f"));
        assert_eq!(query.number("a", 0..=9), Some(1));
        assert_eq!(query.text("b").as_deref(), Some("c d é"));
        assert_eq!(query.text("e"), None);
        assert_eq!(query.text("f"), None);
        assert_eq!(query.finish(), Ok(()));
        assert_eq!(Query::parse(None).finish(), Ok(()));
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let errors = wrong("n=-1&n2=4294967296&x=1&d=2026-02-30&bad=%ff", |query| {
            query.number("n", 0..=9);
            query.number("n2", 0..=u32::MAX);
            query.date("d");
        });
        let malformed = |name: &str| (name.to_owned(), "malformed".to_owned());
        assert_eq!(errors, ["bad", "n", "n2", "d", "x"].map(malformed).to_vec());
    }

    #[test]
    fn numbers_are_digits() {
        for bad in [
            "+1",
            "1.0",
            "1e1",
            "0x1",
            " 1",
            "１",
            "NaN",
            "99999999999999999999999",
        ] {
            let raw = format!("n={}", bad.replace('+', "%2B"));
            assert_eq!(
                wrong(&raw, |query| {
                    query.long("n");
                })
                .len(),
                1,
                "{bad}"
            );
        }
    }

    #[test]
    fn degrees_are_finite_and_on_the_earth() {
        for bad in ["NaN", "inf", "-inf", "90.1", "1e1", "", "--1", "."] {
            let query = Query::parse(Some(&format!("lat={bad}")));
            assert_eq!(query.degrees("lat", 90.0), None, "{bad}");
        }
        let query = Query::parse(Some("lat=-89.5"));
        assert_eq!(query.degrees("lat", 90.0), Some(-89.5));
    }

    #[test]
    fn twice_and_too_long_are_refused() {
        let long = format!("a={}", "x".repeat(VALUE_CHARS_MAX + 1));
        let taken = |query: &Query| {
            query.text("a");
        };
        assert_eq!(wrong("a=1&a=1", taken)[0].0, "a");
        assert_eq!(wrong(&long, taken), [("a".into(), "too_large".into())]);
    }
}
