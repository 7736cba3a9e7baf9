//! A WebSocket's life: messages in, requests of the component, messages out.

use super::Client;
use super::events::Events;
use super::message::{self, Message};
use crate::server::body::EdgeBody;
use bytes::Bytes;
use futures::stream::FuturesUnordered;
use futures::{SinkExt, StreamExt};
use http::Response;
use http_body_util::{BodyExt, Limited};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// Requests of one socket at once. The next message is read when one is answered.
const REQUESTS_MAX: usize = 8;
/// Changes that wait to be told.
const CHANGES_MAX: usize = 16;
/// Bytes of an answer.
const ANSWER_MAX_BYTES: usize = 32 << 20;
/// Between pings, by which a client that is gone is noticed.
const PING_INTERVAL: Duration = Duration::from_secs(60);
/// For a client to take a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// Without a word of the client for so long it is gone.
const SILENCE_MAX: Duration = Duration::from_secs(150);

/// Serves a socket until the client or the server ends.
pub(super) async fn run<S>(client: Client, mut socket: WebSocketStream<S>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let client = Arc::new(client);
    let drain = client.connection.drain.clone();
    let (changes, mut changed) = mpsc::channel(CHANGES_MAX);
    // Told until it is dropped.
    let mut telling: Option<Telling> = None;
    let mut answers = FuturesUnordered::new();
    let mut pings = tokio::time::interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
    let mut heard = Instant::now();
    let mut is_open = true;
    loop {
        let out = tokio::select! {
            () = drain.cancelled(), if is_open => {
                // What is under way is answered still.
                is_open = false;
                drop(telling.take());
                if answers.is_empty() {
                    close(&mut socket, CloseCode::Away).await;
                    return;
                }
                continue;
            }
            Some(answer) = answers.next() => answer,
            Some(change) = changed.recv(), if is_open => change,
            _ = pings.tick() => {
                if heard.elapsed() > SILENCE_MAX {
                    return;
                }
                Frame::Ping(Bytes::new())
            }
            frame = socket.next(), if is_open && answers.len() < REQUESTS_MAX => {
                heard = Instant::now();
                match frame {
                    Some(Ok(Frame::Text(text))) => match message::read(&text) {
                        Ok(Message::Request { id, body }) => {
                            answers.push(answer(Arc::clone(&client), id, body));
                            continue;
                        }
                        Ok(Message::PushEnable { data_types, push_state }) => {
                            let query = query(data_types);
                            let client = Arc::clone(&client);
                            drop(telling.replace(Telling::start(
                                client,
                                query,
                                push_state,
                                changes.clone(),
                            )));
                            continue;
                        }
                        Ok(Message::PushDisable) => {
                            drop(telling.take());
                            continue;
                        }
                        Err(refused) => Frame::text(message::refusal(&refused)),
                    },
                    // RFC 8887 §4.2: a binary message is no JMAP.
                    Some(Ok(Frame::Binary(_))) => {
                        close(&mut socket, CloseCode::Unsupported).await;
                        return;
                    }
                    // Pings are answered, and a close is, by the next turns of the socket.
                    Some(Ok(_)) => continue,
                    Some(Err(_)) | None => return,
                }
            }
        };
        // Who takes nothing is gone, or wants the answers to pile up here.
        match tokio::time::timeout(SEND_TIMEOUT, socket.send(out)).await {
            Ok(Ok(())) => {}
            _ => return,
        }
        if !is_open && answers.is_empty() {
            close(&mut socket, CloseCode::Away).await;
            return;
        }
    }
}

async fn close<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    code: CloseCode,
) {
    let frame = CloseFrame {
        code,
        reason: Default::default(),
    };
    // Who does not hear it is gone already.
    let _told = socket.close(Some(frame)).await;
}

/// Has a request answered.
async fn answer(client: Arc<Client>, id: Option<String>, body: Bytes) -> Frame {
    let response = client.post(body).await;
    let is_response = response.status().is_success();
    let status = response.status();
    let text = match whole(response).await {
        Some(body) => message::answer(is_response, id.as_deref(), &body),
        None => None,
    };
    let text = text.unwrap_or_else(|| {
        // One of the edge's own answers, such as to an overload.
        let detail = status.canonical_reason().unwrap_or("the answer is no JSON");
        let problem = serde_json::json!({
            "type": "about:blank", "status": status.as_u16(), "detail": detail,
        });
        message::answer(false, id.as_deref(), &problem.to_string()).unwrap_or_default()
    });
    Frame::text(text)
}

async fn whole(response: Response<EdgeBody>) -> Option<String> {
    let body = Limited::new(response.into_body(), ANSWER_MAX_BYTES);
    let bytes = body.collect().await.ok()?.to_bytes();
    String::from_utf8(bytes.into()).ok()
}

/// The query of the event stream (RFC 8620 §7.3).
fn query(data_types: Option<Vec<String>>) -> String {
    let types = data_types.map_or_else(|| "*".to_owned(), |types| types.join(","));
    let types = utf8_percent_encode(&types, NON_ALPHANUMERIC);
    format!("types={types}&closeafter=no&ping=0")
}

/// The component's event stream, told to the client until this is dropped.
struct Telling(JoinHandle<()>);

impl Drop for Telling {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Telling {
    fn start(
        client: Arc<Client>,
        query: String,
        push_state: Option<String>,
        changes: mpsc::Sender<Frame>,
    ) -> Self {
        Self(tokio::spawn(async move {
            let response = client.events(&query, push_state.as_deref()).await;
            if !response.status().is_success() {
                return;
            }
            let (mut body, mut events) = (response.into_body(), Events::default());
            while let Some(Ok(frame)) = body.frame().await {
                let Some(data) = frame.data_ref() else {
                    continue;
                };
                let Ok(events) = events.feed(data) else {
                    return;
                };
                for event in events.iter().filter(|event| event.kind == "state") {
                    let Some(change) = message::state_change(&event.data, &event.id) else {
                        continue;
                    };
                    if changes.send(Frame::text(change)).await.is_err() {
                        return;
                    }
                }
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_asked_for_as_the_event_stream_takes_them() {
        assert_eq!(query(None), "types=%2A&closeafter=no&ping=0");
        let some = query(Some(vec!["Mailbox".to_owned(), "a&b".to_owned()]));
        assert_eq!(some, "types=Mailbox%2Ca%26b&closeafter=no&ping=0");
    }
}
