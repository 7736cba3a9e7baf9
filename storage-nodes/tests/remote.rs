//! A node behind its server: the same promises across a network that may break.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use concierge_storage_nodes::{
    Lease, Node, NodeClient, NodeError, NodeOptions, ObjectId, RecordKey, RemoteNode, server,
};
use futures::{StreamExt, TryStreamExt};
use tokio::{net::TcpListener, sync::oneshot};
use uuid::Uuid;

const LEASE: Lease = Lease { host: 1, epoch: 2 };
const TOKEN: &str = "a token for the tests";

fn key(n: u32) -> RecordKey {
    RecordKey {
        object: ObjectId(Uuid::from_u128(n.into())),
        extent: 0,
        shard: 0,
    }
}

fn payload(n: u32, length: usize) -> Bytes {
    (0..length)
        .map(|at| (at as u32).wrapping_mul(2_654_435_761).wrapping_add(n) as u8)
        .collect()
}

struct Served {
    node: Arc<Node>,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<Result<(), server::ServeError>>,
    dir: tempfile::TempDir,
}

impl Served {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = NodeOptions {
            background: false,
            free_space_reserve_bytes: 0,
            ..NodeOptions::default()
        };
        let node = Node::open(dir.path(), options).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = stopped.await;
        };
        let task = tokio::spawn(server::serve(
            listener,
            node.clone(),
            TOKEN.to_owned(),
            shutdown,
        ));
        Self {
            node,
            address,
            stop,
            task,
            dir,
        }
    }

    fn client(&self) -> NodeClient {
        NodeClient::Remote(RemoteNode::new(&format!("http://{}", self.address), TOKEN).unwrap())
    }
}

async fn read_all(client: &NodeClient, key: RecordKey, length: u64) -> Result<Vec<u8>, NodeError> {
    let stream = client.read(key, 0..length).await?;
    stream
        .try_fold(Vec::new(), |mut all, piece| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        })
        .await
}

#[tokio::test]
async fn every_method_works_across_the_network() {
    let served = Served::start().await;
    let client = served.client();
    let lengths = [0, 1, 4096, 65_536, 65_537, 300_000, 5_000_000];
    for (n, length) in (0..).zip(lengths) {
        client.put(key(n), LEASE, payload(n, length)).await.unwrap();
        assert_eq!(
            read_all(&client, key(n), length as u64).await.unwrap(),
            payload(n, length),
            "{length}"
        );
        assert_eq!(
            client.stat(key(n)).await.unwrap().unwrap().length,
            length as u64
        );
    }
    let middle = client.read(key(6), 70_000..1_400_001).await.unwrap();
    let middle = middle.try_collect::<Vec<_>>().await.unwrap().concat();
    assert_eq!(middle, payload(6, 5_000_000)[70_000..1_400_001]);

    let mut writer = client.begin(key(10), LEASE, 2_000_000).await.unwrap();
    for piece in payload(10, 1_500_000).chunks(77_777) {
        writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    writer.finish().await.unwrap();
    assert_eq!(
        read_all(&client, key(10), 1_500_000).await.unwrap(),
        payload(10, 1_500_000)
    );

    assert_eq!(
        client.list(None, 100).await.unwrap(),
        served.node.list(None, 100).await.unwrap()
    );
    assert_eq!(client.list(Some(key(5)), 1).await.unwrap()[0].key, key(6));
    client.delete((0..3000).map(key).collect()).await.unwrap();
    assert!(client.list(None, 100).await.unwrap().is_empty());
    assert!(client.stat(key(0)).await.unwrap().is_none());
    assert!(matches!(
        client.read(key(0), 0..0).await,
        Err(NodeError::NotFound)
    ));
    assert_eq!(client.status().await.unwrap().records, 0);
    assert_eq!(client.verify(None, 1 << 20).await.unwrap().next, None);
    assert!(client.damaged().await.unwrap().is_empty());
}

#[tokio::test]
async fn errors_keep_their_kind_across_the_network() {
    let served = Served::start().await;
    let client = served.client();
    client.put(key(1), LEASE, payload(1, 10)).await.unwrap();
    assert!(matches!(
        client.read(key(1), 0..11).await,
        Err(NodeError::OutOfRange { length: 10 })
    ));
    let huge = client.begin(key(2), LEASE, u64::MAX).await;
    assert!(matches!(huge, Err(NodeError::TooLarge { .. })));
    let mut writer = client.begin(key(2), LEASE, 3).await.unwrap();
    let over = writer.write(Bytes::from_static(b"1234")).await;
    assert!(matches!(over, Err(NodeError::TooLarge { limit_bytes: 3 })));

    let stranger = RemoteNode::new(
        &format!("http://{}", served.address),
        "another token altogether",
    )
    .unwrap();
    assert!(matches!(
        stranger.stat(key(1)).await,
        Err(NodeError::Unauthorized)
    ));
    assert!(matches!(
        stranger.put(key(9), LEASE, payload(1, 10)).await,
        Err(NodeError::Unauthorized)
    ));
    assert!(served.node.stat(key(9)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_writer_that_is_dropped_leaves_nothing() {
    let served = Served::start().await;
    let client = served.client();
    let mut writer = client.begin(key(1), LEASE, 1_000_000).await.unwrap();
    writer.write(payload(1, 500_000)).await.unwrap();
    drop(writer);
    // What comes later on the same node is not disturbed, and the record never appears.
    client.put(key(2), LEASE, payload(2, 100)).await.unwrap();
    served.stop.send(()).unwrap();
    served.task.await.unwrap().unwrap();
    assert!(served.node.stat(key(1)).await.unwrap().is_none());
    drop(client);
    drop(served.node);
    let options = NodeOptions {
        background: false,
        free_space_reserve_bytes: 0,
        ..NodeOptions::default()
    };
    let node = Node::open(served.dir.path(), options).unwrap();
    assert!(node.stat(key(1)).await.unwrap().is_none());
    assert!(node.stat(key(2)).await.unwrap().is_some());
}

/// A body cut short by a client that speaks HTTP/2 correctly (an end of stream without the trailers) must not commit:
/// a length that nobody checks would store a truncated record.
#[tokio::test]
async fn a_payload_without_its_trailers_is_refused() {
    use http_body_util::Full;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let served = Served::start().await;
    for (method, query) in [
        ("PUT", "host=1&epoch=1"),
        ("POST", "host=1&epoch=1&capacity=100"),
    ] {
        let stream = tokio::net::TcpStream::connect(served.address)
            .await
            .unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
        let driver = tokio::spawn(connection);
        let request = http::Request::builder()
            .method(method)
            .uri(format!(
                "http://{}/v1/records/{}?{query}",
                served.address,
                key(1)
            ))
            .header("authorization", format!("Bearer {TOKEN}"))
            .body(Full::new(Bytes::from_static(b"half of it")))
            .unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let status = answer.status();
        let answer = http_body_util::BodyExt::collect(answer.into_body())
            .await
            .unwrap();
        let outcome = answer
            .trailers()
            .and_then(|trailers| trailers.get("concierge-outcome"))
            .cloned();
        let refused = status != 200 || outcome.is_some_and(|outcome| outcome != "done");
        assert!(refused, "{method}: {status}");
        assert!(served.node.stat(key(1)).await.unwrap().is_none());
        drop(sender);
        driver.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn damage_reaches_the_client_as_an_error_and_not_as_a_short_success() {
    let served = Served::start().await;
    let client = served.client();
    client
        .put(key(1), LEASE, payload(1, 3_000_000))
        .await
        .unwrap();
    let volume = std::fs::read_dir(served.dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let volume = volume
        .into_iter()
        .find(|path| path.extension().is_some_and(|kind| kind == "extents"))
        .unwrap();
    flip(&volume, 4096 + 96 + 2_500_000);
    let mut stream = client.read(key(1), 0..3_000_000).await.unwrap();
    let mut good = 0;
    let error = loop {
        match stream.next().await.expect("an error, not an end") {
            Ok(bytes) => {
                assert_eq!(bytes, payload(1, 3_000_000)[good..good + bytes.len()]);
                good += bytes.len();
            }
            Err(error) => break error,
        }
    };
    assert!(
        matches!(error, NodeError::Corrupt { key: k } if k == key(1)),
        "{error}"
    );
    assert!(good > 1_000_000 && good <= 2_500_000, "{good}");
    assert!(stream.next().await.is_none());
    assert_eq!(client.damaged().await.unwrap(), [key(1)]);
    client
        .put(key(1), LEASE, payload(1, 3_000_000))
        .await
        .unwrap();
    assert_eq!(
        read_all(&client, key(1), 3_000_000).await.unwrap(),
        payload(1, 3_000_000)
    );
    assert!(client.damaged().await.unwrap().is_empty());
}

fn flip(path: &std::path::Path, offset: u64) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 0x40], offset).unwrap();
}

#[tokio::test]
async fn an_absent_server_is_unreachable_and_plain_text_stays_on_the_machine() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let absent = RemoteNode::new(&format!("http://{address}"), TOKEN).unwrap();
    assert!(matches!(
        absent.stat(key(1)).await,
        Err(NodeError::Unreachable(_))
    ));
    for bad in [
        "",
        "https://127.0.0.1:1",
        "127.0.0.1:1",
        "http://127.0.0.1:1/path",
    ] {
        assert!(RemoteNode::new(bad, TOKEN).is_err(), "{bad}");
    }

    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), NodeOptions::default()).unwrap();
    let everywhere = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = server::serve(
        everywhere,
        node.clone(),
        TOKEN.to_owned(),
        std::future::ready(()),
    )
    .await;
    assert!(matches!(refused, Err(server::ServeError::NotLoopback(_))));
    let here = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = server::serve(here, node, "short".to_owned(), std::future::ready(())).await;
    assert!(matches!(refused, Err(server::ServeError::ShortToken(5))));
}
