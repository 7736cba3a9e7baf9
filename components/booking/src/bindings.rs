//! The contracts of `wit/`, as wit-bindgen generates them.
//!
//! The types are plain Rust and used on every target, so that the tests run natively on the same records that cross
//! the boundary; the functions exist only inside a component, and only [`crate::component`] calls them.

spin_sdk::wit_bindgen::generate!({
    inline: "
        package concierge:booking-component;

        world booking {
            import concierge:booking/administration@0.1.0;
            import concierge:booking/availability@0.1.0;
            import concierge:booking/catalogue@0.1.0;
            import concierge:booking/changes@0.1.0;
            import concierge:booking/payments@0.1.0;
            import concierge:booking/reports@0.1.0;
            import concierge:booking/reservations@0.1.0;
            import concierge:identity/passwords@0.1.0;
        }
    ",
    path: ["../../wit/identity", "../../wit/booking"],
    runtime_path: "spin_sdk::wit_bindgen::rt",
    generate_all,
    additional_derives: [PartialEq],
});
