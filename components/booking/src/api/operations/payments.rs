//! Payments.

use http::StatusCode;
use http::header::LOCATION;
use serde::{Deserialize, Serialize};

use crate::api::body::BODY_BYTES_MAX;
use crate::api::call::{Call, Outcome};
use crate::api::checks::{Checks, NAME_CHARS_MAX};
use crate::api::decided;
use crate::api::json::reservation::Reservation as Json;
use crate::api::problem::{Code, Problem};
use crate::bindings::concierge::booking::reservations::{PaymentState, Reservation};
use crate::host::Host;
use crate::reply::{self, Reply};

/// The field with the payment provider's signature over what it tells.
const SIGNATURE: &str = "payment-signature";
/// Characters of a signature.
const SIGNATURE_CHARS_MAX: usize = 1_024;

/// How to pay.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payment {
    method: String,
}

/// Pays for a reservation.
pub async fn pay<H: Host>(mut call: Call<'_, H>) -> Outcome {
    call.no_query()?;
    let (hotel, id) = (call.hotel()?, call.id("reservation")?);
    let body: Payment = call.json().await?;
    let idempotency = call.idempotency(&body)?;
    let mut checks = Checks::default();
    checks.needed("method", &body.method, NAME_CHARS_MAX);
    checks.finish()?;
    let caller = call.account().await?;
    let decided = call
        .host
        .pay(
            caller.clone(),
            hotel.clone(),
            id,
            body.method,
            idempotency.clone(),
            call.client(),
        )
        .await?;
    decided::answer(&call, caller, hotel, Some(idempotency), decided, paid).await
}

fn paid(reservation: Reservation) -> Result<Reply, Problem> {
    match reservation.payment.state {
        PaymentState::Authorised | PaymentState::Captured => {
            decided::reservation(StatusCode::OK, reservation)
        }
        PaymentState::Pending => {
            let location = decided::location(&reservation);
            let mut answer = decided::reservation(StatusCode::ACCEPTED, reservation)?;
            // Where the outcome is to be seen once there is one.
            reply::set_text(&mut answer, LOCATION, &location);
            Ok(answer)
        }
        PaymentState::Declined => Err(declined(reservation)),
        PaymentState::Refunded | PaymentState::Voided => {
            let detail = "Nothing was charged, or it is given back.";
            Err(with_reservation(
                Problem::new(Code::PaymentUndone, detail),
                reservation,
            ))
        }
        // The contract has no such outcome of a payment.
        PaymentState::None => Err(Problem::new(Code::Internal, "There was no payment.")),
    }
}

fn declined(reservation: Reservation) -> Problem {
    let why = reservation.payment.declined_for.clone();
    let detail = "The rooms are held until the hold expires: try another method.";
    let problem = Problem::new(Code::PaymentDeclined, detail).with("declined_for", why);
    with_reservation(problem, reservation)
}

fn with_reservation(problem: Problem, reservation: Reservation) -> Problem {
    match serde_json::to_value(Json::from(reservation)) {
        Ok(value) => problem.with("reservation", value),
        Err(_) => problem,
    }
}

/// What the payment provider tells. Its form is the provider's, and the host's to read.
pub async fn notify<H: Host>(mut call: Call<'_, H>) -> Outcome {
    call.no_query()?;
    let field = call.head.headers.get(SIGNATURE);
    let signature = field.and_then(|value| value.to_str().ok()).unwrap_or("");
    if signature.is_empty() || signature.len() > SIGNATURE_CHARS_MAX {
        let detail = "The provider signs what it tells.";
        return Err(Problem::field(Code::Malformed, "Payment-Signature", detail));
    }
    let signature = signature.to_owned();
    let bytes = call.bytes(BODY_BYTES_MAX).await?;
    call.host.notify_payment(bytes, signature).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
