//! Making the search index of mail anew, while everything else goes on.

use std::sync::{Arc, Mutex, PoisonError};

use concierge_mail::search::MailSearch;

/// Makes the index anew, once at a time.
pub struct Reindex {
    search: Arc<MailSearch>,
    state: Mutex<State>,
}

/// How far the index is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// It is being made anew.
    pub running: bool,
    /// Changes of the store that were fed since it began.
    pub fed: u64,
    /// Messages there were when it began.
    pub total: u64,
    /// Why it ended early, the last time.
    pub failure: Option<String>,
}

impl Reindex {
    /// Of an index.
    pub fn new(search: Arc<MailSearch>) -> Arc<Self> {
        Arc::new(Self {
            search,
            state: Mutex::default(),
        })
    }

    /// Begins with so many messages, on the runtime that calls; `false` where it is at it already.
    pub fn begin(self: &Arc<Self>, total: u64) -> bool {
        let mut state = self.lock();
        if state.running {
            return false;
        }
        *state = State {
            running: true,
            total,
            ..State::default()
        };
        drop(state);
        tokio::spawn(Arc::clone(self).run());
        true
    }

    /// How far it is.
    pub fn state(&self) -> State {
        self.lock().clone()
    }

    async fn run(self: Arc<Self>) {
        let told = |progress: concierge_mail::search::Progress| {
            self.lock().fed = progress.changes;
        };
        let outcome = self.search.rebuild(&told).await;
        let mut state = self.lock();
        state.running = false;
        state.failure = outcome.err().map(|error| error.to_string());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
