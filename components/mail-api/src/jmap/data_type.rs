//! What has states, by the names that clients use (RFC 8620 §1.6.2).

use crate::bindings::concierge::mail::accounts::DataType;

/// All of them with their names. RFC 8621 §1.5: `EmailDelivery` is a type only as far as it has a state.
pub const NAMES: [(DataType, &str); 8] = [
    (DataType::Mailbox, "Mailbox"),
    (DataType::Email, "Email"),
    (DataType::Thread, "Thread"),
    (DataType::EmailDelivery, "EmailDelivery"),
    (DataType::EmailSubmission, "EmailSubmission"),
    (DataType::Identity, "Identity"),
    (DataType::VacationResponse, "VacationResponse"),
    (DataType::Quota, "Quota"),
];

/// The type of a name.
pub fn named(name: &str) -> Option<DataType> {
    let found = NAMES.iter().find(|(_, known)| *known == name);
    found.map(|(data_type, _)| *data_type)
}

/// The name of a type.
pub fn name(data_type: DataType) -> &'static str {
    let found = NAMES.iter().find(|(known, _)| *known == data_type);
    found.map_or("", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_types_and_back() {
        for (data_type, text) in NAMES {
            assert_eq!(named(text), Some(data_type));
            assert_eq!(name(data_type), text);
        }
        assert_eq!(named("mailbox"), None);
    }
}
