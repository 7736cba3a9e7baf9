//! MTA-STS (RFC 8461): a domain's own word on which hosts take its mail, and that they have certificates.

mod cache;
mod https;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub(crate) use cache::Policies;
pub use https::HttpsPolicies;

/// The longest policy, in octets (RFC 8461 §3.3: 64 KB are enough).
pub(crate) const POLICY_MAX_BYTES: usize = 64 * 1024;
/// The longest that a policy is kept (RFC 8461 §3.2).
const MAX_AGE_MAX: Duration = Duration::from_secs(31_557_600);
/// Patterns of one policy.
const PATTERNS_MAX: usize = 200;

/// Why a policy was not had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PolicyError(pub String);

/// Fetches policies.
pub trait PolicySource: Send + Sync {
    /// The text at `https://mta-sts.DOMAIN/.well-known/mta-sts.txt`, which has at most 64 KiB, in bounded time.
    fn fetch<'a>(
        &'a self,
        domain: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<String, PolicyError>> + Send + 'a>>;
}

/// How a policy is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// What does not fit is not sent.
    Enforce,
    /// What does not fit is sent, and told of.
    Testing,
    /// There is no policy any more.
    None,
}

/// A policy (RFC 8461 §3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) mode: Mode,
    pub(crate) max_age: Duration,
    /// In lower case.
    patterns: Vec<String>,
}

impl Policy {
    /// From its text; unknown keys are passed over (RFC 8461 §3.2).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (mut version, mut mode, mut max_age) = (None, None, None);
        let mut patterns = Vec::new();
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else {
                continue;
            };
            let value = value.trim();
            match key.trim() {
                "version" => version = version.or(Some(value)),
                "mode" => mode = mode.or(Some(value)),
                "max_age" => max_age = max_age.or(Some(value)),
                "mx" if patterns.len() < PATTERNS_MAX => patterns.push(value.to_ascii_lowercase()),
                _ => {}
            }
        }
        let mode = match mode? {
            "enforce" => Mode::Enforce,
            "testing" => Mode::Testing,
            "none" => Mode::None,
            _ => return None,
        };
        let max_age = Duration::from_secs(max_age?.parse().ok()?).min(MAX_AGE_MAX);
        let is_one = version == Some("STSv1") && (mode == Mode::None || !patterns.is_empty());
        is_one.then_some(Self {
            mode,
            max_age,
            patterns,
        })
    }

    /// Whether a host is one of the policy's (RFC 8461 §4.1): `*` is one label, the first.
    pub(crate) fn names(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.patterns
            .iter()
            .any(|pattern| match pattern.strip_prefix("*.") {
                Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
                None => *pattern == host,
            })
    }
}

/// The id in a domain's record (RFC 8461 §3.1): without exactly one that is valid there is no policy.
pub(crate) fn record_id(texts: &[String]) -> Option<String> {
    let mut records = texts.iter().filter(|text| {
        let version = text.split(';').next().unwrap_or_default();
        version.trim() == "v=STSv1"
    });
    let (record, None) = (records.next()?, records.next()) else {
        return None;
    };
    let mut fields = record.split(';').skip(1).map(str::trim);
    let id = fields.find_map(|field| field.strip_prefix("id="))?;
    let fits = (1..=32).contains(&id.len()) && id.bytes().all(|c| c.is_ascii_alphanumeric());
    fits.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "version: STSv1\r\nmode: enforce\r\nmx: MX.b.example\r\nmx: *.c.example\r\nodd: x\r\nmax_age: 604800\r\n";

    #[test]
    fn policies_are_read() {
        let policy = Policy::parse(POLICY).unwrap();
        assert_eq!(policy.mode, Mode::Enforce);
        assert_eq!(policy.max_age, Duration::from_secs(604_800));
        for (host, is_named) in [
            ("mx.b.example", true),
            ("MX.B.EXAMPLE", true),
            ("a.mx.b.example", false),
            ("a.c.example", true),
            ("a.b.c.example", false),
            ("c.example", false),
            ("evilc.example", false),
        ] {
            assert_eq!(policy.names(host), is_named, "{host}");
        }
        for (from, to) in [
            ("STSv1", "STSv2"),
            ("enforce", "maybe"),
            ("max_age: 604800", ""),
            ("604800", "-1"),
            ("mx:", "mxx:"),
            ("version: STSv1\r\n", ""),
        ] {
            assert_eq!(Policy::parse(&POLICY.replace(from, to)), None, "{to}");
        }
        let none = "version:STSv1\nmode:none\nmax_age:99999999999";
        assert_eq!(Policy::parse(none).unwrap().max_age, MAX_AGE_MAX);
    }

    #[test]
    fn records_have_one_id() {
        let id = |texts: &[&str]| {
            let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
            record_id(&texts)
        };
        assert_eq!(id(&["other", "v=STSv1; id=a1;"]).as_deref(), Some("a1"));
        assert_eq!(id(&["v=STSv1;id=a1"]).as_deref(), Some("a1"));
        assert_eq!(id(&["v=STSv1; id=a1", "v=STSv1; id=a2"]), None);
        assert_eq!(id(&["v=STSv1;"]), None);
        assert_eq!(id(&["v=STSv10; id=a"]), None);
        assert_eq!(id(&["v=STSv1; id=a-b"]), None);
    }
}
