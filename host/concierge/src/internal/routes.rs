//! What the internal listener answers.

use std::sync::Arc;
use std::time::Duration;

use concierge_wit_http::server::{AnswerBody, Server};
use http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::{Bytes, Incoming};
use metrics_exporter_prometheus::PrometheusHandle;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::calls::{Caller, Calls};
use crate::admin::{self, Admin, AdminError};
use crate::bridge_tokens::BridgeTokens;
use crate::health::Health;

/// For a request's body to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What is answered from.
pub struct Internal {
    /// SHA-256 of the token: digests have one length, so that comparing them
    /// tells nothing of it.
    pub token_sha256: [u8; 32],
    /// The other tokens, which are for `/wit/` alone.
    pub bridge_tokens: Arc<BridgeTokens>,
    /// Answers `/wit/`.
    pub calls: Calls,
    /// Answers `/admin/`.
    pub admin: Arc<Admin>,
    /// Answers `/healthz`.
    pub health: Arc<Health>,
    /// Renders `/metrics`.
    pub metrics: PrometheusHandle,
}

type Answer = Response<Full<Bytes>>;

/// An answer with any body.
type AnyAnswer = Response<Either<Full<Bytes>, AnswerBody>>;

impl Internal {
    /// Answers one request.
    pub async fn answer(&self, request: Request<Incoming>) -> AnyAnswer {
        let path = request.uri().path();
        if path == "/healthz" {
            let answer = only_get(&request, || async { self.health() }).await;
            return answer.map(Either::Left);
        }
        let Some(caller) = self.caller(&request) else {
            let mut answer = text(StatusCode::UNAUTHORIZED, "a bearer token is needed\n");
            answer
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return answer.map(Either::Left);
        };
        if Server::serves(path) {
            let answer = self.calls.answer(caller, request).await;
            return answer.map(Either::Right);
        }
        let answer = match caller {
            Caller::Owner => self.own(request).await,
            Caller::Bridge(_) => text(
                StatusCode::FORBIDDEN,
                "this token is for calls of contracts alone\n",
            ),
        };
        answer.map(Either::Left)
    }

    /// What only the owner of the data directory may ask for.
    async fn own(&self, request: Request<Incoming>) -> Answer {
        match request.uri().path() {
            "/metrics" => only_get(&request, || async { self.metrics() }).await,
            path if path.starts_with(admin::http::PREFIX) => self.administrate(request).await,
            _ => text(StatusCode::NOT_FOUND, "there is nothing here\n"),
        }
    }

    /// Whose token the request carries. Takes as long whether it is wrong in its
    /// first byte or its last.
    fn caller<B>(&self, request: &Request<B>) -> Option<Caller> {
        let given = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            // RFC 9110 §11.1: the scheme's case does not matter.
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map_or("", |(_, token)| token.trim());
        let digest: [u8; 32] = Sha256::digest(given).into();
        match digest.ct_eq(&self.token_sha256).into() {
            true => Some(Caller::Owner),
            false => self.bridge_tokens.find(&digest).map(Caller::Bridge),
        }
    }

    fn health(&self) -> Answer {
        match self.health.failures().as_slice() {
            [] => text(StatusCode::OK, "ok\n"),
            problems => text(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("{}\n", problems.join("\n")),
            ),
        }
    }

    fn metrics(&self) -> Answer {
        let mut answer = text(StatusCode::OK, self.metrics.render());
        let form = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        answer.headers_mut().insert(CONTENT_TYPE, form);
        answer
    }

    async fn administrate(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let most = admin::http::body_max_bytes(head.uri.path());
        let body = Limited::new(body, most).collect();
        let body = match tokio::time::timeout(BODY_TIMEOUT, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                return text(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format!("the body is larger than {} MiB\n", most >> 20),
                );
            }
            Ok(Err(_)) => return text(StatusCode::BAD_REQUEST, "the body ended early\n"),
            Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the body took too long\n"),
        };
        let query = head.uri.query().unwrap_or_default();
        let answer = match admin::http::call(&head.method, head.uri.path(), query, &body) {
            Ok(call) => self.admin.run(call).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(value) => json(StatusCode::OK, &value),
            Err(error) => failure(&error),
        }
    }
}

fn failure(error: &AdminError) -> Answer {
    let status = admin::http::status(error.code);
    if status.is_server_error() {
        tracing::error!("administration failed: {}", error.message);
    }
    json(status, &serde_json::json!({ "error": error }))
}

async fn only_get<B, F: Future<Output = Answer>>(
    request: &Request<B>,
    answer: impl FnOnce() -> F,
) -> Answer {
    // hyper leaves the body of an answer to HEAD out by itself.
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return answer().await;
    }
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "GET only\n");
    answer
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    answer
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    typed(status, "text/plain; charset=utf-8", body.into())
}

fn json(status: StatusCode, value: &serde_json::Value) -> Answer {
    typed(status, "application/json", format!("{value}\n").into())
}

fn typed(status: StatusCode, form: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(form));
    answer
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
