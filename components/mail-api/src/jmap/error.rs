//! Errors of a method call (RFC 8620 §3.6.2), and of one object of a `/set` (§5.3).

use serde_json::{Map, Value, json};

use crate::bindings::concierge::mail::accounts::{Error, Reason, Refusal};
use crate::problem::shortened;

/// One line an error: its name here, and its name for clients.
macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident { $($variant:ident $text:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $(#[doc = $text] $variant,)+ }

        impl $name {
            /// Its name for clients.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

kinds! {
    /// Why a method was not run.
    Kind {
        ServerUnavailable "serverUnavailable";
        ServerFail "serverFail";
        ServerPartialFail "serverPartialFail";
        UnknownMethod "unknownMethod";
        InvalidArguments "invalidArguments";
        InvalidResultReference "invalidResultReference";
        Forbidden "forbidden";
        AccountNotFound "accountNotFound";
        AccountReadOnly "accountReadOnly";
        FromAccountNotFound "fromAccountNotFound";
        AnchorNotFound "anchorNotFound";
        CannotCalculateChanges "cannotCalculateChanges";
        RequestTooLarge "requestTooLarge";
        StateMismatch "stateMismatch";
        TooManyChanges "tooManyChanges";
        UnknownDataType "unknownDataType";
        UnsupportedFilter "unsupportedFilter";
        UnsupportedSort "unsupportedSort";
    }
}

kinds! {
    /// Why one object was not created, updated or destroyed.
    SetKind {
        AlreadyExists "alreadyExists";
        BlobNotFound "blobNotFound";
        CannotUnsend "cannotUnsend";
        EmailNotFound "emailNotFound";
        Forbidden "forbidden";
        ForbiddenFrom "forbiddenFrom";
        ForbiddenMailFrom "forbiddenMailFrom";
        ForbiddenToSend "forbiddenToSend";
        InvalidEmail "invalidEmail";
        InvalidPatch "invalidPatch";
        InvalidProperties "invalidProperties";
        InvalidRecipients "invalidRecipients";
        MailboxHasChild "mailboxHasChild";
        MailboxHasEmail "mailboxHasEmail";
        NoRecipients "noRecipients";
        NotFound "notFound";
        OverQuota "overQuota";
        RateLimit "rateLimit";
        Singleton "singleton";
        TooLarge "tooLarge";
        TooManyKeywords "tooManyKeywords";
        TooManyMailboxes "tooManyMailboxes";
        TooManyRecipients "tooManyRecipients";
        WillDestroy "willDestroy";
    }
}

/// Why a method was not run, with a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodError {
    kind: Kind,
    description: Option<String>,
}

impl MethodError {
    /// With a sentence for people.
    pub fn new(kind: Kind, description: impl Into<String>) -> Self {
        Self {
            kind,
            description: Some(shortened(description.into())),
        }
    }

    /// An argument is not of its form, is missing, or is not known.
    pub fn invalid_arguments(description: impl Into<String>) -> Self {
        Self::new(Kind::InvalidArguments, description)
    }

    /// Which it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The arguments of the `error` response.
    pub fn to_json(&self) -> Value {
        let mut members = Map::new();
        members.insert("type".to_owned(), self.kind.name().into());
        if let Some(description) = &self.description {
            members.insert("description".to_owned(), description.as_str().into());
        }
        Value::Object(members)
    }
}

impl From<Kind> for MethodError {
    fn from(kind: Kind) -> Self {
        Self {
            kind,
            description: None,
        }
    }
}

impl From<Error> for MethodError {
    fn from(error: Error) -> Self {
        match error {
            // A request is shorter than a token's life, so that only a principal that is gone has this.
            Error::InvalidToken => Self::new(Kind::Forbidden, "Sign in again."),
            Error::AccountNotFound => Kind::AccountNotFound.into(),
            Error::AccountReadOnly => Kind::AccountReadOnly.into(),
            Error::Forbidden(what) => Self::new(Kind::Forbidden, what),
            Error::StateMismatch => Kind::StateMismatch.into(),
            Error::CannotCalculateChanges => Kind::CannotCalculateChanges.into(),
            Error::TooManyChanges => Kind::TooManyChanges.into(),
            Error::AnchorNotFound => Kind::AnchorNotFound.into(),
            Error::UnsupportedFilter(what) => Self::new(Kind::UnsupportedFilter, what),
            Error::UnsupportedSort(what) => Self::new(Kind::UnsupportedSort, what),
            Error::InvalidArguments(what) => Self::invalid_arguments(what),
            Error::TooLarge(limit) => Self::new(Kind::RequestTooLarge, format!("At most {limit}.")),
            Error::OverQuota => {
                Self::new(Kind::Forbidden, "The account's quota does not admit it.")
            }
            Error::NotFound => Self::invalid_arguments("There is no such thing in this account."),
            Error::SlowDown(seconds) => Self::new(
                Kind::ServerUnavailable,
                format!("Too much at once; again in {seconds} s."),
            ),
            Error::Unavailable => Kind::ServerUnavailable.into(),
            Error::Internal => Kind::ServerFail.into(),
        }
    }
}

/// Why one object was not created, updated or destroyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetError {
    kind: SetKind,
    description: String,
    members: Map<String, Value>,
}

impl SetError {
    /// With a sentence for people; an empty one is left out.
    pub fn new(kind: SetKind, description: impl Into<String>) -> Self {
        Self {
            kind,
            description: shortened(description.into()),
            members: Map::new(),
        }
    }

    /// Properties are not of their form.
    pub fn invalid(
        properties: impl IntoIterator<Item = impl Into<String>>,
        description: impl Into<String>,
    ) -> Self {
        let properties: Vec<String> = properties.into_iter().map(Into::into).collect();
        Self::new(SetKind::InvalidProperties, description).with("properties", json!(properties))
    }

    /// With a member of its own, such as `properties` or `existingId`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Which it is.
    pub fn kind(&self) -> SetKind {
        self.kind
    }

    /// As clients read it.
    pub fn to_json(&self) -> Value {
        let mut members = self.members.clone();
        members.insert("type".to_owned(), self.kind.name().into());
        if !self.description.is_empty() {
            members.insert("description".to_owned(), self.description.as_str().into());
        }
        Value::Object(members)
    }
}

impl From<Refusal> for SetError {
    /// The members that RFC 8621 gives each error come from the refusal's subjects and limit.
    fn from(refusal: Refusal) -> Self {
        let kind = set_kind(refusal.reason);
        let subjects = refusal.subjects;
        let error = Self::new(kind, refusal.description);
        let error = if refusal.properties.is_empty() && kind != SetKind::InvalidProperties {
            error
        } else {
            error.with("properties", json!(refusal.properties))
        };
        match kind {
            // RFC 8620 §5.4.
            SetKind::AlreadyExists => match subjects.into_iter().next() {
                Some(existing) => error.with("existingId", existing),
                None => error,
            },
            // RFC 8621 §4.6.
            SetKind::BlobNotFound => error.with("notFound", json!(subjects)),
            // RFC 8621 §7.5.
            SetKind::InvalidRecipients => error.with("invalidRecipients", json!(subjects)),
            SetKind::TooManyRecipients => error.with("maxRecipients", refusal.limit),
            SetKind::TooLarge if refusal.limit > 0 => error.with("maxSize", refusal.limit),
            _ => error,
        }
    }
}

fn set_kind(reason: Reason) -> SetKind {
    match reason {
        Reason::Forbidden => SetKind::Forbidden,
        Reason::OverQuota => SetKind::OverQuota,
        Reason::TooLarge => SetKind::TooLarge,
        Reason::RateLimit => SetKind::RateLimit,
        Reason::NotFound => SetKind::NotFound,
        Reason::InvalidProperties => SetKind::InvalidProperties,
        Reason::AlreadyExists => SetKind::AlreadyExists,
        Reason::MailboxHasChild => SetKind::MailboxHasChild,
        Reason::MailboxHasEmail => SetKind::MailboxHasEmail,
        Reason::BlobNotFound => SetKind::BlobNotFound,
        Reason::TooManyKeywords => SetKind::TooManyKeywords,
        Reason::TooManyMailboxes => SetKind::TooManyMailboxes,
        Reason::InvalidEmail => SetKind::InvalidEmail,
        Reason::TooManyRecipients => SetKind::TooManyRecipients,
        Reason::NoRecipients => SetKind::NoRecipients,
        Reason::InvalidRecipients => SetKind::InvalidRecipients,
        Reason::ForbiddenMailFrom => SetKind::ForbiddenMailFrom,
        Reason::ForbiddenFrom => SetKind::ForbiddenFrom,
        Reason::ForbiddenToSend => SetKind::ForbiddenToSend,
        Reason::CannotUnsend => SetKind::CannotUnsend,
    }
}
