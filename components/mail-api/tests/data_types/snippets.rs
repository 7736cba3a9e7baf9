//! `SearchSnippet/get` (RFC 8621 §5.1).

use mail_api::bindings::concierge::mail::search::{Snippet, Term};
use mail_api::scripted::Scripted;
use serde_json::{Value, json};

use crate::fixtures::{answer, error, texts};

/// The example of RFC 8621 §5.2.
#[test]
fn snippets_come_in_the_order_of_the_ids() {
    let host = Scripted::default();
    host.snippets.then(Box::new(|_, account, filter, emails| {
        assert_eq!((account, filter), ("a", vec![Term::Text("foo".to_owned())]));
        assert_eq!(emails, texts(&["M44", "M7b", "M28"]));
        let snippet = |id: &str, subject: Option<&str>, preview: Option<&str>| Snippet {
            email_id: id.to_owned(),
            subject: subject.map(str::to_owned),
            preview: preview.map(str::to_owned),
        };
        Ok(vec![
            snippet(
                "M7b",
                Some("The <mark>Foo</mark>sball competition"),
                Some("…the <mark>foo</mark>…"),
            ),
            snippet("M44", None, None),
        ])
    }));
    let arguments = json!({
        "accountId": "a", "filter": {"text": "foo"}, "emailIds": ["M44", "M7b", "M44", "M28"]
    });
    let expected = json!({"accountId": "a", "list": [
        {"emailId": "M44", "subject": null, "preview": null},
        {"emailId": "M7b", "subject": "The <mark>Foo</mark>sball competition", "preview": "…the <mark>foo</mark>…"},
    ], "notFound": ["M28"]});
    assert_eq!(answer(&host, "SearchSnippet/get", arguments), expected);
}

#[test]
fn without_a_filter_nothing_is_marked() {
    let host = Scripted::default();
    host.snippets.then(Box::new(|_, _, filter, _| {
        assert_eq!(filter, []);
        Ok(Vec::new())
    }));
    let arguments = json!({"accountId": "a", "filter": null, "emailIds": []});
    let expected = json!({"accountId": "a", "list": [], "notFound": null});
    assert_eq!(answer(&host, "SearchSnippet/get", arguments), expected);
}

#[test]
fn what_cannot_be_asked_for_is_refused() {
    let none = Scripted::default();
    let refused = |arguments: Value| error(&none, "SearchSnippet/get", arguments);
    let many: Vec<String> = (0..501).map(|number| format!("e{number}")).collect();
    assert_eq!(
        refused(json!({"accountId": "a", "emailIds": many})),
        "requestTooLarge"
    );
    assert_eq!(refused(json!({"accountId": "a"})), "invalidArguments");
    assert_eq!(
        refused(json!({"accountId": "x", "emailIds": []})),
        "accountNotFound"
    );
    let filter = json!({"accountId": "a", "emailIds": [], "filter": {"isSmall": true}});
    assert_eq!(refused(filter), "unsupportedFilter");
    let wanted = json!({"accountId": "a", "emailIds": [], "properties": ["subject"]});
    assert_eq!(refused(wanted), "invalidArguments");
}
