//! Filters of emails (RFC 8621 §4.4.1), as the host takes them: in postfix order (`wit/mail/search.wit`).

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::bindings::concierge::mail::search::{HeaderMatch, Term};
use crate::jmap::context::{Arguments, read};
use crate::jmap::error::{Kind, MethodError};
use crate::jmap::limits::FILTER_TERMS_MAX;
use crate::jmap::query::{Filter, Operator, take_filter};
use crate::jmap::value::{UnsignedInt, UtcDate};
use crate::methods::email::keyword;

/// A condition, before it is known what it asks for.
type Condition = Map<String, Value>;

/// Reads a filter; `None` is everything.
///
/// # Errors
///
/// `unsupportedFilter` where it is nested too deep, has too many terms or a condition that is not known,
/// `invalidArguments` where it is not of its form.
pub fn parse(filter: Option<Value>) -> Result<Vec<Term>, MethodError> {
    let mut arguments = Arguments::default();
    if let Some(filter) = filter {
        arguments.0.insert("filter".to_owned(), filter);
    }
    take(&mut arguments)
}

/// Takes `filter`.
///
/// # Errors
///
/// Those of [`parse`].
pub fn take(arguments: &mut Arguments) -> Result<Vec<Term>, MethodError> {
    let mut terms = Vec::new();
    if let Some(filter) = take_filter::<Condition>(arguments)? {
        push(filter, &mut terms)?;
    }
    if terms.len() > FILTER_TERMS_MAX {
        let why = format!("At most {FILTER_TERMS_MAX} conditions and operators.");
        return Err(MethodError::new(Kind::UnsupportedFilter, why));
    }
    Ok(terms)
}

/// No deeper than [`take_filter`] lets a filter be.
fn push(filter: Filter<Condition>, terms: &mut Vec<Term>) -> Result<(), MethodError> {
    match filter {
        Filter::Condition(condition) => push_condition(condition, terms),
        Filter::Operator(operator, inner) => {
            let count = count(inner.len());
            for filter in inner {
                push(filter, terms)?;
            }
            terms.push(match operator {
                Operator::And => Term::All(count),
                Operator::Or => Term::Any(count),
                Operator::Not => Term::None(count),
            });
            Ok(())
        }
    }
}

/// "If multiple conditions are given, ALL must apply", and none of them matches everything.
fn push_condition(condition: Condition, terms: &mut Vec<Term>) -> Result<(), MethodError> {
    let conditions = condition.len();
    for (name, value) in condition {
        terms.push(term(&name, value)?);
    }
    if conditions != 1 {
        terms.push(Term::All(count(conditions)));
    }
    Ok(())
}

fn count(terms: usize) -> u32 {
    u32::try_from(terms).unwrap_or(u32::MAX)
}

fn term(name: &str, value: Value) -> Result<Term, MethodError> {
    let text = |value| of::<String>(name, value);
    let time = |value| of::<UtcDate>(name, value).map(|UtcDate(time)| time);
    let number = |value| of::<UnsignedInt>(name, value).map(|UnsignedInt(number)| number);
    let keyword = |value| of_keyword(name, value);
    Ok(match name {
        "inMailbox" => Term::InMailbox(text(value)?),
        "inMailboxOtherThan" => Term::InMailboxOtherThan(of(name, value)?),
        "before" => Term::Before(time(value)?),
        "after" => Term::After(time(value)?),
        "minSize" => Term::MinSize(number(value)?),
        "maxSize" => Term::MaxSize(number(value)?),
        "allInThreadHaveKeyword" => Term::AllInThreadHaveKeyword(keyword(value)?),
        "someInThreadHaveKeyword" => Term::SomeInThreadHaveKeyword(keyword(value)?),
        "noneInThreadHaveKeyword" => Term::NoneInThreadHaveKeyword(keyword(value)?),
        "hasKeyword" => Term::HasKeyword(keyword(value)?),
        "notKeyword" => Term::NotKeyword(keyword(value)?),
        "hasAttachment" => Term::HasAttachment(of(name, value)?),
        "text" => Term::Text(text(value)?),
        "from" => Term::From(text(value)?),
        "to" => Term::To(text(value)?),
        "cc" => Term::Cc(text(value)?),
        "bcc" => Term::Bcc(text(value)?),
        "subject" => Term::Subject(text(value)?),
        "body" => Term::Body(text(value)?),
        "attachmentName" => Term::AttachmentName(text(value)?),
        "header" => Term::Header(header(value)?),
        unknown => {
            let why = format!("There is no condition {unknown:?}.");
            return Err(MethodError::new(Kind::UnsupportedFilter, why));
        }
    })
}

fn of<T: DeserializeOwned>(name: &str, value: Value) -> Result<T, MethodError> {
    read(value).map_err(|why| MethodError::invalid_arguments(format!("filter: {name}: {why}")))
}

fn of_keyword(name: &str, value: Value) -> Result<String, MethodError> {
    let text: String = of(name, value)?;
    keyword::parse(&text)
        .map_err(|why| MethodError::invalid_arguments(format!("filter: {name}: {why}")))
}

/// "The array MUST contain either one or two elements."
fn header(value: Value) -> Result<HeaderMatch, MethodError> {
    let mut texts = of::<Vec<String>>("header", value)?.into_iter();
    match (texts.next(), texts.next(), texts.next()) {
        (Some(name), value, None) => Ok(HeaderMatch { name, value }),
        _ => Err(MethodError::invalid_arguments(
            "filter: header: The name of a field, and perhaps a text.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kind(filter: Value) -> Kind {
        parse(Some(filter)).unwrap_err().kind()
    }

    #[test]
    fn no_filter_is_everything() {
        assert_eq!(parse(None), Ok(vec![]));
        assert_eq!(parse(Some(Value::Null)), Ok(vec![]));
        assert_eq!(parse(Some(json!({}))), Ok(vec![Term::All(0)]));
    }

    /// RFC 8621 §4.10, its first example.
    #[test]
    fn a_condition_is_one_term() {
        let filter = json!({"inMailbox": "fb666a55"});
        let terms = vec![Term::InMailbox("fb666a55".to_owned())];
        assert_eq!(parse(Some(filter)), Ok(terms));
    }

    /// RFC 8620 §5.5 has this shape of operators.
    #[test]
    fn operators_come_behind_what_they_are_over() {
        let filter = json!({"operator": "OR", "conditions": [
            {"hasKeyword": "Music", "subject": "x"},
            {"operator": "NOT", "conditions": [{"header": ["X-Video", "y"]}, {"header": ["X-A"]}]}
        ]});
        let header = |name: &str, value: Option<&str>| {
            Term::Header(HeaderMatch {
                name: name.to_owned(),
                value: value.map(str::to_owned),
            })
        };
        let terms = vec![
            Term::HasKeyword("music".to_owned()),
            Term::Subject("x".to_owned()),
            Term::All(2),
            header("X-Video", Some("y")),
            header("X-A", None),
            Term::None(2),
            Term::Any(2),
        ];
        assert_eq!(parse(Some(filter)), Ok(terms));
    }

    #[test]
    fn each_condition_is_known() {
        for (filter, expected) in [
            (
                json!({"inMailboxOtherThan": ["a", "b"]}),
                Term::InMailboxOtherThan(vec!["a".to_owned(), "b".to_owned()]),
            ),
            (
                json!({"before": "2014-10-30T06:12:00Z"}),
                Term::Before(1_414_649_520_000_000),
            ),
            (
                json!({"after": "2014-10-30T06:12:00Z"}),
                Term::After(1_414_649_520_000_000),
            ),
            (json!({"minSize": 1}), Term::MinSize(1)),
            (json!({"maxSize": 2}), Term::MaxSize(2)),
            (
                json!({"allInThreadHaveKeyword": "$Seen"}),
                Term::AllInThreadHaveKeyword("$seen".to_owned()),
            ),
            (
                json!({"someInThreadHaveKeyword": "a"}),
                Term::SomeInThreadHaveKeyword("a".to_owned()),
            ),
            (
                json!({"noneInThreadHaveKeyword": "a"}),
                Term::NoneInThreadHaveKeyword("a".to_owned()),
            ),
            (json!({"notKeyword": "a"}), Term::NotKeyword("a".to_owned())),
            (json!({"hasAttachment": false}), Term::HasAttachment(false)),
            (json!({"text": "x"}), Term::Text("x".to_owned())),
            (json!({"from": "x"}), Term::From("x".to_owned())),
            (json!({"to": "x"}), Term::To("x".to_owned())),
            (json!({"cc": "x"}), Term::Cc("x".to_owned())),
            (json!({"bcc": "x"}), Term::Bcc("x".to_owned())),
            (json!({"body": "x"}), Term::Body("x".to_owned())),
            (
                json!({"attachmentName": "x"}),
                Term::AttachmentName("x".to_owned()),
            ),
        ] {
            assert_eq!(parse(Some(filter)), Ok(vec![expected]));
        }
    }

    #[test]
    fn what_is_not_of_its_form_is_refused() {
        for filter in [
            json!("x"),
            json!({"inMailbox": null}),
            json!({"minSize": -1}),
            json!({"before": "yesterday"}),
            json!({"hasKeyword": "a b"}),
            json!({"header": []}),
            json!({"header": ["a", "b", "c"]}),
            json!({"operator": "XOR", "conditions": []}),
            json!({"operator": "AND"}),
            json!({"operator": "AND", "conditions": [], "text": "x"}),
        ] {
            assert_eq!(kind(filter.clone()), Kind::InvalidArguments, "{filter}");
        }
        assert_eq!(kind(json!({"isSmall": true})), Kind::UnsupportedFilter);
    }

    #[test]
    fn depth_and_number_are_bounded() {
        let mut deep = json!({"text": "x"});
        for _ in 0..1_000 {
            deep = json!({"operator": "NOT", "conditions": [deep]});
        }
        assert_eq!(kind(deep), Kind::UnsupportedFilter);
        // The terms and the operator over them.
        let wide = |terms: usize| json!({"operator": "OR", "conditions": vec![json!({"text": "x"}); terms]});
        let terms = parse(Some(wide(FILTER_TERMS_MAX - 1))).unwrap();
        assert_eq!(terms.len(), FILTER_TERMS_MAX);
        assert_eq!(kind(wide(FILTER_TERMS_MAX)), Kind::UnsupportedFilter);
        // Conditions that have several properties each are more terms than filters.
        let both = vec![json!({"text": "x", "body": "x"}); 90];
        let filter = json!({"operator": "OR", "conditions": both});
        assert_eq!(kind(filter), Kind::UnsupportedFilter);
    }
}
