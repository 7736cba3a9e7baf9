//! Whole flows: sessions of SMTP, the queue, and mailboxes in SQLite files.

mod corpus;
mod exchange;
mod submission;
mod world;
