//! A submission as clients read it (RFC 8621 §7).

use serde_json::{Map, Value, json};

use crate::bindings::concierge::mail::submissions::{
    Delivered, DeliveryStatus, Envelope, Path, Submission, UndoStatus,
};
use crate::jmap::value::UtcDate;

/// All properties.
pub const PROPERTIES: [&str; 10] = [
    "id",
    "identityId",
    "emailId",
    "threadId",
    "envelope",
    "sendAt",
    "undoStatus",
    "deliveryStatus",
    "dsnBlobIds",
    "mdnBlobIds",
];

/// A submission with all its properties.
pub fn json(submission: &Submission) -> Value {
    json!({
        "id": submission.id,
        "identityId": submission.sender_id,
        "emailId": submission.email_id,
        "threadId": submission.thread_id,
        "envelope": envelope(&submission.envelope),
        "sendAt": UtcDate(submission.send_at_us).text(),
        "undoStatus": undo_status(submission.undo_status),
        "deliveryStatus": deliveries(&submission.deliveries),
        "dsnBlobIds": submission.dsn_blobs,
        "mdnBlobIds": submission.mdn_blobs,
    })
}

/// The name of a status.
pub fn undo_status(status: UndoStatus) -> &'static str {
    match status {
        UndoStatus::Pending => "pending",
        UndoStatus::Final => "final",
        UndoStatus::Canceled => "canceled",
    }
}

fn envelope(envelope: &Envelope) -> Value {
    json!({
        "mailFrom": path(&envelope.mail_from),
        "rcptTo": envelope.rcpt_to.iter().map(path).collect::<Vec<_>>(),
    })
}

fn path(path: &Path) -> Value {
    let parameters: Map<String, Value> = path
        .parameters
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    json!({
        "email": path.email,
        "parameters": if parameters.is_empty() { Value::Null } else { parameters.into() },
    })
}

fn deliveries(deliveries: &[DeliveryStatus]) -> Value {
    let status = |one: &DeliveryStatus| {
        let delivered = match one.delivered {
            Delivered::Queued => "queued",
            Delivered::Yes => "yes",
            Delivered::No => "no",
            Delivered::Unknown => "unknown",
        };
        json!({
            "smtpReply": one.smtp_reply,
            "delivered": delivered,
            "displayed": if one.displayed { "yes" } else { "unknown" },
        })
    };
    deliveries
        .iter()
        .map(|one| (one.recipient.clone(), status(one)))
        .collect::<Map<_, _>>()
        .into()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A submission to one recipient that can still be taken back.
    pub fn submission(id: &str) -> Submission {
        let path = |email: &str| Path {
            email: email.to_owned(),
            parameters: Vec::new(),
        };
        Submission {
            id: id.to_owned(),
            sender_id: "i1".to_owned(),
            email_id: "e1".to_owned(),
            thread_id: "t1".to_owned(),
            envelope: Envelope {
                mail_from: path("john@example.com"),
                rcpt_to: vec![path("jane@example.com")],
            },
            send_at_us: 1_414_649_520_000_000,
            undo_status: UndoStatus::Pending,
            deliveries: vec![DeliveryStatus {
                recipient: "jane@example.com".to_owned(),
                smtp_reply: "250 2.1.5 OK".to_owned(),
                delivered: Delivered::Queued,
                displayed: false,
            }],
            dsn_blobs: Vec::new(),
            mdn_blobs: vec!["b1".to_owned()],
        }
    }

    #[test]
    fn a_submission_has_all_its_properties() {
        let mut submission = submission("s1");
        submission.envelope.mail_from.parameters = vec![
            ("HOLDFOR".to_owned(), Some("60".to_owned())),
            ("SMTPUTF8".to_owned(), None),
        ];
        let told = json(&submission);
        let expected = json!({
            "id": "s1",
            "identityId": "i1",
            "emailId": "e1",
            "threadId": "t1",
            "envelope": {
                "mailFrom": {
                    "email": "john@example.com",
                    "parameters": {"HOLDFOR": "60", "SMTPUTF8": null}
                },
                "rcptTo": [{"email": "jane@example.com", "parameters": null}]
            },
            "sendAt": "2014-10-30T06:12:00Z",
            "undoStatus": "pending",
            "deliveryStatus": {
                "jane@example.com": {
                    "smtpReply": "250 2.1.5 OK",
                    "delivered": "queued",
                    "displayed": "unknown"
                }
            },
            "dsnBlobIds": [],
            "mdnBlobIds": ["b1"]
        });
        assert_eq!(told, expected);
        let mut told: Vec<&String> = told.as_object().unwrap().keys().collect();
        let mut named = PROPERTIES.to_vec();
        told.sort_unstable();
        named.sort_unstable();
        assert_eq!(told, named);
    }
}
