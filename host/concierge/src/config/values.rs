//! The types of settings.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use super::booking::StrategyName;
use super::declare::{SettingValue, single};

/// An address to listen on: `HOST:PORT`, or a port alone on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenAddress(pub SocketAddr);

impl ListenAddress {
    /// A port on 127.0.0.1.
    pub const fn loopback(port: u16) -> Self {
        Self(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(port) = text.parse() {
            return Ok(Self::loopback(port));
        }
        let numeric = text
            .strip_prefix("localhost:")
            .map(|port| format!("127.0.0.1:{port}"));
        numeric.as_deref().unwrap_or(text).parse().map(Self).map_err(|_| {
            format!("{text:?} is not an address to listen on, such as 127.0.0.1:9000, [::1]:9000 or 9000")
        })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A number of bytes: `1073741824`, `1 GiB` or `512MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteSize(pub u64);

/// Units, largest first.
const UNITS: [(&str, u64); 4] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
];

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            format!("{text:?} is not a number of bytes, such as 1048576, \"512 MiB\" or \"1 GiB\"")
        };
        let (number, unit) = UNITS
            .iter()
            .find_map(|(name, bytes)| {
                text.strip_suffix(name)
                    .map(|number| (number.trim_end(), *bytes))
            })
            .unwrap_or((text, 1));
        let number: u64 = number.parse().map_err(|_| wrong())?;
        number.checked_mul(unit).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS
            .iter()
            .find(|(_, bytes)| self.0 >= *bytes && self.0.is_multiple_of(*bytes))
        {
            Some((name, bytes)) => write!(f, "{} {name}", self.0 / bytes),
            None => write!(f, "{}", self.0),
        }
    }
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Auto,
    /// For people.
    Human,
    /// A JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            other => Err(format!(
                "{other:?} is not a log format: auto, human or json"
            )),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Human => "human",
            Self::Json => "json",
        })
    }
}

/// Reads a type from a TOML string by its `FromStr`, or from a number by the
/// number's digits.
struct TextVisitor<T>(std::marker::PhantomData<T>);

impl<T: FromStr<Err = String>> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

macro_rules! text_setting {
    ($($type:ty => $toml:expr;)+) => {
        $(
            impl<'de> Deserialize<'de> for $type {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    deserializer.deserialize_any(TextVisitor(std::marker::PhantomData))
                }
            }

            impl SettingValue for $type {
                fn from_texts(texts: &[String]) -> Result<Self, String> {
                    single(texts)?.parse()
                }

                fn to_toml(&self) -> Option<toml::Value> {
                    let toml: fn(&Self) -> toml::Value = $toml;
                    Some(toml(self))
                }
            }
        )+
    };
}

text_setting! {
    ListenAddress => |address| toml::Value::String(address.to_string());
    ByteSize => |size| toml::Value::String(size.to_string());
    LogFormat => |format| toml::Value::String(format.to_string());
    StrategyName => |strategy| toml::Value::String(strategy.to_string());
}

macro_rules! number_setting {
    ($($type:ty),+) => {
        $(
            impl SettingValue for $type {
                fn from_texts(texts: &[String]) -> Result<Self, String> {
                    let text = single(texts)?;
                    text.parse().map_err(|_| {
                        format!("{text:?} is not a number from {} to {}", Self::MIN, Self::MAX)
                    })
                }

                fn to_toml(&self) -> Option<toml::Value> {
                    Some(toml::Value::Integer(i64::from(*self)))
                }
            }
        )+
    };
}

number_setting!(u8, u16, u32);

impl SettingValue for String {
    fn from_texts(texts: &[String]) -> Result<Self, String> {
        single(texts).map(str::to_owned)
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some(toml::Value::String(self.clone()))
    }
}

impl SettingValue for PathBuf {
    fn from_texts(texts: &[String]) -> Result<Self, String> {
        match single(texts)? {
            "" => Err("a path is empty".to_owned()),
            text => Ok(Self::from(text)),
        }
    }

    fn to_toml(&self) -> Option<toml::Value> {
        Some(toml::Value::String(self.display().to_string()))
    }

    fn rebase(&mut self, directory: &Path) {
        *self = directory.join(&*self);
    }
}

impl<T: SettingValue> SettingValue for Option<T> {
    const MANY: bool = T::MANY;

    fn from_texts(texts: &[String]) -> Result<Self, String> {
        T::from_texts(texts).map(Some)
    }

    fn to_toml(&self) -> Option<toml::Value> {
        self.as_ref().and_then(T::to_toml)
    }

    fn rebase(&mut self, directory: &Path) {
        if let Some(value) = self {
            value.rebase(directory);
        }
    }
}

impl<T: SettingValue> SettingValue for BTreeMap<String, T> {
    const MANY: bool = true;

    fn from_texts(texts: &[String]) -> Result<Self, String> {
        texts
            .iter()
            .map(|text| match text.split_once('=') {
                Some((name, value)) if !name.is_empty() => {
                    let value = T::from_texts(&[value.to_owned()])
                        .map_err(|error| format!("{name}: {error}"))?;
                    Ok((name.to_owned(), value))
                }
                _ => Err(format!("{text:?} is not of the form NAME=VALUE")),
            })
            .collect()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        let table: toml::Table = self
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.to_toml()?)))
            .collect();
        Some(toml::Value::Table(table))
    }

    fn rebase(&mut self, directory: &Path) {
        for value in self.values_mut() {
            value.rebase(directory);
        }
    }
}

impl Serialize for ByteSize {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let parse = |text: &str| {
            text.parse::<ListenAddress>()
                .map(|address| address.to_string())
        };
        assert_eq!(parse("9000").unwrap(), "127.0.0.1:9000");
        assert_eq!(parse("localhost:0").unwrap(), "127.0.0.1:0");
        assert_eq!(parse("[::1]:80").unwrap(), "[::1]:80");
        for bad in ["", "example.org:80", "127.0.0.1", "65536", "127.0.0.1:x"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_read_back() {
        for (text, bytes) in [
            ("0", 0),
            ("1000", 1000),
            ("1 KiB", 1024),
            ("3 GiB", 3 << 30),
            ("16383 TiB", 16383 << 40),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!(size, ByteSize(bytes));
            assert_eq!(size.to_string(), text);
        }
        assert_eq!("512MiB".parse::<ByteSize>().unwrap(), ByteSize(512 << 20));
        for bad in ["", "GiB", "-1", "1.5 GiB", "1 GB", "16777216 TiB"] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad}");
        }
    }
}
