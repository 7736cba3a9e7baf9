//! Passwords that were right a moment ago, so that a program that sends one
//! with each request has it hashed once a minute.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hmac::Mac;
use tokio::sync::OnceCell;

use crate::access_key::{RandomError, fill_random};
use crate::account::{AccountId, AccountName};
use crate::clock::MICROS_PER_SECOND;
use crate::password::Password;
use crate::signing::{HmacSha256, hmac};
use crate::tries::NameHash;

/// How long a success is remembered.
pub(crate) const REMEMBERED_US: u64 = 60 * MICROS_PER_SECOND;
/// Most successes remembered, about 100 bytes each. One more and all that are
/// over are forgotten, and if none is, all.
const SUCCESSES_MAX: usize = 10_000;

/// A keyed hash of a password and of whose it is and since when: after another
/// one is set, no older proof is any good. The key is of this process and in
/// its memory alone, so that the memory of these tells no password.
pub(crate) type Proof = [u8; 32];

/// The successes, and what is being verified.
pub(crate) struct Successes {
    /// Keyed and waiting for a message; cloned for each.
    mac: HmacSha256,
    /// Until when each counts.
    remembered: Mutex<HashMap<Proof, u64>>,
    under_way: Mutex<HashMap<Proof, Arc<OnceCell<bool>>>>,
}

impl Successes {
    /// With a new key. Fails when the system has no randomness.
    pub(crate) fn new() -> Result<Self, RandomError> {
        let mut key = [0; 32];
        fill_random(&mut key)?;
        Ok(Self {
            mac: hmac(&key),
            remembered: Mutex::default(),
            under_way: Mutex::default(),
        })
    }

    /// The proof of a password that the account `id` of this name has had since
    /// `set_us`. The name is in it so that those of no account differ too.
    pub(crate) fn proof(
        &self,
        id: AccountId,
        name: &AccountName,
        set_us: u64,
        password: &Password,
    ) -> Proof {
        let mac = self.mac.clone().chain_update(id.0.as_bytes());
        let mac = mac.chain_update(set_us.to_be_bytes());
        // No name has a space, so that none runs into the password.
        let mac = mac.chain_update(name.as_str()).chain_update(b" ");
        mac.chain_update(password.expose())
            .finalize()
            .into_bytes()
            .into()
    }

    /// The keyed hash of a name.
    pub(crate) fn name_hash(&self, name: &str) -> NameHash {
        let hash: [u8; 32] = self
            .mac
            .clone()
            .chain_update(name)
            .finalize()
            .into_bytes()
            .into();
        let mut first = NameHash::default();
        first.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        first
    }

    /// Whether this proof was right lately.
    pub(crate) fn remembers(&self, proof: &Proof, now_us: u64) -> bool {
        lock(&self.remembered)
            .get(proof)
            .is_some_and(|&until_us| now_us < until_us)
    }

    /// Remembers a success.
    pub(crate) fn remember(&self, proof: Proof, now_us: u64) {
        let mut remembered = lock(&self.remembered);
        if remembered.len() >= SUCCESSES_MAX && !remembered.contains_key(&proof) {
            remembered.retain(|_, until_us| now_us < *until_us);
            if remembered.len() >= SUCCESSES_MAX {
                remembered.clear();
            }
        }
        remembered.insert(proof, now_us.saturating_add(REMEMBERED_US));
    }

    /// Has a proof verified once, however many ask for it at the same time: a
    /// page that makes ten requests at once has its password hashed once. When
    /// who verifies gives up, another of them takes over.
    pub(crate) async fn once<E>(
        &self,
        proof: Proof,
        verify: impl Future<Output = Result<bool, E>>,
    ) -> Result<bool, E> {
        let shared = UnderWay {
            proof,
            cell: Arc::clone(lock(&self.under_way).entry(proof).or_default()),
            table: &self.under_way,
        };
        shared.cell.get_or_try_init(|| verify).await.copied()
    }
}

/// One who waits for a proof to be verified.
struct UnderWay<'a> {
    proof: Proof,
    cell: Arc<OnceCell<bool>>,
    table: &'a Mutex<HashMap<Proof, Arc<OnceCell<bool>>>>,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut table = lock(self.table);
        // The table's and this one: no one else can come by a third while the
        // table is locked.
        if Arc::strong_count(&self.cell) <= 2 {
            table.remove(&self.proof);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::FutureExt;

    use super::*;

    fn successes() -> Successes {
        Successes::new().unwrap()
    }

    fn proof(
        successes: &Successes,
        id: AccountId,
        name: &str,
        set_us: u64,
        password: &str,
    ) -> Proof {
        let (name, password) = (name.parse().unwrap(), password.parse().unwrap());
        successes.proof(id, &name, set_us, &password)
    }

    #[test]
    fn a_proof_is_of_one_password_of_one_account_since_one_moment() {
        let successes = successes();
        let (ann, bob) = (AccountId::generate(), AccountId::generate());
        let right = proof(&successes, ann, "ann", 1, "password");
        for other in [
            proof(&successes, bob, "ann", 1, "password"),
            proof(&successes, ann, "bob", 1, "password"),
            proof(&successes, ann, "ann", 2, "password"),
            proof(&successes, ann, "ann", 1, "passwore"),
            proof(&self::successes(), ann, "ann", 1, "password"),
        ] {
            assert_ne!(right, other);
        }
        successes.remember(right, 0);
        assert!(successes.remembers(&right, REMEMBERED_US - 1));
        assert!(!successes.remembers(&right, REMEMBERED_US));
    }

    #[test]
    fn the_memory_has_an_end() {
        let successes = successes();
        let account = AccountId::generate();
        for set_us in 0..3 * SUCCESSES_MAX as u64 {
            let proof = proof(&successes, account, "ann", set_us, "password");
            successes.remember(proof, 0);
            assert!(successes.remembers(&proof, 0));
            assert!(lock(&successes.remembered).len() <= SUCCESSES_MAX);
        }
    }

    #[test]
    fn what_many_ask_at_once_is_verified_once() {
        let successes = successes();
        let proof = proof(&successes, AccountId::generate(), "ann", 0, "password");
        let verified = Cell::new(0);
        let gate = tokio::sync::Notify::new();
        let ask = || {
            successes.once(proof, async {
                gate.notified().await;
                verified.set(verified.get() + 1);
                Ok::<_, ()>(true)
            })
        };
        let (mut one, mut two, mut three) = (Box::pin(ask()), Box::pin(ask()), Box::pin(ask()));
        assert!(one.as_mut().now_or_never().is_none());
        assert!(two.as_mut().now_or_never().is_none());
        assert!(three.as_mut().now_or_never().is_none());
        // The one that verifies gives up; another takes over.
        drop(one);
        assert!(two.as_mut().now_or_never().is_none());
        gate.notify_one();
        assert_eq!(two.as_mut().now_or_never(), Some(Ok(true)));
        assert_eq!(three.as_mut().now_or_never(), Some(Ok(true)));
        assert_eq!(verified.get(), 1);
        drop((two, three));
        assert!(lock(&successes.under_way).is_empty());
    }

    #[test]
    fn a_failure_to_verify_is_not_shared() {
        let successes = successes();
        let proof = proof(&successes, AccountId::generate(), "ann", 0, "password");
        let failed = successes.once(proof, async { Err("full") });
        assert_eq!(failed.now_or_never(), Some(Err("full")));
        let verified = successes.once(proof, async { Ok::<_, &str>(false) });
        assert_eq!(verified.now_or_never(), Some(Ok(false)));
        assert!(lock(&successes.under_way).is_empty());
    }
}
