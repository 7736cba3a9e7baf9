//! Policies as their domains serve them (RFC 8461 §3.3).

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::{POLICY_MAX_BYTES, PolicyError, PolicySource};
use crate::dns::Dns;
use crate::tls::Tls;

/// How long a policy is waited for, with all its steps (RFC 8461 §3.3: one minute).
const PATIENCE: Duration = Duration::from_secs(60);
const HTTPS_PORT: u16 = 443;

/// Fetches policies from public addresses, over HTTPS with a valid certificate. Redirects are not followed (RFC 8461 §3.3).
pub struct HttpsPolicies {
    dns: Arc<dyn Dns>,
    tls: TlsConnector,
    port: u16,
    /// Addresses that are not public are let pass.
    private: bool,
    patience: Duration,
}

impl HttpsPolicies {
    /// Looks hosts up here; trusts whom browsers trust.
    ///
    /// # Errors
    /// What TLS says of its own set-up.
    pub fn new(dns: Arc<dyn Dns>) -> Result<Self, rustls::Error> {
        let tls = Tls::new(&[])?;
        Ok(Self {
            dns,
            tls: TlsConnector::from(tls.verified),
            port: HTTPS_PORT,
            private: false,
            patience: PATIENCE,
        })
    }

    async fn get(&self, domain: &str) -> Result<String, PolicyError> {
        let host = format!("mta-sts.{domain}");
        let address = self.address(&host).await?;
        let name = ServerName::try_from(host.clone()).map_err(failed)?;
        let stream = TcpStream::connect(SocketAddr::new(address, self.port));
        let stream = self.tls.connect(name, stream.await.map_err(failed)?);
        let stream = TokioIo::new(stream.await.map_err(failed)?);
        let handshake = hyper::client::conn::http1::handshake(stream);
        let (mut sender, connection) = handshake.await.map_err(failed)?;
        let _ends = AbortOnDrop(tokio::spawn(connection));
        let request = Request::get("/.well-known/mta-sts.txt")
            .header(HOST, host)
            .header(USER_AGENT, concat!("concierge/", env!("CARGO_PKG_VERSION")))
            .body(Empty::<Bytes>::new())
            .map_err(failed)?;
        text(sender.send_request(request).await.map_err(failed)?).await
    }

    async fn address(&self, host: &str) -> Result<IpAddr, PolicyError> {
        let addresses = self.dns.addresses(host).await.map_err(failed)?;
        let may = |address: &IpAddr| self.private || concierge_callbacks::is_public(*address);
        let mut public = addresses.into_iter().filter(may);
        public
            .next()
            .ok_or_else(|| failed(format!("{host} has no public address")))
    }
}

fn failed(why: impl std::fmt::Display) -> PolicyError {
    PolicyError(why.to_string())
}

async fn text(response: Response<Incoming>) -> Result<String, PolicyError> {
    if response.status() != StatusCode::OK {
        return Err(failed(format!("the answer is {}", response.status())));
    }
    let kind = response.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.to_ascii_lowercase().starts_with("text/plain") {
        return Err(failed("the answer is no plain text"));
    }
    let body = Limited::new(response.into_body(), POLICY_MAX_BYTES).collect();
    let body = body.await.map_err(failed)?.to_bytes();
    String::from_utf8(body.to_vec()).map_err(failed)
}

/// A task that goes when nobody waits for it.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl PolicySource for HttpsPolicies {
    fn fetch<'a>(
        &'a self,
        domain: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<String, PolicyError>> + Send + 'a>> {
        Box::pin(async move {
            let got = tokio::time::timeout(self.patience, self.get(domain)).await;
            got.unwrap_or_else(|_| Err(failed("timed out")))
        })
    }
}

#[cfg(test)]
mod tests {
    use rustls::ServerConfig;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::dns::fake::{FakeDns, Zone};
    use crate::tests::certificate;

    /// A server that gives every connection this answer, and its port.
    async fn serve(server: Arc<ServerConfig>, answer: String) -> (JoinHandle<()>, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = TlsAcceptor::from(Arc::clone(&server)).accept(stream).await
                else {
                    continue;
                };
                let mut asked = Vec::new();
                while !asked.ends_with(b"\r\n\r\n") {
                    if stream.read_buf(&mut asked).await.unwrap_or(0) == 0 {
                        break;
                    }
                }
                assert!(asked.starts_with(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\n"));
                if answer.is_empty() {
                    std::future::pending::<()>().await;
                }
                // The client may have seen enough.
                drop(stream.write_all(answer.as_bytes()).await);
                drop(stream.shutdown().await);
            }
        });
        (task, port)
    }

    async fn fetch(certified: &str, answer: &str) -> Result<String, String> {
        let (server, root) = certificate(certified);
        let (task, port) = serve(server, answer.to_owned()).await;
        let _server = AbortOnDrop(task);
        let zone = Zone {
            addresses: vec!["127.0.0.1".parse().unwrap()],
            ..Zone::default()
        };
        let dns = Arc::new(FakeDns::default().with("mta-sts.b.example", zone));
        let policies = HttpsPolicies {
            tls: TlsConnector::from(Tls::new(&[root]).unwrap().verified),
            port,
            private: true,
            patience: match answer.is_empty() {
                true => Duration::from_millis(200),
                false => PATIENCE,
            },
            ..HttpsPolicies::new(dns).unwrap()
        };
        let fetched = policies.fetch("b.example").await;
        fetched.map_err(|error| error.to_string())
    }

    fn answer(status: &str, kind: &str, body: &str) -> String {
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nlocation: https://b.example/\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    }

    #[tokio::test]
    async fn a_policy_is_what_its_host_serves_as_plain_text() {
        let host = "mta-sts.b.example";
        let good = answer("200 OK", "text/plain; charset=utf-8", "version: STSv1");
        assert_eq!(fetch(host, &good).await.unwrap(), "version: STSv1");
        let large = "x".repeat(POLICY_MAX_BYTES + 1);
        for (certified, answer, why) in [
            ("b.example", good.clone(), "certificate"),
            (host, answer("302 Found", "text/plain", ""), "302 Found"),
            (
                host,
                answer("404 Not Found", "text/plain", ""),
                "404 Not Found",
            ),
            (host, answer("200 OK", "text/html", "x"), "no plain text"),
            (host, answer("200 OK", "text/plain", &large), "limit"),
            (host, String::new(), "timed out"),
        ] {
            let error = fetch(certified, &answer).await.unwrap_err();
            assert!(error.contains(why), "{why}: {error}");
        }
    }

    #[tokio::test]
    async fn a_policy_is_not_fetched_from_where_strangers_are_not_to_look() {
        let zone = Zone {
            addresses: vec!["127.0.0.1".parse().unwrap()],
            ..Zone::default()
        };
        let dns = FakeDns::default().with("mta-sts.b.example", zone);
        let policies = HttpsPolicies::new(Arc::new(dns)).unwrap();
        let error = policies.fetch("b.example").await.unwrap_err();
        assert_eq!(error.0, "mta-sts.b.example has no public address");
    }
}
