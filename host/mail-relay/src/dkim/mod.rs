//! DKIM (RFC 6376, RFC 8463): keys of our domains, and signatures with them.

mod keys;
mod make;
mod sign;

#[cfg(test)]
mod tests;

pub(crate) use keys::zone_text;
pub use keys::{DkimError, DkimKeys, PublicKey};
pub use make::Algorithm;
pub(crate) use sign::Signers;
