//! Paths.

use http::Method;
use percent_encoding::percent_decode_str;

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// The session (RFC 8620 §2).
    Session,
    /// Requests (§3).
    Api,
    /// Uploads of an account (§6.1).
    Upload {
        /// Its id.
        account: String,
    },
    /// A blob (§6.2).
    Download {
        /// The account's id.
        account: String,
        /// Its id.
        blob: String,
        /// What the client would call the file.
        name: String,
    },
    /// The event stream (§7.3).
    Events,
    /// What mail programs ask for when they are told an address.
    Autoconfig,
}

/// Where the session is (RFC 8620 §2.2).
pub const SESSION: &str = "/.well-known/jmap";
/// Where requests go.
pub const API: &str = "/jmap/api";
/// Where uploads go, before the account.
pub const UPLOAD: &str = "/jmap/upload/";
/// Where blobs are, before account, blob and name.
pub const DOWNLOAD: &str = "/jmap/download/";
/// Where events are.
pub const EVENTS: &str = "/jmap/eventsource";

impl Route {
    /// The route of a path, if it is one.
    pub fn of(path: &str) -> Option<Self> {
        match path {
            // The second is where other servers have it.
            SESSION | "/jmap/session" => return Some(Self::Session),
            API => return Some(Self::Api),
            EVENTS => return Some(Self::Events),
            "/.well-known/autoconfig/mail/config-v1.1.xml" | "/mail/config-v1.1.xml" => {
                return Some(Self::Autoconfig);
            }
            _ => {}
        }
        if let Some(account) = path.strip_prefix(UPLOAD) {
            let account = account.strip_suffix('/').unwrap_or(account);
            return Some(Self::Upload {
                account: segment(account)?,
            });
        }
        let mut segments = path.strip_prefix(DOWNLOAD)?.splitn(3, '/');
        Some(Self::Download {
            account: segment(segments.next()?)?,
            blob: segment(segments.next()?)?,
            // A client that does not escape its name's slashes means them.
            name: decoded(segments.next()?)?,
        })
    }

    /// Whether a method is one of the path's.
    pub fn takes(&self, method: &Method) -> bool {
        match self {
            Self::Api | Self::Upload { .. } => method == Method::POST,
            _ => method == Method::GET || method == Method::HEAD,
        }
    }

    /// The methods of the path, as `Allow` has them.
    pub fn allow(&self) -> &'static str {
        match self {
            Self::Api | Self::Upload { .. } => "POST, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        }
    }
}

fn segment(text: &str) -> Option<String> {
    decoded(text).filter(|text| !text.is_empty() && !text.contains('/'))
}

fn decoded(text: &str) -> Option<String> {
    let text = percent_decode_str(text).decode_utf8().ok()?;
    Some(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_known_with_what_is_in_them() {
        assert_eq!(Route::of("/.well-known/jmap"), Some(Route::Session));
        assert_eq!(Route::of("/jmap/api"), Some(Route::Api));
        let account = || "A".to_owned();
        for path in ["/jmap/upload/A", "/jmap/upload/A/"] {
            assert_eq!(Route::of(path), Some(Route::Upload { account: account() }));
        }
        let download = |name: &str| Route::Download {
            account: account(),
            blob: "b1".to_owned(),
            name: name.to_owned(),
        };
        for (path, name) in [
            ("/jmap/download/A/b1/caf%C3%A9%2F1.txt", "café/1.txt"),
            ("/jmap/download/A/b1/a/b", "a/b"),
            ("/jmap/download/A/b1/", ""),
        ] {
            assert_eq!(Route::of(path), Some(download(name)), "{path}");
        }
    }

    #[test]
    fn other_paths_are_nobodys() {
        for path in [
            "/",
            "/jmap",
            "/jmap/",
            "/jmap/api/",
            "/jmap/upload/",
            "/jmap/upload/A/B",
            "/jmap/upload/a%2Fb",
            "/jmap/download/A/b1",
            "/jmap/download//b1/x",
            "/jmap/download/A/%ff/x",
        ] {
            assert_eq!(Route::of(path), None, "{path}");
        }
    }

    #[test]
    fn each_path_has_its_methods() {
        assert!(Route::Api.takes(&Method::POST));
        assert!(!Route::Api.takes(&Method::GET));
        assert!(Route::Session.takes(&Method::HEAD));
        assert!(!Route::Events.takes(&Method::POST));
    }
}
