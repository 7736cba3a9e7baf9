//! Keywords of an email, and the bits by which lists know the usual ones.

use std::collections::BTreeSet;

use crate::error::{Reason, Refusal};
use crate::types::{KEYWORD_MAX_BYTES, KEYWORDS_MAX};

const SEEN: u8 = 1;
const DRAFT: u8 = 2;
const FLAGGED: u8 = 4;
const ANSWERED: u8 = 8;
const ATTACHMENT: u8 = 16;
const OTHER: u8 = 32;

/// What a list knows of an email.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Flags(pub(super) u8);

impl Flags {
    pub(super) fn of(keywords: &BTreeSet<String>, has_attachment: bool) -> Self {
        let attachment = if has_attachment { ATTACHMENT } else { 0 };
        let bits = keywords.iter().map(|keyword| bit(keyword).unwrap_or(OTHER));
        Self(bits.fold(attachment, |all, bit| all | bit))
    }

    /// Neither seen nor a draft (RFC 8621 §2, `unreadEmails`).
    pub(super) fn is_unread(self) -> bool {
        self.0 & (SEEN | DRAFT) == 0
    }

    pub(super) fn has_attachment(self) -> bool {
        self.0 & ATTACHMENT != 0
    }

    /// Whether it has a keyword; `None` where the flags do not tell.
    pub(super) fn has(self, keyword: &str) -> Option<bool> {
        match bit(keyword) {
            Some(bit) => Some(self.0 & bit != 0),
            None if self.0 & OTHER == 0 => Some(false),
            None => None,
        }
    }
}

fn bit(keyword: &str) -> Option<u8> {
    match keyword {
        "$seen" => Some(SEEN),
        "$draft" => Some(DRAFT),
        "$flagged" => Some(FLAGGED),
        "$answered" => Some(ANSWERED),
        _ => None,
    }
}

/// Refuses keywords that RFC 8621 §4.1.1 does not allow, and too many.
pub(super) fn check(keywords: &BTreeSet<String>) -> Result<(), Refusal> {
    if keywords.len() > KEYWORDS_MAX {
        let refusal = Refusal::new(Reason::TooManyKeywords, "too many keywords");
        return Err(refusal.limit(KEYWORDS_MAX as u64));
    }
    match keywords.iter().find(|keyword| !is_keyword(keyword)) {
        Some(keyword) => Err(Refusal::property(
            "keywords",
            format!("{keyword:?} is no keyword in lower case"),
        )),
        None => Ok(()),
    }
}

/// 1 to 255 characters of %x21 to %x7E but `( ) { ] % * " \`, in lower case.
fn is_keyword(text: &str) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && !b"(){]%*\"\\".contains(&byte)
    };
    (1..=KEYWORD_MAX_BYTES).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(keywords: &[&str]) -> BTreeSet<String> {
        keywords.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn flags_tell_the_usual_keywords_and_the_absence_of_others() {
        let flags = Flags::of(&set(&["$seen", "$answered"]), true);
        assert_eq!(flags.has("$seen"), Some(true));
        assert_eq!(flags.has("$flagged"), Some(false));
        assert_eq!(flags.has("work"), Some(false));
        assert!(flags.has_attachment() && !flags.is_unread());
        let flags = Flags::of(&set(&["work"]), false);
        assert_eq!(flags.has("work"), None);
        assert_eq!(flags.has("home"), None);
        assert!(flags.is_unread() && !flags.has_attachment());
        assert!(!Flags::of(&set(&["$draft"]), false).is_unread());
    }

    #[test]
    fn keywords_have_their_form() {
        assert_eq!(check(&set(&["$forwarded", "work", "a/b"])), Ok(()));
        let long = "a".repeat(KEYWORD_MAX_BYTES + 1);
        for bad in ["", "a b", "Work", "a\"", "a*", "ä", &long] {
            let refusal = check(&set(&[bad])).unwrap_err();
            assert_eq!(refusal.reason, Reason::InvalidProperties, "{bad}");
        }
        let many = (0..=KEYWORDS_MAX).map(|number| format!("k{number}"));
        let refusal = check(&many.collect()).unwrap_err();
        assert_eq!(refusal.reason, Reason::TooManyKeywords);
    }
}
