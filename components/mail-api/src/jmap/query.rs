//! `/query` (RFC 8620 §5.5) and `/queryChanges` (§5.6), as every data type has them.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::context::{Arguments, read};
use super::error::{Kind, MethodError};
use super::limits::{FILTER_DEPTH_MAX, FILTER_TERMS_MAX, QUERY_LIMIT_MAX, SORT_MAX};
use super::value::{self, Int, UnsignedInt};
use crate::host::State;

/// Which of the results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// From the start, or from the end where negative.
    pub position: i64,
    /// The id that it is relative to, instead.
    pub anchor: Option<String>,
    /// Relative to the anchor.
    pub anchor_offset: i64,
    /// At most so many.
    pub limit: u32,
    /// The client asked for more than is given at once, or for no limit, and is told which one holds.
    pub limit_is_ours: bool,
    /// The number of all results is wanted.
    pub calculate_total: bool,
}

impl Window {
    /// Takes the arguments that all queries have.
    ///
    /// # Errors
    ///
    /// `invalidArguments` where one is not of its form.
    pub fn take(arguments: &mut Arguments) -> Result<Self, MethodError> {
        let number = |number: Option<Int>| number.map_or(0, |Int(number)| number);
        let asked = arguments
            .take::<UnsignedInt>("limit")?
            .map(UnsignedInt::saturated);
        Ok(Self {
            position: number(arguments.take("position")?),
            anchor: arguments.take("anchor")?,
            anchor_offset: number(arguments.take("anchorOffset")?),
            limit: asked.unwrap_or(QUERY_LIMIT_MAX).min(QUERY_LIMIT_MAX),
            limit_is_ours: asked.is_none_or(|asked| asked > QUERY_LIMIT_MAX),
            calculate_total: arguments.take("calculateTotal")?.unwrap_or(false),
        })
    }

    /// The first of the results that are wanted, and the results. For lists that are in memory.
    ///
    /// # Errors
    ///
    /// `anchorNotFound`.
    pub fn of<'i>(&self, ids: &'i [String]) -> Result<(usize, &'i [String]), MethodError> {
        let count = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        let first = match &self.anchor {
            Some(anchor) => {
                let at = ids.iter().position(|id| id == anchor);
                let at = at.and_then(|at| i64::try_from(at).ok());
                let at = at.ok_or(Kind::AnchorNotFound)?;
                at.saturating_add(self.anchor_offset).max(0)
            }
            None if self.position < 0 => count.saturating_add(self.position).max(0),
            None => self.position,
        };
        let first = usize::try_from(first.min(count)).unwrap_or(ids.len());
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let rest = ids.get(first..).unwrap_or_default();
        Ok((first, rest.get(..limit).unwrap_or(rest)))
    }
}

/// What a query found.
#[derive(Clone, Debug)]
pub struct Found<'a> {
    /// Of which account.
    pub account: &'a str,
    /// The state of the results.
    pub state: State,
    /// Whether `/queryChanges` can be asked with it.
    pub can_calculate_changes: bool,
    /// Of the first id.
    pub position: u64,
    /// The ids.
    pub ids: &'a [String],
    /// Of all results, where it was wanted.
    pub total: Option<u64>,
}

impl Found<'_> {
    /// The answer.
    pub fn answer(&self, window: &Window) -> Value {
        let mut members = Map::new();
        members.insert("accountId".to_owned(), self.account.into());
        members.insert("queryState".to_owned(), self.state.to_string().into());
        members.insert(
            "canCalculateChanges".to_owned(),
            self.can_calculate_changes.into(),
        );
        members.insert("position".to_owned(), self.position.into());
        members.insert("ids".to_owned(), json!(self.ids));
        if let (Some(total), true) = (self.total, window.calculate_total) {
            members.insert("total".to_owned(), total.into());
        }
        if window.limit_is_ours {
            members.insert("limit".to_owned(), window.limit.into());
        }
        Value::Object(members)
    }
}

/// What `/queryChanges` has beyond filter and sort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since {
    /// The state of the results that the client has.
    pub state: State,
    /// At most so many changes.
    pub max: Option<u32>,
    /// The last id that the client has.
    pub up_to: Option<String>,
    /// The number of all results is wanted.
    pub calculate_total: bool,
}

impl Since {
    /// Takes the arguments.
    ///
    /// # Errors
    ///
    /// `cannotCalculateChanges` for a text that never was a state, `invalidArguments` where one is not of its form.
    pub fn take(arguments: &mut Arguments) -> Result<Self, MethodError> {
        let state: String = arguments.require("sinceQueryState")?;
        let max: Option<UnsignedInt> = arguments.take("maxChanges")?;
        Ok(Self {
            up_to: arguments.take("upToId")?,
            calculate_total: arguments.take("calculateTotal")?.unwrap_or(false),
            max: max.map(UnsignedInt::saturated),
            state: value::state(&state).ok_or(Kind::CannotCalculateChanges)?,
        })
    }
}

/// One level of an order (RFC 8620 §5.5). Members that are not known are passed over: jmapc sends those of the query in
/// each level.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Comparator {
    /// By which property.
    pub property: String,
    /// The least first.
    #[serde(default = "ascending")]
    pub is_ascending: bool,
    /// How texts are compared (RFC 4790).
    pub collation: Option<String>,
    /// For properties that are about a keyword (RFC 8621 §4.4.2).
    pub keyword: Option<String>,
}

fn ascending() -> bool {
    true
}

/// Takes `sort`.
///
/// # Errors
///
/// `unsupportedSort` where it has too many levels or names a collation, `invalidArguments` where it is not of its form.
pub fn take_sort(arguments: &mut Arguments) -> Result<Vec<Comparator>, MethodError> {
    let sort: Vec<Comparator> = arguments.take("sort")?.unwrap_or_default();
    if sort.len() > SORT_MAX {
        let why = format!("At most {SORT_MAX} levels.");
        return Err(MethodError::new(Kind::UnsupportedSort, why));
    }
    if sort.iter().any(|level| level.collation.is_some()) {
        return Err(MethodError::new(
            Kind::UnsupportedSort,
            "No collation can be chosen.",
        ));
    }
    Ok(sort)
}

/// A filter (RFC 8620 §5.5).
#[derive(Clone, Debug, PartialEq)]
pub enum Filter<C> {
    /// A condition.
    Condition(C),
    /// An operator over filters.
    Operator(Operator, Vec<Filter<C>>),
}

/// How filters are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// All must match.
    And,
    /// At least one must match.
    Or,
    /// None may match.
    Not,
}

/// Takes `filter`; `None`: everything.
///
/// # Errors
///
/// `unsupportedFilter` where it is nested too deep, has too many conditions or a condition that is not known,
/// `invalidArguments` where it is not of its form.
pub fn take_filter<C: DeserializeOwned>(
    arguments: &mut Arguments,
) -> Result<Option<Filter<C>>, MethodError> {
    // As it is: what reads it into a type would go down into it before its depth is known.
    let mut terms_left = FILTER_TERMS_MAX;
    match arguments.0.remove("filter") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => filter(value, 0, &mut terms_left).map(Some),
    }
}

fn filter<C: DeserializeOwned>(
    value: Value,
    depth: usize,
    terms_left: &mut usize,
) -> Result<Filter<C>, MethodError> {
    let unsupported = |why: String| MethodError::new(Kind::UnsupportedFilter, why);
    *terms_left = terms_left
        .checked_sub(1)
        .ok_or_else(|| unsupported(format!("At most {FILTER_TERMS_MAX} conditions.")))?;
    let Value::Object(mut members) = value else {
        return Err(MethodError::invalid_arguments(
            "filter: A filter is an object.",
        ));
    };
    let Some(operator) = members.remove("operator") else {
        let condition = read(Value::Object(members)).map_err(unsupported)?;
        return Ok(Filter::Condition(condition));
    };
    if depth >= FILTER_DEPTH_MAX {
        let why = format!("At most {FILTER_DEPTH_MAX} operators inside each other.");
        return Err(unsupported(why));
    }
    let operator = match operator.as_str() {
        Some("AND") => Operator::And,
        Some("OR") => Operator::Or,
        Some("NOT") => Operator::Not,
        _ => {
            return Err(MethodError::invalid_arguments(
                "filter: The operator is AND, OR or NOT.",
            ));
        }
    };
    let Some(Value::Array(conditions)) = members.remove("conditions") else {
        return Err(MethodError::invalid_arguments(
            "filter: conditions is missing, or no array.",
        ));
    };
    if let Some(name) = members.keys().next() {
        return Err(MethodError::invalid_arguments(format!(
            "filter: {name:?} is not known here."
        )));
    }
    let inner = conditions
        .into_iter()
        .map(|condition| filter(condition, depth + 1, terms_left))
        .collect::<Result<_, _>>()?;
    Ok(Filter::Operator(operator, inner))
}
