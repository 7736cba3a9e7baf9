//! Whole flows: sessions of SMTP, the queue, and mailboxes in SQLite files.

mod corpus;
mod exchange;
mod power;
mod submission;
mod world;
