//! The PROXY protocol, version 2 (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>): a load balancer says
//! who the client is.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ppp::v2::{Addresses, Command, Header};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// Octets before the addresses: the signature, the command, the family and the length.
const FIXED_BYTES: usize = 16;

/// The most that is read behind them: addresses of UNIX sockets have 216 octets, and some extensions follow.
const REST_MAX_BYTES: usize = 1_024;

/// How long a balancer may take for it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Whether an address is in one of the networks.
pub(super) fn is_among(address: IpAddr, networks: &[(IpAddr, u8)]) -> bool {
    let bits_of = |address: IpAddr| match address.to_canonical() {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32_u32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let (address, length) = bits_of(address);
    networks.iter().any(|(network, bits)| {
        let (network, network_length) = bits_of(*network);
        let others = network_length.saturating_sub(u32::from(*bits));
        length == network_length && (address ^ network).checked_shr(others).unwrap_or(0) == 0
    })
}

/// Reads the header; the client's address and ours, `None` where the balancer speaks for itself.
///
/// # Errors
/// A sentence on what is wrong.
pub(super) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Option<(SocketAddr, SocketAddr)>, String> {
    let read = async {
        let mut header = vec![0; FIXED_BYTES];
        stream.read_exact(&mut header).await.map_err(text)?;
        let length = header
            .last_chunk::<2>()
            .copied()
            .map_or(0, u16::from_be_bytes);
        let length = usize::from(length);
        if length > REST_MAX_BYTES {
            return Err("a header that is too long".to_owned());
        }
        header.resize(FIXED_BYTES + length, 0);
        let rest = header.get_mut(FIXED_BYTES..).unwrap_or_default();
        stream.read_exact(rest).await.map_err(text)?;
        parse(&header)
    };
    let read = timeout(TIMEOUT, read).await;
    read.unwrap_or_else(|_| Err("no header in time".to_owned()))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn parse(header: &[u8]) -> Result<Option<(SocketAddr, SocketAddr)>, String> {
    let header = Header::try_from(header).map_err(text)?;
    if header.command == Command::Local {
        return Ok(None);
    }
    match header.addresses {
        Addresses::IPv4(both) => Ok(Some((
            (both.source_address, both.source_port).into(),
            (both.destination_address, both.destination_port).into(),
        ))),
        Addresses::IPv6(both) => Ok(Some((
            (both.source_address, both.source_port).into(),
            (both.destination_address, both.destination_port).into(),
        ))),
        Addresses::Unspecified | Addresses::Unix(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

    async fn told(rest: &[u8]) -> Result<Option<(SocketAddr, SocketAddr)>, String> {
        let bytes = [SIGNATURE, rest].concat();
        read(&mut bytes.as_slice()).await
    }

    #[tokio::test]
    async fn the_client_is_told() {
        let four = b"\x21\x11\0\x0c\x0a\0\0\x01\x0a\0\0\x02\x10\0\0\x19";
        let (client, own) = told(four).await.unwrap().unwrap();
        assert_eq!(client.to_string(), "10.0.0.1:4096");
        assert_eq!(own.to_string(), "10.0.0.2:25");
        assert_eq!(told(b"\x20\0\0\0").await, Ok(None));
        for wrong in [
            &b"\x21\x11\0\x0c\x0a\0"[..],
            b"\x11\x11\0\0",
            b"\x21\x11\xff\xff",
            b"\x21\x11\0\0",
        ] {
            assert!(told(wrong).await.is_err(), "{wrong:?}");
        }
        assert!(read(&mut &b"EHLO x\r\nQUIT\r\n........"[..]).await.is_err());
    }

    #[test]
    fn networks_have_their_addresses() {
        let networks = [
            ("10.0.0.0".parse().unwrap(), 8),
            ("2001:db8::".parse().unwrap(), 32),
        ];
        for (address, expected) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("11.1.2.3", false),
            ("2001:db8:1::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(
                is_among(address.parse().unwrap(), &networks),
                expected,
                "{address}"
            );
        }
        assert!(is_among(
            "1.2.3.4".parse().unwrap(),
            &[("0.0.0.0".parse().unwrap(), 0)]
        ));
        assert!(!is_among(
            "::1".parse().unwrap(),
            &[("0.0.0.0".parse().unwrap(), 0)]
        ));
    }
}
