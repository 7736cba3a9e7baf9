//! The certificate of mail's listeners.

use std::path::Path;
use std::sync::Arc;

use concierge_edge::{Certificate, TlsFiles};
use concierge_identity::write_private_file;

use crate::config::Config;
use crate::data_dir::Layout;
use crate::exit::Failure;

/// Opens the certificate that is configured, or one that the first start signs itself. Mail servers do not look at who
/// signed it (RFC 7435), and people's programs ask once.
pub fn open(
    config: &Config,
    layout: &Layout,
    host_name: &str,
) -> Result<Arc<Certificate>, Failure> {
    let files = match (&config.tls_cert, &config.tls_key) {
        (Some(certificates), Some(key)) => TlsFiles {
            certificates: certificates.clone(),
            key: key.clone(),
        },
        _ => {
            let files = TlsFiles {
                certificates: layout.mail_certificate(),
                key: layout.mail_certificate_key(),
            };
            if !files.certificates.exists() {
                sign(&files, host_name)?;
            }
            files
        }
    };
    Certificate::open(files).map_err(Failure::failed)
}

/// Makes a certificate. It comes last: where it is, its key is.
fn sign(files: &TlsFiles, host_name: &str) -> Result<(), Failure> {
    let names = [host_name, "localhost"].map(str::to_owned);
    // RFC 5280 §4.2.1.6: names are ASCII.
    let names: Vec<_> = names.into_iter().filter(|name| name.is_ascii()).collect();
    let signed = rcgen::generate_simple_self_signed(names).map_err(Failure::failed)?;
    let write = |path: &Path, pem: String| {
        write_private_file(path, pem.as_bytes())
            .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))
    };
    write(&files.key, signed.signing_key.serialize_pem())?;
    write(&files.certificates, signed.cert.pem())
}
