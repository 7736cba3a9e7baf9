//! Fields as browsers send them (`application/x-www-form-urlencoded`: URL Standard §5), in a body or in a query; and
//! addresses with such a query.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Fields that are read of one form; no form here has half as many.
const MAX_FIELDS: usize = 64;

/// What need not be encoded in a query (RFC 3986 §2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Fields with their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    /// Reads what a browser sent. What is not UTF-8 is replaced, as browsers do.
    pub(crate) fn parse(encoded: &str) -> Self {
        let fields = encoded
            .split('&')
            .filter(|field| !field.is_empty())
            .take(MAX_FIELDS)
            .map(|field| {
                let (name, value) = field.split_once('=').unwrap_or((field, ""));
                (decoded(name), decoded(value))
            })
            .collect();
        Self { fields }
    }

    /// The value of a field, without the space around it; empty where there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    /// The value of a field that was sent.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.trim())
    }

    /// A whole number.
    pub(crate) fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        let text = self.get(name);
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten()
    }

    /// All fields in the order of their names, for what must not depend on the order in which they came.
    pub(crate) fn sorted(&self) -> Vec<(&str, &str)> {
        let mut fields: Vec<_> = self
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        fields.sort_unstable();
        fields
    }

    /// As a query, without some of the fields; empty where none is left.
    pub(crate) fn query_without(&self, leave_out: &[&str]) -> String {
        let mut address = Address::to("");
        for (name, value) in &self.fields {
            if !leave_out.contains(&name.as_str()) {
                address = address.with(name, value);
            }
        }
        address.finish()
    }
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// An address with a query, in the making.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    text: String,
    separator: char,
}

impl Address {
    /// A path that needs no encoding.
    pub(crate) fn to(path: impl Into<String>) -> Self {
        Self {
            text: path.into(),
            separator: '?',
        }
    }

    /// Adds a field.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.text.push(self.separator);
        self.separator = '&';
        self.text.extend(utf8_percent_encode(name, ENCODED));
        self.text.push('=');
        self.text.extend(utf8_percent_encode(value, ENCODED));
        self
    }

    /// Adds a field where it has a value.
    #[must_use]
    pub(crate) fn with_some(self, name: &str, value: &str) -> Self {
        if value.is_empty() {
            self
        } else {
            self.with(name, value)
        }
    }

    /// The address.
    pub(crate) fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_browsers_write_them() {
        let form =
            Form::parse("name=J%C3%BCrgen+M%26M&empty=&flag&name=second&n=7&s=+x+&m=-1&bad=%ff%zz");
        assert_eq!(form.get("name"), "Jürgen M&M");
        assert_eq!(form.find("empty"), Some(""));
        assert_eq!(form.find("flag"), Some(""));
        assert_eq!(form.find("none"), None);
        assert_eq!(form.number::<u32>("n"), Some(7));
        assert_eq!(form.number::<u32>("m"), None);
        assert_eq!(form.number::<u32>("empty"), None);
        assert_eq!(form.get("s"), "x");
        assert_eq!(form.get("bad"), "\u{fffd}%zz");
    }

    #[test]
    fn no_more_fields_are_read_than_any_form_has() {
        let many = "a=1&".repeat(10_000);
        assert_eq!(Form::parse(&many).fields.len(), MAX_FIELDS);
    }

    #[test]
    fn addresses_survive_a_round_trip() {
        let address = Address::to("/booking/search")
            .with("q", "São & \"Tomé\"=?#+")
            .with_some("after", "")
            .with("n", "1")
            .finish();
        let (path, query) = address.split_once('?').unwrap();
        assert_eq!(path, "/booking/search");
        let form = Form::parse(query);
        assert_eq!(form.get("q"), "São & \"Tomé\"=?#+");
        assert_eq!(form.find("after"), None);
        assert_eq!(form.query_without(&["q"]), "?n=1");
        assert_eq!(form.query_without(&["q", "n"]), "");
    }
}
