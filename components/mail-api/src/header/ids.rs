//! The forms MessageIds and URLs (RFC 8621 §4.1.2.5 and §4.1.2.7): what stands in angle brackets.

use super::ITEMS_MAX;
use super::lexer::{Lexer, Token};

/// Message ids without brackets, comments and blanks (RFC 5322 §3.6.4). `None` where the field has none.
///
/// Words between them, which the obsolete syntax admits (§4.5.4), are passed over. An id that lost its brackets is taken
/// where it is all that the field has.
pub fn message_ids(value: &str) -> Option<Vec<String>> {
    let ids = bracketed(value);
    if !ids.is_empty() {
        return Some(ids);
    }
    let mut words = value.split_whitespace();
    let bare = words
        .next()
        .filter(|word| word.contains('@') && !word.contains(['<', '>', '"', '(']));
    match (bare, words.next()) {
        (Some(id), None) => Some(vec![id.to_owned()]),
        _ => None,
    }
}

/// URLs without brackets, comments and the blanks of folds (RFC 2369 §2). `None` where the field has none.
pub fn urls(value: &str) -> Option<Vec<String>> {
    let urls = bracketed(value);
    (!urls.is_empty()).then_some(urls)
}

/// What stands in angle brackets outside of comments and quotes, without blanks, at most [`ITEMS_MAX`].
fn bracketed(value: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lexer = Lexer::new(value);
    while found.len() < ITEMS_MAX {
        match lexer.next() {
            None => break,
            Some(Token::Special('<')) => {
                let inside = lexer.until('>').unwrap_or_default();
                // A bracket that was not closed.
                let inside = inside.rsplit('<').next().unwrap_or_default();
                let is_text = |one: &char| !one.is_ascii_whitespace() && *one != '\0';
                let text: String = inside.chars().filter(is_text).collect();
                if !text.is_empty() {
                    found.push(text);
                }
            }
            Some(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_lose_brackets_comments_and_folds() {
        for (value, expected) in [
            (" <a@b>", Some(&["a@b"][..])),
            (" <a@b>\r\n\t<c\r\n d@e>", Some(&["a@b", "cd@e"])),
            (
                " (about <x@y>) <a@b> and \"<c@d>\" <e@f>",
                Some(&["a@b", "e@f"]),
            ),
            (" <a(b)@c>", Some(&["a(b)@c"])),
            (" <a@[127.0.0.1]>", Some(&["a@[127.0.0.1]"])),
            (" <open <f@g>> h@i", Some(&["f@g"])),
            (" a@b", Some(&["a@b"])),
            (" Your message of Monday", None),
            (" <> < >", None),
            (" <open", None),
            ("", None),
        ] {
            let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
            assert_eq!(message_ids(value), expected.map(owned), "{value:?}");
        }
    }

    /// The examples of RFC 2369 §3.
    #[test]
    fn urls_lose_brackets_and_comments() {
        let read = |value: &str| urls(value).unwrap_or_default();
        assert_eq!(
            read(" <mailto:list@host.com?subject=help> (List Instructions)"),
            ["mailto:list@host.com?subject=help"]
        );
        assert_eq!(
            read(
                " <ftp://ftp.host.com/list.txt> (FTP),\r\n    <mailto:list@host.com?subject=help>"
            ),
            [
                "ftp://ftp.host.com/list.txt",
                "mailto:list@host.com?subject=help"
            ]
        );
        assert_eq!(
            read(
                " (Use this command to join the list)\r\n\
                 \x20   <mailto:list-manager@host.com?body=subscribe%20list>"
            ),
            ["mailto:list-manager@host.com?body=subscribe%20list"]
        );
        assert_eq!(urls(" NO (posting not allowed on this list)"), None);
        assert_eq!(
            read(" <https://a.example/x\r\n y>"),
            ["https://a.example/xy"]
        );
    }

    #[test]
    fn floods_are_cut_and_take_linear_time() {
        for flood in ["<a@b> ", "<", "(", "\"", "\\\"", "<a(", ">"] {
            let flood = flood.repeat(4_000_000 / flood.len());
            let ids = message_ids(&flood).unwrap_or_default();
            assert!(ids.len() <= ITEMS_MAX);
        }
    }
}
