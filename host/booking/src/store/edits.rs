//! What edits are called in the feed and the audit log, the same by every engine.

use super::records::Edit;
use crate::rules::limits::STAY_NIGHTS_MAX;
use crate::types::HotelCode;

/// How long prices of past nights are kept, days: a guest who is in the house may change the departure, and the whole
/// stay is priced again. And two days, for time zones and for who is late.
pub(crate) const PRICES_KEPT_DAYS: i32 = STAY_NIGHTS_MAX as i32 + 2;

/// What the audit log calls an edit.
pub(crate) fn what(edit: &Edit) -> &'static str {
    match edit {
        Edit::Hotel(_) => "hotel.set",
        Edit::RoomType(_) => "room-type.set",
        Edit::RatePlan(_) => "rate-plan.set",
        Edit::Rates(_) => "rates.set",
        Edit::Allotments(_) => "allotments.set",
        Edit::Staff(_) => "staff.set",
        Edit::AddWebhook(_) => "webhook.add",
        Edit::RemoveWebhook(_) => "webhook.remove",
    }
}

/// To what an edit is done: the code of a room type or a rate plan or a webhook's id, else the hotel's code.
pub(crate) fn subject(edit: &Edit, hotel: &HotelCode) -> String {
    match edit {
        Edit::RoomType(kind) => kind.code.to_string(),
        Edit::RatePlan(plan) => plan.code.to_string(),
        Edit::AddWebhook(webhook) => webhook.id.to_string(),
        Edit::RemoveWebhook(id) => id.to_string(),
        Edit::Hotel(_) | Edit::Rates(_) | Edit::Allotments(_) | Edit::Staff(_) => hotel.to_string(),
    }
}

/// Whether an edit counts the catalogue's version up and is told in the feed: all but webhooks, which no cache has.
pub(crate) fn changes_catalogue(edit: &Edit) -> bool {
    !matches!(edit, Edit::AddWebhook(_) | Edit::RemoveWebhook(_))
}
