//! `Content-Type` and `Content-Disposition`: a value and parameters (RFC 2045 §5.1, RFC 2183 §2, RFC 2231).

use mail_parser::HeaderValue;
use mail_parser::parsers::MessageStream;

use super::values::defused;
use crate::bytes::head;
use crate::limits::CONTENT_FIELD_MAX_BYTES;

/// Languages of a part that are told of.
const LANGUAGES_MAX: usize = 100;

/// A value and its parameters.
#[derive(Debug)]
pub(crate) struct Parameters {
    /// In lower case: `text/plain`, `attachment`.
    pub(crate) value: String,
    /// Names, in lower case, and values.
    parameters: Vec<(String, String)>,
}

impl Parameters {
    /// Reads a field, of it at most [`CONTENT_FIELD_MAX_BYTES`].
    pub(crate) fn read(field: &[u8]) -> Option<Self> {
        let field = defused(head(field, CONTENT_FIELD_MAX_BYTES));
        let HeaderValue::ContentType(parsed) = MessageStream::new(&field).parse_content_type()
        else {
            return None;
        };
        let value = match parsed.subtype() {
            Some(subtype) => format!("{}/{subtype}", parsed.ctype()),
            None => parsed.ctype().to_owned(),
        };
        let parameters = parsed.attributes().unwrap_or_default().iter();
        Some(Self {
            value: value.to_ascii_lowercase(),
            parameters: parameters
                .map(|parameter| (parameter.name.to_string(), parameter.value.to_string()))
                .collect(),
        })
    }

    /// A parameter, its continuations joined and decoded.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

/// The tags of a `Content-Language` field (RFC 3282 §2).
pub(crate) fn language_tags(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|tag| !tag.is_empty())
        .map(str::to_owned)
        .take(LANGUAGES_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let read = |field: &[u8]| Parameters::read(field).unwrap();
        let plain = read(b" Text/Plain; charset=\"UTF-8\"; format=flowed");
        assert_eq!(plain.value, "text/plain");
        assert_eq!(plain.get("charset"), Some("UTF-8"));
        let word = read(b"attachment;\r\n filename=\"=?utf-8?q?K=C3=B6ln=2Epdf?=\"");
        assert_eq!(word.get("filename"), Some("Köln.pdf"));
        let continued =
            read(b"attachment; filename*0*=utf-8''K%C3%B6; filename*1*=ln; filename*2=.pdf");
        assert_eq!(continued.get("filename"), Some("Köln.pdf"));
        assert_eq!(continued.value, "attachment");
    }

    #[test]
    fn floods_of_continuations_are_cut() {
        let mut flood = b"attachment".to_vec();
        for number in 0..200_000 {
            flood.extend_from_slice(format!("; filename*{number}=a").as_bytes());
        }
        let name = Parameters::read(&flood).unwrap();
        let name = name.get("filename").unwrap();
        assert!(name.len() <= CONTENT_FIELD_MAX_BYTES, "{}", name.len());
    }

    #[test]
    fn what_is_no_value_is_none() {
        assert!(Parameters::read(b"").is_none());
        assert!(Parameters::read(b" \r\n ").is_none());
    }
}
