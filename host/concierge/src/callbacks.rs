//! What is posted to addresses that users gave: bookings' webhooks, and the push services of mail's clients.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use concierge_booking::WebhookSender;
use concierge_callbacks::{PostError, Poster, web_push};
use concierge_mail::{PushFailure, PushRequest, PushSender, Pushed};
use http::StatusCode;

use crate::exit::Failure;

/// For the whole of a webhook's delivery, from the name to the answer's end. Who does not answer in this time works on
/// what it was told before it answers; the next delivery of the same hotel waits for it.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(9);

/// Sends what webhooks are told.
pub struct Webhooks(Poster);

impl Webhooks {
    /// To public addresses over TLS alone, unless `private` lets all others pass.
    pub fn new(private: bool) -> Result<Self, Failure> {
        Poster::new(private).map(Self).map_err(Failure::failed)
    }
}

impl WebhookSender for Webhooks {
    /// A failure is a sentence that the hotel's staff may read: nothing of what was answered is in it.
    fn post<'a>(
        &'a self,
        url: &'a str,
        headers: Vec<(&'static str, String)>,
        body: String,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(async move {
            let posted = self.0.post(url, headers, body.into());
            let status = match tokio::time::timeout(DELIVERY_TIMEOUT, posted).await {
                Ok(answered) => answered.map_err(|error| error.to_string())?,
                Err(_) => {
                    let limit_s = DELIVERY_TIMEOUT.as_secs();
                    return Err(format!("no answer in {limit_s} seconds"));
                }
            };
            match status.is_success() {
                true => Ok(()),
                false => Err(format!("the answer was {status}")),
            }
        })
    }
}

/// Tells the push services of mail's clients (RFC 8620 §7.2).
pub struct Pushes(Poster);

impl Pushes {
    /// To public addresses over TLS alone, unless `private` lets all others pass.
    pub fn new(private: bool) -> Result<Self, Failure> {
        Poster::new(private).map(Self).map_err(Failure::failed)
    }

    async fn push(&self, request: PushRequest) -> Result<(), PushFailure> {
        let mut fields = vec![
            ("content-type", "application/json".to_owned()),
            ("ttl", request.ttl_s.to_string()),
        ];
        let body = match &request.keys {
            None => Bytes::from(request.body),
            Some((p256dh, auth)) => {
                fields.push(("content-encoding", web_push::CONTENT_ENCODING.to_owned()));
                let keys = web_push::Keys::parse(p256dh, auth);
                let body = keys.and_then(|keys| web_push::encrypt(&keys, request.body.as_bytes()));
                body.map_err(|error| PushFailure::Gone(error.to_string()))?
                    .into()
            }
        };
        let posted = self.0.post(&request.url, fields, body).await;
        let status = posted.map_err(|error| match error {
            PostError::Refused(why) => PushFailure::Gone(why),
            PostError::Failed(why) => PushFailure::Later(why),
        })?;
        let why = format!("the answer was {status}");
        match status {
            status if status.is_success() => Ok(()),
            // RFC 8030 §7.3.
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(PushFailure::Gone(why)),
            _ => Err(PushFailure::Later(why)),
        }
    }
}

impl PushSender for Pushes {
    fn post(&self, request: PushRequest) -> Pushed<'_> {
        Box::pin(self.push(request))
    }
}
