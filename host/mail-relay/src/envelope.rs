//! Envelopes as the queue has them, and as SMTP does.
//!
//! Values of parameters are decoded there (RFC 8621 §7): xtext is written by SMTP's client.

use concierge_mail::types::Path;
use concierge_smtp::{Notify, Recipient, Return, Sender};

use crate::names;

/// The value of a parameter.
fn parameter<'a>(path: &'a Path, name: &str) -> Option<&'a str> {
    let mut parameters = path.parameters.iter();
    let found = parameters.find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.and_then(|(_, value)| value.as_deref())
}

/// The sender of an envelope; what its message is made of is not in it.
pub(crate) fn sender(mail_from: &Path) -> Sender {
    let ret = parameter(mail_from, "RET").and_then(|ret| match ret.to_ascii_uppercase().as_str() {
        "FULL" => Some(Return::Full),
        "HDRS" => Some(Return::Headers),
        _ => None,
    });
    Sender {
        address: names::address(&mail_from.email),
        ret,
        envid: parameter(mail_from, "ENVID").map(str::to_owned),
        ..Sender::default()
    }
}

/// A recipient of an envelope.
pub(crate) fn recipient(rcpt_to: &Path) -> Recipient {
    Recipient {
        address: names::address(&rcpt_to.email),
        notify: parameter(rcpt_to, "NOTIFY").map(notify),
        orcpt: parameter(rcpt_to, "ORCPT").map(str::to_owned),
    }
}

fn notify(words: &str) -> Notify {
    let has = |word: &str| {
        words
            .split(',')
            .any(|said| said.trim().eq_ignore_ascii_case(word))
    };
    Notify {
        success: has("SUCCESS"),
        failure: has("FAILURE"),
        delay: has("DELAY"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_taken_over() {
        let path = |parameters: &[(&str, &str)]| Path {
            email: "a@b.example".to_owned(),
            parameters: parameters
                .iter()
                .map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())))
                .collect(),
        };
        let sender = sender(&path(&[
            ("ret", "hdrs"),
            ("ENVID", "a b"),
            ("HOLDFOR", "5"),
        ]));
        assert_eq!(sender.ret, Some(Return::Headers));
        assert_eq!(sender.envid.as_deref(), Some("a b"));
        let to = recipient(&path(&[
            ("NOTIFY", "success, DELAY"),
            ("ORCPT", "rfc822;a@b"),
        ]));
        let notify = to.notify.unwrap();
        assert!(notify.success && notify.delay && !notify.failure);
        assert_eq!(to.orcpt.as_deref(), Some("rfc822;a@b"));
        let never = recipient(&path(&[("NOTIFY", "NEVER")]));
        assert_eq!(never.notify, Some(Notify::default()));
        assert_eq!(recipient(&path(&[])).notify, None);
    }
}
