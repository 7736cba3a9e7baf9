//! How many connections there are, in all and from each address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Bits of an IPv6 address that are one client's: who has one address has the network (RFC 6177).
const IPV6_BITS: u32 = 64;

/// Connections that are open, by the client's address.
#[derive(Debug, Default)]
pub(super) struct Admission {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A connection that is counted until this is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    admission: Arc<Admission>,
    address: Option<IpAddr>,
}

impl Admission {
    /// Counts a connection whose client is not known yet; `None`: there are `max` already.
    pub(super) fn enter(self: &Arc<Self>, max: usize) -> Option<Admitted> {
        let mut open = self.lock();
        if open.all >= max {
            return None;
        }
        open.all += 1;
        Some(Admitted {
            admission: Arc::clone(self),
            address: None,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Admitted {
    /// Counts it as the client's; `false`: the client has `max` already.
    pub(super) fn is_from(&mut self, client: IpAddr, max: usize) -> bool {
        let address = network(client);
        let mut open = self.admission.lock();
        let count = open.by_address.entry(address).or_default();
        if *count >= max {
            return false;
        }
        *count += 1;
        drop(open);
        self.address = Some(address);
        true
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.admission.lock();
        open.all -= 1;
        let Some(address) = self.address else {
            return;
        };
        if let Some(count) = open.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&address);
            }
        }
    }
}

/// What of an address is one client's.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let mask = u128::MAX << (128 - IPV6_BITS);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_counted_while_they_are_open() {
        let admission = Arc::new(Admission::default());
        let from = |address: &str| {
            let mut admitted = admission.enter(3)?;
            admitted
                .is_from(address.parse().unwrap(), 2)
                .then_some(admitted)
        };
        let one = from("10.0.0.1").unwrap();
        let two = from("::ffff:10.0.0.1").unwrap();
        assert!(from("10.0.0.1").is_none(), "two from one address");
        let six = from("2001:db8::1").unwrap();
        assert!(from("10.0.0.2").is_none(), "three in all");
        drop(two);
        let another = from("2001:db8::2").unwrap();
        drop(another);
        drop((one, six));
        let open = admission.lock();
        assert_eq!((open.all, open.by_address.len()), (0, 0));
    }
}
