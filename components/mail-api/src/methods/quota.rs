//! `Quota/…` (RFC 9425).

use std::cmp::Ordering;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::bindings::concierge::mail::accounts::{DataType, Quota};
use crate::host::{Host, State};
use crate::jmap::context::{Arguments, Context};
use crate::jmap::error::{Kind, MethodError};
use crate::jmap::get::{self, ChangesArguments, GetArguments};
use crate::jmap::query::{
    Comparator, Filter, Found, Operator, Since, Window, take_filter, take_sort,
};

/// All properties (RFC 9425 §4).
const PROPERTIES: [&str; 10] = [
    "id",
    "resourceType",
    "used",
    "hardLimit",
    "scope",
    "name",
    "types",
    "warnLimit",
    "softLimit",
    "description",
];

/// Whose they are: each account has its own.
const SCOPE: &str = "account";

/// What they are about.
const TYPE: &str = "Email";

/// The methods of quotas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// How full an account is.
    Get,
    /// What changed.
    Changes,
    /// Those that match.
    Query,
    /// How the results of a query changed.
    QueryChanges,
}

impl Method {
    /// The method of a name.
    pub fn named(verb: &str) -> Option<Self> {
        match verb {
            "get" => Some(Self::Get),
            "changes" => Some(Self::Changes),
            "query" => Some(Self::Query),
            "queryChanges" => Some(Self::QueryChanges),
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
        Method::Changes => changes(context, arguments).await,
        Method::Query => query(context, arguments).await,
        Method::QueryChanges => query_changes(context, arguments),
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
    // The state first: what changes in between is told again by a later call, and not lost.
    let state = state(context, account).await?;
    let quotas = context.host.quotas(context.token, account).await?;
    let objects = quotas.iter().map(|quota| selected.of(object(quota)));
    Ok(get::answer(
        account,
        state,
        ids.as_deref(),
        objects.collect(),
    ))
}

async fn state<H: Host>(context: &Context<'_, H>, account: &str) -> Result<State, MethodError> {
    let states = context.host.states(context.token, account).await?;
    let found = states.into_iter().find(|(one, _)| *one == DataType::Quota);
    found.map_or_else(|| Err(Kind::ServerFail.into()), |(_, state)| Ok(state))
}

/// With all its properties.
fn object(quota: &Quota) -> Value {
    json!({
        "id": quota.id,
        "resourceType": quota.resource,
        "used": quota.used,
        "hardLimit": quota.hard_limit,
        "scope": SCOPE,
        "name": quota.name,
        "types": [TYPE],
        "warnLimit": quota.warn_limit,
        "softLimit": null,
        "description": null,
    })
}

/// The host has no log of quotas, so that only that nothing changed can be told.
async fn changes<H: Host>(
    context: &Context<'_, H>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    let arguments: ChangesArguments = arguments.parse()?;
    let account = &context.account(&arguments.account_id)?.id;
    let since = arguments.since()?;
    arguments.max()?;
    if since != state(context, account).await? {
        return Err(Kind::CannotCalculateChanges.into());
    }
    let state = since.to_string();
    Ok(json!({
        "accountId": account,
        "oldState": state,
        "newState": state,
        "hasMoreChanges": false,
        "created": [],
        "updated": [],
        "destroyed": [],
        // RFC 9425 §4.3: "null if the server is unable to tell".
        "updatedProperties": null,
    }))
}

/// RFC 9425 §4.4.1: all that is given must hold.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Condition {
    name: Option<String>,
    scope: Option<String>,
    resource_type: Option<String>,
    #[serde(rename = "type")]
    data_type: Option<String>,
}

impl Condition {
    fn holds(&self, quota: &Quota) -> bool {
        let is = |wanted: &Option<String>, has: &str| wanted.as_ref().is_none_or(|it| it == has);
        // "The Quota name property contains the given string."
        let named = |wanted: &String| quota.name.contains(wanted.as_str());
        self.name.as_ref().is_none_or(named)
            && is(&self.scope, SCOPE)
            && is(&self.resource_type, &quota.resource)
            && is(&self.data_type, TYPE)
    }
}

fn matches(filter: &Filter<Condition>, quota: &Quota) -> bool {
    match filter {
        Filter::Condition(condition) => condition.holds(quota),
        Filter::Operator(Operator::And, inner) => inner.iter().all(|it| matches(it, quota)),
        Filter::Operator(Operator::Or, inner) => inner.iter().any(|it| matches(it, quota)),
        Filter::Operator(Operator::Not, inner) => !inner.iter().any(|it| matches(it, quota)),
    }
}

/// Which quotas, in which order.
struct Selection {
    filter: Option<Filter<Condition>>,
    sort: Vec<Comparator>,
}

impl Selection {
    fn take(arguments: &mut Arguments) -> Result<Self, MethodError> {
        let filter = take_filter(arguments)?;
        let sort = take_sort(arguments)?;
        let known = |level: &Comparator| {
            ["name", "used"].contains(&level.property.as_str()) && level.keyword.is_none()
        };
        if let Some(level) = sort.iter().find(|level| !known(level)) {
            let why = format!("{:?} cannot be sorted by.", level.property);
            return Err(MethodError::new(Kind::UnsupportedSort, why));
        }
        Ok(Self { filter, sort })
    }

    fn compare(&self, one: &Quota, other: &Quota) -> Ordering {
        let levels = self.sort.iter().map(|level| {
            let order = match level.property.as_str() {
                "used" => one.used.cmp(&other.used),
                _ => one.name.cmp(&other.name),
            };
            match level.is_ascending {
                true => order,
                false => order.reverse(),
            }
        });
        let by_id = one.id.cmp(&other.id);
        levels.fold(Ordering::Equal, Ordering::then).then(by_id)
    }

    fn of(&self, quotas: Vec<Quota>) -> Vec<String> {
        let holds = |quota: &Quota| self.filter.as_ref().is_none_or(|it| matches(it, quota));
        let mut found: Vec<Quota> = quotas.into_iter().filter(holds).collect();
        found.sort_by(|one, other| self.compare(one, other));
        found.into_iter().map(|quota| quota.id).collect()
    }
}

async fn query<H: Host>(
    context: &Context<'_, H>,
    mut arguments: Arguments,
) -> Result<Value, MethodError> {
    let account: String = arguments.require("accountId")?;
    let selection = Selection::take(&mut arguments)?;
    let window = Window::take(&mut arguments)?;
    arguments.finish()?;
    context.account(&account)?;
    let state = state(context, &account).await?;
    let quotas = context.host.quotas(context.token, &account).await?;
    let all = selection.of(quotas);
    let (first, ids) = window.of(&all)?;
    let found = Found {
        account: &account,
        state,
        can_calculate_changes: false,
        position: first as u64,
        ids,
        total: Some(all.len() as u64),
    };
    Ok(found.answer(&window))
}

/// As `canCalculateChanges` of the query says.
fn query_changes<H: Host>(
    context: &Context<'_, H>,
    mut arguments: Arguments,
) -> Result<Value, MethodError> {
    let account: String = arguments.require("accountId")?;
    Selection::take(&mut arguments)?;
    Since::take(&mut arguments)?;
    arguments.finish()?;
    context.account(&account)?;
    Err(Kind::CannotCalculateChanges.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::email::tests::{kind, tell};
    use crate::scripted::Scripted;

    fn quota(resource: &str, name: &str, used: u64) -> Quota {
        Quota {
            id: resource.to_owned(),
            resource: resource.to_owned(),
            used,
            hard_limit: 2_000,
            warn_limit: 1_600,
            name: name.to_owned(),
        }
    }

    /// A host that is asked once for the state, and so often for the quotas.
    fn host(quotas: usize) -> Scripted {
        let host = Scripted::default();
        host.states.then(Box::new(|_, account| {
            assert_eq!(account, "a");
            Ok(vec![(DataType::Email, 7), (DataType::Quota, 78)])
        }));
        for _ in 0..quotas {
            host.quotas.then(Box::new(|_, _| {
                Ok(vec![
                    quota("octets", "Size of all mail", 1_056),
                    quota("count", "Number of emails", 3),
                ])
            }));
        }
        host
    }

    /// RFC 9425 §5.1.
    #[test]
    fn quotas_have_all_their_properties() {
        let host = host(1);
        let arguments = json!({"accountId": "a", "ids": ["octets", "x"]});
        let expected = json!({
            "accountId": "a",
            "state": "78",
            "list": [{
                "id": "octets", "resourceType": "octets", "used": 1056, "warnLimit": 1600, "softLimit": null,
                "hardLimit": 2000, "scope": "account", "name": "Size of all mail", "description": null,
                "types": ["Email"]
            }],
            "notFound": ["x"]
        });
        assert_eq!(tell(&host, "Quota/get", arguments), Ok(expected));
        host.finish();
    }

    #[test]
    fn quotas_are_found_and_sorted() {
        for (arguments, ids) in [
            (json!({}), json!(["count", "octets"])),
            (
                json!({"sort": [{"property": "used", "isAscending": false}]}),
                json!(["octets", "count"]),
            ),
            (
                json!({"sort": [{"property": "name", "isAscending": false}]}),
                json!(["octets", "count"]),
            ),
            (json!({"filter": {"name": "emails"}}), json!(["count"])),
            (
                json!({"filter": {"resourceType": "octets", "scope": "account", "type": "Email"}}),
                json!(["octets"]),
            ),
            (json!({"filter": {"type": "Mailbox"}}), json!([])),
            (
                json!({"filter": {"operator": "NOT", "conditions": [{"resourceType": "count"}]}}),
                json!(["octets"]),
            ),
            (json!({"position": 1, "limit": 1}), json!(["octets"])),
        ] {
            let host = host(1);
            let mut arguments = arguments.as_object().cloned().unwrap();
            arguments.insert("accountId".to_owned(), "a".into());
            let answer = tell(&host, "Quota/query", arguments.into()).unwrap();
            assert_eq!(answer["ids"], ids);
            assert_eq!(answer["canCalculateChanges"], false);
            assert_eq!(answer["queryState"], "78");
            host.finish();
        }
        for (arguments, expected) in [
            (
                json!({"accountId": "a", "sort": [{"property": "id"}]}),
                Kind::UnsupportedSort,
            ),
            (
                json!({"accountId": "a", "filter": {"colour": "red"}}),
                Kind::UnsupportedFilter,
            ),
        ] {
            let kind = kind(&Scripted::default(), "Quota/query", arguments);
            assert_eq!(kind, expected);
        }
    }

    #[test]
    fn only_that_nothing_changed_can_be_told() {
        let host_now = host(0);
        let answer = tell(
            &host_now,
            "Quota/changes",
            json!({"accountId": "a", "sinceState": "78"}),
        );
        let answer = answer.unwrap();
        assert_eq!(answer["newState"], "78");
        assert_eq!(answer["updated"], json!([]));
        assert_eq!(answer["updatedProperties"], Value::Null);
        let earlier = json!({"accountId": "a", "sinceState": "77"});
        let kind_of = kind(&host(0), "Quota/changes", earlier);
        assert_eq!(kind_of, Kind::CannotCalculateChanges);
        let arguments = json!({"accountId": "a", "sinceQueryState": "78"});
        let kind_of = kind(&Scripted::default(), "Quota/queryChanges", arguments);
        assert_eq!(kind_of, Kind::CannotCalculateChanges);
    }
}
