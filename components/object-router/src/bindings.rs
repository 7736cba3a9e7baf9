//! The contracts of `wit/`, as wit-bindgen generates them.
//!
//! The types are plain Rust and used on every target, so that the tests run natively on the same records that cross
//! the boundary; the functions exist only inside a component, and only [`crate::component`] calls them.

spin_sdk::wit_bindgen::generate!({
    inline: "
        package concierge:object-router;

        world object-router {
            import concierge:identity/sigv4@0.1.0;
            import concierge:objects/blobs@0.1.0;
            import concierge:objects/buckets@0.1.0;
            import concierge:objects/listing@0.1.0;
            import concierge:objects/multipart@0.1.0;
        }
    ",
    path: ["../../wit/identity", "../../wit/objects"],
    runtime_path: "spin_sdk::wit_bindgen::rt",
    generate_all,
    additional_derives: [PartialEq],
});
