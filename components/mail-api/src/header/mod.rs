//! Fields of headers in the forms that clients ask for (RFC 8621 §4.1.2), and the properties that name them (§4.1.3).
//!
//! Mail is read as well as it can be: what does not keep to RFC 5322 gives the part that can be understood. Every form
//! takes time linear in the length of the field.

pub mod addresses;
pub mod date;
pub mod ids;
pub mod lexer;
pub mod property;
pub mod text;
pub mod words;

/// Items of a list that one property tells of: addresses, message ids and URLs. 10,000 addresses take some 8 MB of an
/// instance's 64 as JSON. What goes beyond is left out; the raw form has it.
pub const ITEMS_MAX: usize = 10_000;
