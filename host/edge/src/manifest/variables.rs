//! Application variables and `{{ name }}` templates (Spin: "Application Variables").

use super::{ManifestError, schema};
use std::collections::BTreeMap;

/// The values of the application's variables: those given, else the defaults.
pub(super) fn application(
    declared: &BTreeMap<String, schema::Variable>,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, ManifestError> {
    let mut values = BTreeMap::new();
    for (name, variable) in declared {
        if variable.required == variable.default.is_some() {
            return Err(ManifestError::Variable(format!(
                "the variable \"{name}\" must either be required or have a default"
            )));
        }
        let Some(value) = given.get(name).or(variable.default.as_ref()) else {
            return Err(ManifestError::Variable(format!(
                "the variable \"{name}\" is required and has no value; set SPIN_VARIABLE_{}",
                name.to_ascii_uppercase()
            )));
        };
        values.insert(name.clone(), value.clone());
    }
    Ok(values)
}

/// Replaces each `{{ name }}` by the variable's value.
pub(super) fn resolve(
    template: &str,
    values: &BTreeMap<String, String>,
) -> Result<String, ManifestError> {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, tail)) = after.split_once("}}") else {
            return Err(ManifestError::Variable(format!(
                "\"{template}\" has {{{{ without }}}}"
            )));
        };
        let name = name.trim();
        let Some(value) = values.get(name) else {
            return Err(ManifestError::Variable(format!(
                "\"{template}\" uses the variable \"{name}\", which [variables] does not have"
            )));
        };
        out.push_str(before);
        out.push_str(value);
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}
