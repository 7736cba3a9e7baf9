//! A request, taken apart.

use super::headers::Headers;
use super::query::{Query, parse_query};
use super::reply::HeaderList;
use super::target::{Domains, Target, parse_target};
use crate::error::{Code, S3Error};

/// HTTP methods that S3 knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// HEAD
    Head,
    /// PUT
    Put,
    /// POST
    Post,
    /// DELETE
    Delete,
    /// OPTIONS, a preflight of CORS
    Options,
    /// Any other
    Other,
}

impl Method {
    /// From its name.
    pub fn parse(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "PUT" => Self::Put,
            "POST" => Self::Post,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            _ => Self::Other,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Other => "",
        }
    }
}

/// The parts of a request as the host gives them.
#[derive(Clone, Debug)]
pub struct RawRequest {
    /// The method.
    pub method: Method,
    /// Path and query as they were sent.
    pub path_with_query: String,
    /// The authority of the request (`Host`, or `:authority` in HTTP/2), where the headers do not name it.
    pub authority: Option<String>,
    /// The connection is over TLS.
    pub tls: bool,
    /// Header fields.
    pub headers: HeaderList,
}

/// A request, taken apart. The body stays with the host.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path as it was sent.
    pub raw_path: String,
    /// The query's parameters.
    pub query: Query,
    /// The header fields.
    pub headers: Headers,
    /// The host, with its port.
    pub host: String,
    /// The connection is over TLS.
    pub tls: bool,
    /// Bucket and key.
    pub target: Target,
    /// The bucket is named by the host, and not by the path.
    pub bucket_in_host: bool,
}

/// Takes a request apart, or says in S3's terms what is wrong with its URI, and which path it had.
pub fn parse_request(raw: RawRequest, domains: &Domains) -> Result<Request, (S3Error, String)> {
    let headers = Headers::new(raw.headers);
    let host = headers
        .get("host")
        .map(str::to_owned)
        .or(raw.authority)
        .unwrap_or_default();
    let mut raw_path = raw.path_with_query;
    let query = match raw_path.find('?') {
        Some(at) => {
            let query = parse_query(raw_path.get(at + 1..).unwrap_or_default());
            raw_path.truncate(at);
            query
        }
        None => Ok(Query::default()),
    };
    let Ok(query) = query else {
        let error = S3Error::new(Code::InvalidUri).detail("URI", raw_path.as_str());
        return Err((error, raw_path));
    };
    let target = match parse_target(&raw_path, &host, domains) {
        Ok(target) => target,
        Err(error) => return Err((error, raw_path)),
    };
    let bucket_in_host = domains.bucket_of(&host).is_some();
    Ok(Request {
        method: raw.method,
        raw_path,
        query,
        headers,
        host,
        tls: raw.tls,
        target,
        bucket_in_host,
    })
}

impl Request {
    /// `Content-Length`, or `None` where it was not sent.
    pub fn content_length(&self) -> Result<Option<u64>, S3Error> {
        let Some(text) = self.headers.single("content-length")? else {
            return Ok(None);
        };
        match parse_decimal(text) {
            Some(length) => Ok(Some(length)),
            None => Err(S3Error::argument(
                "Content-Length is not a valid number",
                "Content-Length",
                text,
            )),
        }
    }

    /// The value of `versionId`; an empty one is refused, as S3 does.
    pub fn version_id(&self) -> Result<Option<String>, S3Error> {
        match self.query.get("versionId") {
            Some("") => Err(S3Error::argument(
                "Version id cannot be the empty string",
                "versionId",
                "",
            )),
            other => Ok(other.map(str::to_owned)),
        }
    }
}

/// A number of decimal digits alone: no sign, no space, within 64 bits.
pub fn parse_decimal(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}
