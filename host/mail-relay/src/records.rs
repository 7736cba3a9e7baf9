//! What DNS is to say of a domain whose mail is here, and whether it does.

mod check;

use std::fmt;

use serde::Serialize;

use crate::dkim::{PublicKey, zone_text};

pub use check::{Checked, State, check};

/// The kinds of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Kind {
    /// A or AAAA: an address.
    #[serde(rename = "A/AAAA")]
    Address,
    /// A mail exchanger.
    Mx,
    /// A text.
    Txt,
    /// Where a service is.
    Srv,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "A/AAAA",
            Self::Mx => "MX",
            Self::Txt => "TXT",
            Self::Srv => "SRV",
        })
    }
}

/// A record that a domain needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Its name, without the last dot.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// Its value: of a TXT record the text, without quotes; of an address empty, where it is not known here.
    pub value: String,
    /// What it is for.
    pub why: &'static str,
}

impl Record {
    fn new(name: impl Into<String>, kind: Kind, value: String, why: &'static str) -> Self {
        Self {
            name: name.into(),
            kind,
            value,
            why,
        }
    }
}

/// As a zone file has it (RFC 1035 §5.1); an address that is not known here as a comment.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, kind, value) = (&self.name, self.kind, &self.value);
        match kind {
            Kind::Txt => write!(f, "{name}. IN TXT {}", zone_text(value)),
            Kind::Address if value.is_empty() => write!(f, "; {name}. IN A/AAAA …"),
            Kind::Address => {
                let kind = if value.contains(':') { "AAAA" } else { "A" };
                write!(f, "{name}. IN {kind} {value}")
            }
            Kind::Mx | Kind::Srv => write!(f, "{name}. IN {kind} {value}."),
        }
    }
}

/// The text of an MTA-STS policy (RFC 8461 §3.2) by which mail goes to this host over TLS alone; it is to be served at
/// `https://mta-sts.DOMAIN/.well-known/mta-sts.txt`.
#[must_use]
pub fn sts_policy(host_name: &str) -> String {
    // A week: long enough to protect, short enough to live with a mistake (RFC 8461 §10.2 advises weeks).
    format!("version: STSv1\r\nmode: enforce\r\nmx: {host_name}\r\nmax_age: 604800\r\n")
}

/// The id of a policy: another text has another.
fn sts_id(policy: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, policy.as_bytes());
    let octets = digest.as_ref().iter().take(10);
    octets.map(|octet| format!("{octet:02x}")).collect()
}

/// What a domain needs so that its mail comes to this host and leaves from it, most important first. `host_name` is the
/// name of this host; `keys` are those that sign for the domain.
#[must_use]
pub fn records(domain: &str, host_name: &str, keys: &[PublicKey]) -> Vec<Record> {
    use Kind::{Address, Mx, Srv, Txt};
    let at = |label: &str| format!("{label}.{domain}");
    let mut records = vec![
        Record::new(
            host_name,
            Address,
            String::new(),
            "where this host is; its address should lead back to this name (PTR)",
        ),
        Record::new(
            domain,
            Mx,
            format!("10 {host_name}"),
            "mail for the domain comes here",
        ),
        Record::new(
            domain,
            Txt,
            "v=spf1 mx -all".to_owned(),
            "SPF: mail from the domain leaves from here alone",
        ),
    ];
    for key in keys.iter().filter(|key| key.domain == domain) {
        let why = "DKIM: what is signed with this key is the domain's";
        records.push(Record::new(key.record_name(), Txt, key.record(), why));
    }
    let reports = format!("mailto:postmaster@{domain}");
    records.extend([
        Record::new(
            at("_dmarc"),
            Txt,
            format!("v=DMARC1; p=quarantine; rua={reports}"),
            "DMARC: what is neither signed nor from here is not believed",
        ),
        Record::new(
            at("_mta-sts"),
            Txt,
            format!("v=STSv1; id={}", sts_id(&sts_policy(host_name))),
            "MTA-STS: others send over TLS alone, once the policy is served",
        ),
        Record::new(
            at("mta-sts"),
            Address,
            String::new(),
            "MTA-STS: where the policy is served over HTTPS",
        ),
        Record::new(
            at("_smtp._tls"),
            Txt,
            format!("v=TLSRPTv1; rua={reports}"),
            "TLS-RPT: others tell where TLS fails",
        ),
    ]);
    for (service, port, why) in [
        (
            "_submissions._tcp",
            465,
            "mail programs find where to send (RFC 8314)",
        ),
        ("_submission._tcp", 587, "the same with STARTTLS (RFC 6186)"),
        (
            "_jmap._tcp",
            443,
            "mail programs find where to read (RFC 8620)",
        ),
    ] {
        let value = format!("0 1 {port} {host_name}");
        records.push(Record::new(at(service), Srv, value, why));
    }
    records
}
