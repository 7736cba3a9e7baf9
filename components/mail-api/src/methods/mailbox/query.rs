//! `Mailbox/query` and `Mailbox/queryChanges` (RFC 8621 §2.3 and §2.4).

use serde_json::Value;

use super::order::{Order, Selection, with_descendants};
use crate::bindings::concierge::mail::mailboxes::Mailbox;
use crate::host::{Host, State};
use crate::jmap::context::{Arguments, Context};
use crate::jmap::error::{Kind, MethodError};
use crate::jmap::query::{Found, Since, Window, take_filter, take_sort};
use crate::methods::in_memory::{self, Moved, TRIES_MAX};

/// Takes what both methods have.
fn take_selection(arguments: &mut Arguments) -> Result<Selection, MethodError> {
    Ok(Selection {
        filter: take_filter(arguments)?,
        order: Order::of(&take_sort(arguments)?)?,
        sort_as_tree: arguments.take("sortAsTree")?.unwrap_or(false),
        filter_as_tree: arguments.take("filterAsTree")?.unwrap_or(false),
    })
}

/// The ids of mailboxes that match.
pub async fn query<H: Host>(
    context: &Context<'_, H>,
    mut arguments: Arguments,
) -> Result<Value, MethodError> {
    let account: String = arguments.require("accountId")?;
    let selection = take_selection(&mut arguments)?;
    let window = Window::take(&mut arguments)?;
    arguments.finish()?;
    let account = context.account(&account)?;
    let (mailboxes, state) = context.host.mailboxes(context.token, &account.id).await?;
    let results = selection.of(&mailboxes);
    let (first, ids) = window.of(&results)?;
    let found = Found {
        account: &account.id,
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
    let selection = take_selection(&mut arguments)?;
    let since = Since::take(&mut arguments)?;
    arguments.finish()?;
    let account = &context.account(&account)?.id;
    let (moved, mailboxes, state) = changed(context, account, since.state).await?;
    let moved = match selection.sort_as_tree || selection.filter_as_tree {
        true => with_whole_subtrees(moved, &mailboxes),
        false => moved,
    };
    in_memory::answer(account, &since, state, &moved, &selection.of(&mailboxes))
}

/// What changed since a state, and the present mailboxes, both of the same state.
async fn changed<H: Host>(
    context: &Context<'_, H>,
    account: &str,
    since: State,
) -> Result<(Moved, Vec<Mailbox>, State), MethodError> {
    let Context { host, token, .. } = context;
    for _ in 0..TRIES_MAX {
        let changes = host.mailboxes_changed(token, account, since, 0).await?;
        if changes.has_more {
            break;
        }
        let (mailboxes, state) = host.mailboxes(token, account).await?;
        if state == changes.new_state {
            // Nothing is filtered or sorted by counts.
            let moved = match changes.only_counts {
                true => Moved::default(),
                false => Moved::of(changes),
            };
            return Ok((moved, mailboxes, state));
        }
    }
    Err(Kind::CannotCalculateChanges.into())
}

/// In a tree what is in a mailbox moves with it.
fn with_whole_subtrees(moved: Moved, mailboxes: &[Mailbox]) -> Moved {
    let mut others = with_descendants(&moved.others, mailboxes);
    others.extend(with_descendants(&moved.created, mailboxes));
    others.retain(|id| !moved.created.contains(id));
    Moved { others, ..moved }
}

#[cfg(test)]
mod tests {
    use super::super::object::tests::mailbox;
    use super::*;
    use crate::bindings::concierge::mail::accounts::Changes;
    use crate::methods::in_memory::tests::replayed;
    use serde_json::json;

    fn arguments(tree: bool) -> Arguments {
        let filter = json!({"operator": "NOT", "conditions": [{"name": "x"}]});
        let arguments = json!({"filter": filter, "sort": [{"property": "name"}], "sortAsTree": tree, "filterAsTree": tree});
        Arguments(arguments.as_object().cloned().unwrap())
    }

    /// Mailboxes that move, are renamed, made and destroyed: a client that replays the changes has what a new query gives.
    #[test]
    fn changes_lead_from_the_old_results_to_the_new_ones() {
        let old = [
            mailbox("1", "b", None),
            mailbox("2", "c", Some("1")),
            mailbox("3", "d", Some("2")),
            mailbox("4", "e", None),
            mailbox("5", "x", None),
            mailbox("6", "f", Some("5")),
            mailbox("7", "a", None),
        ];
        // 2 moves into 4, 5 is no more filtered away and 1 is, 7 goes, 8 and 9 come.
        let new = [
            mailbox("1", "bx", None),
            mailbox("2", "c", Some("4")),
            mailbox("3", "d", Some("2")),
            mailbox("4", "e", None),
            mailbox("5", "z", None),
            mailbox("6", "f", Some("5")),
            mailbox("8", "a", Some("4")),
            mailbox("9", "x", None),
        ];
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        for tree in [false, true] {
            let selection = take_selection(&mut arguments(tree)).unwrap();
            let moved = Moved::of(Changes {
                old_state: 1,
                new_state: 2,
                has_more: false,
                created: ids(&["8", "9"]),
                updated: ids(&["1", "2", "5"]),
                destroyed: ids(&["7"]),
                only_counts: false,
            });
            let moved = match tree {
                true => with_whole_subtrees(moved, &new),
                false => moved,
            };
            let since = Since {
                state: 1,
                max: None,
                up_to: None,
                calculate_total: false,
            };
            let results = selection.of(&new);
            let answer = in_memory::answer("a", &since, 2, &moved, &results).unwrap();
            assert_eq!(replayed(&selection.of(&old), &answer), results, "{tree}");
        }
    }
}
