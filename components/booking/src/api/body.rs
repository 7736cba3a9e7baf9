//! Bodies of requests: JSON, bounded, and nothing that is not known.

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use serde::de::DeserializeOwned;

use super::problem::{Code, Problem};
use crate::host::{Host, ReadError};

/// Bytes of a body: a stay of many rooms with long wishes, or a hotel with its descriptions.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// Bytes of a body with a list of an administrator: a thousand rates of 200 bytes.
pub const BULK_BYTES_MAX: usize = 256 * 1024;

/// Reads a body into memory.
pub async fn bytes<H: Host>(
    host: &H,
    headers: &HeaderMap,
    body: H::Incoming,
    bytes_max: usize,
) -> Result<Vec<u8>, Problem> {
    let too_large = || {
        let detail = format!("A body has at most {bytes_max} bytes.");
        Problem::new(Code::BodyTooLarge, detail)
    };
    let announced = headers.get(CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > bytes_max as u64) {
        return Err(too_large());
    }
    host.read(body, bytes_max)
        .await
        .map_err(|error| match error {
            ReadError::TooLong => too_large(),
            ReadError::Incomplete => Problem::new(
                Code::BodyIncomplete,
                "The connection ended before the body did.",
            ),
        })
}

/// Refuses a body that is not said to be JSON. What a form of another site's page can send is never said to be
/// (Fetch, "CORS-safelisted request-header").
pub fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or("").split(';').next().unwrap_or("").trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(
        Code::UnsupportedMediaType,
        "Send the body as application/json.",
    ))
}

/// Reads a JSON object into what is expected, with the path of what is not.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // To serde an array of a record's fields is the record, too.
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'[') {
        let detail = "The body is an object, not an array.";
        return Err(Problem::field(Code::Malformed, "", detail));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let field = path(error.path());
        refused(error.inner(), field)
    })?;
    reader
        .end()
        .map_err(|error| refused(&error, String::new()))?;
    Ok(value)
}

fn refused(error: &serde_json::Error, field: String) -> Problem {
    if error.is_data() {
        Problem::field(Code::Malformed, field, error.to_string())
    } else {
        Problem::new(Code::MalformedJson, error.to_string())
    }
}

/// The path as the contract writes it: `rooms.0.adults`. Empty for the whole body.
fn path(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut names: Vec<String> = Vec::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => names.push(index.to_string()),
            Segment::Map { key } => names.push(key.clone()),
            Segment::Enum { variant } => names.push(variant.clone()),
            Segment::Unknown => {}
        }
    }
    names.join(".")
}
