//! Threads that stand back where the processors are busy.

use std::io;
use std::thread;

/// How far: such a thread gets about a tenth of what another gets (sched(7), "The nice value").
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Does something on a thread that stands back, as do those that it begins: a word may be found later, and the senders and
/// readers of mail wait.
///
/// # Errors
/// That no thread can be begun.
pub(crate) fn quietly<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("mail-index".to_owned());
        let thread = thread.spawn_scoped(scope, || {
            stand_back();
            work()
        })?;
        match thread.join() {
            Ok(done) => Ok(done),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// On Linux each thread has a niceness of its own; elsewhere it would be that of the whole process.
fn stand_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "the niceness of the search index");
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    #[test]
    fn threads_begun_quietly_stand_back_and_others_do_not() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let own = niceness();
        let of_child = super::quietly(|| std::thread::spawn(niceness).join().unwrap());
        assert_eq!(of_child.unwrap(), (own + super::NICENESS).min(19));
        assert_eq!(niceness(), own);
    }
}
