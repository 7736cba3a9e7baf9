//! What became of recipients, as the queue notes it.

use concierge_mail::Relayed;
use concierge_mail::types::Delivered;
use concierge_smtp::Reply;

/// Of a reply that is noted, in octets: queues and reports keep it.
const REPLY_MAX_BYTES: usize = 1_000;

/// Not now, says this server.
pub(crate) fn later(code: u16, enhanced: &str, why: impl AsRef<str>) -> Relayed {
    Relayed::later(short(format!("{code} {enhanced} {}", why.as_ref())))
}

/// Never, says this server.
pub(crate) fn never(code: u16, enhanced: &str, why: impl AsRef<str>) -> Relayed {
    let reply = short(format!("{code} {enhanced} {}", why.as_ref()));
    Relayed::here(Delivered::No, reply)
}

/// What a server said of a recipient, in the end. `remote`: its name; `None`: it was said for it here. `tells`: it takes over
/// telling the sender.
pub(crate) fn of_reply(reply: &Reply, remote: Option<String>, tells: bool) -> Relayed {
    let delivered = if reply.is_success() {
        Delivered::Unknown
    } else if reply.is_permanent() {
        Delivered::No
    } else {
        Delivered::Queued
    };
    Relayed {
        delivered,
        smtp_reply: short(reply.to_string()),
        remote,
        tells: tells && delivered == Delivered::Unknown,
        wait_us: None,
    }
}

fn short(mut reply: String) -> String {
    reply.truncate(reply.floor_char_boundary(REPLY_MAX_BYTES));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_become_outcomes() {
        for (code, delivered) in [
            (250, Delivered::Unknown),
            (354, Delivered::Queued),
            (450, Delivered::Queued),
            (550, Delivered::No),
        ] {
            let relayed = of_reply(&Reply::plain(code, "x"), Some("b".to_owned()), true);
            assert_eq!(relayed.delivered, delivered, "{code}");
            assert_eq!(relayed.tells, code == 250);
        }
        let long = of_reply(&Reply::plain(550, "é".repeat(1_000)), None, false);
        assert!(long.smtp_reply.len() <= REPLY_MAX_BYTES);
    }
}
