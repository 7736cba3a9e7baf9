//! A server: its connections, and that it keeps what it acknowledged.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime,
};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::{Failed, with_sources};
use super::options;

/// The oldest server that is spoken to, as `server_version_num` has it: the oldest that its makers still mend.
const VERSION_MIN: i32 = 140_000;

/// How long a call waits for a free connection: about as long as a client waits.
const POOL_PATIENCE: Duration = Duration::from_secs(5);

/// What each session is set to. The functions count on READ COMMITTED: each of their statements sees what was committed
/// before it. No statement takes longer than a client waits, and no lock is held by a host that went away.
const SESSION: &str = "set search_path = pg_catalog, pg_temp; \
    set default_transaction_isolation = 'read committed'; \
    set statement_timeout = '15s'; \
    set lock_timeout = '10s'; \
    set idle_in_transaction_session_timeout = '15s'";

/// What moves the bytes of a connection, and has what the server says unasked.
pub(super) type Driver =
    tokio_postgres::Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// One server.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// Where it is, for people.
    pub(super) place: String,
    config: Config,
    tls: MakeTls,
    pool: Pool,
}

#[derive(Clone)]
struct MakeTls(MakeRustlsConnect);

impl std::fmt::Debug for MakeTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MakeTls")
    }
}

impl Server {
    /// A server by its URL; nothing is connected yet.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the URL or the system's certificates.
    pub(super) fn at(url: &str, connections_max: usize) -> Result<Self, String> {
        let config = options::config(url)?;
        let tls = MakeRustlsConnect::new(tls_config(config.get_ssl_mode())?);
        let manager = Manager::from_config(
            config.clone(),
            tls.clone(),
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        let pool = Pool::builder(manager)
            .max_size(connections_max.max(1))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(POOL_PATIENCE))
            .create_timeout(Some(POOL_PATIENCE))
            .post_create(Hook::async_fn(|client: &mut ClientWrapper, _| {
                Box::pin(async move { prepare(client).await.map_err(HookError::message) })
            }))
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            place: options::place(&config),
            config,
            tls: MakeTls(tls),
            pool,
        })
    }

    /// A connection of the pool.
    pub(super) async fn connection(&self) -> Result<Object, Failed> {
        Ok(self.pool.get().await?)
    }

    /// A connection of its own, with what drives it.
    pub(super) async fn apart(&self) -> Result<(Client, Driver), tokio_postgres::Error> {
        self.config.connect(self.tls.0.clone()).await
    }

    /// Closes the pool's connections as they come back, and gives no more.
    pub(super) fn close(&self) {
        self.pool.close();
    }
}

/// Sets a new session up and makes sure that the server is one to count on.
pub(super) async fn prepare(client: &Client) -> Result<(), String> {
    let failed = |error: tokio_postgres::Error| with_sources(&error);
    client.batch_execute(SESSION).await.map_err(failed)?;
    check(client).await
}

/// Makes sure that the server keeps what it acknowledges, and can be written to.
pub(super) async fn check(client: &Client) -> Result<(), String> {
    let row = client
        .query_one(
            "select current_setting('server_version_num')::integer, current_setting('server_encoding'), \
             current_setting('fsync'), current_setting('full_page_writes'), \
             current_setting('synchronous_commit'), current_setting('transaction_read_only')",
            &[],
        )
        .await
        .map_err(|error| with_sources(&error))?;
    let version: i32 = row.get(0);
    let text = |column: usize| row.get::<_, String>(column);
    if version < VERSION_MIN {
        return Err(format!(
            "the server has version {}; {} or later is needed",
            version / 10_000,
            VERSION_MIN / 10_000
        ));
    }
    if text(1) != "UTF8" {
        return Err(format!(
            "the database has the encoding {}; make one with the encoding UTF8",
            text(1)
        ));
    }
    for (column, name) in [
        (2, "fsync"),
        (3, "full_page_writes"),
        (4, "synchronous_commit"),
    ] {
        if text(column) == "off" {
            return Err(format!(
                "the server has {name} = off and may lose reservations that it acknowledged; set it to on"
            ));
        }
    }
    if text(5) == "on" {
        return Err(
            "the server takes no writes: a standby, or default_transaction_read_only is on"
                .to_owned(),
        );
    }
    Ok(())
}

/// TLS that trusts what the system trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others), and nothing where it is not
/// used.
fn tls_config(mode: SslMode) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    if mode != SslMode::Disable {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            return Err(
                "the system has no certificates to trust; SSL_CERT_FILE can name some".to_owned(),
            );
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
