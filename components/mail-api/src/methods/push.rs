//! `PushSubscription/…` (RFC 8620 §7.2): where changes are pushed to. Subscriptions are a principal's, of no account, and
//! have no states.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::bindings::concierge::mail::accounts::{DataType, Error};
use crate::bindings::concierge::mail::events::{Push, PushPatch};
use crate::host::Host;
use crate::jmap::context::{Arguments, Context};
use crate::jmap::data_type;
use crate::jmap::error::{Kind, MethodError, SetError, SetKind};
use crate::jmap::get::{self, GetArguments};
use crate::jmap::limits::OBJECTS_IN_SET_MAX;
use crate::jmap::set::{SetAnswer, Subject, Wanted, objects};
use crate::jmap::value::UtcDate;
use crate::methods::batch;
use crate::methods::properties::{Properties, Wishes};

/// Microseconds that a subscription lives at most, and where the client does not say. A client that is still there
/// prolongs it; of others nothing is left after a week.
const LIFE_MAX_US: u64 = 7 * 24 * 60 * 60 * 1_000_000;

/// Bytes of a URL: those of the push services of browsers have a few hundred.
const URL_BYTES_MAX: usize = 2_048;

/// Bytes of a client's name for itself, and of a verification code.
const TEXT_BYTES_MAX: usize = 255;

/// Bytes of an uncompressed point of P-256 (RFC 8291 §3.1), which begins with 4.
const POINT_BYTES: usize = 65;

/// Bytes of an authentication secret (RFC 8291 §3.2).
const SECRET_BYTES: usize = 16;

/// The properties that are told. RFC 8620 §7.2.1: `url` and `keys` never are.
const PROPERTIES: [&str; 5] = [
    "id",
    "deviceClientId",
    "verificationCode",
    "expires",
    "types",
];

/// The properties that are not told.
const PRIVATE: [&str; 2] = ["url", "keys"];

/// The methods of push subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Subscriptions by id, or all.
    Get,
    /// Makes, changes, confirms and ends.
    Set,
}

impl Method {
    /// The method of a name.
    pub fn named(verb: &str) -> Option<Self> {
        match verb {
            "get" => Some(Self::Get),
            "set" => Some(Self::Set),
            _ => None,
        }
    }
}

/// Runs a method.
///
/// # Errors
///
/// Where it is not run at all.
pub async fn run<H: Host>(
    method: Method,
    context: &mut Context<'_, H>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    match method {
        Method::Get => get(context, arguments).await,
        Method::Set => set(context, arguments).await,
    }
}

async fn get<H: Host>(
    context: &Context<'_, H>,
    mut arguments: Arguments,
) -> Result<Value, MethodError> {
    let given = GetArguments {
        account_id: String::new(),
        ids: arguments.take("ids")?,
        properties: arguments.take("properties")?,
    };
    arguments.finish()?;
    let asked = given.properties.iter().flatten();
    if let Some(name) = asked
        .into_iter()
        .find(|name| PRIVATE.contains(&name.as_str()))
    {
        let why = format!("{name:?} is never told.");
        return Err(MethodError::new(Kind::Forbidden, why));
    }
    let selected = given.selected(&PROPERTIES)?;
    let ids = given.distinct_ids()?;
    let pushes = context.host.pushes(context.token).await?;
    let objects = pushes.iter().map(|push| selected.of(json(push))).collect();
    let (list, not_found) = match ids {
        None => (objects, Vec::new()),
        Some(ids) => get::in_order(&ids, objects),
    };
    Ok(json!({"list": list, "notFound": not_found}))
}

/// A subscription with all properties that are told.
fn json(push: &Push) -> Value {
    let types: Vec<&str> = push.types.iter().map(|one| data_type::name(*one)).collect();
    json!({
        "id": push.id,
        "deviceClientId": push.device_client_id,
        "verificationCode": push.verification_code,
        "expires": UtcDate(push.expires_us).text(),
        "types": if types.is_empty() { Value::Null } else { json!(types) },
    })
}

/// What is to be done.
fn take_wanted(arguments: &mut Arguments) -> Result<Wanted, MethodError> {
    let create: Map<String, Value> = arguments.take("create")?.unwrap_or_default();
    let update: Map<String, Value> = arguments.take("update")?.unwrap_or_default();
    let destroy: Vec<String> = arguments.take("destroy")?.unwrap_or_default();
    if create.len() + update.len() + destroy.len() > OBJECTS_IN_SET_MAX {
        let why = format!("At most {OBJECTS_IN_SET_MAX} objects at once.");
        return Err(MethodError::new(Kind::RequestTooLarge, why));
    }
    Ok(Wanted {
        create: objects("create", create)?,
        update: objects("update", update)?,
        destroy: get::distinct(&destroy)?,
    })
}

async fn set<H: Host>(
    context: &mut Context<'_, H>,
    mut arguments: Arguments,
) -> Result<Value, MethodError> {
    let mut wanted = take_wanted(&mut arguments)?;
    arguments.finish()?;
    let mut set = Set::default();
    batch::refuse_doomed(&mut wanted, &context.created, &mut set.answer);
    let outcome = set.run(context, wanted).await;
    outcome.map_err(|error| match set.changed {
        true => Kind::ServerPartialFail.into(),
        false => error,
    })?;
    Ok(Value::Object(set.answer.maps()))
}

/// A call on its way.
#[derive(Default)]
struct Set {
    wishes: Wishes,
    answer: SetAnswer,
    /// Something was done.
    changed: bool,
}

impl Set {
    async fn run<H: Host>(
        &mut self,
        context: &mut Context<'_, H>,
        wanted: Wanted,
    ) -> Result<(), MethodError> {
        for (creation, members) in wanted.create {
            self.create(context, creation, members).await?;
        }
        let mut pushes = match wanted.update.is_empty() {
            true => Vec::new(),
            false => context.host.pushes(context.token).await?,
        };
        for (key, members) in wanted.update {
            let subjects = [Subject::Update(key)];
            for (subject, id) in batch::resolved(subjects, &context.created, &mut self.answer) {
                let push = pushes.iter_mut().find(|push| push.id == id);
                self.update(context, &subject, push, &members).await?;
            }
        }
        let subjects = wanted.destroy.into_iter().map(Subject::Destroy);
        for (subject, id) in batch::resolved(subjects, &context.created, &mut self.answer) {
            let done = context.host.delete_push(context.token, &id).await;
            if self.done(&subject, done, "id")?.is_some() {
                self.answer.destroyed(&id);
            }
        }
        Ok(())
    }

    async fn create<H: Host>(
        &mut self,
        context: &mut Context<'_, H>,
        creation: String,
        members: Map<String, Value>,
    ) -> Result<(), MethodError> {
        self.wishes.of_new(&creation, &members);
        let subject = Subject::Create(creation);
        let push = match push(members, context.host.now_us()) {
            Ok(push) => push,
            Err(error) => {
                self.answer.refused(&subject, error);
                return Ok(());
            }
        };
        let made = context.host.create_push(context.token, push).await;
        if let (Some(made), Subject::Create(creation)) =
            (self.done(&subject, made, "url")?, &subject)
        {
            let news = self.wishes.news(&subject, &made.id, Some(json(&made)));
            self.answer.created(creation, news, &mut context.created);
        }
        Ok(())
    }

    async fn update<H: Host>(
        &mut self,
        context: &Context<'_, H>,
        subject: &Subject,
        push: Option<&mut Push>,
        members: &Map<String, Value>,
    ) -> Result<(), MethodError> {
        let Some(push) = push else {
            let error = SetError::new(SetKind::NotFound, "There is no such subscription.");
            self.answer.refused(subject, error);
            return Ok(());
        };
        let read = Properties::changed(&json(push), members).and_then(|properties| {
            self.wishes.of_changed(&push.id, &properties);
            patch(&push.id, properties, context.host.now_us())
        });
        let patch = match read {
            Ok(patch) => patch,
            Err(error) => {
                self.answer.refused(subject, error);
                return Ok(());
            }
        };
        let done = context.host.update_push(context.token, patch).await;
        if let Some(changed) = self.done(subject, done, "verificationCode")? {
            *push = changed;
            let news = self.wishes.news(subject, &push.id, Some(json(push)));
            self.answer.updated(&push.id, news);
        }
        Ok(())
    }

    /// What was done; what was not is told as refused, with the property that the host can only have meant.
    ///
    /// # Errors
    ///
    /// Where nothing can be done any more.
    fn done<T>(
        &mut self,
        subject: &Subject,
        outcome: Result<T, Error>,
        property: &str,
    ) -> Result<Option<T>, MethodError> {
        let error = match outcome {
            Ok(done) => {
                self.changed = true;
                return Ok(Some(done));
            }
            Err(error) => error,
        };
        let error = match error {
            Error::Forbidden(what) => SetError::new(SetKind::Forbidden, what),
            Error::InvalidArguments(what) => SetError::invalid([property], what),
            Error::NotFound => SetError::new(SetKind::NotFound, ""),
            // RFC 8620 §5.3: also of how many there may be.
            Error::TooLarge(limit) => {
                SetError::new(SetKind::OverQuota, format!("At most {limit}."))
            }
            Error::OverQuota => SetError::new(SetKind::OverQuota, ""),
            Error::SlowDown(seconds) => {
                SetError::new(SetKind::RateLimit, format!("Again in {seconds} s."))
            }
            error => return Err(error.into()),
        };
        self.answer.refused(subject, error);
        Ok(None)
    }
}

/// The keys of a subscription (RFC 8620 §7.2).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    p256dh: String,
    auth: String,
}

impl Keys {
    /// Both in base64url without padding, if they are of their form.
    fn read(&self) -> Option<(String, String)> {
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
        let point =
            bytes(&self.p256dh).filter(|it| it.len() == POINT_BYTES && it.first() == Some(&4))?;
        let secret = bytes(&self.auth).filter(|it| it.len() == SECRET_BYTES)?;
        Some((
            URL_SAFE_NO_PAD.encode(point),
            URL_SAFE_NO_PAD.encode(secret),
        ))
    }
}

/// A subscription that is to be made.
fn push(members: Map<String, Value>, now_us: u64) -> Result<Push, SetError> {
    let mut properties = Properties::of_new(members);
    let url: String = properties.require("url");
    // Whether plain HTTP will do, the host decides.
    if !is_web(&url) {
        properties.fault(
            "url",
            "It is not the URL of something that is reached by https.",
        );
    }
    let device_client_id: String = properties.require("deviceClientId");
    check_text(&mut properties, "deviceClientId", &device_client_id);
    let keys = properties.take::<Keys>("keys");
    let read = keys.as_ref().and_then(Keys::read);
    if keys.is_some() && read.is_none() {
        properties.fault(
            "keys",
            "They are no point of P-256 and secret in base64url.",
        );
    }
    // RFC 8620 §7.2.2: "MUST be null (or omitted) when the subscription is created".
    if properties.take::<Value>("verificationCode").is_some() {
        properties.fault(
            "verificationCode",
            "It comes after the subscription is made.",
        );
    }
    let push = Push {
        id: String::new(),
        device_client_id,
        url,
        keys: read,
        verification_code: None,
        expires_us: expires(&mut properties, now_us).unwrap_or(now_us.saturating_add(LIFE_MAX_US)),
        types: types(&mut properties).unwrap_or_default(),
    };
    properties.finish()?;
    Ok(push)
}

/// What is to be changed of a subscription. Where it leads to stays.
fn patch(id: &str, mut properties: Properties, now_us: u64) -> Result<PushPatch, SetError> {
    let code: Option<String> = properties.take("verificationCode");
    if let Some(code) = &code {
        check_text(&mut properties, "verificationCode", code);
    }
    let patch = PushPatch {
        id: id.to_owned(),
        verification_code: code,
        expires_us: expires(&mut properties, now_us),
        types: types(&mut properties),
    };
    properties.finish()?;
    Ok(patch)
}

/// When it ends: as the client says, and not later than it may; `None` where the client does not say.
fn expires(properties: &mut Properties, now_us: u64) -> Option<u64> {
    let latest_us = now_us.saturating_add(LIFE_MAX_US);
    match properties.change::<UtcDate>("expires")? {
        None => Some(latest_us),
        Some(UtcDate(time_us)) if time_us <= now_us => {
            properties.fault("expires", "It is over already.");
            None
        }
        Some(UtcDate(time_us)) => Some(time_us.min(latest_us)),
    }
}

/// Of what is told; empty: of all.
fn types(properties: &mut Properties) -> Option<Vec<DataType>> {
    let Some(names) = properties.change::<Vec<String>>("types")? else {
        return Some(Vec::new());
    };
    let types: Vec<DataType> = names
        .iter()
        .filter_map(|name| data_type::named(name))
        .collect();
    if types.is_empty() || types.len() < names.len() {
        let known = data_type::NAMES.map(|(_, name)| name).join(", ");
        properties.fault("types", format!("At least one of {known}, and no others."));
    }
    Some(types)
}

fn check_text(properties: &mut Properties, name: &str, text: &str) {
    if text.is_empty() || text.len() > TEXT_BYTES_MAX {
        properties.fault(name, format!("It has 1 to {TEXT_BYTES_MAX} bytes."));
    }
}

/// RFC 8620 §7.2: "an absolute URL ... MUST begin with https://". Whether the target may be reached, and without TLS, the
/// host decides. A password in it would be kept in the clear, and a fragment is never sent.
fn is_web(url: &str) -> bool {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let is_whole = is_web && url.len() <= URL_BYTES_MAX && !url.contains('#');
    let Some(uri) = is_whole.then(|| url.parse::<http::Uri>().ok()).flatten() else {
        return false;
    };
    uri.authority()
        .is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_US: u64 = 1_500_000_000_000_000;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    /// RFC 8620 §7.2.2, its example of a creation, with keys of RFC 8291 §5.
    fn example() -> Value {
        json!({
            "deviceClientId": "a889-ffea-910",
            "url": "https://example.com/push/?device=X8980fc&client=12c6d086",
            "types": null,
            "keys": {
                "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4=",
                "auth": "BTBZMqHH6r4Tts7J_aSIgg"
            }
        })
    }

    #[test]
    fn the_subscription_of_the_rfc() {
        let made = push(map(example()), NOW_US).unwrap();
        let expected = Push {
            id: String::new(),
            device_client_id: "a889-ffea-910".to_owned(),
            url: "https://example.com/push/?device=X8980fc&client=12c6d086".to_owned(),
            keys: Some((
                "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
                    .to_owned(),
                "BTBZMqHH6r4Tts7J_aSIgg".to_owned(),
            )),
            verification_code: None,
            expires_us: NOW_US + LIFE_MAX_US,
            types: Vec::new(),
        };
        assert_eq!(made, expected);
        let told = json(&made);
        let mut told: Vec<&String> = told.as_object().unwrap().keys().collect();
        let mut named = PROPERTIES.to_vec();
        told.sort_unstable();
        named.sort_unstable();
        assert_eq!(told, named);
    }

    fn with(name: &str, value: Value) -> Map<String, Value> {
        let mut members = map(example());
        members.insert(name.to_owned(), value);
        members
    }

    #[test]
    fn what_is_not_of_its_form_is_refused() {
        let long = format!("https://example.com/{}", "x".repeat(URL_BYTES_MAX));
        for (name, value) in [
            ("url", Value::Null),
            ("url", json!("ftp://example.com/")),
            ("url", json!("https://")),
            ("url", json!("https:///path")),
            ("url", json!("https://user:secret@example.com/")),
            ("url", json!("https://example.com/#part")),
            ("url", json!("https://example.com/a b")),
            ("url", json!(long)),
            ("deviceClientId", json!("")),
            ("verificationCode", json!("guess")),
            (
                "keys",
                json!({"p256dh": "AAAA", "auth": "BTBZMqHH6r4Tts7J_aSIgg"}),
            ),
            ("keys", json!({"p256dh": "AAAA"})),
            ("expires", json!("2017-07-14T02:40:00Z")),
            ("types", json!([])),
            ("types", json!(["Mailbox", "Todo"])),
            ("id", json!("p")),
            ("verified", json!(true)),
        ] {
            let error = push(with(name, value.clone()), NOW_US)
                .unwrap_err()
                .to_json();
            assert_eq!(error["properties"], json!([name]), "{value}");
        }
    }

    #[test]
    fn subscriptions_end_within_a_week() {
        let soon = UtcDate(NOW_US + 1_000_000).text();
        let made = push(with("expires", json!(soon)), NOW_US).unwrap();
        assert_eq!(made.expires_us, NOW_US + 1_000_000);
        let made = push(with("expires", json!("9999-01-01T00:00:00Z")), NOW_US).unwrap();
        assert_eq!(made.expires_us, NOW_US + LIFE_MAX_US);
    }

    #[test]
    fn patches_confirm_prolong_and_choose() {
        let made = push(map(example()), NOW_US).unwrap();
        let changed = |members: Value| {
            let properties = Properties::changed(&json(&made), &map(members))?;
            patch("p", properties, NOW_US)
        };
        let expected = PushPatch {
            id: "p".to_owned(),
            verification_code: Some("da1f097b".to_owned()),
            expires_us: Some(NOW_US + LIFE_MAX_US),
            types: Some(vec![DataType::Mailbox, DataType::EmailDelivery]),
        };
        let all = json!({"verificationCode": "da1f097b", "expires": null, "types": ["Mailbox", "EmailDelivery"]});
        assert_eq!(changed(all), Ok(expected));
        for (members, property) in [
            (json!({"url": "https://example.com/other"}), "url"),
            (json!({"keys": null}), "keys"),
            (json!({"deviceClientId": "other"}), "deviceClientId"),
            (json!({"expires": "1999-01-01T00:00:00Z"}), "expires"),
        ] {
            let error = changed(members).unwrap_err().to_json();
            assert_eq!(error["properties"], json!([property]));
        }
        let same = json!({"deviceClientId": "a889-ffea-910", "types": null});
        assert!(changed(same).is_ok());
    }
}
