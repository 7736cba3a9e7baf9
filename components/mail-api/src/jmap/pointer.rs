//! JSON pointers (RFC 6901), with JMAP's `*` (RFC 8620 §3.7) and as the keys of patches (§5.3).

use serde_json::{Map, Value};

/// The unescaped tokens of a pointer. `None` where it is not one.
pub fn tokens(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    pointer
        .strip_prefix('/')?
        .split('/')
        .map(unescaped)
        .collect()
}

/// The tokens of a patch's key, which has no slash in front (RFC 8620 §5.3). `None` where it is not one.
pub fn patch_tokens(key: &str) -> Option<Vec<String>> {
    key.split('/').map(unescaped).collect()
}

/// RFC 6901 §3: `~1` is `/` and `~0` is `~`; no other `~` may be.
fn unescaped(token: &str) -> Option<String> {
    let mut text = String::with_capacity(token.len());
    let mut characters = token.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '~' => match characters.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(text)
}

/// A token as it stands in a pointer.
pub fn escaped(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

/// Follows a pointer. `*` maps the rest over an array and puts the results together, those that are arrays as their items
/// (RFC 8620 §3.7). `None` where it leads nowhere, or copies more than `bytes_left` bytes, which it takes from it. Each
/// value on the way counts, too: else a pointer that maps over very many arrays, all empty, would cost nothing.
pub fn follow(value: &Value, tokens: &[String], bytes_left: &mut usize) -> Option<Value> {
    *bytes_left = bytes_left.checked_sub(ITSELF_BYTES)?;
    let Some((token, rest)) = tokens.split_first() else {
        *bytes_left = bytes_left.checked_sub(weight(value))?;
        return Some(value.clone());
    };
    match value {
        Value::Object(members) => follow(members.get(token)?, rest, bytes_left),
        Value::Array(items) if token == "*" => {
            let mut found = Vec::new();
            for item in items {
                match follow(item, rest, bytes_left)? {
                    Value::Array(inner) => found.extend(inner),
                    other => found.push(other),
                }
            }
            Some(Value::Array(found))
        }
        Value::Array(items) => follow(items.get(index(token)?)?, rest, bytes_left),
        _ => None,
    }
}

/// RFC 6901 §4: digits without leading zeros.
fn index(token: &str) -> Option<usize> {
    let digits = token.bytes().all(|byte| byte.is_ascii_digit());
    let leading = token.len() > 1 && token.starts_with('0');
    (digits && !leading).then(|| token.parse().ok())?
}

/// Bytes, about, of a value by itself, and of an entry of a map beyond its value.
const ITSELF_BYTES: usize = 32;

/// Bytes, about, that a value takes in memory.
pub fn weight(value: &Value) -> usize {
    ITSELF_BYTES
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(weight).sum(),
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| ITSELF_BYTES + name.len() + weight(value))
                .sum(),
        }
}

/// Applies a PatchObject (RFC 8620 §5.3) to the present properties of an object: `null` removes. Properties at the top
/// that are removed become `null`, for the caller to give them their default.
///
/// # Errors
///
/// A sentence where the patch is not one: a pointer into an array or to nowhere, or one that is the beginning of another.
pub fn apply(object: &mut Map<String, Value>, patch: &Map<String, Value>) -> Result<(), String> {
    let mut paths: Vec<(Vec<String>, &Value)> = Vec::with_capacity(patch.len());
    for (key, value) in patch {
        let tokens = patch_tokens(key).ok_or_else(|| format!("{key:?} is not a pointer."))?;
        paths.push((tokens, value));
    }
    // In order, a pointer stands right before those that begin with it.
    paths.sort_by(|one, other| one.0.cmp(&other.0));
    for pair in paths.windows(2) {
        if let [(shorter, _), (longer, _)] = pair
            && longer.starts_with(shorter)
        {
            return Err(format!("{:?} is patched twice.", shorter.join("/")));
        }
    }
    for (path, value) in paths {
        put(object, &path, value)?;
    }
    Ok(())
}

fn put(object: &mut Map<String, Value>, path: &[String], value: &Value) -> Result<(), String> {
    let Some((last, parents)) = path.split_last() else {
        return Ok(());
    };
    let mut place = object;
    for token in parents {
        // "All parts prior to the last ... MUST already exist", and no array is among them.
        place = place
            .get_mut(token)
            .and_then(Value::as_object_mut)
            .ok_or_else(|| format!("There is no object at {:?}.", path.join("/")))?;
    }
    if value.is_null() && !parents.is_empty() {
        place.remove(last);
    } else {
        place.insert(last.clone(), value.clone());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn followed(value: &Value, pointer: &str) -> Option<Value> {
        follow(value, &tokens(pointer)?, &mut 100_000)
    }

    /// RFC 6901 §5.
    #[test]
    fn the_pointers_of_the_rfc() {
        let document = json!({
            "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8
        });
        assert_eq!(followed(&document, ""), Some(document.clone()));
        for (pointer, value) in [
            ("/foo", json!(["bar", "baz"])),
            ("/foo/0", json!("bar")),
            ("/", json!(0)),
            ("/a~1b", json!(1)),
            ("/c%d", json!(2)),
            ("/e^f", json!(3)),
            ("/g|h", json!(4)),
            ("/i\\j", json!(5)),
            ("/k\"l", json!(6)),
            ("/ ", json!(7)),
            ("/m~0n", json!(8)),
        ] {
            assert_eq!(followed(&document, pointer), Some(value), "{pointer}");
        }
        for pointer in [
            "foo", "/foo/2", "/foo/00", "/foo/-", "/foo/bar", "/a~2b", "/x", "/a~1b/c",
        ] {
            assert_eq!(followed(&document, pointer), None, "{pointer}");
        }
    }

    #[test]
    fn stars_map_and_flatten_one_level() {
        let document = json!({"list": [{"ids": ["a", "b"]}, {"ids": []}, {"ids": ["c"]}]});
        assert_eq!(
            followed(&document, "/list/*/ids"),
            Some(json!(["a", "b", "c"]))
        );
        let nested = json!([[[1], [2]], [[3]]]);
        assert_eq!(followed(&nested, "/*"), Some(json!([[1], [2], [3]])));
        assert_eq!(followed(&nested, "/*/*"), Some(json!([1, 2, 3])));
        assert_eq!(followed(&json!({"*": 1}), "/*"), Some(json!(1)));
        assert_eq!(followed(&document, "/list/*/x"), None);
        assert_eq!(followed(&json!("text"), "/*"), None);
    }

    #[test]
    fn what_is_copied_is_bounded() {
        let document = json!({"text": "x".repeat(1_000)});
        let path = tokens("/text").unwrap();
        let mut left = 1_500;
        assert!(follow(&document, &path, &mut left).is_some());
        assert!(follow(&document, &path, &mut left).is_none());
    }

    /// A pointer over arrays that are all empty copies nothing, and cost nothing: a request of 25,000 such references to
    /// 100,000 arrays was billions of steps. So what is passed on the way counts, too.
    #[test]
    fn what_is_passed_is_bounded() {
        let document = json!({"list": vec![json!([]); 100]});
        let path = tokens("/list/*/*").unwrap();
        let mut left = 100 * ITSELF_BYTES;
        assert!(follow(&document, &path, &mut left).is_none());
        let mut left = 200 * ITSELF_BYTES;
        assert_eq!(follow(&document, &path, &mut left), Some(json!([])));
        assert!(follow(&document, &path, &mut left).is_none());
    }

    #[test]
    fn patches_set_and_remove() {
        let mut object = json!({"name": "a", "keywords": {"x": true, "y": true}, "n/m": {"~": 1}});
        let patch = json!({"name": "b", "keywords/x": null, "keywords/z": true, "n~1m/~0": 2, "role": null});
        apply(object.as_object_mut().unwrap(), patch.as_object().unwrap()).unwrap();
        let expected =
            json!({"name": "b", "keywords": {"y": true, "z": true}, "n/m": {"~": 2}, "role": null});
        assert_eq!(object, expected);
    }

    #[test]
    fn what_is_not_a_patch_is_refused() {
        for patch in [
            json!({"keywords": {}, "keywords/x": true}),
            json!({"a/b": 1}),
            json!({"list/0": 1}),
            json!({"name/x": 1}),
            json!({"a~2": 1}),
            json!({"keywords/x": true, "keywords/x/y": true, "keywords/x!": true}),
        ] {
            let mut object = json!({"name": "a", "keywords": {"x": true}, "list": [1]});
            let object = object.as_object_mut().unwrap();
            assert!(
                apply(object, patch.as_object().unwrap()).is_err(),
                "{patch}"
            );
        }
    }
}
