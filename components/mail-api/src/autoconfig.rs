//! What mail programs ask for when someone tells them an address: `config-v1.1.xml` (draft-ietf-mailmaint-autoconfig). It
//! is told to anyone, and the same whatever the address.

use http::StatusCode;
use http::request::Parts;

use crate::reply::{self, Reply};
use crate::route;
use crate::session;
use crate::settings::Settings;

/// Answers with the document.
pub fn answer<O>(settings: &Settings, head: &Parts) -> Reply<O> {
    let base = session::base(settings, &head.headers);
    let document = document(settings, &base);
    reply::document(StatusCode::OK, "application/xml", document.into_bytes())
}

fn document(settings: &Settings, base: &str) -> String {
    let host = base.split_once("://").map_or(base, |(_, host)| host);
    let domain = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let (domain, jmap) = (escaped(domain), escaped(base) + route::SESSION);
    let submission = settings
        .submission
        .rsplit_once(':')
        .map(|(name, port)| {
            let (name, port) = (escaped(name), escaped(port));
            format!(
                "    <outgoingServer type=\"smtp\">\n      <hostname>{name}</hostname>\n      <port>{port}</port>\n      \
                 <socketType>SSL</socketType>\n      <authentication>password-cleartext</authentication>\n      \
                 <username>%EMAILADDRESS%</username>\n    </outgoingServer>\n"
            )
        })
        .unwrap_or_default();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\">\n  <emailProvider id=\"{domain}\">\n    \
         <domain>{domain}</domain>\n    <displayName>{domain}</displayName>\n    <incomingServer type=\"jmap\">\n      \
         <url>{jmap}</url>\n      <authentication>http-basic</authentication>\n      \
         <username>%EMAILADDRESS%</username>\n    </incomingServer>\n{submission}  </emailProvider>\n</clientConfig>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_is_told() {
        let settings = Settings {
            submission: "mail.example.org:465".to_owned(),
            ..Settings::default()
        };
        let told = document(&settings, "https://example.org");
        assert!(told.contains("<url>https://example.org/.well-known/jmap</url>"));
        assert!(told.contains("<hostname>mail.example.org</hostname>\n      <port>465</port>"));
        let none = document(&Settings::default(), "http://a:8080");
        assert!(none.contains("<domain>a</domain>"));
        assert!(!none.contains("outgoingServer"));
    }

    #[test]
    fn a_hostile_host_is_a_text() {
        let told = document(&Settings::default(), "http://<a>\"&b");
        assert!(
            told.contains("<domain>&lt;a&gt;&quot;&amp;b</domain>"),
            "{told}"
        );
    }
}
