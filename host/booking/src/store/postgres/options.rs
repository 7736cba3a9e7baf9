//! Where the servers are, and how they are spoken to.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::store::Strategy;

/// Connections to each server unless set otherwise: enough for commits to share an fsync, and far below the 100 that
/// a server takes by default, so that several hosts fit.
pub const CONNECTIONS: usize = 16;

/// How long connecting may take: a server that takes longer is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long sent bytes may stay unacknowledged by the other machine: after that the connection is lost. How long a
/// statement may take is another matter, and the server's to say.
const TCP_PATIENCE: Duration = Duration::from_secs(10);

/// What of the engine can be set.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// One URL for each server (`postgres://user@host/database`), in an order that stays: hotels are spread over them
    /// by the hash of their codes.
    pub urls: Vec<String>,
    /// How overselling is kept from happening.
    pub strategy: Strategy,
    /// Connections to each server, at most.
    pub connections_max: usize,
}

impl PostgresOptions {
    /// Options for some servers, by the strategy that needs the fewest retries and the shortest locks.
    #[must_use]
    pub fn new(urls: Vec<String>) -> Self {
        Self {
            urls,
            strategy: Strategy::Constraint,
            connections_max: CONNECTIONS,
        }
    }
}

/// Reads a URL. To another machine it is TLS with a certificate that the system trusts, unless it says
/// `sslmode=disable`; on this machine it is TLS only with `sslmode=require`.
///
/// # Errors
/// A sentence that says what is wrong, without the URL: it may have a password.
pub(super) fn config(url: &str) -> Result<Config, String> {
    let mut config = Config::from_str(url).map_err(|error| {
        format!("it is not of the form postgres://user@host:port/database ({error})")
    })?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err("it names no host".to_owned());
    }
    if config.get_dbname().is_none() {
        return Err("it names no database".to_owned());
    }
    if config.get_ssl_mode() == SslMode::Prefer {
        config.ssl_mode(match stays_here(&config) {
            true => SslMode::Disable,
            false => SslMode::Require,
        });
    }
    config
        .application_name("concierge-booking")
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_user_timeout(TCP_PATIENCE)
        .keepalives(true)
        .keepalives_idle(TCP_PATIENCE);
    Ok(config)
}

/// Where a server is, for people: without user and password.
pub(super) fn place(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        Some(Host::Unix(path)) => path.display().to_string(),
        None => config
            .get_hostaddrs()
            .first()
            .map_or_else(String::new, IpAddr::to_string),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    format!("{host}:{port}/{}", config.get_dbname().unwrap_or_default())
}

/// Whether no byte leaves this machine.
fn stays_here(config: &Config) -> bool {
    let names = config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
        }
    });
    names && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_the_machine_only_by_tls_or_on_demand() {
        for (url, expected) in [
            ("postgres://u@localhost/b", SslMode::Disable),
            ("postgres://u@127.0.0.1:5433/b", SslMode::Disable),
            ("postgres://u@%2Frun%2Fpostgresql/b", SslMode::Disable),
            ("host=/run/postgresql user=u dbname=b", SslMode::Disable),
            ("postgres://u@localhost/b?sslmode=require", SslMode::Require),
            ("postgres://u@db.example.org/b", SslMode::Require),
            (
                "postgres://u@db.example.org/b?sslmode=prefer",
                SslMode::Require,
            ),
            ("postgres://u@localhost,db.example.org/b", SslMode::Require),
            (
                "host=localhost hostaddr=192.0.2.1 dbname=b",
                SslMode::Require,
            ),
            (
                "postgres://u@db.example.org/b?sslmode=disable",
                SslMode::Disable,
            ),
        ] {
            assert_eq!(config(url).unwrap().get_ssl_mode(), expected, "{url}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (url, expected) in [
            ("postgres:///b", "it names no host"),
            ("postgres://u:secret@localhost", "it names no database"),
            (
                "postgres://u:secret@localhost/b?sslmod=x",
                "it is not of the form",
            ),
            ("mysql://u:secret@localhost/b", "it is not of the form"),
        ] {
            let refused = config(url).unwrap_err();
            assert!(refused.starts_with(expected), "{refused}");
            assert!(!refused.contains("secret"), "{refused}");
        }
        let config = config("postgres://u:secret@db.example.org/b").unwrap();
        assert_eq!(place(&config), "db.example.org:5432/b");
    }
}
