//! Watches files that may change while the server runs: components and certificates.

use crate::edge::Shared;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

/// How often the files are looked at.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The component files that are watched.
#[derive(Default)]
pub(crate) struct WatchList(Mutex<BTreeMap<String, Watched>>);

struct Watched {
    path: PathBuf,
    seen: Option<Stamp>,
}

/// A file's time and size: a changed one differs in either.
type Stamp = (SystemTime, u64);

impl WatchList {
    /// Watches `path` for the component `name`; what it holds now counts as loaded.
    pub(crate) fn add(&self, name: &str, path: PathBuf) {
        let seen = stamp(&path);
        self.lock().insert(name.to_owned(), Watched { path, seen });
    }

    /// The components whose files changed since they were last looked at.
    fn changed(&self) -> Vec<(String, PathBuf)> {
        let mut changed = Vec::new();
        for (name, watched) in self.lock().iter_mut() {
            let now = stamp(&watched.path);
            // A file that is gone is being replaced.
            if now.is_some() && now != watched.seen {
                watched.seen = now;
                changed.push((name.clone(), watched.path.clone()));
            }
        }
        changed
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Watched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamp(path: &PathBuf) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Starts the thread that looks at the files as long as the edge lives.
pub(crate) fn start(shared: &Arc<Shared>) -> std::io::Result<()> {
    let shared = Arc::downgrade(shared);
    std::thread::Builder::new()
        .name("watch".into())
        .spawn(move || watch(&shared))?;
    Ok(())
}

fn watch(shared: &Weak<Shared>) {
    loop {
        std::thread::sleep(POLL_INTERVAL);
        let Some(shared) = shared.upgrade() else {
            return;
        };
        for (name, path) in shared.watch_list.changed() {
            reload(&shared, &name, &path);
        }
        shared.refresh_certificates();
    }
}

fn reload(shared: &Shared, name: &str, path: &PathBuf) {
    let outcome = fs::read(path)
        .map_err(|e| e.to_string())
        .and_then(|bytes| shared.reload(name, &bytes).map_err(|e| e.to_string()));
    match outcome {
        Ok(()) => tracing::info!(component = name, path = %path.display(), "component replaced"),
        Err(reason) => {
            tracing::error!(component = name, path = %path.display(), "the old component stays: {reason}");
        }
    }
}
