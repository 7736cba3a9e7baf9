//! mbox (RFC 4155, appendix A), with lines that look like separators marked with `>`.

use std::io::{self, BufRead, Read, Write};

use super::{LineBreaks, ReadError, Stored, is_message};
use crate::bytes::{head, without_break};
use crate::limits::MESSAGE_MAX_BYTES;

/// How lines that begin with `From ` within a message are marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MboxQuoting {
    /// `>` before any number of `>` and `From `. It can be undone, and is what is written.
    #[default]
    Mboxrd,
    /// `>` before `From ` alone: a line that had one already is left as it is.
    Mboxo,
}

/// Bytes of a line that are looked at at once: longer lines come in pieces.
const PIECE_BYTES: u64 = 64 << 10;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Reads the messages of an mbox. A separator is a line that begins with `From ` and has a time of day in it, at the
/// start or behind an empty line.
#[derive(Debug)]
pub struct MboxReader<R> {
    input: R,
    /// For errors.
    name: String,
    quoting: MboxQuoting,
    /// Bytes read.
    offset: u64,
    /// The separator of the message that comes next, and where it was.
    separator: Option<(Vec<u8>, u64)>,
    has_begun: bool,
    has_ended: bool,
}

/// A piece of a line.
struct Piece {
    bytes: Vec<u8>,
    is_line_start: bool,
}

impl<R: BufRead> MboxReader<R> {
    /// A reader of `input`, which errors call `name`.
    pub fn new(input: R, name: impl Into<String>, quoting: MboxQuoting) -> Self {
        Self {
            input,
            name: name.into(),
            quoting,
            offset: 0,
            separator: None,
            has_begun: false,
            has_ended: false,
        }
    }

    /// The next piece of a line; empty at the end.
    fn piece(&mut self, is_line_start: bool) -> io::Result<Piece> {
        let mut bytes = Vec::new();
        let mut limited = self.input.by_ref().take(PIECE_BYTES);
        self.offset += limited.read_until(b'\n', &mut bytes)? as u64;
        Ok(Piece {
            bytes,
            is_line_start,
        })
    }

    /// Reads up to the next separator; gives what lay before it, or nothing of it where it was too large.
    fn body(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut body = Vec::new();
        let mut fits = true;
        let mut is_line_start = true;
        // The start of the file is as good as an empty line.
        let mut behind_empty = !self.has_begun;
        loop {
            let start = self.offset;
            let piece = self.piece(is_line_start)?;
            if piece.bytes.is_empty() {
                self.has_ended = true;
                break;
            }
            if piece.is_line_start && behind_empty && is_separator(&piece.bytes) {
                self.separator = Some((piece.bytes, start));
                break;
            }
            behind_empty = piece.is_line_start && without_break(&piece.bytes).is_empty();
            is_line_start = piece.bytes.ends_with(b"\n");
            fits &= body.len() + piece.bytes.len() < MESSAGE_MAX_BYTES;
            if fits {
                append(&mut body, &piece, self.quoting);
            }
        }
        self.has_begun = true;
        // The empty line before a separator, and at the end, belongs to it.
        if body.ends_with(b"\r\n\r\n") {
            body.truncate(body.len() - 2);
        }
        Ok(fits.then_some(body))
    }

    fn message(&mut self) -> Result<Option<Stored>, ReadError> {
        let wrap = |name: &str, error| ReadError::Io {
            place: name.to_owned(),
            error,
        };
        let separator = self.separator.take();
        let start = separator.as_ref().map_or(0, |(_, offset)| *offset);
        let body = self.body().map_err(|error| wrap(&self.name, error))?;
        let place = || format!("{} at byte {start}", self.name);
        let Some(bytes) = body else {
            return Err(ReadError::TooLarge { place: place() });
        };
        let is_before_first = separator.is_none();
        if is_before_first && bytes.trim_ascii().is_empty() {
            return Ok(None);
        }
        if !is_message(&bytes) {
            return Err(ReadError::NotAMessage { place: place() });
        }
        let (keywords, is_deleted) = status(&bytes);
        Ok(Some(Stored {
            folder: Vec::new(),
            keywords,
            is_deleted,
            received_us: separator.and_then(|(line, _)| separator_time_us(&line)),
            bytes,
        }))
    }
}

impl<R: BufRead> Iterator for MboxReader<R> {
    type Item = Result<Stored, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let is_over = self.has_ended && self.separator.is_none();
            if is_over {
                return None;
            }
            match self.message() {
                Ok(Some(message)) => return Some(Ok(message)),
                Ok(None) => {}
                Err(error) => {
                    self.has_ended |= matches!(error, ReadError::Io { .. });
                    return Some(Err(error));
                }
            }
        }
    }
}

/// Appends a piece of a line without its mark, its line break as CRLF.
fn append(body: &mut Vec<u8>, piece: &Piece, quoting: MboxQuoting) {
    let mut bytes = piece.bytes.as_slice();
    if piece.is_line_start
        && let Some(rest) = bytes.strip_prefix(b">")
    {
        let unmarked = match quoting {
            MboxQuoting::Mboxrd => without_marks(rest),
            MboxQuoting::Mboxo => rest,
        };
        if unmarked.starts_with(b"From ") {
            bytes = rest;
        }
    }
    match bytes.strip_suffix(b"\n") {
        Some(line) => {
            body.extend_from_slice(line);
            if body.last() != Some(&b'\r') {
                body.push(b'\r');
            }
            body.push(b'\n');
        }
        None => body.extend_from_slice(bytes),
    }
}

fn without_marks(line: &[u8]) -> &[u8] {
    let marks = line.iter().take_while(|byte| **byte == b'>').count();
    line.get(marks..).unwrap_or_default()
}

/// Whether a line is `From `, something, and a time of day: prose hardly has both.
fn is_separator(line: &[u8]) -> bool {
    line.starts_with(b"From ") && words(line).any(|word| time_of_day(&word).is_some())
}

fn words(line: &[u8]) -> impl Iterator<Item = String> {
    /// Far more than a separator has.
    const MAX_BYTES: usize = 1_000;
    let line = String::from_utf8_lossy(head(line, MAX_BYTES)).into_owned();
    let words: Vec<String> = line.split_whitespace().skip(1).map(str::to_owned).collect();
    words.into_iter()
}

/// Seconds of `12:34` or `12:34:56`.
fn time_of_day(word: &str) -> Option<u64> {
    let mut parts = word.split(':').map(|part| {
        let is_number = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse().ok().filter(|_| is_number)
    });
    let hour: u64 = parts.next()??;
    let minute: u64 = parts.next()??;
    let second: u64 = parts.next().unwrap_or(Some(0))?;
    let is_time = hour < 24 && minute < 60 && second <= 60 && parts.next().is_none();
    is_time.then_some((hour * 60 + minute) * 60 + second)
}

/// The time of a separator, in UTC (RFC 4155): `From address Thu Nov 26 03:04:05 2026`.
fn separator_time_us(line: &[u8]) -> Option<u64> {
    let words: Vec<String> = words(line).collect();
    let time = words.iter().rposition(|word| time_of_day(word).is_some())?;
    let seconds = time_of_day(words.get(time)?)?;
    let day: u8 = words.get(time.checked_sub(1)?)?.parse().ok()?;
    let month = words.get(time.checked_sub(2)?)?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|name| *name == month)?;
    // A zone may stand before the year.
    let mut behind = words.iter().skip(time + 1);
    let year: u16 = behind.find_map(|word| word.parse().ok().filter(|_| word.len() == 4))?;
    let date = mail_parser::DateTime {
        year,
        month: u8::try_from(month + 1).ok()?,
        day,
        ..mail_parser::DateTime::from_timestamp(0)
    };
    let midnight = u64::try_from(date.to_timestamp()).ok()?;
    date.is_valid().then_some((midnight + seconds) * 1_000_000)
}

/// The keywords in Status and X-Status, which mail programs add to messages in mboxes.
fn status(bytes: &[u8]) -> (Vec<String>, bool) {
    let block = crate::header::Block::find(bytes, 0, |_| false);
    let header = crate::bytes::part(bytes, block.header);
    let mut flags = Vec::new();
    for field in crate::header::Fields::of(header) {
        if field.is("Status") || field.is("X-Status") {
            flags.extend_from_slice(head(field.value, 64));
        }
    }
    let known = [
        (b'R', "$seen"),
        (b'A', "$answered"),
        (b'F', "$flagged"),
        (b'T', "$draft"),
    ];
    let keywords = known.iter().filter(|(flag, _)| flags.contains(flag));
    let keywords = keywords.map(|(_, keyword)| (*keyword).to_owned());
    (keywords.collect(), flags.contains(&b'D'))
}

/// Writes messages as mboxrd. Folders and keywords have no place in it: a folder is a file of its own.
#[derive(Debug)]
pub struct MboxWriter<W> {
    out: W,
    line_breaks: LineBreaks,
}

impl<W: Write> MboxWriter<W> {
    /// A writer into `out`.
    pub fn new(out: W, line_breaks: LineBreaks) -> Self {
        Self { out, line_breaks }
    }

    /// Writes a message behind a separator with the time of its receipt.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&mut self, message: &Stored) -> io::Result<()> {
        let line_break: &[u8] = match self.line_breaks {
            LineBreaks::AsStored => b"\r\n",
            LineBreaks::Unix => b"\n",
        };
        let time = asctime(message.received_us.unwrap_or(0));
        write!(self.out, "From MAILER-DAEMON {time}")?;
        self.out.write_all(line_break)?;
        let bytes = self.line_breaks.of(&message.bytes);
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if without_marks(line).starts_with(b"From ") {
                self.out.write_all(b">")?;
            }
            self.out.write_all(line)?;
        }
        if !bytes.ends_with(b"\n") {
            self.out.write_all(line_break)?;
        }
        self.out.write_all(line_break)
    }

    /// Gives the writer back.
    ///
    /// # Errors
    /// Those of its flush.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// `Thu Nov 26 03:04:05 2026`, in UTC.
fn asctime(time_us: u64) -> String {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const NAMES: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let seconds = i64::try_from(time_us / 1_000_000).unwrap_or(0);
    let date = mail_parser::DateTime::from_timestamp(seconds);
    let day_of_week = DAYS.get(usize::from(date.day_of_week())).unwrap_or(&"Thu");
    let month = usize::from(date.month).saturating_sub(1);
    let month = NAMES.get(month).unwrap_or(&"Jan");
    format!(
        "{day_of_week} {month} {:>2} {:02}:{:02}:{:02} {:04}",
        date.day, date.hour, date.minute, date.second, date.year
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mbox: &[u8], quoting: MboxQuoting) -> Vec<Result<Stored, ReadError>> {
        MboxReader::new(mbox, "test", quoting).collect()
    }

    fn bodies(mbox: &[u8]) -> Vec<String> {
        read(mbox, MboxQuoting::Mboxrd)
            .into_iter()
            .map(|message| String::from_utf8(message.unwrap().bytes).unwrap())
            .collect()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let bodies = [
            "A: 1\r\n\r\nFrom here\r\n>From there 12:00\r\n>>From\r\n\r\nFrom x 12:00 2026\r\n",
            "A: 2\r\n\r\n\r\n\r\n",
            "A: 3\r\n",
            "A: 4\r\n\r\n",
        ];
        let messages = bodies.map(|body| Stored {
            received_us: Some(1_795_662_245_000_000),
            bytes: body.as_bytes().to_vec(),
            ..Stored::default()
        });
        for line_breaks in [LineBreaks::AsStored, LineBreaks::Unix] {
            let mut writer = MboxWriter::new(Vec::new(), line_breaks);
            for message in &messages {
                writer.write(message).unwrap();
            }
            let mbox = writer.finish().unwrap();
            let again = read(&mbox, MboxQuoting::Mboxrd);
            let again: Result<Vec<_>, _> = again.into_iter().collect();
            assert_eq!(again.unwrap(), messages, "{line_breaks:?}");
        }
    }

    #[test]
    fn separators_have_a_time_and_an_empty_line_before() {
        let mbox = b"From a@b Thu Nov 26 03:04:05 2026\nA: 1\n\nFrom now on we\nFrom a 12:34 x\n\nFrom b@c Thu Nov 26 03:04 2026\nB: 2\n\ny";
        assert_eq!(
            bodies(mbox),
            [
                "A: 1\r\n\r\nFrom now on we\r\nFrom a 12:34 x\r\n",
                "B: 2\r\n\r\ny"
            ]
        );
    }

    #[test]
    fn marks_of_the_old_form_are_taken_once() {
        let mbox = b"From a 00:00\nA: 1\n\n>From x\n>>From y\n";
        let read = read(mbox, MboxQuoting::Mboxo);
        let bytes = &read[0].as_ref().unwrap().bytes;
        assert_eq!(bytes, b"A: 1\r\n\r\nFrom x\r\n>>From y\r\n");
    }

    #[test]
    fn times_and_flags_are_read() {
        let mbox = b"From a@b Thu Nov 26 03:04:05 2026\nStatus: RO\nX-Status: AD\n\nx\n\n\
            From b Thu Nov  6 03:04:05 GMT 2026\nA: 1\n\n\nFrom c 00:00\nA: 1\n\n";
        let read: Vec<_> = read(mbox, MboxQuoting::Mboxrd)
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(read[0].received_us, Some(1_795_662_245_000_000));
        assert_eq!(read[0].keywords, ["$seen", "$answered"]);
        assert!(read[0].is_deleted);
        assert_eq!(read[1].received_us, Some(1_793_934_245_000_000));
        assert_eq!(read[2].received_us, None);
    }

    #[test]
    fn what_is_no_message_is_told_and_passed() {
        let mbox = b"garbage\n\nFrom a 00:00\n\nFrom b 00:00\nA: 1\n\nx\n";
        let read = read(mbox, MboxQuoting::Mboxrd);
        assert_eq!(read.len(), 3);
        assert!(matches!(read[0], Err(ReadError::NotAMessage { .. })));
        assert!(
            matches!(&read[1], Err(ReadError::NotAMessage { place }) if place == "test at byte 9")
        );
        assert!(read[2].is_ok());
        assert!(bodies(b"").is_empty());
        assert!(bodies(b"\n\n").is_empty());
        assert_eq!(
            bodies(b"A: 1\n\nno separator"),
            ["A: 1\r\n\r\nno separator"]
        );
    }

    #[test]
    fn a_message_that_is_too_large_is_passed_in_pieces() {
        let start = io::Cursor::new(b"From a 00:00\nA: 1\n\n".to_vec());
        let flood = io::repeat(b'x').take(MESSAGE_MAX_BYTES as u64 + 1);
        let end = io::Cursor::new(b"\n\nFrom b 00:00\nB: 2\n\ny\n".to_vec());
        let input = io::BufReader::new(start.chain(flood).chain(end));
        let read: Vec<_> = MboxReader::new(input, "test", MboxQuoting::Mboxrd).collect();
        assert!(matches!(read[0], Err(ReadError::TooLarge { .. })));
        assert_eq!(read[1].as_ref().unwrap().bytes, b"B: 2\r\n\r\ny\r\n");
        assert_eq!(read.len(), 2);
    }
}
