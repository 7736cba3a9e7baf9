//! The records of `concierge:mail`, to and from the domain's, which have the same names and fields.

mod account;
mod email;
mod message;
mod search;
mod submission;

use concierge_mail::types::{
    BlobHash, BlobId, EmailId, MailboxId, PushId, SenderId, SubmissionId, ThreadId,
};

/// Becomes the same on the other side.
pub(super) trait To<T> {
    /// The same on the other side.
    fn to(self) -> T;
}

macro_rules! same {
    ($($type:ty),*) => { $(
        impl To<$type> for $type {
            fn to(self) -> $type {
                self
            }
        }
    )* };
}

same!((), String, bool, u8, u32, u64, i64);

macro_rules! ids {
    ($($id:ty),*) => { $(
        impl To<String> for $id {
            fn to(self) -> String {
                self.to_string()
            }
        }
    )* };
}

ids!(
    BlobHash,
    BlobId,
    EmailId,
    MailboxId,
    PushId,
    SenderId,
    SubmissionId,
    ThreadId
);

impl<A: To<B>, B> To<Vec<B>> for Vec<A> {
    fn to(self) -> Vec<B> {
        self.into_iter().map(To::to).collect()
    }
}

impl<A: To<B>, B> To<Option<B>> for Option<A> {
    fn to(self) -> Option<B> {
        self.map(To::to)
    }
}

impl<A: To<C>, B: To<D>, C, D> To<(C, D)> for (A, B) {
    fn to(self) -> (C, D) {
        (self.0.to(), self.1.to())
    }
}

impl<A: To<C>, B: To<D>, C, D> To<Result<C, D>> for Result<A, B> {
    fn to(self) -> Result<C, D> {
        self.map(To::to).map_err(To::to)
    }
}

/// A record becomes one with the same fields.
macro_rules! record {
    ($from:ty => $to:path { $($field:ident),* $(,)? }) => {
        impl $crate::joins::mail::convert::To<$to> for $from {
            fn to(self) -> $to {
                $to { $($field: $crate::joins::mail::convert::To::to(self.$field)),* }
            }
        }
    };
}

/// A variant becomes one with the same cases.
macro_rules! variant {
    ($from:ty => $to:ty { $($case:ident $(($($value:ident),+))?),* $(,)? }) => {
        impl $crate::joins::mail::convert::To<$to> for $from {
            fn to(self) -> $to {
                match self {
                    $( Self::$case $(($($value),+))? => <$to>::$case $(($(
                        $crate::joins::mail::convert::To::to($value)
                    ),+))?, )*
                }
            }
        }
    };
}

use {record, variant};
