//! TLS as it can be had, and as a route asks for it.

use super::*;
use crate::{Login, RouteTls};

#[tokio::test]
async fn tls_is_used_where_it_is_offered_with_any_certificate() {
    let (server, _) = certificate("other.example");
    let fake = Fake::start(tls_part(server)).await.unwrap();
    let world = world_to(&fake, |_| {});
    assert_eq!(world.send_one().await.delivered, Delivered::Unknown);
    assert!(used_tls(&fake));
    assert_eq!(fake.heard().connections, 1);
}

#[tokio::test]
async fn a_server_that_breaks_tls_is_asked_without() {
    let breaks = |act: Act| {
        move |line: &str| match line {
            "STARTTLS" => Some(act.clone()),
            line if line.starts_with("EHLO") => say("250-b.example\r\n250 STARTTLS"),
            _ => None,
        }
    };
    for act in [
        Act::BreakTls,
        Act::HangTls,
        Act::Close,
        Act::Say("454 4.7.0 not now".to_owned()),
        Act::Say("220 go on\r\n250 injected".to_owned()),
    ] {
        let is_silent = matches!(act, Act::HangTls);
        let fake = Fake::start(breaks(act)).await.unwrap();
        let world = world_to(&fake, |options| {
            if is_silent {
                options.timeouts.tls = SHORT;
            }
        });
        assert_eq!(world.send_one().await.delivered, Delivered::Unknown);
        assert_eq!(fake.heard().connections, 2);
        assert_eq!(fake.heard().messages.len(), 1);
    }
}

#[tokio::test]
async fn a_route_that_asks_for_tls_sends_nothing_without_a_valid_certificate() {
    let (right, root) = certificate("localhost");
    let (wrong, _) = certificate("localhost");
    let required = |fake: &Fake| {
        let port = fake.address.port();
        route(&format!("b.example=localhost:{port},tls=required"))
    };
    for (part, delivered, code) in [
        (Some(right), Delivered::Unknown, "250 "),
        (Some(wrong), Delivered::Queued, "450 4.7.5 "),
        (None, Delivered::Queued, "450 4.7.4 "),
    ] {
        let fake = match part {
            Some(server) => Fake::start(tls_part(server)).await,
            None => Fake::start(|_| None).await,
        };
        let fake = fake.unwrap();
        let world = world(FakeDns::default(), |options| {
            options.routes = vec![required(&fake)];
            options.roots = vec![root.clone()];
        });
        let relayed = world.send_one().await;
        assert_eq!(relayed.delivered, delivered, "{}", relayed.smtp_reply);
        assert!(
            relayed.smtp_reply.starts_with(code),
            "{}",
            relayed.smtp_reply
        );
        let expected = usize::from(delivered == Delivered::Unknown);
        assert_eq!(fake.heard().messages.len(), expected);
    }
}

#[tokio::test]
async fn a_smart_host_is_told_who_we_are_over_tls_alone() {
    let (server, root) = certificate("localhost");
    let login = || Login {
        user: "us".to_owned(),
        password: "secret".to_owned(),
    };
    for (tls, delivered) in [
        (RouteTls::Required, Delivered::Unknown),
        (RouteTls::Opportunistic, Delivered::Queued),
    ] {
        let with_tls = tls_part(Arc::clone(&server));
        let fake = Fake::start(move |line| match line {
            line if line.starts_with("EHLO") && tls == RouteTls::Required => {
                say("250-smart.example\r\n250-STARTTLS\r\n250 AUTH PLAIN")
            }
            line if line.starts_with("EHLO") => say("250-smart.example\r\n250 AUTH PLAIN"),
            line if line.starts_with("AUTH PLAIN ") => say("235 2.7.0 ok"),
            line => with_tls(line),
        });
        let fake = fake.await.unwrap();
        let world = world(FakeDns::default(), |options| {
            let smart = route(&format!("*=localhost:{}", fake.address.port()));
            options.routes = vec![Route {
                tls,
                login: Some(login()),
                ..smart
            }];
            options.roots = vec![root.clone()];
        });
        let relayed = world.send_one().await;
        assert_eq!(relayed.delivered, delivered, "{}", relayed.smtp_reply);
        let said = fake.heard().lines.iter().any(|line| line.contains("AUTH"));
        assert_eq!(said, tls == RouteTls::Required);
    }
}
