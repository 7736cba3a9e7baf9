//! A client of the booking API.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

/// How long an answer may take. Only a hang reaches it.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// The longest pause before a request that was put off is sent again.
const PAUSE_LIMIT: Duration = Duration::from_millis(100);

/// The currency of the hotels that tests make.
const CURRENCY: &str = "EUR";

/// The rate plan of the hotels that tests make.
const RATE_PLAN: &str = "flexible";

/// An account that signs in with a password.
#[derive(Debug, Clone)]
pub struct Account {
    name: &'static str,
    password: &'static str,
}

impl Account {
    /// The administrator of a server that is started with [`Self::environment`].
    pub fn administrator() -> Self {
        Self {
            name: "root",
            password: "end to end tests only",
        }
    }

    /// The variables that give a server this administrator.
    pub fn environment(&self) -> [(String, String); 2] {
        [
            ("CONCIERGE_ROOT_USER".into(), self.name.into()),
            ("CONCIERGE_ROOT_PASSWORD".into(), self.password.into()),
        ]
    }
}

/// A client of one host.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    address: String,
}

/// Who sends a request.
#[derive(Debug, Clone, Copy)]
pub enum From<'a> {
    /// Someone who shows nothing.
    Anyone,
    /// A guest with a token.
    Guest(&'a str),
    /// An account.
    Account(&'a Account),
}

/// A request of the booking API.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The method.
    pub method: &'static str,
    /// The path below `/booking/v1`.
    pub path: String,
    /// Who sends it.
    pub from: From<'a>,
    /// The idempotency key.
    pub key: Option<&'a str>,
    /// The body.
    pub body: Option<Value>,
}

impl Request<'_> {
    /// A GET of anyone.
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: "GET",
            path: path.into(),
            from: From::Anyone,
            key: None,
            body: None,
        }
    }
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header fields.
    pub headers: reqwest::header::HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Client {
    /// A client of the host whose web listener is at an address.
    pub fn new(address: &str) -> anyhow::Result<Self> {
        // The second time it is there already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            http: reqwest::Client::builder().timeout(ANSWER_LIMIT).build()?,
            address: address.to_owned(),
        })
    }

    /// The address of the host.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sends a request; fails where no whole answer comes.
    pub async fn send(&self, request: Request<'_>) -> anyhow::Result<Answer> {
        let url = format!("http://{}/booking/v1{}", self.address, request.path);
        let mut sent = self.http.request(request.method.parse()?, url);
        sent = match request.from {
            From::Anyone => sent,
            From::Guest(token) => sent.bearer_auth(token),
            From::Account(account) => sent.basic_auth(account.name, Some(account.password)),
        };
        if let Some(key) = request.key {
            sent = sent.header("idempotency-key", key);
        }
        if let Some(body) = request.body {
            let body = serde_json::to_vec(&body)?;
            sent = sent.header("content-type", "application/json").body(body);
        }
        let answer = sent.send().await?;
        Ok(Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.bytes().await?.to_vec(),
        })
    }

    /// As [`Self::send`], which must be answered with success and JSON.
    pub async fn json(&self, request: Request<'_>) -> anyhow::Result<Value> {
        let shown = format!("{} {}", request.method, request.path);
        let answer = self.send(request).await?;
        ensure!((200..300).contains(&answer.status), "{shown}: {answer:?}");
        match answer.body.is_empty() {
            true => Ok(Value::Null),
            false => answer.json(),
        }
    }
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("no JSON: {self:?}"))
    }

    /// The code of a problem; empty if it is none.
    pub fn code(&self) -> String {
        let code = self
            .json()
            .ok()
            .and_then(|body| Some(body["code"].as_str()?.to_owned()));
        code.filter(|_| self.status >= 400).unwrap_or_default()
    }

    /// A text of the body.
    pub fn text(&self, name: &str) -> anyhow::Result<String> {
        let body = self.json()?;
        let text = body[name]
            .as_str()
            .with_context(|| format!("no {name}: {body}"))?;
        Ok(text.to_owned())
    }

    /// Whether the same request may be answered otherwise a moment later.
    pub fn passes(&self) -> bool {
        matches!(self.status, 429 | 503) || self.code() == "idempotency_key_in_use"
    }

    /// Lets the moment pass that a request was put off by.
    pub async fn wait(&self) {
        tokio::time::sleep(PAUSE_LIMIT.mul_f64(rand::random())).await;
    }
}

/// A reservation in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Its state.
    pub state: String,
    /// Its rooms' types and nights.
    pub nights: Vec<(String, String)>,
}

/// A hotel that a test made.
#[derive(Debug, Clone)]
pub struct Hotel {
    code: String,
    account: Account,
}

impl Hotel {
    /// Makes a hotel with room types of so many rooms each, for two adults; `more` replaces fields of the hotel.
    pub async fn create(
        client: &Client,
        account: Account,
        code: &str,
        rooms: &[(&str, u8)],
        more: Value,
    ) -> anyhow::Result<Self> {
        let hotel = Self {
            code: code.to_owned(),
            account,
        };
        let mut body = json!({
            "name": "Test house",
            "address": {"street": "Quay 1", "city": "Porto", "country": "PT"},
            "email": "desk@example.org",
            "time_zone": "Europe/Lisbon",
            "currency": CURRENCY,
            "hold_s": 3600,
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        hotel.set(client, "", body).await?;
        let mut prices = Vec::new();
        for (kind, rooms) in rooms {
            let body = json!({"name": kind, "rooms": rooms, "max_adults": 2, "max_children": 1, "max_guests": 3});
            hotel
                .set(client, &format!("/room-types/{kind}"), body)
                .await?;
            prices.push(
                json!({"room_type": kind, "price": {"amount": 10_000, "currency": CURRENCY}}),
            );
        }
        let body = json!({
            "name": "Flexible", "meals": "breakfast", "free_until_h": 24, "penalty": "first_night",
            "max_nights": 30, "prices": prices,
        });
        hotel
            .set(client, &format!("/rate-plans/{RATE_PLAN}"), body)
            .await?;
        Ok(hotel)
    }

    async fn set(&self, client: &Client, below: &str, body: Value) -> anyhow::Result<()> {
        let request = Request {
            method: "PUT",
            body: Some(body),
            ..self.staff(below)
        };
        client.json(request).await.map(drop)
    }

    fn path(&self, below: &str) -> String {
        format!("/hotels/{}{below}", self.code)
    }

    /// A GET below the hotel by its staff.
    pub fn staff(&self, below: &str) -> Request<'_> {
        Request {
            from: From::Account(&self.account),
            ..Request::get(self.path(below))
        }
    }

    /// A request for a room from one day to another, days from today.
    pub fn stay(&self, kind: &str, arrival: i32, departure: i32) -> Value {
        json!({
            "arrival": date_after(arrival),
            "departure": date_after(departure),
            "rooms": [{"room_type": kind, "rate_plan": RATE_PLAN, "adults": 2}],
            "guest": {"name": "Ana Silva", "email": "ana@example.org", "language": "en"},
        })
    }

    /// Asks for a reservation.
    pub async fn reserve(
        &self,
        client: &Client,
        stay: &Value,
        key: &str,
    ) -> anyhow::Result<Answer> {
        let request = Request {
            method: "POST",
            key: Some(key),
            body: Some(stay.clone()),
            ..Request::get(self.path("/reservations"))
        };
        client.send(request).await
    }

    /// Pays, as the guest.
    pub async fn pay(
        &self,
        client: &Client,
        reservation: &str,
        token: &str,
        method: &str,
        key: &str,
    ) -> anyhow::Result<Answer> {
        let request = Request {
            method: "POST",
            from: From::Guest(token),
            key: Some(key),
            body: Some(json!({ "method": method })),
            ..Request::get(self.path(&format!("/reservations/{reservation}/payments")))
        };
        client.send(request).await
    }

    /// Cancels, as the guest.
    pub async fn cancel(
        &self,
        client: &Client,
        reservation: &str,
        token: &str,
        key: &str,
    ) -> anyhow::Result<Answer> {
        let request = Request {
            method: "POST",
            from: From::Guest(token),
            key: Some(key),
            ..Request::get(self.path(&format!("/reservations/{reservation}/cancel")))
        };
        client.send(request).await
    }

    /// A reservation, as the guest.
    pub async fn reservation(
        &self,
        client: &Client,
        reservation: &str,
        token: &str,
    ) -> anyhow::Result<Answer> {
        let request = Request {
            from: From::Guest(token),
            ..Request::get(self.path(&format!("/reservations/{reservation}")))
        };
        client.send(request).await
    }

    /// All reservations of the hotel.
    pub async fn all_reservations(&self, client: &Client) -> anyhow::Result<Vec<Listed>> {
        let mut all = Vec::new();
        let mut after = String::new();
        loop {
            let path = format!("/reservations?limit=200{after}");
            let page = client.json(self.staff(&path)).await?;
            for one in page["reservations"].as_array().context("no reservations")? {
                all.push(listed(one)?);
            }
            match page["next"].as_str() {
                Some(next) => after = format!("&after={}", encoded(next)),
                None => return Ok(all),
            }
        }
    }

    /// Rooms reserved by night, from a day on, for so many days.
    pub async fn occupancy(
        &self,
        client: &Client,
        first: i32,
        days: u32,
    ) -> anyhow::Result<BTreeMap<String, u32>> {
        let path = format!("/reports/occupancy?first={}&days={days}", date_after(first));
        let report = client.json(self.staff(&path)).await?;
        let days = report["days"].as_array().context("no days")?.iter();
        let day = |day: &Value| {
            let date = day["date"].as_str().context("no date")?.to_owned();
            let reserved = u32::try_from(day["reserved"].as_u64().context("no number")?)?;
            Ok((date, reserved))
        };
        days.map(day).collect()
    }
}

fn listed(one: &Value) -> anyhow::Result<Listed> {
    let text = |value: &Value| value.as_str().map(str::to_owned).context("no text");
    let mut nights = Vec::new();
    for room in one["rooms"].as_array().context("no rooms")? {
        for night in room["nights"].as_array().context("no nights")? {
            nights.push((text(&room["room_type"])?, text(&night["date"])?));
        }
    }
    Ok(Listed {
        id: text(&one["id"])?,
        state: text(&one["state"])?,
        nights,
    })
}

/// A value of a query.
fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The date so many days after today in the time zone of the hotels that tests make.
pub fn date_after(days: i32) -> String {
    // Lisbon is never far from UTC; what tests ask for is not today.
    let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
    today.saturating_add(days.days()).to_string()
}
