#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| concierge_fuzz::smtp::session(data));
