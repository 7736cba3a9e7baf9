//! The envelope that a client gives a submission (RFC 8621 §7).

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::bindings::concierge::mail::submissions::{Envelope, Path};

/// Parameters of one address.
const PARAMETERS_MAX: usize = 16;

/// An envelope as clients write it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvelopeProperty {
    mail_from: AddressProperty,
    rcpt_to: Vec<AddressProperty>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddressProperty {
    email: String,
    #[serde(default)]
    parameters: Option<Map<String, Value>>,
}

impl EnvelopeProperty {
    /// The envelope. Whether its addresses may be used, and its parameters can, the host decides.
    ///
    /// # Errors
    ///
    /// A sentence where a parameter is none of SMTP's, or two have the same name.
    pub fn read(self) -> Result<Envelope, String> {
        let recipients = self.rcpt_to.into_iter().map(path);
        Ok(Envelope {
            mail_from: path(self.mail_from)?,
            rcpt_to: recipients.collect::<Result<_, _>>()?,
        })
    }
}

fn path(address: AddressProperty) -> Result<Path, String> {
    let given = address.parameters.unwrap_or_default();
    if given.len() > PARAMETERS_MAX {
        return Err(format!(
            "At most {PARAMETERS_MAX} parameters of an address."
        ));
    }
    let mut parameters: Vec<(String, Option<String>)> = Vec::with_capacity(given.len());
    for (name, value) in given {
        let value = match value {
            Value::Null => None,
            Value::String(text) if !text.chars().any(char::is_control) => Some(text),
            _ => return Err(format!("The value of {name:?} is no text, nor null.")),
        };
        if !is_keyword(&name) {
            return Err(format!("{name:?} is no parameter of SMTP."));
        }
        if parameters
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(&name))
        {
            return Err(format!("{name:?} is there twice."));
        }
        parameters.push((name, value));
    }
    Ok(Path {
        email: address.email,
        parameters,
    })
}

/// `esmtp-keyword` (RFC 5321 §4.1.2).
fn is_keyword(name: &str) -> bool {
    let form = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !name.is_empty() && !name.starts_with('-') && name.bytes().all(form)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jmap::context::read;
    use serde_json::json;

    fn envelope(value: Value) -> Result<Envelope, String> {
        read::<EnvelopeProperty>(value)?.read()
    }

    #[test]
    fn parameters_are_optional() {
        let path = |email: &str, parameters| Path {
            email: email.to_owned(),
            parameters,
        };
        let given = json!({
            "mailFrom": {"email": "john@example.com", "parameters": {"HOLDFOR": "60", "SMTPUTF8": null}},
            "rcptTo": [{"email": "jane@example.com", "parameters": null}, {"email": "b@example.com"}]
        });
        let parameters = vec![
            ("HOLDFOR".to_owned(), Some("60".to_owned())),
            ("SMTPUTF8".to_owned(), None),
        ];
        let expected = Envelope {
            mail_from: path("john@example.com", parameters),
            rcpt_to: vec![
                path("jane@example.com", Vec::new()),
                path("b@example.com", Vec::new()),
            ],
        };
        assert_eq!(envelope(given), Ok(expected));
    }

    #[test]
    fn what_is_not_of_its_form_is_refused() {
        let with = |parameters: Value| {
            envelope(json!({"mailFrom": {"email": "a@b", "parameters": parameters}, "rcptTo": []}))
        };
        let many: Map<String, Value> = (0..=PARAMETERS_MAX)
            .map(|n| (format!("X{n}"), Value::Null))
            .collect();
        for parameters in [
            json!({"": "x"}),
            json!({"-X": "x"}),
            json!({"X Y": "x"}),
            json!({"X": 1}),
            json!({"X": "a\r\nRCPT TO:<c@d>"}),
            json!({"ret": "FULL", "RET": "HDRS"}),
            json!(many),
        ] {
            assert!(with(parameters.clone()).is_err(), "{parameters}");
        }
        for value in [
            json!({"mailFrom": {"email": "a@b"}}),
            json!({"rcptTo": []}),
            json!({"mailFrom": "a@b", "rcptTo": []}),
            json!({"mailFrom": {"email": "a@b"}, "rcptTo": [], "size": 1}),
        ] {
            assert!(envelope(value.clone()).is_err(), "{value}");
        }
    }
}
