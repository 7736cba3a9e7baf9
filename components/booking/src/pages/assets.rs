//! What the pages load: style, script and icon, each under a name with a digest of its content, so that browsers keep
//! them for good and never have an old one with a new page.

use std::sync::LazyLock;

use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use http::{HeaderValue, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::reply::{self, Reply};

/// Where they are.
const PLACE: &str = "/booking/static/";

/// Hexadecimal digits of the digest in a name: enough that two versions do not meet by chance.
const DIGEST_DIGITS: usize = 16;

/// Addresses of what every page loads.
#[derive(Debug)]
pub(crate) struct Assets {
    pub(crate) css: String,
    pub(crate) js: String,
    pub(crate) icon: String,
}

struct Asset {
    address: String,
    content_type: &'static str,
    bytes: &'static [u8],
}

static ALL: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        asset(
            "booking",
            "css",
            "text/css; charset=utf-8",
            include_bytes!("../../static/booking.css"),
        ),
        asset(
            "booking",
            "js",
            "text/javascript; charset=utf-8",
            include_bytes!("../../static/booking.js"),
        ),
        asset(
            "icon",
            "svg",
            "image/svg+xml",
            include_bytes!("../../static/icon.svg"),
        ),
    ]
});

static ADDRESSES: LazyLock<Assets> = LazyLock::new(|| {
    let [css, js, icon] = &*ALL;
    Assets {
        css: css.address.clone(),
        js: js.address.clone(),
        icon: icon.address.clone(),
    }
});

fn asset(name: &str, extension: &str, content_type: &'static str, bytes: &'static [u8]) -> Asset {
    let digest: String = Sha256::digest(bytes)
        .iter()
        .take(DIGEST_DIGITS / 2)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Asset {
        address: format!("{PLACE}{name}-{digest}.{extension}"),
        content_type,
        bytes,
    }
}

/// The addresses.
pub(crate) fn addresses() -> &'static Assets {
    &ADDRESSES
}

/// The asset at an address; `None`: there is none, or it is of another version.
pub(crate) fn answer(path: &str) -> Option<Reply> {
    let asset = ALL.iter().find(|asset| asset.address == path)?;
    let mut reply = reply::document(StatusCode::OK, asset.content_type, asset.bytes.to_vec());
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    reply::set(&mut reply, CACHE_CONTROL, forever);
    picture_policy(&mut reply);
    Some(reply)
}

/// The policy of what is not a page: an SVG that is opened by itself is a document, and may do nothing.
pub(crate) fn picture_policy(reply: &mut Reply) {
    let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");
    reply::set(reply, CONTENT_SECURITY_POLICY, policy);
}
