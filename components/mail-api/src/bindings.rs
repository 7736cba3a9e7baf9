//! The contracts of `wit/`, as wit-bindgen generates them.
//!
//! The types are plain Rust and used on every target, so that the tests run natively on the same records that cross
//! the boundary; the functions exist only inside a component, and only `crate::component` calls them.

spin_sdk::wit_bindgen::generate!({
    inline: "
        package concierge:mail-component;

        world mail-api {
            import concierge:identity/passwords@0.1.0;
            import concierge:mail/accounts@0.1.0;
            import concierge:mail/emails@0.1.0;
            import concierge:mail/events@0.1.0;
            import concierge:mail/mailboxes@0.1.0;
            import concierge:mail/messages@0.1.0;
            import concierge:mail/search@0.1.0;
            import concierge:mail/submissions@0.1.0;
        }
    ",
    path: ["../../wit/identity", "../../wit/mail"],
    runtime_path: "spin_sdk::wit_bindgen::rt",
    generate_all,
    additional_derives: [PartialEq],
});
