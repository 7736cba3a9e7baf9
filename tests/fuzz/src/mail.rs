//! What the targets of mail do. Beside the others so that the tests of `host/mail-message` can run them without the rest.

use concierge_mail_message::limits::{
    PARTS_MAX, PREVIEW_MAX_CHARS, REFERENCES_MAX, SEARCH_MAX_BYTES, TEXTS_MAX_BYTES,
};
use concierge_mail_message::mailboxes::{LineBreaks, MboxQuoting, MboxReader, MboxWriter};
use concierge_mail_message::transfer::Decoder;
use concierge_mail_message::{
    Encoded, Texts, addresses, base_subject, date_us, message_ids, read, text,
};

/// A message: what is told of it lies within it and within the limits, and a part is as long as was said, in whatever
/// pieces it is decoded.
pub fn message(data: &[u8]) {
    let message = read(data);
    let parts = message.parts(true);
    assert!((1..=PARTS_MAX).contains(&parts.len()));
    let mut depth = 0;
    for part in &parts {
        assert!(part.depth <= depth + 1, "a level of parts is missing");
        depth = part.depth;
        assert_eq!(part.id.is_none(), part.body.is_none());
        if let Some(body) = &part.body {
            decode(data, body, part.size);
        }
    }
    let all = Texts {
        all: true,
        ..Texts::default()
    };
    let texts = message.texts(all, 0);
    let length: usize = texts.iter().map(|text| text.value.len()).sum();
    assert!(length <= TEXTS_MAX_BYTES);
    for cut in message.texts(all, 10) {
        let whole = texts.iter().find(|text| text.part_id == cut.part_id);
        let whole = whole.expect("a text that is cut is there as a whole");
        assert!(cut.value.len() <= 10 && whole.value.starts_with(&cut.value));
    }
    assert!(message.preview().chars().count() <= PREVIEW_MAX_CHARS);
    let search = message.search_text();
    assert!(search.body.len() + search.subject.len() <= SEARCH_MAX_BYTES);
    assert!(message.thread_keys().references.len() <= REFERENCES_MAX);
    assert!(message.headers(false).len() <= message.headers(true).len());
    let _ = (
        message.sort_keys(),
        message.sent_us(),
        message.received_us(),
    );
    let _ = message.has_attachment();
}

fn decode(data: &[u8], body: &Encoded, size: u64) {
    let range = body.range.start as usize..body.range.end as usize;
    let encoded = data.get(range).expect("a part lies outside");
    let mut decoder = Decoder::new(body.encoding);
    let mut out = Vec::new();
    for piece in encoded.chunks(7) {
        decoder.feed(piece, &mut out);
    }
    decoder.finish(&mut out);
    assert_eq!(out.len() as u64, size, "the pieces decide");
}

/// The value of a field, read as each kind of field.
pub fn header(data: &[u8]) {
    let decoded = text(data);
    let base = base_subject(&decoded);
    assert_eq!(base_subject(&base.text).text, base.text, "not the base");
    for mailbox in addresses(data) {
        assert!(mailbox.name.is_none_or(|name| !name.is_empty()));
    }
    for id in message_ids(data) {
        assert!(!id.is_empty() && !id.contains(['<', '>', ' ']));
    }
    let _ = date_us(data);
}

/// An mbox: the messages that are found in any bytes are found again when they are written.
pub fn mbox(data: &[u8]) {
    for quoting in [MboxQuoting::Mboxrd, MboxQuoting::Mboxo] {
        let found: Vec<_> = MboxReader::new(data, "mbox", quoting)
            .filter_map(Result::ok)
            .collect();
        let mut writer = MboxWriter::new(Vec::new(), LineBreaks::AsStored);
        for message in &found {
            writer.write(message).expect("memory takes it");
        }
        let written = writer.finish().expect("memory takes it");
        let again: Vec<_> = MboxReader::new(written.as_slice(), "mbox", MboxQuoting::Mboxrd)
            .map(|message| message.expect("what was written is read").bytes)
            .collect();
        let mut expected: Vec<_> = found.into_iter().map(|message| message.bytes).collect();
        for bytes in &mut expected {
            if !bytes.ends_with(b"\n") {
                bytes.extend_from_slice(b"\r\n");
            }
        }
        assert_eq!(again, expected);
    }
}
