//! S3 as the load generator speaks it: signatures, endpoints, single calls and
//! workloads.

mod call;
mod endpoint;
mod mixed;
mod signer;
mod workload;

pub use call::{check_round_trip, create_bucket, put_many};
pub use endpoint::Endpoint;
pub use mixed::Mixed;
pub use signer::Credentials;
pub use workload::{Gets, Payload, PayloadKind, Puts, S3Request, Target};
