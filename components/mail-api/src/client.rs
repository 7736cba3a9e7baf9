//! The address of the client, by which the host counts searches and tries.

use http::HeaderMap;

/// The field in which the edge, and Spin, name the client: `address:port`. Both remove what a client sends under it.
const FIELD: &str = "spin-client-addr";

/// The client's address without its port, which differs between its connections; empty where nobody says.
pub fn address(headers: &HeaderMap) -> String {
    let named = headers
        .get(FIELD)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    named
        .parse::<std::net::SocketAddr>()
        .map_or_else(|_| named.to_owned(), |address| address.ip().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn ports_are_left_out() {
        for (field, expected) in [
            ("192.0.2.7:50123", "192.0.2.7"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("192.0.2.7", "192.0.2.7"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(FIELD, HeaderValue::from_static(field));
            assert_eq!(address(&headers), expected);
        }
        assert_eq!(address(&HeaderMap::new()), "");
    }
}
