//! MTA-STS.

use super::*;

/// What became of a message to a domain whose policy is this, whose host has a certificate for `certified`.
async fn send(mode: &str, pattern: &str, certified: &str, is_trusted: bool) -> (Relayed, bool) {
    let (server, root) = certificate(certified);
    let fake = Fake::start(tls_part(server)).await.unwrap();
    let record = Zone {
        txt: vec!["v=STSv1; id=1".to_owned()],
        ..Zone::default()
    };
    let dns = dns_with_hosts("b.example", &[(10, "mx.b.example", fake.address)]);
    let dns = dns.with("_mta-sts.b.example", record);
    let policy = format!("version: STSv1\nmode: {mode}\nmx: {pattern}\nmax_age: 86400\n");
    let policies = HashMap::from([("b.example", policy)]);
    let world = world_with(dns, policies, |options| {
        options.port = fake.address.port();
        if is_trusted {
            options.roots = vec![root];
        }
    });
    let relayed = world.send_one().await;
    let is_sent = !fake.heard().messages.is_empty();
    assert!(!is_sent || used_tls(&fake));
    (relayed, is_sent)
}

#[tokio::test]
async fn what_is_enforced_is_sent_to_the_hosts_of_the_policy_with_their_certificates_alone() {
    for (mode, pattern, certified, is_trusted, is_sent) in [
        ("enforce", "mx.b.example", "mx.b.example", true, true),
        ("enforce", "*.b.example", "mx.b.example", true, true),
        // Not from an authority that is trusted.
        ("enforce", "mx.b.example", "mx.b.example", false, false),
        // Another host's.
        ("enforce", "mx.b.example", "evil.example", true, false),
        // Not in the policy.
        ("enforce", "mx.c.example", "mx.b.example", true, false),
        ("testing", "mx.c.example", "evil.example", false, true),
        ("none", "mx.c.example", "evil.example", false, true),
    ] {
        let case = (mode, pattern, certified, is_trusted);
        let (relayed, was_sent) = send(mode, pattern, certified, is_trusted).await;
        assert_eq!(was_sent, is_sent, "{case:?}");
        if is_sent {
            assert_eq!(relayed.delivered, Delivered::Unknown, "{case:?}");
        } else {
            assert_eq!(relayed.delivered, Delivered::Queued, "{case:?}");
            let reply = relayed.smtp_reply;
            assert!(reply.starts_with("450 4.7.5 "), "{case:?}: {reply}");
        }
    }
}

#[tokio::test]
async fn what_is_enforced_is_not_sent_where_tls_is_not_offered() {
    let fake = Fake::start(|_| None).await.unwrap();
    let record = Zone {
        txt: vec!["v=STSv1; id=1".to_owned()],
        ..Zone::default()
    };
    let dns = dns_with_hosts("b.example", &[(10, "mx.b.example", fake.address)]);
    let dns = dns.with("_mta-sts.b.example", record);
    let policy = "version: STSv1\nmode: enforce\nmx: mx.b.example\nmax_age: 86400\n";
    let policies = HashMap::from([("b.example", policy.to_owned())]);
    let world = world_with(dns, policies, |options| options.port = fake.address.port());
    let relayed = world.send_one().await;
    assert!(
        relayed.smtp_reply.starts_with("450 4.7.4 "),
        "{}",
        relayed.smtp_reply
    );
    assert!(fake.heard().messages.is_empty());
}
