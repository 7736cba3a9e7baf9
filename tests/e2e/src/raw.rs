//! HTTP/1.1 by hand: whatever bytes a test wants, on a plain socket.

use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest that an exchange may take; only a hang reaches it.
pub const EXCHANGE_LIMIT: Duration = Duration::from_secs(60);

/// A request as it goes on the wire.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path, percent-encoded as it is to be sent.
    pub path: String,
    /// The query, encoded, without `?`.
    pub query: String,
    /// Headers in their order. Values need not be text.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, as it goes on the wire.
    pub body: Vec<u8>,
    /// The payload line of the signature; `None` hashes the body.
    pub payload: Option<String>,
}

impl Request {
    /// A request without headers and body. `target` may hold a query.
    pub fn new(method: &str, target: impl Into<String>) -> Self {
        let target = target.into();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        Self {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            headers: Vec::new(),
            body: Vec::new(),
            payload: None,
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    /// Adds a header unless there is one of this name.
    #[must_use]
    pub fn with_default_header(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        if self.find(name).is_some() {
            self
        } else {
            self.header(name, value)
        }
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the payload line that is signed (`UNSIGNED-PAYLOAD`, `STREAMING-…`,
    /// or a digest, right or wrong).
    #[must_use]
    pub fn payload(mut self, line: &str) -> Self {
        self.payload = Some(line.into());
        self
    }

    /// The first header of this name.
    pub fn find(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    /// The request line and headers. `content-length` is the body's unless one
    /// was set, or `transfer-encoding` was.
    pub fn head(&self) -> Vec<u8> {
        let target = if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        };
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, target).into_bytes();
        let mut line = |name: &str, value: &[u8]| {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        };
        for (name, value) in &self.headers {
            line(name, value);
        }
        if self.find("content-length").is_none() && self.find("transfer-encoding").is_none() {
            line("content-length", self.body.len().to_string().as_bytes());
        }
        head.extend_from_slice(b"\r\n");
        head
    }

    /// All of it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// An answer.
#[derive(Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, without framing.
    pub body: Vec<u8>,
    /// Whether the body came whole, by its own framing.
    pub complete: bool,
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = self
            .body
            .get(..self.body.len().min(2000))
            .unwrap_or_default();
        write!(
            f,
            "{} {:?} {}",
            self.status,
            self.headers,
            String::from_utf8_lossy(shown)
        )
    }
}

impl Response {
    /// The first header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The text of the first element of this name in an XML body.
    pub fn element(&self, name: &str) -> Option<String> {
        let text = self.text();
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        let (inside, _) = rest.split_once(&format!("</{name}>"))?;
        Some(inside.to_owned())
    }

    /// The S3 error code of an error document; empty when there is none.
    pub fn code(&self) -> String {
        self.element("Code").unwrap_or_default()
    }
}

/// Sends a request on a connection of its own and reads the answer.
pub async fn send(address: &str, request: &Request) -> anyhow::Result<Response> {
    send_bytes(address, &request.bytes(), request.method == "HEAD").await
}

/// Sends bytes, whatever they are, and reads one answer. The server may answer
/// and close before it has read everything.
pub async fn send_bytes(address: &str, bytes: &[u8], head: bool) -> anyhow::Result<Response> {
    let exchange = async {
        let (mut input, mut output) = TcpStream::connect(address).await?.into_split();
        let bytes = bytes.to_vec();
        let sender = tokio::spawn(async move {
            // A refusal on the way is the answer's business.
            let _ = output.write_all(&bytes).await;
            output
        });
        let answer = read_response(&mut input, head).await;
        sender.abort();
        answer
    };
    tokio::time::timeout(EXCHANGE_LIMIT, exchange)
        .await
        .context("no answer in time")?
}

/// Sends a part of a request and hangs up: a client that died. With
/// `half_close` it only ends its side, and the answer (if any) is given.
pub async fn send_and_hang_up(
    address: &str,
    bytes: &[u8],
    half_close: bool,
) -> anyhow::Result<Option<Response>> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(bytes).await?;
        if !half_close {
            return Ok(None);
        }
        stream.shutdown().await?;
        Ok(read_response(&mut stream, false).await.ok())
    };
    tokio::time::timeout(EXCHANGE_LIMIT, exchange)
        .await
        .context("no answer in time")?
}

/// Reads one answer from a connection, past any `100 Continue`.
pub async fn read_response<R: AsyncReadExt + Unpin>(
    input: &mut R,
    head: bool,
) -> anyhow::Result<Response> {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = find(&buffer, b"\r\n\r\n") {
                break at;
            }
            if !fill(input, &mut buffer).await? {
                bail!(
                    "the connection closed within the headers: {:?}",
                    String::from_utf8_lossy(&buffer)
                );
            }
        };
        let (status, headers) = parse_head(buffer.get(..end).unwrap_or_default())?;
        buffer.drain(..end + 4);
        if status == 100 {
            continue;
        }
        let mut answer = Response {
            status,
            headers,
            body: Vec::new(),
            complete: true,
        };
        if !head && status != 204 && status != 304 {
            read_body(input, buffer, &mut answer).await?;
        }
        return Ok(answer);
    }
}

async fn read_body<R: AsyncReadExt + Unpin>(
    input: &mut R,
    mut buffer: Vec<u8>,
    answer: &mut Response,
) -> anyhow::Result<()> {
    if let Some(length) = answer.header("content-length") {
        let length: usize = length.parse().context("content-length")?;
        while buffer.len() < length && fill(input, &mut buffer).await.unwrap_or(false) {}
        answer.complete = buffer.len() >= length;
        buffer.truncate(length);
        answer.body = buffer;
    } else if answer.header("transfer-encoding").is_some() {
        answer.complete = false;
        loop {
            if let Some(body) = dechunk(&buffer)? {
                answer.body = body;
                answer.complete = true;
                break;
            }
            if !fill(input, &mut buffer).await.unwrap_or(false) {
                break;
            }
        }
    } else {
        while fill(input, &mut buffer).await.unwrap_or(false) {}
        answer.body = buffer;
    }
    Ok(())
}

async fn fill<R: AsyncReadExt + Unpin>(
    input: &mut R,
    buffer: &mut Vec<u8>,
) -> anyhow::Result<bool> {
    let mut piece = vec![0; 64 * 1024];
    let count = input.read(&mut piece).await?;
    buffer.extend(piece.into_iter().take(count));
    Ok(count > 0)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn parse_head(head: &[u8]) -> anyhow::Result<(u16, Vec<(String, String)>)> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .context("no status line")?
        .parse()?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Ok((status, headers))
}

/// The body of a chunked message (RFC 9112 §7.1), if it is whole.
fn dechunk(mut bytes: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    loop {
        let Some(at) = find(bytes, b"\r\n") else {
            return Ok(None);
        };
        let (line, rest) = bytes.split_at(at);
        let text = String::from_utf8_lossy(line);
        let size = usize::from_str_radix(text.split(';').next().unwrap_or_default().trim(), 16)?;
        let Some(chunk) = rest.get(2..2 + size) else {
            return Ok(None);
        };
        body.extend_from_slice(chunk);
        let Some(after) = rest.get(2 + size + 2..) else {
            return Ok(None);
        };
        if size == 0 {
            return Ok(Some(body));
        }
        bytes = after;
    }
}
