//! A request on its way to an operation.

use http::Method;
use http::header::IF_MATCH;
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::body::{self, BODY_BYTES_MAX, BULK_BYTES_MAX};
use super::checks::is_code;
use super::from_host::{not_found, slow_down, unauthorized, unavailable};
use super::problem::{Code, Problem};
use super::query::Query;
use super::route::Resource;
use crate::bindings::concierge::booking::catalogue::Caller;
use crate::bindings::concierge::booking::reservations::Idempotency;
use crate::credentials::{Shown, shown};
use crate::host::{AuthenticationError, Credentials, Host};
use crate::idempotency::{self, KEY_CHARS_MAX, KeyError};
use crate::reply::Reply;
use crate::{client, cross_site};

/// What an operation answers.
pub type Outcome = Result<Reply, Problem>;

/// Characters of an id or a code of a reservation or a webhook.
const ID_CHARS_MAX: usize = 64;

/// A request, routed.
pub struct Call<'r, H: Host> {
    /// The host.
    pub host: &'r H,
    /// The request's head.
    pub head: &'r Parts,
    /// What its path names.
    pub resource: &'r Resource,
    /// Its body, until it is read.
    pub body: Option<H::Incoming>,
}

impl<H: Host> Call<'_, H> {
    /// The hotel of the path.
    pub fn hotel(&self) -> Result<String, Problem> {
        self.code("hotel")
    }

    /// A code in the path. What cannot be one names nothing.
    pub fn code(&self, name: &str) -> Result<String, Problem> {
        let code = self.resource.parameter(name);
        if is_code(code) {
            Ok(code.to_owned())
        } else {
            Err(not_found(name))
        }
    }

    /// An id in the path.
    pub fn id(&self, name: &str) -> Result<String, Problem> {
        let id = self.resource.parameter(name);
        let plausible = (1..=ID_CHARS_MAX).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if plausible {
            Ok(id.to_owned())
        } else {
            Err(not_found(name))
        }
    }

    /// The parameters of the query.
    pub fn query(&self) -> Query {
        Query::parse(self.head.uri.query())
    }

    /// Refuses parameters where there are none.
    pub fn no_query(&self) -> Result<(), Problem> {
        self.query().finish()
    }

    /// The client's address.
    pub fn client(&self) -> String {
        client::address(&self.head.headers)
    }

    /// Who calls. An account's credentials are looked at by the host.
    pub async fn caller(&self) -> Result<Caller, Problem> {
        let credentials = match shown(&self.head.headers) {
            Shown::Nothing => return Ok(Caller::Anyone),
            Shown::Guest(token) => return Ok(Caller::Guest(token)),
            Shown::Account(credentials) => credentials,
            Shown::Unreadable => return Err(unauthorized()),
        };
        // A browser adds a password that it knows to what any page makes it send. A token it does not know.
        let changes = !matches!(self.head.method, Method::GET | Method::HEAD);
        let by_browser = matches!(credentials, Credentials::Basic { .. });
        if changes && by_browser && cross_site::is_cross_site(&self.head.headers) {
            return Err(Problem::new(
                Code::CrossSite,
                "Use an account's token to call from another site's page.",
            ));
        }
        match self.host.authenticate(credentials, self.client()).await {
            Ok(account) => Ok(Caller::Account(account.token)),
            Err(AuthenticationError::Refused) => Err(unauthorized()),
            Err(AuthenticationError::SlowDown(seconds)) => Err(slow_down(seconds)),
            Err(AuthenticationError::Unavailable) => Err(unavailable()),
        }
    }

    /// Who calls, where nobody but an account can be meant.
    pub async fn account(&self) -> Result<Caller, Problem> {
        match self.caller().await? {
            Caller::Anyone => Err(unauthorized()),
            caller => Ok(caller),
        }
    }

    /// The body as it was sent, of at most so many bytes.
    pub async fn bytes(&mut self, bytes_max: usize) -> Result<Vec<u8>, Problem> {
        match self.body.take() {
            Some(body) => body::bytes(self.host, &self.head.headers, body, bytes_max).await,
            None => Ok(Vec::new()),
        }
    }

    /// The body as JSON.
    pub async fn json<T: DeserializeOwned>(&mut self) -> Result<T, Problem> {
        body::check_type(&self.head.headers)?;
        body::parse(&self.bytes(BODY_BYTES_MAX).await?)
    }

    /// The body as JSON with a long list.
    pub async fn bulk_json<T: DeserializeOwned>(&mut self) -> Result<T, Problem> {
        body::check_type(&self.head.headers)?;
        body::parse(&self.bytes(BULK_BYTES_MAX).await?)
    }

    /// No body, or an empty object.
    pub async fn no_json(&mut self) -> Result<NoBody, Problem> {
        let bytes = self.bytes(BODY_BYTES_MAX).await?;
        if bytes.is_empty() {
            return Ok(NoBody {});
        }
        body::check_type(&self.head.headers)?;
        body::parse(&bytes)
    }

    /// The key that makes the request repeatable, over its parsed body.
    pub fn idempotency(&self, body: &impl Serialize) -> Result<Idempotency, Problem> {
        let canonical = serde_json::to_vec(body).unwrap_or_default();
        let (head, path) = (self.head, self.head.uri.path());
        idempotency::idempotency(&head.headers, &head.method, path, &canonical).map_err(no_key)
    }

    /// The key, where one was sent.
    pub fn optional_idempotency(
        &self,
        body: &impl Serialize,
    ) -> Result<Option<Idempotency>, Problem> {
        if self.head.headers.contains_key(idempotency::FIELD) {
            self.idempotency(body).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The version that the reservation must have (RFC 9110 §13.1.1): an entity tag as answers carry it. `None`
    /// without the field, and for `*`.
    pub fn version(&self) -> Result<Option<u64>, Problem> {
        let mut fields = self.head.headers.get_all(IF_MATCH).iter();
        let Some(field) = fields.next() else {
            return Ok(None);
        };
        let malformed = || {
            Problem::field(
                Code::Malformed,
                "If-Match",
                "It is * or one entity tag, as the ETag of an answer.",
            )
        };
        let text = field.to_str().map_err(|_| malformed())?.trim();
        if fields.next().is_some() {
            return Err(malformed());
        }
        if text == "*" {
            return Ok(None);
        }
        let tag = text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        let version = tag.filter(|tag| tag.bytes().all(|byte| byte.is_ascii_digit()));
        let version = version.and_then(|version| version.parse().ok());
        version.map(Some).ok_or_else(malformed)
    }
}

/// The body of a request that has none.
#[derive(Debug, serde::Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NoBody {}

fn no_key(error: KeyError) -> Problem {
    match error {
        KeyError::Missing => Problem::new(
            Code::IdempotencyKeyMissing,
            "Send an Idempotency-Key of your own making, and the same again when you repeat the request.",
        ),
        KeyError::Malformed => Problem::new(
            Code::IdempotencyKeyMalformed,
            format!("It is 1 to {KEY_CHARS_MAX} visible ASCII characters, in quotes or without."),
        ),
    }
}
