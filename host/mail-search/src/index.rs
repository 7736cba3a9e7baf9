//! The index: one writer, many readers.

mod collect;
mod directory;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use tantivy::indexer::IndexWriterOptions;
use tantivy::query::{BooleanQuery, PhrasePrefixQuery, PhraseQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{IndexReader, IndexWriter, ReloadPolicy, Searcher};

use crate::document::{AccountId, Change, StorageId};
use crate::error::Error;
use crate::limits::{BATCH_MAX_BYTES, BATCH_MAX_CHANGES, PREFIX_MAX_PAIRS, WRITER_MAX_BYTES};
use crate::pending::{Folded, Pending};
use crate::positions::Positions;
use crate::quiet::quietly;
use crate::schema::Fields;
use crate::terms::{FieldTerm, Phrase, Place, Term, Wanted};
use collect::Messages;

/// An index of mail that is open for writing. Its methods wait for the disk: they are for threads that may.
pub struct Index {
    fields: Fields,
    reader: IndexReader,
    writer: Mutex<Writer>,
    shared: RwLock<Shared>,
}

struct Writer {
    engine: IndexWriter,
    committed: Positions,
    fed: Positions,
    /// A commit or change failed.
    has_stopped: bool,
}

/// Changes between two looks at whether it is time for a commit.
#[derive(Default)]
struct Batch {
    changes: Vec<Change>,
    folded: Vec<Folded>,
    bytes: usize,
}

impl Batch {
    fn push(&mut self, change: Change) {
        let folded = Folded::of(&change);
        self.bytes += folded.bytes();
        self.folded.push(folded);
        self.changes.push(change);
    }

    fn is_full(&self) -> bool {
        self.changes.len() >= BATCH_MAX_CHANGES || self.bytes >= BATCH_MAX_BYTES
    }
}

/// What a search looks at: changed as one.
struct Shared {
    searcher: Searcher,
    pending: Pending,
}

impl Index {
    /// Opens the index in a directory, or makes one where there is none.
    ///
    /// # Errors
    /// [`Error::needs_rebuild`] where there is one that cannot be used; [`Error::Locked`] where another process has it
    /// open; those of the file system.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::start(directory::open(path)?)
    }

    /// Makes an empty index in a directory, whatever is in it now.
    ///
    /// # Errors
    /// [`Error::Locked`] where another process has it open; those of the file system.
    pub fn create(path: &Path) -> Result<Self, Error> {
        Self::start(directory::create(path)?)
    }

    fn start(opened: directory::Opened) -> Result<Self, Error> {
        let directory::Opened { engine, fields } = opened;
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(WRITER_MAX_BYTES)
            .build();
        let writer = quietly(|| engine.writer_with_options(options))??;
        let committed = match engine.load_metas()?.payload {
            None => Positions::default(),
            Some(payload) => Positions::from_payload(&payload)
                .ok_or_else(|| Error::Damaged(format!("positions {payload:?}")))?,
        };
        let reader: IndexReader = engine
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()?;
        let searcher = reader.searcher();
        Ok(Self {
            fields,
            reader,
            writer: Mutex::new(Writer {
                engine: writer,
                fed: committed.clone(),
                committed,
                has_stopped: false,
            }),
            shared: RwLock::new(Shared {
                searcher,
                pending: Pending::default(),
            }),
        })
    }

    /// Up to where searches know the logs. What comes behind must be fed before a search that is to see it.
    #[must_use]
    pub fn fed(&self) -> Positions {
        self.lock().fed.clone()
    }

    /// Up to where the logs are on disk: from here they are fed again after a crash.
    #[must_use]
    pub fn committed(&self) -> Positions {
        self.lock().committed.clone()
    }

    /// Takes changes in the order of their logs, which lead up to `positions`. Searches see them when this returns.
    /// Commits when much waits for it.
    ///
    /// Changes that are known already do no harm: a message has the texts that it was put with last.
    ///
    /// # Errors
    /// [`Error::Stopped`] and those of the engine, after which the index must be opened again.
    pub fn feed(&self, changes: Vec<Change>, positions: &Positions) -> Result<(), Error> {
        let mut writer = self.lock();
        writer.check()?;
        let mut batch = Batch::default();
        for change in changes {
            batch.push(change);
            if batch.is_full() {
                self.take(&mut writer, std::mem::take(&mut batch))?;
            }
        }
        self.take(&mut writer, batch)?;
        writer.fed.advance(positions);
        Ok(())
    }

    fn take(&self, writer: &mut Writer, batch: Batch) -> Result<(), Error> {
        let is_full = {
            let mut shared = self.shared.write().unwrap_or_else(PoisonError::into_inner);
            for change in batch.folded {
                shared.pending.apply(change);
            }
            shared.pending.is_full()
        };
        for change in batch.changes {
            writer.apply(change, &self.fields)?;
        }
        if is_full {
            // The positions of before: of these changes not all may be there yet.
            self.commit_writer(writer)?;
        }
        Ok(())
    }

    /// Makes durable what was fed. Without changes only the positions are written, and nothing where they are.
    ///
    /// # Errors
    /// [`Error::Stopped`] and those of the engine, after which the index must be opened again.
    pub fn commit(&self) -> Result<(), Error> {
        let mut writer = self.lock();
        writer.check()?;
        let is_clean = {
            let shared = self.shared.read().unwrap_or_else(PoisonError::into_inner);
            shared.pending.is_empty() && writer.fed == writer.committed
        };
        if is_clean {
            return Ok(());
        }
        self.commit_writer(&mut writer)
    }

    fn commit_writer(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.has_stopped = true;
        let Writer { engine, fed, .. } = writer;
        // It begins new threads for what comes next.
        quietly(|| {
            let mut prepared = engine.prepare_commit()?;
            prepared.set_payload(&fed.to_payload());
            prepared.commit()
        })??;
        self.reader.reload()?;
        writer.committed = writer.fed.clone();
        writer.has_stopped = false;
        let mut shared = self.shared.write().unwrap_or_else(PoisonError::into_inner);
        shared.searcher = self.reader.searcher();
        shared.pending = Pending::default();
        Ok(())
    }

    /// The messages of an account in which something is found, by id.
    ///
    /// # Errors
    /// [`Error::TermTooLong`]; those of the engine.
    pub fn find(&self, account: AccountId, term: &Term) -> Result<Vec<StorageId>, Error> {
        self.find_in(account, Place::Texts(term.scope), &term.wanted()?)
    }

    /// The messages of an account that have a header field, by id.
    ///
    /// # Errors
    /// Those of [`Self::find`].
    pub fn find_field(
        &self,
        account: AccountId,
        term: &FieldTerm,
    ) -> Result<Vec<StorageId>, Error> {
        self.find_in(account, Place::Header, &term.wanted()?)
    }

    fn find_in(
        &self,
        account: AccountId,
        place: Place,
        wanted: &Wanted,
    ) -> Result<Vec<StorageId>, Error> {
        let Some(query) = self.query(account, place, wanted) else {
            return Ok(Vec::new());
        };
        let (searcher, mut found, superseded) = {
            let shared = self.shared.read().unwrap_or_else(PoisonError::into_inner);
            (
                shared.searcher.clone(),
                shared.pending.find(account, place, wanted),
                shared.pending.superseded(account),
            )
        };
        let committed = searcher.search(&query, &Messages)?;
        found.extend(
            committed
                .into_iter()
                .filter(|message| !superseded.has(*message)),
        );
        found.sort_unstable();
        Ok(found)
    }

    /// How many messages are in the committed index, of all accounts.
    #[must_use]
    pub fn committed_messages(&self) -> u64 {
        let shared = self.shared.read().unwrap_or_else(PoisonError::into_inner);
        shared.searcher.num_docs()
    }

    fn query(&self, account: AccountId, place: Place, wanted: &Wanted) -> Option<BooleanQuery> {
        let account = self.fields.account_term(account);
        let account = TermQuery::new(account, IndexRecordOption::Basic);
        let mut all: Vec<Box<dyn Query>> = vec![Box::new(account)];
        match wanted {
            Wanted::Nothing => return None,
            Wanted::Everything => {}
            Wanted::Phrases(phrases) => {
                let fields = self.fields.of_place(place);
                for phrase in phrases {
                    let any = fields.iter().map(|field| phrase_query(*field, phrase));
                    all.push(Box::new(BooleanQuery::union(any.collect())));
                }
            }
        }
        Some(BooleanQuery::intersection(all))
    }

    fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn phrase_query(field: Field, phrase: &Phrase) -> Box<dyn Query> {
    let term = |word: &String| tantivy::Term::from_field_text(field, word);
    let terms: Vec<tantivy::Term> = phrase.words.iter().map(term).collect();
    if phrase.is_open {
        let mut query = PhrasePrefixQuery::new(terms);
        query.set_max_expansions(PREFIX_MAX_PAIRS);
        return Box::new(query);
    }
    match terms.as_slice() {
        [term] => Box::new(TermQuery::new(term.clone(), IndexRecordOption::Basic)),
        _ => Box::new(PhraseQuery::new(terms)),
    }
}

impl Writer {
    fn check(&self) -> Result<(), Error> {
        match self.has_stopped {
            true => Err(Error::Stopped),
            false => Ok(()),
        }
    }

    fn apply(&mut self, change: Change, fields: &Fields) -> Result<(), Error> {
        match change {
            Change::Put(document) => {
                self.engine.delete_term(fields.key_term(document.key));
                let added = self.engine.add_document(fields.document(*document));
                self.has_stopped = added.is_err();
                added?;
            }
            Change::Remove(key) => {
                self.engine.delete_term(fields.key_term(key));
            }
            Change::RemoveAccount(account) => {
                self.engine.delete_term(fields.account_term(account));
            }
        }
        Ok(())
    }
}
