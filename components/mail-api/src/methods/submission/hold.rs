//! Sending later (RFC 4865, FUTURERELEASE): the parameters of MAIL FROM by which a client says when.

use std::str::FromStr as _;

use crate::bindings::concierge::mail::submissions::Path;
use crate::jmap::limits::DELAYED_SEND_MAX_S;

/// Microseconds of a second.
const US_PER_S: u64 = 1_000_000;

/// When a message is to be sent, by the parameters of its sender; `None`: now, also where the time is over.
///
/// # Errors
///
/// A sentence where a parameter is not of its form, both are there, or it is later than it may be.
pub fn send_at_us(mail_from: &Path, now_us: u64) -> Result<Option<u64>, String> {
    let of = |name: &str| {
        let mut all = mail_from.parameters.iter();
        all.find(|(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_deref().unwrap_or_default())
    };
    let time_us = match (of("HOLDFOR"), of("HOLDUNTIL")) {
        (None, None) => return Ok(None),
        // RFC 4865 §4: not more than one of them.
        (Some(_), Some(_)) => return Err("HOLDFOR and HOLDUNTIL exclude each other.".to_owned()),
        (Some(interval), None) => hold_for_s(interval)
            .map(|seconds| now_us.saturating_add(seconds.saturating_mul(US_PER_S)))
            .ok_or("HOLDFOR is no number of seconds.")?,
        (None, Some(time)) => hold_until_us(time).ok_or("HOLDUNTIL is no date and time.")?,
    };
    if time_us > now_us.saturating_add(DELAYED_SEND_MAX_S * US_PER_S) {
        return Err(format!(
            "A message is held for at most {DELAYED_SEND_MAX_S} seconds."
        ));
    }
    Ok((time_us > now_us).then_some(time_us))
}

/// RFC 4865 §4: 1 to 9 digits, the first not 0.
fn hold_for_s(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let form = digits && (1..=9).contains(&text.len()) && !text.starts_with('0');
    form.then(|| text.parse().ok())?
}

/// RFC 4865 §4: a date-time of RFC 3339, with any offset.
fn hold_until_us(text: &str) -> Option<u64> {
    // What else jiff reads has signs that these have not.
    let form = text
        .bytes()
        .all(|byte| b"0123456789-+:.TZtz".contains(&byte));
    let time = form.then(|| jiff::Timestamp::from_str(text).ok())??;
    u64::try_from(time.as_microsecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2014-10-30T06:12:00Z.
    const NOW_US: u64 = 1_414_649_520_000_000;

    fn held(parameters: &[(&str, Option<&str>)]) -> Result<Option<u64>, String> {
        let parameters = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned)))
            .collect();
        let mail_from = Path {
            email: "john@example.com".to_owned(),
            parameters,
        };
        send_at_us(&mail_from, NOW_US)
    }

    #[test]
    fn messages_are_held_for_a_time_or_until_one() {
        assert_eq!(held(&[]), Ok(None));
        assert_eq!(held(&[("SIZE", Some("9")), ("SMTPUTF8", None)]), Ok(None));
        let in_a_minute = Ok(Some(NOW_US + 60_000_000));
        assert_eq!(held(&[("HOLDFOR", Some("60"))]), in_a_minute);
        assert_eq!(held(&[("HoldFor", Some("60"))]), in_a_minute);
        for until in [
            "2014-10-30T06:13:00Z",
            "2014-10-30T06:13:00.000Z",
            "2014-10-30T08:13:00+02:00",
        ] {
            assert_eq!(held(&[("HOLDUNTIL", Some(until))]), in_a_minute, "{until}");
        }
        let past = [("HOLDUNTIL", Some("2014-10-30T06:11:59Z"))];
        assert_eq!(held(&past), Ok(None));
    }

    #[test]
    fn what_is_not_of_its_form_is_refused() {
        for (name, value) in [
            ("HOLDFOR", None),
            ("HOLDFOR", Some("")),
            ("HOLDFOR", Some("0")),
            ("HOLDFOR", Some("060")),
            ("HOLDFOR", Some("-1")),
            ("HOLDFOR", Some("1.5")),
            ("HOLDFOR", Some("1000000000")),
            ("HOLDUNTIL", None),
            ("HOLDUNTIL", Some("2014-10-30")),
            ("HOLDUNTIL", Some("2014-10-30T06:13:00")),
            ("HOLDUNTIL", Some("2014-10-30T06:13:00Z[UTC]")),
        ] {
            assert!(held(&[(name, value)]).is_err(), "{name}={value:?}");
        }
        let both = [
            ("HOLDFOR", Some("60")),
            ("HOLDUNTIL", Some("2014-10-30T06:13:00Z")),
        ];
        assert!(held(&both).is_err());
    }

    #[test]
    fn messages_are_not_held_for_ever() {
        let longest = DELAYED_SEND_MAX_S.to_string();
        assert!(held(&[("HOLDFOR", Some(&longest))]).is_ok());
        let longer = (DELAYED_SEND_MAX_S + 1).to_string();
        assert!(held(&[("HOLDFOR", Some(&longer))]).is_err());
        assert!(held(&[("HOLDUNTIL", Some("2015-10-30T06:12:00Z"))]).is_err());
    }
}
