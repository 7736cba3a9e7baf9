//! The Sender Rewriting Scheme (<https://www.libsrs2.net/srs/srs.pdf>): mail that is sent on comes from an address of ours, so
//! that the next server finds us allowed to send it (SPF), and what it cannot deliver comes back by us.
//!
//! `SRS0=HASH=TIME=DOMAIN=LOCAL@OURS` is for `LOCAL@DOMAIN`, `SRS1=HASH=FIRST==REST@OURS` for `SRS0=REST@FIRST`, which another
//! server made before. Without our hash it is nobody's, so that nobody sends through us by it.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Characters of the hash: 40 bits of HMAC-SHA-256 are not found by asking.
const HASH_CHARS: usize = 8;

/// For how many days a way back is open: longer than any server tries to deliver.
const DAYS_MAX: u64 = 21;

/// Days are counted in 10 bits.
const DAYS_MODULUS: u64 = 1 << 10;

const US_PER_DAY: u64 = 24 * 3_600_000_000;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Makes addresses and reads them.
pub(crate) struct Srs<'a> {
    secret: &'a [u8],
    domain: &'a str,
}

impl<'a> Srs<'a> {
    /// With a secret, and the domain of the addresses that are made.
    pub(crate) fn new(secret: &'a [u8], domain: &'a str) -> Self {
        Self { secret, domain }
    }

    /// Whether an address looks like one of these.
    pub(crate) fn is_way_back(address: &str) -> bool {
        let start = address.get(..5).unwrap_or_default();
        ["SRS0=", "SRS1="]
            .iter()
            .any(|prefix| start.eq_ignore_ascii_case(prefix))
    }

    /// The sender of a message that is sent on; the null path stays.
    pub(crate) fn rewritten(&self, sender: &str, now_us: u64) -> String {
        let Some((local, domain)) = sender.rsplit_once('@') else {
            return String::new();
        };
        let ours = self.domain;
        if Self::is_way_back(sender) {
            let is_first = local
                .get(..5)
                .is_some_and(|start| start.eq_ignore_ascii_case("SRS0="));
            let rest = local.get(5..).unwrap_or_default();
            let (first, rest) = match is_first {
                true => (domain, rest),
                // SRS1=HASH=FIRST==REST: the hash is another's.
                false => {
                    let told = rest
                        .split_once('=')
                        .and_then(|(_, told)| told.split_once("=="));
                    told.unwrap_or((domain, rest))
                }
            };
            let hash = self.hash(&format!("1={first}=={rest}"));
            return format!("SRS1={hash}={first}=={rest}@{ours}");
        }
        let day = day(now_us);
        let hash = self.hash(&format!("0={day}={domain}={local}"));
        format!("SRS0={hash}={day}={domain}={local}@{ours}")
    }

    /// Whom mail for an address of ours goes back to; `None`: we did not make it.
    pub(crate) fn sender_of(&self, address: &str) -> Option<String> {
        let (local, _) = address.rsplit_once('@')?;
        let (kind, rest) = (local.get(..4)?, local.get(5..)?);
        let (hash, rest) = rest.split_once('=')?;
        if kind.eq_ignore_ascii_case("SRS1") {
            let (first, rest) = rest.split_once("==")?;
            let expected = self.hash(&format!("1={first}=={rest}"));
            return hash
                .eq_ignore_ascii_case(&expected)
                .then(|| format!("SRS0={rest}@{first}"));
        }
        let (day, rest) = rest.split_once('=')?;
        let (domain, local) = rest.split_once('=')?;
        let expected = self.hash(&format!("0={day}={domain}={local}"));
        hash.eq_ignore_ascii_case(&expected)
            .then(|| format!("{local}@{domain}"))
    }

    /// The same, where it is not too old.
    pub(crate) fn sender_of_late(&self, address: &str, now_us: u64) -> Option<String> {
        if !Self::is_way_back(address) {
            return None;
        }
        let sender = self.sender_of(address)?;
        let is_first = address.get(..4)?.eq_ignore_ascii_case("SRS0");
        let made = address.split('=').nth(2)?;
        match is_first && !is_recent(made, now_us) {
            true => None,
            false => Some(sender),
        }
    }

    /// Case is lost on the way: the hash is of the text in lower case.
    fn hash(&self, text: &str) -> String {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.secret) else {
            return String::new();
        };
        mac.update(text.to_lowercase().as_bytes());
        let digest = mac.finalize().into_bytes();
        let chars = digest
            .iter()
            .take(HASH_CHARS)
            .map(|byte| char32(u64::from(*byte)));
        chars.collect()
    }
}

fn char32(number: u64) -> char {
    let at = usize::try_from(number % 32).unwrap_or(0);
    BASE32.get(at).copied().map_or('A', char::from)
}

/// The day in two characters.
fn day(now_us: u64) -> String {
    let day = now_us / US_PER_DAY % DAYS_MODULUS;
    [day / 32, day].map(char32).iter().collect()
}

fn is_recent(made: &str, now_us: u64) -> bool {
    let value = |byte: u8| BASE32.iter().position(|c| *c == byte.to_ascii_uppercase());
    let mut values = made.bytes().map(value);
    let (Some(Some(high)), Some(Some(low)), None) = (values.next(), values.next(), values.next())
    else {
        return false;
    };
    let made = (high * 32 + low) as u64;
    let today = now_us / US_PER_DAY % DAYS_MODULUS;
    (today + DAYS_MODULUS - made) % DAYS_MODULUS <= DAYS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_US: u64 = 1_795_651_200_000_000;

    #[test]
    fn senders_are_found_again() {
        let srs = Srs::new(b"secret", "ours.example");
        let first = srs.rewritten("Ann+x@theirs.example", NOW_US);
        assert!(
            first.starts_with("SRS0=") && first.ends_with("=theirs.example=Ann+x@ours.example")
        );
        assert_eq!(
            srs.sender_of(&first).as_deref(),
            Some("Ann+x@theirs.example")
        );
        assert_eq!(
            srs.sender_of(&first.to_lowercase()).as_deref(),
            Some("ann+x@theirs.example")
        );
        // The next server sends it on too, and the one behind that.
        let next = Srs::new(b"other", "next.example");
        let second = next.rewritten(&first, NOW_US);
        assert!(second.starts_with("SRS1=") && second.contains("=ours.example=="));
        assert_eq!(next.sender_of(&second).as_deref(), Some(&*first));
        let third = Srs::new(b"third", "last.example");
        let last = third.rewritten(&second, NOW_US);
        assert_eq!(third.sender_of(&last).as_deref(), Some(&*first));
        assert_eq!(srs.rewritten("", NOW_US), "");
    }

    #[test]
    fn nobody_else_makes_them() {
        let srs = Srs::new(b"secret", "ours.example");
        let made = srs.rewritten("ann@theirs.example", NOW_US);
        for forged in [
            made.replace("theirs", "others"),
            made.replace("=ann", "=bob"),
            Srs::new(b"guess", "ours.example").rewritten("ann@theirs.example", NOW_US),
            "SRS0=x@ours.example".to_owned(),
            "SRS1==@ours.example".to_owned(),
            "SRS0@ours.example".to_owned(),
        ] {
            assert_eq!(srs.sender_of(&forged), None, "{forged}");
        }
        let late_us = NOW_US + (DAYS_MAX + 1) * US_PER_DAY;
        assert!(srs.sender_of_late(&made, NOW_US).is_some());
        assert_eq!(srs.sender_of_late(&made, late_us), None);
    }
}
