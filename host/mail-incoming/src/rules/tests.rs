//! Rules are kept, and apply at once.

use tempfile::TempDir;

use super::*;

fn open(dir: &TempDir) -> Rules {
    Rules::open(&dir.path().join("rules.json")).unwrap()
}

#[test]
fn rules_stay() {
    let dir = TempDir::new().unwrap();
    let rules = open(&dir);
    let secret = rules.secret().to_vec();
    rules.block("Spam.example").unwrap();
    rules.block("::ffff:10.0.0.1").unwrap();
    rules.set_per_minute(RateOf::Messages, Some(7)).unwrap();
    let targets = ["bob@example.org".to_owned()];
    rules.set_forward("Info@example.org", &targets).unwrap();
    drop(rules);
    let rules = open(&dir);
    assert_eq!(rules.secret(), secret);
    assert!(rules.is_client_blocked("10.0.0.1".parse().unwrap()));
    assert_eq!(rules.per_minute(RateOf::Messages), 7);
    assert_eq!(rules.forward("INFO@example.org").unwrap(), targets);
    rules.set_forward("info@example.org", &[]).unwrap();
    rules.unblock("spam.example").unwrap();
    assert!(!rules.is_sender_blocked("x@spam.example"));
    assert!(matches!(
        rules.unblock("spam.example"),
        Err(RulesError::NotFound(_))
    ));
    rules.set_per_minute(RateOf::Messages, None).unwrap();
    assert_eq!(rules.per_minute(RateOf::Messages), 600);
}

#[test]
fn domains_are_blocked_with_all_below_them() {
    let dir = TempDir::new().unwrap();
    let rules = open(&dir);
    rules.block("spam.example").unwrap();
    rules.block("ann@good.example").unwrap();
    for blocked in ["a@spam.example", "a@mail.SPAM.example", "Ann@good.example"] {
        assert!(rules.is_sender_blocked(blocked), "{blocked}");
    }
    for taken in ["a@notspam.example", "a@example", "bob@good.example", ""] {
        assert!(!rules.is_sender_blocked(taken), "{taken}");
    }
    for wrong in ["", "a b", "@x", "a..b", "a@b@c", "<a@b>"] {
        assert!(
            matches!(rules.block(wrong), Err(RulesError::Invalid(_))),
            "{wrong:?}"
        );
    }
}

#[test]
fn buckets_empty_and_are_counted_anew() {
    let dir = TempDir::new().unwrap();
    let rules = open(&dir);
    rules.set_per_minute(RateOf::Connections, Some(3)).unwrap();
    let taken = |key| {
        (0..10)
            .filter(|_| rules.takes(RateOf::Connections, key))
            .count()
    };
    assert_eq!((taken("a"), taken("a"), taken("b")), (3, 0, 3));
    rules.set_per_minute(RateOf::Connections, Some(5)).unwrap();
    assert_eq!(taken("a"), 5);
    rules.set_per_minute(RateOf::Connections, Some(0)).unwrap();
    assert_eq!(taken("a"), 10);
}

#[test]
fn a_file_that_is_damaged_is_refused() {
    let dir = TempDir::new().unwrap();
    drop(open(&dir));
    let path = dir.path().join("rules.json");
    std::fs::write(&path, "{\"version\": 2}").unwrap();
    assert!(matches!(Rules::open(&path), Err(RulesError::Invalid(_))));
}
