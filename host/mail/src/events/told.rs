//! What is told, as JSON (RFC 8620 §7.1 and §7.2.2) and as events of a stream (WHATWG HTML, "Server-sent events").

use std::collections::BTreeMap;

use concierge_identity::AccountId;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::types::{DataType, PushId, StateNumber};

/// States by account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct States(BTreeMap<AccountId, BTreeMap<DataType, StateNumber>>);

impl States {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes newer states of an account, those of `types` alone (none: all).
    pub(crate) fn note(
        &mut self,
        account: AccountId,
        states: &[(DataType, StateNumber)],
        types: &[DataType],
    ) {
        for (data_type, number) in states {
            if types.is_empty() || types.contains(data_type) {
                let known = self.0.entry(account).or_default();
                let known = known.entry(*data_type).or_default();
                *known = (*number).max(*known);
            }
        }
    }

    /// Notes newer states of many accounts.
    pub(crate) fn merge(&mut self, newer: &Self) {
        for (account, states) in &newer.0 {
            let states: Vec<_> = states.iter().map(|(of, number)| (*of, *number)).collect();
            self.note(*account, &states, &[]);
        }
    }

    /// What an account's states are not told of any more.
    pub(crate) fn forget(&mut self, account: AccountId) {
        self.0.remove(&account);
    }

    /// The id of an event after which a client knows these states: equal ids are equal states.
    pub(crate) fn event_id(&self) -> String {
        let mut hash = Sha256::new();
        for (account, states) in &self.0 {
            hash.update(account.0.as_bytes());
            for (data_type, number) in states {
                hash.update(name(*data_type));
                hash.update(number.to_be_bytes());
            }
        }
        hex::encode(hash.finalize().get(..16).unwrap_or_default())
    }
}

/// A StateChange object.
pub(crate) fn state_change(changed: &States) -> String {
    let accounts = changed.0.iter().map(|(account, states)| {
        let states = states
            .iter()
            .map(|(of, number)| (name(*of).to_owned(), Value::from(number.to_string())));
        (account.to_string(), Value::Object(states.collect()))
    });
    let changed: Map<String, Value> = accounts.collect();
    json!({"@type": "StateChange", "changed": changed}).to_string()
}

/// A PushVerification object.
pub(crate) fn verification(id: PushId, code: &str) -> String {
    json!({
        "@type": "PushVerification",
        "pushSubscriptionId": id.to_string(),
        "verificationCode": code,
    })
    .to_string()
}

/// The event that tells of changes.
pub(super) fn state_event(changed: &States, id: &str) -> String {
    format!(
        "event: state\nid: {id}\ndata: {}\n\n",
        state_change(changed)
    )
}

/// The event that keeps a connection alive (RFC 8620 §7.3).
pub(super) fn ping_event(interval_s: u32) -> String {
    format!("event: ping\ndata: {{\"interval\":{interval_s}}}\n\n")
}

/// By which JMAP names a type (RFC 8620 §1.6.2).
fn name(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Mailbox => "Mailbox",
        DataType::Email => "Email",
        DataType::Thread => "Thread",
        DataType::EmailDelivery => "EmailDelivery",
        DataType::EmailSubmission => "EmailSubmission",
        DataType::Identity => "Identity",
        DataType::VacationResponse => "VacationResponse",
        DataType::Quota => "Quota",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_their_form() {
        let account = AccountId(uuid::Uuid::from_u128(0xab));
        let mut states = States::default();
        let all = [
            (DataType::Email, 7),
            (DataType::Mailbox, u64::MAX),
            (DataType::Thread, 1),
        ];
        states.note(account, &all, &[DataType::Email, DataType::Mailbox]);
        let data = "{\"@type\":\"StateChange\",\"changed\":{\"000000000000000000000000000000ab\":\
                    {\"Email\":\"7\",\"Mailbox\":\"18446744073709551615\"}}}";
        assert_eq!(state_change(&states), data);
        let event = format!("event: state\nid: x\ndata: {data}\n\n");
        assert_eq!(state_event(&states, "x"), event);
        assert_eq!(ping_event(30), "event: ping\ndata: {\"interval\":30}\n\n");
    }

    #[test]
    fn an_id_stands_for_states() {
        let account = AccountId::generate();
        let mut states = States::default();
        states.note(account, &[(DataType::Email, 7)], &[]);
        let before = states.event_id();
        states.note(account, &[(DataType::Email, 6)], &[]);
        assert_eq!(states.event_id(), before, "an older state says nothing");
        states.note(account, &[(DataType::Email, 8)], &[]);
        assert_ne!(states.event_id(), before);
    }
}
