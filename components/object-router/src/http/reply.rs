//! An answer before it is handed to the host.

/// Header fields in the form in which they cross to the host.
pub type HeaderList = Vec<(String, Vec<u8>)>;

/// The body of an answer; `S` is the host's stream of an object's bytes, which never enter the component.
#[derive(Debug)]
pub enum ReplyBody<S> {
    /// No body.
    Empty,
    /// A document made here.
    Bytes(Vec<u8>),
    /// An object's bytes.
    Stream(S),
}

/// An answer.
#[derive(Debug)]
pub struct Reply<S> {
    /// HTTP status.
    pub status: u16,
    /// Header fields, names in lower case.
    pub headers: HeaderList,
    /// The body.
    pub body: ReplyBody<S>,
}

impl<S> Reply<S> {
    /// An answer without a body: `Content-Length: 0`, but for the statuses that must not carry one (RFC 9110 §8.6).
    pub fn empty(status: u16) -> Self {
        let mut reply = Self {
            status,
            headers: Vec::with_capacity(8),
            body: ReplyBody::Empty,
        };
        if status != 204 && status != 304 {
            reply.set("content-length", "0");
        }
        reply
    }

    /// `200 OK` with an XML document.
    pub fn xml(document: String) -> Self {
        Self::document(200, "application/xml", document.into_bytes())
    }

    /// A document of a known type.
    pub fn document(status: u16, content_type: &str, bytes: Vec<u8>) -> Self {
        let mut reply = Self {
            status,
            headers: Vec::with_capacity(8),
            body: ReplyBody::Empty,
        };
        reply.set("content-type", content_type);
        reply.set("content-length", &bytes.len().to_string());
        reply.body = ReplyBody::Bytes(bytes);
        reply
    }

    /// Adds a header field.
    pub fn set(&mut self, name: &str, value: &str) {
        self.headers
            .push((name.to_owned(), value.as_bytes().to_vec()));
    }

    /// Adds a header field when there is a value for it.
    pub fn set_some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// Adds a header field and gives the answer back.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// The value of a header field, for tests and for what is added last.
    pub fn header(&self, name: &str) -> Option<&str> {
        let value = self
            .headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)?;
        std::str::from_utf8(value).ok()
    }
}
