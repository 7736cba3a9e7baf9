//! Header fields of a request.

use super::reply::HeaderList;
use crate::error::S3Error;

/// The header fields of a request: names in lower case, values as text.
#[derive(Clone, Debug, Default)]
pub struct Headers {
    fields: Vec<(String, String)>,
}

impl Headers {
    /// Takes the fields as the host gives them. A value that is not UTF-8 is read as ISO 8859-1 (RFC 9110 §5.5), so
    /// that a foreign byte in a field that nobody reads breaks nothing.
    pub fn new(list: HeaderList) -> Self {
        let fields = list
            .into_iter()
            .map(|(mut name, value)| {
                name.make_ascii_lowercase();
                let value = String::from_utf8(value)
                    .unwrap_or_else(|bad| bad.as_bytes().iter().copied().map(char::from).collect());
                (name, value)
            })
            .collect();
        Self { fields }
    }

    /// The first value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.trim())
    }

    /// The value of a field that has one meaning. Sent twice with two values it has none, and is refused.
    pub fn single(&self, name: &'static str) -> Result<Option<&str>, S3Error> {
        let mut values = self
            .fields
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.trim());
        let first = values.next();
        if values.any(|other| Some(other) != first) {
            return Err(S3Error::request(format!(
                "The header {name} was sent more than once with different values."
            )));
        }
        Ok(first)
    }

    /// Whether a field was sent.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(known, _)| known == name)
    }

    /// All fields, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The values of a field that is a list (RFC 9110 §5.6.1), over all its lines.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}
