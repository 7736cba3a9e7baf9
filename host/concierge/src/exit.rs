//! How the program ends.

use std::fmt;
use std::process::ExitCode;

/// Why the program ends without having done what was asked, as its exit code.
/// Scripts read these: they do not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It failed; the message says how.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// What was named is not there.
    NotFound = 3,
    /// It is there already, or must not be changed so.
    Conflict = 4,
    /// An address or data directory is in use, or the server does not answer.
    Unavailable = 5,
}

/// What `--help` says about exit codes.
pub const EXIT_CODES_HELP: &str = "\
Exit codes:
  0  done
  1  failed
  2  the command line or the configuration is wrong
  3  what was named is not there
  4  it is there already, or must not be changed so
  5  an address or the data directory is in use, or the server does not answer";

/// An error for the person at the command line: one plain sentence, and the
/// exit code that goes with it.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What happened, without a final full stop.
    pub message: String,
}

impl Failure {
    /// An error with its exit code.
    pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
        }
    }

    /// A wrong command line or configuration.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Any other failure.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// The same failure, with what was being done in front.
    pub fn while_doing(self, what: impl fmt::Display) -> Self {
        Self {
            exit: self.exit,
            message: format!("{what}: {}", self.message),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}
