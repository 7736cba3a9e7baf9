//! Characters as they are compared: in lower case, compatible forms as one, and in Latin, Greek and Cyrillic without
//! accents.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, decompose_canonical};

/// What a character is good for in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Part of a word.
    Letter,
    /// Of a script that does not part words: each pair of characters is looked for.
    Unspaced,
    /// Parts words.
    Other,
}

/// What characters are compared as. Most are ASCII, and are not put into memory of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FoldedChars {
    Ascii(u8),
    Other(String),
}

impl FoldedChars {
    /// Its length in UTF-8.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Ascii(_) => 1,
            Self::Other(folded) => folded.len(),
        }
    }

    pub(crate) fn add_to(&self, word: &mut String) {
        match self {
            Self::Ascii(byte) => word.push(char::from(*byte)),
            Self::Other(folded) => word.push_str(folded),
        }
    }

    fn kind(&self) -> Kind {
        let first = match self {
            Self::Ascii(byte) => Some(char::from(*byte)),
            Self::Other(folded) => folded.chars().next(),
        };
        first.map_or(Kind::Other, kind)
    }
}

/// A character with the marks that follow it, folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cluster {
    pub(crate) folded: FoldedChars,
    pub(crate) kind: Kind,
    /// Where it is in the text, in bytes.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The clusters of a text.
pub(crate) struct Clusters<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Clusters<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self { text, at: 0 }
    }
}

impl Iterator for Clusters<'_> {
    type Item = Cluster;

    fn next(&mut self) -> Option<Cluster> {
        let start = self.at;
        let rest = self.text.get(start..)?;
        let folded = match rest.as_bytes() {
            // No mark is ASCII.
            [byte, next, ..] if byte.is_ascii() && next.is_ascii() => {
                self.at = start + 1;
                FoldedChars::Ascii(byte.to_ascii_lowercase())
            }
            _ => {
                let mut chars = rest.chars();
                let first = chars.next()?;
                let marks = chars.take_while(|c| is_mark(*c)).map(char::len_utf8);
                let length = first.len_utf8() + marks.sum::<usize>();
                self.at = start + length;
                fold(rest.get(..length)?)
            }
        };
        Some(Cluster {
            kind: folded.kind(),
            folded,
            start,
            end: self.at,
        })
    }
}

/// Marks that belong to the character before them: accents, and the voicing marks of half-width kana.
fn is_mark(c: char) -> bool {
    !c.is_ascii() && (canonical_combining_class(c) != 0 || matches!(c, '\u{ff9e}' | '\u{ff9f}'))
}

/// A character and its marks as they are compared.
fn fold(cluster: &str) -> FoldedChars {
    if let [byte] = cluster.as_bytes() {
        return FoldedChars::Ascii(byte.to_ascii_lowercase());
    }
    let mut folded = String::with_capacity(cluster.len());
    for c in cluster.nfkc().flat_map(char::to_lowercase) {
        if has_accents(c) {
            decompose_canonical(c, |c| {
                if !is_accent(c) {
                    plain(c, &mut folded);
                }
            });
        } else if !is_accent(c) {
            folded.push(c);
        }
    }
    FoldedChars::Other(folded)
}

/// Letters of Latin, Greek and Cyrillic, with all their extensions.
fn has_accents(c: char) -> bool {
    matches!(c, '\u{c0}'..='\u{52f}' | '\u{1e00}'..='\u{1fff}')
}

fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// Letters that are not made of another and an accent, and are written without it where a keyboard has none.
fn plain(c: char, out: &mut String) {
    match c {
        'ß' => out.push_str("ss"),
        'æ' => out.push_str("ae"),
        'œ' => out.push_str("oe"),
        'ø' => out.push('o'),
        'đ' | 'ð' => out.push('d'),
        'ħ' => out.push('h'),
        'ł' => out.push('l'),
        'ı' => out.push('i'),
        'þ' => out.push_str("th"),
        // The end of a Greek word has a form of its own.
        'ς' => out.push('σ'),
        c => out.push(c),
    }
}

fn kind(c: char) -> Kind {
    if is_unspaced(c) {
        Kind::Unspaced
    } else if c.is_alphanumeric() {
        Kind::Letter
    } else {
        Kind::Other
    }
}

/// Han, kana, bopomofo and Hangul, and the scripts of South East Asia that do not part words.
fn is_unspaced(c: char) -> bool {
    let is_script = matches!(c,
        '\u{e00}'..='\u{eff}'       // Thai, Lao
        | '\u{1000}'..='\u{109f}'   // Myanmar
        | '\u{1100}'..='\u{11ff}'   // Hangul, in parts
        | '\u{1780}'..='\u{17ff}'   // Khmer
        | '\u{3005}'..='\u{3007}'   // 々 〆 〇
        | '\u{3040}'..='\u{312f}'   // Hiragana, Katakana, bopomofo
        | '\u{31a0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'   // Han
        | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7ff}'   // Hangul
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}');
    is_script && c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        let mut all = String::new();
        Clusters::of(text).for_each(|cluster| cluster.folded.add_to(&mut all));
        all
    }

    #[test]
    fn case_accents_and_forms_do_not_count() {
        assert_eq!(folded("ÀÉÎõü Ñ Çé"), "aeiou n ce");
        assert_eq!(folded("e\u{301}\u{300}x"), "ex");
        assert_eq!(folded("Straße Łódź Øl Æon İı"), "strasse lodz ol aeon ii");
        assert_eq!(folded("Ёлка ЙОД"), "елка иод");
        assert_eq!(folded("ΣΊΣΥΦΟΣ ς"), "σισυφοσ σ");
        assert_eq!(folded("ＡＢＣ１ ﬁ ①"), "abc1 fi 1");
    }

    #[test]
    fn marks_that_tell_letters_apart_stay() {
        assert_eq!(folded("が"), "が");
        assert_eq!(folded("か\u{3099}"), "が");
        assert_eq!(folded("ｶﾞｷﾞﾊﾟ"), "ガギパ");
        assert_eq!(folded("한국어"), "한국어");
        assert_eq!(folded("\u{1112}\u{1161}\u{11ab}").chars().count(), 3);
        assert_eq!(folded("हिन्दी"), "हिन्दी");
    }

    #[test]
    fn kinds_are_told_apart() {
        let kinds: Vec<_> = Clusters::of("a1-漢かカ한ー・।")
            .map(|cluster| cluster.kind)
            .collect();
        use Kind::{Letter, Other, Unspaced};
        assert_eq!(
            kinds,
            [
                Letter, Letter, Other, Unspaced, Unspaced, Unspaced, Unspaced, Unspaced, Other,
                Other
            ]
        );
    }

    #[test]
    fn clusters_cover_the_text() {
        let text = "a\u{301}b漢ｶﾞ \u{300}";
        let mut at = 0;
        for cluster in Clusters::of(text) {
            assert_eq!(cluster.start, at);
            at = cluster.end;
        }
        assert_eq!(at, text.len());
    }
}
