//! DNS as the system is set up for it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use super::{Answers, Dns, DnsError, Mx, Srv};

/// How long one question is waited for, with all its repetitions and other servers.
const PATIENCE: Duration = Duration::from_secs(20);
/// Records of one answer that are looked at: more are nobody's honest need.
const RECORDS_MAX: usize = 100;

/// Asks the servers of `/etc/resolv.conf`, or others, and remembers what they say for as long as they say.
pub struct SystemDns {
    resolver: TokioResolver,
    patience: Duration,
}

impl SystemDns {
    /// Reads the system's settings.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn new() -> Result<Self, DnsError> {
        let built = TokioResolver::builder_tokio().and_then(|builder| builder.build());
        Ok(Self {
            resolver: built.map_err(unavailable)?,
            patience: PATIENCE,
        })
    }

    /// Asks these servers; waits so long for an answer, with all repetitions.
    ///
    /// # Errors
    /// They cannot be asked.
    pub fn asking(servers: &[SocketAddr], patience: Duration) -> Result<Self, DnsError> {
        let servers = servers.iter().map(|server| {
            let mut config = NameServerConfig::udp_and_tcp(server.ip());
            for connection in &mut config.connections {
                connection.port = server.port();
            }
            config
        });
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
        let runtime = TokioRuntimeProvider::default();
        let built = TokioResolver::builder_with_config(config, runtime).build();
        Ok(Self {
            resolver: built.map_err(unavailable)?,
            patience,
        })
    }

    async fn ask(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, DnsError> {
        // A text that is no name will not be one tomorrow.
        let mut name = Name::from_utf8(name).map_err(|_| DnsError::NoSuchName)?;
        // Else the system's search domains would be tried.
        name.set_fqdn(true);
        let asked = tokio::time::timeout(self.patience, self.resolver.lookup(name, kind)).await;
        let timed_out = |_| DnsError::Unavailable("timed out".to_owned());
        match asked.map_err(timed_out)? {
            Ok(lookup) => Ok(of_kind(&lookup, kind)),
            Err(error) if error.is_nx_domain() => Err(DnsError::NoSuchName),
            Err(error) if error.is_no_records_found() => Ok(Vec::new()),
            Err(error) => Err(unavailable(error)),
        }
    }
}

fn unavailable(error: NetError) -> DnsError {
    DnsError::Unavailable(error.to_string())
}

/// Aliases are answers too.
fn of_kind(lookup: &Lookup, kind: RecordType) -> Vec<RData> {
    let answers = lookup.answers().iter();
    let answers = answers.filter(|record| record.record_type() == kind);
    let answers = answers.map(|record| record.data.clone());
    answers.take(RECORDS_MAX).collect()
}

/// Without the last dot, in lower case.
fn plain(name: &Name) -> String {
    let name = name.to_ascii().to_lowercase();
    name.strip_suffix('.').unwrap_or(&name).to_owned()
}

impl Dns for SystemDns {
    fn mx<'a>(&'a self, domain: &'a str) -> Answers<'a, Mx> {
        Box::pin(async move {
            let records = self.ask(domain, RecordType::MX).await?.into_iter();
            let records = records.filter_map(|data| match data {
                RData::MX(mx) => Some(Mx {
                    preference: mx.preference,
                    exchange: plain(&mx.exchange),
                }),
                _ => None,
            });
            Ok(records.collect())
        })
    }

    fn addresses<'a>(&'a self, host: &'a str) -> Answers<'a, IpAddr> {
        Box::pin(async move {
            let v6 = self.ask(host, RecordType::AAAA);
            let v4 = self.ask(host, RecordType::A);
            // One kind is enough.
            let records = match futures::join!(v6, v4) {
                (Ok(v6), Ok(v4)) => v6.into_iter().chain(v4).collect(),
                (Ok(found), Err(_)) | (Err(_), Ok(found)) if !found.is_empty() => found,
                (Err(error), _) | (_, Err(error)) => return Err(error),
            };
            let records = records.into_iter().filter_map(|data| match data {
                RData::A(address) => Some(IpAddr::V4(address.0)),
                RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                _ => None,
            });
            Ok(records.collect())
        })
    }

    fn txt<'a>(&'a self, name: &'a str) -> Answers<'a, String> {
        Box::pin(async move {
            let records = self.ask(name, RecordType::TXT).await?.into_iter();
            let records = records.filter_map(|data| match data {
                RData::TXT(txt) => {
                    Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned())
                }
                _ => None,
            });
            Ok(records.collect())
        })
    }

    fn srv<'a>(&'a self, name: &'a str) -> Answers<'a, Srv> {
        Box::pin(async move {
            let records = self.ask(name, RecordType::SRV).await?.into_iter();
            let records = records.filter_map(|data| match data {
                RData::SRV(srv) => Some(Srv {
                    port: srv.port,
                    target: plain(&srv.target),
                }),
                _ => None,
            });
            Ok(records.collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::op::{Message, ResponseCode};
    use hickory_resolver::proto::rr::Record;
    use hickory_resolver::proto::rr::rdata::{A, CNAME, MX, TXT};
    use tokio::net::UdpSocket;
    use tokio::task::JoinHandle;

    use super::*;

    fn name(name: &str) -> Name {
        Name::from_ascii(name).unwrap()
    }

    /// What a server says of a name; `None`: nothing.
    fn answer(asked: &Name, kind: RecordType) -> Option<(ResponseCode, Vec<RData>)> {
        let no_error = |records| Some((ResponseCode::NoError, records));
        match (asked.to_ascii().to_lowercase().as_str(), kind) {
            ("b.example.", RecordType::MX) => no_error(vec![
                RData::MX(MX::new(20, name("MX2.b.example."))),
                RData::MX(MX::new(10, name("mx1.b.example."))),
            ]),
            ("b.example.", RecordType::TXT) => {
                let strings = vec!["v=spf1 ".to_owned(), "-all".to_owned()];
                no_error(vec![RData::TXT(TXT::new(strings))])
            }
            ("null.example.", RecordType::MX) => {
                no_error(vec![RData::MX(MX::new(0, Name::root()))])
            }
            ("xn--bcher-kva.example.", RecordType::A) => {
                no_error(vec![RData::A(A::new(192, 0, 2, 1))])
            }
            ("one.example.", _) => no_error(vec![RData::CNAME(CNAME(name("two.example.")))]),
            ("two.example.", _) => no_error(vec![RData::CNAME(CNAME(name("one.example.")))]),
            ("broken.example.", _) => Some((ResponseCode::ServFail, Vec::new())),
            ("silent.example.", _) => None,
            ("unknown.example.", _) => Some((ResponseCode::NXDomain, Vec::new())),
            _ => no_error(Vec::new()),
        }
    }

    async fn server(patience: Duration) -> (JoinHandle<()>, SystemDns) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut packet = [0; 4096];
            while let Ok((length, client)) = socket.recv_from(&mut packet).await {
                let query = Message::from_vec(&packet[..length]).unwrap();
                let asked = query.queries[0].clone();
                let Some((code, records)) = answer(asked.name(), asked.query_type()) else {
                    continue;
                };
                let mut response = Message::response(query.metadata.id, query.metadata.op_code);
                response.metadata.response_code = code;
                response.metadata.recursion_available = true;
                response.add_query(asked.clone());
                for data in records {
                    response.add_answer(Record::from_rdata(asked.name().clone(), 60, data));
                }
                let packet = response.to_vec().unwrap();
                socket.send_to(&packet, client).await.unwrap();
            }
        });
        let dns = SystemDns::asking(&[address], patience).unwrap();
        (task, dns)
    }

    #[tokio::test]
    async fn answers_are_told_from_their_absence() {
        let (_server, dns) = server(PATIENCE).await;
        let mx = |preference, exchange: &str| Mx {
            preference,
            exchange: exchange.to_owned(),
        };
        let mut found = dns.mx("B.example").await.unwrap();
        found.sort_by_key(|mx| mx.preference);
        assert_eq!(found, [mx(10, "mx1.b.example"), mx(20, "mx2.b.example")]);
        assert_eq!(dns.mx("null.example").await.unwrap(), [mx(0, "")]);
        assert_eq!(dns.txt("b.example").await.unwrap(), ["v=spf1 -all"]);
        assert_eq!(dns.addresses("b.example").await, Ok(Vec::new()));
        assert_eq!(
            dns.addresses("bücher.example").await.unwrap(),
            ["192.0.2.1".parse::<IpAddr>().unwrap()]
        );
        assert_eq!(dns.mx("unknown.example").await, Err(DnsError::NoSuchName));
        assert_eq!(dns.mx("no..name").await, Err(DnsError::NoSuchName));
    }

    #[tokio::test]
    async fn servers_that_fail_loop_or_are_silent_are_no_answer() {
        let (_server, dns) = server(Duration::from_millis(500)).await;
        for host in ["broken.example", "silent.example"] {
            let found = dns.mx(host).await;
            assert!(
                matches!(found, Err(DnsError::Unavailable(_))),
                "{host}: {found:?}"
            );
        }
        // Whatever it is called, it ends, and there is no address.
        let found = dns.addresses("one.example").await;
        assert!(found.clone().unwrap_or_default().is_empty(), "{found:?}");
    }
}
