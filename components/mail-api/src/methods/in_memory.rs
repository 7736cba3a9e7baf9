//! How the results of a query changed (RFC 8620 §5.6), where all results are in memory.
//!
//! The results of the old state are not kept. §5.6 allows to name as removed what may not have been there; so all that
//! changed since is named as removed, and what of it is among the present results as added where it is now.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::bindings::concierge::mail::accounts::Changes;
use crate::host::State;
use crate::jmap::error::{Kind, MethodError};
use crate::jmap::query::Since;

/// Calls of the host until what changed and the present objects are of the same state: it differs only while others
/// change them.
pub const TRIES_MAX: usize = 4;

/// What may be elsewhere than in the old results.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// That was not there in the old state.
    pub created: BTreeSet<String>,
    /// That was there, or is not any more.
    pub others: BTreeSet<String>,
}

impl Moved {
    /// Of what the host says that changed.
    pub fn of(changes: Changes) -> Self {
        Self {
            created: changes.created.into_iter().collect(),
            others: changes
                .updated
                .into_iter()
                .chain(changes.destroyed)
                .collect(),
        }
    }
}

/// The answer of a `/queryChanges`. `results` are all present ones, in their order. `upToId` is not looked at, as §5.6
/// allows.
///
/// # Errors
///
/// `tooManyChanges` where there are more than the client takes.
pub fn answer(
    account: &str,
    since: &Since,
    state: State,
    moved: &Moved,
    results: &[String],
) -> Result<Value, MethodError> {
    let added: Vec<Value> = results
        .iter()
        .enumerate()
        .filter(|(_, id)| moved.created.contains(*id) || moved.others.contains(*id))
        .map(|(index, id)| json!({"id": id, "index": index}))
        .collect();
    let count = added.len() + moved.others.len();
    let max = since.max.and_then(|max| usize::try_from(max).ok());
    if max.is_some_and(|max| count > max) {
        return Err(Kind::TooManyChanges.into());
    }
    let mut members = Map::new();
    members.insert("accountId".to_owned(), account.into());
    members.insert("oldQueryState".to_owned(), since.state.to_string().into());
    members.insert("newQueryState".to_owned(), state.to_string().into());
    if since.calculate_total {
        members.insert("total".to_owned(), results.len().into());
    }
    members.insert("removed".to_owned(), json!(moved.others));
    members.insert("added".to_owned(), added.into());
    Ok(Value::Object(members))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    fn since(max: Option<u32>) -> Since {
        Since {
            state: 1,
            max,
            up_to: None,
            calculate_total: true,
        }
    }

    /// What a client does with an answer (RFC 8620 §5.6): takes out what was removed, then puts in what was added,
    /// lowest index first.
    pub fn replayed(old: &[String], answer: &Value) -> Vec<String> {
        let removed = answer["removed"].as_array().unwrap();
        let mut ids: Vec<String> = old
            .iter()
            .filter(|id| !removed.contains(&Value::from(id.as_str())))
            .cloned()
            .collect();
        for added in answer["added"].as_array().unwrap() {
            let index = usize::try_from(added["index"].as_u64().unwrap()).unwrap();
            ids.insert(index, added["id"].as_str().unwrap().to_owned());
        }
        ids
    }

    fn ids(text: &str) -> Vec<String> {
        text.chars().map(String::from).collect()
    }

    #[test]
    fn old_results_become_the_new_ones() {
        let changes = Changes {
            old_state: 1,
            new_state: 5,
            has_more: false,
            created: ids("xy"),
            updated: ids("bq"),
            destroyed: ids("d"),
            only_counts: false,
        };
        let moved = Moved::of(changes);
        let results = ids("xabcy");
        let answer = answer("a", &since(None), 5, &moved, &results).unwrap();
        assert_eq!(replayed(&ids("badc"), &answer), ids("xabcy"));
        assert_eq!(answer["removed"], json!(["b", "d", "q"]));
        assert_eq!(answer["total"], 5);
        assert_eq!(answer["oldQueryState"], "1");
        assert_eq!(answer["newQueryState"], "5");
    }

    #[test]
    fn no_more_than_the_client_takes() {
        let moved = Moved {
            created: ids("x").into_iter().collect(),
            others: ids("b").into_iter().collect(),
        };
        let results = ids("xb");
        let fits = answer("a", &since(Some(3)), 5, &moved, &results);
        assert!(fits.is_ok());
        let error = answer("a", &since(Some(2)), 5, &moved, &results).unwrap_err();
        assert_eq!(error.kind(), Kind::TooManyChanges);
    }
}
