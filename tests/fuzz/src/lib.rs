//! What each fuzz target does with its bytes. A panic is a finding.

pub mod jmap;
pub mod jmap_header;
pub mod mail;
pub mod mail_search;
pub mod objects;
pub mod smtp;
