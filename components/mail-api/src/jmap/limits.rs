//! What a request may take, as the core capability tells it (RFC 8620 §2), and the bounds that it has no names for.

/// Octets of an upload. The host refuses more (`wit/mail/messages.wit`).
pub const UPLOAD_BYTES_MAX: u64 = 50_000_000;
/// Uploads that a client may run at once: told to clients; the host bounds what it takes by itself.
pub const CONCURRENT_UPLOADS_MAX: u64 = 8;
/// Octets of a request of the API: drafts are in it whole, attachments are uploaded.
pub const REQUEST_BYTES_MAX: usize = 10_000_000;
/// Requests that a client may run at once: told to clients; an instance takes what its memory allows.
pub const CONCURRENT_REQUESTS_MAX: u64 = 8;
/// Method calls of a request. Clients send under ten; the rest is room.
pub const CALLS_MAX: usize = 64;
/// Ids of a `/get` (RFC 8620 asks for at least 500), which `wit/mail` takes, too.
pub const OBJECTS_IN_GET_MAX: usize = 500;
/// Objects of a `/set`.
pub const OBJECTS_IN_SET_MAX: usize = 500;

/// Mailboxes that an email may be in, which the store takes, too.
pub const MAILBOXES_PER_EMAIL_MAX: u64 = 100;
/// Mailboxes within mailboxes, which the store takes, too.
pub const MAILBOX_DEPTH_MAX: u64 = 32;
/// Octets of a mailbox's name (`wit/mail/mailboxes.wit`).
pub const MAILBOX_NAME_BYTES_MAX: u64 = 255;
/// Sources of a blob (`wit/mail/messages.wit`).
pub const BLOB_SOURCES_MAX: u64 = 64;
/// How long a submission may wait, seconds: 30 days, for which submissions are kept (`wit/mail/submissions.wit`).
pub const DELAYED_SEND_MAX_S: u64 = 30 * 86_400;

/// Levels of a request's JSON. A filter of [`FILTER_DEPTH_MAX`] operators has two levels each and four around it.
pub const JSON_DEPTH_MAX: usize = 100;
/// Values of a request's JSON, each of which takes up to 256 bytes of memory.
pub const JSON_VALUES_MAX: usize = 200_000;
/// Operators inside operators of a filter.
pub const FILTER_DEPTH_MAX: usize = 32;
/// Conditions and operators of a filter, which `wit/mail/search.wit` takes, too.
pub const FILTER_TERMS_MAX: usize = 256;
/// Levels of an order, which `wit/mail/search.wit` takes, too.
pub const SORT_MAX: usize = 8;
/// Ids that a `/query` gives at once.
pub const QUERY_LIMIT_MAX: u32 = 1_000;
/// Bytes, about, of what a request's result references copy: each may repeat all that was answered before.
pub const RESOLVED_BYTES_MAX: usize = 4_000_000;
/// Bytes, about, of the answers to a request, after which further calls are refused.
pub const ANSWERED_BYTES_MAX: usize = 16_000_000;

const _: () = assert!(
    FILTER_DEPTH_MAX * 2 + 4 < JSON_DEPTH_MAX,
    "the deepest filter can be sent"
);
// serde_json refuses more than 128 levels by itself, as a fault of the syntax.
const _: () = assert!(JSON_DEPTH_MAX < 128, "the depth is refused by its own name");
