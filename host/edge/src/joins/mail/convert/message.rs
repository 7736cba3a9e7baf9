use super::{To, record, variant};
use crate::joins::bindings::mail::{events, messages as wit, outgoing};
use concierge_mail::types::{self, calls};

record!(calls::messages::Blob => wit::Blob { id, size });
record!(calls::messages::Content => wit::Content { length, size });
record!(wit::Range => calls::messages::Range { offset, length });
record!(wit::Digests => calls::messages::Digests { sha_1, sha_256 });
record!(calls::messages::Found => wit::Found { id, size, bytes, truncated, sha_1, sha_256 });
record!(calls::messages::References => wit::References { id, emails, threads, mailboxes });

impl To<calls::messages::Piece> for wit::Piece {
    fn to(self) -> calls::messages::Piece {
        match self {
            Self::Bytes(bytes) => calls::messages::Piece::Bytes(bytes),
            Self::Blob((id, range)) => calls::messages::Piece::Blob(id, range.to()),
        }
    }
}

record!(events::Subscription => calls::events::Subscription {
    types,
    close_after_state,
    ping_s,
    last_event
});

impl To<events::Push> for types::Push {
    fn to(self) -> events::Push {
        events::Push {
            id: self.id.to(),
            device_client_id: self.device_client_id,
            // RFC 8620 §7.2.1: neither is told again, for they let others push.
            url: String::new(),
            keys: None,
            verification_code: self.verification_code,
            expires_us: self.expires_us,
            types: self.types.to(),
        }
    }
}

impl To<calls::events::NewPush> for events::Push {
    fn to(self) -> calls::events::NewPush {
        calls::events::NewPush {
            device_client_id: self.device_client_id,
            url: self.url,
            keys: self.keys,
            expires_us: self.expires_us,
            types: self.types.to(),
        }
    }
}

record!(events::PushPatch => calls::events::PushPatch {
    id,
    verification_code,
    expires_us,
    types
});

variant!(outgoing::Category => calls::outgoing::Category { Transactional, Notification, Marketing });
record!(outgoing::Attachment => calls::outgoing::Attachment { name, content_type, bytes });
record!(outgoing::Letter => calls::outgoing::Letter { subject, text, html, attachments });
variant!(outgoing::Content => calls::outgoing::Content { Mime(bytes), Letter(letter) });
record!(outgoing::Message => calls::outgoing::Message {
    from,
    from_name,
    to,
    reply_to,
    category,
    content,
    idempotency_key
});
record!(calls::outgoing::Accepted => outgoing::Accepted { queue_id, accepted_us });
