//! How much the index keeps in memory, and how much of anything it looks at.

/// Bytes in which the writer collects a segment.
pub const WRITER_MAX_BYTES: usize = 32 << 20;

/// Bytes of text that may wait for a commit. They are searched one after the other, a few milliseconds' work.
pub const PENDING_MAX_BYTES: usize = 8 << 20;

/// Changes that may wait for a commit.
pub const PENDING_MAX_CHANGES: usize = 2_000;

/// Bytes of text that are taken between two looks at whether it is time for a commit.
pub const BATCH_MAX_BYTES: usize = 1 << 20;

/// The same for changes.
pub const BATCH_MAX_CHANGES: usize = 64;

/// Octets of a word; longer ones are cut, here and in what is looked for. Nobody looks for more of a line of base64.
pub const WORD_MAX_BYTES: usize = 128;

/// Octets of the name of a header field; longer ones are met nowhere, and not found.
pub const FIELD_NAME_MAX_BYTES: usize = 76;

/// Octets of what is looked for in one term.
pub const TERM_MAX_BYTES: usize = 4 << 10;

/// Words that are looked for in one term.
pub const TERM_MAX_WORDS: usize = 64;

/// Pairs of characters that a single character of Chinese, Japanese or Korean is looked for with: more than there are
/// in use with any one.
pub const PREFIX_MAX_PAIRS: u32 = 20_000;

/// Octets of a preview with its marks (RFC 8621 §5).
pub const PREVIEW_MAX_BYTES: usize = 255;

const _: () = {
    assert!(BATCH_MAX_BYTES <= PENDING_MAX_BYTES && BATCH_MAX_CHANGES <= PENDING_MAX_CHANGES);
    assert!(WORD_MAX_BYTES < TERM_MAX_BYTES);
};
