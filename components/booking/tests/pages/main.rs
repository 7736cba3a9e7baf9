//! The pages as a browser sees them, over a host that keeps a few hotels in memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test they are how it fails"
)]

mod browser;
mod hotels;
mod playback;
mod scenes;

mod booking_walk;
mod front_desk;
mod languages;
mod refusals;
mod reservations;
mod safety;
