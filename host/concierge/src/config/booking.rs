//! The types of the settings of bookings.

use std::fmt;
use std::str::FromStr;

use concierge_booking::store::Strategy;
use serde::{Deserialize, Deserializer, de};

use super::declare::{SettingValue, single};

/// How it is made sure that no room is sold twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StrategyName(pub Strategy);

const STRATEGIES: [(&str, Strategy); 3] = [
    ("pessimistic", Strategy::Pessimistic),
    ("optimistic", Strategy::Optimistic),
    ("constraint", Strategy::Constraint),
];

impl FromStr for StrategyName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut strategies = STRATEGIES.iter();
        let found = strategies.find(|(name, _)| *name == text);
        found.map(|&(_, strategy)| Self(strategy)).ok_or_else(|| {
            format!("{text:?} is not a strategy: pessimistic, optimistic or constraint")
        })
    }
}

impl fmt::Display for StrategyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut strategies = STRATEGIES.iter();
        let name = strategies.find(|(_, strategy)| *strategy == self.0);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

/// A PostgreSQL server, as a URL. Where it is shown, its password is not.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(String);

impl PostgresUrl {
    /// The whole of it, with the password.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for PostgresUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = text.starts_with("postgres://") || text.starts_with("postgresql://");
        match url || (text.contains("host") && text.contains('=')) {
            true => Ok(Self(text.to_owned())),
            // What is wrong may have a password in it, and is not shown.
            false => Err(
                "not a PostgreSQL server, such as postgres://user:password@host:5432/database"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return f.write_str(&shown_of_pairs(&self.0));
        };
        // RFC 3986 §3.2.1: what is before the last `@` of the authority is user and password.
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let shown = match authority.rsplit_once('@') {
            Some((user, host)) => match user.split_once(':') {
                Some((name, _)) => format!("{name}:***@{host}"),
                None => authority.to_owned(),
            },
            None => authority.to_owned(),
        };
        // A password may be among the parameters too.
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        write!(f, "{scheme}://{shown}{path}")
    }
}

/// Of `NAME=VALUE …` what is no secret. With quotes it takes more to tell them apart, and nothing is shown.
fn shown_of_pairs(pairs: &str) -> String {
    const SHOWN: [&str; 5] = ["host=", "hostaddr=", "port=", "user=", "dbname="];
    if pairs.contains(['\'', '\\']) {
        return "***".to_owned();
    }
    let is_shown = |pair: &&str| SHOWN.iter().any(|name| pair.starts_with(name));
    let shown: Vec<&str> = pairs.split_whitespace().filter(is_shown).collect();
    shown.join(" ")
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for PostgresUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl SettingValue for Vec<PostgresUrl> {
    const MANY: bool = true;

    fn from_texts(texts: &[String]) -> Result<Self, String> {
        texts.iter().map(|text| text.parse()).collect()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        let shown = self.iter().map(|url| toml::Value::String(url.to_string()));
        Some(toml::Value::Array(shown.collect()))
    }
}

impl SettingValue for bool {
    fn from_texts(texts: &[String]) -> Result<Self, String> {
        let text = single(texts)?;
        text.parse()
            .map_err(|_| format!("{text:?} is neither true nor false"))
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some(toml::Value::Boolean(*self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strategies_read_back() {
        for (name, strategy) in STRATEGIES {
            assert_eq!(name.parse(), Ok(StrategyName(strategy)));
            assert_eq!(StrategyName(strategy).to_string(), name);
        }
        assert!("hopeful".parse::<StrategyName>().is_err());
    }

    #[test]
    fn passwords_are_not_shown() {
        for (url, shown) in [
            ("postgres://db/hotels", "postgres://db/hotels"),
            ("postgres://ann@db/hotels", "postgres://ann@db/hotels"),
            (
                "postgresql://ann:se@cret:x@db:5432/hotels",
                "postgresql://ann:***@db:5432/hotels",
            ),
            (
                "postgres://db/hotels?user=ann&password=secret",
                "postgres://db/hotels",
            ),
            ("postgres://ann:secret@db?x=a@b", "postgres://ann:***@db"),
            (
                "host=/run/pg user=ann password=secret dbname=b",
                "host=/run/pg user=ann dbname=b",
            ),
            ("host=db password='it is user=secret'", "***"),
        ] {
            let read: PostgresUrl = url.parse().unwrap();
            assert_eq!(read.expose(), url);
            assert_eq!(read.to_string(), shown);
            assert_eq!(format!("{read:?}"), shown);
        }
        for bad in ["", "db", "mysql://secret@db"] {
            let error = bad.parse::<PostgresUrl>().unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
