//! How often passwords may be tried.
//!
//! Three limits, each counted by a generic cell rate algorithm (as ITU-T I.371
//! has it): so many at once, and then one in so long.
//!
//! | counted by | at once | then one in |
//! | --- | --- | --- |
//! | client address, over all names | 30 | 10 s |
//! | client address and name | 10 | 30 s |
//! | name, over all addresses | 100 | 36 s |
//!
//! A try is counted before its password is verified, so that many at once do
//! not slip through, and taken back when the password was right. The limit of a
//! name alone binds only clients that have failed for that name within the hour:
//! a stranger uses it up and is slowed down at all addresses, while its owner, at
//! one that the stranger does not have, is let try. So no stranger shuts an
//! owner out, and a guesser with a thousand addresses has one guess an hour with
//! each, and a hundred an hour beyond those.
//!
//! Addresses of IPv6 count by their /64, which is what one customer has
//! (RFC 6177 §2). Clients whose address is not told count as one.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::MICROS_PER_SECOND;

/// Most entries of each table, about 100 bytes each. When one is full, the half
/// that is forgotten soonest is forgotten.
const ENTRIES_MAX: usize = 65_536;

const BY_CLIENT: Rate = Rate {
    at_once: 30,
    interval_us: 10 * MICROS_PER_SECOND,
};
const BY_CLIENT_AND_NAME: Rate = Rate {
    at_once: 10,
    interval_us: 30 * MICROS_PER_SECOND,
};
const BY_NAME: Rate = Rate {
    at_once: 100,
    interval_us: 36 * MICROS_PER_SECOND,
};

/// How long a client is known to have failed for a name.
const FAILURE_MEMORY_US: u64 = 3_600 * MICROS_PER_SECOND;

/// So many at once, and then one in each interval.
#[derive(Clone, Copy)]
struct Rate {
    at_once: u64,
    interval_us: u64,
}

/// Whose tries are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// At an address of IPv4, or in a /64 of IPv6.
    At(IpAddr),
    /// All whose address is not told.
    Untold,
}

/// A keyed hash of a name: names of strangers take no memory here, and collide
/// by no one's doing.
pub(crate) type NameHash = [u8; 16];

/// Too many tries: seconds until the next may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany {
    pub(crate) retry_s: u32,
}

impl Client {
    /// Of an address, if it is told.
    pub(crate) fn of(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            None => Self::Untold,
            Some(IpAddr::V4(address)) => Self::At(address.into()),
            Some(IpAddr::V6(address)) => {
                let network = address.to_bits() >> 64 << 64;
                Self::At(Ipv6Addr::from_bits(network).into())
            }
        }
    }
}

/// The tries that were made lately. In memory: a restart forgets them.
pub(crate) struct Tries {
    tables: Mutex<Tables>,
}

struct Tables {
    clients: Table<Client>,
    pairs: Table<(Client, NameHash)>,
    names: Table<NameHash>,
}

impl Default for Tries {
    fn default() -> Self {
        Self {
            tables: Mutex::new(Tables {
                clients: Table::new(BY_CLIENT, 0),
                pairs: Table::new(BY_CLIENT_AND_NAME, FAILURE_MEMORY_US),
                names: Table::new(BY_NAME, 0),
            }),
        }
    }
}

impl Tries {
    /// Counts a try, or says how long to wait before the next.
    pub(crate) fn begin(&self, client: Client, name: NameHash, now_us: u64) -> Result<(), TooMany> {
        let mut tables = self.tables();
        let pair = (client, name);
        let mut wait_us = tables.clients.wait_us(&client, now_us);
        wait_us = wait_us.max(tables.pairs.wait_us(&pair, now_us));
        if tables.pairs.remembers(&pair, now_us) {
            wait_us = wait_us.max(tables.names.wait_us(&name, now_us));
        }
        if wait_us > 0 {
            let retry_s = wait_us.div_ceil(MICROS_PER_SECOND);
            return Err(TooMany {
                retry_s: u32::try_from(retry_s).unwrap_or(u32::MAX),
            });
        }
        tables.clients.add(client, now_us);
        tables.pairs.add(pair, now_us);
        tables.names.add(name, now_us);
        Ok(())
    }

    /// Takes back a try whose password was right, and with it what this client
    /// failed for this name before.
    pub(crate) fn succeeded(&self, client: Client, name: NameHash) {
        let mut tables = self.tables();
        tables.clients.take_back(&client);
        tables.pairs.paid_us.remove(&(client, name));
        tables.names.take_back(&name);
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For each key the time at which all of its tries are paid for (the
/// "theoretical arrival time"): every try moves it on by one interval.
struct Table<K> {
    paid_us: HashMap<K, u64>,
    rate: Rate,
    /// How long after that time the key is remembered.
    memory_us: u64,
}

impl<K: Hash + Eq> Table<K> {
    fn new(rate: Rate, memory_us: u64) -> Self {
        Self {
            paid_us: HashMap::new(),
            rate,
            memory_us,
        }
    }

    /// Microseconds until the next try; 0 if it may be made now.
    fn wait_us(&self, key: &K, now_us: u64) -> u64 {
        let paid_us = self.paid_us.get(key).copied().unwrap_or(0);
        let ahead_us = (self.rate.at_once - 1) * self.rate.interval_us;
        paid_us.saturating_sub(now_us.saturating_add(ahead_us))
    }

    fn remembers(&self, key: &K, now_us: u64) -> bool {
        let paid_us = self.paid_us.get(key);
        paid_us.is_some_and(|at| at.saturating_add(self.memory_us) > now_us)
    }

    fn add(&mut self, key: K, now_us: u64) {
        if self.paid_us.len() >= ENTRIES_MAX && !self.paid_us.contains_key(&key) {
            self.make_room(now_us);
        }
        let Rate {
            at_once,
            interval_us,
        } = self.rate;
        // Never further ahead than what may be at once: however many tries a
        // limit did not bind, the one after the last waits for one interval.
        let most_us = now_us.saturating_add(at_once * interval_us);
        let paid_us = self.paid_us.entry(key).or_insert(0);
        *paid_us = (*paid_us)
            .max(now_us)
            .saturating_add(interval_us)
            .min(most_us);
    }

    fn take_back(&mut self, key: &K) {
        if let Some(paid_us) = self.paid_us.get_mut(key) {
            *paid_us = paid_us.saturating_sub(self.rate.interval_us);
        }
    }

    /// What is over goes, and if more than half of all is left, the half that
    /// would be over soonest.
    fn make_room(&mut self, now_us: u64) {
        let memory_us = self.memory_us;
        self.paid_us
            .retain(|_, at| at.saturating_add(memory_us) > now_us);
        if self.paid_us.len() <= ENTRIES_MAX / 2 {
            return;
        }
        let mut times: Vec<u64> = self.paid_us.values().copied().collect();
        let middle = times.len() / 2;
        let (_, &mut median, _) = times.select_nth_unstable(middle);
        self.paid_us.retain(|_, at| *at > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_US: u64 = 1_000_000 * MICROS_PER_SECOND;
    const ANN: NameHash = [1; 16];
    const BOB: NameHash = [2; 16];

    fn at(address: &str) -> Client {
        Client::of(Some(address.parse().unwrap()))
    }

    fn seconds(count: u64) -> u64 {
        NOW_US + count * MICROS_PER_SECOND
    }

    #[test]
    fn a_client_has_ten_tries_of_a_name_and_then_one_in_half_a_minute() {
        let tries = Tries::default();
        let client = at("192.0.2.1");
        for _ in 0..10 {
            tries.begin(client, ANN, NOW_US).unwrap();
        }
        let refused = tries.begin(client, ANN, NOW_US).unwrap_err();
        assert_eq!(refused, TooMany { retry_s: 30 });
        assert!(tries.begin(client, ANN, seconds(29)).is_err());
        assert!(tries.begin(client, ANN, seconds(30)).is_ok());
        assert!(tries.begin(client, ANN, seconds(30)).is_err());
        assert!(
            tries.begin(at("192.0.2.2"), ANN, NOW_US).is_ok(),
            "another client"
        );
        assert!(tries.begin(client, BOB, NOW_US).is_ok(), "another name");
    }

    #[test]
    fn a_client_has_thirty_tries_of_all_names() {
        let tries = Tries::default();
        let client = at("192.0.2.1");
        for name in 0..30 {
            tries.begin(client, [name; 16], NOW_US).unwrap();
        }
        let refused = tries.begin(client, [99; 16], NOW_US).unwrap_err();
        assert_eq!(refused, TooMany { retry_s: 10 });
    }

    /// A thousand addresses used up what a name has; its owner, at an address
    /// of its own, is let try all the same, and once only if it is wrong.
    #[test]
    fn strangers_do_not_shut_an_owner_out() {
        let tries = Tries::default();
        for host in 0..1_000_u32 {
            let stranger = Client::of(Some(IpAddr::from(host.to_be_bytes())));
            tries.begin(stranger, ANN, NOW_US).unwrap();
            if host >= 100 {
                assert!(tries.begin(stranger, ANN, NOW_US).is_err(), "{host}");
            }
        }
        let owner = at("192.0.2.1");
        for _ in 0..20 {
            tries.begin(owner, ANN, NOW_US).unwrap();
            tries.succeeded(owner, ANN);
        }
        tries.begin(owner, ANN, NOW_US).unwrap();
        assert!(tries.begin(owner, ANN, NOW_US).is_err());
    }

    /// The pace of one address would let each stranger guess every half minute;
    /// what it failed is remembered for longer than that.
    #[test]
    fn a_stranger_has_one_guess_an_hour_while_a_name_is_used_up() {
        let tries = Tries::default();
        let mut hosts = 0..u32::MAX;
        let mut attack = |at_us| {
            for host in hosts.by_ref().take(200) {
                let stranger = Client::of(Some(IpAddr::from(host.to_be_bytes())));
                tries.begin(stranger, ANN, at_us).unwrap();
            }
        };
        let stranger = at("0.0.0.7");
        attack(NOW_US);
        for (after, let_try) in [(60, false), (3_600, false), (3_631, true)] {
            attack(seconds(after));
            assert_eq!(
                tries.begin(stranger, ANN, seconds(after)).is_ok(),
                let_try,
                "{after}"
            );
        }
    }

    #[test]
    fn an_attack_that_is_over_binds_for_an_interval() {
        let tries = Tries::default();
        for host in 0..1_000_u32 {
            let stranger = Client::of(Some(IpAddr::from(host.to_be_bytes())));
            tries.begin(stranger, ANN, NOW_US).unwrap();
        }
        let refused = tries.begin(at("0.0.0.7"), ANN, NOW_US).unwrap_err();
        assert_eq!(refused, TooMany { retry_s: 36 });
    }

    #[test]
    fn right_passwords_do_not_count() {
        let tries = Tries::default();
        for _ in 0..1_000 {
            tries.begin(Client::Untold, ANN, NOW_US).unwrap();
            tries.succeeded(Client::Untold, ANN);
        }
    }

    #[test]
    fn clients_are_told_apart_by_what_one_customer_has() {
        assert_eq!(at("2001:db8:1:2::1"), at("2001:db8:1:2:ffff::9"));
        assert_ne!(at("2001:db8:1:2::1"), at("2001:db8:1:3::1"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
        assert_ne!(at("192.0.2.1"), at("192.0.2.2"));
        assert_eq!(Client::of(None), Client::Untold);
    }

    /// However many addresses come along, a table has an end, and who tried
    /// most is remembered longest.
    #[test]
    fn tables_are_bounded_and_forget_who_tried_least() {
        let mut table = Table::new(BY_NAME, 0);
        for _ in 0..5 {
            table.add(0, NOW_US);
        }
        for key in 1..300_000_u32 {
            table.add(key, NOW_US);
            assert!(table.paid_us.len() <= ENTRIES_MAX);
        }
        assert!(table.remembers(&0, seconds(100)));
    }
}
