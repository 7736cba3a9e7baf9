//! Letters to fill mailboxes with: made of a seed, of words as often as words of a language are (Zipf's law), a fifth
//! of them answers, a tenth with an attachment. Marks in them say how many a search must find.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

/// Words of the language that letters are written in.
const WORDS: usize = 20_000;
/// Words of a letter.
const LENGTH: std::ops::Range<usize> = 60..400;
/// One of so many answers an earlier letter.
const ANSWERS: u64 = 5;
/// One of so many has an attachment.
const ATTACHMENTS: u64 = 10;
/// Bytes of an attachment.
const ATTACHMENT_BYTES: usize = 4 << 10;
/// Marks of a script. Each letter has one of them in turn.
const MARKS: u64 = 97;
/// Second marks, each of so many first ones, so that both together are rare.
const SECOND_MARKS: u64 = 13;
/// One of so many letters has a line in Cyrillic, another one in Chinese.
const SCRIPTS: u64 = 4;
/// Seconds from one letter to the next.
const APART_S: i64 = 600;
/// When the first one came: 2024-01-01.
const FIRST_S: i64 = 1_704_067_200;

/// What a search looks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// A word that one letter of 97 has.
    Word,
    /// It and another, both of which one letter of 1,261 has.
    Words,
    /// A Cyrillic word that one letter of 388 has.
    Cyrillic,
    /// A Chinese word of two characters, likewise.
    Chinese,
}

impl Wanted {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Word, Self::Words, Self::Cyrillic, Self::Chinese];

    /// What it is called in a report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Word => "one word",
            Self::Words => "two words",
            Self::Cyrillic => "a Cyrillic word",
            Self::Chinese => "a Chinese word",
        }
    }

    /// The text to search for that letter `number` has, if it has any.
    pub fn text(self, number: u64) -> Option<String> {
        let mark = number % MARKS;
        match self {
            Self::Word => Some(latin(mark)),
            Self::Words => Some(format!("{} {}", latin(mark), second(number))),
            Self::Cyrillic => number.is_multiple_of(SCRIPTS).then(|| cyrillic(mark)),
            Self::Chinese => (number % SCRIPTS == 1).then(|| chinese(mark)),
        }
    }

    /// How many of the first `letters` it finds.
    pub fn count(self, text: &str, letters: u64) -> u64 {
        let has = |number: &u64| self.text(*number).as_deref() == Some(text);
        (0..letters).filter(has).count() as u64
    }
}

/// A mark is a word of its own, with letters at its end that keep it apart from all others.
fn latin(mark: u64) -> String {
    format!("zw{}", syllables(mark + 20, &LATIN))
}

fn second(number: u64) -> String {
    format!(
        "zv{}",
        syllables(number / MARKS % SECOND_MARKS + 20, &LATIN)
    )
}

fn cyrillic(mark: u64) -> String {
    format!("щы{}", syllables(mark + 20, &CYRILLIC))
}

/// Two characters that no other text here has.
fn chinese(mark: u64) -> String {
    [0x6e00, 0x7000]
        .into_iter()
        .filter_map(|first| char::from_u32(first + u32::try_from(mark).ok()?))
        .collect()
}

const LATIN: [&str; 20] = [
    "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "qui", "ro", "su",
    "ta", "ve", "wi", "xo", "yu",
];
const CYRILLIC: [&str; 20] = [
    "ба", "ве", "ги", "до", "жу", "за", "ке", "ли", "мо", "ну", "па", "ре", "си", "то", "фу", "ха",
    "це", "чи", "шо", "юр",
];

/// A number in syllables, so that each has a word of its own.
fn syllables(mut number: u64, of: &[&str; 20]) -> String {
    let mut word = String::new();
    loop {
        word.push_str(of[(number % 20) as usize]);
        number /= 20;
        if number == 0 {
            return word;
        }
    }
}

/// Makes letters one after the other.
pub struct Letters {
    random: SmallRng,
    words: Vec<String>,
    /// Of each word the share of all that are as frequent as it or more.
    shares: Vec<f64>,
    /// In message ids, so that no two runs have the same letters.
    run: String,
    next: u64,
}

impl Letters {
    /// Letters of a seed. `run` sets them apart from others of the same seed.
    pub fn new(seed: u64, run: &str) -> Self {
        let mut sum = 0.0;
        let shares = (1..=WORDS)
            .map(|rank| {
                sum += 1.0 / rank as f64;
                sum
            })
            .collect();
        Self {
            random: SmallRng::seed_from_u64(seed),
            words: (0..WORDS as u64)
                .map(|number| syllables(number + 20, &LATIN))
                .collect(),
            shares,
            run: run.to_owned(),
            next: 0,
        }
    }

    /// When the next one came.
    pub fn received(&self) -> Timestamp {
        let second = FIRST_S + self.next as i64 * APART_S;
        Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The next letter, its lines ending in CRLF.
    pub fn letter(&mut self) -> String {
        let number = self.next;
        let date = self.received().strftime("%a, %d %b %Y %H:%M:%S +0000");
        let (from, subject) = (self.random.random_range(0..500), self.words(5));
        let run = self.run.clone();
        let mut letter = format!(
            "From: Person {from} <person{from}@example.net>\r\nTo: Bench <bench@example.org>\r\n\
             Subject: {subject}\r\nDate: {date}\r\nMessage-ID: <{number}.{run}@example.net>\r\n\
             MIME-Version: 1.0\r\n"
        );
        if number > 0 && self.random.random_range(0..ANSWERS) == 0 {
            let answered = self.random.random_range(0..number);
            // Writing to a string cannot fail.
            let _ = write!(
                letter,
                "In-Reply-To: <{answered}.{run}@example.net>\r\nReferences: <{answered}.{run}@example.net>\r\n"
            );
        }
        let text = self.text(number);
        let plain =
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";
        match self.random.random_range(0..ATTACHMENTS) {
            0 => {
                let attachment = self.attachment();
                let _ = write!(
                    letter,
                    "Content-Type: multipart/mixed; boundary=part\r\n\r\n--part\r\n{plain}{text}\r\n--part\r\n\
                     Content-Type: application/octet-stream; name=data.bin\r\n\
                     Content-Disposition: attachment; filename=data.bin\r\n\
                     Content-Transfer-Encoding: base64\r\n\r\n{attachment}--part--\r\n"
                );
            }
            _ => letter.extend([plain, text.as_str()]),
        }
        self.next += 1;
        letter
    }

    fn text(&mut self, number: u64) -> String {
        let count = self.random.random_range(LENGTH);
        let mut text = String::new();
        if let Some(mark) = Wanted::Words.text(number) {
            text.extend([mark.as_str(), ".\r\n"]);
        }
        if let Some(mark) = Wanted::Cyrillic.text(number) {
            text.extend([self.cyrillic().as_str(), &mark, ".\r\n"]);
        }
        if let Some(mark) = Wanted::Chinese.text(number) {
            text.extend([self.chinese().as_str(), &mark, "。\r\n"]);
        }
        for from in (0..count).step_by(12) {
            text.push_str(&self.words(12.min(count - from)));
            text.push_str(".\r\n");
        }
        text
    }

    /// Lines of words, of so many bytes or a line more, ending in LF.
    pub fn prose(&mut self, bytes: usize) -> String {
        let mut prose = String::new();
        while prose.len() < bytes {
            prose.push_str(&self.words(12));
            prose.push_str(".\n");
        }
        prose
    }

    fn words(&mut self, count: usize) -> String {
        let mut words = String::new();
        let all = self.shares.last().copied().unwrap_or(1.0);
        for index in 0..count {
            let share = self.random.random_range(0.0..all);
            let word = self.shares.partition_point(|before| *before <= share);
            if index > 0 {
                words.push(' ');
            }
            words.push_str(&self.words[word.min(WORDS - 1)]);
        }
        words
    }

    fn cyrillic(&mut self) -> String {
        (0..30)
            .map(|_| syllables(self.random.random_range(20..8_000), &CYRILLIC) + " ")
            .collect()
    }

    /// Its characters are no mark's.
    fn chinese(&mut self) -> String {
        (0..60)
            .filter_map(|_| char::from_u32(self.random.random_range(0x5000..0x5400)))
            .collect()
    }

    fn attachment(&mut self) -> String {
        let bytes: Vec<u8> = (0..ATTACHMENT_BYTES)
            .map(|_| self.random.random())
            .collect();
        let mut lines = String::new();
        for line in bytes.chunks(57) {
            lines.push_str(&STANDARD.encode(line));
            lines.push_str("\r\n");
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_for_a_mark_finds_as_many_letters_as_have_it() {
        let mut letters = Letters::new(1, "test");
        let texts: Vec<String> = (0..2_000).map(|_| letters.letter()).collect();
        for wanted in Wanted::ALL {
            for number in [1_000, 1_001] {
                let Some(text) = wanted.text(number) else {
                    continue;
                };
                let marks: Vec<&str> = text.split(' ').collect();
                let has = |letter: &&String| marks.iter().all(|mark| letter.contains(mark));
                let found = texts.iter().filter(has).count() as u64;
                assert_eq!(found, wanted.count(&text, 2_000), "{text}");
                assert!(found > 0);
            }
        }
    }

    #[test]
    fn letters_are_those_of_their_seed() {
        let all = |seed| {
            let mut letters = Letters::new(seed, "test");
            (0..50).map(|_| letters.letter()).collect::<Vec<_>>()
        };
        assert_eq!(all(1), all(1));
        assert_ne!(all(1), all(2));
        assert!(
            all(1)
                .iter()
                .any(|letter| letter.contains("multipart/mixed"))
        );
        assert!(all(1).iter().any(|letter| letter.contains("In-Reply-To")));
    }
}
