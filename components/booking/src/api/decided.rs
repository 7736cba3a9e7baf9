//! Answers that are given once and repeated for ever.
//!
//! What was decided is kept with the key, in the transaction that decided it; the answer is made of that alone. It is
//! recorded before it is sent, and the first that is recorded is the one that is sent, so that whoever repeats a request
//! is answered the same to the byte, whichever instance answers, and also when it was made by an older version of this
//! code.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use http::{HeaderName, HeaderValue, StatusCode};

use super::call::Call;
use super::json::reservation::Reservation as Json;
use super::json_reply;
use super::problem::Problem;
use crate::bindings::concierge::booking::catalogue::Caller;
use crate::bindings::concierge::booking::reservations::{
    Answer, Decided, Idempotency, Reservation,
};
use crate::host::Host;
use crate::reply::{self, Reply};

/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// How a reservation is answered.
pub type Render = fn(Reservation) -> Result<Reply, Problem>;

/// Answers what was decided. Without a key nothing is recorded.
pub async fn answer<H: Host>(
    call: &Call<'_, H>,
    caller: Caller,
    hotel: String,
    idempotency: Option<Idempotency>,
    decided: Decided,
    render: Render,
) -> Result<Reply, Problem> {
    if let Some(recorded) = decided.answer {
        return Ok(replayed(recorded));
    }
    let rendered = match decided.outcome {
        Ok(reservation) => render(reservation),
        Err(error) => Err(Problem::from(error)),
    };
    let rendered = rendered.unwrap_or_else(|problem| problem.reply());
    let Some(idempotency) = idempotency else {
        return Ok(rendered);
    };
    let made = answer_of(&rendered);
    // What cannot be recorded is not sent: the next time it might be another.
    let recorded = call
        .host
        .record_answer(caller, hotel, idempotency, made.clone())
        .await?;
    if recorded == made {
        Ok(rendered)
    } else {
        Ok(replayed(recorded))
    }
}

fn answer_of(reply: &Reply) -> Answer {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let fields = reply.headers().iter();
    let content_type = reply.headers().get(CONTENT_TYPE).map(text);
    Answer {
        status: reply.status().as_u16(),
        content_type: content_type.unwrap_or_default(),
        headers: fields
            .filter(|(name, _)| *name != CONTENT_TYPE)
            .map(|(name, value)| (name.as_str().to_owned(), text(value)))
            .collect(),
        body: reply.body().clone(),
    }
}

fn replayed(answer: Answer) -> Reply {
    let mut reply = Reply::new(answer.body);
    *reply.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = (CONTENT_TYPE.as_str().to_owned(), answer.content_type);
    for (name, value) in answer.headers.into_iter().chain([content_type]) {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
            reply.headers_mut().append(name, value);
        }
    }
    reply::set(&mut reply, REPLAYED, HeaderValue::from_static("true"));
    reply
}

/// A reservation with its version as entity tag.
pub fn reservation(status: StatusCode, reservation: Reservation) -> Result<Reply, Problem> {
    let tag = format!("\"{}\"", reservation.version);
    let mut answer = json_reply(status, &Json::from(reservation))?;
    reply::set_text(&mut answer, ETAG, &tag);
    reply::set(
        &mut answer,
        CACHE_CONTROL,
        HeaderValue::from_static("no-store"),
    );
    Ok(answer)
}

/// Where a reservation is found.
pub fn location(reservation: &Reservation) -> String {
    let prefix = super::PREFIX;
    let (hotel, id) = (&reservation.hotel, &reservation.id);
    format!("{prefix}/hotels/{hotel}/reservations/{id}")
}
