//! What was fed and is not committed: it is searched in memory.

use std::collections::{HashMap, HashSet};

use memchr::memmem;

use crate::document::{AccountId, Change, Key, StorageId, Texts};
use crate::limits::{PENDING_MAX_BYTES, PENDING_MAX_CHANGES};
use crate::schema::TEXTS;
use crate::terms::{Phrase, Place, Scope, Wanted};
use crate::tokens::{FieldWords, Words};

/// Stands before and behind each word. No word has it.
const SEPARATOR: char = '\0';

/// Changes in memory.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    documents: HashMap<Key, FoldedTexts>,
    /// What the committed index says of these is out of date.
    superseded: HashSet<Key>,
    /// The same of all mail of these.
    gone: HashSet<AccountId>,
    bytes: usize,
    changes: usize,
}

/// The words of the texts in the order of [`TEXTS`], each text a string of words with separators around them: a phrase is
/// a piece of such a string.
#[derive(Debug)]
pub(crate) struct FoldedTexts {
    texts: [String; TEXTS.len()],
    header: String,
}

impl FoldedTexts {
    fn of(texts: &Texts) -> Self {
        let header = joined(FieldWords::of(&texts.header));
        let texts = [
            &texts.from,
            &texts.to,
            &texts.cc,
            &texts.bcc,
            &texts.subject,
            &texts.body,
            &texts.attachment_names,
        ];
        Self {
            texts: texts.map(|text| joined(Words::of(text).map(|word| word.text))),
            header,
        }
    }

    fn bytes(&self) -> usize {
        let texts = self.texts.iter().chain([&self.header]);
        texts.map(String::len).sum()
    }

    fn has(&self, place: Place, phrase: &memmem::Finder<'_>) -> bool {
        let scope = match place {
            Place::Texts(scope) => scope,
            Place::Header => return phrase.find(self.header.as_bytes()).is_some(),
        };
        let texts = TEXTS.iter().zip(&self.texts);
        let mut in_scope = texts.filter(|((of, _), _)| scope == Scope::Text || *of == scope);
        in_scope.any(|(_, text)| phrase.find(text.as_bytes()).is_some())
    }
}

fn joined(words: impl Iterator<Item = String>) -> String {
    let mut text = String::new();
    for word in words {
        if text.is_empty() {
            text.push(SEPARATOR);
        }
        text.push_str(&word);
        text.push(SEPARATOR);
    }
    text
}

/// A phrase as it stands in a folded text.
fn needle(phrase: &Phrase) -> String {
    let mut text = joined(phrase.words.iter().cloned());
    if phrase.is_open {
        text.pop();
    }
    text
}

/// A change with its words: what takes time is done before searches are held up.
pub(crate) enum Folded {
    Put(Key, FoldedTexts),
    Remove(Key),
    RemoveAccount(AccountId),
}

impl Folded {
    pub(crate) fn of(change: &Change) -> Self {
        match change {
            Change::Put(document) => Self::Put(document.key, FoldedTexts::of(&document.texts)),
            Change::Remove(key) => Self::Remove(*key),
            Change::RemoveAccount(account) => Self::RemoveAccount(*account),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Put(_, texts) => texts.bytes(),
            Self::Remove(_) | Self::RemoveAccount(_) => 0,
        }
    }
}

impl Pending {
    pub(crate) fn apply(&mut self, change: Folded) {
        self.changes += 1;
        match change {
            Folded::Put(key, texts) => {
                self.bytes += texts.bytes();
                self.superseded.insert(key);
                let replaced = self.documents.insert(key, texts);
                self.bytes -= replaced.map_or(0, |texts| texts.bytes());
            }
            Folded::Remove(key) => {
                self.superseded.insert(key);
                let removed = self.documents.remove(&key);
                self.bytes -= removed.map_or(0, |texts| texts.bytes());
            }
            Folded::RemoveAccount(account) => {
                self.gone.insert(account);
                self.documents.retain(|key, _| key.account != account);
                self.bytes = self.documents.values().map(FoldedTexts::bytes).sum();
            }
        }
    }

    /// Whether it is time for a commit.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= PENDING_MAX_BYTES || self.changes >= PENDING_MAX_CHANGES
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changes == 0
    }

    /// The messages of an account that have what is wanted.
    pub(crate) fn find(&self, account: AccountId, place: Place, wanted: &Wanted) -> Vec<StorageId> {
        let needles: Vec<String> = match wanted {
            Wanted::Nothing => return Vec::new(),
            Wanted::Everything => Vec::new(),
            Wanted::Phrases(phrases) => phrases.iter().map(needle).collect(),
        };
        let finders: Vec<_> = needles.iter().map(memmem::Finder::new).collect();
        let of_account = self.documents.iter();
        of_account
            .filter(|(key, _)| key.account == account)
            .filter(|(_, texts)| finders.iter().all(|finder| texts.has(place, finder)))
            .map(|(key, _)| key.message)
            .collect()
    }

    /// What of an account is not to be taken from the committed index.
    pub(crate) fn superseded(&self, account: AccountId) -> Superseded {
        if self.gone.contains(&account) {
            return Superseded::All;
        }
        let of_account = self.superseded.iter();
        Superseded::Some(
            of_account
                .filter(|key| key.account == account)
                .map(|key| key.message)
                .collect(),
        )
    }
}

/// Messages of which the committed index says what is out of date.
#[derive(Debug)]
pub(crate) enum Superseded {
    All,
    Some(HashSet<StorageId>),
}

impl Superseded {
    pub(crate) fn has(&self, message: StorageId) -> bool {
        match self {
            Self::All => true,
            Self::Some(messages) => messages.contains(&message),
        }
    }
}
