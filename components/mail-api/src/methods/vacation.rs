//! `VacationResponse/…` (RFC 8621 §8): the answer of someone who is away. There is one an account, whose id is `singleton`.

use serde_json::{Map, Value, json};

use crate::bindings::concierge::mail::accounts::Error;
use crate::bindings::concierge::mail::submissions::Vacation;
use crate::host::{Host, State};
use crate::jmap::context::{Arguments, Context};
use crate::jmap::error::{Kind, MethodError, SetError, SetKind};
use crate::jmap::get::{self, GetArguments};
use crate::jmap::set::{SetAnswer, SetArguments, Subject, Wanted};
use crate::jmap::value::UtcDate;
use crate::methods::batch::expect_state;
use crate::methods::properties::Properties;

/// The id of the one that there is.
const SINGLETON: &str = "singleton";

/// Bytes of a text, plain or HTML: it is sent to everyone who writes.
const TEXT_BYTES_MAX: usize = 256 * 1024;

/// Bytes of a subject.
const SUBJECT_BYTES_MAX: usize = 1_000;

/// Tries to set it while others do so, too.
const TRIES_MAX: usize = 4;

/// All properties.
const PROPERTIES: [&str; 7] = [
    "id",
    "isEnabled",
    "fromDate",
    "toDate",
    "subject",
    "textBody",
    "htmlBody",
];

/// The methods of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The answer as it is.
    Get,
    /// Changes it.
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
    arguments: Arguments,
) -> Result<Value, MethodError> {
    let arguments: GetArguments = arguments.parse()?;
    let account = &context.account(&arguments.account_id)?.id;
    let selected = arguments.selected(&PROPERTIES)?;
    let ids = arguments.distinct_ids()?;
    let (vacation, state) = context.host.vacation(context.token, account).await?;
    let objects = vec![selected.of(json(&vacation))];
    Ok(get::answer(account, state, ids.as_deref(), objects))
}

/// The answer with all its properties.
fn json(vacation: &Vacation) -> Value {
    json!({
        "id": SINGLETON,
        "isEnabled": vacation.enabled,
        "fromDate": vacation.from_us.map(|time| UtcDate(time).text()),
        "toDate": vacation.to_us.map(|time| UtcDate(time).text()),
        "subject": vacation.subject,
        "textBody": vacation.text,
        "htmlBody": vacation.html,
    })
}

async fn set<H: Host>(
    context: &mut Context<'_, H>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    let arguments: SetArguments = arguments.parse()?;
    let account = context.writable(&arguments.account_id)?.id.clone();
    let if_in_state = arguments.if_in_state()?;
    let mut answer = SetAnswer::default();
    let patches = refuse_others(arguments.wanted()?, &mut answer);
    for _ in 0..TRIES_MAX {
        let (mut vacation, state) = context.host.vacation(context.token, &account).await?;
        expect_state(if_in_state, state)?;
        let mut answer = answer.clone();
        let before = vacation.clone();
        for (key, patch) in &patches {
            match patched(&vacation, patch) {
                Ok(patched) => {
                    vacation = patched;
                    answer.updated(SINGLETON, Value::Null);
                }
                Err(error) => answer.refused(&Subject::Update(key.clone()), error),
            }
        }
        let states = match before == vacation {
            true => Ok((state, state)),
            false => put(context, &account, state, vacation).await,
        };
        match states {
            // Others changed it between reading and writing.
            Err(Error::StateMismatch) if if_in_state.is_none() => {}
            states => {
                let (old, new) = states?;
                return Ok(answer.finish(&account, old, new));
            }
        }
    }
    Err(Kind::ServerUnavailable.into())
}

/// Writes what was made of what was read, and only of that.
async fn put<H: Host>(
    context: &Context<'_, H>,
    account: &str,
    state: State,
    vacation: Vacation,
) -> Result<(State, State), Error> {
    let Context { host, token, .. } = context;
    host.set_vacation(token, account, Some(state), vacation)
        .await
}

/// The patches of the one that there is. What would make another one, or destroy it, is refused.
fn refuse_others(wanted: Wanted, answer: &mut SetAnswer) -> Vec<(String, Map<String, Value>)> {
    let creations = wanted
        .create
        .into_iter()
        .map(|(key, _)| Subject::Create(key));
    let only_one = || SetError::new(SetKind::Singleton, "There is always one.");
    for subject in creations {
        answer.refused(&subject, only_one());
    }
    for key in wanted.destroy {
        let error = match key.as_str() {
            SINGLETON => only_one(),
            _ => SetError::new(SetKind::NotFound, ""),
        };
        answer.refused(&Subject::Destroy(key), error);
    }
    let (patches, others) = wanted
        .update
        .into_iter()
        .partition(|(key, _)| key == SINGLETON);
    let others: Vec<_> = others;
    for (key, _) in others {
        answer.refused(&Subject::Update(key), SetError::new(SetKind::NotFound, ""));
    }
    patches
}

/// What a patch makes of the answer.
fn patched(vacation: &Vacation, patch: &Map<String, Value>) -> Result<Vacation, SetError> {
    let mut properties = Properties::changed(&json(vacation), patch)?;
    let mut vacation = vacation.clone();
    if let Some(enabled) = properties.change::<bool>("isEnabled") {
        vacation.enabled = enabled.unwrap_or(false);
    }
    if let Some(date) = properties.change("fromDate") {
        vacation.from_us = date.map(|UtcDate(time)| time);
    }
    if let Some(date) = properties.change("toDate") {
        vacation.to_us = date.map(|UtcDate(time)| time);
    }
    if let Some(subject) = text(&mut properties, "subject", SUBJECT_BYTES_MAX) {
        if subject
            .as_ref()
            .is_some_and(|text| text.chars().any(char::is_control))
        {
            properties.fault("subject", "A subject has no control characters.");
        }
        vacation.subject = subject;
    }
    if let Some(body) = text(&mut properties, "textBody", TEXT_BYTES_MAX) {
        vacation.text = body;
    }
    if let Some(body) = text(&mut properties, "htmlBody", TEXT_BYTES_MAX) {
        vacation.html = body;
    }
    properties.finish()?;
    Ok(vacation)
}

fn text(properties: &mut Properties, name: &str, bytes_max: usize) -> Option<Option<String>> {
    let text = properties.change::<String>(name)?;
    if text.as_ref().is_some_and(|text| text.len() > bytes_max) {
        properties.fault(name, format!("At most {bytes_max} bytes."));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    fn away() -> Vacation {
        Vacation {
            enabled: true,
            from_us: Some(1_414_649_520_000_000),
            to_us: None,
            subject: Some("Away".to_owned()),
            text: Some("Back on Monday.".to_owned()),
            html: None,
        }
    }

    #[test]
    fn the_answer_has_all_its_properties() {
        let told = json(&away());
        let expected = json!({
            "id": "singleton",
            "isEnabled": true,
            "fromDate": "2014-10-30T06:12:00Z",
            "toDate": null,
            "subject": "Away",
            "textBody": "Back on Monday.",
            "htmlBody": null
        });
        assert_eq!(told, expected);
        let mut told: Vec<&String> = told.as_object().unwrap().keys().collect();
        let mut named = PROPERTIES.to_vec();
        told.sort_unstable();
        named.sort_unstable();
        assert_eq!(told, named);
    }

    #[test]
    fn patches_change_what_they_name() {
        let patch = json!({"fromDate": null, "toDate": "2014-10-30T06:12:00Z", "htmlBody": "<p>x", "id": "singleton"});
        let expected = Vacation {
            from_us: None,
            to_us: Some(1_414_649_520_000_000),
            html: Some("<p>x".to_owned()),
            ..away()
        };
        assert_eq!(patched(&away(), &map(patch)), Ok(expected));
        for (patch, property) in [
            (json!({"id": "other"}), "id"),
            (json!({"toDate": "2014-10-30"}), "toDate"),
            (json!({"isEnabled": 1}), "isEnabled"),
            (json!({"subject": "a\r\nBcc: x"}), "subject"),
            (
                json!({"textBody": "x".repeat(TEXT_BYTES_MAX + 1)}),
                "textBody",
            ),
            (json!({"period": 1}), "period"),
        ] {
            let error = patched(&away(), &map(patch)).unwrap_err().to_json();
            assert_eq!(error["properties"], json!([property]));
        }
    }

    #[test]
    fn there_is_always_one() {
        let wanted = Wanted {
            create: vec![("k".to_owned(), Map::new())],
            update: vec![
                ("singleton".to_owned(), Map::new()),
                ("x".to_owned(), Map::new()),
            ],
            destroy: vec!["singleton".to_owned(), "y".to_owned()],
        };
        let mut answer = SetAnswer::default();
        let patches = refuse_others(wanted, &mut answer);
        assert_eq!(patches, [("singleton".to_owned(), Map::new())]);
        let answer = answer.finish("a", 1, 1);
        assert_eq!(answer["notCreated"]["k"]["type"], "singleton");
        assert_eq!(answer["notUpdated"]["x"]["type"], "notFound");
        assert_eq!(answer["notDestroyed"]["singleton"]["type"], "singleton");
        assert_eq!(answer["notDestroyed"]["y"]["type"], "notFound");
    }
}
