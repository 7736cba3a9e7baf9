//! The tokens of structured fields (RFC 5322 §3.2, RFC 6532).

use super::words;

/// A token. Blanks between tokens are told by [`Lexer::is_spaced`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'t> {
    /// Letters, digits, dots and whatever else has no meaning of its own; also an encoded word.
    Atom(&'t str),
    /// What stands between double quotes, its escapes and folds not undone.
    Quoted(&'t str),
    /// What stands between parentheses, its escapes and folds not undone.
    Comment(&'t str),
    /// One of `<>@,;:`.
    Special(char),
}

/// Reads tokens. Quotes and parentheses that do not match are passed over; each octet is looked at a bounded number of
/// times.
pub struct Lexer<'t> {
    rest: &'t str,
    spaced: bool,
    /// No quoted string ends in what is left: it was looked for.
    no_quotes: bool,
    no_comments: bool,
}

impl<'t> Lexer<'t> {
    /// At the start of a field.
    pub fn new(value: &'t str) -> Self {
        Self {
            rest: value,
            spaced: false,
            no_quotes: false,
            no_comments: false,
        }
    }

    /// Whether blanks stood before the token that was read last.
    pub fn is_spaced(&self) -> bool {
        self.spaced
    }

    /// Goes behind the next occurrence of a character and gives what stood before it. Where there is none it goes to the
    /// end.
    pub fn until(&mut self, end: char) -> Option<&'t str> {
        match self.rest.split_once(end) {
            Some((before, rest)) => {
                self.rest = rest;
                Some(before)
            }
            None => {
                self.rest = "";
                None
            }
        }
    }

    fn take(&mut self, octets: usize) -> &'t str {
        let (taken, rest) = self
            .rest
            .split_at_checked(octets)
            .unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// A quoted string, behind its opening quote.
    fn quoted(&mut self) -> Option<Token<'t>> {
        if self.no_quotes {
            return None;
        }
        let end = quoted_length(self.rest);
        self.no_quotes = end.is_none();
        let inside = self.take(end?);
        self.take(1);
        Some(Token::Quoted(inside))
    }

    /// A comment, behind its opening parenthesis.
    fn comment(&mut self) -> Option<Token<'t>> {
        if self.no_comments {
            return None;
        }
        let end = comment_length(self.rest);
        self.no_comments = end.is_none();
        let inside = self.take(end?);
        self.take(1);
        Some(Token::Comment(inside))
    }

    fn atom(&mut self) -> Token<'t> {
        // RFC 2047 §5 (3) has no specials inside encoded words of a phrase, and mail programs write some.
        if let Some(length) = words::length(self.rest)
            && self
                .rest
                .get(length..)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(ends_atom))
        {
            return Token::Atom(self.take(length));
        }
        let end = self.rest.find(ends_atom).unwrap_or(self.rest.len());
        Token::Atom(self.take(end))
    }
}

impl<'t> Iterator for Lexer<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        self.spaced = false;
        loop {
            let start = self.rest.trim_start_matches(is_blank);
            self.spaced |= start.len() < self.rest.len();
            self.rest = start;
            let first = start.chars().next()?;
            let token = match first {
                '"' => {
                    self.take(1);
                    self.quoted()
                }
                '(' => {
                    self.take(1);
                    self.comment()
                }
                ')' => {
                    self.take(1);
                    None
                }
                '<' | '>' | '@' | ',' | ';' | ':' => {
                    self.take(1);
                    Some(Token::Special(first))
                }
                _ => Some(self.atom()),
            };
            if token.is_some() {
                return token;
            }
        }
    }
}

/// What a quoted string or a comment says: escapes and folds undone (RFC 5322 §3.2.1).
pub fn unescaped(inside: &str) -> String {
    let mut text = String::with_capacity(inside.len());
    let mut characters = inside
        .chars()
        .filter(|one| !matches!(one, '\r' | '\n' | '\0'));
    while let Some(one) = characters.next() {
        match one {
            '\\' => text.extend(characters.next()),
            one => text.push(one),
        }
    }
    text
}

fn is_blank(one: char) -> bool {
    matches!(one, ' ' | '\t' | '\r' | '\n' | '\0')
}

fn ends_atom(one: char) -> bool {
    is_blank(one) || matches!(one, '"' | '(' | ')' | '<' | '>' | '@' | ',' | ';' | ':')
}

fn quoted_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| match byte {
        _ if escaped => {
            escaped = false;
            false
        }
        b'\\' => {
            escaped = true;
            false
        }
        byte => byte == b'"',
    })
}

/// Comments lie in each other (RFC 5322 §3.2.2).
fn comment_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    let mut depth = 1_usize;
    text.bytes().position(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        depth == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(value: &str) -> Vec<Token<'_>> {
        Lexer::new(value).collect()
    }

    #[test]
    fn tokens_are_told_apart() {
        use Token::{Atom, Comment, Quoted, Special};
        assert_eq!(
            tokens(" A.B \"c \\\" d\"(e (f\\)) g)<ä@x.y>,;:"),
            [
                Atom("A.B"),
                Quoted("c \\\" d"),
                Comment("e (f\\)) g"),
                Special('<'),
                Atom("ä"),
                Special('@'),
                Atom("x.y"),
                Special('>'),
                Special(','),
                Special(';'),
                Special(':'),
            ]
        );
        assert_eq!(
            tokens("=?utf-8?q?a,b?= =?utf-8?q?c,d?=e"),
            [
                Atom("=?utf-8?q?a,b?="),
                Atom("=?utf-8?q?c"),
                Special(','),
                Atom("d?=e")
            ]
        );
    }

    #[test]
    fn what_never_ends_is_passed_over() {
        assert_eq!(tokens("\"a b"), [Token::Atom("a"), Token::Atom("b")]);
        assert_eq!(
            tokens("(a) b) (c"),
            [Token::Comment("a"), Token::Atom("b"), Token::Atom("c")]
        );
        assert_eq!(tokens("\"\\"), [Token::Atom("\\")]);
    }

    #[test]
    fn escapes_and_folds_are_undone() {
        assert_eq!(unescaped("a\\\"b\\\\c\r\n d\\"), "a\"b\\c d");
    }
}
