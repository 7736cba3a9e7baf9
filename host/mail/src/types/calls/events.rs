//! `concierge:mail/events`.

use crate::types::{DataType, TimeUs};

/// What is to be told, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscription {
    /// Empty: all types.
    pub types: Vec<DataType>,
    /// Ends after the first change.
    pub close_after_state: bool,
    /// Seconds between pings; 0: none.
    pub ping_s: u32,
    /// The last event that the client saw (`Last-Event-ID`), or empty.
    pub last_event: String,
}

/// A push subscription that is to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewPush {
    /// The client's name for itself.
    pub device_client_id: String,
    /// Where to.
    pub url: String,
    /// P-256 public key and authentication secret (RFC 8291), base64url.
    pub keys: Option<(String, String)>,
    /// When it ends, at most; 0: as late as the host gives.
    pub expires_us: TimeUs,
    /// What of; empty: all.
    pub types: Vec<DataType>,
}

/// What is to be changed of a push subscription; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushPatch {
    /// Which.
    pub id: String,
    /// What the target was sent.
    pub verification_code: Option<String>,
    /// When it ends, at most.
    pub expires_us: Option<TimeUs>,
    /// What of; empty: all.
    pub types: Option<Vec<DataType>>,
}
