//! Keywords (RFC 8621 §4.1.1).

use std::collections::BTreeSet;

use crate::error::{Reason, Refusal};
use crate::types::{KEYWORD_MAX_BYTES, KEYWORDS_MAX};

/// What a keyword has not (RFC 8621 §4.1.1, of RFC 3501 `atom`).
const FORBIDDEN: &[u8] = b"(){]%*\"\\";

/// Keywords in lower case, each once.
pub(super) fn checked(keywords: Vec<String>) -> Result<Vec<String>, Refusal> {
    let lower = keywords.iter().map(|keyword| keyword.to_ascii_lowercase());
    let distinct: BTreeSet<String> = lower.collect();
    if let Some(wrong) = distinct.iter().find(|keyword| !is_keyword(keyword)) {
        return Err(Refusal {
            subjects: vec![wrong.clone()],
            ..Refusal::property("keywords", "a keyword that is not of its form")
        });
    }
    if distinct.len() > KEYWORDS_MAX {
        let refusal = Refusal::new(Reason::TooManyKeywords, "too many keywords");
        return Err(refusal.limit(KEYWORDS_MAX as u64));
    }
    Ok(distinct.into_iter().collect())
}

fn is_keyword(keyword: &str) -> bool {
    let has_form = |byte: u8| byte.is_ascii_graphic() && !FORBIDDEN.contains(&byte);
    (1..=KEYWORD_MAX_BYTES).contains(&keyword.len()) && keyword.bytes().all(has_form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_lower_case_and_of_their_form() {
        let given = ["$Seen", "work", "$seen"].map(str::to_owned).to_vec();
        assert_eq!(checked(given).unwrap(), ["$seen", "work"]);
        let long = "k".repeat(KEYWORD_MAX_BYTES + 1);
        for wrong in ["", "a b", "a\\", "a(", "ä", "a\n", &long] {
            let refusal = checked(vec![wrong.to_owned()]).unwrap_err();
            assert_eq!(refusal.reason, Reason::InvalidProperties, "{wrong}");
            assert_eq!(refusal.properties, ["keywords"]);
        }
        let many: Vec<_> = (0..=KEYWORDS_MAX).map(|n| format!("k{n}")).collect();
        let refusal = checked(many).unwrap_err();
        assert_eq!(refusal.reason, Reason::TooManyKeywords);
        assert_eq!(refusal.limit, KEYWORDS_MAX as u64);
    }
}
