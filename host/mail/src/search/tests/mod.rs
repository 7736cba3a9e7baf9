//! Search over the store in SQLite files.

mod corpus;
mod finding;
mod lasting;
mod world;
