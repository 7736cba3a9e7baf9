//! A server that is measured through S3.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};

use super::signer::{Credentials, Signer};

/// The bucket that the benchmarks make and use.
pub const BUCKET: &str = "concierge-bench";

/// Where an S3 server is and how to sign for it.
#[derive(Clone)]
pub struct Endpoint {
    /// As reported.
    pub name: String,
    pub addr: SocketAddr,
    /// The Host header.
    pub host: String,
    pub credentials: Credentials,
    /// Its process, where it is ours to look at.
    pub pid: Option<u32>,
}

impl Endpoint {
    /// An endpoint at an address of this machine.
    pub fn new(name: &str, addr: SocketAddr, credentials: Credentials, pid: Option<u32>) -> Self {
        Self {
            name: name.into(),
            addr,
            host: addr.to_string(),
            credentials,
            pid,
        }
    }

    /// Signs requests to it.
    pub fn signer(&self) -> Signer {
        Signer::new(self.credentials.clone(), &self.host)
    }
}

impl FromStr for Endpoint {
    type Err = anyhow::Error;

    /// `NAME=URL,ACCESS_KEY,SECRET_KEY[,REGION[,PID]]` with an `http` URL.
    fn from_str(text: &str) -> Result<Self> {
        let (name, rest) = text
            .split_once('=')
            .context("NAME=URL,KEY,SECRET is expected")?;
        let fields: Vec<&str> = rest.split(',').collect();
        let (url, access_key, secret_key, more) = match fields[..] {
            [url, access_key, secret_key, ref more @ ..] if more.len() <= 2 => {
                (url, access_key, secret_key, more)
            }
            _ => bail!("NAME=URL,KEY,SECRET[,REGION[,PID]] is expected"),
        };
        let host = url
            .strip_prefix("http://")
            .context("only http:// is measured")?
            .trim_end_matches('/');
        let addr = host
            .to_socket_addrs()
            .with_context(|| format!("`{host}` is not HOST:PORT"))?
            .next()
            .with_context(|| format!("`{host}` has no address"))?;
        Ok(Self {
            name: name.into(),
            addr,
            host: host.into(),
            credentials: Credentials {
                access_key: access_key.into(),
                secret_key: secret_key.into(),
                region: more
                    .first()
                    .map_or("us-east-1", |region| region)
                    .to_string(),
            },
            pid: more
                .get(1)
                .map(|pid| pid.parse())
                .transpose()
                .context("PID is a number")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_read_from_its_flag() {
        let endpoint: Endpoint = "garage=http://127.0.0.1:3900,GK1,s3cr3t,garage"
            .parse()
            .unwrap();
        assert_eq!(endpoint.name, "garage");
        assert_eq!(endpoint.host, "127.0.0.1:3900");
        assert_eq!(endpoint.credentials.region, "garage");
        assert!(
            "garage=https://127.0.0.1:3900,a,b"
                .parse::<Endpoint>()
                .is_err()
        );
        assert!("http://127.0.0.1:3900".parse::<Endpoint>().is_err());
    }
}
