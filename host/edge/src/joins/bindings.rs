//! The contracts of `wit/` and Spin's variables, as wasmtime generates them for a host.

wasmtime::component::bindgen!({
    inline: "
        package concierge:edge;

        world joins {
            import concierge:booking/administration@0.1.0;
            import concierge:booking/availability@0.1.0;
            import concierge:booking/catalogue@0.1.0;
            import concierge:booking/changes@0.1.0;
            import concierge:booking/payments@0.1.0;
            import concierge:booking/reports@0.1.0;
            import concierge:booking/reservations@0.1.0;
            import concierge:identity/passwords@0.1.0;
            import concierge:identity/sigv4@0.1.0;
            import concierge:mail/accounts@0.1.0;
            import concierge:mail/emails@0.1.0;
            import concierge:mail/events@0.1.0;
            import concierge:mail/mailboxes@0.1.0;
            import concierge:mail/messages@0.1.0;
            import concierge:mail/outgoing@0.1.0;
            import concierge:mail/search@0.1.0;
            import concierge:mail/submissions@0.1.0;
            import concierge:objects/blobs@0.1.0;
            import concierge:objects/buckets@0.1.0;
            import concierge:objects/listing@0.1.0;
            import concierge:objects/multipart@0.1.0;
            import spin:variables/variables@3.0.0;
        }
    ",
    world: "concierge:edge/joins",
    path: ["../../wit/booking", "../../wit/identity", "../../wit/mail", "../../wit/objects", "wit/spin-variables.wit"],
    imports: { default: async | store | trappable },
    additional_derives: [serde::Serialize, serde::Deserialize],
});

pub(super) use self::concierge::{booking, identity, mail, objects};
pub(super) use self::spin::variables::variables;
