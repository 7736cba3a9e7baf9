//! The shape of `spin.toml`, manifest version 2, as Spin documents it ("Spin Application Manifest
//! Reference"). Keys that belong to Spin's build and packaging are accepted and not used; keys
//! that would give a component something this host does not have are refused in `mod.rs`.

use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub spin_manifest_version: toml::Value,
    pub application: Application,
    #[serde(default)]
    pub variables: BTreeMap<String, Variable>,
    pub trigger: Triggers,
    #[serde(default)]
    pub component: BTreeMap<String, Component>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "accepted because Spin has it; nothing here uses it"
)]
pub(super) struct Application {
    pub name: String,
    #[serde(default)]
    pub version: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub authors: Vec<String>,
    #[serde(default)]
    pub targets: Vec<toml::Value>,
    #[serde(default)]
    pub trigger: BTreeMap<String, toml::Table>,
    #[serde(default)]
    pub tool: BTreeMap<String, toml::Table>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variable {
    #[serde(rename = "description", default)]
    pub _description: Option<String>,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub default: Option<String>,
    #[serde(rename = "secret", default)]
    pub _secret: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Triggers {
    #[serde(default)]
    pub http: Vec<HttpTrigger>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpTrigger {
    #[serde(rename = "id", default)]
    pub _id: Option<String>,
    pub route: Route,
    pub component: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Route {
    Pattern(String),
    Private(PrivateRoute),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PrivateRoute {
    pub private: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Component {
    pub source: toml::Value,
    #[serde(rename = "description", default)]
    pub _description: String,
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    pub files: Vec<toml::Value>,
    #[serde(rename = "exclude_files", default)]
    pub _exclude_files: Vec<String>,
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    pub key_value_stores: Vec<String>,
    #[serde(default)]
    pub sqlite_databases: Vec<String>,
    #[serde(default)]
    pub ai_models: Vec<String>,
    #[serde(rename = "targets", default)]
    pub _targets: Option<Vec<toml::Value>>,
    #[serde(rename = "build", default)]
    pub _build: Option<Build>,
    #[serde(default)]
    pub tool: Tools,
    #[serde(rename = "dependencies_inherit_configuration", default)]
    pub _dependencies_inherit_configuration: Option<bool>,
    #[serde(rename = "dependencies", default)]
    pub _dependencies: BTreeMap<String, toml::Value>,
    #[serde(rename = "profile", default)]
    pub _profile: BTreeMap<String, toml::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Build {
    #[serde(rename = "command")]
    pub _command: toml::Value,
    #[serde(rename = "workdir", default)]
    pub _workdir: Option<String>,
    #[serde(rename = "watch", default)]
    pub _watch: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Tools {
    #[serde(default)]
    pub concierge: Concierge,
    /// Other tools' tables are theirs.
    #[serde(flatten)]
    pub _others: BTreeMap<String, toml::Value>,
}

/// `[component.X.tool.concierge]`; Spin ignores it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Concierge {
    pub listener: Option<String>,
    #[serde(default)]
    pub imports: Vec<String>,
    pub route_headers: Option<bool>,
    pub memory_mib: Option<u64>,
    pub memory_mark_mib: Option<u64>,
    pub cpu_ms: Option<u64>,
    pub first_byte_ms: Option<u64>,
    pub body_mib: Option<u64>,
    pub concurrent_requests: Option<u32>,
    pub requests_per_instance: Option<u32>,
    pub instance_requests: Option<u64>,
    pub websocket: Option<WebSocket>,
}

/// `[component.X.tool.concierge.websocket]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WebSocket {
    pub path: String,
    pub requests: String,
    pub events: String,
}
