//! `Email/query` and `Email/queryChanges` (RFC 8621 §4.4 and §4.5).

use serde_json::{Map, Value, json};

use super::{filter, keyword};
use crate::bindings::concierge::mail::search::{
    Comparator, Property, Query, QueryChanges, Window as HostWindow,
};
use crate::host::Host;
use crate::jmap::context::{Arguments, Context};
use crate::jmap::error::{Kind, MethodError};
use crate::jmap::query::{self, Found, Since, Window, take_sort};

/// Runs `Email/query`.
///
/// # Errors
///
/// Those of RFC 8620 §5.5.
pub async fn query<H: Host>(
    context: &Context<'_, H>,
    mut arguments: Arguments,
) -> Result<Value, MethodError> {
    let account = account(context, &mut arguments)?;
    let query = take_query(&mut arguments)?;
    let window = Window::take(&mut arguments)?;
    arguments.finish()?;
    let asked = HostWindow {
        position: window.position,
        anchor: window.anchor.clone(),
        anchor_offset: window.anchor_offset,
        limit: window.limit,
        calculate_total: window.calculate_total,
    };
    let host = context.host;
    let page = host
        .query_emails(context.token, account, query, asked)
        .await?;
    let found = Found {
        account,
        state: page.query_state,
        can_calculate_changes: page.can_calculate_changes,
        position: page.position,
        ids: &page.ids,
        total: page.total,
    };
    Ok(found.answer(&window))
}

/// Runs `Email/queryChanges`.
///
/// # Errors
///
/// Those of RFC 8620 §5.6.
pub async fn query_changes<H: Host>(
    context: &Context<'_, H>,
    mut arguments: Arguments,
) -> Result<Value, MethodError> {
    let account = account(context, &mut arguments)?;
    let query = take_query(&mut arguments)?;
    let since = Since::take(&mut arguments)?;
    arguments.finish()?;
    let (host, token) = (context.host, context.token);
    let wants_total = since.calculate_total;
    let changes = host
        .email_query_changes(
            token,
            account,
            query,
            since.state,
            since.max,
            since.up_to,
            wants_total,
        )
        .await?;
    Ok(answer(account, &changes, wants_total))
}

fn account<'c, H: Host>(
    context: &'c Context<'_, H>,
    arguments: &mut Arguments,
) -> Result<&'c str, MethodError> {
    let id: String = arguments.require("accountId")?;
    Ok(context.account(&id)?.id.as_str())
}

fn take_query(arguments: &mut Arguments) -> Result<Query, MethodError> {
    let sort = take_sort(arguments)?;
    Ok(Query {
        filter: filter::take(arguments)?,
        sort: sort.into_iter().map(comparator).collect::<Result<_, _>>()?,
        collapse_threads: arguments.take("collapseThreads")?.unwrap_or(false),
    })
}

fn comparator(level: query::Comparator) -> Result<Comparator, MethodError> {
    let unsupported = |why: String| MethodError::new(Kind::UnsupportedSort, why);
    let (property, about_keyword) = match level.property.as_str() {
        "receivedAt" => (Property::ReceivedAt, false),
        "sentAt" => (Property::SentAt, false),
        "size" => (Property::Size, false),
        "from" => (Property::From, false),
        "to" => (Property::To, false),
        "subject" => (Property::Subject, false),
        "hasKeyword" => (Property::HasKeyword, true),
        "allInThreadHaveKeyword" => (Property::AllInThreadHaveKeyword, true),
        "someInThreadHaveKeyword" => (Property::SomeInThreadHaveKeyword, true),
        unknown => return Err(unsupported(format!("{unknown:?} cannot be sorted by."))),
    };
    let keyword = match (about_keyword, level.keyword) {
        (true, Some(text)) => keyword::parse(&text).map_err(|why| {
            MethodError::invalid_arguments(format!("sort: {}: {why}", level.property))
        })?,
        (false, None) => String::new(),
        (true, None) => {
            let why = format!("sort: {} needs a keyword.", level.property);
            return Err(MethodError::invalid_arguments(why));
        }
        (false, Some(_)) => {
            let why = format!("sort: {} is not about a keyword.", level.property);
            return Err(MethodError::invalid_arguments(why));
        }
    };
    Ok(Comparator {
        property,
        keyword,
        ascending: level.is_ascending,
    })
}

fn answer(account: &str, changes: &QueryChanges, wants_total: bool) -> Value {
    let added: Vec<Value> = changes
        .added
        .iter()
        .map(|added| json!({"id": added.id, "index": added.index}))
        .collect();
    let mut members = Map::new();
    members.insert("accountId".to_owned(), account.into());
    members.insert(
        "oldQueryState".to_owned(),
        changes.old_query_state.to_string().into(),
    );
    members.insert(
        "newQueryState".to_owned(),
        changes.new_query_state.to_string().into(),
    );
    if let (Some(total), true) = (changes.total, wants_total) {
        members.insert("total".to_owned(), total.into());
    }
    members.insert("removed".to_owned(), json!(changes.removed));
    members.insert("added".to_owned(), added.into());
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::concierge::mail::accounts::Error;
    use crate::bindings::concierge::mail::search::{Added, Page, Term};
    use crate::methods::email::tests::{kind, tell};
    use crate::scripted::Scripted;

    /// RFC 8621 §4.10: its first example, and what it is answered.
    #[test]
    fn the_query_of_the_rfc() {
        let host = Scripted::default();
        host.query_emails
            .then(Box::new(|_, account, query, window| {
                assert_eq!(account, "a");
                assert_eq!(query.filter, [Term::InMailbox("fb666a55".to_owned())]);
                let newest_first = Comparator {
                    property: Property::ReceivedAt,
                    keyword: String::new(),
                    ascending: false,
                };
                assert_eq!(query.sort, [newest_first]);
                assert!(query.collapse_threads && window.calculate_total);
                assert_eq!((window.position, window.limit), (0, 10));
                Ok(Page {
                    query_state: 7,
                    can_calculate_changes: true,
                    position: 0,
                    ids: vec!["m1".to_owned()],
                    total: Some(1),
                })
            }));
        let answer = tell(
            &host,
            "Email/query",
            json!({
                "accountId": "a",
                "filter": {"inMailbox": "fb666a55"},
                "sort": [{"isAscending": false, "property": "receivedAt"}],
                "collapseThreads": true,
                "position": 0,
                "limit": 10,
                "calculateTotal": true
            }),
        );
        let expected = json!({
            "accountId": "a", "queryState": "7", "canCalculateChanges": true,
            "position": 0, "ids": ["m1"], "total": 1
        });
        assert_eq!(answer, Ok(expected));
        host.finish();
    }

    #[test]
    fn anchors_and_negative_positions_are_the_hosts() {
        let host = Scripted::default();
        host.query_emails.then(Box::new(|_, _, query, window| {
            assert!(query.filter.is_empty() && query.sort.is_empty());
            assert_eq!((window.position, window.anchor_offset), (-5, -2));
            assert_eq!(window.anchor.as_deref(), Some("m9"));
            Err(Error::AnchorNotFound)
        }));
        let arguments =
            json!({"accountId": "a", "position": -5, "anchor": "m9", "anchorOffset": -2});
        assert_eq!(kind(&host, "Email/query", arguments), Kind::AnchorNotFound);
        host.finish();
    }

    #[test]
    fn orders_that_are_none_are_refused() {
        let host = Scripted::default();
        for (level, expected) in [
            (json!({"property": "colour"}), Kind::UnsupportedSort),
            (
                json!({"property": "from", "collation": "i;octet"}),
                Kind::UnsupportedSort,
            ),
            (json!({"property": "hasKeyword"}), Kind::InvalidArguments),
            (
                json!({"property": "hasKeyword", "keyword": "a b"}),
                Kind::InvalidArguments,
            ),
            (
                json!({"property": "size", "keyword": "a"}),
                Kind::InvalidArguments,
            ),
            (json!({"isAscending": true}), Kind::InvalidArguments),
        ] {
            let arguments = json!({"accountId": "a", "sort": [level]});
            assert_eq!(kind(&host, "Email/query", arguments), expected, "{level}");
        }
        for (arguments, expected) in [
            (json!({"accountId": "b"}), Kind::AccountNotFound),
            (
                json!({"accountId": "a", "limit": -1}),
                Kind::InvalidArguments,
            ),
            (json!({"accountId": "a", "what": 1}), Kind::InvalidArguments),
        ] {
            assert_eq!(kind(&host, "Email/query", arguments), expected);
        }
    }

    /// RFC 8620 §5.6.
    #[test]
    fn changes_of_a_query() {
        let host = Scripted::default();
        host.email_query_changes.then(Box::new(
            |_, _, query, since, max, up_to, calculate_total| {
                assert_eq!(query.filter, [Term::HasKeyword("$flagged".to_owned())]);
                assert_eq!((since, max, calculate_total), (3, Some(9), false));
                assert_eq!(up_to.as_deref(), Some("m8"));
                Ok(QueryChanges {
                    old_query_state: 3,
                    new_query_state: 5,
                    total: None,
                    removed: vec!["m2".to_owned()],
                    added: vec![Added {
                        id: "m3".to_owned(),
                        index: 1,
                    }],
                })
            },
        ));
        let arguments = json!({
            "accountId": "a", "filter": {"hasKeyword": "$Flagged"}, "sinceQueryState": "3", "maxChanges": 9, "upToId": "m8"
        });
        let expected = json!({
            "accountId": "a", "oldQueryState": "3", "newQueryState": "5", "removed": ["m2"],
            "added": [{"id": "m3", "index": 1}]
        });
        assert_eq!(tell(&host, "Email/queryChanges", arguments), Ok(expected));
        let never = json!({"accountId": "a", "sinceQueryState": "x"});
        assert_eq!(
            kind(&host, "Email/queryChanges", never),
            Kind::CannotCalculateChanges
        );
        host.finish();
    }
}
