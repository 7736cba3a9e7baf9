//! DNS that is written in a test.

use std::collections::HashMap;
use std::net::IpAddr;

use super::{Answers, Dns, DnsError, Mx, Srv};

/// What a name has. A name that is not here does not exist; one that is `broken` is not answered for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Zone {
    pub(crate) mx: Vec<(u16, &'static str)>,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) txt: Vec<String>,
    pub(crate) srv: Vec<(u16, &'static str)>,
    pub(crate) broken: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct FakeDns(pub(crate) HashMap<String, Zone>);

impl FakeDns {
    pub(crate) fn with(mut self, name: &str, zone: Zone) -> Self {
        self.0.insert(name.to_owned(), zone);
        self
    }

    fn ask<T>(&self, name: &str, of: impl Fn(&Zone) -> Vec<T>) -> Result<Vec<T>, DnsError> {
        match self.0.get(&name.to_lowercase()) {
            None => Err(DnsError::NoSuchName),
            Some(zone) if zone.broken => Err(DnsError::Unavailable("timed out".to_owned())),
            Some(zone) => Ok(of(zone)),
        }
    }
}

impl Dns for FakeDns {
    fn mx<'a>(&'a self, domain: &'a str) -> Answers<'a, Mx> {
        let found = self.ask(domain, |zone| {
            let records = zone.mx.iter().map(|(preference, exchange)| Mx {
                preference: *preference,
                exchange: (*exchange).to_owned(),
            });
            records.collect()
        });
        Box::pin(async move { found })
    }

    fn addresses<'a>(&'a self, host: &'a str) -> Answers<'a, IpAddr> {
        let found = self.ask(host, |zone| zone.addresses.clone());
        Box::pin(async move { found })
    }

    fn txt<'a>(&'a self, name: &'a str) -> Answers<'a, String> {
        let found = self.ask(name, |zone| zone.txt.clone());
        Box::pin(async move { found })
    }

    fn srv<'a>(&'a self, name: &'a str) -> Answers<'a, Srv> {
        let found = self.ask(name, |zone| {
            let records = zone.srv.iter().map(|(port, target)| Srv {
                port: *port,
                target: (*target).to_owned(),
            });
            records.collect()
        });
        Box::pin(async move { found })
    }
}
