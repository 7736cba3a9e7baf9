//! How much of anything is read of one message. What goes beyond is left out, never an error: the bytes of the message
//! are all there, as they were received.

/// Largest message that is imported, octets: three times what other servers accept (50 MB), base64 and all.
pub const MESSAGE_MAX_BYTES: usize = 150_000_000;

/// Parts of a message. Digests of mailing lists have some hundreds.
pub const PARTS_MAX: usize = 1_000;

/// How deep multiparts lie in each other. Real mail stays below ten; a multipart that lies deeper is a part without
/// structure.
pub const NESTING_MAX: u32 = 100;

/// Fields of one header that are told of.
pub const FIELDS_MAX: usize = 10_000;

/// Octets of a field's value that are told of: 100,000 addresses of 40 octets.
pub const FIELD_MAX_BYTES: usize = 4 << 20;

/// Octets of all fields that are told of in one answer.
pub const FIELDS_MAX_BYTES: usize = 16 << 20;

/// Octets of a `Content-*` field that are looked at. Its parameters are compared with each other, so that floods of
/// them (RFC 2231 continuations) would cost their square.
pub const CONTENT_FIELD_MAX_BYTES: usize = 8 << 10;

/// Addresses that are read of one field.
pub const ADDRESSES_MAX: usize = 100_000;

/// Octets of a subject that are looked at for its base. Lines have at most 998 octets (RFC 5322 §2.1.1).
pub const SUBJECT_MAX_BYTES: usize = 2 << 10;

/// Octets of a message id. RFC 5322 §2.1.1 admits no longer line to write it on.
pub const MESSAGE_ID_MAX_BYTES: usize = 998;

/// Ids that a message refers to, the last of them. A thread of that length has merged long before.
pub const REFERENCES_MAX: usize = 1_000;

/// Octets of one text, as UTF-8.
pub const TEXT_MAX_BYTES: usize = 5 << 20;

/// Octets of all texts of one answer, as UTF-8.
pub const TEXTS_MAX_BYTES: usize = 16 << 20;

/// Characters of a preview (RFC 8621 §4.1.4).
pub const PREVIEW_MAX_CHARS: usize = 256;

/// Octets that are looked at for a preview: style sheets come before the text of HTML.
pub const PREVIEW_INPUT_MAX_BYTES: usize = 64 << 10;

/// Octets of a key to sort by, as UTF-8: enough to tell any two names apart.
pub const SORT_KEY_MAX_BYTES: usize = 256;

/// Octets of text that are searched in one message: a book of 500 pages.
pub const SEARCH_MAX_BYTES: usize = 1 << 20;

/// Octets of each address field that are searched, so that some are left for the body.
pub const SEARCH_FIELD_MAX_BYTES: usize = 128 << 10;

/// Octets of the header that are searched by field: names and values together.
pub const SEARCH_HEADER_MAX_BYTES: usize = 32 << 10;

/// Whitespace at the end of a quoted-printable line that is held back until it is known whether the line ends there:
/// the longest line (RFC 5322 §2.1.1).
pub const HELD_WHITESPACE_MAX_BYTES: usize = 998;

const _: () = {
    assert!(4 * SEARCH_FIELD_MAX_BYTES + SEARCH_HEADER_MAX_BYTES < SEARCH_MAX_BYTES);
    assert!(TEXT_MAX_BYTES <= TEXTS_MAX_BYTES);
    assert!(SORT_KEY_MAX_BYTES <= SUBJECT_MAX_BYTES);
    assert!(FIELD_MAX_BYTES <= FIELDS_MAX_BYTES);
};
