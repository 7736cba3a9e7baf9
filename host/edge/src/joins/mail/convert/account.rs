use super::{To, record, variant};
use crate::joins::bindings::mail::{accounts as wit, mailboxes};
use concierge_mail::types::{self, calls};

variant!(concierge_mail::Error => wit::Error {
    InvalidToken,
    AccountNotFound,
    AccountReadOnly,
    Forbidden(what),
    StateMismatch,
    CannotCalculateChanges,
    TooManyChanges,
    AnchorNotFound,
    UnsupportedFilter(what),
    UnsupportedSort(what),
    InvalidArguments(what),
    TooLarge(limit),
    OverQuota,
    NotFound,
    SlowDown(seconds),
    Unavailable,
    Internal,
});

variant!(concierge_mail::Reason => wit::Reason {
    Forbidden,
    OverQuota,
    TooLarge,
    RateLimit,
    NotFound,
    InvalidProperties,
    AlreadyExists,
    MailboxHasChild,
    MailboxHasEmail,
    BlobNotFound,
    TooManyKeywords,
    TooManyMailboxes,
    InvalidEmail,
    TooManyRecipients,
    NoRecipients,
    InvalidRecipients,
    ForbiddenMailFrom,
    ForbiddenFrom,
    ForbiddenToSend,
    CannotUnsend,
});

record!(concierge_mail::Refusal => wit::Refusal { reason, description, properties, subjects, limit });

variant!(types::DataType => wit::DataType {
    Mailbox,
    Email,
    Thread,
    EmailDelivery,
    EmailSubmission,
    Identity,
    VacationResponse,
    Quota,
});

variant!(wit::DataType => types::DataType {
    Mailbox,
    Email,
    Thread,
    EmailDelivery,
    EmailSubmission,
    Identity,
    VacationResponse,
    Quota,
});

impl To<wit::Account> for types::Account {
    fn to(self) -> wit::Account {
        wit::Account {
            id: self.id.to_string(),
            name: self.name,
            personal: self.personal,
            read_only: self.read_only,
            addresses: self.addresses,
        }
    }
}

record!(types::Quota => wit::Quota { id, resource, used, hard_limit, warn_limit, name });

impl<Id: To<String>> To<wit::Changes> for types::Changes<Id> {
    fn to(self) -> wit::Changes {
        wit::Changes {
            old_state: self.old_state,
            new_state: self.new_state,
            has_more: self.has_more,
            created: self.created.to(),
            updated: self.updated.to(),
            destroyed: self.destroyed.to(),
            only_counts: self.only_counts,
        }
    }
}

impl<Id: To<String>> To<wit::Outcomes> for types::Outcomes<Id> {
    fn to(self) -> wit::Outcomes {
        wit::Outcomes {
            old_state: self.old_state,
            new_state: self.new_state,
            items: self.items.to(),
        }
    }
}

record!(calls::mailboxes::Rights => mailboxes::Rights {
    may_read_items,
    may_add_items,
    may_remove_items,
    may_set_seen,
    may_set_keywords,
    may_create_child,
    may_rename,
    may_delete,
    may_submit,
});

impl To<mailboxes::Mailbox> for calls::mailboxes::MailboxView {
    fn to(self) -> mailboxes::Mailbox {
        let mailbox = self.mailbox;
        mailboxes::Mailbox {
            id: mailbox.id.to(),
            name: mailbox.name,
            parent: mailbox.parent.to(),
            role: mailbox.role,
            sort_order: mailbox.sort_order,
            total_emails: mailbox.total_emails,
            unread_emails: mailbox.unread_emails,
            total_threads: mailbox.total_threads,
            unread_threads: mailbox.unread_threads,
            rights: self.rights.to(),
            subscribed: mailbox.subscribed,
        }
    }
}

record!(mailboxes::Details => calls::mailboxes::Details { name, parent, role, sort_order, subscribed });
record!(mailboxes::Patch => calls::mailboxes::Patch {
    id,
    name,
    parent,
    role,
    sort_order,
    subscribed
});
record!(mailboxes::Removal => calls::mailboxes::Removal { id, remove_emails });
variant!(mailboxes::Edit => calls::mailboxes::Edit { Create(details), Update(patch), Destroy(removal) });
