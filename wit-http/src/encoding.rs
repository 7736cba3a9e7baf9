//! Arguments and results as bytes, and where in a message they are.

use crate::failure::Failure;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The header with the fingerprint of the package, as 16 hexadecimal digits.
pub const CONTRACT_HEADER: &str = "concierge-contract";
/// The header with the arguments of a call.
pub const ARGUMENTS_HEADER: &str = "concierge-arguments";
/// The header with the result of a call.
pub const RESULT_HEADER: &str = "concierge-result";

/// The most, in bytes, that goes into a header where the body is free to take
/// it: many times the usual call, and within the header limits of all who might be
/// on the way.
pub const HEADER_MAX_BYTES: usize = 4 * 1024;
/// The most that goes into a header where the body is a stream's. The largest
/// that there is describes an object: a key (1 KiB), metadata, ten tags in UTF-8
/// (11 KiB), a token (1 KiB). In base64 it is a third more.
pub const STREAM_HEADER_MAX_BYTES: usize = 32 * 1024;
/// The most that the arguments of a call may take. The largest are 1,000 keys of
/// 1 KiB to delete.
pub const ARGUMENTS_MAX_BYTES: usize = 4 * 1024 * 1024;
/// The most that the result of a call may take. The largest are listings: 1,000
/// keys of 1 KiB, or 10,000 buckets.
pub const ANSWER_MAX_BYTES: usize = 16 * 1024 * 1024;

const _: () = assert!(HEADER_MAX_BYTES <= STREAM_HEADER_MAX_BYTES);
const _: () = assert!(STREAM_HEADER_MAX_BYTES < ARGUMENTS_MAX_BYTES);

/// Where encoded arguments, or an encoded result, go.
#[derive(Debug, PartialEq, Eq)]
pub enum Placed {
    /// Into the header, as base64.
    Header(String),
    /// Into the body, as they are.
    Body(Vec<u8>),
}

/// Encodes arguments (a tuple of them) or a result.
///
/// # Errors
/// [`Failure::Broken`] for what postcard cannot encode, which no type of a contract is.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Failure> {
    postcard::to_stdvec(value).map_err(|error| Failure::Broken(format!("encoding: {error}")))
}

/// Decodes arguments or a result; all of `bytes` must belong to it.
///
/// # Errors
/// [`Failure::Broken`] says what is wrong.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(Failure::Broken(format!(
            "{} bytes follow what was to be read",
            rest.len()
        ))),
        Err(error) => Err(Failure::Broken(format!("decoding: {error}"))),
    }
}

/// The bytes in a header's value.
///
/// # Errors
/// [`Failure::Broken`] where it is not base64.
pub fn decode_header(value: &[u8]) -> Result<Vec<u8>, Failure> {
    URL_SAFE_NO_PAD
        .decode(value)
        .map_err(|error| Failure::Broken(format!("a header is not base64: {error}")))
}

/// Decides where `encoded` goes; `streams` says that the body is a stream's.
///
/// # Errors
/// [`Failure::TooLong`] where it fits nowhere.
pub fn place(encoded: Vec<u8>, streams: bool) -> Result<Placed, Failure> {
    let header_max = match streams {
        true => STREAM_HEADER_MAX_BYTES,
        false => HEADER_MAX_BYTES,
    };
    match encoded.len() {
        length if length <= header_max => Ok(Placed::Header(URL_SAFE_NO_PAD.encode(&encoded))),
        _ if streams => Err(Failure::TooLong),
        _ => Ok(Placed::Body(encoded)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_is_decoded_and_nothing_else() {
        let value = (
            "token".to_owned(),
            Some(7_u64),
            vec![("a".to_owned(), vec![0_u8, 255])],
        );
        let bytes = encode(&value).unwrap();
        type Value = (String, Option<u64>, Vec<(String, Vec<u8>)>);
        assert_eq!(decode::<Value>(&bytes).unwrap(), value);
        for end in 0..bytes.len() {
            assert!(decode::<Value>(&bytes[..end]).is_err(), "cut at {end}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(matches!(
            decode::<Value>(&longer),
            Err(Failure::Broken(why)) if why.contains("1 bytes follow")
        ));
    }

    #[test]
    fn a_result_is_one_value_with_its_error() {
        type Answer = Result<(), Result<u8, String>>;
        let failed: Answer = Err(Err("why".to_owned()));
        assert_eq!(decode::<Answer>(&encode(&failed).unwrap()).unwrap(), failed);
    }

    #[test]
    fn a_length_that_lies_takes_no_memory() {
        // A list of 2^60 elements, of which none follows.
        let lie = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10];
        assert!(decode::<(Vec<String>,)>(&lie).is_err());
        assert!(decode::<(Vec<u8>,)>(&lie).is_err());
    }

    #[test]
    fn the_header_first_then_the_body() {
        let place_of = |length, streams| place(vec![1; length], streams);
        assert!(matches!(
            place_of(HEADER_MAX_BYTES, false),
            Ok(Placed::Header(text)) if decode_header(text.as_bytes()).unwrap().len() == HEADER_MAX_BYTES
        ));
        assert!(matches!(
            place_of(HEADER_MAX_BYTES + 1, false),
            Ok(Placed::Body(_))
        ));
        assert!(matches!(
            place_of(STREAM_HEADER_MAX_BYTES, true),
            Ok(Placed::Header(_))
        ));
        assert_eq!(
            place_of(STREAM_HEADER_MAX_BYTES + 1, true),
            Err(Failure::TooLong)
        );
    }
}
