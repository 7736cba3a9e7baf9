//! Accounts, access keys, signatures and the tokens that prove a principal.
