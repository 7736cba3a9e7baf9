//! Values of mail's settings.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use concierge_mail_relay::Route;

use serde::{Deserialize, Deserializer, de};

use super::declare::{SettingValue, single};

/// Longest domain, octets (RFC 5321 §4.5.3.1.2).
const DOMAIN_MAX_BYTES: usize = 255;

/// A domain that mail is for, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailDomain(String);

impl MailDomain {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MailDomain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_label = |label: &str| {
            let is_inside = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
            !label.is_empty() && label.chars().all(is_inside)
        };
        match text.len() <= DOMAIN_MAX_BYTES && text.split('.').all(is_label) {
            true => Ok(Self(text.to_lowercase())),
            false => Err(format!("{text:?} is no domain, such as example.org")),
        }
    }
}

impl fmt::Display for MailDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An address of mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailAddress(String);

impl FromStr for MailAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_local = |local: &str| {
            let is_plain = |c: char| !c.is_control() && !c.is_whitespace() && !"<>,@".contains(c);
            !local.is_empty() && local.chars().all(is_plain)
        };
        match text.rsplit_once('@') {
            Some((local, domain)) if is_local(local) && domain.parse::<MailDomain>().is_ok() => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(format!("{text:?} is no address, such as stay@example.org")),
        }
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for MailAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl SettingValue for MailAddress {
    fn from_texts(texts: &[String]) -> Result<Self, String> {
        single(texts)?.parse()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some(toml::Value::String(self.to_string()))
    }
}

impl SettingValue for MailDomain {
    fn from_texts(texts: &[String]) -> Result<Self, String> {
        single(texts)?.parse()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some(toml::Value::String(self.to_string()))
    }
}

/// Where mail for a domain is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailRoute(pub Route);

impl FromStr for MailRoute {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| {
            format!(
                "{text:?} is no route, such as example.org=127.0.0.1:2526 or *=relay.example.org:25"
            )
        })
    }
}

impl fmt::Display for MailRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Addresses that begin with the same bits: `ADDRESS/BITS`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// One of them.
    pub address: IpAddr,
    /// The bits that are the same.
    pub bits: u8,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no network, such as 10.0.0.0/8 or ::1");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let max = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().map_err(|_| wrong())?,
            None => max,
        };
        match bits <= max {
            true => Ok(Self { address, bits }),
            false => Err(wrong()),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// A resolver of DNS: `ADDRESS`, or `ADDRESS:PORT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolver(pub SocketAddr);

/// Where resolvers listen (RFC 1035 §4.2).
const DNS_PORT: u16 = 53;

impl FromStr for Resolver {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = text.parse::<IpAddr>();
        let address = address.map(|address| SocketAddr::new(address, DNS_PORT));
        let found = address.or_else(|_| text.parse::<SocketAddr>());
        found
            .map(Self)
            .map_err(|_| format!("{text:?} is no resolver, such as 127.0.0.1:53 or ::1"))
    }
}

impl fmt::Display for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Settings of several values that are each written as text.
macro_rules! many_texts {
    ($($one:ty),+) => {$(
        impl<'de> Deserialize<'de> for $one {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        impl SettingValue for Vec<$one> {
            const MANY: bool = true;

            fn from_texts(texts: &[String]) -> Result<Self, String> {
                texts.iter().map(|text| text.parse()).collect()
            }

            fn to_toml(&self) -> Option<toml::Value> {
                let texts = self.iter().map(|one| toml::Value::String(one.to_string()));
                Some(toml::Value::Array(texts.collect()))
            }
        }
    )+};
}

many_texts!(MailDomain, MailRoute, Network, Resolver);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_a_form() {
        for (text, told) in [("10.0.0.0/8", "10.0.0.0/8"), ("::1", "::1/128")] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), told);
        }
        for text in ["", "10.0.0.0/33", "10.0.0/8", "host", "::1/x"] {
            assert!(text.parse::<Network>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn resolvers_have_a_form() {
        for (text, told) in [
            ("127.0.0.1", "127.0.0.1:53"),
            ("::1", "[::1]:53"),
            ("[::1]:5353", "[::1]:5353"),
        ] {
            assert_eq!(text.parse::<Resolver>().unwrap().to_string(), told);
        }
        for text in ["", "localhost", "127.0.0.1:", "127.0.0.1:99999"] {
            assert!(text.parse::<Resolver>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn domains_have_a_form() {
        let domain: MailDomain = "Example.ORG".parse().unwrap();
        assert_eq!(domain.as_str(), "example.org");
        for text in ["", ".", "a..b", "ann@example.org", "a b", "*"] {
            assert!(text.parse::<MailDomain>().is_err(), "{text:?}");
        }
        let address = "stay+inn@example.org".parse::<MailAddress>();
        assert_eq!(address.unwrap().to_string(), "stay+inn@example.org");
        for text in [
            "",
            "@",
            "stay",
            "stay@",
            "@example.org",
            "a b@example.org",
            "a@b@c",
        ] {
            assert!(text.parse::<MailAddress>().is_err(), "{text:?}");
        }
    }
}
