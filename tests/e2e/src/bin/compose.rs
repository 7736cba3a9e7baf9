//! `compose NAME FILE`: composes a component of the build with the bridge, for tests in other languages.

use anyhow::{Context, bail};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(file), None) = (arguments.next(), arguments.next(), arguments.next())
    else {
        bail!("compose NAME FILE");
    };
    let composed = concierge_tests::compose::with_bridge(&name)?;
    std::fs::write(&file, composed).context(file)
}
