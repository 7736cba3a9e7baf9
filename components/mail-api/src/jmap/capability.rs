//! What this server can do, by the URIs of RFC 8620 §2 and those that add to it.

use serde_json::Value;

use crate::problem::Problem;

/// A capability with methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// RFC 8620.
    Core,
    /// RFC 8621: mailboxes, threads, emails, snippets.
    Mail,
    /// RFC 8621 §7: identities, submissions.
    Submission,
    /// RFC 8621 §8.
    VacationResponse,
    /// RFC 9404.
    Blob,
    /// RFC 9425.
    Quota,
    /// RFC 8887: it has no methods, and a client need not name it.
    WebSocket,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Core,
        Self::Mail,
        Self::Submission,
        Self::VacationResponse,
        Self::Blob,
        Self::Quota,
        Self::WebSocket,
    ];

    /// Its URI.
    pub fn uri(self) -> &'static str {
        match self {
            Self::Core => "urn:ietf:params:jmap:core",
            Self::Mail => "urn:ietf:params:jmap:mail",
            Self::Submission => "urn:ietf:params:jmap:submission",
            Self::VacationResponse => "urn:ietf:params:jmap:vacationresponse",
            Self::Blob => "urn:ietf:params:jmap:blob",
            Self::Quota => "urn:ietf:params:jmap:quota",
            Self::WebSocket => "urn:ietf:params:jmap:websocket",
        }
    }
}

/// Registered capabilities of which there is nothing here, and that clients name all the same: jmap-client names them in
/// each request, whatever the session tells. A method of theirs is `unknownMethod`.
const NAMED_BY_CLIENTS: [&str; 5] = [
    "urn:ietf:params:jmap:calendars",
    "urn:ietf:params:jmap:contacts",
    "urn:ietf:params:jmap:principals",
    "urn:ietf:params:jmap:principals:owner",
    "urn:ietf:params:jmap:sieve",
];

/// The capabilities that a request names in `using`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Using(Vec<Capability>);

impl Using {
    /// Reads `using`.
    ///
    /// # Errors
    ///
    /// `notRequest` where it is not an array of texts, `unknownCapability` where a URI is not known here.
    pub fn read(value: Option<Value>) -> Result<Self, Problem> {
        let Some(Value::Array(uris)) = value else {
            return Err(Problem::not_request("using is missing, or no array."));
        };
        let mut capabilities = Vec::new();
        for uri in &uris {
            let Some(uri) = uri.as_str() else {
                return Err(Problem::not_request("using has what is no text."));
            };
            if NAMED_BY_CLIENTS.contains(&uri) {
                continue;
            }
            let known = Capability::ALL.into_iter().find(|one| one.uri() == uri);
            let known = known.ok_or_else(|| {
                Problem::unknown_capability(format!("{uri:?} is not known here."))
            })?;
            if !capabilities.contains(&known) {
                capabilities.push(known);
            }
        }
        Ok(Self(capabilities))
    }

    /// Whether it is named.
    pub fn has(&self, capability: Capability) -> bool {
        self.0.contains(&capability)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn capabilities_of_other_servers_may_be_named() {
        let named = json!(["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:contacts"]);
        assert_eq!(Using::read(Some(named)), Ok(Using(vec![Capability::Core])));
        assert!(Using::read(Some(json!(["urn:x"]))).is_err());
    }
}
