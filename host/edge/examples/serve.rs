//! Serves the components of a manifest that need no store behind them: `serve SPIN_TOML ADDRESS`.
//! For trying a component, and for measuring the edge alone.

use concierge_edge::{App, Edge, EdgeOptions};
use std::collections::BTreeMap;
use std::path::Path;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let (Some(manifest), Some(address)) = (args.next(), args.next()) else {
        anyhow::bail!("usage: serve SPIN_TOML ADDRESS");
    };
    let app = App::parse(&std::fs::read_to_string(&manifest)?, &BTreeMap::new())?;
    let base = Path::new(&manifest).parent().unwrap_or(Path::new("."));
    let mut sources = BTreeMap::new();
    for (name, component) in &app.components {
        sources.insert(name.clone(), std::fs::read(base.join(&component.source))?);
    }
    let edge = Edge::new(EdgeOptions::default(), &app, &sources)?;
    println!("listening on {}", edge.bind("web", address.parse()?, None)?);
    edge.start()?;
    loop {
        std::thread::park();
    }
}
