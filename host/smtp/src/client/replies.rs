//! Answers of a server, as they come (RFC 5321 §4.2).

use crate::reply::{EnhancedCode, Reply};

use super::error::{ClientError, Step};

/// The longest answer that is read, all its lines together, in octets. RFC 5321 §4.5.3.1.5 has lines of 512; no honest
/// answer comes near.
pub const REPLY_MAX_BYTES: usize = 64 * 1024;
/// Of an answer's text, what is kept: it goes into logs, queues and reports.
const TEXT_MAX_BYTES: usize = 2 * 1024;

/// Gathers one answer line by line.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    code: Option<u16>,
    enhanced: Option<EnhancedCode>,
    text: String,
}

impl Gathered {
    /// Takes a line without its end; the answer, if the line was its last.
    pub(super) fn line(&mut self, line: &[u8], step: Step) -> Result<Option<Reply>, ClientError> {
        let odd = ClientError::Protocol(step, "what the server said is no answer");
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some((code, is_last, text)) = split(line) else {
            return Err(odd);
        };
        if *self.code.get_or_insert(code) != code {
            return Err(odd);
        }
        self.add(code, text);
        if !is_last {
            return Ok(None);
        }
        let gathered = std::mem::take(self);
        Ok(Some(Reply {
            code,
            enhanced: gathered.enhanced,
            text: gathered.text,
        }))
    }

    fn add(&mut self, code: u16, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let text = text.replace(|c: char| c.is_control() && c != '\t', "\u{fffd}");
        // Every line has the enhanced code (RFC 2034 §4).
        let text = match enhanced(code, &text) {
            Some((enhanced, rest)) => {
                self.enhanced.get_or_insert(enhanced);
                rest
            }
            None => text.as_str(),
        };
        let room = TEXT_MAX_BYTES.saturating_sub(self.text.len());
        if room > 0 {
            if !self.text.is_empty() {
                self.text.push('\n');
            }
            let (text, _) = text.split_at(text.floor_char_boundary(room));
            self.text.push_str(text);
        }
    }
}

/// `250-text` or `250 text`, or the code alone: the code, whether it is the last line, and the text.
fn split(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (code, rest) = line.split_at_checked(3)?;
    let code: u16 = std::str::from_utf8(code).ok()?.parse().ok()?;
    if !(200..600).contains(&code) {
        return None;
    }
    match rest.split_first() {
        None => Some((code, true, rest)),
        Some((b' ', text)) => Some((code, true, text)),
        Some((b'-', text)) => Some((code, false, text)),
        Some(_) => None,
    }
}

/// The enhanced code that a text begins with, if its class is the code's (RFC 2034 §4), and the text behind it.
fn enhanced(code: u16, text: &str) -> Option<(EnhancedCode, &str)> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut numbers = word.split('.');
    let class: u8 = numbers.next()?.parse().ok()?;
    let subject: u16 = numbers.next()?.parse().ok()?;
    let detail: u16 = numbers.next()?.parse().ok()?;
    let fits = u16::from(class) == code / 100 && subject < 1000 && detail < 1000;
    (fits && numbers.next().is_none()).then_some((EnhancedCode(class, subject, detail), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gather(lines: &[&str]) -> Result<Option<Reply>, ClientError> {
        let mut gathered = Gathered::default();
        let mut reply = None;
        for line in lines {
            reply = gathered.line(line.as_bytes(), Step::Mail)?;
        }
        Ok(reply)
    }

    #[test]
    fn answers_are_gathered() {
        for (lines, expected) in [
            (vec!["250 ok"], Reply::plain(250, "ok")),
            (vec!["250"], Reply::plain(250, "")),
            (
                vec!["250-mx.example\r", "250 DSN\r"],
                Reply::plain(250, "mx.example\nDSN"),
            ),
            (
                vec!["550-5.1.1 no", "550 5.1.1 such user"],
                Reply::new(550, EnhancedCode(5, 1, 1), "no\nsuch user"),
            ),
            // The class is not the code's.
            (vec!["450 5.1.1 no"], Reply::plain(450, "5.1.1 no")),
            (vec!["250 a\u{1b}b"], Reply::plain(250, "a\u{fffd}b")),
        ] {
            assert_eq!(gather(&lines).unwrap(), Some(expected), "{lines:?}");
        }
        assert_eq!(gather(&["250-more"]).unwrap(), None);
        let long = "x".repeat(2 * TEXT_MAX_BYTES);
        let reply = gather(&[&format!("250 {long}")]).unwrap().unwrap();
        assert_eq!(reply.text.len(), TEXT_MAX_BYTES);
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for lines in [
            vec![""],
            vec!["25"],
            vec!["hello"],
            vec!["250?"],
            vec!["199 no"],
            vec!["600 no"],
            vec!["+25 no"],
            vec!["250-a", "251 b"],
        ] {
            assert!(gather(&lines).is_err(), "{lines:?}");
        }
    }
}
