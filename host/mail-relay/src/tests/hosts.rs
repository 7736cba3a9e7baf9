//! Mail exchangers.

use super::*;

/// Two servers on one port, at 127.0.0.1 and 127.0.0.2.
async fn two(
    one: impl Fn(&str) -> Option<Act> + Send + Sync + 'static,
    two: impl Fn(&str) -> Option<Act> + Send + Sync + 'static,
) -> (Fake, Fake) {
    let one = Fake::start(one).await.unwrap();
    let other = SocketAddr::from(([127, 0, 0, 2], one.address.port()));
    let two = Fake::start_on(other, two).await.unwrap();
    (one, two)
}

/// Does this at lines that begin so.
fn at_line(at: &'static str, act: Act) -> impl Fn(&str) -> Option<Act> + Send + Sync + 'static {
    move |line| {
        let is_it = line.starts_with(at) && (line.is_empty() == at.is_empty());
        is_it.then(|| act.clone())
    }
}

fn world_of_two(one: &Fake, two: &Fake) -> World {
    let hosts = [
        (10, "one.example", one.address),
        (20, "two.example", two.address),
    ];
    let port = one.address.port();
    world(dns_with_hosts("b.example", &hosts), |options| {
        options.port = port
    })
}

#[tokio::test]
async fn the_next_host_is_tried_where_one_fails_before_the_final_dot() {
    for (at, act) in [
        ("", Act::Close),
        ("", Act::Say("554 5.7.1 go away".to_owned())),
        ("", Act::Say("421 4.3.2 busy".to_owned())),
        ("EHLO us.example", Act::Say("421 4.3.2 busy".to_owned())),
        ("MAIL FROM:<ann@us.example>", Act::Close),
        ("DATA", Act::Close),
    ] {
        let (one, two) = two(at_line(at, act), |_| None).await;
        let relayed = world_of_two(&one, &two).send_one().await;
        assert_eq!(relayed.remote.as_deref(), Some("two.example"), "{at}");
        assert_eq!(relayed.delivered, Delivered::Unknown);
        assert_eq!(
            (one.heard().messages.len(), two.heard().messages.len()),
            (0, 1)
        );
    }
}

#[tokio::test]
async fn no_host_is_tried_where_one_may_have_it_or_does_not_want_it() {
    for (at, act, delivered) in [
        (".", Act::Close, Delivered::Queued),
        (
            ".",
            Act::Say("451 4.3.0 not now".to_owned()),
            Delivered::Queued,
        ),
        (".", Act::Say("554 5.6.0 no".to_owned()), Delivered::No),
        (
            "RCPT TO:<bob@b.example>",
            Act::Say("550 5.1.1 no".to_owned()),
            Delivered::No,
        ),
    ] {
        let (one, two) = two(at_line(at, act), |_| None).await;
        let relayed = world_of_two(&one, &two).send_one().await;
        assert_eq!(relayed.delivered, delivered, "{at}");
        assert_eq!(two.heard().connections, 0, "{at}");
    }
}

#[tokio::test]
async fn who_is_refused_by_one_host_is_not_named_to_the_next() {
    let (one, two) = two(
        |line| match line {
            "RCPT TO:<no@b.example>" => say("550 5.1.1 no such user"),
            "DATA" => Some(Act::Close),
            _ => None,
        },
        |_| None,
    )
    .await;
    let relayed = world_of_two(&one, &two)
        .send(&["no@b.example", "bob@b.example"])
        .await;
    assert_eq!(relayed[0].remote.as_deref(), Some("one.example"));
    assert_eq!(relayed[1].remote.as_deref(), Some("two.example"));
    let named = two
        .heard()
        .lines
        .iter()
        .filter(|line| line.contains("RCPT"))
        .count();
    assert_eq!(named, 1);
}

#[tokio::test]
async fn a_domain_all_of_whose_hosts_say_that_they_take_no_mail_never_does() {
    for (greeting, delivered) in [
        ("521 5.3.2 no mail here", Delivered::No),
        ("554 5.7.1 go away", Delivered::Queued),
    ] {
        let (one, two) = two(
            move |line| line.is_empty().then(|| Act::Say(greeting.to_owned())),
            move |line| line.is_empty().then(|| Act::Say(greeting.to_owned())),
        )
        .await;
        let relayed = world_of_two(&one, &two).send_one().await;
        assert_eq!(
            (relayed.delivered, relayed.smtp_reply.as_str()),
            (delivered, greeting)
        );
    }
}

#[tokio::test]
async fn names_that_lead_nowhere_say_why() {
    let broken = || Zone {
        broken: true,
        ..Zone::default()
    };
    let mx = |host: &'static str| Zone {
        mx: vec![(10, host)],
        ..Zone::default()
    };
    let dns = FakeDns::default()
        .with("null.example", mx(""))
        .with("silent.example", broken())
        .with("loop.example", mx("us.example"))
        .with("dangling.example", mx("gone.example"))
        .with("half.example", mx("silent.example"));
    let world = world(dns, |_| {});
    for (domain, delivered, reply) in [
        ("null.example", Delivered::No, "556 5.1.10 "),
        ("unknown.example", Delivered::No, "550 5.1.2 "),
        ("loop.example", Delivered::No, "554 5.4.6 "),
        ("[nonsense]", Delivered::No, "550 5.1.3 "),
        ("silent.example", Delivered::Queued, "451 4.4.3 "),
        ("half.example", Delivered::Queued, "450 4.4.1 "),
        ("dangling.example", Delivered::Queued, "450 4.4.1 "),
    ] {
        let address = format!("bob@{domain}");
        let relayed = world.send(&[&address]).await.remove(0);
        assert_eq!(relayed.delivered, delivered, "{domain}");
        assert!(
            relayed.smtp_reply.starts_with(reply),
            "{domain}: {}",
            relayed.smtp_reply
        );
        assert_eq!(relayed.remote, None);
    }
}

#[tokio::test]
async fn a_strangers_name_leads_to_public_addresses_alone() {
    let fake = Fake::start(|_| None).await.unwrap();
    let dns = || dns_with_hosts("b.example", &[(10, "mx.example", fake.address)]);
    let inside = world(dns(), |options| {
        options.port = fake.address.port();
        options.private_addresses = false;
    });
    let own = world(dns(), |options| {
        options.port = fake.address.port();
        options.own_addresses = vec![fake.address.ip()];
    });
    for (world, why) in [(&inside, "is not public"), (&own, "is this server's")] {
        let relayed = world.send_one().await;
        assert!(relayed.smtp_reply.ends_with(why), "{}", relayed.smtp_reply);
    }
    let relayed = inside.send(&["bob@[127.0.0.1]"]).await;
    assert!(relayed[0].smtp_reply.ends_with("is not public"));
    assert_eq!(fake.heard().connections, 0);
}

#[tokio::test]
async fn a_host_that_is_this_one_by_another_name_is_not_sent_to() {
    let us = |line: &str| match line {
        "" => say("220 US.example ESMTP"),
        _ => None,
    };
    let (one, two) = two(us, |_| None).await;
    let relayed = world_of_two(&one, &two).send_one().await;
    assert_eq!(relayed.remote.as_deref(), Some("two.example"));
    assert!(one.heard().messages.is_empty());

    let dns = dns_with_hosts("b.example", &[(10, "one.example", one.address)]);
    let world = world(dns, |options| options.port = one.address.port());
    let relayed = world.send_one().await;
    assert_eq!(relayed.delivered, Delivered::No);
    assert!(
        relayed.smtp_reply.starts_with("554 5.4.6 "),
        "{}",
        relayed.smtp_reply
    );
}
