//! Few passwords are hashed at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most hashes at once: each takes 19 MiB and a core for tens of milliseconds,
/// and the cores are there for requests.
const HASHES_AT_ONCE: usize = 2;
/// Most that wait or are hashed: at 40 ms each, the last waits for about a
/// second and a half, as long as a person may.
const HASHES_MAX: usize = 64;

/// Lets a few through at a time, lets some wait, and turns the rest away.
pub(crate) struct Gate {
    /// Whoever has one of these may wait.
    places: Arc<Semaphore>,
    /// Whoever has one of these may hash.
    turns: Arc<Semaphore>,
}

/// Why no hash was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Too many wait already.
    Full,
    /// The hash ended without a result, as at the end of the program.
    Failed,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new(HASHES_AT_ONCE, HASHES_MAX)
    }
}

impl Gate {
    fn new(at_once: usize, in_all: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(in_all)),
            turns: Arc::new(Semaphore::new(at_once)),
        }
    }

    /// Takes a place among those that wait, if there is one.
    pub(crate) fn enter(&self) -> Result<Place, Closed> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| Closed::Full)?;
        Ok(Place {
            place,
            turns: Arc::clone(&self.turns),
        })
    }
}

/// A place among those that wait. Who drops it gives it to another.
pub(crate) struct Place {
    place: OwnedSemaphorePermit,
    turns: Arc<Semaphore>,
}

impl Place {
    /// Does `work` on a thread that may block, once its turn comes. Work that
    /// has begun keeps its turn until it is done, even if no one waits for it.
    pub(crate) async fn pass<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Closed> {
        let Self { place, turns } = self;
        let turn = turns.acquire_owned().await.map_err(|_| Closed::Failed)?;
        let work = move || {
            let done = work();
            drop(turn);
            drop(place);
            done
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| Closed::Failed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures::FutureExt;

    use super::*;

    /// Two go in, one waits, the fourth is turned away; who gives up waiting
    /// leaves its place to another.
    #[tokio::test]
    async fn few_at_once_some_wait_and_the_rest_is_turned_away() {
        let gate = Gate::new(2, 3);
        let (release, wait) = mpsc::channel::<()>();
        let wait = Arc::new(std::sync::Mutex::new(wait));
        let (started, mut begun) = tokio::sync::mpsc::unbounded_channel();
        let work = |name: &'static str| {
            let (started, wait) = (started.clone(), Arc::clone(&wait));
            move || {
                started.send(name).unwrap();
                wait.lock().unwrap().recv().unwrap();
                name
            }
        };
        let mut one = Box::pin(gate.enter().unwrap().pass(work("one")));
        let mut two = Box::pin(gate.enter().unwrap().pass(work("two")));
        let mut three = Box::pin(gate.enter().unwrap().pass(work("three")));
        assert!(one.as_mut().now_or_never().is_none());
        assert!(two.as_mut().now_or_never().is_none());
        assert!(three.as_mut().now_or_never().is_none());
        assert_eq!(gate.enter().err(), Some(Closed::Full));
        let mut first = [begun.recv().await.unwrap(), begun.recv().await.unwrap()];
        first.sort_unstable();
        assert_eq!(first, ["one", "two"]);
        assert!(begun.try_recv().is_err(), "the third waits for its turn");

        drop(three);
        let mut five = Box::pin(gate.enter().unwrap().pass(work("five")));
        assert!(five.as_mut().now_or_never().is_none(), "it has the place");
        for _ in 0..3 {
            release.send(()).unwrap();
        }
        assert_eq!(one.await, Ok("one"));
        assert_eq!(two.await, Ok("two"));
        assert_eq!(five.await, Ok("five"));
    }

    /// A client that goes away while its password is hashed must not let
    /// another hash begin beside it: the work goes on without it.
    #[tokio::test]
    async fn work_that_was_given_up_keeps_its_turn_until_it_is_done() {
        let gate = Gate::new(1, 1);
        let (release, wait) = mpsc::channel::<()>();
        let mut left = Box::pin(gate.enter().unwrap().pass(move || wait.recv().unwrap()));
        assert!(left.as_mut().now_or_never().is_none());
        drop(left);
        assert_eq!(gate.enter().err(), Some(Closed::Full));
        release.send(()).unwrap();
        let turn = gate.turns.acquire().await.unwrap();
        drop(turn);
        // The place is given back right after the turn.
        let place = gate.places.acquire().await.unwrap();
        drop(place);
        assert_eq!(gate.enter().unwrap().pass(|| 7).await, Ok(7));
    }
}
