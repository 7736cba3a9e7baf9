//! Messages of people who mean harm, and of programs that know no better. That memory and time are linear is in the
//! unit tests of each limit; here whole messages go the way of the store.

use concierge_mail_message::limits::{NESTING_MAX, PARTS_MAX, SEARCH_MAX_BYTES, TEXT_MAX_BYTES};
use concierge_mail_message::transfer::Encoding;
use concierge_mail_message::{Message, Texts, read};

const ALL: Texts = Texts {
    text_body: false,
    html_body: false,
    all: true,
};

/// Everything that can be asked of a message.
fn ask(message: &Message<'_>) {
    let _ = message.headers(true);
    let _ = message.headers(false);
    let _ = message.parts(true);
    let _ = message.texts(ALL, 0);
    let _ = message.preview();
    let _ = message.has_attachment();
    let _ = message.sort_keys();
    let _ = message.sent_us();
    let _ = message.received_us();
    let _ = message.thread_keys();
    assert!(message.search_text().body.len() <= SEARCH_MAX_BYTES);
}

#[test]
fn messages_a_thousand_deep() {
    let bytes = "Content-Type: message/rfc822\r\n\r\n".repeat(1_000);
    let message = read(bytes.as_bytes());
    ask(&message);
    let parts = message.parts(false);
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].content_type, "message/rfc822");
    // One after the other: each is read by those who open it.
    let mut inner = bytes.into_bytes();
    let mut count = 0;
    loop {
        let parts = read(&inner).parts(false);
        if parts[0].content_type != "message/rfc822" {
            break;
        }
        let range = parts[0].body.clone().unwrap().range;
        inner = inner[range.start as usize..range.end as usize].to_vec();
        count += 1;
    }
    assert_eq!(count, 1_000);
}

#[test]
fn multiparts_a_thousand_deep() {
    let mut bytes = String::new();
    for depth in 0..1_000 {
        bytes += &format!("Content-Type: multipart/mixed; boundary={depth}\r\n\r\n--{depth}\r\n");
    }
    bytes += "\r\ntext";
    let message = read(bytes.as_bytes());
    ask(&message);
    let parts = message.parts(false);
    assert_eq!(parts.len(), NESTING_MAX as usize + 1);
    assert!(message.has_attachment(), "the rest can be downloaded");
}

#[test]
fn a_hundred_thousand_addresses() {
    let mut bytes = b"From: a@b\r\nTo: first <a@x>".to_vec();
    for number in 0..100_000 {
        bytes.extend_from_slice(format!(",\r\n n{number} <{number}@example.org>").as_bytes());
    }
    bytes.extend_from_slice(b"\r\nSubject: s\r\n\r\nfindme");
    let message = read(&bytes);
    ask(&message);
    assert_eq!(message.addresses("To").len(), 100_000);
    assert_eq!(message.sort_keys().to, "first");
    assert!(message.search_text().body.contains("findme"));
}

#[test]
fn a_flood_of_parts_and_one_of_parameters() {
    let mut bytes = "Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_owned();
    let mut parameters = String::new();
    for number in 0..2_000 {
        parameters += &format!(";\r\n filename*{number}*=a");
    }
    for _ in 0..2 * PARTS_MAX {
        bytes += &format!("--b\r\nContent-Disposition: attachment{parameters}\r\n\r\nx\r\n");
    }
    let message = read(bytes.as_bytes());
    ask(&message);
    assert_eq!(message.parts(false).len(), PARTS_MAX);
}

#[test]
fn fifty_megabytes_attached() {
    let mut bytes = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n\
        Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        .to_vec();
    let line = [[b'A'; 76].as_slice(), b"\r\n"].concat();
    let lines = 50_000_000 / 57;
    for _ in 0..lines {
        bytes.extend_from_slice(&line);
    }
    bytes.extend_from_slice(b"--b--\r\n");
    let message = read(&bytes);
    let parts = message.parts(false);
    assert_eq!(parts[2].size, lines * 57);
    assert_eq!(parts[2].body.as_ref().unwrap().encoding, Encoding::Base64);
    assert_eq!(message.preview(), "text");
    assert!(message.has_attachment());
}

#[test]
fn a_text_without_end() {
    for encoding in ["7bit", "quoted-printable", "base64"] {
        let header = format!("Content-Transfer-Encoding: {encoding}\r\n\r\n");
        let mut bytes = header.into_bytes();
        // One line, as no server would send it.
        bytes.extend(std::iter::repeat_n(b'A', 30_000_000));
        let message = read(&bytes);
        ask(&message);
        let texts = message.texts(ALL, 0);
        assert_eq!(texts[0].value.len(), TEXT_MAX_BYTES, "{encoding}");
        assert!(texts[0].truncated && !texts[0].encoding_problem);
    }
}

#[test]
fn texts_are_cut_between_characters_and_tags() {
    let bytes = "Content-Type: text/plain; charset=utf-8\r\n\r\nä\r\nöü";
    let text = |max| read(bytes.as_bytes()).texts(ALL, max).remove(0);
    assert_eq!(text(0).value, "ä\nöü");
    assert!(!text(0).truncated);
    assert_eq!(text(4).value, "ä\n");
    assert!(text(4).truncated);
    assert_eq!(text(1).value, "");
    let html = b"Content-Type: text/html\r\n\r\nabc<p title=x>d</p>";
    let text = read(html).texts(ALL, 8).remove(0);
    assert_eq!(text.value, "abc");
    assert!(text.truncated && !text.encoding_problem);
}

#[test]
fn broken_encodings_are_read_and_told() {
    let cases: [(&[u8], &str); 6] = [
        (b"Content-Transfer-Encoding: base64\r\n\r\nYW!Jj", "abc"),
        (
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\na=XX=62",
            "a=XXb",
        ),
        (b"Content-Transfer-Encoding: x-own\r\n\r\nabc", "abc"),
        (
            b"Content-Type: text/plain; charset=x-none\r\n\r\nabc",
            "abc",
        ),
        (
            b"Content-Type: text/plain; charset=utf-8\r\n\r\na\xffb",
            "a\u{fffd}b",
        ),
        (b"Subject: x\r\n\r\na\xe4b", "aäb"),
    ];
    for (bytes, expected) in cases {
        let message = read(bytes);
        ask(&message);
        let texts = message.texts(ALL, 0);
        assert_eq!(texts[0].value, expected);
        assert!(texts[0].encoding_problem, "{expected}");
    }
}

#[test]
fn lines_may_be_longer_than_allowed() {
    let word = "x".repeat(5_000);
    let bytes = format!("Subject: {word}\r\nX: 1\r\n\r\n{word} end");
    let message = read(bytes.as_bytes());
    ask(&message);
    assert_eq!(message.subject(), word);
    assert!(message.search_text().body.ends_with("end\n"));
}

#[test]
fn nothing_at_all_is_a_message_without_header() {
    for bytes in [&b""[..], b"\r\n", b"\0", b"\xff\xfe", b":", b"\n\n\n"] {
        let message = read(bytes);
        ask(&message);
        assert!(!message.has_header());
        assert_eq!(message.parts(false).len(), 1);
    }
}

#[test]
fn of_fields_that_are_twice_the_last_counts() {
    let bytes = b"Subject: one\r\nMessage-ID: <1@x>\r\nFrom: a@b\r\nSubject: two\r\n\r\n";
    let message = read(bytes);
    assert_eq!(message.subject(), "two");
    let names: Vec<_> = message.headers(false).into_iter().map(|f| f.name).collect();
    assert_eq!(names, ["From", "Subject", "Message-ID"]);
    assert_eq!(message.headers(true).len(), 4);
}
