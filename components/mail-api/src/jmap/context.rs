//! What a method call has to work with.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::capability::Using;
use super::error::{Kind, MethodError};
use super::set::Reference;
use crate::bindings::concierge::mail::accounts::Account;
use crate::host::Host;

/// One request's way through its method calls.
pub struct Context<'h, H> {
    /// The host.
    pub host: &'h H,
    /// The principal's token, which calls of the host show.
    pub token: &'h str,
    /// The accounts that the principal may see.
    pub accounts: &'h [Account],
    /// What the client uses.
    pub using: &'h Using,
    /// The ids that creation ids stand for, of this request and those that the client told of (RFC 8620 §3.3).
    pub created: CreatedIds,
    /// Responses that follow the present call's own (RFC 8620 §5.4, RFC 8621 §7.5), each a method and what it answers.
    pub implicit: Vec<(&'static str, Value)>,
}

impl<H: Host> Context<'_, H> {
    /// An account that the principal may see.
    ///
    /// # Errors
    ///
    /// `accountNotFound`.
    pub fn account(&self, id: &str) -> Result<&Account, MethodError> {
        self.accounts
            .iter()
            .find(|account| account.id == id)
            .ok_or_else(|| Kind::AccountNotFound.into())
    }

    /// An account that the principal may change.
    ///
    /// # Errors
    ///
    /// `accountNotFound` and `accountReadOnly`.
    pub fn writable(&self, id: &str) -> Result<&Account, MethodError> {
        let account = self.account(id)?;
        if account.read_only {
            return Err(Kind::AccountReadOnly.into());
        }
        Ok(account)
    }
}

/// The ids that creation ids stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreatedIds(std::collections::BTreeMap<String, String>);

impl CreatedIds {
    /// Those that the client knows of earlier requests.
    pub fn from_request(ids: &Map<String, Value>) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Self(
            ids.iter()
                .filter_map(|(name, id)| Some((name.clone(), text(id)?)))
                .collect(),
        )
    }

    /// An object was created. The same creation id in a later call stands for the later object (RFC 8620 §5.3).
    pub fn insert(&mut self, creation: &str, id: &str) {
        self.0.insert(creation.to_owned(), id.to_owned());
    }

    /// The id that a text stands for: that of a creation id behind `#`, or itself. `None` for a creation id that stands
    /// for nothing.
    pub fn resolve<'a>(&'a self, text: &'a str) -> Option<&'a str> {
        match Reference::of(text) {
            Reference::Id(id) => Some(id),
            Reference::Creation(creation) => self.0.get(creation).map(String::as_str),
        }
    }

    /// The ids that texts stand for. A creation id that stands for nothing stays as it is, which is the id of nothing.
    pub fn resolved(&self, texts: Vec<String>) -> Vec<String> {
        let texts = texts.into_iter();
        texts
            .map(|text| self.resolve(&text).map(str::to_owned).unwrap_or(text))
            .collect()
    }

    /// As the response tells them.
    pub fn to_json(&self) -> Value {
        self.0
            .iter()
            .map(|(name, id)| (name.clone(), Value::from(id.as_str())))
            .collect::<Map<_, _>>()
            .into()
    }
}

/// The arguments of a call. What a method has beyond its kind's own is taken first, the rest is parsed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments(pub Map<String, Value>);

impl Arguments {
    /// Takes one argument; `None` where it is missing or `null`.
    ///
    /// # Errors
    ///
    /// `invalidArguments` where it is not of its form.
    pub fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, MethodError> {
        let value = self.0.remove(name).unwrap_or(Value::Null);
        read(value).map_err(|why| MethodError::invalid_arguments(format!("{name}: {why}")))
    }

    /// Takes one argument that must be there.
    ///
    /// # Errors
    ///
    /// `invalidArguments` where it is missing or not of its form.
    pub fn require<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, MethodError> {
        self.take(name)?
            .ok_or_else(|| MethodError::invalid_arguments(format!("{name} is missing.")))
    }

    /// All that are left.
    ///
    /// # Errors
    ///
    /// `invalidArguments` where one is missing, not known, or not of its form.
    pub fn parse<T: DeserializeOwned>(self) -> Result<T, MethodError> {
        read(Value::Object(self.0)).map_err(MethodError::invalid_arguments)
    }

    /// That none is left.
    ///
    /// # Errors
    ///
    /// `invalidArguments` with the first that is.
    pub fn finish(self) -> Result<(), MethodError> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(MethodError::invalid_arguments(format!(
                "{name:?} is not known here."
            ))),
        }
    }
}

/// Reads a value into what is expected, or says what is wrong and where.
///
/// # Errors
///
/// A sentence with the path of what is wrong.
pub fn read<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| match error.path().to_string() {
        path if path == "." => error.inner().to_string(),
        path => format!("{path}: {}", error.inner()),
    })
}
