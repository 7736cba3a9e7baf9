//! The event stream (RFC 8620 §7.3). The host makes it; what is asked for is read here.

use http::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode_str;

use crate::bindings::concierge::mail::events::Subscription;
use crate::host::{Host, Principal};
use crate::jmap::data_type;
use crate::problem::Problem;
use crate::reply::{self, Body, Reply};

/// Seconds between pings that are given (§7.3 lets a server bound them).
const PING_S: std::ops::RangeInclusive<u32> = 30..=900;

/// Opens the event stream.
///
/// # Errors
/// What is wrong with what is asked for, or what the host says.
pub async fn answer<H: Host>(
    host: &H,
    principal: &Principal,
    head: &Parts,
) -> Result<Reply<H::Outgoing>, Problem> {
    let query = head.uri.query().unwrap_or_default();
    let subscription = subscription(query, &head.headers)?;
    let mut reply = match head.method == http::Method::HEAD {
        true => reply::empty(StatusCode::OK),
        false => {
            let events = host.listen(&principal.token, subscription).await?;
            Response::new(Body::Stream(events))
        }
    };
    reply::set(&mut reply, CONTENT_TYPE, "text/event-stream");
    reply::set(&mut reply, CACHE_CONTROL, "no-store");
    // A proxy that gathers bytes before it passes them on would keep the events.
    reply
        .headers_mut()
        .insert("x-accel-buffering", http::HeaderValue::from_static("no"));
    Ok(reply)
}

fn subscription(query: &str, headers: &HeaderMap) -> Result<Subscription, Problem> {
    let bad = |what: &str| Problem::new(StatusCode::BAD_REQUEST, what);
    let value = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let found = pairs.find(|(found, _)| *found == name);
        found.map(|(_, value)| percent_decode_str(value).decode_utf8_lossy().into_owned())
    };
    let types =
        value("types").ok_or_else(|| bad("types is missing: names of data types, or *."))?;
    let types = match types.as_str() {
        "*" => Vec::new(),
        names => {
            let known: Vec<_> = names.split(',').filter_map(data_type::named).collect();
            // None would be all.
            match known.is_empty() {
                true => return Err(bad(&unknown_types())),
                false => known,
            }
        }
    };
    let close_after_state = match value("closeafter").as_deref() {
        Some("state") => true,
        Some("no") | None => false,
        Some(_) => return Err(bad("closeafter is state or no.")),
    };
    let ping_s = match value("ping").as_deref() {
        None | Some("0") => 0,
        Some(text) => text
            .parse::<u32>()
            .map_err(|_| bad("ping is a number of seconds."))?
            .clamp(*PING_S.start(), *PING_S.end()),
    };
    let last_event = headers.get("last-event-id");
    Ok(Subscription {
        types,
        close_after_state,
        ping_s,
        last_event: last_event
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned(),
    })
}

fn unknown_types() -> String {
    let known = data_type::NAMES.map(|(_, name)| name).join(", ");
    format!("types has none of {known}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::concierge::mail::accounts::DataType;

    fn read(query: &str) -> Result<Subscription, Problem> {
        subscription(query, &HeaderMap::new())
    }

    #[test]
    fn what_is_asked_for_is_read() {
        let all = read("types=*&closeafter=no&ping=0").unwrap();
        assert_eq!(
            (all.types, all.close_after_state, all.ping_s),
            (vec![], false, 0)
        );
        let some = read("ping=5&types=Mailbox%2CEmail,Unknown&closeafter=state").unwrap();
        assert_eq!(some.types, [DataType::Mailbox, DataType::Email]);
        assert!(some.close_after_state);
        assert_eq!(some.ping_s, 30);
        assert_eq!(read("types=*&ping=100000").unwrap().ping_s, 900);
        let mut headers = HeaderMap::new();
        headers.insert("last-event-id", http::HeaderValue::from_static("7"));
        assert_eq!(subscription("types=*", &headers).unwrap().last_event, "7");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for query in [
            "",
            "types=",
            "types=Unknown",
            "types=*&closeafter=never",
            "types=*&ping=x",
            "types=*&ping=-1",
        ] {
            assert!(read(query).is_err(), "{query}");
        }
    }
}
