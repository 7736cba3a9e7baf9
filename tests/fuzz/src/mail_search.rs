//! What the target of searches does. Beside the others so that the tests of `host/mail-search` can run it without the rest.

use std::cell::OnceCell;

use concierge_mail_search::limits::PREVIEW_MAX_BYTES;
use concierge_mail_search::{
    AccountId, Change, Document, Error, FieldTerm, Index, Key, Positions, Scope, StorageId, Term,
    Texts, snippet,
};
use tempfile::TempDir;

const KEY: Key = Key {
    account: AccountId(1),
    message: StorageId(1),
};

thread_local! {
    /// Made once: it starts threads.
    static INDEX: OnceCell<(Index, TempDir)> = const { OnceCell::new() };
}

/// What is looked for, in the first line, in a message whose text and header are the rest: it is found in memory where it
/// is found in the index on disk, and then shown.
pub fn search(data: &[u8]) {
    let input = String::from_utf8_lossy(data);
    let (wanted, message) = input.split_once('\n').unwrap_or((&input, ""));
    INDEX.with(|opened| {
        let (index, _) = opened.get_or_init(|| {
            let dir = TempDir::new().expect("a directory");
            (Index::create(dir.path()).expect("an index"), dir)
        });
        let texts = Texts {
            body: message.to_owned(),
            header: message.to_owned(),
            ..Texts::default()
        };
        let document = Box::new(Document { key: KEY, texts });
        feed(index, Change::Put(document));
        let in_memory = found(index, wanted);
        index.commit().expect("a commit");
        assert_eq!(in_memory, found(index, wanted), "memory and disk differ");
        feed(index, Change::Remove(KEY));
        let gone = found(index, wanted).into_iter().flatten();
        assert!(gone.into_iter().all(|found| !found), "it is gone");
        shown(wanted, message, in_memory[0]);
    });
}

/// Whether the message is found by its body, its subject, a field, and a text in a field.
fn found(index: &Index, wanted: &str) -> [Option<bool>; 4] {
    let by_text = |scope| {
        let text = wanted.to_owned();
        answer(index.find(KEY.account, &Term { scope, text }))
    };
    let by_field = |name: &str, text: Option<&str>| {
        let (name, text) = (name.to_owned(), text.map(str::to_owned));
        answer(index.find_field(KEY.account, &FieldTerm { name, text }))
    };
    let (name, text) = wanted.split_once(':').unwrap_or((wanted, wanted));
    [
        by_text(Scope::Body),
        by_text(Scope::Subject),
        by_field(name, None),
        by_field(name, Some(text)),
    ]
}

fn feed(index: &Index, change: Change) {
    let fed = index.feed(vec![change], &Positions::default());
    fed.expect("the index takes it");
}

/// Whether the message is found; `None`: the term is refused.
fn answer(found: Result<Vec<StorageId>, Error>) -> Option<bool> {
    match found {
        Ok(found) => {
            assert!(found.is_empty() || found == [KEY.message]);
            Some(!found.is_empty())
        }
        Err(Error::TermTooLong) => None,
        Err(error) => panic!("{error}"),
    }
}

/// What is found by words in the body is shown, and what is refused is not.
fn shown(wanted: &str, body: &str, found: Option<bool>) {
    let term = Term {
        scope: Scope::Body,
        text: wanted.to_owned(),
    };
    let Ok(shown) = snippet("", body, &[term]) else {
        assert_eq!(found, None, "refused here alone");
        return;
    };
    let is_found = found.expect("refused there alone");
    if let Some(preview) = &shown.preview {
        let count = |mark| preview.matches(mark).count();
        assert!(preview.len() <= PREVIEW_MAX_BYTES && count("<mark>") > 0);
        assert_eq!(count("<mark>"), count("</mark>"));
    }
    if is_found && !wanted.trim().is_empty() {
        assert!(shown.preview.is_some(), "found and not shown");
    }
}
