//! The smallest reader of HTTP/1.1 responses that can tell where one ends
//! (RFC 9112 §6.3).

use memchr::{memchr, memmem};

/// A head longer than this is an error; no server here comes near it.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Bytes of an unexpected answer kept for the message.
const ERROR_EXCERPT_BYTES: usize = 600;

/// Where the reader is in the response.
enum Phase {
    Head,
    /// So many bytes of the body are to come.
    Sized(u64),
    Chunked(Chunk),
    UntilClose,
    Done,
}

/// Where the reader is in chunked framing (RFC 9112 §7.1).
enum Chunk {
    /// In the size line; what was read of it.
    Size {
        value: u64,
        extension: bool,
    },
    Data(u64),
    /// In the line end after a chunk's data.
    DataEnd,
    /// In the trailer section; bytes in the line so far.
    Trailer {
        line: usize,
    },
}

/// Reads one response after another from one connection.
pub struct ResponseReader {
    phase: Phase,
    /// What was read of a head that came in pieces.
    head: Vec<u8>,
    head_only: bool,
    expect_status: u16,
    keep_everything: bool,
    keep_limit: usize,
    /// The status line's code.
    pub status: u16,
    /// Bytes of the body so far.
    pub received: u64,
    /// What was kept of the body.
    pub kept: Vec<u8>,
    /// The server closes the connection after this response.
    pub close: bool,
}

impl ResponseReader {
    pub fn new() -> Self {
        Self {
            phase: Phase::Done,
            head: Vec::new(),
            head_only: false,
            expect_status: 200,
            keep_everything: false,
            keep_limit: 0,
            status: 0,
            received: 0,
            kept: Vec::new(),
            close: false,
        }
    }

    /// Prepares for the response to the next request.
    pub fn expect(&mut self, status: u16, head_only: bool, keep_everything: bool) {
        self.phase = Phase::Head;
        self.head.clear();
        self.head_only = head_only;
        self.expect_status = status;
        self.keep_everything = keep_everything;
        self.received = 0;
        self.kept.clear();
        self.close = false;
    }

    /// Takes bytes in; true when the response is complete. An error says what
    /// is wrong with them.
    pub fn feed(&mut self, mut input: &[u8]) -> Result<bool, String> {
        loop {
            match &mut self.phase {
                Phase::Head => match self.take_head(input)? {
                    Some(rest) => input = rest,
                    None => return Ok(false),
                },
                Phase::Sized(left) => {
                    let run = (input.len() as u64).min(*left) as usize;
                    *left -= run as u64;
                    if *left == 0 {
                        self.phase = Phase::Done;
                    }
                    let (data, rest) = input.split_at(run);
                    self.take_data(data);
                    input = rest;
                    if !matches!(self.phase, Phase::Done) {
                        return Ok(false);
                    }
                }
                Phase::Chunked(_) => match self.take_chunked(input)? {
                    Some(rest) => input = rest,
                    None => return Ok(false),
                },
                Phase::UntilClose => {
                    self.take_data(input);
                    return Ok(false);
                }
                Phase::Done if input.is_empty() => return Ok(true),
                Phase::Done => return Err(format!("{} bytes after the response", input.len())),
            }
        }
    }

    /// The connection ended: true when that ends the response too.
    pub fn end(&mut self) -> bool {
        self.close = true;
        matches!(self.phase, Phase::UntilClose)
    }

    fn take_data(&mut self, data: &[u8]) {
        self.received += data.len() as u64;
        let room = self.keep_limit.saturating_sub(self.kept.len());
        if room > 0 {
            self.kept.extend_from_slice(&data[..data.len().min(room)]);
        }
    }

    /// Reads the head; gives what follows it, or nothing if more is needed.
    fn take_head<'a>(&mut self, input: &'a [u8]) -> Result<Option<&'a [u8]>, String> {
        if self.head.is_empty()
            && let Some(end) = memmem::find(input, b"\r\n\r\n")
        {
            self.parse_head(&input[..end + 2])?;
            return Ok(Some(&input[end + 4..]));
        }
        let before = self.head.len();
        self.head.extend_from_slice(input);
        let Some(end) = memmem::find(&self.head, b"\r\n\r\n") else {
            if self.head.len() > MAX_HEAD_BYTES {
                return Err("the response's head does not end".into());
            }
            return Ok(None);
        };
        let head = std::mem::take(&mut self.head);
        self.parse_head(&head[..end + 2])?;
        Ok(Some(&input[end + 4 - before..]))
    }

    /// Reads status, length and connection of a head whose lines all end.
    fn parse_head(&mut self, head: &[u8]) -> Result<(), String> {
        self.status = status_of(head).ok_or_else(|| excerpt("no status line", head))?;
        if (100..200).contains(&self.status) {
            // An interim response: the final one follows.
            return Ok(());
        }
        let mut length = None;
        let mut chunked = false;
        for line in lines(head).skip(1) {
            if let Some(value) = header(line, b"content-length") {
                length = std::str::from_utf8(value)
                    .ok()
                    .and_then(|text| text.parse().ok());
            } else if let Some(value) = header(line, b"transfer-encoding") {
                chunked = value.eq_ignore_ascii_case(b"chunked");
            } else if let Some(value) = header(line, b"connection") {
                self.close = value.eq_ignore_ascii_case(b"close");
            }
        }
        let expected = self.status == self.expect_status;
        self.keep_limit = match (expected, self.keep_everything) {
            (true, true) => usize::MAX,
            (true, false) => 0,
            (false, _) => ERROR_EXCERPT_BYTES,
        };
        let bodiless = self.head_only || matches!(self.status, 204 | 304);
        self.phase = match (bodiless, chunked, length) {
            (true, _, _) | (false, false, Some(0)) => Phase::Done,
            (false, true, _) => Phase::Chunked(Chunk::Size {
                value: 0,
                extension: false,
            }),
            (false, false, Some(length)) => Phase::Sized(length),
            (false, false, None) => Phase::UntilClose,
        };
        Ok(())
    }

    /// Reads chunked framing; gives what follows the body, or nothing if more
    /// is needed.
    fn take_chunked<'a>(&mut self, mut input: &'a [u8]) -> Result<Option<&'a [u8]>, String> {
        while let Some((&byte, after)) = input.split_first() {
            let Phase::Chunked(chunk) = &mut self.phase else {
                return Ok(Some(input));
            };
            match chunk {
                Chunk::Size { value, extension } => {
                    input = after;
                    match byte {
                        b'\n' if *value == 0 => *chunk = Chunk::Trailer { line: 0 },
                        b'\n' => *chunk = Chunk::Data(*value),
                        b'\r' => {}
                        b';' => *extension = true,
                        _ if *extension => {}
                        _ => {
                            let digit = (byte as char).to_digit(16).ok_or("a bad chunk size")?;
                            *value = value.checked_mul(16).ok_or("a chunk too large")?
                                + u64::from(digit);
                        }
                    }
                }
                Chunk::Data(left) => {
                    let run = (input.len() as u64).min(*left) as usize;
                    *left -= run as u64;
                    if *left == 0 {
                        *chunk = Chunk::DataEnd;
                    }
                    let (data, rest) = input.split_at(run);
                    self.take_data(data);
                    input = rest;
                }
                Chunk::DataEnd => {
                    input = after;
                    if byte == b'\n' {
                        *chunk = Chunk::Size {
                            value: 0,
                            extension: false,
                        };
                    }
                }
                Chunk::Trailer { line } => {
                    input = after;
                    match byte {
                        b'\n' if *line == 0 => self.phase = Phase::Done,
                        b'\n' => *line = 0,
                        b'\r' => {}
                        _ => *line += 1,
                    }
                }
            }
        }
        Ok(matches!(self.phase, Phase::Done).then_some(input))
    }
}

/// `HTTP/1.1 200 OK` → 200.
fn status_of(head: &[u8]) -> Option<u16> {
    if !head.starts_with(b"HTTP/1.") {
        return None;
    }
    std::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()
}

/// The lines of a head without their ends.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = head;
    std::iter::from_fn(move || {
        let end = memchr(b'\n', rest)?;
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        rest = &rest[end + 1..];
        Some(line)
    })
}

/// The trimmed value when `line` is the header `name` (lower case).
fn header<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (found, value) = line.split_at_checked(name.len())?;
    if !found.eq_ignore_ascii_case(name) {
        return None;
    }
    Some(value.strip_prefix(b":")?.trim_ascii())
}

/// A message with the beginning of the bytes it is about.
fn excerpt(what: &str, bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(ERROR_EXCERPT_BYTES)];
    format!("{what}: {}", String::from_utf8_lossy(shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `text` whole and in pieces of every size; both must agree.
    fn read(text: &[u8]) -> ResponseReader {
        let mut whole = ResponseReader::new();
        whole.expect(200, false, true);
        assert_eq!(whole.feed(text), Ok(true));
        for size in 1..text.len() {
            let mut pieces = ResponseReader::new();
            pieces.expect(200, false, true);
            let mut complete = false;
            for piece in text.chunks(size) {
                assert!(!complete, "complete before the end in pieces of {size}");
                complete = pieces.feed(piece).unwrap();
            }
            assert!(complete, "not complete in pieces of {size}");
            assert_eq!(pieces.kept, whole.kept);
        }
        whole
    }

    #[test]
    fn a_sized_body_ends_at_its_length() {
        let reader = read(b"HTTP/1.1 200 OK\r\ncontent-Length: 5\r\nx: y\r\n\r\nhello");
        assert_eq!(reader.kept, b"hello");
        assert!(!reader.close);
    }

    #[test]
    fn a_chunked_body_ends_at_its_last_chunk() {
        let text = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
            5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nsum: 1\r\n\r\n";
        assert_eq!(read(text).kept, b"hello!");
    }

    #[test]
    fn an_interim_response_is_passed_over() {
        let text = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let reader = read(text);
        assert_eq!(reader.status, 200);
        assert!(reader.close);
    }

    #[test]
    fn no_length_means_until_close() {
        let mut reader = ResponseReader::new();
        reader.expect(200, false, true);
        assert_eq!(reader.feed(b"HTTP/1.1 200 OK\r\n\r\nabc"), Ok(false));
        assert!(reader.end());
        assert_eq!(reader.received, 3);
    }

    #[test]
    fn bytes_beyond_the_response_are_an_error() {
        let mut reader = ResponseReader::new();
        reader.expect(200, false, false);
        assert!(
            reader
                .feed(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab")
                .is_err()
        );
    }

    #[test]
    fn an_unexpected_answer_is_kept_for_the_message() {
        let mut reader = ResponseReader::new();
        reader.expect(200, false, false);
        let text = b"HTTP/1.1 503 Slow Down\r\ncontent-length: 4\r\n\r\nslow";
        assert_eq!(reader.feed(text), Ok(true));
        assert_eq!((reader.status, &*reader.kept), (503, &b"slow"[..]));
    }
}
