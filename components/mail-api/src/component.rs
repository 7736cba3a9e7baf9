//! The component: the contracts of `wit/` as the [`Host`] of JMAP, and wasi:http around it.

use std::time::{SystemTime, UNIX_EPOCH};

use budget::Budget;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use passed_on::no_trailers;
use spin_sdk::wasip3::exports::http::handler::Guest;
use spin_sdk::wasip3::http::types::{ErrorCode, Headers, Method as WasiMethod, Request, Response};
use spin_sdk::wasip3::{wit_future, wit_stream};
use spin_sdk::wit_bindgen::rt::async_support::{StreamReader, StreamResult, spawn};

use crate::api::MEMORY_BYTES;
use crate::bindings::concierge::identity::passwords;
use crate::bindings::concierge::mail::accounts::{
    self, Account, Changes, DataType, Error, Outcomes, Quota,
};
use crate::bindings::concierge::mail::emails::{self, Copied, Detail, Edited, Email, Thread};
use crate::bindings::concierge::mail::events::{self, Push, PushPatch, Subscription};
use crate::bindings::concierge::mail::mailboxes::{self, Mailbox};
use crate::bindings::concierge::mail::messages::{
    self, Blob, Content, Digests, Found, Piece, Range, References,
};
use crate::bindings::concierge::mail::search::{
    self, Filter, Page, Query, QueryChanges, Snippet, Window,
};
use crate::bindings::concierge::mail::submissions::{
    self, Sender, SenderEdit, Submission, Vacation,
};
use crate::host::{AuthenticationError, Credentials, Host, Principal, ReadError, Refusal, State};
use crate::reply::{Body, Reply};
use crate::serve::{Around, serve, unreadable};
use crate::settings::Settings;

/// Bytes of a body that are read at once.
const READ_BYTES: usize = 64 * 1024;

struct MailApi;

#[allow(unsafe_code, reason = "the exported function is the macro's")]
mod export {
    use super::MailApi;

    // Not `spin_sdk::http_service`, which copies every header into another form that nothing here asks for.
    spin_sdk::wasip3::http::service::export!(MailApi);
}

thread_local! {
    /// An instance has one thread.
    static MEMORY: &'static Budget = Box::leak(Box::new(Budget::new(MEMORY_BYTES)));
}

fn memory() -> &'static Budget {
    MEMORY.with(|memory| *memory)
}

impl Guest for MailApi {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let Some(request) = taken_apart(request) else {
            return respond(unreadable());
        };
        let settings = settings().await;
        let around = Around {
            settings: &settings,
            memory: memory(),
        };
        respond(serve(&Contracts, around, request).await)
    }
}

async fn settings() -> Settings {
    let variable = async |name: &str| spin_sdk::variables::get(name).await.unwrap_or_default();
    Settings {
        public_url: variable("public_url").await,
        websocket_path: variable("jmap_websocket_path").await,
        submission: variable("mail_submission").await,
    }
}

/// The request in the terms of the `http` crate; its body stays with the host. `None` where something in its head is not
/// HTTP.
fn taken_apart(request: Request) -> Option<http::Request<Request>> {
    let method = method(request.get_method())?;
    let target = request.get_path_with_query().unwrap_or_default();
    let target = if target.is_empty() { "/" } else { &target };
    let uri: Uri = target.parse().ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in request.get_headers().copy_all() {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_bytes(&value).ok()?);
    }
    // HTTP/2 names the host in `:authority` alone.
    if let (false, Some(authority)) = (
        headers.contains_key(http::header::HOST),
        request.get_authority(),
    ) {
        headers.insert(http::header::HOST, HeaderValue::from_str(&authority).ok()?);
    }
    let mut taken = http::Request::new(request);
    *taken.method_mut() = method;
    *taken.uri_mut() = uri;
    *taken.headers_mut() = headers;
    Some(taken)
}

fn method(method: WasiMethod) -> Option<Method> {
    Some(match method {
        WasiMethod::Get => Method::GET,
        WasiMethod::Head => Method::HEAD,
        WasiMethod::Put => Method::PUT,
        WasiMethod::Post => Method::POST,
        WasiMethod::Delete => Method::DELETE,
        WasiMethod::Options => Method::OPTIONS,
        WasiMethod::Connect => Method::CONNECT,
        WasiMethod::Trace => Method::TRACE,
        WasiMethod::Patch => Method::PATCH,
        WasiMethod::Other(name) => Method::from_bytes(name.as_bytes()).ok()?,
    })
}

fn respond(reply: Reply<StreamReader<u8>>) -> Result<Response, ErrorCode> {
    let (head, body) = reply.into_parts();
    let fields: Vec<(String, Vec<u8>)> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect();
    let headers = Headers::from_list(&fields).map_err(|error| {
        ErrorCode::InternalError(Some(format!("the answer's headers: {error:?}")))
    })?;
    let body = match body {
        Body::Stream(stream) => Some(stream),
        Body::Bytes(bytes) if bytes.is_empty() => None,
        Body::Bytes(bytes) => {
            let (mut writer, reader) = wit_stream::new();
            // A client that reads slowly keeps it in memory: others wait before the next answer is made.
            let mut held = memory().share();
            held.grow_up_to(bytes.capacity());
            // What the client does not read is dropped with the stream.
            spawn(async move {
                drop(writer.write_all(bytes).await);
                drop(held);
            });
            Some(reader)
        }
    };
    let (none, trailers) = no_trailers();
    let (response, transmitted) = Response::new(headers, body, trailers);
    spawn(none.until(transmitted));
    response
        .set_status_code(head.status.as_u16())
        .map_err(|()| ErrorCode::InternalError(Some("the answer's status".to_owned())))?;
    Ok(response)
}

fn refusal(error: passwords::Error) -> AuthenticationError {
    match error {
        // A name or a password that cannot be is nobody's.
        passwords::Error::Unauthorized | passwords::Error::Malformed(_) => {
            AuthenticationError::Refused
        }
        passwords::Error::SlowDown(seconds) => AuthenticationError::SlowDown(seconds),
        passwords::Error::Unavailable => AuthenticationError::Unavailable,
    }
}

/// The contracts of `wit/`.
struct Contracts;

impl Host for Contracts {
    type Incoming = Request;
    type Outgoing = StreamReader<u8>;

    async fn read(&self, body: Request, bytes_max: usize) -> Result<Vec<u8>, ReadError> {
        let (_read, read) = wit_future::new(|| Ok(()));
        let (mut stream, trailers) = Request::consume_body(body, read);
        let mut bytes = Vec::new();
        let mut piece = Vec::with_capacity(READ_BYTES);
        loop {
            let (status, read) = stream.read(piece).await;
            bytes.extend_from_slice(&read);
            if bytes.len() > bytes_max {
                return Err(ReadError::TooLong);
            }
            if !matches!(status, StreamResult::Complete(_)) {
                break;
            }
            piece = read;
            piece.clear();
        }
        drop(stream);
        match trailers.await {
            Ok(_) => Ok(bytes),
            Err(_) => Err(ReadError::Incomplete),
        }
    }

    fn now_us(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| {
            u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
        })
    }

    async fn authenticate(
        &self,
        credentials: Credentials,
        client: String,
    ) -> Result<Principal, AuthenticationError> {
        let client = Some(client).filter(|client| !client.is_empty());
        let principal = match credentials {
            Credentials::Basic { name, password } => passwords::basic(name, password, client).await,
            Credentials::Bearer(secret) => passwords::bearer(secret, client).await,
        };
        let principal = principal.map_err(refusal)?;
        Ok(Principal {
            token: principal.token,
            name: principal.account_name,
        })
    }

    async fn upload(&self, token: &str, account: &str, body: Request) -> Result<Blob, Error> {
        let (_read, read) = wit_future::new(|| Ok(()));
        let (bytes, _trailers) = Request::consume_body(body, read);
        messages::upload(token.to_owned(), account.to_owned(), bytes).await
    }

    async fn listen(
        &self,
        token: &str,
        subscription: Subscription,
    ) -> Result<StreamReader<u8>, Error> {
        let (_opened, events) = events::listen(token.to_owned(), subscription).await?;
        Ok(events)
    }

    async fn accounts(&self, token: &str) -> Result<Vec<Account>, Error> {
        accounts::list(token.to_owned()).await
    }

    async fn states(&self, token: &str, account: &str) -> Result<Vec<(DataType, State)>, Error> {
        accounts::states(token.to_owned(), account.to_owned()).await
    }

    async fn quotas(&self, token: &str, account: &str) -> Result<Vec<Quota>, Error> {
        accounts::quotas(token.to_owned(), account.to_owned()).await
    }

    async fn mailboxes(&self, token: &str, account: &str) -> Result<(Vec<Mailbox>, State), Error> {
        mailboxes::list(token.to_owned(), account.to_owned()).await
    }

    async fn mailboxes_changed(
        &self,
        token: &str,
        account: &str,
        since: State,
        max: u32,
    ) -> Result<Changes, Error> {
        mailboxes::changed(token.to_owned(), account.to_owned(), since, max).await
    }

    async fn set_mailboxes(
        &self,
        token: &str,
        account: &str,
        if_in_state: Option<State>,
        edits: Vec<mailboxes::Edit>,
    ) -> Result<Outcomes, Error> {
        mailboxes::set(token.to_owned(), account.to_owned(), if_in_state, edits).await
    }

    async fn emails(
        &self,
        token: &str,
        account: &str,
        ids: Vec<String>,
        detail: Detail,
    ) -> Result<(Vec<Email>, State), Error> {
        emails::get(token.to_owned(), account.to_owned(), ids, detail).await
    }

    async fn parse_emails(
        &self,
        token: &str,
        account: &str,
        blobs: Vec<String>,
        detail: Detail,
    ) -> Result<Vec<Result<Email, Refusal>>, Error> {
        emails::parse(token.to_owned(), account.to_owned(), blobs, detail).await
    }

    async fn emails_changed(
        &self,
        token: &str,
        account: &str,
        since: State,
        max: u32,
    ) -> Result<Changes, Error> {
        emails::changed(token.to_owned(), account.to_owned(), since, max).await
    }

    async fn set_emails(
        &self,
        token: &str,
        account: &str,
        if_in_state: Option<State>,
        edits: Vec<emails::Edit>,
    ) -> Result<Edited, Error> {
        emails::set(token.to_owned(), account.to_owned(), if_in_state, edits).await
    }

    async fn copy_emails(
        &self,
        token: &str,
        from_account: &str,
        account: &str,
        if_from_in_state: Option<State>,
        if_in_state: Option<State>,
        emails: Vec<Copied>,
    ) -> Result<Edited, Error> {
        emails::copy(
            token.to_owned(),
            from_account.to_owned(),
            account.to_owned(),
            if_from_in_state,
            if_in_state,
            emails,
        )
        .await
    }

    async fn threads(
        &self,
        token: &str,
        account: &str,
        ids: Vec<String>,
    ) -> Result<(Vec<Thread>, State), Error> {
        emails::threads(token.to_owned(), account.to_owned(), ids).await
    }

    async fn threads_changed(
        &self,
        token: &str,
        account: &str,
        since: State,
        max: u32,
    ) -> Result<Changes, Error> {
        emails::threads_changed(token.to_owned(), account.to_owned(), since, max).await
    }

    async fn query_emails(
        &self,
        token: &str,
        account: &str,
        query: Query,
        window: Window,
    ) -> Result<Page, Error> {
        search::emails(token.to_owned(), account.to_owned(), query, window).await
    }

    async fn email_query_changes(
        &self,
        token: &str,
        account: &str,
        query: Query,
        since: State,
        max: Option<u32>,
        up_to: Option<String>,
        calculate_total: bool,
    ) -> Result<QueryChanges, Error> {
        search::email_changes(
            token.to_owned(),
            account.to_owned(),
            query,
            since,
            max,
            up_to,
            calculate_total,
        )
        .await
    }

    async fn snippets(
        &self,
        token: &str,
        account: &str,
        filter: Filter,
        emails: Vec<String>,
    ) -> Result<Vec<Snippet>, Error> {
        search::snippets(token.to_owned(), account.to_owned(), filter, emails).await
    }

    async fn download(
        &self,
        token: &str,
        account: &str,
        blob: &str,
        range: Range,
    ) -> Result<(Content, StreamReader<u8>), Error> {
        messages::download(token.to_owned(), account.to_owned(), blob.to_owned(), range).await
    }

    async fn assemble(
        &self,
        token: &str,
        account: &str,
        blobs: Vec<Vec<Piece>>,
    ) -> Result<Vec<Result<Blob, Refusal>>, Error> {
        messages::assemble(token.to_owned(), account.to_owned(), blobs).await
    }

    async fn blobs(
        &self,
        token: &str,
        account: &str,
        blobs: Vec<String>,
        range: Range,
        data: bool,
        digests: Digests,
    ) -> Result<Vec<Found>, Error> {
        messages::get(
            token.to_owned(),
            account.to_owned(),
            blobs,
            range,
            data,
            digests,
        )
        .await
    }

    async fn lookup_blobs(
        &self,
        token: &str,
        account: &str,
        blobs: Vec<String>,
    ) -> Result<Vec<References>, Error> {
        messages::lookup(token.to_owned(), account.to_owned(), blobs).await
    }

    async fn copy_blobs(
        &self,
        token: &str,
        from_account: &str,
        account: &str,
        blobs: Vec<String>,
    ) -> Result<Vec<Result<Blob, Refusal>>, Error> {
        messages::copy(
            token.to_owned(),
            from_account.to_owned(),
            account.to_owned(),
            blobs,
        )
        .await
    }

    async fn pushes(&self, token: &str) -> Result<Vec<Push>, Error> {
        events::pushes(token.to_owned()).await
    }

    async fn create_push(&self, token: &str, push: Push) -> Result<Push, Error> {
        events::create_push(token.to_owned(), push).await
    }

    async fn update_push(&self, token: &str, patch: PushPatch) -> Result<Push, Error> {
        events::update_push(token.to_owned(), patch).await
    }

    async fn delete_push(&self, token: &str, id: &str) -> Result<(), Error> {
        events::delete_push(token.to_owned(), id.to_owned()).await
    }

    async fn senders(&self, token: &str, account: &str) -> Result<(Vec<Sender>, State), Error> {
        submissions::senders(token.to_owned(), account.to_owned()).await
    }

    async fn senders_changed(
        &self,
        token: &str,
        account: &str,
        since: State,
        max: u32,
    ) -> Result<Changes, Error> {
        submissions::senders_changed(token.to_owned(), account.to_owned(), since, max).await
    }

    async fn set_senders(
        &self,
        token: &str,
        account: &str,
        if_in_state: Option<State>,
        edits: Vec<SenderEdit>,
    ) -> Result<Outcomes, Error> {
        submissions::set_senders(token.to_owned(), account.to_owned(), if_in_state, edits).await
    }

    async fn submissions(
        &self,
        token: &str,
        account: &str,
        ids: Vec<String>,
    ) -> Result<(Vec<Submission>, State), Error> {
        submissions::get(token.to_owned(), account.to_owned(), ids).await
    }

    async fn submissions_changed(
        &self,
        token: &str,
        account: &str,
        since: State,
        max: u32,
    ) -> Result<Changes, Error> {
        submissions::changed(token.to_owned(), account.to_owned(), since, max).await
    }

    async fn query_submissions(
        &self,
        token: &str,
        account: &str,
        filter: submissions::Filter,
    ) -> Result<(Vec<String>, State), Error> {
        submissions::query(token.to_owned(), account.to_owned(), filter).await
    }

    async fn set_submissions(
        &self,
        token: &str,
        account: &str,
        if_in_state: Option<State>,
        edits: Vec<submissions::Edit>,
    ) -> Result<Outcomes, Error> {
        submissions::set(token.to_owned(), account.to_owned(), if_in_state, edits).await
    }

    async fn vacation(&self, token: &str, account: &str) -> Result<(Vacation, State), Error> {
        submissions::get_vacation(token.to_owned(), account.to_owned()).await
    }

    async fn set_vacation(
        &self,
        token: &str,
        account: &str,
        if_in_state: Option<State>,
        vacation: Vacation,
    ) -> Result<(State, State), Error> {
        submissions::set_vacation(token.to_owned(), account.to_owned(), if_in_state, vacation).await
    }
}
