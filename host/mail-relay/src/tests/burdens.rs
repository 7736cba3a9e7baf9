//! Connections that are used again, and what a domain is burdened with.

use super::*;
use crate::DomainLimits;

#[tokio::test]
async fn a_connection_is_used_again_for_so_many_messages() {
    let fake = Fake::start(|_| None).await.unwrap();
    let world = world_to(&fake, |options| {
        options.pool.messages = 3;
        options.pool.idle = LONG;
    });
    for connections in [1, 1, 1, 2] {
        assert_eq!(world.send_one().await.delivered, Delivered::Unknown);
        assert_eq!(fake.heard().connections, connections);
    }
    let resets = fake
        .heard()
        .lines
        .iter()
        .filter(|line| line.ends_with("RSET"))
        .count();
    assert_eq!(resets, 2);
}

#[tokio::test]
async fn a_connection_that_is_gone_is_replaced() {
    let fake = Fake::start(|line| match line {
        "RSET" => Some(Act::Close),
        _ => None,
    });
    let fake = fake.await.unwrap();
    let world = world_to(&fake, |options| options.pool.idle = LONG);
    for connections in 1..4 {
        assert_eq!(world.send_one().await.delivered, Delivered::Unknown);
        assert_eq!(fake.heard().connections, connections);
    }
}

#[tokio::test]
async fn a_connection_that_waits_too_long_is_left_politely() {
    let fake = Fake::start(|_| None).await.unwrap();
    let world = world_to(&fake, |options| {
        options.pool.idle = Duration::from_millis(2)
    });
    world.send_one().await;
    while !fake.heard().lines.contains(&"1 QUIT".to_owned()) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_domain_at_its_limit_is_told_to_wait_and_others_are_not() {
    let fake = Fake::start(|line| match line {
        "RCPT TO:<hang@b.example>" => Some(Act::Hang),
        _ => None,
    });
    let fake = fake.await.unwrap();
    let other = route(&format!("c.example={}", fake.address));
    let world = world_to(&fake, |options| {
        options.routes.push(other);
        options.domains.insert(
            "b.example".to_owned(),
            DomainLimits {
                at_once: 1,
                per_minute: None,
            },
        );
    });
    let hangs = world.send(&["hang@b.example"]);
    tokio::pin!(hangs);
    while fake.heard().connections == 0 {
        let step = Duration::from_millis(1);
        assert!(tokio::time::timeout(step, &mut hangs).await.is_err());
    }
    let relayed = world.send_one().await;
    assert_eq!(relayed.delivered, Delivered::Queued);
    assert!(relayed.wait_us.is_some());
    let relayed = world.send(&["bob@c.example"]).await;
    assert_eq!(relayed[0].delivered, Delivered::Unknown);
}

#[tokio::test]
async fn a_domain_that_is_down_is_not_tried_by_every_message() {
    // The port is nobody's: its server has ended.
    let fake = Fake::start(|_| None).await.unwrap();
    let address = fake.address;
    drop(fake);
    let dns = dns_with_hosts("b.example", &[(10, "mx.example", address)]);
    let world = world(dns, |options| {
        options.port = address.port();
        options.dead_first = LONG;
    });
    let first = world.send_one().await;
    assert_eq!((first.delivered, first.wait_us), (Delivered::Queued, None));
    assert!(
        first.smtp_reply.starts_with("450 4.4.1 mx.example: "),
        "{}",
        first.smtp_reply
    );
    for _ in 0..1_000 {
        let next = world.send_one().await;
        assert!(next.smtp_reply.contains("not tried"), "{}", next.smtp_reply);
        assert!(next.wait_us.is_some());
    }
}

#[tokio::test]
async fn messages_of_a_category_leave_from_its_address() {
    let fake = Fake::start(|_| None).await.unwrap();
    let source: std::net::IpAddr = "127.0.0.5".parse().unwrap();
    let world = world_to(&fake, |options| {
        options.sources.insert(3, source);
        options.sources.insert(4, "::1".parse().unwrap());
    });
    for (category, from) in [(3, "127.0.0.5"), (4, "127.0.0.1"), (0, "127.0.0.1")] {
        let mut entry = queued(path("bob@b.example", &[]));
        entry.category = category;
        let outbound = Outbound {
            queued: vec![entry],
            bytes: stream::iter([Ok(Bytes::from_static(MESSAGE.as_bytes()))]).boxed(),
        };
        world.relay.send(outbound).await.unwrap();
        let peer = fake.heard().peers.pop().unwrap();
        assert_eq!(peer.ip().to_string(), from, "{category}");
    }
}
