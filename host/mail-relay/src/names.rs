//! Names as DNS and TLS have them.

use hickory_resolver::proto::rr::Name;

/// A domain in lower case with A-labels (RFC 5890); `None` for what is no name. An address literal is one.
pub(crate) fn ascii(domain: &str) -> Option<String> {
    if domain.is_ascii() {
        return Some(domain.to_ascii_lowercase());
    }
    let name = Name::from_utf8(domain).ok()?.to_ascii();
    Some(name.trim_end_matches('.').to_ascii_lowercase())
}

/// An address whose domain is ASCII, where that lets it be told to any server: if its local part is (RFC 6531 §3.2).
pub(crate) fn address(address: &str) -> String {
    let parts = address.rsplit_once('@');
    let parts = parts.filter(|(local, domain)| local.is_ascii() && !domain.is_ascii());
    let made = parts.and_then(|(local, domain)| Some(format!("{local}@{}", ascii(domain)?)));
    made.unwrap_or_else(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_ascii_where_they_can() {
        assert_eq!(ascii("B.Example").as_deref(), Some("b.example"));
        assert_eq!(
            ascii("Bücher.example").as_deref(),
            Some("xn--bcher-kva.example")
        );
        assert_eq!(ascii("ü..example"), None);
        for (from, to) in [
            ("Bob@B.example", "Bob@B.example"),
            ("Bob@bücher.example", "Bob@xn--bcher-kva.example"),
            ("böb@bücher.example", "böb@bücher.example"),
            ("nobody", "nobody"),
            ("", ""),
        ] {
            assert_eq!(address(from), to);
        }
    }
}
