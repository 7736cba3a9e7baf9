//! The component: the contracts of `wit/` as the [`Host`] of API and pages, and wasi:http around it.

use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use spin_sdk::wasip3::exports::http::handler::Guest;
use spin_sdk::wasip3::http::types::{ErrorCode, Headers, Method as WasiMethod, Request, Response};
use spin_sdk::wasip3::{wit_future, wit_stream};
use spin_sdk::wit_bindgen::rt::async_support::{StreamResult, spawn};

use crate::bindings::concierge::booking::administration::{self, Allotment, Rate, Webhook};
use crate::bindings::concierge::booking::availability::{
    self, Offers, PricedStay, Query, RoomTypeCalendar, Stay,
};
use crate::bindings::concierge::booking::catalogue::{
    self, Caller, Date, Error, Hotel, HotelDetails, HotelPage, RatePlan, RoomType,
};
use crate::bindings::concierge::booking::changes::{self, Page};
use crate::bindings::concierge::booking::payments;
use crate::bindings::concierge::booking::reports::{self, AuditEntry, Day};
use crate::bindings::concierge::booking::reservations::{
    self, Action, Answer, Decided, Filter, Idempotency, Reservation, ReservationPage, Waiting,
};
use crate::bindings::concierge::identity::passwords::{self, Principal};
use crate::host::{Account, AuthenticationError, Credentials, Host, ReadError, Role};
use crate::reply::Reply;
use crate::serve::serve;

/// Bytes of a body that are read at once.
const READ_BYTES: usize = 8 * 1024;

struct Booking;

#[allow(unsafe_code, reason = "the exported function is the macro's")]
mod export {
    use super::Booking;

    // Not `spin_sdk::http_service`, which copies every header into another form that nothing here asks for.
    spin_sdk::wasip3::http::service::export!(Booking);
}

impl Guest for Booking {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        match taken_apart(request) {
            Some(request) => respond(serve(&Contracts, request).await),
            None => respond(crate::serve::unreadable()),
        }
    }
}

/// The request in the terms of the `http` crate; its body stays with the host. `None` where it has none of its own,
/// since something in its head is not HTTP.
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

fn respond(reply: Reply) -> Result<Response, ErrorCode> {
    let (head, bytes) = reply.into_parts();
    let fields: Vec<(String, Vec<u8>)> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect();
    let headers = Headers::from_list(&fields).map_err(|error| {
        ErrorCode::InternalError(Some(format!("the answer's headers: {error:?}")))
    })?;
    let body = if bytes.is_empty() {
        None
    } else {
        let (mut writer, reader) = wit_stream::new();
        // What the client does not read is dropped with the stream.
        spawn(async move { drop(writer.write_all(bytes).await) });
        Some(reader)
    };
    let (_sent, trailers) = wit_future::new(|| Ok(None));
    let (response, _result) = Response::new(headers, body, trailers);
    response
        .set_status_code(head.status.as_u16())
        .map_err(|()| ErrorCode::InternalError(Some("the answer's status".to_owned())))?;
    Ok(response)
}

fn account(principal: Principal) -> Account {
    Account {
        token: principal.token,
        id: principal.account_id,
        name: principal.account_name,
        role: match principal.role {
            passwords::Role::Administrator => Role::Administrator,
            passwords::Role::Staff => Role::Staff,
            passwords::Role::User => Role::Other,
        },
    }
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

    async fn read(&self, body: Request, max_bytes: usize) -> Result<Vec<u8>, ReadError> {
        let (_read, read) = wit_future::new(|| Ok(()));
        let (mut stream, trailers) = Request::consume_body(body, read);
        let mut bytes = Vec::new();
        let mut piece = Vec::with_capacity(READ_BYTES);
        loop {
            let (status, read) = stream.read(piece).await;
            bytes.extend_from_slice(&read);
            if bytes.len() > max_bytes {
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

    fn random(&self) -> [u8; 16] {
        uuid::Uuid::new_v4().into_bytes()
    }

    async fn authenticate(
        &self,
        credentials: Credentials,
        client: String,
    ) -> Result<Account, AuthenticationError> {
        let client = Some(client).filter(|client| !client.is_empty());
        let principal = match credentials {
            Credentials::Basic { name, password } => passwords::basic(name, password, client).await,
            Credentials::Bearer(secret) => passwords::bearer(secret, client).await,
        };
        principal.map(account).map_err(refusal)
    }

    async fn get_hotel(&self, hotel: String) -> Result<HotelDetails, Error> {
        catalogue::get(hotel).await
    }

    async fn get_hotel_for_staff(
        &self,
        caller: Caller,
        hotel: String,
    ) -> Result<HotelDetails, Error> {
        catalogue::get_for_staff(caller, hotel).await
    }

    async fn list_hotels(
        &self,
        caller: Caller,
        after: String,
        max: u32,
    ) -> Result<HotelPage, Error> {
        catalogue::list(caller, after, max).await
    }

    async fn search(&self, query: Query) -> Result<Offers, Error> {
        availability::search(query).await
    }

    async fn calendar(
        &self,
        hotel: String,
        room_type: Option<String>,
        first: Date,
        nights: u32,
    ) -> Result<Vec<RoomTypeCalendar>, Error> {
        availability::calendar(hotel, room_type, first, nights).await
    }

    async fn quote(&self, hotel: String, stay: Stay) -> Result<PricedStay, Error> {
        availability::quote(hotel, stay).await
    }

    async fn create_reservation(
        &self,
        caller: Caller,
        hotel: String,
        request: reservations::Request,
        idempotency: Idempotency,
        client: String,
    ) -> Result<Decided, Error> {
        reservations::create(caller, hotel, request, idempotency, client).await
    }

    async fn record_answer(
        &self,
        caller: Caller,
        hotel: String,
        idempotency: Idempotency,
        answer: Answer,
    ) -> Result<Answer, Error> {
        reservations::record_answer(caller, hotel, idempotency, answer).await
    }

    async fn get_reservation(
        &self,
        caller: Caller,
        hotel: String,
        reservation: String,
    ) -> Result<Reservation, Error> {
        reservations::get(caller, hotel, reservation).await
    }

    async fn act(
        &self,
        caller: Caller,
        hotel: String,
        reservation: String,
        action: Action,
        version: Option<u64>,
        idempotency: Option<Idempotency>,
        client: String,
    ) -> Result<Decided, Error> {
        reservations::act(
            caller,
            hotel,
            reservation,
            action,
            version,
            idempotency,
            client,
        )
        .await
    }

    async fn list_reservations(
        &self,
        caller: Caller,
        hotel: String,
        filter: Filter,
        after: Option<String>,
        max: u32,
    ) -> Result<ReservationPage, Error> {
        reservations::list(caller, hotel, filter, after, max).await
    }

    async fn wait(
        &self,
        hotel: String,
        request: reservations::Request,
        idempotency: Idempotency,
        client: String,
    ) -> Result<Waiting, Error> {
        reservations::wait(hotel, request, idempotency, client).await
    }

    async fn waiting_list(
        &self,
        caller: Caller,
        hotel: String,
        after: Option<String>,
        max: u32,
    ) -> Result<Vec<Waiting>, Error> {
        reservations::waiting_list(caller, hotel, after, max).await
    }

    async fn pay(
        &self,
        caller: Caller,
        hotel: String,
        reservation: String,
        method: String,
        idempotency: Idempotency,
        client: String,
    ) -> Result<Decided, Error> {
        payments::pay(caller, hotel, reservation, method, idempotency, client).await
    }

    async fn notify_payment(&self, body: Vec<u8>, signature: String) -> Result<(), Error> {
        payments::notify(body, signature).await
    }

    async fn put_hotel(&self, caller: Caller, hotel: Hotel) -> Result<(), Error> {
        administration::put_hotel(caller, hotel).await
    }

    async fn put_room_type(
        &self,
        caller: Caller,
        hotel: String,
        room_type: RoomType,
    ) -> Result<(), Error> {
        administration::put_room_type(caller, hotel, room_type).await
    }

    async fn put_rate_plan(
        &self,
        caller: Caller,
        hotel: String,
        rate_plan: RatePlan,
    ) -> Result<(), Error> {
        administration::put_rate_plan(caller, hotel, rate_plan).await
    }

    async fn set_rates(
        &self,
        caller: Caller,
        hotel: String,
        rates: Vec<Rate>,
    ) -> Result<(), Error> {
        administration::set_rates(caller, hotel, rates).await
    }

    async fn set_allotments(
        &self,
        caller: Caller,
        hotel: String,
        allotments: Vec<Allotment>,
    ) -> Result<(), Error> {
        administration::set_allotments(caller, hotel, allotments).await
    }

    async fn set_staff(
        &self,
        caller: Caller,
        hotel: String,
        accounts: Vec<String>,
    ) -> Result<(), Error> {
        administration::set_staff(caller, hotel, accounts).await
    }

    async fn get_staff(&self, caller: Caller, hotel: String) -> Result<Vec<String>, Error> {
        administration::get_staff(caller, hotel).await
    }

    async fn create_webhook(
        &self,
        caller: Caller,
        hotel: String,
        url: String,
    ) -> Result<Webhook, Error> {
        administration::create_webhook(caller, hotel, url).await
    }

    async fn list_webhooks(&self, caller: Caller, hotel: String) -> Result<Vec<Webhook>, Error> {
        administration::list_webhooks(caller, hotel).await
    }

    async fn delete_webhook(&self, caller: Caller, hotel: String, id: String) -> Result<(), Error> {
        administration::delete_webhook(caller, hotel, id).await
    }

    async fn occupancy(
        &self,
        caller: Caller,
        hotel: String,
        first: Date,
        days: u32,
    ) -> Result<Vec<Day>, Error> {
        reports::occupancy(caller, hotel, first, days).await
    }

    async fn audit(
        &self,
        caller: Caller,
        hotel: String,
        subject: Option<String>,
        before: u64,
        max: u32,
    ) -> Result<Vec<AuditEntry>, Error> {
        reports::audit(caller, hotel, subject, before, max).await
    }

    async fn read_changes(&self, caller: Caller, after: String, max: u32) -> Result<Page, Error> {
        changes::read(caller, after, max).await
    }
}
