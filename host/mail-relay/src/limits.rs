//! What a domain is burdened with: so many messages at once, so many a minute, and none for a while when it cannot be
//! reached.
//!
//! Whoever may not go now is told at once when to come again, each at another time: nobody waits here with a lease in hand.
//! What is known of domains is forgotten with the process: the worst that comes of it is a try too many.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use concierge_mail::Relayed;

use crate::options::{DomainLimits, RelayOptions};
use crate::outcome::later;

/// Domains that are remembered.
const DOMAINS_MAX: usize = 10_000;
/// How long a message takes, before any was seen to.
const FIRST_PACE: Duration = Duration::from_millis(100);
/// The shortest wait: each costs a look at the message.
const WAIT_MIN: Duration = Duration::from_millis(20);
/// The longest wait for others of the same domain to be done.
const WAIT_MAX: Duration = Duration::from_secs(10 * 60);
const MINUTE: Duration = Duration::from_secs(60);

/// What is known of a domain.
#[derive(Debug)]
struct Known {
    active: usize,
    /// How long a message took, of late.
    pace: Duration,
    /// When the next who is told to wait may come.
    next_slot: Instant,
    /// Until when the messages of now have used up what may go in a minute.
    spent_until: Instant,
    /// How often in a row it was not reached.
    failures: u32,
    dead_until: Instant,
    /// When that was last seen: what began before tells of the same time.
    failed_at: Instant,
    /// What was said then.
    why: String,
}

impl Known {
    fn new(now: Instant) -> Self {
        Self {
            active: 0,
            pace: FIRST_PACE,
            next_slot: now,
            spent_until: now,
            failures: 0,
            dead_until: now,
            failed_at: now,
            why: String::new(),
        }
    }

    /// Whether nothing would be lost with it.
    fn is_idle(&self, now: Instant) -> bool {
        self.active == 0 && self.dead_until <= now && self.spent_until <= now
    }

    /// When somebody who may come from a time on is to come, so that no two come at once.
    fn slot(&mut self, from: Instant, apart: Duration) -> Instant {
        let slot = self.next_slot.max(from);
        self.next_slot = slot + apart;
        slot
    }
}

/// Why somebody waits.
#[derive(Debug, Clone, Copy)]
enum Why {
    Dead,
    Busy,
    Rate,
}

/// Domains and what they are burdened with.
pub(crate) struct Domains {
    limits: DomainLimits,
    own: HashMap<String, DomainLimits>,
    dead_first: Duration,
    dead_max: Duration,
    known: Mutex<HashMap<String, Known>>,
}

impl Domains {
    pub(crate) fn new(options: &RelayOptions) -> Arc<Self> {
        Arc::new(Self {
            limits: options.limits,
            own: options.domains.clone(),
            dead_first: options.dead_first,
            dead_max: options.dead_max,
            known: Mutex::default(),
        })
    }

    /// Lets a message for a domain, in lower case, go; else says when it is to come again.
    pub(crate) fn enter(self: &Arc<Self>, domain: &str) -> Result<Permit, Relayed> {
        let now = Instant::now();
        let limits = self.own.get(domain).unwrap_or(&self.limits);
        let mut all = self.known();
        make_room(&mut all, now);
        let new = || Known::new(now);
        let known = all.entry(domain.to_owned()).or_insert_with(new);
        match may_go(known, limits, now) {
            Ok(()) => {
                known.active += 1;
                Ok(Permit {
                    domains: Arc::clone(self),
                    domain: domain.to_owned(),
                    since: now,
                    outcome: None,
                })
            }
            Err((why, slot)) => Err(wait(known, why, slot.saturating_duration_since(now))),
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, permit: &Permit) {
        let now = Instant::now();
        let mut all = self.known();
        let Some(known) = all.get_mut(&permit.domain) else {
            return;
        };
        known.active = known.active.saturating_sub(1);
        let took = now.saturating_duration_since(permit.since);
        known.pace = (known.pace * 7 + took) / 8;
        match &permit.outcome {
            None => {}
            Some(Reached::Yes) => known.failures = 0,
            Some(Reached::No(_)) if known.failures > 0 && permit.since <= known.failed_at => {}
            Some(Reached::No(why)) => {
                let doublings = 1_u32.checked_shl(known.failures).unwrap_or(u32::MAX);
                let alone = self.dead_first.saturating_mul(doublings).min(self.dead_max);
                known.dead_until = now + alone;
                known.failures = known.failures.saturating_add(1);
                known.failed_at = now;
                known.why.clone_from(why);
            }
        }
    }
}

/// Forgets those of whom nothing is to be remembered, then those whom it costs least.
fn make_room(all: &mut HashMap<String, Known>, now: Instant) {
    if all.len() < DOMAINS_MAX {
        return;
    }
    all.retain(|_, known| !known.is_idle(now));
    if all.len() >= DOMAINS_MAX {
        all.retain(|_, known| known.active > 0);
    }
}

fn may_go(known: &mut Known, limits: &DomainLimits, now: Instant) -> Result<(), (Why, Instant)> {
    if known.dead_until > now {
        return Err((Why::Dead, known.dead_until));
    }
    // Whether it can be reached again, one finds out for all.
    let at_once = match known.failures {
        0 => limits.at_once.max(1),
        _ => 1,
    };
    if known.active >= at_once {
        let apart = known.pace / u32::try_from(at_once).unwrap_or(u32::MAX);
        let slot = known.slot(now + known.pace, apart);
        return Err((Why::Busy, slot));
    }
    let Some(per_minute) = limits.per_minute else {
        return Ok(());
    };
    let apart = MINUTE / per_minute.max(1);
    if known.spent_until > now {
        let slot = known.slot(known.spent_until, apart);
        return Err((Why::Rate, slot));
    }
    known.spent_until = now + apart;
    Ok(())
}

fn wait(known: &Known, why: Why, wait: Duration) -> Relayed {
    let (label, relayed) = match why {
        Why::Dead => {
            let why = format!("not tried, as a moment ago: {}", known.why);
            ("dead", later(450, "4.4.1", why))
        }
        Why::Busy => ("busy", later(450, "4.4.5", "other messages go there first")),
        Why::Rate => (
            "rate",
            later(450, "4.4.5", "as many a minute go there as may"),
        ),
    };
    metrics::counter!("concierge_relay_waits_total", "why" => label).increment(1);
    let wait = wait.clamp(WAIT_MIN, WAIT_MAX);
    Relayed {
        wait_us: Some(u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)),
        ..relayed
    }
}

/// Whether a server of the domain was spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reached {
    Yes,
    /// With what was said of it.
    No(String),
}

/// A message of a domain that is under way. Dropped: it is no more.
pub(crate) struct Permit {
    domains: Arc<Domains>,
    domain: String,
    since: Instant,
    outcome: Option<Reached>,
}

impl Permit {
    /// Notes whether the domain was reached.
    pub(crate) fn leave(mut self, reached: Reached) {
        self.outcome = Some(reached);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.domains.leave(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains(limits: DomainLimits) -> Arc<Domains> {
        let options = RelayOptions {
            limits,
            ..RelayOptions::new("us.example", "")
        };
        Domains::new(&options)
    }

    fn refused(domains: &Arc<Domains>, domain: &str) -> (String, u64) {
        let refused = domains.enter(domain).err().unwrap();
        (refused.smtp_reply, refused.wait_us.unwrap())
    }

    #[test]
    fn so_many_at_once() {
        let domains = domains(DomainLimits {
            at_once: 2,
            per_minute: None,
        });
        let one = domains.enter("b.example").ok().unwrap();
        let _two = domains.enter("b.example").ok().unwrap();
        let _other = domains.enter("c.example").ok().unwrap();
        assert!(domains.enter("b.example").is_err());
        drop(one);
        assert!(domains.enter("b.example").is_ok());
    }

    #[test]
    fn who_waits_is_told_another_time_each() {
        let now = Instant::now();
        let limits = DomainLimits {
            at_once: 2,
            per_minute: None,
        };
        let mut known = Known::new(now);
        known.active = 2;
        let slots = (0..20).map(|_| may_go(&mut known, &limits, now).unwrap_err().1);
        let slots: Vec<_> = slots.collect();
        assert_eq!(slots[0], now + FIRST_PACE);
        let apart = slots.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(apart.into_iter().all(|apart| apart == FIRST_PACE / 2));
    }

    #[test]
    fn so_many_a_minute() {
        let domains = domains(DomainLimits {
            at_once: 9,
            per_minute: Some(1),
        });
        drop(domains.enter("b.example").ok().unwrap());
        let (why, wait_us) = refused(&domains, "b.example");
        assert!(why.starts_with("450 4.4.5 as many"), "{why}");
        assert!(wait_us > 30_000_000, "{wait_us}");
        assert!(refused(&domains, "b.example").1 > wait_us + 30_000_000);
    }

    #[test]
    fn what_cannot_be_reached_is_left_alone_longer_each_time() {
        let domains = domains(DomainLimits::default());
        let fail = || Reached::No("450 4.4.1 refused".to_owned());
        // Both were under way when it went down.
        let one = domains.enter("b.example").ok().unwrap();
        let two = domains.enter("b.example").ok().unwrap();
        one.leave(fail());
        let (why, first_us) = refused(&domains, "b.example");
        assert!(why.ends_with("450 4.4.1 refused"), "{why}");
        two.leave(fail());
        let (_, second_us) = refused(&domains, "b.example");
        assert!(second_us <= first_us, "one outage: {first_us} {second_us}");
        domains.known().get_mut("b.example").unwrap().dead_until = Instant::now();
        domains.enter("b.example").ok().unwrap().leave(fail());
        let (_, third_us) = refused(&domains, "b.example");
        assert!(third_us > first_us + first_us / 2, "{first_us} {third_us}");
        for _ in 0..40 {
            domains.known().get_mut("b.example").unwrap().dead_until = Instant::now();
            domains.enter("b.example").ok().unwrap().leave(fail());
        }
        assert!(refused(&domains, "b.example").1 <= 15 * 60 * 1_000_000);
        // One finds out whether it is there again.
        domains.known().get_mut("b.example").unwrap().dead_until = Instant::now();
        let probe = domains.enter("b.example").ok().unwrap();
        assert!(domains.enter("b.example").is_err());
        probe.leave(Reached::Yes);
        let _both = [domains.enter("b.example"), domains.enter("b.example")]
            .map(Result::ok)
            .map(Option::unwrap);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let domains = domains(DomainLimits::default());
        let _held = domains.enter("held.example").ok().unwrap();
        for number in 0..DOMAINS_MAX + 10 {
            let permit = domains.enter(&format!("{number}.example")).ok().unwrap();
            permit.leave(Reached::No(String::new()));
        }
        assert!(domains.known().len() <= DOMAINS_MAX);
        assert_eq!(domains.known().get("held.example").unwrap().active, 1);
    }
}
