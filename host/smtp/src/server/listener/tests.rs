//! Real sockets: bounds on connections, errors of accepting, and the end.

use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::envelope::{Recipient, Sender};
use crate::reply::{EnhancedCode, Reply};
use crate::server::{
    Answer, Authenticated, Credentials, Envelope, Incoming, Limits, ServerOptions, Service,
};

/// Takes nothing.
#[derive(Default)]
struct Nobody {
    peers: Mutex<Vec<SocketAddr>>,
}

fn no<T>() -> Result<T, Reply> {
    Err(Reply::new(550, EnhancedCode(5, 7, 1), "no"))
}

impl Handler for Nobody {
    fn connect<'a>(&'a self, connection: &'a Connection) -> Answer<'a, Result<(), Reply>> {
        self.peers.lock().unwrap().push(connection.peer);
        Box::pin(async { Ok(()) })
    }
    fn authenticate<'a>(
        &'a self,
        _: &'a Connection,
        _: Credentials,
    ) -> Answer<'a, Result<Authenticated, Reply>> {
        Box::pin(async { no() })
    }
    fn sender<'a>(&'a self, _: &'a Connection, _: &'a Sender) -> Answer<'a, Result<(), Reply>> {
        Box::pin(async { Ok(()) })
    }
    fn recipient<'a>(
        &'a self,
        _: &'a Connection,
        _: &'a Sender,
        _: &'a Recipient,
    ) -> Answer<'a, Result<(), Reply>> {
        Box::pin(async { Ok(()) })
    }
    fn message<'a>(
        &'a self,
        _: &'a Connection,
        _: Envelope,
    ) -> Answer<'a, Result<Box<dyn Incoming>, Reply>> {
        Box::pin(async { no() })
    }
    fn disconnect(&self, _: &Connection) {}
}

async fn bind(options: ServerOptions) -> (Server, Arc<Nobody>) {
    let nobody = Arc::new(Nobody::default());
    let address = ([127, 0, 0, 1], 0).into();
    let server = Server::bind(address, options, Arc::clone(&nobody) as _).await;
    (server.unwrap(), nobody)
}

fn options(limits: Limits) -> ServerOptions {
    ServerOptions {
        limits,
        ..ServerOptions::new(Service::Exchange, "mx.test")
    }
}

async fn line(stream: &mut TcpStream) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        match stream.read_u8().await {
            Ok(byte) => line.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(line).unwrap()
}

#[tokio::test]
async fn one_too_many_is_told_so_and_there_is_room_again() {
    let limits = Limits {
        connections_max: 3,
        connections_per_address_max: 2,
        ..Limits::default()
    };
    let (server, _) = bind(options(limits)).await;
    let connect = async || {
        let mut stream = TcpStream::connect(server.local_address()).await.unwrap();
        let said = line(&mut stream).await;
        (stream, said)
    };
    let (mut first, said) = connect().await;
    assert!(said.starts_with("220"));
    let (_second, said) = connect().await;
    assert!(said.starts_with("220"));
    let (_, said) = connect().await;
    assert!(said.starts_with("421 4.7.0"), "{said}");
    first.write_all(b"QUIT\r\n").await.unwrap();
    assert!(line(&mut first).await.starts_with("221"));
    assert_eq!(line(&mut first).await, "", "it is closed");
    while !connect().await.1.starts_with("220") {}
    server.drain().await;
}

#[tokio::test]
async fn the_end_is_said_to_who_waits() {
    let (server, _) = bind(options(Limits::default())).await;
    let address = server.local_address();
    let mut idle = TcpStream::connect(address).await.unwrap();
    let mut busy = TcpStream::connect(address).await.unwrap();
    for stream in [&mut idle, &mut busy] {
        assert!(line(stream).await.starts_with("220"));
    }
    busy.write_all(b"HELO c\r\nMAIL FROM:<a@b.example>\r\n")
        .await
        .unwrap();
    for _ in 0..2 {
        assert!(line(&mut busy).await.starts_with("250"));
    }
    let drained = tokio::spawn(server.drain());
    assert!(line(&mut idle).await.starts_with("421 4.3.2"));
    busy.write_all(b"RCPT TO:<a@b.example>\r\nRSET\r\n")
        .await
        .unwrap();
    for _ in 0..2 {
        assert!(
            line(&mut busy).await.starts_with("250"),
            "what was begun may end"
        );
    }
    assert!(line(&mut busy).await.starts_with("421 4.3.2"));
    drained.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn who_does_not_end_is_ended() {
    let limits = Limits {
        drain_timeout: std::time::Duration::from_millis(20),
        ..Limits::default()
    };
    let (server, _) = bind(options(limits)).await;
    let mut stream = TcpStream::connect(server.local_address()).await.unwrap();
    stream
        .write_all(b"HELO c\r\nMAIL FROM:<a@b.example>\r\n")
        .await
        .unwrap();
    for _ in 0..3 {
        assert!(line(&mut stream).await.starts_with("2"));
    }
    server.drain().await;
    assert_eq!(line(&mut stream).await, "");
}

#[tokio::test]
async fn a_balancer_says_who_the_client_is() {
    let mut options = options(Limits::default());
    options.proxies = vec![("127.0.0.0".parse().unwrap(), 8)];
    let (server, nobody) = bind(options).await;
    let mut stream = TcpStream::connect(server.local_address()).await.unwrap();
    let header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\0\0\x01\x0a\0\0\x02\x10\0\0\x19";
    stream.write_all(header).await.unwrap();
    assert!(line(&mut stream).await.starts_with("220"));
    assert_eq!(nobody.peers.lock().unwrap()[0].to_string(), "10.0.0.1:4096");
    let mut stream = TcpStream::connect(server.local_address()).await.unwrap();
    stream
        .write_all(b"EHLO c\r\nMAIL FROM:<a@b.example>\r\n")
        .await
        .unwrap();
    assert_eq!(
        line(&mut stream).await,
        "",
        "it did not say who it speaks for"
    );
    server.drain().await;
}

/// Descriptors are used up: `accept` fails at once, each time, until one is closed.
struct UsedUp {
    asked: Arc<AtomicUsize>,
}

impl Accept for UsedUp {
    fn accept(&self) -> Accepting<'_> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        const EMFILE: i32 = 24;
        Box::pin(async { Err(io::Error::from_raw_os_error(EMFILE)) })
    }
}

#[tokio::test]
async fn accepting_does_not_spin_without_descriptors() {
    let asked = Arc::new(AtomicUsize::new(0));
    let draining = CancellationToken::new();
    let shared = Arc::new(Shared {
        options: options(Limits::default()),
        handler: Arc::new(Nobody::default()),
        draining: draining.clone(),
    });
    let used_up = UsedUp {
        asked: Arc::clone(&asked),
    };
    let serving = tokio::spawn(serve(used_up, shared));
    // Others have their turns meanwhile: a loop that spins would ask each time.
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
    }
    let count = asked.load(Ordering::Relaxed);
    assert!((1..100).contains(&count), "{count}");
    draining.cancel();
    serving.await.unwrap();
    let mut pause = Pause::default();
    let waits: Vec<_> = (0..8).map(|_| pause.next(&io::Error::other("x"))).collect();
    assert!(waits.is_sorted() && waits[0] == PAUSE_FIRST && waits[7] == PAUSE_MAX);
}
