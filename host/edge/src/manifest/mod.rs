//! Reads `spin.toml` (manifest version 2) into an [`App`].

mod schema;
mod variables;

#[cfg(test)]
mod tests;

use crate::joins::INTERFACES;
use crate::limits::{ComponentLimits, MAX_MEMORY_BYTES};
use crate::outbound::AllowedHosts;
use crate::routes::{RouteError, RoutePattern};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The listener of a component that names none.
pub const DEFAULT_LISTENER: &str = "web";

/// The variable by which a component learns of its WebSocket's path.
const WEBSOCKET_VARIABLE: &str = "jmap_websocket_path";

/// An application: what `spin.toml` says, checked and resolved.
#[derive(Clone, Debug)]
pub struct App {
    /// The application's name.
    pub name: String,
    /// By name.
    pub components: BTreeMap<String, ComponentConfig>,
    /// Every route with the component that answers it, in the manifest's order.
    pub routes: Vec<(RoutePattern, String)>,
}

/// One `[component.X]`.
#[derive(Clone, Debug)]
pub struct ComponentConfig {
    /// The component's name, the X of `[component.X]`.
    pub name: String,
    /// The wasm file, as the manifest names it (relative to the manifest).
    pub source: PathBuf,
    /// The listener that it answers on: `web`, `s3`, ...
    pub listener: String,
    /// Interfaces of ours that it may import, as `package/interface` without a version.
    pub imports: Vec<String>,
    /// Whether Spin's `spin-*` request headers are set.
    pub route_headers: bool,
    /// Where its outbound HTTP requests may go.
    pub allowed_outbound_hosts: AllowedHosts,
    /// Its environment variables.
    pub environment: BTreeMap<String, String>,
    /// Its configuration variables, resolved.
    pub variables: Arc<BTreeMap<String, String>>,
    /// What it may use.
    pub limits: ComponentLimits,
    /// Where JMAP over WebSocket is offered for it.
    pub websocket: Option<WebSocketConfig>,
}

/// JMAP over WebSocket (RFC 8887) before a component that speaks JMAP over HTTP: paths of its.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketConfig {
    /// Where clients open it.
    pub path: String,
    /// Where each of their requests is posted to.
    pub requests: String,
    /// The event stream (RFC 8620 §7.3).
    pub events: String,
}

/// Why a manifest was refused. The texts are written for the person who edits it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Not TOML, an unknown key (the valid ones are listed), or a value of another type.
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    /// Another manifest version.
    #[error("spin_manifest_version is {0}; this program reads version 2")]
    Version(String),
    /// A route names a component that is not there.
    #[error(
        "the route \"{route}\" names the component \"{component}\", which the manifest does not have; it has: {known}"
    )]
    UnknownComponent {
        /// The route as written.
        route: String,
        /// The name that is not there.
        component: String,
        /// The names that are.
        known: String,
    },
    /// A route cannot be understood.
    #[error("the route \"{route}\" is not valid: {reason}")]
    Route {
        /// The route as written.
        route: String,
        /// Why.
        reason: RouteError,
    },
    /// Two components of one listener answer the same route.
    #[error(
        "the route \"{route}\" is given twice on the listener \"{listener}\", to \"{first}\" and to \"{second}\""
    )]
    DuplicateRoute {
        /// The route as written the second time.
        route: String,
        /// The listener of both.
        listener: String,
        /// The component that came first.
        first: String,
        /// The component that came second.
        second: String,
    },
    /// Something about a component.
    #[error("component \"{component}\": {reason}")]
    Component {
        /// The component's name.
        component: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A variable has no value, or a template is broken.
    #[error("{0}")]
    Variable(String),
}

impl App {
    /// Parses a manifest. `values` gives application variables a value, by name, over the
    /// manifest's defaults (Spin takes them from `SPIN_VARIABLE_<NAME>`).
    ///
    /// # Errors
    /// A [`ManifestError`] whose text says what to change.
    pub fn parse(text: &str, values: &BTreeMap<String, String>) -> Result<Self, ManifestError> {
        let manifest: schema::Manifest = toml::from_str(text)?;
        if manifest.spin_manifest_version != toml::Value::Integer(2) {
            return Err(ManifestError::Version(
                manifest.spin_manifest_version.to_string(),
            ));
        }
        let variables = variables::application(&manifest.variables, values)?;
        let components = manifest
            .component
            .iter()
            .map(|(name, component)| {
                Ok((name.clone(), read_component(name, component, &variables)?))
            })
            .collect::<Result<BTreeMap<_, _>, ManifestError>>()?;
        let routes = read_routes(&manifest.trigger.http, &components)?;
        Ok(Self {
            name: manifest.application.name,
            components,
            routes,
        })
    }
}

fn read_routes(
    triggers: &[schema::HttpTrigger],
    components: &BTreeMap<String, ComponentConfig>,
) -> Result<Vec<(RoutePattern, String)>, ManifestError> {
    let mut routes: Vec<(RoutePattern, String)> = Vec::new();
    for trigger in triggers {
        let text = match &trigger.route {
            schema::Route::Pattern(text) => text.clone(),
            schema::Route::Private(route) if route.private => continue,
            schema::Route::Private(_) => "{ private = false }".to_owned(),
        };
        let pattern = RoutePattern::parse(&text).map_err(|reason| ManifestError::Route {
            route: text.clone(),
            reason,
        })?;
        let Some(component) = components.get(&trigger.component) else {
            return Err(ManifestError::UnknownComponent {
                route: text,
                component: trigger.component.clone(),
                known: join(components.keys()),
            });
        };
        for (other, owner) in &routes {
            let Some(owner) = components.get(owner) else {
                continue;
            };
            if owner.listener == component.listener && other.same_paths(&pattern) {
                return Err(ManifestError::DuplicateRoute {
                    route: text,
                    listener: component.listener.clone(),
                    first: owner.name.clone(),
                    second: component.name.clone(),
                });
            }
        }
        routes.push((pattern, trigger.component.clone()));
    }
    Ok(routes)
}

fn read_component(
    name: &str,
    component: &schema::Component,
    variables: &BTreeMap<String, String>,
) -> Result<ComponentConfig, ManifestError> {
    let wrong = |reason: String| ManifestError::Component {
        component: name.to_owned(),
        reason,
    };
    let Some(source) = component.source.as_str() else {
        return Err(wrong(
            "source must be the path of a file; remote sources are not supported".into(),
        ));
    };
    let unsupported = [
        ("files", component.files.is_empty()),
        ("key_value_stores", component.key_value_stores.is_empty()),
        ("sqlite_databases", component.sqlite_databases.is_empty()),
        ("ai_models", component.ai_models.is_empty()),
    ];
    if let Some((key, _)) = unsupported.iter().find(|(_, empty)| !empty) {
        return Err(wrong(format!(
            "{key} is not supported; this host does not provide it"
        )));
    }
    let tool = &component.tool.concierge;
    let resolve =
        |text: &String| variables::resolve(text, variables).map_err(|e| wrong(e.to_string()));
    let hosts = component
        .allowed_outbound_hosts
        .iter()
        .map(resolve)
        .collect::<Result<Vec<_>, _>>()?;
    let mut resolved = component
        .variables
        .iter()
        .map(|(key, text)| Ok((key.clone(), resolve(text)?)))
        .collect::<Result<BTreeMap<_, _>, ManifestError>>()?;
    if let Some(websocket) = &tool.websocket {
        // So that its session can tell of it; where nobody offers one there is no such variable.
        resolved.insert(WEBSOCKET_VARIABLE.to_owned(), websocket.path.clone());
    }
    Ok(ComponentConfig {
        name: name.to_owned(),
        source: PathBuf::from(source),
        listener: tool
            .listener
            .clone()
            .unwrap_or_else(|| DEFAULT_LISTENER.to_owned()),
        imports: tool
            .imports
            .iter()
            .map(|i| read_import(i))
            .collect::<Result<_, _>>()
            .map_err(&wrong)?,
        route_headers: tool.route_headers.unwrap_or(true),
        allowed_outbound_hosts: AllowedHosts::parse(&hosts).map_err(|e| wrong(e.to_string()))?,
        environment: component.environment.clone(),
        variables: Arc::new(resolved),
        limits: read_limits(tool).map_err(&wrong)?,
        websocket: tool
            .websocket
            .as_ref()
            .map(read_websocket)
            .transpose()
            .map_err(wrong)?,
    })
}

fn read_websocket(config: &schema::WebSocket) -> Result<WebSocketConfig, String> {
    let path = |name: &str, path: &String| match path.starts_with('/') && !path.contains('?') {
        true => Ok(path.clone()),
        false => Err(format!("websocket.{name} is no path that begins with /")),
    };
    Ok(WebSocketConfig {
        path: path("path", &config.path)?,
        requests: path("requests", &config.requests)?,
        events: path("events", &config.events)?,
    })
}

/// `package/interface`, with the version cut off: the host serves one version of each.
fn read_import(text: &str) -> Result<String, String> {
    let name = text.split('@').next().unwrap_or(text);
    if INTERFACES.contains(&name) {
        return Ok(name.to_owned());
    }
    Err(format!(
        "imports has \"{text}\", which is not an interface of this host; it has {}",
        join(INTERFACES.iter())
    ))
}

fn read_limits(tool: &schema::Concierge) -> Result<ComponentLimits, String> {
    let defaults = ComponentLimits::default();
    let mib = |value: Option<u64>, name: &str| match value {
        Some(0) => Err(format!("{name} must be at least 1")),
        Some(n) => n
            .checked_mul(1 << 20)
            .map(Some)
            .ok_or_else(|| format!("{name} is too large")),
        None => Ok(None),
    };
    let memory_bytes = mib(tool.memory_mib, "memory_mib")?.unwrap_or(defaults.memory_bytes);
    if memory_bytes > MAX_MEMORY_BYTES {
        return Err(format!(
            "memory_mib is above {}, the whole of wasm's memory",
            MAX_MEMORY_BYTES >> 20
        ));
    }
    let positive = |value: Option<u64>, default: Duration, name: &str| match value {
        Some(0) => Err(format!("{name} must be at least 1")),
        Some(ms) => Ok(Duration::from_millis(ms)),
        None => Ok(default),
    };
    let count = |value: Option<u32>, default: u32, name: &str| match value {
        Some(0) => Err(format!("{name} must be at least 1")),
        Some(n) => Ok(n),
        None => Ok(default),
    };
    Ok(ComponentLimits {
        memory_bytes,
        memory_mark_bytes: mib(tool.memory_mark_mib, "memory_mark_mib")?
            .unwrap_or(memory_bytes / 2),
        cpu: positive(tool.cpu_ms, defaults.cpu, "cpu_ms")?,
        first_byte: positive(tool.first_byte_ms, defaults.first_byte, "first_byte_ms")?,
        body_bytes: mib(tool.body_mib, "body_mib")?.unwrap_or(defaults.body_bytes),
        concurrent_requests: count(
            tool.concurrent_requests,
            defaults.concurrent_requests,
            "concurrent_requests",
        )?,
        requests_per_instance: count(
            tool.requests_per_instance,
            defaults.requests_per_instance,
            "requests_per_instance",
        )?,
        instance_requests: match tool.instance_requests {
            Some(0) => return Err("instance_requests must be at least 1".into()),
            other => other,
        },
    })
}

fn join(items: impl Iterator<Item = impl AsRef<str>>) -> String {
    let items: Vec<String> = items.map(|item| format!("\"{}\"", item.as_ref())).collect();
    if items.is_empty() {
        "none".to_owned()
    } else {
        items.join(", ")
    }
}
