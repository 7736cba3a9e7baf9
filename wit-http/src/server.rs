use crate::contract::{PACKAGES, PATH_PREFIX, Package};
use crate::encoding::{
    ARGUMENTS_HEADER, ARGUMENTS_MAX_BYTES, CONTRACT_HEADER, Placed, RESULT_HEADER, decode_header,
    place,
};
use crate::failure::Failure;
use crate::stream::{ByteStream, IncomingStream, Outgoing, StreamError};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body as _, Incoming};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// Calls under way at the same time, over all callers, unless said otherwise. An upload is one for as long as it
/// takes.
pub const CALLS_MAX: usize = 1_024;
/// For arguments in a body to arrive.
const ARGUMENTS_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two pieces of a stream: whoever sends it has a client of its own that may
/// pause, and limits that are shorter.
const STREAM_IDLE_TIMEOUT: Duration = Duration::from_secs(120);
/// What is read of a stream that nobody wants, and for how long: enough for the answer to
/// arrive and for the other end to stop sending.
const UNREAD_MAX_BYTES: usize = 64 * 1024 * 1024;
/// See [`UNREAD_MAX_BYTES`].
const UNREAD_TIMEOUT: Duration = Duration::from_secs(5);
/// When to try again after 503.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("1");

/// The body of an answer.
pub type AnswerBody = UnsyncBoxBody<Bytes, StreamError>;

/// A call, its arguments not decoded yet.
pub struct Call {
    /// The package, which is one of [`PACKAGES`].
    pub package: &'static Package,
    /// The interface, as the path has it.
    pub interface: String,
    /// The function, as the path has it.
    pub function: String,
    /// The encoded arguments, unless they are in the body.
    arguments: Option<Vec<u8>>,
    body: Incoming,
}

impl Call {
    /// The encoded arguments of a function that takes no stream.
    ///
    /// # Errors
    /// [`Refusal`] where they are too long or do not arrive.
    pub async fn arguments(self) -> Result<Vec<u8>, Refusal> {
        if let Some(arguments) = self.arguments {
            return Ok(arguments);
        }
        let read = Limited::new(self.body, ARGUMENTS_MAX_BYTES).collect();
        match tokio::time::timeout(ARGUMENTS_TIMEOUT, read).await {
            Ok(Ok(body)) => Ok(body.to_bytes().into()),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the arguments are longer than {ARGUMENTS_MAX_BYTES} bytes"),
            )),
            Ok(Err(_)) => Err(Refusal::unreadable("the arguments ended early")),
            Err(_) => Err(Refusal::new(
                StatusCode::REQUEST_TIMEOUT,
                "the arguments took too long",
            )),
        }
    }

    /// The encoded arguments of a function that takes a stream, and the stream.
    ///
    /// # Errors
    /// [`Refusal`] where there are no arguments in the header.
    pub fn arguments_and_stream(self) -> Result<(Vec<u8>, ByteStream), Refusal> {
        let arguments = self.arguments.ok_or_else(|| {
            Refusal::unreadable(format!("the header {ARGUMENTS_HEADER} is missing"))
        })?;
        let stream = Watched {
            stream: Some(IncomingStream(self.body)),
            idle: Box::pin(sleep(STREAM_IDLE_TIMEOUT)),
        };
        Ok((arguments, Box::pin(stream)))
    }
}

/// What a call is answered with: the encoded result, and for a function that gives a
/// stream that stream and its length in bytes.
pub struct Answer {
    /// The encoded `result<T, E>`.
    pub result: Vec<u8>,
    /// The stream.
    pub stream: Option<(ByteStream, u64)>,
    /// Whether the function may give a stream, in which case the result must be in the header.
    pub gives: bool,
}

/// A call that is not answered by its contract.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// A sentence for people.
    pub why: String,
}

impl Refusal {
    /// A refusal with a status and a sentence.
    pub fn new(status: StatusCode, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { status, why }
    }

    fn unreadable(why: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, why)
    }

    /// There is no such interface or function in this version of the package.
    #[must_use]
    pub fn unknown(package: &Package, interface: &str, function: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            format!(
                "{}@{} has no function {function} in an interface {interface}",
                package.name, package.version
            ),
        )
    }

    fn response(&self) -> Response<AnswerBody> {
        let text = Full::from(format!("{}\n", self.why)).map_err(|never| match never {});
        let mut response = Response::new(text.boxed_unsync());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, RETRY_AFTER_S);
        }
        response
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Broken(why) => Self::unreadable(why),
            other => Self::new(StatusCode::INTERNAL_SERVER_ERROR, other.to_string()),
        }
    }
}

/// Answers calls, so many at the same time.
#[derive(Debug)]
pub struct Server {
    permits: Arc<Semaphore>,
}

impl Server {
    /// With a limit on the calls at the same time.
    #[must_use]
    pub fn new(calls_max: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(calls_max)),
        }
    }

    /// Whether a path is that of a call.
    #[must_use]
    pub fn serves(path: &str) -> bool {
        path.starts_with(PATH_PREFIX)
    }

    /// Answers one request. `run` does what the call says, or refuses it. The call is under way until the
    /// stream of its answer was read or dropped.
    pub async fn answer<F>(
        &self,
        request: Request<Incoming>,
        run: impl FnOnce(Call) -> F,
    ) -> Response<AnswerBody>
    where
        F: Future<Output = Result<Answer, Refusal>>,
    {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            return Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many calls at the same time",
            )
            .response();
        };
        let answer = match read(request) {
            Ok(call) => run(call).await,
            Err(refusal) => Err(refusal),
        };
        answer
            .and_then(|answer| respond(answer, permit))
            .unwrap_or_else(|refusal| refusal.response())
    }
}

/// Takes a request apart, and sees that both ends mean the same contract.
fn read(request: Request<Incoming>) -> Result<Call, Refusal> {
    let (head, body) = request.into_parts();
    if head.method != Method::POST {
        return Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "a call is a POST",
        ));
    }
    let path = head.uri.path();
    let mut parts = path.strip_prefix(PATH_PREFIX).unwrap_or("").split('/');
    let (Some(package), Some(interface), Some(function), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            format!("a call is POST {PATH_PREFIX}PACKAGE@VERSION/INTERFACE/FUNCTION"),
        ));
    };
    let package = known(package)?;
    let theirs = head.headers.get(CONTRACT_HEADER).map(HeaderValue::as_bytes);
    if theirs != Some(package.fingerprint_text().as_bytes()) {
        return Err(Refusal::new(
            StatusCode::CONFLICT,
            format!(
                "{}@{} here has another form than the caller's; use a bridge that was built with this host",
                package.name, package.version
            ),
        ));
    }
    let arguments = head
        .headers
        .get(ARGUMENTS_HEADER)
        .map(|value| decode_header(value.as_bytes()))
        .transpose()?;
    Ok(Call {
        package,
        interface: interface.to_owned(),
        function: function.to_owned(),
        arguments,
        body,
    })
}

/// The package that `name@version` names.
fn known(named: &str) -> Result<&'static Package, Refusal> {
    let found = PACKAGES.into_iter().find(|package| {
        named
            .split_once('@')
            .is_some_and(|(name, version)| name == package.name && version == package.version)
    });
    found.ok_or_else(|| {
        let served: Vec<_> = PACKAGES
            .iter()
            .map(|package| format!("{}@{}", package.name, package.version))
            .collect();
        Refusal::new(
            StatusCode::NOT_FOUND,
            format!(
                "{named} is not served here; this host serves {}",
                served.join(", ")
            ),
        )
    })
}

fn respond(answer: Answer, permit: OwnedSemaphorePermit) -> Result<Response<AnswerBody>, Refusal> {
    let placed = place(answer.result, answer.gives)?;
    let mut response = Response::builder().header(CACHE_CONTROL, "no-store");
    let whole = |bytes: Vec<u8>| {
        Full::from(bytes)
            .map_err(|never| match never {})
            .boxed_unsync()
    };
    let body = match (placed, answer.stream) {
        (Placed::Body(bytes), _) => whole(bytes),
        (Placed::Header(text), stream) => {
            response = response.header(RESULT_HEADER, text);
            match stream {
                None => whole(Vec::new()),
                Some((stream, length)) => {
                    let stream: ByteStream = Box::pin(Held {
                        stream,
                        _permit: permit,
                    });
                    // A stream without an end has no length to tell.
                    let length = (length != u64::MAX).then_some(length);
                    Outgoing::new(stream, length).boxed_unsync()
                }
            }
        }
    };
    response
        .body(body)
        .map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

/// A stream that is part of a call.
struct Held {
    stream: ByteStream,
    _permit: OwnedSemaphorePermit,
}

impl Stream for Held {
    type Item = Result<Bytes, StreamError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.stream.as_mut().poll_next(cx)
    }
}

/// The stream of a call, which fails when nothing comes for too long.
///
/// Dropped before its end (the call failed early: no such bucket), it is read on for a while: a
/// connection that is closed with bytes unread is reset, and the reset overtakes the answer.
struct Watched {
    /// Until its end.
    stream: Option<IncomingStream<Incoming>>,
    idle: Pin<Box<Sleep>>,
}

impl Stream for Watched {
    type Item = Result<Bytes, StreamError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(next) = Pin::new(stream).poll_next(cx) {
            match &next {
                Some(Ok(_)) => {
                    let deadline = Instant::now() + STREAM_IDLE_TIMEOUT;
                    self.idle.as_mut().reset(deadline);
                }
                _ => self.stream = None,
            }
            return Poll::Ready(next);
        }
        ready!(self.idle.as_mut().poll(cx));
        self.stream = None;
        Poll::Ready(Some(Err(StreamError(format!(
            "nothing came for {} seconds",
            STREAM_IDLE_TIMEOUT.as_secs()
        )))))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let (Some(stream), Ok(runtime)) = (self.stream.take(), Handle::try_current()) else {
            return;
        };
        if stream.0.is_end_stream() {
            return;
        }
        runtime.spawn(tokio::time::timeout(UNREAD_TIMEOUT, read_away(stream)));
    }
}

/// Reads and forgets, so much at most.
async fn read_away(mut stream: IncomingStream<Incoming>) {
    let mut left = UNREAD_MAX_BYTES;
    while let Some(Ok(data)) = stream.next().await {
        match left.checked_sub(data.len()) {
            Some(less) => left = less,
            None => return,
        }
    }
}
