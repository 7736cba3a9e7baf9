//! The application: the manifest and the bytes of its components.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use concierge_edge::App;

use super::embedded;
use crate::config::Config;
use crate::exit::Failure;

/// Variables for the manifest by environment, as Spin has them.
const VARIABLE_PREFIX: &str = "SPIN_VARIABLE_";

/// What the edge is to run.
pub struct Application {
    /// The manifest.
    pub app: App,
    /// The bytes of each component.
    pub sources: BTreeMap<String, Vec<u8>>,
    /// Components that come from a file, which is watched.
    pub watched: BTreeMap<String, PathBuf>,
}

/// Reads the manifest and the components.
pub fn load(config: &Config) -> Result<Application, Failure> {
    let (text, directory, shown) = match &config.manifest {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
            (
                text,
                path.parent().unwrap_or(Path::new("")).to_owned(),
                path.display().to_string(),
            )
        }
        None => (
            embedded::MANIFEST.to_owned(),
            PathBuf::new(),
            "the manifest that is built in".to_owned(),
        ),
    };
    let app = App::parse(&text, &variables(config))
        .map_err(|error| Failure::usage(format!("{shown}: {error}")))?;
    if let Some(strange) = config
        .components
        .keys()
        .find(|name| !app.components.contains_key(*name))
    {
        let known: Vec<_> = app.components.keys().map(String::as_str).collect();
        return Err(Failure::usage(format!(
            "components: {shown} has no component {strange}; it has {}",
            known.join(", ")
        )));
    }
    let mut sources = BTreeMap::new();
    let mut watched = BTreeMap::new();
    for (name, component) in &app.components {
        let file = match (config.components.get(name), embedded::component(name)) {
            (Some(file), _) => file.clone(),
            (None, Some(bytes)) => {
                sources.insert(name.clone(), bytes.to_vec());
                continue;
            }
            (None, None) => directory.join(&component.source),
        };
        let bytes = std::fs::read(&file).map_err(|error| {
            Failure::usage(format!("component {name}: {}: {error}", file.display()))
        })?;
        sources.insert(name.clone(), bytes);
        watched.insert(name.clone(), file);
    }
    Ok(Application {
        app,
        sources,
        watched,
    })
}

/// Values for the manifest's variables: the environment as Spin reads it, and
/// over it what the configuration says.
fn variables(config: &Config) -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter_map(|(name, value)| {
            Some((
                name.strip_prefix(VARIABLE_PREFIX)?.to_ascii_lowercase(),
                value,
            ))
        })
        .chain(config.variables.clone())
        .collect()
}
