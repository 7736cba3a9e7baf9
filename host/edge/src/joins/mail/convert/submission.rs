use super::{To, record, variant};
use crate::joins::bindings::mail::submissions as wit;
use concierge_mail::types::{self, calls::submissions};

record!(types::Address => wit::Address { name, email });
record!(wit::Address => types::Address { name, email });
record!(types::Sender => wit::Sender {
    id,
    name,
    email,
    reply_to,
    bcc,
    text_signature,
    html_signature,
    may_delete,
});

impl To<submissions::NewSender> for wit::Sender {
    fn to(self) -> submissions::NewSender {
        submissions::NewSender {
            name: self.name,
            email: self.email,
            reply_to: self.reply_to.to(),
            bcc: self.bcc.to(),
            text_signature: self.text_signature,
            html_signature: self.html_signature,
        }
    }
}

record!(wit::SenderPatch => submissions::SenderPatch {
    id,
    name,
    reply_to,
    bcc,
    text_signature,
    html_signature
});
variant!(wit::SenderEdit => submissions::SenderEdit { Create(sender), Update(patch), Destroy(id) });
record!(types::Path => wit::Path { email, parameters });
record!(wit::Path => types::Path { email, parameters });
record!(types::Envelope => wit::Envelope { mail_from, rcpt_to });
record!(wit::Envelope => types::Envelope { mail_from, rcpt_to });
variant!(types::UndoStatus => wit::UndoStatus { Pending, Final, Canceled });
variant!(wit::UndoStatus => types::UndoStatus { Pending, Final, Canceled });
variant!(types::Delivered => wit::Delivered { Queued, Yes, No, Unknown });
record!(types::DeliveryStatus => wit::DeliveryStatus {
    recipient,
    smtp_reply,
    delivered,
    displayed
});
record!(types::Submission => wit::Submission {
    id,
    sender_id,
    email_id,
    thread_id,
    envelope,
    send_at_us,
    undo_status,
    deliveries,
    dsn_blobs,
    mdn_blobs,
});
record!(wit::Request => submissions::Request { sender_id, email_id, envelope, send_at_us });
variant!(wit::Edit => submissions::Edit { Create(request), Cancel(id), Destroy(id) });
record!(wit::Filter => submissions::Filter {
    senders,
    emails,
    threads,
    undo_status,
    before_us,
    after_us
});
record!(types::Vacation => wit::Vacation { enabled, from_us, to_us, subject, text, html });
record!(wit::Vacation => types::Vacation { enabled, from_us, to_us, subject, text, html });
