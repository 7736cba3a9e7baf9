//! Sockets: bound once, accepted from on every core.

use super::tls::Tls;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

/// Connections that wait to be accepted, for each core.
const BACKLOG: i32 = 1_024;

/// A name and an address that are listened on, with one socket a core.
pub(crate) struct Listener {
    pub(crate) name: Arc<str>,
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) sockets: Vec<TcpListener>,
}

impl Listener {
    /// Binds `cores` sockets to one address; the kernel spreads connections over them. Port 0 takes
    /// a free one.
    pub(crate) fn bind(
        name: &str,
        address: SocketAddr,
        tls: Option<Arc<Tls>>,
        cores: usize,
    ) -> io::Result<Self> {
        // With SO_REUSEPORT a second program of the same user could take half of our connections
        // without an error on either side, so the address is first bound without it, which fails
        // when anyone has it.
        let probe = TcpListener::bind(address)?;
        let address = probe.local_addr()?;
        drop(probe);
        let sockets = (0..cores)
            .map(|_| bind_shared(address))
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self {
            name: Arc::from(name),
            address,
            tls,
            sockets,
        })
    }
}

fn bind_shared(address: SocketAddr) -> io::Result<TcpListener> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    Ok(TcpListener::from(socket))
}
