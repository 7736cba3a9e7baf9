//! The native client: an edge on another machine calls the host's contracts.

use crate::contract::Function;
use crate::encoding::{
    ANSWER_MAX_BYTES, ARGUMENTS_HEADER, CONTRACT_HEADER, Placed, RESULT_HEADER, decode,
    decode_header, encode, place,
};
use crate::failure::{ContractError, Failure};
use crate::stream::{ByteStream, IncomingStream, Outgoing, StreamError};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client as Pool, Error as PoolError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// For a connection to the host.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For the answer to a call that takes no stream. One that takes a stream takes as long as the
/// stream, and its sender's own limits hold.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Connections of one thread that wait for their next call. More calls at the same time
/// have connections too, which are closed after them.
const IDLE_CONNECTIONS_MAX: usize = 64;
/// How long one waits. Below what hosts and whatever is between allow.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Before an idle connection is probed, so that one whose host vanished is noticed.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Where the host is.
#[derive(Clone)]
pub struct ClientOptions {
    /// `http://ADDRESS` of a loopback address, or `https://NAME[:PORT]`.
    pub host: String,
    /// The bearer token.
    pub token: String,
    /// The certificates that `https` trusts, as DER; empty: those of the web
    /// (webpki-roots).
    pub trusted: Vec<rustls::pki_types::CertificateDer<'static>>,
}

/// Why there can be no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The host's address is not of its form.
    #[error("\"{0}\" is not http://ADDRESS:PORT or https://NAME:PORT")]
    Host(String),
    /// A token would cross a network in the clear.
    #[error(
        "{0} is not a loopback address: it needs https, or the token would cross the network in the clear"
    )]
    InTheClear(String),
    /// The token has characters that no header can have.
    #[error("the token cannot stand in a header")]
    Token,
    /// TLS cannot be set up.
    #[error("TLS: {0}")]
    Tls(String),
}

type RequestBody = UnsyncBoxBody<Bytes, StreamError>;
type Connections = Pool<HttpsConnector<HttpConnector>, RequestBody>;

/// Calls the contracts of a host elsewhere. Connections are kept and used again, apart for each
/// thread: the edge has a runtime a thread, and a connection is driven by the runtime that made it.
pub struct Client {
    /// Tells the connections of several clients in one thread apart.
    id: u64,
    scheme: Scheme,
    authority: Authority,
    authorization: HeaderValue,
    tls: rustls::ClientConfig,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({}://{})", self.scheme, self.authority)
    }
}

thread_local! {
    static CONNECTIONS: RefCell<HashMap<u64, Connections>> = RefCell::new(HashMap::new());
}

/// The next client's [`Client::id`].
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

impl Client {
    /// A client; connects when it is called.
    ///
    /// # Errors
    /// [`ClientError`] says what is wrong with the options.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let wrong = || ClientError::Host(options.host.clone());
        let uri: Uri = options.host.parse().map_err(|_| wrong())?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong());
        }
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(wrong());
        };
        if scheme == Scheme::HTTP && !is_loopback(authority.host()) {
            return Err(ClientError::InTheClear(options.host));
        }
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(wrong());
        }
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", options.token))
            .map_err(|_| ClientError::Token)?;
        authorization.set_sensitive(true);
        Ok(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            scheme,
            authority,
            authorization,
            tls: tls(&options.trusted)?,
        })
    }

    /// Calls a function that has no stream.
    ///
    /// # Errors
    /// The contract's error: the host's, or the case for a call without an answer.
    pub async fn call<A, R, E>(&self, function: &Function, arguments: &A) -> Result<R, E>
    where
        A: Serialize,
        R: DeserializeOwned,
        E: DeserializeOwned + ContractError,
    {
        let exchange = async {
            let (result, _) = self.exchange(function, encode(arguments)?, None).await?;
            decode::<Result<R, E>>(&result)
        };
        let answer = match tokio::time::timeout(ANSWER_TIMEOUT, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::Unreachable("the answer took too long".into())),
        };
        settle(function, answer)
    }

    /// Calls a function that takes a stream.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn call_with_stream<A, R, E>(
        &self,
        function: &Function,
        arguments: &A,
        stream: ByteStream,
    ) -> Result<R, E>
    where
        A: Serialize,
        R: DeserializeOwned,
        E: DeserializeOwned + ContractError,
    {
        let exchange = async {
            let arguments = encode(arguments)?;
            let (result, _) = self.exchange(function, arguments, Some(stream)).await?;
            decode::<Result<R, E>>(&result)
        };
        settle(function, exchange.await)
    }

    /// Calls a function that gives a stream.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn call_for_stream<A, R, E>(
        &self,
        function: &Function,
        arguments: &A,
    ) -> Result<(R, ByteStream), E>
    where
        A: Serialize,
        R: DeserializeOwned,
        E: DeserializeOwned + ContractError,
    {
        let exchange = async {
            let (result, body) = self.exchange(function, encode(arguments)?, None).await?;
            let result = decode::<Result<R, E>>(&result)?;
            Ok(result.map(|result| {
                let stream: ByteStream = match body {
                    Some(body) => Box::pin(IncomingStream(body)),
                    None => Box::pin(futures::stream::empty()),
                };
                (result, stream)
            }))
        };
        let answer = match tokio::time::timeout(ANSWER_TIMEOUT, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::Unreachable("the answer took too long".into())),
        };
        settle(function, answer)
    }

    /// One request and its answer: the encoded result, and the body if the result was not it.
    async fn exchange(
        &self,
        function: &Function,
        arguments: Vec<u8>,
        stream: Option<ByteStream>,
    ) -> Result<(Vec<u8>, Option<Incoming>), Failure> {
        let request = self.request(function, arguments, stream)?;
        let response = self
            .connections()
            .request(request)
            .await
            .map_err(unreachable)?;
        read_answer(response).await
    }

    fn request(
        &self,
        function: &Function,
        arguments: Vec<u8>,
        stream: Option<ByteStream>,
    ) -> Result<Request<RequestBody>, Failure> {
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(function.path())
            .build();
        let mut request = Request::post(uri.map_err(|error| Failure::Broken(error.to_string()))?)
            .header(AUTHORIZATION, self.authorization.clone())
            .header(CONTRACT_HEADER, function.package.fingerprint_text());
        let whole = |bytes: Vec<u8>| {
            Full::from(bytes)
                .map_err(|never| match never {})
                .boxed_unsync()
        };
        let body = match place(arguments, stream.is_some())? {
            Placed::Body(bytes) => whole(bytes),
            Placed::Header(text) => {
                request = request.header(ARGUMENTS_HEADER, text);
                match stream {
                    Some(stream) => Outgoing::new(stream, None).boxed_unsync(),
                    None => whole(Vec::new()),
                }
            }
        };
        request
            .body(body)
            .map_err(|error| Failure::Broken(error.to_string()))
    }

    /// The connections of this thread.
    fn connections(&self) -> Connections {
        CONNECTIONS.with_borrow_mut(|all| {
            all.entry(self.id)
                .or_insert_with(|| connections(&self.tls))
                .clone()
        })
    }
}

fn connections(tls: &rustls::ClientConfig) -> Connections {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    // Small calls must not wait for the acknowledgement of the one before.
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_keepalive(Some(KEEPALIVE));
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls.clone())
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    Pool::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .build(connector)
}

fn tls(
    trusted: &[rustls::pki_types::CertificateDer<'static>],
) -> Result<rustls::ClientConfig, ClientError> {
    let wrong = |error: rustls::Error| ClientError::Tls(error.to_string());
    let mut roots = rustls::RootCertStore::empty();
    for certificate in trusted {
        roots.add(certificate.clone()).map_err(wrong)?;
    }
    if trusted.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(wrong)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse::<std::net::IpAddr>()
        .is_ok_and(|address| address.is_loopback())
        || host.eq_ignore_ascii_case("localhost")
}

async fn read_answer(response: Response<Incoming>) -> Result<(Vec<u8>, Option<Incoming>), Failure> {
    let (head, body) = response.into_parts();
    if head.status == http::StatusCode::OK
        && let Some(result) = head.headers.get(RESULT_HEADER)
    {
        return Ok((decode_header(result.as_bytes())?, Some(body)));
    }
    let body = Limited::new(body, ANSWER_MAX_BYTES).collect().await;
    let body = body
        .map_err(|error| Failure::Unreachable(error.to_string()))?
        .to_bytes();
    match head.status {
        http::StatusCode::OK => Ok((body.into(), None)),
        status => Err(Failure::refused(status.as_u16(), &body)),
    }
}

fn unreachable(error: PoolError) -> Failure {
    use std::error::Error;
    // The cause is the one that says something ("Connection refused").
    let mut cause: &dyn Error = &error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    Failure::Unreachable(cause.to_string())
}

/// The contract's answer; a call without one is logged here, where its reason is known.
fn settle<R, E: ContractError>(
    function: &Function,
    answer: Result<Result<R, E>, Failure>,
) -> Result<R, E> {
    answer.unwrap_or_else(|failure| {
        match failure.passes() {
            true => tracing::warn!("{function}: {failure}"),
            false => tracing::error!("{function}: {failure}"),
        }
        Err(E::of(&failure))
    })
}
