//! From a draft to the pieces of a message.

use mail_parser::DateTime;

use super::fields::{Header, parameter};
use super::{BlobEncoder, BlobPiece, Content, Draft, DraftPart, Piece, Refusal, Stamp, check};
use crate::transfer::encode_quoted_printable;

/// Longest line of a text that is not encoded, octets (RFC 5322 §2.1.1).
const LINE_MAX_BYTES: usize = 998;

/// Makes a message of a draft. Date, Message-ID and MIME-Version are added where they are missing.
///
/// # Errors
/// What is wrong with the draft.
pub fn assemble(draft: &Draft, stamp: &Stamp) -> Result<Vec<Piece>, Refusal> {
    check::tree(&draft.parts)?;
    let mut header = Header::default();
    for field in &draft.headers {
        let is_content = field.name.get(..8);
        if is_content.is_some_and(|name| name.eq_ignore_ascii_case("Content-")) {
            return Err(Refusal::FieldReserved(field.name.clone()));
        }
        header.field(&field.name, &field.value)?;
    }
    for (name, value) in [
        ("Date", date(stamp.now_us)),
        ("Message-ID", format!("<{}>", stamp.message_id)),
        ("MIME-Version", "1.0".to_owned()),
    ] {
        let mut fields = draft.headers.iter();
        if !fields.any(|field| field.name.eq_ignore_ascii_case(name)) {
            header.field(name, &value)?;
        }
    }
    let empty = [empty_text()];
    let parts = match draft.parts.as_slice() {
        [] => &empty,
        parts => parts,
    };
    let mut message = Assembly {
        boundary: stamp.boundary,
        pieces: Vec::new(),
        bytes: Vec::new(),
        open: Vec::new(),
    };
    let mut own = Some(header);
    for (number, part) in parts.iter().enumerate() {
        message.close(part.depth);
        message.part(number, part, own.take().unwrap_or_default())?;
    }
    message.close(0);
    Ok(message.finish())
}

fn empty_text() -> DraftPart {
    DraftPart {
        depth: 0,
        content_type: "text/plain".to_owned(),
        charset: None,
        name: None,
        disposition: None,
        cid: None,
        language: Vec::new(),
        location: None,
        headers: Vec::new(),
        content: Content::Text(String::new()),
    }
}

/// A time as Date has it (RFC 5322 §3.3), in UTC.
#[must_use]
pub fn date(now_us: u64) -> String {
    let seconds = i64::try_from(now_us / 1_000_000).unwrap_or(0);
    DateTime::from_timestamp(seconds).to_rfc822()
}

struct Assembly {
    boundary: u128,
    pieces: Vec<Piece>,
    /// The last piece, as it grows.
    bytes: Vec<u8>,
    /// The boundaries of the multiparts that the next part may lie in, the outermost first.
    open: Vec<String>,
}

impl Assembly {
    /// Writes a part behind the fields that its header has already.
    fn part(&mut self, number: usize, part: &DraftPart, mut header: Header) -> Result<(), Refusal> {
        check::part(part)?;
        if let Some(boundary) = self.open.last() {
            self.bytes
                .extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
        }
        match &part.content {
            Content::Parts => {
                let boundary = format!("={:032x}_{number}", self.boundary);
                describe(&mut header, part, &[("boundary", &boundary)], None)?;
                header.finish(&mut self.bytes);
                self.open.push(boundary);
            }
            Content::Text(text) => {
                let text = with_crlf(text);
                let form = TextForm::of(&text);
                let charset = [("charset", form.charset(&text))];
                describe(&mut header, part, &charset, Some(form.name()))?;
                header.finish(&mut self.bytes);
                form.encode(&text, &mut self.bytes);
            }
            Content::Blob(blob) => {
                let (encoder, encoding) = blob_encoder(&part.content_type);
                let charset = part.charset.as_deref().map(|charset| ("charset", charset));
                describe(&mut header, part, charset.as_slice(), Some(encoding))?;
                header.finish(&mut self.bytes);
                self.flush();
                self.pieces.push(Piece::Blob(BlobPiece {
                    blob: blob.clone(),
                    encoder,
                }));
            }
        }
        Ok(())
    }

    /// Ends the multiparts that a part at `depth` does not lie in.
    fn close(&mut self, depth: u32) {
        for boundary in self
            .open
            .drain((depth as usize).min(self.open.len())..)
            .rev()
        {
            self.bytes
                .extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        }
    }

    fn flush(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if !bytes.is_empty() {
            self.pieces.push(Piece::Bytes(bytes));
        }
    }

    fn finish(mut self) -> Vec<Piece> {
        self.flush();
        self.pieces
    }
}

/// Adds the fields that say what a part is.
fn describe(
    header: &mut Header,
    part: &DraftPart,
    parameters: &[(&str, &str)],
    encoding: Option<&str>,
) -> Result<(), Refusal> {
    let mut content_type = part.content_type.clone();
    for (name, value) in parameters {
        parameter(name, value, &mut content_type);
    }
    if let Some(name) = &part.name {
        // For programs that look only here.
        parameter("name", name, &mut content_type);
    }
    header.field("Content-Type", &content_type)?;
    if let Some(encoding) = encoding {
        header.field("Content-Transfer-Encoding", encoding)?;
    }
    if part.disposition.is_some() || part.name.is_some() {
        let disposition = part.disposition.as_deref();
        let mut disposition = disposition.unwrap_or("attachment").to_owned();
        if let Some(name) = &part.name {
            parameter("filename", name, &mut disposition);
        }
        header.field("Content-Disposition", &disposition)?;
    }
    if let Some(cid) = &part.cid {
        header.field("Content-ID", &format!("<{cid}>"))?;
    }
    if !part.language.is_empty() {
        header.field("Content-Language", &part.language.join(", "))?;
    }
    if let Some(location) = &part.location {
        header.field("Content-Location", location)?;
    }
    for field in &part.headers {
        header.field(&field.name, &field.value)?;
    }
    Ok(())
}

/// A message is not encoded (RFC 2046 §5.2.1): what is in it has its own encoding.
fn blob_encoder(media_type: &str) -> (BlobEncoder, &'static str) {
    if media_type.eq_ignore_ascii_case("message/rfc822") {
        (BlobEncoder::AsIs, "8bit")
    } else {
        (BlobEncoder::Base64(Default::default()), "base64")
    }
}

/// A text with CRLF as its line breaks, whichever it had.
fn with_crlf(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.replace('\n', "\r\n")
}

/// How a text is written.
#[derive(Clone, Copy)]
enum TextForm {
    SevenBit,
    QuotedPrintable,
    Base64,
}

impl TextForm {
    /// The form that is shortest, and readable where it can be.
    fn of(text: &str) -> Self {
        /// What an escape adds to an octet.
        const ESCAPE_EXTRA_BYTES: usize = 2;
        let lines = text.split("\r\n");
        // Signatures end with a blank, and a line that begins with `From ` gets a mark in mbox.
        let is_plain = lines.clone().all(|line| {
            line.len() <= LINE_MAX_BYTES
                && !line.ends_with([' ', '\t'])
                && !line.starts_with("From ")
        });
        let escapes = text
            .bytes()
            .filter(|byte| !matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n') || *byte == b'=')
            .count();
        let is_seven_bit = is_plain
            && text
                .bytes()
                .all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'));
        if is_seven_bit {
            Self::SevenBit
        } else if escapes * ESCAPE_EXTRA_BYTES <= text.len() / 3 {
            Self::QuotedPrintable
        } else {
            Self::Base64
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::SevenBit => "7bit",
            Self::QuotedPrintable => "quoted-printable",
            Self::Base64 => "base64",
        }
    }

    fn charset(self, text: &str) -> &'static str {
        if text.is_ascii() { "us-ascii" } else { "utf-8" }
    }

    fn encode(self, text: &str, out: &mut Vec<u8>) {
        match self {
            Self::SevenBit => out.extend_from_slice(text.as_bytes()),
            Self::QuotedPrintable => encode_quoted_printable(text.as_bytes(), out),
            Self::Base64 => {
                let mut encoder = crate::transfer::Base64Encoder::default();
                encoder.feed(text.as_bytes(), out);
                encoder.finish(out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Field;
    use crate::make::write;
    use crate::{Texts, read};

    fn stamp() -> Stamp {
        Stamp {
            now_us: (20_783 * 86_400 + 3 * 3_600 + 4 * 60 + 5) * 1_000_000,
            message_id: "id@example.org".to_owned(),
            boundary: 7,
        }
    }

    fn field(name: &str, value: &str) -> Field {
        Field {
            name: name.to_owned(),
            value: value.to_owned(),
        }
    }

    fn leaf(depth: u32, content_type: &str, content: Content) -> DraftPart {
        DraftPart {
            depth,
            content_type: content_type.to_owned(),
            content,
            ..empty_text()
        }
    }

    fn text(depth: u32, content_type: &str, text: &str) -> DraftPart {
        leaf(depth, content_type, Content::Text(text.to_owned()))
    }

    fn made(draft: &Draft, blob: &[u8]) -> Vec<u8> {
        let pieces = assemble(draft, &stamp()).unwrap();
        let mut message = Vec::new();
        let size = write(pieces, |_| Ok(blob), &mut message).unwrap();
        assert_eq!(size, message.len() as u64);
        assert_eq!(
            memchr::memchr_iter(b'\n', &message).count(),
            memchr::memmem::find_iter(&message, b"\r\n").count()
        );
        message
    }

    fn refused(parts: Vec<DraftPart>) -> Refusal {
        let draft = Draft {
            headers: Vec::new(),
            parts,
        };
        assemble(&draft, &stamp()).unwrap_err()
    }

    #[test]
    fn a_text_is_a_message() {
        let draft = Draft {
            headers: vec![field("From", "a@example.org"), field("Subject", "Hello")],
            parts: vec![text(0, "text/plain", "Hello,\nyou\r\n")],
        };
        let expected = "From: a@example.org\r\nSubject: Hello\r\n\
            Date: Thu, 26 Nov 2026 03:04:05 +0000\r\nMessage-ID: <id@example.org>\r\n\
            MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\
            Content-Transfer-Encoding: 7bit\r\n\r\nHello,\r\nyou\r\n";
        assert_eq!(String::from_utf8(made(&draft, b"")).unwrap(), expected);
    }

    #[test]
    fn what_is_given_is_not_added() {
        let draft = Draft {
            headers: vec![
                field("date", "1 Jan 2026 00:00:00 +0000"),
                field("MESSAGE-ID", "<x@y>"),
                field("Mime-Version", "1.0"),
            ],
            parts: Vec::new(),
        };
        let message = made(&draft, b"");
        let headers = read(&message).headers(true);
        assert_eq!(headers.len(), 5, "{headers:?}");
    }

    #[test]
    fn all_kinds_of_parts_are_read_again() {
        let blob: Vec<u8> = (0..200_000_u32).map(|n| (n * 31) as u8).collect();
        let texts = [
            "Grüße ohne Ende ".repeat(100),
            "文書".repeat(100),
            " \n\tx \n".into(),
        ];
        let mut attachment = leaf(1, "application/pdf", Content::Blob("b1".to_owned()));
        attachment.name = Some("Überblick „2026“.pdf".to_owned());
        attachment.cid = Some("c@example.org".to_owned());
        attachment.language = vec!["de".to_owned(), "en".to_owned()];
        attachment.location = Some("https://example.org/a".to_owned());
        attachment.headers = vec![field("X-Mark", "1")];
        let draft = Draft {
            headers: Vec::new(),
            parts: vec![
                leaf(0, "multipart/mixed", Content::Parts),
                leaf(1, "multipart/alternative", Content::Parts),
                text(2, "text/plain", &texts[0]),
                text(2, "text/html", &texts[1]),
                text(1, "text/plain", &texts[2]),
                attachment,
            ],
        };
        let bytes = made(&draft, &blob);
        let message = read(&bytes);
        let all = Texts {
            all: true,
            ..Texts::default()
        };
        let read_texts = message.texts(all, 0);
        assert_eq!(read_texts.len(), 3);
        for (text, expected) in read_texts.iter().zip(&texts) {
            assert_eq!(&text.value, expected);
            assert!(!text.encoding_problem && !text.truncated);
        }
        let parts = message.parts(true);
        let depths: Vec<_> = parts.iter().map(|part| part.depth).collect();
        assert_eq!(depths, [0, 1, 2, 2, 1, 1]);
        let part = &parts[5];
        assert_eq!(part.name.as_deref(), Some("Überblick „2026“.pdf"));
        assert_eq!(part.cid.as_deref(), Some("c@example.org"));
        assert_eq!(part.language, ["de", "en"]);
        assert_eq!(part.location.as_deref(), Some("https://example.org/a"));
        assert_eq!(part.size, blob.len() as u64);
        assert!(part.in_attachments);
        assert!(part.headers.contains(&field("X-Mark", " 1")));
        let body = part.body.clone().unwrap();
        let range = body.range.start as usize..body.range.end as usize;
        let mut decoder = crate::transfer::Decoder::new(body.encoding);
        let mut decoded = Vec::new();
        decoder.feed(&bytes[range], &mut decoded);
        assert!(decoder.finish(&mut decoded));
        assert!(decoded == blob);
    }

    #[test]
    fn a_message_is_attached_as_it_is() {
        let inner = b"Subject: x\r\n\r\nbody\r\n";
        let draft = Draft {
            headers: Vec::new(),
            parts: vec![
                leaf(0, "multipart/mixed", Content::Parts),
                leaf(1, "message/rfc822", Content::Blob("b".to_owned())),
            ],
        };
        let bytes = made(&draft, inner);
        let parts = read(&bytes).parts(false);
        let range = parts[1].body.clone().unwrap().range;
        assert_eq!(&bytes[range.start as usize..range.end as usize], inner);
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        let multi = |depth| leaf(depth, "multipart/mixed", Content::Parts);
        let plain = |depth| text(depth, "text/plain", "");
        let wrong = [
            vec![plain(1)],
            vec![plain(0), plain(0)],
            vec![plain(0), plain(1)],
            vec![multi(0)],
            vec![multi(0), plain(2)],
            vec![multi(0), multi(1), plain(1)],
            vec![leaf(0, "text/plain", Content::Parts), plain(1)],
            vec![text(0, "multipart/mixed", "")],
        ];
        for parts in wrong {
            assert_eq!(refused(parts.clone()), Refusal::Structure, "{parts:?}");
        }
        let mut deep: Vec<_> = (0..200).map(multi).collect();
        deep.push(plain(200));
        assert_eq!(refused(deep), Refusal::TooManyParts);
        let mut many = vec![multi(0)];
        many.extend((0..1_000).map(|_| plain(1)));
        assert_eq!(refused(many), Refusal::TooManyParts);
    }

    #[test]
    fn what_is_not_of_its_form_is_refused() {
        let refused = |change: fn(&mut DraftPart)| {
            let mut part = empty_text();
            change(&mut part);
            refused(vec![part])
        };
        assert_eq!(
            refused(|part| part.content_type = "text/plain; a=b\r\nBcc: c".to_owned()),
            Refusal::MediaType("text/plain; a=b\r\nBcc: c".to_owned())
        );
        assert_eq!(
            refused(|part| part.cid = Some("a>\r\nBcc: c".to_owned())),
            Refusal::PartProperty("content id")
        );
        assert_eq!(
            refused(|part| part.disposition = Some("a; b".to_owned())),
            Refusal::PartProperty("disposition")
        );
        assert_eq!(
            refused(|part| part.location = Some("a b".to_owned())),
            Refusal::PartProperty("location")
        );
        assert_eq!(
            refused(|part| part.language = vec!["d\ne".to_owned()]),
            Refusal::PartProperty("language")
        );
        assert_eq!(
            refused(|part| part.headers = vec![field("content-type", "a/b")]),
            Refusal::FieldReserved("content-type".to_owned())
        );
        let draft = Draft {
            headers: vec![field("Content-Foo", "x")],
            parts: Vec::new(),
        };
        assert_eq!(
            assemble(&draft, &stamp()).unwrap_err(),
            Refusal::FieldReserved("Content-Foo".to_owned())
        );
    }
}
