use super::{record, variant};
use crate::joins::bindings::mail::search as wit;
use concierge_mail::types::{self, calls::search};

record!(wit::HeaderMatch => types::HeaderMatch { name, value });
variant!(wit::Term => search::Term {
    All(count),
    Any(count),
    None(count),
    InMailbox(mailbox),
    InMailboxOtherThan(mailboxes),
    Before(time),
    After(time),
    MinSize(octets),
    MaxSize(octets),
    AllInThreadHaveKeyword(keyword),
    SomeInThreadHaveKeyword(keyword),
    NoneInThreadHaveKeyword(keyword),
    HasKeyword(keyword),
    NotKeyword(keyword),
    HasAttachment(has),
    Text(text),
    From(text),
    To(text),
    Cc(text),
    Bcc(text),
    Subject(text),
    Body(text),
    AttachmentName(text),
    Header(header),
});
variant!(wit::Property => types::Property {
    ReceivedAt,
    SentAt,
    Size,
    From,
    To,
    Subject,
    HasKeyword,
    AllInThreadHaveKeyword,
    SomeInThreadHaveKeyword,
});
record!(wit::Comparator => types::Comparator { property, keyword, ascending });
record!(wit::Query => search::Query { filter, sort, collapse_threads });
record!(wit::Window => search::Window {
    position,
    anchor,
    anchor_offset,
    limit,
    calculate_total
});
record!(types::Page => wit::Page { query_state, can_calculate_changes, position, ids, total });
record!(types::Added => wit::Added { id, index });
record!(types::QueryChanges => wit::QueryChanges {
    old_query_state,
    new_query_state,
    total,
    removed,
    added
});
record!(search::Snippet => wit::Snippet { email_id, subject, preview });
