//! The configuration: `concierge.toml`, then the environment, then flags, each
//! over what came before.
//!
//! Every setting is declared once, in [`settings`]; its key in the file, its
//! variable, its flag, its help and its line in `docs/configuration.md` follow
//! from that.

mod booking;
mod declare;
mod load;
mod mail;
mod nodes;
mod reference;
mod settings;
mod values;

pub use declare::Setting;
pub use load::{
    BOOTSTRAP_VARIABLES, EDGE_TOKEN_VARIABLE, Flags, IMPORT_SECRET_VARIABLE, NODE_TOKEN_VARIABLE,
    Selection, Source, unknown_variables, variable,
};
pub use nodes::{NodeConfig, NodePlace};
pub use reference::reference;
pub use settings::{Config, SETTINGS};
pub use values::{ByteSize, ListenAddress, LogFormat};
