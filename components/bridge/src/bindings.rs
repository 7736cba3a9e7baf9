//! The contracts of `wit/` as exports, as wit-bindgen generates them.

#![allow(
    unsafe_code,
    missing_docs,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the code is wit-bindgen's"
)]

spin_sdk::wit_bindgen::generate!({
    inline: "
        package concierge:bridge;

        world bridge {
            export concierge:booking/administration@0.1.0;
            export concierge:booking/availability@0.1.0;
            export concierge:booking/catalogue@0.1.0;
            export concierge:booking/changes@0.1.0;
            export concierge:booking/payments@0.1.0;
            export concierge:booking/reports@0.1.0;
            export concierge:booking/reservations@0.1.0;
            export concierge:identity/passwords@0.1.0;
            export concierge:identity/sigv4@0.1.0;
            export concierge:mail/accounts@0.1.0;
            export concierge:mail/emails@0.1.0;
            export concierge:mail/events@0.1.0;
            export concierge:mail/mailboxes@0.1.0;
            export concierge:mail/messages@0.1.0;
            export concierge:mail/outgoing@0.1.0;
            export concierge:mail/search@0.1.0;
            export concierge:mail/submissions@0.1.0;
            export concierge:objects/blobs@0.1.0;
            export concierge:objects/buckets@0.1.0;
            export concierge:objects/listing@0.1.0;
            export concierge:objects/multipart@0.1.0;
        }
    ",
    path: ["../../wit/booking", "../../wit/identity", "../../wit/mail", "../../wit/objects"],
    runtime_path: "spin_sdk::wit_bindgen::rt",
    generate_all,
    additional_derives: [serde::Serialize, serde::Deserialize],
    pub_export_macro: true,
});
