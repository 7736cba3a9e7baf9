//! Asks DNS for the records of a domain.

use futures::{StreamExt, stream};
use serde::Serialize;

use super::{Kind, Record};
use crate::dns::{Dns, DnsError};

/// Questions at once.
const AT_ONCE: usize = 8;

/// What DNS says of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is there.
    Present,
    /// There is nothing like it.
    Missing,
    /// There is this in its place.
    Different(Vec<String>),
    /// DNS did not answer.
    Unknown(String),
}

/// A record and what DNS says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The record.
    #[serde(flatten)]
    pub record: Record,
    /// What DNS says.
    pub state: State,
}

/// Asks for each record, in their order.
pub async fn check(dns: &dyn Dns, records: Vec<Record>) -> Vec<Checked> {
    let checked = records.into_iter().map(|record| async move {
        let state = state(dns, &record).await;
        Checked { record, state }
    });
    stream::iter(checked).buffered(AT_ONCE).collect().await
}

async fn state(dns: &dyn Dns, record: &Record) -> State {
    let found = match record.kind {
        Kind::Address => addresses(dns, record).await,
        Kind::Mx => exchangers(dns, record).await,
        Kind::Txt => texts(dns, record).await,
        Kind::Srv => services(dns, record).await,
    };
    match found {
        Err(DnsError::NoSuchName) => State::Missing,
        Err(DnsError::Unavailable(why)) => State::Unknown(why),
        Ok(found) if found.is_empty() => State::Missing,
        Ok(found) => {
            let is_it = |text: &String| plain(text) == plain(&record.value);
            // Where the address is not known here, any is good.
            match record.value.is_empty() || found.iter().any(is_it) {
                true => State::Present,
                false => State::Different(found),
            }
        }
    }
}

async fn addresses(dns: &dyn Dns, record: &Record) -> Result<Vec<String>, DnsError> {
    let found = dns.addresses(&record.name).await?;
    Ok(found.iter().map(ToString::to_string).collect())
}

/// In whatever order they are tried: the host matters.
async fn exchangers(dns: &dyn Dns, record: &Record) -> Result<Vec<String>, DnsError> {
    let host = record.value.rsplit(' ').next().unwrap_or_default();
    let found = dns.mx(&record.name).await?.into_iter();
    let found = found.map(|mx| match mx.exchange.eq_ignore_ascii_case(host) {
        true => record.value.clone(),
        false => format!("{} {}", mx.preference, mx.exchange),
    });
    Ok(found.collect())
}

/// Texts that are for the same as this one: those that begin with the same version. Others of the name are not its business.
async fn texts(dns: &dyn Dns, record: &Record) -> Result<Vec<String>, DnsError> {
    let version = |text: &str| {
        let end = text.find([';', ' ']).unwrap_or(text.len());
        text.split_at(end).0.trim().to_ascii_lowercase()
    };
    let mut found = dns.txt(&record.name).await?;
    found.retain(|text| version(text) == version(&record.value));
    Ok(found)
}

async fn services(dns: &dyn Dns, record: &Record) -> Result<Vec<String>, DnsError> {
    let found = dns.srv(&record.name).await?.into_iter();
    Ok(found
        .map(|srv| format!("0 1 {} {}", srv.port, srv.target))
        .collect())
}

/// Without what makes no difference: blanks, and the last semicolon.
fn plain(text: &str) -> String {
    let text: String = text.split_whitespace().collect();
    text.strip_suffix(';').unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::{records, sts_policy};
    use super::*;
    use crate::dkim::{Algorithm, PublicKey};
    use crate::dns::fake::{FakeDns, Zone};
    use crate::sts::{Mode, Policy, record_id};

    fn key() -> PublicKey {
        PublicKey {
            domain: "a.example".to_owned(),
            selector: "s1".to_owned(),
            algorithm: Algorithm::Rsa,
            key: "A".repeat(392),
        }
    }

    fn all() -> Vec<Record> {
        records("a.example", "mx.us.example", &[key()])
    }

    #[test]
    fn records_are_written_for_zone_files() {
        let lines: Vec<_> = all().iter().map(ToString::to_string).collect();
        let part = "A".repeat(392);
        let (one, two) = part.split_at(255 - "v=DKIM1; k=rsa; p=".len());
        assert_eq!(
            lines,
            [
                "; mx.us.example. IN A/AAAA …",
                "a.example. IN MX 10 mx.us.example.",
                "a.example. IN TXT \"v=spf1 mx -all\"",
                &format!("s1._domainkey.a.example. IN TXT \"v=DKIM1; k=rsa; p={one}\" \"{two}\""),
                "_dmarc.a.example. IN TXT \"v=DMARC1; p=quarantine; rua=mailto:postmaster@a.example\"",
                &lines[5],
                "; mta-sts.a.example. IN A/AAAA …",
                "_smtp._tls.a.example. IN TXT \"v=TLSRPTv1; rua=mailto:postmaster@a.example\"",
                "_submissions._tcp.a.example. IN SRV 0 1 465 mx.us.example.",
                "_submission._tcp.a.example. IN SRV 0 1 587 mx.us.example.",
                "_jmap._tcp.a.example. IN SRV 0 1 443 mx.us.example.",
            ]
        );
    }

    #[test]
    fn our_own_policy_is_one() {
        let policy = Policy::parse(&sts_policy("mx.us.example")).unwrap();
        assert_eq!(policy.mode, Mode::Enforce);
        assert!(policy.names("mx.us.example"));
        let record = all()
            .into_iter()
            .find(|record| record.name == "_mta-sts.a.example");
        assert!(record_id(&[record.unwrap().value]).is_some());
    }

    #[tokio::test]
    async fn what_is_there_is_told_from_what_is_not() {
        let mut dns = FakeDns::default();
        for record in all() {
            let zone = dns.0.entry(record.name.clone()).or_default();
            match record.kind {
                Kind::Address => zone.addresses.push("192.0.2.1".parse().unwrap()),
                Kind::Mx => zone.mx.push((5, "mx.us.example")),
                Kind::Txt => zone
                    .txt
                    .extend(["other".to_owned(), format!("{};", record.value)]),
                Kind::Srv => {
                    let port = record.value.split(' ').nth(2).unwrap().parse().unwrap();
                    zone.srv.push((port, "mx.us.example"));
                }
            }
        }
        let checked = check(&dns, all()).await;
        for checked in &checked {
            assert_eq!(checked.state, State::Present, "{}", checked.record);
        }
        let json = serde_json::to_value(&checked[1]).unwrap();
        assert_eq!(
            (&json["kind"], &json["state"]),
            (&"MX".into(), &"present".into())
        );

        let dns = FakeDns::default()
            .with(
                "a.example",
                Zone {
                    mx: vec![(10, "mx.old.example")],
                    txt: vec!["v=spf1 -all".to_owned()],
                    ..Zone::default()
                },
            )
            .with(
                "_dmarc.a.example",
                Zone {
                    broken: true,
                    ..Zone::default()
                },
            );
        let states: Vec<_> = check(&dns, all())
            .await
            .into_iter()
            .map(|c| c.state)
            .collect();
        let different = |text: &str| State::Different(vec![text.to_owned()]);
        assert_eq!(
            states[..5],
            [
                State::Missing,
                different("10 mx.old.example"),
                different("v=spf1 -all"),
                State::Missing,
                State::Unknown("timed out".to_owned()),
            ]
        );
    }
}
