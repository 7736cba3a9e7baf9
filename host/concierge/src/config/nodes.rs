//! The storage nodes of a configuration.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::declare::SettingValue;

/// The share of a node that names none.
const DEFAULT_WEIGHT: u32 = 100;

/// A storage node, as the configuration has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "NodeTable")]
pub struct NodeConfig {
    /// Its number, which stays with its data for ever.
    pub id: u32,
    /// Where it is.
    pub place: NodePlace,
    /// Its share of the data, relative to the others.
    pub weight: u32,
    /// What fails together with it; itself if not set.
    pub failure_domain: Option<String>,
}

/// Where a storage node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodePlace {
    /// In this process, with its volumes in a directory.
    Local(PathBuf),
    /// In another process.
    Remote {
        /// Its URL, `http://HOST:PORT`.
        url: String,
        /// The file with the token that it asks for.
        token_file: PathBuf,
    },
}

/// A node as `concierge.toml` writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeTable {
    id: u32,
    dir: Option<PathBuf>,
    url: Option<String>,
    token_file: Option<PathBuf>,
    weight: Option<u32>,
    failure_domain: Option<String>,
}

impl TryFrom<NodeTable> for NodeConfig {
    type Error = String;

    fn try_from(table: NodeTable) -> Result<Self, Self::Error> {
        let id = table.id;
        let place = match (table.dir, table.url, table.token_file) {
            (Some(dir), None, None) => NodePlace::Local(dir),
            (None, Some(url), Some(token_file)) => {
                if !url.starts_with("http://") {
                    return Err(format!(
                        "node {id}: {url:?} is not of the form http://HOST:PORT"
                    ));
                }
                NodePlace::Remote { url, token_file }
            }
            (None, Some(_), None) => {
                return Err(format!("node {id} has a url, and so needs a token_file"));
            }
            (Some(_), None, Some(_)) => {
                return Err(format!("node {id} has a dir, which needs no token_file"));
            }
            (Some(_), Some(_), _) => {
                return Err(format!(
                    "node {id} has both a dir and a url; it is in one place"
                ));
            }
            (None, None, _) => return Err(format!("node {id} has neither a dir nor a url")),
        };
        Ok(Self {
            id,
            place,
            weight: table.weight.unwrap_or(DEFAULT_WEIGHT),
            failure_domain: table.failure_domain,
        })
    }
}

impl NodeConfig {
    /// The node of a configuration that names none.
    pub fn default_in(directory: PathBuf) -> Self {
        Self {
            id: 1,
            place: NodePlace::Local(directory),
            weight: DEFAULT_WEIGHT,
            failure_domain: None,
        }
    }

    /// Reads `ID=PLACE[,OPTION=VALUE…]`.
    fn from_text(text: &str) -> Result<Self, String> {
        let form = || format!("{text:?} is not of the form ID=DIR or ID=URL");
        let (id, rest) = text.split_once('=').ok_or_else(form)?;
        let id = id.parse().map_err(|_| form())?;
        let mut parts = rest.split(',');
        let place = parts
            .next()
            .filter(|place| !place.is_empty())
            .ok_or_else(form)?;
        let mut table = NodeTable {
            id,
            dir: None,
            url: None,
            token_file: None,
            weight: None,
            failure_domain: None,
        };
        if place.contains("://") {
            table.url = Some(place.to_owned());
        } else {
            table.dir = Some(PathBuf::from(place));
        }
        for part in parts {
            match part.split_once('=') {
                Some(("token-file", file)) => table.token_file = Some(PathBuf::from(file)),
                Some(("weight", weight)) => {
                    table.weight = Some(
                        weight
                            .parse()
                            .map_err(|_| format!("node {id}: {weight:?} is not a weight"))?,
                    );
                }
                Some(("failure-domain", name)) => table.failure_domain = Some(name.to_owned()),
                _ => {
                    return Err(format!(
                        "node {id}: {part:?} is not an option; there are token-file=, weight= and failure-domain="
                    ));
                }
            }
        }
        Self::try_from(table)
    }
}

impl SettingValue for Vec<NodeConfig> {
    const MANY: bool = true;

    fn from_texts(texts: &[String]) -> Result<Self, String> {
        texts
            .iter()
            .map(|text| NodeConfig::from_text(text))
            .collect()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        let text = |path: &Path| toml::Value::String(path.display().to_string());
        let table = |node: &NodeConfig| {
            let mut table = toml::Table::new();
            table.insert("id".to_owned(), i64::from(node.id).into());
            match &node.place {
                NodePlace::Local(dir) => {
                    table.insert("dir".to_owned(), text(dir));
                }
                NodePlace::Remote { url, token_file } => {
                    table.insert("url".to_owned(), url.as_str().into());
                    table.insert("token_file".to_owned(), text(token_file));
                }
            }
            table.insert("weight".to_owned(), i64::from(node.weight).into());
            if let Some(domain) = &node.failure_domain {
                table.insert("failure_domain".to_owned(), domain.as_str().into());
            }
            toml::Value::Table(table)
        };
        Some(toml::Value::Array(self.iter().map(table).collect()))
    }

    fn rebase(&mut self, directory: &Path) {
        for node in self {
            match &mut node.place {
                NodePlace::Local(dir) => *dir = directory.join(&*dir),
                NodePlace::Remote { token_file, .. } => *token_file = directory.join(&*token_file),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_toml_say_the_same() {
        let texts = [
            "1=/mnt/a".to_owned(),
            "2=http://10.0.0.2:7000,token-file=/etc/token,weight=50,failure-domain=rack-2"
                .to_owned(),
        ];
        let nodes = Vec::<NodeConfig>::from_texts(&texts).unwrap();
        assert_eq!(nodes[0], NodeConfig::default_in(PathBuf::from("/mnt/a")));
        let toml = nodes.to_toml().unwrap();
        assert_eq!(toml.try_into::<Vec<NodeConfig>>().unwrap(), nodes);
    }

    #[test]
    fn wrong_nodes_are_explained() {
        for (text, expected) in [
            ("/mnt/a", "is not of the form"),
            ("x=/mnt/a", "is not of the form"),
            ("1=", "is not of the form"),
            ("1=http://h:1", "needs a token_file"),
            ("1=ftp://h:1,token-file=t", "http://HOST:PORT"),
            ("1=/a,token-file=t", "needs no token_file"),
            (
                "1=/a,colour=red",
                "there are token-file=, weight= and failure-domain=",
            ),
            ("1=/a,weight=much", "is not a weight"),
        ] {
            let error = NodeConfig::from_text(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
