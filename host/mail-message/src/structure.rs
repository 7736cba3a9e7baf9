//! The parts of a message (RFC 2046 §5.1), found in one pass over its lines.
//!
//! A message within a message (`message/rfc822`) is a part without structure, as in RFC 8621 §4.1.4, so that it does
//! not matter how deep messages lie in each other.

use std::ops::Range;

use crate::bytes::{line_end, part, without_break};
use crate::header::{Block, Fields, Parameters, text};
use crate::limits::{NESTING_MAX, PARTS_MAX};
use crate::transfer::Encoding;

/// A part where it lies. In preorder these are the tree.
#[derive(Debug)]
pub(crate) struct Node {
    /// 0 for the message's own part.
    pub(crate) depth: u32,
    pub(crate) header: Range<usize>,
    /// Encoded, without the line break before the next boundary.
    pub(crate) body: Range<usize>,
    pub(crate) content: Content,
}

impl Node {
    pub(crate) fn is_multipart(&self) -> bool {
        self.content.boundary.is_some()
    }
}

/// What a part's header says of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    /// In lower case, without parameters.
    pub(crate) media_type: String,
    /// Of a multipart, and of nothing else.
    boundary: Option<Vec<u8>>,
    pub(crate) charset: Option<String>,
    pub(crate) name: Option<String>,
    /// In lower case.
    pub(crate) disposition: Option<String>,
    pub(crate) encoding: Encoding,
    /// The transfer encoding is not known.
    pub(crate) is_encoding_unknown: bool,
}

impl Content {
    /// A part without `Content-Type` (RFC 2045 §5.2, RFC 2046 §5.1.5).
    fn default_in(is_digest: bool) -> Self {
        let media_type = if is_digest {
            "message/rfc822"
        } else {
            "text/plain"
        };
        Self {
            media_type: media_type.to_owned(),
            boundary: None,
            charset: None,
            name: None,
            disposition: None,
            encoding: Encoding::Identity,
            is_encoding_unknown: false,
        }
    }

    fn read(header: &[u8], is_digest: bool) -> Self {
        let mut content = Self::default_in(is_digest);
        let mut file_name = None;
        for field in Fields::of(header) {
            if field.is("Content-Type") {
                content.take_type(field.value, is_digest);
            } else if field.is("Content-Disposition") {
                let disposition = Parameters::read(field.value);
                let name = disposition.as_ref().and_then(|d| d.get("filename"));
                file_name = name.map(str::to_owned);
                content.disposition = disposition.map(|disposition| disposition.value);
            } else if field.is("Content-Transfer-Encoding") {
                content.take_encoding(field.value);
            }
        }
        // RFC 8621 §4.1.4: the name of the disposition goes first.
        content.name = file_name.or(content.name);
        content
    }

    fn take_type(&mut self, value: &[u8], is_digest: bool) {
        let Some(parameters) = Parameters::read(value) else {
            return;
        };
        self.media_type = if parameters.value.contains('/') {
            parameters.value.clone()
        } else if parameters.value == "text" {
            // As the earliest mail programs wrote it.
            "text/plain".to_owned()
        } else {
            Self::default_in(is_digest).media_type
        };
        self.name = parameters.get("name").map(str::to_owned);
        self.charset = parameters.get("charset").map(str::to_owned);
        self.boundary = parameters
            .get("boundary")
            .filter(|_| self.media_type.starts_with("multipart/"))
            .map(|boundary| boundary.trim_end().as_bytes().to_vec());
        if self.boundary.is_none() && self.media_type.starts_with("multipart/") {
            self.without_structure();
        }
    }

    fn take_encoding(&mut self, value: &[u8]) {
        let value = text(value).trim().to_ascii_lowercase();
        // A comment may follow (RFC 2045 §6.1).
        let value = value.split([' ', '(', ';']).next().unwrap_or_default();
        self.encoding = match value {
            "base64" => Encoding::Base64,
            "quoted-printable" => Encoding::QuotedPrintable,
            _ => Encoding::Identity,
        };
        self.is_encoding_unknown = self.encoding == Encoding::Identity
            && !matches!(value, "" | "7bit" | "8bit" | "binary");
    }

    /// Makes text of a multipart that has no parts: what its sender wrote is to be seen.
    fn without_structure(&mut self) {
        self.boundary = None;
        self.media_type = "text/plain".to_owned();
    }
}

/// The parts of a message, at least one and at most [`PARTS_MAX`], in preorder.
pub(crate) fn scan(bytes: &[u8]) -> Vec<Node> {
    let mut scan = Scan {
        bytes,
        nodes: Vec::new(),
        open: Vec::new(),
        leaf: None,
    };
    let mut at = scan.begin(0, 0, false);
    while !scan.open.is_empty() && at < bytes.len() {
        let end = line_end(bytes, at);
        at = match delimiter(&scan.open, part(bytes, at..end)) {
            Some((level, true)) => {
                scan.close(level, at);
                end
            }
            Some((level, false)) => scan.next(level, at, end),
            None => end,
        };
    }
    scan.finish()
}

/// A multipart whose end was not met.
struct Open {
    node: usize,
    boundary: Vec<u8>,
}

struct Scan<'a> {
    bytes: &'a [u8],
    nodes: Vec<Node>,
    /// The multiparts that the present line lies in, the outermost first.
    open: Vec<Open>,
    /// The part whose body goes on, unless it is a multipart.
    leaf: Option<usize>,
}

impl Scan<'_> {
    /// Begins the part whose header begins at `start`; gives where its body begins.
    fn begin(&mut self, start: usize, depth: u32, is_digest: bool) -> usize {
        let open = &self.open;
        let block = Block::find(self.bytes, start, |line| delimiter(open, line).is_some());
        if self.nodes.len() >= PARTS_MAX {
            return block.body;
        }
        let header = part(self.bytes, block.header.clone());
        let mut content = Content::read(header, is_digest);
        let node = self.nodes.len();
        if depth >= NESTING_MAX && content.boundary.take().is_some() {
            content.media_type = "application/octet-stream".to_owned();
        }
        match &content.boundary {
            Some(boundary) => self.open.push(Open {
                node,
                boundary: boundary.clone(),
            }),
            None => self.leaf = Some(node),
        }
        self.nodes.push(Node {
            depth,
            header: block.header,
            body: block.body..self.bytes.len(),
            content,
        });
        block.body
    }

    /// A line at `at` to `end` begins the next part of the multipart at `level`.
    fn next(&mut self, level: usize, at: usize, end: usize) -> usize {
        self.close(level + 1, at);
        let parent = self.open.get(level);
        let parent = parent.and_then(|open| self.nodes.get(open.node));
        let (depth, is_digest) = parent.map_or((0, false), |node| {
            (node.depth, node.content.media_type == "multipart/digest")
        });
        self.begin(end, depth + 1, is_digest)
    }

    /// Ends the multiparts from `level` on, and the part that is open, at a boundary that begins at `at`: the line break before it belongs to it
    /// (RFC 2046 §5.1.1).
    fn close(&mut self, level: usize, at: usize) {
        let before = part(self.bytes, 0..at);
        let body_end = without_break(before).len();
        let closed = self.open.drain(level.min(self.open.len())..);
        for node in closed.map(|open| open.node).chain(self.leaf.take()) {
            if let Some(node) = self.nodes.get_mut(node) {
                node.body.end = body_end.max(node.body.start);
            }
        }
    }

    fn finish(mut self) -> Vec<Node> {
        for at in 0..self.nodes.len() {
            let depth_behind = self.nodes.get(at + 1).map_or(0, |node| node.depth);
            if let Some(node) = self.nodes.get_mut(at)
                && node.is_multipart()
                && depth_behind <= node.depth
            {
                node.content.without_structure();
            }
        }
        self.nodes
    }
}

/// The innermost multipart that a line is a boundary of, and whether it ends it.
fn delimiter(open: &[Open], line: &[u8]) -> Option<(usize, bool)> {
    let line = line.strip_prefix(b"--")?.trim_ascii_end();
    let levels = open.iter().enumerate().rev();
    for (level, open) in levels {
        match line.strip_prefix(open.boundary.as_slice()) {
            Some(b"") => return Some((level, false)),
            Some(b"--") => return Some((level, true)),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Depth, type and body of each part.
    fn tree(message: &[u8]) -> Vec<(u32, String, String)> {
        let nodes = scan(message);
        let tree = nodes.into_iter().map(|node| {
            let body = part(message, node.body);
            let body = String::from_utf8_lossy(body).into_owned();
            (node.depth, node.content.media_type, body)
        });
        tree.collect()
    }

    fn leaves(message: &[u8]) -> Vec<(u32, String, String)> {
        let mut tree = tree(message);
        tree.retain(|(_, media_type, _)| !media_type.starts_with("multipart/"));
        tree
    }

    fn leaf(depth: u32, media_type: &str, body: &str) -> (u32, String, String) {
        (depth, media_type.to_owned(), body.to_owned())
    }

    #[test]
    fn a_message_without_structure_is_one_part() {
        assert_eq!(tree(b"A: 1\r\n\r\nx\r\n"), [leaf(0, "text/plain", "x\r\n")]);
        assert_eq!(tree(b""), [leaf(0, "text/plain", "")]);
        assert_eq!(tree(b"A: 1"), [leaf(0, "text/plain", "")]);
    }

    #[test]
    fn multiparts_are_taken_apart() {
        let message = b"Content-Type: multipart/mixed; boundary=a\r\n\r\npreamble\r\n--a\r\n\
            Content-Type: multipart/alternative; boundary=a-b\r\n\r\n--a-b\r\n\r\none\r\n--a-b  \r\n\
            Content-Type: TEXT/HTML\r\n\r\ntwo\r\n--a-b--\r\nepilogue\r\n--a\r\n\
            Content-Type: image/png\r\n\r\n\r\n--a--\r\nepilogue";
        let tree = tree(message);
        let depths: Vec<_> = tree.iter().map(|part| part.0).collect();
        assert_eq!(depths, [0, 1, 2, 2, 1]);
        assert_eq!(
            leaves(message),
            [
                leaf(2, "text/plain", "one"),
                leaf(2, "text/html", "two"),
                leaf(1, "image/png", ""),
            ]
        );
    }

    #[test]
    fn bare_line_feeds_make_no_difference() {
        let message =
            b"Content-Type: multipart/mixed; boundary=\"a\"\n\n--a\n\none\n--a\n\ntwo\n\n--a--\n";
        assert_eq!(
            leaves(message),
            [leaf(1, "text/plain", "one"), leaf(1, "text/plain", "two\n")]
        );
    }

    #[test]
    fn an_outer_boundary_ends_what_is_open() {
        let message = b"Content-Type: multipart/mixed; boundary=a\n\n--a\n\
            Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--a\n\ntwo";
        assert_eq!(
            leaves(message),
            [leaf(2, "text/plain", "one"), leaf(1, "text/plain", "two")]
        );
    }

    #[test]
    fn missing_boundaries_leave_text() {
        let none = b"Content-Type: multipart/mixed\n\n--a\nx";
        assert_eq!(tree(none), [leaf(0, "text/plain", "--a\nx")]);
        let unmet = b"Content-Type: multipart/mixed; boundary=b\n\n--a\nx";
        assert_eq!(tree(unmet), [leaf(0, "text/plain", "--a\nx")]);
        let ends = b"Content-Type: multipart/mixed; boundary=b\n\nx\n--b--\ny";
        assert_eq!(tree(ends), [leaf(0, "text/plain", "x")]);
    }

    #[test]
    fn boundaries_in_a_circle_end() {
        // The inner part has the boundary of the outer one: each line belongs to the innermost.
        let round = "Content-Type: multipart/mixed; boundary=a\n\n--a\n";
        let message = round.repeat(5_000);
        let nodes = scan(message.as_bytes());
        assert!(nodes.len() <= PARTS_MAX);
        assert!(nodes.iter().all(|node| node.depth <= NESTING_MAX));
        let other = "Content-Type: multipart/mixed; boundary=b\n\n--b\n";
        let message = format!("{round}{other}").repeat(5_000);
        assert!(scan(message.as_bytes()).len() <= PARTS_MAX);
    }

    #[test]
    fn multiparts_lie_in_each_other_to_a_limit() {
        let mut message = String::new();
        for depth in 0..1_000 {
            message += &format!("Content-Type: multipart/mixed; boundary=b{depth}\n\n--b{depth}\n");
        }
        let nodes = scan(message.as_bytes());
        assert_eq!(nodes.len() as u32, NESTING_MAX + 1);
        let last = nodes.last().unwrap();
        assert_eq!(last.content.media_type, "application/octet-stream");
        assert_eq!(last.body.end, message.len());
    }

    #[test]
    fn messages_in_messages_are_parts() {
        let message = "Content-Type: message/rfc822\n\n".repeat(1_000);
        let nodes = scan(message.as_bytes());
        assert_eq!(nodes.len(), 1);
        let digest = b"Content-Type: multipart/digest; boundary=a\n\n--a\n\nSubject: x\n\ny\n--a--";
        assert_eq!(
            leaves(digest),
            [leaf(1, "message/rfc822", "Subject: x\n\ny")]
        );
    }

    #[test]
    fn parts_beyond_the_limit_are_left_out() {
        let mut message = "Content-Type: multipart/mixed; boundary=a\n\n".to_owned();
        message += &"--a\n\nx\n".repeat(PARTS_MAX * 2);
        let nodes = scan(message.as_bytes());
        assert_eq!(nodes.len(), PARTS_MAX);
        let bodies = nodes.iter().skip(1).map(|node| node.body.len());
        assert!(bodies.into_iter().all(|length| length == 1));
    }

    #[test]
    fn a_boundary_within_a_header_ends_it() {
        let message = b"Content-Type: multipart/mixed; boundary=\"a:\"\n\n--a:\nA: 1\n--a:\n\nx";
        assert_eq!(
            leaves(message),
            [leaf(1, "text/plain", ""), leaf(1, "text/plain", "x")]
        );
    }
}
