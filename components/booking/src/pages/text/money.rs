//! Amounts of money for people.

use crate::pages::language::Language;

/// The greatest number of digits after the point that a currency has (ISO 4217: CLF has 4); more would be a fault of
/// the host, and are shown as this many.
const MAX_DIGITS: u32 = 4;

/// An amount in minor units: `€1,234.50`, `1.234,50 €`, `CHF 80.00`.
pub fn money(language: Language, minor: i64, currency: &str, digits: u32) -> String {
    join(language, minor, currency, &number(language, minor, digits))
}

/// An amount without what is after the point, rounded: for the cells of a calendar, where there is little room.
pub fn money_rounded(language: Language, minor: i64, digits: u32) -> String {
    let unit = 10_u64.pow(digits.min(MAX_DIGITS));
    let whole = minor.unsigned_abs().saturating_add(unit / 2) / unit;
    grouped(language, whole)
}

fn join(language: Language, minor: i64, currency: &str, number: &str) -> String {
    let sign = if minor < 0 { "−" } else { "" };
    let (symbol, is_code) = match currency {
        "EUR" => ("€", false),
        "GBP" => ("£", false),
        "JPY" => ("¥", false),
        "USD" => ("$", false),
        code => (code, true),
    };
    // No-break spaces: an amount and its currency stay on one line.
    match language {
        Language::English if is_code => format!("{sign}{symbol}\u{a0}{number}"),
        Language::English => format!("{sign}{symbol}{number}"),
        Language::German => format!("{sign}{number}\u{a0}{symbol}"),
    }
}

fn number(language: Language, minor: i64, digits: u32) -> String {
    let digits = digits.min(MAX_DIGITS);
    let unit = 10_u64.pow(digits);
    let minor = minor.unsigned_abs();
    let whole = grouped(language, minor / unit);
    if digits == 0 {
        return whole;
    }
    let point = match language {
        Language::English => '.',
        Language::German => ',',
    };
    let width = digits as usize;
    format!("{whole}{point}{:0width$}", minor % unit)
}

fn grouped(language: Language, whole: u64) -> String {
    let separator = match language {
        Language::English => ',',
        Language::German => '.',
    };
    let digits = whole.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Language::{English, German};
    use super::*;

    #[test]
    fn amounts_are_written_as_the_language_does() {
        for (language, minor, currency, digits, expected) in [
            (English, 123_450, "EUR", 2, "€1,234.50"),
            (German, 123_450, "EUR", 2, "1.234,50\u{a0}€"),
            (English, 8_000, "CHF", 2, "CHF\u{a0}80.00"),
            (German, 8_000, "CHF", 2, "80,00\u{a0}CHF"),
            (English, 12_000, "JPY", 0, "¥12,000"),
            (English, 1_234, "TND", 3, "TND\u{a0}1.234"),
            (English, 5, "GBP", 2, "£0.05"),
            (English, 0, "USD", 2, "$0.00"),
            (German, -250, "EUR", 2, "−2,50\u{a0}€"),
            (English, 100_000_000, "USD", 2, "$1,000,000.00"),
        ] {
            assert_eq!(money(language, minor, currency, digits), expected);
        }
    }

    #[test]
    fn rounding_is_to_the_nearest() {
        assert_eq!(money_rounded(English, 12_349, 2), "123");
        assert_eq!(money_rounded(English, 12_350, 2), "124");
        assert_eq!(money_rounded(German, 1_234_567, 0), "1.234.567");
        // A currency with more digits than there are must not overflow.
        assert_eq!(money_rounded(English, i64::MAX, 99), "922,337,203,685,478");
    }
}
