//! Sends what webhooks are told.
//!
//! The address is a stranger's: a hotel's staff wrote it. So the name is resolved here, one of its addresses that is
//! public is chosen, and the connection is to that very address: a name that answers differently the second time gains
//! nothing. Redirects are not followed, for the same reason.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use concierge_booking::WebhookSender;
use http::header::{HOST, HeaderName, HeaderValue, USER_AGENT};
use http::uri::Scheme;
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::addresses::is_public;
use crate::exit::Failure;

/// For the whole of a delivery, from the name to the answer's end. Who does not answer in this time works on what it
/// was told before it answers; the next delivery of the same hotel waits for it.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(9);
/// Of an answer, in bytes. Nobody reads it; to its end only so that the other side sees no error.
const ANSWER_MAX_BYTES: usize = 64 * 1024;

/// Sends what webhooks are told.
pub struct Webhooks {
    tls: TlsConnector,
    /// Whether addresses that are not public, and plain HTTP, are let pass.
    private: bool,
}

/// Where a webhook is.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    tls: bool,
    host: String,
    port: u16,
    /// As the `Host` field has it.
    authority: String,
    path: String,
}

impl Webhooks {
    /// Sends to public addresses over TLS alone, unless `private` lets all others pass.
    pub fn new(private: bool) -> Result<Self, Failure> {
        let mut roots = rustls::RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(Failure::failed)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls: TlsConnector::from(Arc::new(tls)),
            private,
        })
    }

    async fn deliver(
        &self,
        url: &str,
        fields: Vec<(&'static str, String)>,
        body: String,
    ) -> Result<(), String> {
        let target = target(url, self.private)?;
        let address = self.resolve(&target).await?;
        let request = request(&target, fields, body)?;
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| format!("no connection: {error}"))?;
        if !target.tls {
            return exchange(stream, request).await;
        }
        let name = ServerName::try_from(target.host.clone())
            .map_err(|_| format!("{:?} is no name for TLS", target.host))?;
        let stream = self.tls.connect(name, stream).await;
        exchange(stream.map_err(|error| format!("TLS: {error}"))?, request).await
    }

    /// The first address of the host that may be connected to.
    async fn resolve(&self, target: &Target) -> Result<SocketAddr, String> {
        let addresses = tokio::net::lookup_host((target.host.as_str(), target.port))
            .await
            .map_err(|error| format!("{} is not found: {error}", target.host))?;
        let mut addresses = addresses;
        addresses
            .find(|address| self.private || is_public(address.ip()))
            .ok_or_else(|| format!("{} has no public address", target.host))
    }
}

impl WebhookSender for Webhooks {
    /// A failure is a sentence that the hotel's staff may read: nothing of what was answered is in it.
    fn post<'a>(
        &'a self,
        url: &'a str,
        headers: Vec<(&'static str, String)>,
        body: String,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(async move {
            let delivery = self.deliver(url, headers, body);
            let outcome = tokio::time::timeout(DELIVERY_TIMEOUT, delivery).await;
            outcome.unwrap_or_else(|_| {
                let limit_s = DELIVERY_TIMEOUT.as_secs();
                Err(format!("no answer in {limit_s} seconds"))
            })
        })
    }
}

/// Takes an address apart.
fn target(url: &str, private: bool) -> Result<Target, String> {
    let uri: Uri = url
        .parse()
        .map_err(|_| "the address is not a URL".to_owned())?;
    let tls = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => true,
        Some(scheme) if *scheme == Scheme::HTTP && private => false,
        _ => return Err("the address does not begin with https://".to_owned()),
    };
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    if authority.contains('@') {
        return Err("the address has a name and a password in it".to_owned());
    }
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Ok(Target {
        tls,
        host: host.to_owned(),
        port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
        authority: authority.to_owned(),
        path: path.to_owned(),
    })
}

fn request(
    target: &Target,
    fields: Vec<(&'static str, String)>,
    body: String,
) -> Result<Request<Full<Bytes>>, String> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(&target.path)
        .header(HOST, &target.authority)
        .header(USER_AGENT, concat!("concierge/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(body.into()))
        .map_err(|error| error.to_string())?;
    for (name, value) in fields {
        let name: HeaderName = name.parse().map_err(|_| format!("the field {name}"))?;
        let value: HeaderValue = value.parse().map_err(|_| format!("the field {name}"))?;
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |error: hyper::Error| format!("the connection broke: {error}");
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    // Ends when the answer is read and the sender dropped, or with the delivery's time.
    let connection = tokio::spawn(connection);
    let _ends = AbortOnDrop(connection);
    let response = sender.send_request(request).await.map_err(broken)?;
    let status = response.status();
    // What is longer than this is not waited for.
    drop(
        Limited::new(response.into_body(), ANSWER_MAX_BYTES)
            .collect()
            .await,
    );
    match status.is_success() {
        true => Ok(()),
        false => Err(format!("the answer was {status}")),
    }
}

/// A task that goes when nobody waits for it.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that gives one connection one answer; what it was sent.
    async fn server(answer: &'static str) -> (SocketAddr, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut sent = Vec::new();
            while !sent.ends_with(b"{}") {
                assert_ne!(stream.read_buf(&mut sent).await.unwrap(), 0);
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(sent).unwrap()
        });
        (address, served)
    }

    async fn post(webhooks: &Webhooks, url: &str) -> Result<(), String> {
        let fields = vec![("Concierge-Signature", "v1=00".to_owned())];
        webhooks.post(url, fields, "{}".to_owned()).await
    }

    #[tokio::test]
    async fn a_delivery_is_a_post_with_its_fields() {
        let (address, served) = server("HTTP/1.1 204 No Content\r\n\r\n").await;
        let webhooks = Webhooks::new(true).unwrap();
        let url = format!("http://{address}/hook?hotel=inn");
        assert_eq!(post(&webhooks, &url).await, Ok(()));
        let sent = served.await.unwrap();
        assert!(
            sent.starts_with("POST /hook?hotel=inn HTTP/1.1\r\n"),
            "{sent}"
        );
        assert!(sent.contains(&format!("host: {address}\r\n")), "{sent}");
        assert!(sent.contains("concierge-signature: v1=00\r\n"), "{sent}");
    }

    #[tokio::test]
    async fn redirects_and_errors_are_failures() {
        let webhooks = Webhooks::new(true).unwrap();
        for (answer, failure) in [
            (
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
                "the answer was 307 Temporary Redirect",
            ),
            (
                "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 3\r\n\r\nwhy",
                "the answer was 500 Internal Server Error",
            ),
        ] {
            let (address, served) = server(answer).await;
            let outcome = post(&webhooks, &format!("http://{address}/")).await;
            assert_eq!(outcome, Err(failure.to_owned()));
            served.await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_is_not_public_is_refused_by_name_and_by_number() {
        let webhooks = Webhooks::new(false).unwrap();
        for host in [
            "127.0.0.1",
            "localhost",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "169.254.169.254",
            "10.0.0.1",
            // Other forms of 127.0.0.1 that resolvers know.
            "2130706433",
            "127.1",
        ] {
            let outcome = post(&webhooks, &format!("https://{host}/")).await;
            let why = outcome.unwrap_err();
            assert!(
                why.ends_with("has no public address") || why.contains("is not found"),
                "{host}: {why}"
            );
        }
    }

    #[test]
    fn addresses_are_taken_apart() {
        let found = target("https://hooks.example:8443/a?b=c", false).unwrap();
        assert_eq!(
            found,
            Target {
                tls: true,
                host: "hooks.example".to_owned(),
                port: 8443,
                authority: "hooks.example:8443".to_owned(),
                path: "/a?b=c".to_owned(),
            }
        );
        assert_eq!(
            target("https://[2001:db8::1]", false).unwrap().host,
            "2001:db8::1"
        );
        for bad in [
            "",
            "hooks.example",
            "http://hooks.example/",
            "ftp://hooks.example/",
            "https://user:password@hooks.example/",
        ] {
            assert!(target(bad, false).is_err(), "{bad}");
        }
        assert!(target("http://hooks.example/", true).is_ok());
    }
}
