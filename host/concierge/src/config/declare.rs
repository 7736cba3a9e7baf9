//! What a setting is, and the macro that declares all of them.

use std::path::Path;

/// A setting as the file, the environment, the command line and the reference
/// see it.
pub struct Setting {
    /// Its key in `concierge.toml`.
    pub key: &'static str,
    /// Its flag, without the dashes.
    pub flag: &'static str,
    /// What stands for its value in help.
    pub placeholder: &'static str,
    /// What it is for; its first paragraph is a summary.
    pub doc: &'static str,
    /// Whether it holds several values (the flag may be repeated).
    pub many: bool,
}

impl Setting {
    /// Its environment variable.
    pub fn variable(&self) -> String {
        format!("CONCIERGE_{}", self.key.to_ascii_uppercase())
    }

    /// Its documentation.
    pub fn text(&self) -> String {
        let lines: Vec<&str> = self.doc.trim().lines().map(str::trim).collect();
        lines.join("\n")
    }

    /// The first paragraph of its documentation, in one line.
    pub fn summary(&self) -> String {
        let lines: Vec<&str> = self
            .doc
            .trim()
            .lines()
            .map(str::trim)
            .take_while(|line| !line.is_empty())
            .collect();
        lines.join(" ")
    }
}

/// A type that a setting can have.
pub trait SettingValue: Sized {
    /// Whether it holds several values.
    const MANY: bool = false;

    /// Reads it from text: one text, or any number where there may be many.
    fn from_texts(texts: &[String]) -> Result<Self, String>;

    /// How it is written in `concierge.toml`; `None` if it is not set.
    fn to_toml(&self) -> Option<toml::Value>;

    /// Takes relative paths in it to be relative to `directory`.
    fn rebase(&mut self, directory: &Path) {
        let _ = directory;
    }
}

/// The one text of a setting that holds one value. A flag given twice was
/// refused before.
pub fn single(texts: &[String]) -> Result<&str, String> {
    texts
        .last()
        .map(String::as_str)
        .ok_or_else(|| "a value is missing".to_owned())
}

/// Declares the settings: documentation, key, type, default, flag and the
/// placeholder of its value.
macro_rules! settings {
    ($(
        $(#[doc = $doc:literal])+
        $key:ident: $type:ty = $default:expr, $flag:literal, $placeholder:literal;
    )+) => {
        /// The effective configuration. Each field is a setting of the same name.
        #[derive(Debug, Clone)]
        pub struct Config {
            $(
                $(#[doc = $doc])+
                pub $key: $type,
            )+
            /// Where settings that are not at their default came from.
            sources: BTreeMap<&'static str, Source>,
        }

        /// `concierge.toml` as it is read.
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct FileSettings {
            $( $key: Option<$type>, )+
        }

        /// All settings, in the order of the reference.
        pub const SETTINGS: &[Setting] = &[
            $(
                Setting {
                    key: stringify!($key),
                    flag: $flag,
                    placeholder: $placeholder,
                    doc: concat!($($doc, "\n"),+),
                    many: <$type as SettingValue>::MANY,
                },
            )+
        ];

        impl Default for Config {
            fn default() -> Self {
                Self { $( $key: $default, )+ sources: BTreeMap::new() }
            }
        }

        impl Config {
            /// Takes what the file sets. Relative paths in it are relative to
            /// the directory it is in.
            pub(super) fn apply_file(&mut self, file: FileSettings, directory: &Path, source: &Source) {
                $(
                    if let Some(mut value) = file.$key {
                        SettingValue::rebase(&mut value, directory);
                        self.$key = value;
                        self.sources.insert(stringify!($key), source.clone());
                    }
                )+
            }

            /// Sets one setting from text.
            pub(super) fn apply_texts(&mut self, key: &str, texts: &[String], source: Source) -> Result<(), String> {
                match key {
                    $(
                        stringify!($key) => {
                            self.$key = SettingValue::from_texts(texts)?;
                            self.sources.insert(stringify!($key), source);
                            Ok(())
                        }
                    )+
                    other => Err(format!("there is no setting {other}")),
                }
            }

            /// A setting's value as the file would have it; `None` if not set.
            pub fn value(&self, key: &str) -> Option<toml::Value> {
                match key {
                    $( stringify!($key) => SettingValue::to_toml(&self.$key), )+
                    _ => None,
                }
            }

            /// Where a setting's value came from.
            pub fn source(&self, key: &str) -> Source {
                self.sources.get(key).cloned().unwrap_or(Source::Default)
            }
        }
    };
}

pub(super) use settings;
