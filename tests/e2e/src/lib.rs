//! End to end: real clients, real processes, crashes.
