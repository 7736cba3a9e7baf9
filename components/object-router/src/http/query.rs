//! The query string.

use super::escape::{self, BadEscape, Plus};

/// The parameters of a query string, decoded, in the order in which they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

/// Reads a query string (without `?`). `+` is a space, as S3 reads it. Names without `=` have an empty value.
pub fn parse_query(raw: &str) -> Result<Query, BadEscape> {
    let mut pairs = Vec::new();
    for piece in raw.split('&').filter(|piece| !piece.is_empty()) {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        pairs.push((
            escape::decode(name, Plus::Space)?,
            escape::decode(value, Plus::Space)?,
        ));
    }
    Ok(Query { pairs })
}

impl Query {
    /// The value of a parameter; the first one, where it was sent twice.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of a parameter, `None` also where it is empty.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// Whether a parameter was sent, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// How often a parameter was sent.
    pub fn count(&self, name: &str) -> usize {
        self.pairs.iter().filter(|(known, _)| known == name).count()
    }

    /// All parameters.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }
}
