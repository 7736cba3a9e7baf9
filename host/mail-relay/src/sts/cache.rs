//! Policies that are known, for as long as they say (RFC 8461 §3.3, §5.1).
//!
//! They are forgotten with the process. Whoever can make both DNS and HTTPS fail for the first message after a start has it
//! sent without a policy, as RFC 8461 §10.2 says of every first message.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::{Policy, PolicySource, record_id};
use crate::dns::Dns;

/// Policies that are kept: each of at most a few KB.
const KEPT_MAX: usize = 10_000;
/// Policies that are fetched at once.
const AT_ONCE: usize = 16;
/// How long after a fetch that failed is fetched again (RFC 8461 §3.3: five minutes are enough).
const RETRY: Duration = Duration::from_secs(5 * 60);

/// What is known of a domain.
#[derive(Clone)]
struct Kept {
    /// Of the record when it was fetched.
    id: String,
    policy: Option<Arc<Policy>>,
    /// Until when the policy holds, or, without one, until when it is not fetched again.
    until: Instant,
    /// Until when a record of another id is not followed, since that did not work.
    settled_until: Instant,
}

impl Kept {
    /// Whether nothing is to be fetched for a record of this id.
    fn is_settled(&self, id: &str) -> bool {
        self.id == id || self.settled_until > Instant::now()
    }
}

/// Policies of domains.
pub(crate) struct Policies {
    dns: Arc<dyn Dns>,
    source: Arc<dyn PolicySource>,
    kept: Mutex<HashMap<String, Kept>>,
    fetches: Semaphore,
}

impl Policies {
    pub(crate) fn new(dns: Arc<dyn Dns>, source: Arc<dyn PolicySource>) -> Self {
        Self {
            dns,
            source,
            kept: Mutex::default(),
            fetches: Semaphore::new(AT_ONCE),
        }
    }

    /// The policy of a domain, in lower case, if it has one.
    pub(crate) async fn of(&self, domain: &str) -> Option<Arc<Policy>> {
        // An address has no policy.
        if domain.starts_with('[') {
            return None;
        }
        let kept = self.kept(domain);
        let texts = self.dns.txt(&format!("_mta-sts.{domain}")).await;
        let Some(id) = texts.ok().and_then(|texts| record_id(&texts)) else {
            // A record that is gone, or is kept from us, does not end a policy.
            return kept?.policy;
        };
        if let Some(kept) = kept.filter(|kept| kept.is_settled(&id)) {
            return kept.policy;
        }
        self.fetch(domain, id).await
    }

    async fn fetch(&self, domain: &str, id: String) -> Option<Arc<Policy>> {
        let _fetch = self.fetches.acquire().await.ok()?;
        // Another message for the domain may have had it while this one waited.
        let kept = self.kept(domain);
        if let Some(kept) = kept.as_ref().filter(|kept| kept.is_settled(&id)) {
            return kept.policy.clone();
        }
        let fetched = self.source.fetch(domain).await;
        let now = Instant::now();
        let parsed = fetched.map(|text| Policy::parse(&text));
        let new = match parsed {
            Ok(Some(policy)) => Kept {
                id,
                until: now + policy.max_age,
                policy: Some(Arc::new(policy)),
                settled_until: now,
            },
            failed => {
                let error = failed.err().map(|error| error.to_string());
                tracing::info!(domain, error, "MTA-STS: no policy was had");
                metrics::counter!("concierge_relay_sts_fetch_failures_total").increment(1);
                let old = kept.filter(|kept| kept.policy.is_some());
                let none = Kept {
                    id: String::new(),
                    policy: None,
                    until: now + RETRY,
                    settled_until: now,
                };
                Kept {
                    settled_until: now + RETRY,
                    ..old.unwrap_or(none)
                }
            }
        };
        let policy = new.policy.clone();
        self.keep(domain, new, now);
        policy
    }

    fn kept(&self, domain: &str) -> Option<Kept> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.get(domain).cloned()?;
        (kept.until > Instant::now()).then_some(kept)
    }

    fn keep(&self, domain: &str, new: Kept, now: Instant) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.retain(|_, kept| kept.until > now);
        }
        if kept.len() >= KEPT_MAX {
            // What would be fetched again first.
            let soonest = kept.iter().min_by_key(|(_, kept)| kept.until);
            if let Some(domain) = soonest.map(|(domain, _)| domain.clone()) {
                kept.remove(&domain);
            }
        }
        kept.insert(domain.to_owned(), new);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::dns::fake::{FakeDns, Zone};
    use crate::sts::{Mode, PolicyError};

    /// Gives what it holds; counts how often.
    struct Held(Mutex<Result<String, PolicyError>>, AtomicUsize);

    impl PolicySource for Held {
        fn fetch<'a>(
            &'a self,
            _domain: &'a str,
        ) -> Pin<Box<dyn Future<Output = Result<String, PolicyError>> + Send + 'a>> {
            self.1.fetch_add(1, Ordering::SeqCst);
            let held = self.0.lock().unwrap().clone();
            Box::pin(async move { held })
        }
    }

    fn held(mode: &str, max_age: u32) -> Result<String, PolicyError> {
        Ok(format!(
            "version: STSv1\nmode: {mode}\nmx: mx.b.example\nmax_age: {max_age}\n"
        ))
    }

    /// DNS whose record is changed while it is asked.
    struct Record(Mutex<Option<&'static str>>);

    impl Record {
        fn zone(&self) -> FakeDns {
            let Some(id) = *self.0.lock().unwrap() else {
                return FakeDns::default();
            };
            let zone = Zone {
                txt: vec![format!("v=STSv1; id={id}")],
                ..Zone::default()
            };
            FakeDns::default().with("_mta-sts.b.example", zone)
        }
    }

    impl Dns for Record {
        fn mx<'a>(&'a self, _: &'a str) -> crate::dns::Answers<'a, crate::dns::Mx> {
            Box::pin(async { Ok(Vec::new()) })
        }
        fn addresses<'a>(&'a self, _: &'a str) -> crate::dns::Answers<'a, std::net::IpAddr> {
            Box::pin(async { Ok(Vec::new()) })
        }
        fn txt<'a>(&'a self, name: &'a str) -> crate::dns::Answers<'a, String> {
            Box::pin(async move { self.zone().txt(name).await })
        }
        fn srv<'a>(&'a self, _: &'a str) -> crate::dns::Answers<'a, crate::dns::Srv> {
            Box::pin(async { Ok(Vec::new()) })
        }
    }

    #[tokio::test]
    async fn a_policy_is_fetched_once_for_each_id_and_outlives_its_record() {
        let dns = Arc::new(Record(Mutex::new(None)));
        let source = Arc::new(Held(
            Mutex::new(held("enforce", 86_400)),
            AtomicUsize::new(0),
        ));
        let policies = Policies::new(dns.clone(), source.clone());
        let mode = async || policies.of("b.example").await.map(|policy| policy.mode);
        let fetches = || source.1.load(Ordering::SeqCst);
        // Without a record nothing is fetched.
        assert_eq!((mode().await, fetches()), (None, 0));
        *dns.0.lock().unwrap() = Some("1");
        for _ in 0..3 {
            assert_eq!((mode().await, fetches()), (Some(Mode::Enforce), 1));
        }
        // A policy that cannot be had does not end the one before, and is not asked for again and again.
        *source.0.lock().unwrap() = Err(PolicyError("no".to_owned()));
        *dns.0.lock().unwrap() = Some("2");
        for _ in 0..3 {
            assert_eq!((mode().await, fetches()), (Some(Mode::Enforce), 2));
        }
        *dns.0.lock().unwrap() = None;
        assert_eq!((mode().await, fetches()), (Some(Mode::Enforce), 2));
        assert_eq!(policies.of("[192.0.2.1]").await, None);
    }

    #[tokio::test]
    async fn a_policy_that_is_too_old_is_fetched_again_and_none_is_remembered() {
        let dns = Arc::new(Record(Mutex::new(Some("1"))));
        let source = Arc::new(Held(Mutex::new(held("testing", 0)), AtomicUsize::new(0)));
        let policies = Policies::new(dns, source.clone());
        for fetches in 1..3 {
            let policy = policies.of("b.example").await.unwrap();
            assert_eq!(policy.mode, Mode::Testing);
            assert_eq!(source.1.load(Ordering::SeqCst), fetches);
        }
        *source.0.lock().unwrap() = Ok("no policy".to_owned());
        for _ in 0..3 {
            assert_eq!(policies.of("b.example").await, None);
        }
        assert_eq!(source.1.load(Ordering::SeqCst), 3);
    }
}
