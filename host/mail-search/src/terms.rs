//! What is looked for.

use crate::error::Error;
use crate::limits::{TERM_MAX_BYTES, TERM_MAX_WORDS};
use crate::tokens::{Form, Words, field_mark};

/// Where something is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// In all of them: each word in any.
    Text,
    /// In From.
    From,
    /// In To.
    To,
    /// In Cc.
    Cc,
    /// In Bcc.
    Bcc,
    /// In the subject.
    Subject,
    /// In the text.
    Body,
    /// In the names of attached files.
    AttachmentName,
}

/// What is looked for, as a client gives it (RFC 8621 §4.4.1): all words must be there, in any order; what stands in
/// quotation marks, single or double, in this order. Case and accents do not count.
///
/// A text of nothing but blanks is in every message; one without a letter or digit is in none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Where.
    pub scope: Scope,
    /// What.
    pub text: String,
}

/// A header field that is looked for, by its name in any case: that it is there, or that it has a text as a [`Term`] would
/// find it (RFC 8621 §4.4.1, `header`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldTerm {
    /// The name.
    pub name: String,
    /// What is in it; `None`: anything.
    pub text: Option<String>,
}

/// Where words are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the texts of a scope.
    Texts(Scope),
    /// In the fields of the header.
    Header,
}

/// Words that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Phrase {
    /// At least one.
    pub(crate) words: Vec<String>,
    /// The last word is the beginning of one.
    pub(crate) is_open: bool,
}

/// What a term asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    Everything,
    Nothing,
    /// All of them.
    Phrases(Vec<Phrase>),
}

impl Term {
    pub(crate) fn wanted(&self) -> Result<Wanted, Error> {
        Wanted::of(&self.text)
    }
}

impl FieldTerm {
    pub(crate) fn wanted(&self) -> Result<Wanted, Error> {
        let Some(mark) = field_mark(&self.name) else {
            return Ok(Wanted::Nothing);
        };
        Ok(
            match Wanted::of(self.text.as_deref().unwrap_or_default())? {
                Wanted::Nothing => Wanted::Nothing,
                Wanted::Everything => Wanted::Phrases(vec![Phrase {
                    words: vec![mark],
                    is_open: false,
                }]),
                Wanted::Phrases(mut phrases) => {
                    for word in phrases.iter_mut().flat_map(|phrase| &mut phrase.words) {
                        word.insert_str(0, &mark);
                    }
                    Wanted::Phrases(phrases)
                }
            },
        )
    }
}

impl Wanted {
    fn of(text: &str) -> Result<Self, Error> {
        if text.len() > TERM_MAX_BYTES {
            return Err(Error::TermTooLong);
        }
        if text.trim().is_empty() {
            return Ok(Self::Everything);
        }
        let phrases: Vec<Phrase> = pieces(text)
            .iter()
            .filter_map(|piece| Phrase::of(piece))
            .collect();
        let words: usize = phrases.iter().map(|phrase| phrase.words.len()).sum();
        if words > TERM_MAX_WORDS {
            return Err(Error::TermTooLong);
        }
        Ok(match phrases.is_empty() {
            true => Self::Nothing,
            false => Self::Phrases(phrases),
        })
    }
}

impl Phrase {
    /// The words of a piece, if it has any. A piece like `a@b.org` has several, which must follow each other too.
    fn of(piece: &str) -> Option<Self> {
        let mut words: Vec<_> = Words::of(piece).collect();
        // What is looked for may go on in the text: there the last character is not the last of its run.
        if words.last().is_some_and(|word| word.form == Form::Last) {
            words.pop();
        }
        let is_open = words.last()?.form == Form::Single;
        Some(Self {
            words: words.into_iter().map(|word| word.text).collect(),
            is_open,
        })
    }
}

/// Parts a text at blanks, and takes what stands in quotation marks as one. A mark counts at the start of a word, if
/// there is another; within marks `\` takes its meaning from the character behind it.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let quoted = match first {
            '"' | '\'' => rest.get(1..).and_then(|behind| quoted(behind, first)),
            _ => None,
        };
        let behind = match quoted {
            Some((piece, behind)) => {
                pieces.push(piece);
                behind
            }
            None => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                let (piece, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
                pieces.push(piece.to_owned());
                behind
            }
        };
        rest = behind.trim_start();
    }
    pieces
}

/// What stands before the closing mark, and what behind.
fn quoted(text: &str, mark: char) -> Option<(String, &str)> {
    let mut piece = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == mark {
            return Some((piece, text.get(at + 1..)?));
        }
        piece.push(match c {
            '\\' => chars.next()?.1,
            c => c,
        });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(text: &str) -> Wanted {
        let term = Term {
            scope: Scope::Text,
            text: text.to_owned(),
        };
        term.wanted().unwrap()
    }

    fn phrases(text: &str) -> Vec<String> {
        let Wanted::Phrases(phrases) = wanted(text) else {
            panic!("{text}");
        };
        let told = phrases.into_iter().map(|phrase| {
            let open = if phrase.is_open { "*" } else { "" };
            phrase.words.join(" ") + open
        });
        told.collect()
    }

    #[test]
    fn words_and_phrases_are_told_apart() {
        assert_eq!(phrases(" Hello  World "), ["hello", "world"]);
        assert_eq!(phrases("a \"b c\" 'd \\' e'f"), ["a", "b c", "d e", "f"]);
        assert_eq!(phrases("don't \"open"), ["don t", "open"]);
        assert_eq!(phrases("x@Example.org"), ["x example org"]);
    }

    #[test]
    fn scripts_without_blanks_are_looked_for_by_pairs() {
        assert_eq!(phrases("東京"), ["東京"]);
        assert_eq!(phrases("東京都 都"), ["東京 京都", "都*"]);
        assert_eq!(phrases("\"東京 a\""), ["東京 京 a"]);
        assert_eq!(phrases("a東"), ["a 東*"]);
    }

    #[test]
    fn words_of_a_field_are_looked_for_behind_its_name() {
        let wanted = |name: &str, text: Option<&str>| {
            let (name, text) = (name.to_owned(), text.map(str::to_owned));
            FieldTerm { name, text }.wanted().unwrap()
        };
        let Wanted::Phrases(phrases) = wanted("List-ID", Some("a@b 京")) else {
            panic!("words");
        };
        assert_eq!(phrases[0].words, ["list-id:a", "list-id:b"]);
        assert_eq!(phrases[1].words, ["list-id:京"]);
        assert!(phrases[1].is_open);
        let there = wanted("x", None);
        assert_eq!(there, wanted("X", Some(" ")));
        assert!(matches!(there, Wanted::Phrases(all) if all[0].words == ["x:"]));
        for name in ["", "a:b", "a b", "é", &"x".repeat(100)] {
            assert_eq!(wanted(name, None), Wanted::Nothing, "{name}");
        }
    }

    #[test]
    fn what_has_no_words_is_everything_or_nothing() {
        assert_eq!(wanted(" "), Wanted::Everything);
        assert_eq!(wanted(""), Wanted::Everything);
        assert_eq!(wanted("\"\" !"), Wanted::Nothing);
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let term = |text: String| Term {
            scope: Scope::Text,
            text,
        };
        let long = term("x".repeat(TERM_MAX_BYTES + 1)).wanted();
        assert!(matches!(long, Err(Error::TermTooLong)));
        let many = term("x ".repeat(TERM_MAX_WORDS + 1)).wanted();
        assert!(matches!(many, Err(Error::TermTooLong)));
    }
}
