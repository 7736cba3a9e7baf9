//! What an index finds, at once and after a commit, and what is left of it after a crash.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a step that fails fails the test"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use concierge_mail_search::limits::{PENDING_MAX_BYTES, PENDING_MAX_CHANGES};
use concierge_mail_search::{
    AccountId, Change, Document, Error, FieldTerm, Index, Key, Positions, Scope, Shard, StorageId,
    Term, Texts,
};

const ALICE: AccountId = AccountId(0xa11ce << 80);
const BOB: AccountId = AccountId(0xb0b);

fn key(account: AccountId, number: u64) -> Key {
    Key {
        account,
        message: StorageId(number),
    }
}

fn put(account: AccountId, number: u64, texts: Texts) -> Change {
    Change::Put(Box::new(Document {
        key: key(account, number),
        texts,
    }))
}

fn body(account: AccountId, number: u64, body: &str) -> Change {
    let texts = Texts {
        body: body.to_owned(),
        ..Texts::default()
    };
    put(account, number, texts)
}

fn find(index: &Index, account: AccountId, scope: Scope, text: &str) -> Vec<u64> {
    let term = Term {
        scope,
        text: text.to_owned(),
    };
    let found = index.find(account, &term).unwrap();
    found.into_iter().map(|message| message.0).collect()
}

fn at(position: u64) -> Positions {
    Positions::of(Shard(0), position)
}

/// Runs checks on what was fed, before it is committed, after, and when the index was opened again.
fn in_all_states(changes: Vec<Change>, check: impl Fn(&Index)) {
    let directory = tempfile::tempdir().unwrap();
    let index = Index::open(directory.path()).unwrap();
    index.feed(changes, &at(1)).unwrap();
    assert_eq!(index.committed(), Positions::default());
    check(&index);
    index.commit().unwrap();
    assert_eq!(index.committed(), at(1));
    check(&index);
    drop(index);
    let index = Index::open(directory.path()).unwrap();
    assert_eq!(index.fed(), at(1));
    check(&index);
}

#[test]
fn words_are_found_in_their_fields() {
    let texts = Texts {
        from: "Jürgen Müller <j.mueller@example.org>".to_owned(),
        to: "Alice <alice@example.org>".to_owned(),
        cc: "Carol <carol@example.org>".to_owned(),
        bcc: "Dave <dave@example.org>".to_owned(),
        subject: "Re: Budget for 2026".to_owned(),
        body: "The quick brown fox doesn't care.".to_owned(),
        attachment_names: "Übersicht_final.pdf\n".to_owned(),
        ..Texts::default()
    };
    in_all_states(vec![put(ALICE, 7, texts)], |index| {
        let cases = [
            (Scope::From, "JURGEN muller"),
            (Scope::From, "j.mueller@example.org"),
            (Scope::To, "alice"),
            (Scope::Cc, "carol"),
            (Scope::Bcc, "dave@example"),
            (Scope::Subject, "budget 2026"),
            (Scope::Body, "fox quick"),
            (Scope::Body, "\"quick brown\" 'care'"),
            (Scope::Body, "doesn't"),
            (Scope::AttachmentName, "ubersicht"),
            (Scope::Text, "budget alice fox pdf"),
            (Scope::Text, " "),
        ];
        for (scope, text) in cases {
            assert_eq!(find(index, ALICE, scope, text), [7], "{scope:?} {text}");
        }
        let misses = [
            (Scope::From, "alice"),
            (Scope::Body, "\"brown quick\""),
            (Scope::Body, "quic"),
            (Scope::Text, "fox elephant"),
            (Scope::Text, "?!"),
        ];
        for (scope, text) in misses {
            assert_eq!(find(index, ALICE, scope, text), [0; 0], "{scope:?} {text}");
        }
        assert_eq!(find(index, BOB, Scope::Text, "fox"), [0; 0]);
        assert_eq!(find(index, BOB, Scope::Text, ""), [0; 0]);
    });
}

#[test]
fn fields_of_the_header_are_found_by_their_names() {
    let texts = Texts {
        header: "From:\nList-Id:Guests of the house <guests.example.org>\nX-Place:東京都\nX-Place:two\nX-Empty:\n"
            .to_owned(),
        ..Texts::default()
    };
    in_all_states(vec![put(ALICE, 7, texts)], |index| {
        let find = |account, name: &str, text: Option<&str>| {
            let (name, text) = (name.to_owned(), text.map(str::to_owned));
            let found = index.find_field(account, &FieldTerm { name, text });
            let found = found.unwrap().into_iter();
            found.map(|message| message.0).collect::<Vec<_>>()
        };
        for (name, text) in [
            ("from", None),
            ("X-EMPTY", None),
            ("x-empty", Some("")),
            ("list-id", Some("guests.example.org")),
            ("List-Id", Some("HOUSE \"of the\"")),
            ("x-place", Some("京")),
            ("x-place", Some("two 東京")),
        ] {
            assert_eq!(find(ALICE, name, text), [7], "{name} {text:?}");
        }
        for (name, text) in [
            ("to", None),
            ("list", None),
            ("x-empty", Some("two")),
            ("from", Some("guests")),
            ("list-id", Some("\"house of\"")),
            ("x-place", Some("\"東京都 two\"")),
            ("x-place:", None),
        ] {
            assert_eq!(find(ALICE, name, text), [0; 0], "{name} {text:?}");
        }
        assert_eq!(find(BOB, "list-id", None), [0; 0]);
    });
}

#[test]
fn many_scripts_are_searched() {
    let changes = vec![
        body(ALICE, 1, "Ещё один ёжик и подъезд"),
        body(ALICE, 2, "我们在北京大学见面。"),
        body(ALICE, 3, "東京都に住んでいます。ｶﾞｿﾘﾝ"),
        body(ALICE, 4, "안녕하세요 세계"),
        body(ALICE, 5, "Ça déjà été Ångström"),
        body(ALICE, 6, "Καλημέρα κόσμε"),
        body(ALICE, 7, "สวัสดีชาวโลก"),
        body(ALICE, 8, "Ｆｕｌｌ　ｗｉｄｔｈ ﬁne"),
    ];
    in_all_states(changes, |index| {
        let cases: [(&str, &[u64]); 22] = [
            ("ЕЩЕ ежик", &[1]),
            ("подъезд", &[1]),
            ("北京", &[2]),
            ("大学", &[2]),
            ("京", &[2, 3]),
            ("学", &[2]),
            ("面", &[2]),
            ("北大", &[]),
            ("東京都", &[3]),
            ("京都", &[3]),
            ("都", &[3]),
            ("住んで", &[3]),
            ("ガソリン", &[3]),
            ("안녕", &[4]),
            ("세계", &[4]),
            ("계", &[4]),
            ("\"안녕하세요 세계\"", &[4]),
            ("deja ete angstrom", &[5]),
            ("ΚΑΛΗΜΕΡΑ ΚΟΣΜΕ", &[6]),
            ("สวัสดี", &[7]),
            ("full width", &[8]),
            ("fine", &[8]),
        ];
        for (text, expected) in cases {
            assert_eq!(find(index, ALICE, Scope::Body, text), expected, "{text}");
        }
    });
}

#[test]
fn changes_replace_what_was_known() {
    let directory = tempfile::tempdir().unwrap();
    let index = Index::open(directory.path()).unwrap();
    let first = vec![
        body(ALICE, 1, "one old"),
        body(ALICE, 2, "two"),
        body(BOB, 1, "one"),
    ];
    index.feed(first, &at(1)).unwrap();
    index.commit().unwrap();
    // Behind a commit, so that the committed index is out of date.
    let second = vec![
        body(ALICE, 1, "one new"),
        Change::Remove(key(ALICE, 2)),
        body(ALICE, 3, "three"),
        Change::Remove(key(ALICE, 3)),
        Change::RemoveAccount(BOB),
        body(BOB, 2, "again"),
    ];
    index.feed(second, &at(2)).unwrap();
    let check = |index: &Index| {
        assert_eq!(find(index, ALICE, Scope::Body, "old"), [0; 0]);
        assert_eq!(find(index, ALICE, Scope::Body, "new"), [1]);
        assert_eq!(find(index, ALICE, Scope::Body, ""), [1]);
        assert_eq!(find(index, BOB, Scope::Body, ""), [2]);
    };
    check(&index);
    index.commit().unwrap();
    check(&index);
    assert_eq!(index.committed_messages(), 2);
    // Fed twice, as after a crash.
    index.feed(vec![body(ALICE, 1, "one new")], &at(1)).unwrap();
    index.commit().unwrap();
    check(&index);
    assert_eq!(index.committed(), at(2), "positions never go back");
}

#[test]
fn much_that_waits_is_committed() {
    let directory = tempfile::tempdir().unwrap();
    let index = Index::open(directory.path()).unwrap();
    let count = PENDING_MAX_CHANGES as u64 + 10;
    let changes = (0..count).map(|number| body(ALICE, number, &format!("w{number}")));
    index.feed(changes.collect(), &at(9)).unwrap();
    assert!(index.committed_messages() >= 1_000);
    // All of them are not durable yet.
    assert_eq!(index.committed(), Positions::default());
    assert_eq!(index.fed(), at(9));
    for number in [0, count / 2, count - 1] {
        let found = find(&index, ALICE, Scope::Body, &format!("w{number}"));
        assert_eq!(found, [number]);
    }
    let large = "x".repeat(100) + " ";
    let large = large.repeat(PENDING_MAX_BYTES / 101 + 1);
    let before = index.committed_messages();
    index.feed(vec![body(BOB, 1, &large)], &at(10)).unwrap();
    assert!(index.committed_messages() > before);
}

#[test]
fn a_large_id_is_whole() {
    let changes = vec![body(ALICE, u64::MAX, "max"), body(ALICE, 1 << 63, "middle")];
    in_all_states(changes, |index| {
        assert_eq!(find(index, ALICE, Scope::Body, "max"), [u64::MAX]);
        assert_eq!(find(index, ALICE, Scope::Body, "middle"), [1 << 63]);
    });
}

#[test]
fn only_one_writes() {
    let directory = tempfile::tempdir().unwrap();
    let index = Index::open(directory.path()).unwrap();
    assert!(matches!(Index::open(directory.path()), Err(Error::Locked)));
    assert!(matches!(
        Index::create(directory.path()),
        Err(Error::Locked)
    ));
    index.feed(vec![body(ALICE, 1, "still")], &at(1)).unwrap();
    index.commit().unwrap();
    drop(index);
    let index = Index::open(directory.path()).unwrap();
    assert_eq!(find(&index, ALICE, Scope::Body, "still"), [1]);
}

#[test]
fn another_format_and_damage_ask_for_a_new_index() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let filled = || {
        let index = Index::create(path).unwrap();
        index.feed(vec![body(ALICE, 1, "word")], &at(1)).unwrap();
        index.commit().unwrap();
    };
    filled();
    fs::write(path.join("FORMAT"), "concierge-mail-search 0\n").unwrap();
    let error = Index::open(path).err().unwrap();
    assert!(error.needs_rebuild(), "{error}");
    assert!(error.to_string().contains("concierge-mail-search 0"));
    filled();
    fs::write(path.join("meta.json"), "{").unwrap();
    let error = Index::open(path).err().unwrap();
    assert!(error.needs_rebuild(), "{error}");
    filled();
    fs::remove_file(path.join("meta.json")).unwrap();
    let error = Index::open(path).err().unwrap();
    assert!(error.needs_rebuild(), "{error}");
    // Made anew it is empty, and wants to be fed from the start.
    let index = Index::create(path).unwrap();
    assert_eq!(index.committed(), Positions::default());
    assert_eq!(find(&index, ALICE, Scope::Body, "word"), [0; 0]);
    drop(index);
    // Half made, as by a crash, it is made again.
    fs::remove_file(path.join("FORMAT")).unwrap();
    let index = Index::open(path).unwrap();
    assert_eq!(index.committed(), Positions::default());
}

/// Where the process that is killed writes.
const CRASH_DIRECTORY: &str = "CONCIERGE_TEST_CRASH_DIRECTORY";

/// Of 10 changes the last is not committed.
const COMMIT_EVERY: u64 = 9;

#[test]
#[ignore = "it never ends: `a_killed_writer_leaves_its_last_commit` runs and kills it"]
fn writes_until_killed() {
    let directory = std::env::var_os(CRASH_DIRECTORY).unwrap();
    let index = Index::open(Path::new(&directory)).unwrap();
    for position in index.committed().get(Shard(0)) + 1.. {
        let change = body(ALICE, position, &format!("w{position} common"));
        index.feed(vec![change], &at(position)).unwrap();
        if position % COMMIT_EVERY == 0 {
            index.commit().unwrap();
            println!("\ncommitted {position}");
        }
    }
}

#[test]
fn a_killed_writer_leaves_its_last_commit() {
    let directory = tempfile::tempdir().unwrap();
    let mut last = 0;
    for round in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "writes_until_killed", "--nocapture"])
            .env(CRASH_DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let acknowledged = lines
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("committed ")?.parse::<u64>().ok())
            .nth(5 * round)
            .expect("the child commits");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(acknowledged > last, "it went on where it was");
        let index = Index::open(directory.path()).unwrap();
        let committed = index.committed().get(Shard(0));
        assert!(committed >= acknowledged, "{committed} < {acknowledged}");
        let expected: Vec<u64> = (1..=committed).collect();
        assert_eq!(find(&index, ALICE, Scope::Body, "common"), expected);
        last = acknowledged;
    }
}
