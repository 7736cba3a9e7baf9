//! TLS, with a certificate that is read again when its file changes.

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The files of a certificate.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// PEM: the certificate, then those that lead to its authority.
    pub certificates: PathBuf,
    /// PEM: the private key (PKCS #8, PKCS #1 or SEC 1).
    pub key: PathBuf,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read, or holds nothing of the kind.
    #[error("cannot read {path}: {reason}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The key is not the certificate's, or of a kind that is not supported.
    #[error("the certificate and the key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// A certificate in service, read again when its files change.
#[derive(Debug)]
pub struct Certificate {
    files: TlsFiles,
    current: RwLock<Current>,
}

#[derive(Debug)]
struct Current {
    key: Arc<CertifiedKey>,
    /// Of the files that it came from.
    times: FileTimes,
}

type FileTimes = [Option<SystemTime>; 2];

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// That they cannot be read or used.
    pub fn open(files: TlsFiles) -> Result<Arc<Self>, TlsError> {
        let times = times(&files);
        let key = Arc::new(read(&files)?);
        let current = RwLock::new(Current { key, times });
        Ok(Arc::new(Self { files, current }))
    }

    /// TLS with it, for whatever protocols: none is named (RFC 7301).
    ///
    /// # Errors
    /// That TLS cannot be spoken at all.
    pub fn server_config(self: &Arc<Self>) -> Result<ServerConfig, TlsError> {
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth();
        Ok(builder.with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>))
    }

    /// Reads the files again if they changed. Files that cannot be used leave the old certificate.
    pub fn refresh(&self) {
        let now = times(&self.files);
        let is_same = {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            current.times == now
        };
        if is_same {
            return;
        }
        let read = read(&self.files);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.times = now;
        match read {
            Ok(new) => {
                current.key = Arc::new(new);
                tracing::info!(path = %self.files.certificates.display(), "certificate read again");
            }
            Err(error) => tracing::error!("the old certificate stays: {error}"),
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current.key))
    }
}

/// The TLS side of a listener of HTTP.
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    certificate: Arc<Certificate>,
}

impl Tls {
    pub(crate) fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let certificate = Certificate::open(files)?;
        let mut config = certificate.server_config()?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            certificate,
        })
    }

    pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> io::Result<TlsStream<S>> {
        self.acceptor.accept(stream).await
    }

    /// Reads the files again if they changed.
    pub(crate) fn refresh(&self) {
        self.certificate.refresh();
    }
}

fn times(files: &TlsFiles) -> FileTimes {
    [&files.certificates, &files.key].map(|path| fs::metadata(path).and_then(|m| m.modified()).ok())
}

fn read(files: &TlsFiles) -> Result<CertifiedKey, TlsError> {
    let wrong = |path: &PathBuf, error: pem::Error| TlsError::Read {
        path: path.clone(),
        reason: match error {
            pem::Error::NoItemsFound => "it holds no PEM item of that kind".into(),
            other => other.to_string(),
        },
    };
    let certificates = CertificateDer::pem_file_iter(&files.certificates)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| wrong(&files.certificates, e))?;
    if certificates.is_empty() {
        return Err(wrong(&files.certificates, pem::Error::NoItemsFound));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| wrong(&files.key, e))?;
    Ok(CertifiedKey::from_der(
        certificates,
        key,
        &ring::default_provider(),
    )?)
}
