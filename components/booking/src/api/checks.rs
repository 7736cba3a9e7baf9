//! What a type cannot say of a value: how long a text is, and of which characters. What is a matter of hotels (dates,
//! guests, prices) is the host's to say.

use super::problem::{Code, Problem};

/// Characters of a name of a person or a thing.
pub const NAME_CHARS_MAX: usize = 200;
/// Characters of one line: a street, what the beds are.
pub const LINE_CHARS_MAX: usize = 200;
/// Characters of a longer text: a description.
pub const TEXT_CHARS_MAX: usize = 4_000;
/// Characters of a guest's wishes: a page.
pub const NOTES_CHARS_MAX: usize = 2_000;
/// Characters of a telephone number: 15 digits (ITU-T E.164), and how people write them.
pub const PHONE_CHARS_MAX: usize = 40;
/// Characters of an address of mail (RFC 5321 §4.5.3.1.3, without the angle brackets).
pub const EMAIL_CHARS_MAX: usize = 254;
/// Characters of a code (`wit/booking`).
pub const CODE_CHARS_MAX: usize = 64;
/// Things in a list of words: amenities, photos, languages.
pub const LIST_MAX: usize = 50;
/// Prices of a rate plan: one for each room type of a hotel.
pub const PRICES_MAX: usize = 100;
/// Things in a list of an administrator: rates, allotments, accounts (`wit/booking`).
pub const BULK_MAX: usize = 1_000;

/// Collects what is wrong.
#[derive(Debug, Default)]
pub struct Checks {
    errors: Vec<(Code, String, String)>,
}

impl Checks {
    /// Says that a field is wrong.
    pub fn refuse(&mut self, code: Code, field: impl Into<String>, detail: impl Into<String>) {
        self.errors.push((code, field.into(), detail.into()));
    }

    /// A line of at most so many characters; control characters are none.
    pub fn line(&mut self, field: impl Into<String>, value: &str, chars_max: usize) {
        let field = field.into();
        if value.chars().any(char::is_control) {
            self.refuse(Code::Malformed, field, "It holds a control character.");
        } else {
            self.length(field, value, chars_max);
        }
    }

    /// A line that must be there.
    pub fn needed(&mut self, field: impl Into<String>, value: &str, chars_max: usize) {
        let field = field.into();
        if value.trim().is_empty() {
            self.refuse(Code::Malformed, field, "It is empty.");
        } else {
            self.line(field, value, chars_max);
        }
    }

    /// A text of several lines.
    pub fn text(&mut self, field: impl Into<String>, value: &str, chars_max: usize) {
        let field = field.into();
        let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if value.chars().any(control) {
            self.refuse(Code::Malformed, field, "It holds a control character.");
        } else {
            self.length(field, value, chars_max);
        }
    }

    fn length(&mut self, field: String, value: &str, chars_max: usize) {
        if value.chars().count() > chars_max {
            let detail = format!("It has more than {chars_max} characters.");
            self.refuse(Code::TooLarge, field, detail);
        }
    }

    /// A code of a hotel, a room type or a rate plan.
    pub fn code(&mut self, field: impl Into<String>, value: &str) {
        if !is_code(value) {
            let detail = format!("Codes are 1 to {CODE_CHARS_MAX} of a-z, 0-9 and -.");
            self.refuse(Code::Malformed, field, detail);
        }
    }

    /// An address of mail: whether mail arrives there, only mail can tell.
    pub fn email(&mut self, field: impl Into<String>, value: &str) {
        let field = field.into();
        let plausible = value.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        });
        if !plausible || value.chars().any(|c| c.is_control() || c.is_whitespace()) {
            self.refuse(Code::Malformed, field, "It is not an address of mail.");
        } else {
            self.length(field, value, EMAIL_CHARS_MAX);
        }
    }

    /// A country of ISO 3166-1, or nothing.
    pub fn country(&mut self, field: impl Into<String>, value: &str) {
        let two = value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_uppercase());
        if !two && !value.is_empty() {
            let detail = "Countries are two capitals, as in PT (ISO 3166-1).";
            self.refuse(Code::Malformed, field, detail);
        }
    }

    /// A language, or nothing.
    pub fn language(&mut self, field: impl Into<String>, value: &str) {
        if !is_language(value) && !value.is_empty() {
            let detail = "Languages are written as in en or pt-br (BCP 47, lower case).";
            self.refuse(Code::Malformed, field, detail);
        }
    }

    /// A list with at most so many things.
    pub fn count(&mut self, field: impl Into<String>, count: usize, most: usize) {
        if count > most {
            let detail = format!("There are more than {most}.");
            self.refuse(Code::TooLarge, field, detail);
        }
    }

    /// All is said.
    pub fn finish(self) -> Result<(), Problem> {
        match Problem::fields(self.errors) {
            Some(problem) => Err(problem),
            None => Ok(()),
        }
    }
}

/// Whether a text is a code.
pub fn is_code(text: &str) -> bool {
    (1..=CODE_CHARS_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Whether a text is a language tag in lower case (BCP 47: subtags of at most eight letters and digits).
pub fn is_language(text: &str) -> bool {
    text.len() <= 35
        && text.split('-').enumerate().all(|(at, part)| {
            (1..=8).contains(&part.len())
                && (at > 0 || part.len() > 1)
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || at > 0 && byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_languages() {
        for good in ["a", "9", "sea-view", &"x".repeat(64)] {
            assert!(is_code(good), "{good}");
        }
        for bad in ["", "A", "a_b", "a/b", "é", " a", &"x".repeat(65)] {
            assert!(!is_code(bad), "{bad}");
        }
        for good in ["en", "pt-br", "zh-hant-tw", "es-419"] {
            assert!(is_language(good), "{good}");
        }
        for bad in ["", "e", "EN", "en_gb", "en-", "12", "abcdefghi"] {
            assert!(!is_language(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_wrong_is_collected() {
        let mut checks = Checks::default();
        checks.line("a", "one\ntwo", 10);
        checks.line("b", "12345678901", 10);
        checks.needed("c", " ", 10);
        checks.text("d", "one\ntwo", 7);
        checks.text("e", "\u{7}", 7);
        checks.email("f", "ada@example.com");
        for bad in ["", "ada", "@b", "a@", "a@b@c", "a b@c", "a@b\n"] {
            checks.email("g", bad);
        }
        checks.country("h", "PT");
        checks.country("h", "");
        checks.country("i", "pt");
        checks.count("j", 3, 2);
        let problem = checks.finish().unwrap_err();
        let document: serde_json::Value = serde_json::from_slice(problem.reply().body()).unwrap();
        let errors = document["errors"].as_array().unwrap().iter();
        let fields: Vec<&str> = errors
            .map(|error| error["field"].as_str().unwrap())
            .collect();
        assert_eq!(
            fields,
            [
                "a", "b", "c", "e", "g", "g", "g", "g", "g", "g", "g", "i", "j"
            ]
        );
        assert_eq!(Checks::default().finish(), Ok(()));
    }
}
