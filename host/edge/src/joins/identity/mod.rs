//! `concierge:identity`, answered by the domain crate in this process.

pub(super) mod passwords;
pub(super) mod sigv4;
