//! Which language a page is in: the one that was chosen by `?lang=`, else the one of the cookie that remembers the
//! choice, else the best of `Accept-Language`.

/// A language that the pages speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English, as spoken in Europe: weeks begin on Monday, the day comes before the month.
    English,
    /// German.
    German,
}

impl Language {
    /// All of them; the first is spoken where none was asked for.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// Its BCP 47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// Its name in itself.
    pub fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    /// From a language tag: its primary subtag decides (RFC 5646 §2.2.1).
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        Self::ALL
            .into_iter()
            .find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }

    /// The language of `Accept-Language` (RFC 9110 §12.5.4) with the greatest weight that is spoken here; of several
    /// with the same weight the first. `*` stands for the first of those that are not named.
    pub fn accepted(header: &str) -> Option<Self> {
        let ranges: Vec<(&str, u16)> = header.split(',').filter_map(weighted).collect();
        let mut best: Option<(Self, u16)> = None;
        for (range, weight) in &ranges {
            let language = if *range == "*" {
                unnamed(&ranges)
            } else {
                Self::from_tag(range)
            };
            let Some(language) = language else { continue };
            if *weight > 0 && best.is_none_or(|(_, known)| *weight > known) {
                best = Some((language, *weight));
            }
        }
        best.map(|(language, _)| language)
    }
}

fn unnamed(ranges: &[(&str, u16)]) -> Option<Language> {
    Language::ALL.into_iter().find(|language| {
        !ranges
            .iter()
            .any(|(range, _)| Language::from_tag(range) == Some(*language))
    })
}

/// A language range and its weight in thousandths. Weights that are none count as 0: the range is not wanted.
fn weighted(element: &str) -> Option<(&str, u16)> {
    let mut parts = element.split(';');
    let range = parts.next()?.trim();
    if range.is_empty() {
        return None;
    }
    let weight = parts.find_map(|part| {
        let part = part.trim();
        part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="))
    });
    let weight = match weight {
        None => 1000,
        Some(text) => thousandths(text.trim()).unwrap_or(0),
    };
    Some((range, weight))
}

/// A qvalue (RFC 9110 §12.4.2): `0` or `1`, and up to three digits after a point.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    if digits.len() > 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits: u16 = format!("{digits:0<3}").parse().ok()?;
    match whole {
        "0" => Some(digits),
        "1" if digits == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Language::{English, German};
    use super::*;

    #[test]
    fn the_greatest_weight_wins() {
        for (header, expected) in [
            ("de", Some(German)),
            ("de-AT, en;q=0.5", Some(German)),
            ("en;q=0.3, de;q=0.8", Some(German)),
            ("fr, en-GB;q=0.8, de;q=0.9", Some(German)),
            ("en, de", Some(English)),
            ("DE", Some(German)),
            ("de;q=0, *;q=0.1", Some(English)),
            ("en;q=0.2, *;q=0.7", Some(German)),
            ("fr, *;q=0.5", Some(English)),
            ("de;q=1.001, en;q=0.1", Some(English)),
            ("de;q=nonsense", None),
            ("de;q=0", None),
            ("fr, it", None),
            ("den", None),
            ("", None),
            (",;q=1", None),
        ] {
            assert_eq!(Language::accepted(header), expected, "{header}");
        }
    }
}
