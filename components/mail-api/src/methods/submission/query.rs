//! `EmailSubmission/query` and `EmailSubmission/queryChanges` (RFC 8621 §7.3 and §7.4).

use std::cmp::Ordering;

use serde::Deserialize;
use serde_json::Value;

use super::EVERY;
use crate::bindings::concierge::mail::submissions::{self, Submission, UndoStatus};
use crate::host::{Host, State};
use crate::jmap::context::{Arguments, Context};
use crate::jmap::error::{Kind, MethodError};
use crate::jmap::limits::OBJECTS_IN_GET_MAX;
use crate::jmap::query::{
    Comparator, Filter, Found, Operator, Since, Window, take_filter, take_sort,
};
use crate::jmap::value::UtcDate;
use crate::methods::in_memory::{self, Moved, TRIES_MAX};

/// Submissions that are read to sort them, or for a filter with operators, neither of which the host does: some 20 calls of
/// it, and more than a person sends in the 30 days that submissions are kept.
const READ_MAX: usize = 10_000;

/// A condition: all that is given must hold.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Condition {
    identity_ids: Option<Vec<String>>,
    email_ids: Option<Vec<String>>,
    thread_ids: Option<Vec<String>>,
    undo_status: Option<Undo>,
    before: Option<UtcDate>,
    after: Option<UtcDate>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Undo {
    Pending,
    Final,
    Canceled,
}

impl Condition {
    fn for_host(&self) -> submissions::Filter {
        submissions::Filter {
            senders: self.identity_ids.clone(),
            emails: self.email_ids.clone(),
            threads: self.thread_ids.clone(),
            undo_status: self.undo_status.map(|status| match status {
                Undo::Pending => UndoStatus::Pending,
                Undo::Final => UndoStatus::Final,
                Undo::Canceled => UndoStatus::Canceled,
            }),
            before_us: self.before.map(|UtcDate(time)| time),
            after_us: self.after.map(|UtcDate(time)| time),
        }
    }

    /// As the host does it.
    fn holds(&self, submission: &Submission) -> bool {
        let among = |ids: &Option<Vec<String>>, id: &String| {
            ids.as_ref().is_none_or(|ids| ids.contains(id))
        };
        let wanted = self.for_host();
        among(&wanted.senders, &submission.sender_id)
            && among(&wanted.emails, &submission.email_id)
            && among(&wanted.threads, &submission.thread_id)
            && wanted
                .undo_status
                .is_none_or(|status| status == submission.undo_status)
            && wanted
                .before_us
                .is_none_or(|time| submission.send_at_us < time)
            && wanted
                .after_us
                .is_none_or(|time| submission.send_at_us >= time)
    }
}

fn matches(filter: &Filter<Condition>, one: &Submission) -> bool {
    match filter {
        Filter::Condition(condition) => condition.holds(one),
        Filter::Operator(Operator::And, inner) => inner.iter().all(|it| matches(it, one)),
        Filter::Operator(Operator::Or, inner) => inner.iter().any(|it| matches(it, one)),
        Filter::Operator(Operator::Not, inner) => !inner.iter().any(|it| matches(it, one)),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Property {
    EmailId,
    ThreadId,
    SendAt,
}

impl Property {
    /// RFC 8621 §7.3 says `sentAt`, of a property that is called `sendAt`; both are taken.
    fn of(level: &Comparator) -> Option<Self> {
        match (level.property.as_str(), &level.keyword) {
            ("emailId", None) => Some(Self::EmailId),
            ("threadId", None) => Some(Self::ThreadId),
            ("sentAt" | "sendAt", None) => Some(Self::SendAt),
            _ => None,
        }
    }

    fn compare(self, one: &Submission, other: &Submission) -> Ordering {
        match self {
            Self::EmailId => one.email_id.cmp(&other.email_id),
            Self::ThreadId => one.thread_id.cmp(&other.thread_id),
            Self::SendAt => one.send_at_us.cmp(&other.send_at_us),
        }
    }
}

/// What a query asks for.
struct Selection {
    filter: Option<Filter<Condition>>,
    /// Level by level, and whether the least comes first. What is equal in all comes newest first, as the host has it.
    order: Vec<(Property, bool)>,
}

impl Selection {
    fn take(arguments: &mut Arguments) -> Result<Self, MethodError> {
        let level = |level: &Comparator| {
            let unsupported = || {
                let why = format!("Not by {:?}.", level.property);
                MethodError::new(Kind::UnsupportedSort, why)
            };
            let property = Property::of(level).ok_or_else(unsupported)?;
            Ok::<_, MethodError>((property, level.is_ascending))
        };
        Ok(Self {
            filter: take_filter(arguments)?,
            order: take_sort(arguments)?
                .iter()
                .map(level)
                .collect::<Result<_, _>>()?,
        })
    }

    /// What the host is asked for; whether that is the answer already.
    fn for_host(&self) -> (submissions::Filter, bool) {
        match &self.filter {
            None => (EVERY, self.order.is_empty()),
            Some(Filter::Condition(condition)) => (condition.for_host(), self.order.is_empty()),
            Some(Filter::Operator(..)) => (EVERY, false),
        }
    }

    /// The ids of those that are selected, of submissions that come newest first.
    fn of(&self, mut submissions: Vec<Submission>) -> Vec<String> {
        if let Some(filter) = &self.filter {
            submissions.retain(|one| matches(filter, one));
        }
        submissions.sort_by(|one, other| {
            self.order
                .iter()
                .map(|&(property, ascending)| match ascending {
                    true => property.compare(one, other),
                    false => property.compare(other, one),
                })
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        });
        submissions.into_iter().map(|one| one.id).collect()
    }
}

/// The ids of submissions that match.
pub async fn query<H: Host>(
    context: &Context<'_, H>,
    mut arguments: Arguments,
) -> Result<Value, MethodError> {
    let account: String = arguments.require("accountId")?;
    let selection = Selection::take(&mut arguments)?;
    let window = Window::take(&mut arguments)?;
    arguments.finish()?;
    let account = &context.account(&account)?.id;
    let (results, state) = results(context, account, &selection).await?;
    let (first, ids) = window.of(&results)?;
    let found = Found {
        account,
        state,
        can_calculate_changes: true,
        position: u64::try_from(first).unwrap_or(u64::MAX),
        ids,
        total: u64::try_from(results.len()).ok(),
    };
    Ok(found.answer(&window))
}

/// How the results of a query changed.
pub async fn query_changes<H: Host>(
    context: &Context<'_, H>,
    mut arguments: Arguments,
) -> Result<Value, MethodError> {
    let account: String = arguments.require("accountId")?;
    let selection = Selection::take(&mut arguments)?;
    let since = Since::take(&mut arguments)?;
    arguments.finish()?;
    let account = &context.account(&account)?.id;
    let Context { host, token, .. } = context;
    for _ in 0..TRIES_MAX {
        let changes = host
            .submissions_changed(token, account, since.state, 0)
            .await?;
        if changes.has_more {
            break;
        }
        let (results, state) = results(context, account, &selection).await?;
        if state == changes.new_state {
            return in_memory::answer(account, &since, state, &Moved::of(changes), &results);
        }
    }
    Err(Kind::CannotCalculateChanges.into())
}

/// All results of a query, and their state.
async fn results<H: Host>(
    context: &Context<'_, H>,
    account: &str,
    selection: &Selection,
) -> Result<(Vec<String>, State), MethodError> {
    let Context { host, token, .. } = context;
    for _ in 0..TRIES_MAX {
        let (filter, is_answer) = selection.for_host();
        let (ids, state) = host.query_submissions(token, account, filter).await?;
        if is_answer {
            return Ok((ids, state));
        }
        if ids.len() > READ_MAX {
            let why =
                format!("There are more than {READ_MAX}: only newest first, and one condition.");
            return Err(MethodError::new(Kind::UnsupportedSort, why));
        }
        if let Some(submissions) = read(context, account, &ids, state).await? {
            return Ok((selection.of(submissions), state));
        }
    }
    Err(Kind::ServerUnavailable.into())
}

/// Submissions as they are in a state; `None` where they changed since.
async fn read<H: Host>(
    context: &Context<'_, H>,
    account: &str,
    ids: &[String],
    state: State,
) -> Result<Option<Vec<Submission>>, MethodError> {
    let Context { host, token, .. } = context;
    let mut all = Vec::with_capacity(ids.len());
    for ids in ids.chunks(OBJECTS_IN_GET_MAX) {
        let (submissions, now) = host.submissions(token, account, ids.to_vec()).await?;
        if now != state {
            return Ok(None);
        }
        all.extend(in_order(ids, submissions));
    }
    Ok(Some(all))
}

/// Submissions in the order of their ids, which the contract does not promise.
fn in_order(ids: &[String], submissions: Vec<Submission>) -> Vec<Submission> {
    let mut by_id: std::collections::BTreeMap<String, Submission> = submissions
        .into_iter()
        .map(|one| (one.id.clone(), one))
        .collect();
    ids.iter().filter_map(|id| by_id.remove(id)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::object;
    use super::*;
    use serde_json::json;

    /// s1 to s4, newest first.
    fn submissions() -> Vec<Submission> {
        [
            ("s4", "e2", "t2", 40, UndoStatus::Pending),
            ("s3", "e1", "t1", 50, UndoStatus::Canceled),
            ("s2", "e3", "t1", 20, UndoStatus::Final),
            ("s1", "e1", "t1", 10, UndoStatus::Final),
        ]
        .map(|(id, email, thread, time_s, undo_status)| Submission {
            sender_id: format!("i{}", email.len()),
            email_id: email.to_owned(),
            thread_id: thread.to_owned(),
            send_at_us: time_s * 1_000_000,
            undo_status,
            ..object::tests::submission(id)
        })
        .to_vec()
    }

    fn selection(arguments: Value) -> Result<Selection, MethodError> {
        let mut arguments = Arguments(arguments.as_object().cloned().unwrap());
        let selection = Selection::take(&mut arguments)?;
        arguments.finish()?;
        Ok(selection)
    }

    #[test]
    fn conditions() {
        for (filter, ids) in [
            (json!({}), vec!["s4", "s3", "s2", "s1"]),
            (json!({"identityIds": ["i1"]}), vec![]),
            (
                json!({"identityIds": ["i2"], "emailIds": ["e1"]}),
                vec!["s3", "s1"],
            ),
            (json!({"emailIds": []}), vec![]),
            (json!({"threadIds": ["t2", "t3"]}), vec!["s4"]),
            (json!({"undoStatus": "final"}), vec!["s2", "s1"]),
            (json!({"before": "1970-01-01T00:00:20Z"}), vec!["s1"]),
            (json!({"after": "1970-01-01T00:00:40Z"}), vec!["s4", "s3"]),
            (
                json!({"operator": "OR", "conditions": [{"undoStatus": "pending"}, {"emailIds": ["e3"]}]}),
                vec!["s4", "s2"],
            ),
            (
                json!({"operator": "NOT", "conditions": [{"undoStatus": "final"}, {"threadIds": ["t2"]}]}),
                vec!["s3"],
            ),
            (
                json!({"operator": "AND", "conditions": [{"threadIds": ["t1"]}, {"emailIds": ["e1"]}]}),
                vec!["s3", "s1"],
            ),
        ] {
            let selection = selection(json!({"filter": filter})).unwrap();
            assert_eq!(selection.of(submissions()), ids, "{filter}");
        }
    }

    #[test]
    fn orders() {
        for (sort, ids) in [
            (json!([{"property": "sentAt"}]), ["s1", "s2", "s4", "s3"]),
            (
                json!([{"property": "sendAt", "isAscending": false}]),
                ["s3", "s4", "s2", "s1"],
            ),
            (
                json!([{"property": "threadId", "isAscending": false}, {"property": "emailId"}]),
                ["s4", "s3", "s1", "s2"],
            ),
        ] {
            let selection = selection(json!({"sort": sort})).unwrap();
            assert_eq!(selection.of(submissions()), ids, "{sort}");
        }
    }

    #[test]
    fn the_host_does_what_it_can() {
        let asked = |arguments| selection(arguments).unwrap().for_host();
        assert_eq!(asked(json!({})), (EVERY, true));
        let (filter, is_answer) = asked(json!({"filter": {"undoStatus": "pending"}}));
        assert_eq!(filter.undo_status, Some(UndoStatus::Pending));
        assert!(is_answer);
        let (_, is_answer) = asked(json!({"sort": [{"property": "emailId"}]}));
        assert!(!is_answer);
        let filter = json!({"operator": "AND", "conditions": [{"undoStatus": "pending"}]});
        assert_eq!(asked(json!({"filter": filter})), (EVERY, false));
    }

    #[test]
    fn what_cannot_be_filtered_or_sorted_by_is_refused() {
        for (arguments, kind) in [
            (
                json!({"filter": {"undoStatus": "sent"}}),
                Kind::UnsupportedFilter,
            ),
            (json!({"filter": {"sendAt": "x"}}), Kind::UnsupportedFilter),
            (
                json!({"sort": [{"property": "undoStatus"}]}),
                Kind::UnsupportedSort,
            ),
            (json!({"position": 0}), Kind::InvalidArguments),
        ] {
            let error = selection(arguments.clone()).map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), kind, "{arguments}");
        }
    }

    #[test]
    fn an_order_is_that_of_the_ids() {
        let ids: Vec<String> = ["s2", "gone", "s4"].map(str::to_owned).to_vec();
        let ordered = in_order(&ids, submissions());
        let ids: Vec<&str> = ordered.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids, ["s2", "s4"]);
    }
}
