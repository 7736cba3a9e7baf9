//! A mailbox as clients read it (RFC 8621 §2).

use serde_json::{Value, json};

use crate::bindings::concierge::mail::mailboxes::{Mailbox, Rights};

/// The properties that mail coming and going changes.
pub const COUNTS: [&str; 4] = [
    "totalEmails",
    "unreadEmails",
    "totalThreads",
    "unreadThreads",
];

/// All properties.
pub const PROPERTIES: [&str; 11] = [
    "id",
    "name",
    "parentId",
    "role",
    "sortOrder",
    "totalEmails",
    "unreadEmails",
    "totalThreads",
    "unreadThreads",
    "myRights",
    "isSubscribed",
];

/// A mailbox with all its properties.
pub fn json(mailbox: &Mailbox, read_only: bool) -> Value {
    json!({
        "id": mailbox.id,
        "name": mailbox.name,
        "parentId": mailbox.parent,
        "role": mailbox.role,
        "sortOrder": mailbox.sort_order,
        "totalEmails": mailbox.total_emails,
        "unreadEmails": mailbox.unread_emails,
        "totalThreads": mailbox.total_threads,
        "unreadThreads": mailbox.unread_threads,
        "myRights": rights(mailbox.rights, read_only),
        "isSubscribed": mailbox.subscribed,
    })
}

/// In an account that may only be read nothing else is allowed, whatever the mailbox would admit.
fn rights(rights: Rights, read_only: bool) -> Value {
    let may = |right: bool| right && !read_only;
    json!({
        "mayReadItems": rights.may_read_items,
        "mayAddItems": may(rights.may_add_items),
        "mayRemoveItems": may(rights.may_remove_items),
        "maySetSeen": may(rights.may_set_seen),
        "maySetKeywords": may(rights.may_set_keywords),
        "mayCreateChild": may(rights.may_create_child),
        "mayRename": may(rights.may_rename),
        "mayDelete": may(rights.may_delete),
        "maySubmit": may(rights.may_submit),
    })
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A mailbox of a name, at the top unless `parent` says otherwise.
    pub fn mailbox(id: &str, name: &str, parent: Option<&str>) -> Mailbox {
        Mailbox {
            id: id.to_owned(),
            name: name.to_owned(),
            parent: parent.map(str::to_owned),
            role: None,
            sort_order: 0,
            total_emails: 0,
            unread_emails: 0,
            total_threads: 0,
            unread_threads: 0,
            rights: Rights {
                may_read_items: true,
                may_add_items: true,
                may_remove_items: true,
                may_set_seen: true,
                may_set_keywords: true,
                may_create_child: true,
                may_rename: true,
                may_delete: true,
                may_submit: true,
            },
            subscribed: true,
        }
    }

    /// RFC 8621 §2.6, the first example.
    #[test]
    fn the_mailbox_of_the_rfc() {
        let mut inbox = mailbox("MB23cfa8094c0f41e6", "Inbox", None);
        inbox.role = Some("inbox".to_owned());
        inbox.sort_order = 10;
        inbox.total_emails = 16_307;
        inbox.unread_emails = 13_905;
        inbox.total_threads = 5_833;
        inbox.unread_threads = 5_128;
        inbox.rights.may_rename = false;
        inbox.rights.may_delete = false;
        let expected = json!({
            "id": "MB23cfa8094c0f41e6",
            "name": "Inbox",
            "parentId": null,
            "role": "inbox",
            "sortOrder": 10,
            "totalEmails": 16307,
            "unreadEmails": 13905,
            "totalThreads": 5833,
            "unreadThreads": 5128,
            "myRights": {
                "mayAddItems": true,
                "mayRename": false,
                "maySubmit": true,
                "mayDelete": false,
                "maySetKeywords": true,
                "mayRemoveItems": true,
                "mayCreateChild": true,
                "maySetSeen": true,
                "mayReadItems": true
            },
            "isSubscribed": true
        });
        assert_eq!(json(&inbox, false), expected);
    }

    #[test]
    fn the_properties_are_those_that_are_told() {
        let told = json(&mailbox("m", "a", None), false);
        let mut told: Vec<&str> = told
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mut named = PROPERTIES.to_vec();
        told.sort_unstable();
        named.sort_unstable();
        assert_eq!(told, named);
    }

    #[test]
    fn a_read_only_account_is_read() {
        let told = json(&mailbox("m", "a", None), true);
        let allowed: Vec<&String> = told["myRights"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, may)| **may == Value::Bool(true))
            .map(|(right, _)| right)
            .collect();
        assert_eq!(allowed, ["mayReadItems"]);
    }
}
