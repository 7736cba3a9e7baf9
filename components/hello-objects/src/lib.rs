//! An edge function against the contracts of `wit/`.
//!
//! `GET /hello-objects/BUCKET` lists the keys of a bucket, and `GET /hello-objects/BUCKET/KEY` gives an
//! object, to a client that signs its request as it would sign one to S3. The function knows no
//! secret and decides nothing about access: it says what the client signed, the host checks that and
//! answers with a token, and with the token the object store decides. An object's bytes go from the
//! store to the client without entering the function's memory.
//!
//! `docs/writing-a-component.md` builds such a function from an empty directory.

mod signed;

#[cfg(target_family = "wasm")]
mod component;

pub use signed::Signed;
