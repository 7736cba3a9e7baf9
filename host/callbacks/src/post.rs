//! One POST to an address that a user gave.
//!
//! The name is resolved here, one of its addresses that is public is chosen, and the connection is to that very address: a
//! name that answers differently the second time gains nothing. Redirects are not followed, for the same reason.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{HOST, HeaderName, HeaderValue, USER_AGENT};
use http::uri::Scheme;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::is_public;

/// Of an answer, in bytes. Nobody reads it; to its end only so that the other side sees no error.
const ANSWER_MAX_BYTES: usize = 64 * 1024;

/// Why a request was not answered. The sentences may be shown to whoever gave the address: nothing of what was answered is
/// in them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// The address is none that is posted to; it will not be tomorrow.
    #[error("{0}")]
    Refused(String),
    /// Nobody answered, or not to the end; another time somebody may.
    #[error("{0}")]
    Failed(String),
}

fn refused(why: impl Into<String>) -> PostError {
    PostError::Refused(why.into())
}

fn failed(why: impl Into<String>) -> PostError {
    PostError::Failed(why.into())
}

/// Posts to public addresses.
pub struct Poster {
    tls: TlsConnector,
    /// Whether addresses that are not public, and plain HTTP, are let pass.
    private: bool,
}

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    tls: bool,
    host: String,
    port: u16,
    /// As the `Host` field has it.
    authority: String,
    path: String,
}

impl Poster {
    /// Posts to public addresses over TLS alone, unless `private` lets all others pass.
    ///
    /// # Errors
    /// What TLS says of its own set-up.
    pub fn new(private: bool) -> Result<Self, rustls::Error> {
        let mut roots = rustls::RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls: TlsConnector::from(Arc::new(tls)),
            private,
        })
    }

    /// Posts a body with fields of the header; the status of the answer, whatever it is. Takes as long as the other side
    /// does: the caller sets a limit.
    ///
    /// # Errors
    /// [`PostError`].
    pub async fn post(
        &self,
        url: &str,
        fields: Vec<(&'static str, String)>,
        body: Bytes,
    ) -> Result<StatusCode, PostError> {
        let target = target(url, self.private)?;
        let address = self.resolve(&target).await?;
        let request = request(&target, fields, body)?;
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| failed(format!("no connection: {error}")))?;
        if !target.tls {
            return exchange(stream, request).await;
        }
        let name = ServerName::try_from(target.host.clone())
            .map_err(|_| refused(format!("{:?} is no name for TLS", target.host)))?;
        let stream = self.tls.connect(name, stream).await;
        let stream = stream.map_err(|error| failed(format!("TLS: {error}")))?;
        exchange(stream, request).await
    }

    /// The first address of the host that may be connected to.
    async fn resolve(&self, target: &Target) -> Result<SocketAddr, PostError> {
        let addresses = tokio::net::lookup_host((target.host.as_str(), target.port))
            .await
            .map_err(|error| failed(format!("{} is not found: {error}", target.host)))?;
        let mut addresses = addresses;
        addresses
            .find(|address| self.private || is_public(address.ip()))
            .ok_or_else(|| refused(format!("{} has no public address", target.host)))
    }
}

/// Takes an address apart.
fn target(url: &str, private: bool) -> Result<Target, PostError> {
    let uri: Uri = url
        .parse()
        .map_err(|_| refused("the address is not a URL"))?;
    let tls = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => true,
        Some(scheme) if *scheme == Scheme::HTTP && private => false,
        _ => return Err(refused("the address does not begin with https://")),
    };
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    if authority.contains('@') {
        return Err(refused("the address has a name and a password in it"));
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
    body: Bytes,
) -> Result<Request<Full<Bytes>>, PostError> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(&target.path)
        .header(HOST, &target.authority)
        .header(USER_AGENT, concat!("concierge/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(body))
        .map_err(|error| refused(error.to_string()))?;
    for (name, value) in fields {
        let unfit = |_| refused(format!("the field {name} cannot be sent"));
        let value: HeaderValue = value.parse().map_err(unfit)?;
        let name = HeaderName::from_static(name);
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<StatusCode, PostError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |error: hyper::Error| failed(format!("the connection broke: {error}"));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    // Ends when the answer is read and the sender dropped, or with the caller's patience.
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
    Ok(status)
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

    async fn post(poster: &Poster, url: &str) -> Result<StatusCode, PostError> {
        let fields = vec![("concierge-signature", "v1=00".to_owned())];
        poster.post(url, fields, Bytes::from_static(b"{}")).await
    }

    #[tokio::test]
    async fn a_request_has_its_fields() {
        let (address, served) = server("HTTP/1.1 204 No Content\r\n\r\n").await;
        let poster = Poster::new(true).unwrap();
        let url = format!("http://{address}/hook?hotel=inn");
        assert_eq!(post(&poster, &url).await, Ok(StatusCode::NO_CONTENT));
        let sent = served.await.unwrap();
        assert!(
            sent.starts_with("POST /hook?hotel=inn HTTP/1.1\r\n"),
            "{sent}"
        );
        assert!(sent.contains(&format!("host: {address}\r\n")), "{sent}");
        assert!(sent.contains("concierge-signature: v1=00\r\n"), "{sent}");
    }

    #[tokio::test]
    async fn redirects_are_not_followed() {
        let poster = Poster::new(true).unwrap();
        for (answer, status) in [
            (
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
                StatusCode::TEMPORARY_REDIRECT,
            ),
            (
                "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 3\r\n\r\nwhy",
                StatusCode::INTERNAL_SERVER_ERROR,
            ),
        ] {
            let (address, served) = server(answer).await;
            let outcome = post(&poster, &format!("http://{address}/")).await;
            assert_eq!(outcome, Ok(status));
            served.await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_is_not_public_is_refused_by_name_and_by_number() {
        let poster = Poster::new(false).unwrap();
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
            let outcome = post(&poster, &format!("https://{host}/")).await;
            let why = outcome.unwrap_err().to_string();
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
