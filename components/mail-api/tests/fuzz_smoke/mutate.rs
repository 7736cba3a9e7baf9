//! Changes of requests: of their values, which stay JSON, and of their bytes.

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

/// What may stand where any value stands.
fn odd(rng: &mut StdRng) -> Value {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(9_007_199_254_740_992_u64),
        json!(u64::MAX),
        json!(""),
        json!("#k"),
        json!("*"),
        json!("a/b~2"),
        json!("\u{0}\r\né"),
        json!("2026-11-26T03:04:05Z"),
        json!([]),
        json!({}),
        json!([[], [null]]),
        json!({"a/b": {"": {}}}),
        json!({"resultOf": "0", "name": "Core/echo", "path": ""}),
        json!({"operator": "NOT", "conditions": []}),
    ];
    values[rng.random_range(0..values.len())].clone()
}

/// All places in a value, itself first, as pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                places(member, &format!("{at}/{name}"), found);
            }
        }
        _ => {}
    }
}

fn any_place(rng: &mut StdRng, value: &Value) -> String {
    let mut found = Vec::new();
    places(value, "", &mut found);
    found.swap_remove(rng.random_range(0..found.len()))
}

/// Changes a request in one to four places, and leaves it JSON.
pub fn value(rng: &mut StdRng, request: &mut Value, other: &Value) {
    for _ in 0..rng.random_range(1..=4) {
        let from = any_place(rng, other);
        let piece = match rng.random_range(0..3) {
            0 => other.pointer(&from).cloned().unwrap(),
            _ => odd(rng),
        };
        let place = any_place(rng, request);
        // Not the request itself, nor the parts of a call: what follows would not be read.
        if place.matches('/').count() < 4 {
            continue;
        }
        let value = request.pointer_mut(&place).unwrap();
        match (rng.random_range(0..3), value) {
            (0, Value::Object(members)) => {
                let key = from.rsplit('/').next().unwrap().to_owned();
                members.insert(key, piece);
            }
            (0, Value::Array(items)) => items.push(piece),
            (1, Value::Object(members)) => members.retain(|_, _| rng.random_range(0..3) > 0),
            (_, value) => *value = piece,
        }
    }
}

/// Changes bytes in one to four places.
pub fn bytes(rng: &mut StdRng, bytes: &mut Vec<u8>) {
    const TELLING: [&[u8]; 12] = [
        b"\"", b"{", b"}", b"[", b"]", b",", b"\\u0000", b"\\ud800", b"null", b"#", b"1e999",
        b"\xff",
    ];
    for _ in 0..rng.random_range(1..=4) {
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..4) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => {
                bytes.remove(at);
            }
            _ => {
                let telling = TELLING[rng.random_range(0..TELLING.len())];
                bytes.splice(at..at, telling.iter().copied());
            }
        }
    }
}
