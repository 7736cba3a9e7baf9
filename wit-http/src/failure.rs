//! Why a call had no answer of its contract.

/// Why a call had no answer of its contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No connection to the host, or it broke before the answer was there.
    #[error("the host cannot be reached: {0}")]
    Unreachable(String),
    /// The host has too much to do; the call was not begun.
    #[error("the host is overloaded")]
    Overloaded,
    /// The host refused the call: its status, and its sentence. 401 is another
    /// token, 403 a token without the grant, 404 a function or a version that the host
    /// does not have, 409 a contract of the same version and another form.
    #[error("the host refused the call ({status}): {why}")]
    Refused {
        /// The status of the answer.
        status: u16,
        /// What it said.
        why: String,
    },
    /// Arguments or a result that fit neither a header nor the body.
    #[error("arguments or result are too long")]
    TooLong,
    /// What one end cannot read of the other: a fault in one of them.
    #[error("the call or its answer cannot be read: {0}")]
    Broken(String),
}

impl Failure {
    /// From an answer whose status is not 200.
    #[must_use]
    pub fn refused(status: u16, body: &[u8]) -> Self {
        match status {
            503 => Self::Overloaded,
            _ => Self::Refused {
                status,
                why: String::from_utf8_lossy(body).trim().to_owned(),
            },
        }
    }

    /// Whether the same call may succeed in a moment.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Overloaded)
    }
}

/// The error of a contract, which has a case for this too: who calls a contract
/// must not have to know where the host is.
pub trait ContractError: Sized {
    /// The case for a call that had no answer.
    fn of(failure: &Failure) -> Self;
}
