//! Mail from other servers: looked at, and kept.

use concierge_smtp::server::Accepted;
use concierge_smtp::{BodyKind, Notify, Reply, Return};
use uuid::Uuid;

use crate::Shared;
use crate::intake::{Whole, no_room};
use crate::queue::{Metadata, Recipient};
use crate::steps::{InFlight, refused};
use crate::trace;

/// NOTIFY as RFC 3461 writes it.
pub(crate) fn notify(notify: Notify) -> String {
    let words = [
        (notify.success, "SUCCESS"),
        (notify.failure, "FAILURE"),
        (notify.delay, "DELAY"),
    ];
    let asked: Vec<_> = words
        .into_iter()
        .filter_map(|(is_asked, word)| is_asked.then_some(word))
        .collect();
    match asked.is_empty() {
        true => "NEVER".to_owned(),
        false => asked.join(","),
    }
}

/// RET as RFC 3461 writes it.
pub(crate) fn ret(ret: Return) -> String {
    match ret {
        Return::Full => "FULL".to_owned(),
        Return::Headers => "HDRS".to_owned(),
    }
}

impl Shared {
    /// Has the steps look at a message, and keeps it.
    pub(crate) async fn keep(&self, whole: Whole) -> Result<Accepted, Reply> {
        let id = Uuid::now_v7();
        let now_us = self.clock.now_us();
        let host_name = &self.options.host_name;
        let (connection, envelope) = (&whole.connection, &whole.envelope);
        let only = match envelope.recipients.as_slice() {
            [only] => Some(only.address.as_str()),
            _ => None,
        };
        let told = id.simple().to_string();
        let smtputf8 = envelope.sender.smtputf8;
        let received = trace::received(connection, host_name, &told, smtputf8, only, now_us);
        let ours = |field: &trace::Field<'_>| trace::claims_to_be_ours(field, host_name);
        let mut message = InFlight {
            client: connection.peer.ip(),
            hello: connection.hello.clone(),
            envelope: envelope.clone(),
            bytes: trace::without(whole.bytes.clone(), ours),
            fields: Vec::new(),
            is_junk: false,
        };
        for step in &self.steps {
            let asked = step.message(&mut message).await;
            asked.map_err(|reply| refused(step.name(), reply))?;
        }
        message.fields.push(received);
        let sender = message.envelope.sender;
        let recipients = message.envelope.recipients.into_iter();
        let metadata = Metadata {
            id,
            received_us: now_us,
            mail_from: sender.address,
            ret: sender.ret.map(ret),
            envid: sender.envid,
            recipients: recipients
                .map(|recipient| Recipient {
                    address: recipient.address,
                    notify: recipient.notify.map(notify),
                    orcpt: recipient.orcpt,
                })
                .collect(),
            trace: message.fields.concat(),
            is_junk: message.is_junk,
            is_8bit: sender.body == BodyKind::EightBitMime,
            is_utf8: sender.smtputf8,
            own_file: None,
        };
        let kept = self.queue.put(metadata, message.bytes).await;
        kept.map_err(no_room)?;
        metrics::counter!("concierge_mail_incoming_total").increment(1);
        Ok(Accepted { id: told })
    }
}
