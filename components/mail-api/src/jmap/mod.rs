//! The JMAP protocol (RFC 8620) as far as it is the same for every data type.

pub mod capability;
pub mod context;
pub mod data_type;
pub mod error;
pub mod get;
pub mod limits;
pub mod pointer;
pub mod query;
pub mod reference;
pub mod request;
pub mod run;
pub mod set;
pub mod strict_json;
pub mod value;
