//! The concierge binary.

fn main() {}
