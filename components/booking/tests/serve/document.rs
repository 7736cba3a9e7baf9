//! The OpenAPI document, and whether an answer is as it says.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use booking::api::{OPENAPI, route};
use http::Method;
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::client::Answered;

/// The document.
pub static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_slice(OPENAPI).expect("the document is JSON"));

/// The document's operation for a path and a method.
pub fn operation(method: &Method, target: &str) -> Option<&'static Value> {
    let path = target.split('?').next().unwrap_or("");
    let resource = route::find(path)?;
    let route = resource.route(method)?;
    let method = route.method.to_ascii_lowercase();
    DOCUMENT["paths"][route.path].get(method)
}

/// Follows a reference within the document.
pub fn resolved(value: &'static Value) -> &'static Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

/// Schemas that were made ready, by their text.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

fn validator(schema: &Value) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().unwrap();
    let made = validators.entry(schema.to_string()).or_insert_with(|| {
        let mut root = json!({"components": {"schemas": DOCUMENT["components"]["schemas"]}});
        for (name, value) in schema.as_object().unwrap() {
            root[name] = value.clone();
        }
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        Arc::new(options.build(&root).unwrap())
    });
    made.clone()
}

/// What in a value is not as a schema says.
pub fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let validator = validator(schema);
    let faults = validator.iter_errors(value);
    faults
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect()
}

/// Holds an answer of the API against the document.
pub fn check(method: &Method, target: &str, answered: &Answered) {
    if !target.starts_with("/booking/v1") || method == Method::OPTIONS {
        return;
    }
    let shown = || {
        let body = String::from_utf8_lossy(&answered.body).into_owned();
        format!("{method} {target}: {} {body}", answered.status)
    };
    let (status, error) = (answered.status, answered.status >= 400);
    let described = operation(method, target).map(|operation| &operation["responses"]);
    let response = match described.and_then(|all| all.get(status.to_string())) {
        Some(response) => response,
        None if error => &DOCUMENT["components"]["responses"]["Problem"],
        None => panic!("not in the document: {}", shown()),
    };
    let content = resolved(response).get("content");
    let content_type = answered.header("content-type");
    let essence = content_type.split(';').next().unwrap_or("");
    if method == Method::HEAD {
        assert!(answered.body.is_empty(), "{}", shown());
        return;
    }
    let Some(content) = content else {
        assert!(answered.body.is_empty(), "{}", shown());
        return;
    };
    let media = content.get(essence);
    let media =
        media.unwrap_or_else(|| panic!("{content_type} is not in the document: {}", shown()));
    if essence.ends_with("json") {
        let faults = faults(&media["schema"], &answered.json());
        assert!(faults.is_empty(), "{faults:#?} in {}", shown());
    }
    for name in answered.headers.keys() {
        let known = ["etag", "location", "idempotency-replayed", "retry-after"];
        if known.contains(&name.as_str()) {
            let described = resolved(response).get("headers").and_then(Value::as_object);
            let described = described.into_iter().flat_map(|headers| headers.keys());
            assert!(
                error
                    || described
                        .into_iter()
                        .any(|known| known.eq_ignore_ascii_case(name.as_str())),
                "{name} is not in the document: {}",
                shown()
            );
        }
    }
    assert_eq!(
        answered.header("content-length"),
        answered.body.len().to_string()
    );
}
