//! Errors at the boundary to the client: S3's code, a text fit to be shown, and S3's details.

mod code;
mod from_host;

use std::borrow::Cow;

pub use code::Code;

use crate::http::reply::HeaderList;

/// An error that is answered to the client.
#[derive(Clone, Debug, PartialEq)]
pub struct S3Error {
    code: Code,
    message: Cow<'static, str>,
    details: Vec<(&'static str, String)>,
    headers: HeaderList,
}

impl S3Error {
    /// An error with the text that S3 gives with its code.
    pub fn new(code: Code) -> Self {
        Self {
            code,
            message: Cow::Borrowed(code.message()),
            details: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// An error with a text of its own, which must be fit to be shown.
    pub fn with(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: message.into(),
            ..Self::new(code)
        }
    }

    /// `InvalidArgument` as S3 writes it, with the name and the value of the argument.
    pub fn argument(message: impl Into<Cow<'static, str>>, name: &str, value: &str) -> Self {
        Self::with(Code::InvalidArgument, message)
            .detail("ArgumentName", name)
            .detail("ArgumentValue", value)
    }

    /// `InvalidRequest` with its reason.
    pub fn request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::with(Code::InvalidRequest, message)
    }

    /// `NotImplemented` naming the header (or query parameter) that asked for what is not there.
    pub fn not_implemented(what: &str) -> Self {
        Self::with(
            Code::NotImplemented,
            "A header you provided implies functionality that is not implemented",
        )
        .detail("Header", what)
    }

    /// Adds an element to the error document.
    #[must_use]
    pub fn detail(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers
            .push((name.to_owned(), value.into().into_bytes()));
        self
    }

    /// Replaces the headers of the answer.
    #[must_use]
    pub fn with_headers(mut self, headers: HeaderList) -> Self {
        self.headers = headers;
        self
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The text, fit to be shown.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The elements that S3 adds to the document for this code.
    pub fn details(&self) -> &[(&'static str, String)] {
        &self.details
    }

    /// The value of one of the details.
    pub fn detail_of(&self, name: &str) -> Option<&str> {
        self.details
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The headers that go with the answer.
    pub fn take_headers(&mut self) -> HeaderList {
        std::mem::take(&mut self.headers)
    }
}

impl From<Code> for S3Error {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl std::fmt::Display for S3Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.message)
    }
}

impl std::error::Error for S3Error {}
