//! The text of HTML, for previews and search. It is not meant to be shown as HTML: nothing here makes it safe.

use mail_parser::decoders::html::add_html_token;

use crate::bytes::part;

/// Elements within a line: what surrounds them is not parted. All others part words.
const INLINE: [&[u8]; 28] = [
    b"a", b"abbr", b"b", b"bdi", b"bdo", b"big", b"cite", b"code", b"del", b"dfn", b"em", b"font",
    b"i", b"ins", b"kbd", b"label", b"mark", b"q", b"s", b"samp", b"small", b"span", b"strike",
    b"strong", b"sub", b"sup", b"tt", b"u",
];

/// Elements whose content is not text.
const HIDDEN: [&[u8]; 4] = [b"head", b"script", b"style", b"template"];

/// Longest name of an element that is looked at, octets.
const NAME_MAX_BYTES: usize = 16;

/// Longest character reference, octets: `&CounterClockwiseContourIntegral;`.
const REFERENCE_MAX_BYTES: usize = 33;

/// The text of a document, blanks collapsed, at most `max` bytes and a reference.
pub(crate) fn to_text(html: &str, max: usize) -> String {
    let html = html.as_bytes();
    let mut text = Text::default();
    let mut at = 0;
    while at < html.len() && text.out.len() < max {
        let rest = part(html, at..html.len());
        at += match rest.first() {
            Some(b'<') => markup(rest, &mut text),
            Some(b'&') => reference(rest, &mut text),
            _ => {
                let end = memchr::memchr2(b'<', b'&', rest).unwrap_or(rest.len());
                let end = end.min(max);
                text.words(part(rest, 0..end));
                end
            }
        };
    }
    text.finish()
}

/// Text as it grows, as octets: a character is never parted for long.
#[derive(Default)]
struct Text {
    out: Vec<u8>,
}

impl Text {
    fn words(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte.is_ascii_whitespace() {
                self.blank();
            } else {
                self.out.push(byte);
            }
        }
    }

    fn blank(&mut self) {
        if self.out.last().is_some_and(|last| *last != b' ') {
            self.out.push(b' ');
        }
    }

    fn finish(self) -> String {
        // Only the end can lie within a character: where the text was cut.
        let valid = self.out.utf8_chunks().next();
        valid
            .map_or("", |chunk| chunk.valid())
            .trim_end()
            .to_owned()
    }
}

/// Passes over a tag or comment; gives its length.
fn markup(rest: &[u8], text: &mut Text) -> usize {
    if let Some(comment) = rest.strip_prefix(b"<!--") {
        return memchr::memmem::find(comment, b"-->").map_or(rest.len(), |at| 4 + at + 3);
    }
    let is_closing = rest.get(1) == Some(&b'/');
    let start = if is_closing { 2 } else { 1 };
    match rest.get(start) {
        Some(b'!' | b'?') => {}
        Some(byte) if byte.is_ascii_alphabetic() => {}
        _ => {
            text.words(b"<");
            return 1;
        }
    }
    let name: Vec<u8> = rest
        .iter()
        .skip(start)
        .take(NAME_MAX_BYTES)
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .map(u8::to_ascii_lowercase)
        .collect();
    if !INLINE.contains(&name.as_slice()) {
        text.blank();
    }
    let end = tag_end(rest);
    if !is_closing && HIDDEN.contains(&name.as_slice()) {
        return end + hidden_length(part(rest, end..rest.len()), &name);
    }
    end
}

/// The length of a tag: up to its `>`, which may also stand in a quoted value.
fn tag_end(rest: &[u8]) -> usize {
    let mut quote = None;
    for (at, &byte) in rest.iter().enumerate() {
        match quote {
            Some(open) if byte == open => quote = None,
            Some(_) => {}
            None if byte == b'>' => return at + 1,
            None if matches!(byte, b'"' | b'\'') => quote = Some(byte),
            None => {}
        }
    }
    // A quote that stays open hides no more than its tag.
    memchr::memchr(b'>', rest).map_or(rest.len(), |at| at + 1)
}

/// How far it is to the end tag of an element that is hidden.
fn hidden_length(rest: &[u8], name: &[u8]) -> usize {
    memchr::memmem::find_iter(rest, b"</")
        .find(|at| {
            let end = part(rest, at + 2..at + 2 + name.len());
            end.eq_ignore_ascii_case(name)
        })
        .unwrap_or(rest.len())
}

/// A character reference; gives its length.
fn reference(rest: &[u8], text: &mut Text) -> usize {
    let window = rest.get(..REFERENCE_MAX_BYTES).unwrap_or(rest);
    let name_end = window
        .iter()
        .skip(1)
        .position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'#')
        .map(|at| at + 1);
    let Some(end) = name_end.filter(|at| window.get(*at) == Some(&b';')) else {
        text.words(b"&");
        return 1;
    };
    let mut decoded = String::new();
    add_html_token(&mut decoded, part(window, 0..end + 1), false);
    text.words(decoded.replace('\u{a0}', " ").as_bytes());
    end + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_go_and_words_stay_apart() {
        let html = "<html><head><title>no</title></head><body><p>Hel<b>lo</b>,<br>you</p>\n<td>a</td><td>b</td></body>";
        assert_eq!(to_text(html, 1_000), "Hello, you a b");
    }

    #[test]
    fn what_is_hidden_stays_hidden() {
        let html = "a<script>if (1 < 2) alert('</b>')</script>b<style>c</style>d<!-- <p>e --> f";
        assert_eq!(to_text(html, 1_000), "a b d f");
        assert_eq!(to_text("a<script>open", 1_000), "a");
        assert_eq!(to_text("a<!-- open", 1_000), "a");
    }

    #[test]
    fn references_are_decoded() {
        let html = "K&ouml;ln &amp; &#65;&#x42;&nbsp;&unknown; AT&T &#xffffffff; &";
        assert_eq!(to_text(html, 1_000), "Köln & AB &unknown; AT&T \u{fffd} &");
    }

    #[test]
    fn quotes_hide_the_end_of_a_tag() {
        assert_eq!(to_text("<a title=\">\">x</a> y", 1_000), "x y");
        assert_eq!(to_text("<a title=\">x</a> y", 1_000), "x y");
        assert_eq!(to_text("1 < 2 <", 1_000), "1 < 2 <");
    }

    #[test]
    fn tags_that_never_end_cost_no_square() {
        for tag in [
            "<a ",
            "<a \"",
            "<a '>",
            "<script>",
            "<!--",
            "&",
            "<",
            "<a '>\"",
            "</script ",
        ] {
            let _ = to_text(&tag.repeat(1 << 18), usize::MAX);
        }
    }

    #[test]
    fn the_text_is_cut() {
        assert!(to_text(&"ä".repeat(10_000), 101).len() <= 105);
    }
}
