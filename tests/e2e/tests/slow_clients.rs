//! Clients that are slow, or stand still, must not cost others their service.

use concierge_tests::memory::Growth;
use concierge_tests::{Request, Server, raw, seed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const BUCKET: &str = "queue";
/// Of each kind. More than a small pool, fewer than a process may have files.
const CLIENTS: usize = 100;
const MIB: usize = 1 << 20;
/// What [`CLIENTS`] that stand still may cost at most: their sockets' buffers
/// are the kernel's, and each upload or download has one block of its body in
/// the program.
const GROWTH_MAX_BYTES: u64 = 128 << 20;

async fn fresh() -> anyhow::Result<Server> {
    let server = Server::start().await?;
    server.create_bucket(BUCKET).await?;
    let put = Request::new("PUT", format!("/{BUCKET}/big")).body(seed::bytes(1, 8 * MIB));
    assert_eq!(server.send(put).await?.status, 200);
    Ok(server)
}

async fn others_are_served(server: &Server) -> anyhow::Result<()> {
    for n in 0..20_u64 {
        let body = seed::bytes(n, 50_000);
        let target = format!("/{BUCKET}/other/{n}");
        let put = server
            .send(Request::new("PUT", &target).body(body.clone()))
            .await?;
        assert_eq!(put.status, 200, "{put:?}");
        let got = server.send(Request::new("GET", &target)).await?;
        assert!(got.status == 200 && got.body == body, "{got:?}");
    }
    Ok(())
}

fn costs_little(growth: &Growth) -> anyhow::Result<()> {
    let grown = growth.peak_bytes()?;
    assert!(grown < GROWTH_MAX_BYTES, "the server grew by {grown} bytes");
    println!("the server grew by {grown} bytes");
    Ok(())
}

async fn connect_all(server: &Server, bytes: &[u8]) -> anyhow::Result<Vec<TcpStream>> {
    let mut streams = Vec::new();
    for _ in 0..CLIENTS {
        let mut stream = TcpStream::connect(server.s3()?).await?;
        stream.write_all(bytes).await?;
        streams.push(stream);
    }
    Ok(streams)
}

#[tokio::test]
async fn half_a_header() -> anyhow::Result<()> {
    let server = fresh().await?;
    let growth = server.watch_memory()?;
    let silent = connect_all(&server, b"").await?;
    let begun = connect_all(&server, b"PUT /queue/never HTTP/1.1\r\nhost: x\r\nx-am").await?;
    others_are_served(&server).await?;
    costs_little(&growth)?;
    drop((silent, begun));
    others_are_served(&server).await
}

#[tokio::test]
async fn uploads_that_stand_still() -> anyhow::Result<()> {
    let server = fresh().await?;
    let growth = server.watch_memory()?;
    let address = server.s3()?.to_owned();
    let put = Request::new("PUT", format!("/{BUCKET}/slow")).body(seed::bytes(2, MIB));
    let bytes = Server::credentials().signed(put, &address).bytes();
    let mut standing = connect_all(&server, &bytes[..bytes.len() - MIB + 10]).await?;
    others_are_served(&server).await?;
    costs_little(&growth)?;
    // They were only slow: one that goes on in the end is served like any other.
    let mut first = standing.remove(0);
    first.write_all(&bytes[bytes.len() - MIB + 10..]).await?;
    let answer = raw::read_response(&mut first, false).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    drop(standing);
    others_are_served(&server).await?;
    let listed = server
        .send(Request::new(
            "GET",
            format!("/{BUCKET}?list-type=2&prefix=slow"),
        ))
        .await?;
    assert_eq!(listed.element("KeyCount").as_deref(), Some("1"));
    Ok(())
}

#[tokio::test]
async fn downloads_that_nobody_reads() -> anyhow::Result<()> {
    let server = fresh().await?;
    let growth = server.watch_memory()?;
    let address = server.s3()?.to_owned();
    let get = Server::credentials()
        .signed(Request::new("GET", format!("/{BUCKET}/big")), &address)
        .bytes();
    let mut standing = connect_all(&server, &get).await?;
    // Each has begun to answer.
    for stream in &mut standing {
        stream.read_exact(&mut [0; 12]).await?;
    }
    others_are_served(&server).await?;
    costs_little(&growth)?;
    drop(standing);
    others_are_served(&server).await
}

/// Clients that hang up in the middle of an answer cancel the work behind it.
#[tokio::test]
async fn downloads_that_are_broken_off() -> anyhow::Result<()> {
    let server = fresh().await?;
    let address = server.s3()?.to_owned();
    let get = Server::credentials()
        .signed(Request::new("GET", format!("/{BUCKET}/big")), &address)
        .bytes();
    for _ in 0..5 {
        let mut streams = connect_all(&server, &get).await?;
        for stream in &mut streams {
            stream.read_exact(&mut [0; 12]).await?;
        }
    }
    others_are_served(&server).await
}
