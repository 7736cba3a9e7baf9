//! The rules: pure functions from what is there to what is to be. Engines and the service run them; they touch
//! nothing.

pub mod action;
pub mod check;
pub mod limits;
pub mod price;
pub mod saga;

#[cfg(test)]
pub(crate) mod fixture;
