//! Components away from the host: `concierge edge --host`, and composed with the bridge as under
//! `spin up`. Each test runs both ways.

use concierge_tests::away::{Edge, Way};
use concierge_tests::proxy::Proxy;
use concierge_tests::{Request, Server, compose, seed};
use concierge_wit_http::server::CALLS_MAX;
use concierge_wit_http::{CONTRACT_HEADER, OBJECTS};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const BUCKET: &str = "annexe";
const MIB: usize = 1 << 20;
const WAYS: [Way; 2] = [Way::Native, Way::Bridge];

/// A token of `concierge token create`.
async fn token(server: &Server, arguments: &[&str]) -> anyhow::Result<String> {
    let arguments = [&["token", "create", "--json"], arguments].concat();
    let made = server.json(&arguments).await?;
    Ok(made["token"].as_str().unwrap_or_default().to_owned())
}

/// A host with a bucket, and an edge before it.
async fn start(way: Way) -> anyhow::Result<(Server, Edge)> {
    let server = Server::start().await?;
    server.create_bucket(BUCKET).await?;
    let token = token(&server, &["edge"]).await?;
    let edge = Edge::start(way, server.address("internal")?, &token).await?;
    Ok((server, edge))
}

async fn get(edge: &Edge, key: &str) -> anyhow::Result<(u16, Vec<u8>)> {
    let answer = edge
        .send(Request::new("GET", format!("/{BUCKET}/{key}")))
        .await?;
    Ok((answer.status, answer.body))
}

async fn put(edge: &Edge, key: &str, body: Vec<u8>) -> anyhow::Result<(u16, String)> {
    let answer = edge
        .send(Request::new("PUT", format!("/{BUCKET}/{key}")).body(body))
        .await?;
    Ok((
        answer.status,
        String::from_utf8_lossy(&answer.body).into_owned(),
    ))
}

#[test]
fn nothing_but_wasi_is_left_to_import() -> anyhow::Result<()> {
    for (name, interface) in [
        ("booking", "concierge:booking/reservations@"),
        ("mail-api", "concierge:mail/emails@"),
        ("object-router", "concierge:objects/blobs@"),
        ("hello-objects", "concierge:objects/blobs@"),
    ] {
        let alone = compose::imports_of(&std::fs::read(compose::built(name)?)?)?;
        assert!(
            alone.iter().any(|import| import.starts_with(interface)),
            "{alone:?}"
        );
        compose::with_bridge(name)?;
    }
    Ok(())
}

#[tokio::test]
async fn objects_cross_in_all_sizes() -> anyhow::Result<()> {
    for way in WAYS {
        let (server, edge) = start(way).await?;
        let store = edge.object_store(&server, BUCKET)?;
        let at_home = server.object_store(BUCKET)?;
        for (index, length) in [0, 1, 4096, 65_537, 8 * MIB + 1, 17 * MIB]
            .into_iter()
            .enumerate()
        {
            let path = Path::from(format!("sizes/{length}"));
            let bytes = seed::bytes(index as u64, length);
            store.put(&path, bytes.clone().into()).await?;
            assert!(
                store.get(&path).await?.bytes().await? == bytes,
                "{way:?} {length}"
            );
            assert!(
                at_home.get(&path).await?.bytes().await? == bytes,
                "{way:?} {length}"
            );
        }
        let range = store
            .get_range(&Path::from(format!("sizes/{}", 17 * MIB)), 5..9)
            .await?;
        assert_eq!(range, seed::bytes(5, 17 * MIB)[5..9], "{way:?}");
        let listed: Vec<_> = store.list(None).try_collect().await?;
        assert_eq!(listed.len(), 6, "{way:?}");

        let upload = store.put_multipart(&Path::from("parts")).await?;
        let mut writer = WriteMultipart::new_with_chunk_size(upload, 5 * MIB);
        let bytes = seed::bytes(9, 11 * MIB);
        writer.write(&bytes);
        writer.finish().await?;
        let got = at_home.get(&Path::from("parts")).await?.bytes().await?;
        assert!(got == bytes, "{way:?}");
    }
    Ok(())
}

/// Arguments and results that no header can hold: a thousand long keys to delete, and to list.
#[tokio::test]
async fn long_calls_cross_too() -> anyhow::Result<()> {
    for way in WAYS {
        let (server, edge) = start(way).await?;
        let at_home = server.object_store(BUCKET)?;
        let paths: Vec<_> = (0..300)
            .map(|number| Path::from(format!("{number:04}{}", "k".repeat(900))))
            .collect();
        futures::future::try_join_all(
            paths
                .iter()
                .map(|path| at_home.put(path, PutPayload::default())),
        )
        .await?;
        let store = edge.object_store(&server, BUCKET)?;
        let listed: Vec<_> = store.list(None).try_collect().await?;
        assert_eq!(listed.len(), paths.len(), "{way:?}");
        let locations = futures::stream::iter(paths.clone().into_iter().map(Ok));
        let deleted: Vec<_> = store
            .delete_stream(Box::pin(locations))
            .try_collect()
            .await?;
        assert_eq!(deleted.len(), paths.len(), "{way:?}");
        let left: Vec<_> = at_home.list(None).try_collect().await?;
        assert!(left.is_empty(), "{way:?}");
    }
    Ok(())
}

/// The store refuses an upload before it has read it: the answer must arrive all the same, though the
/// client goes on sending.
#[tokio::test]
async fn a_refused_upload_has_its_answer() -> anyhow::Result<()> {
    for way in WAYS {
        let (_server, edge) = start(way).await?;
        let body = seed::bytes(3, 12 * MIB);
        let put = Request::new("PUT", "/no-such-bucket/key").body(body);
        let answer = edge.send(put).await?;
        let text = String::from_utf8_lossy(&answer.body);
        assert!(
            answer.status == 404 && text.contains("<Code>NoSuchBucket</Code>"),
            "{way:?} {} {text}",
            answer.status
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_host_may_restart() -> anyhow::Result<()> {
    for way in WAYS {
        let mut server = Server::start().await?;
        server.create_bucket(BUCKET).await?;
        let token = token(&server, &["edge"]).await?;
        let proxy = Proxy::start(server.address("internal")?).await?;
        let edge = Edge::start(way, &proxy.address(), &token).await?;
        let body = seed::bytes(4, MIB);
        assert_eq!(put(&edge, "kept", body.clone()).await?.0, 200, "{way:?}");
        server.kill().await?;
        let (status, text) = get(&edge, "kept").await?;
        assert_eq!(status, 503, "{way:?} {}", String::from_utf8_lossy(&text));
        server.start_again().await?;
        proxy.pass_to(server.address("internal")?);
        let (status, got) = get(&edge, "kept").await?;
        assert!(status == 200 && got == body, "{way:?} {status}");
    }
    Ok(())
}

#[tokio::test]
async fn a_connection_cut_in_a_body_is_noticed() -> anyhow::Result<()> {
    for way in WAYS {
        let server = Server::start().await?;
        server.create_bucket(BUCKET).await?;
        let token = token(&server, &["edge"]).await?;
        let proxy = Proxy::start(server.address("internal")?).await?;
        let edge = Edge::start(way, &proxy.address(), &token).await?;
        let body = seed::bytes(5, 12 * MIB);
        assert_eq!(put(&edge, "whole", body.clone()).await?.0, 200, "{way:?}");

        // Down: the client has fewer bytes than were announced, and knows.
        proxy.cut_after(3 * MIB as u64);
        let cut = get(&edge, "whole").await;
        assert!(
            !matches!(&cut, Ok((200, got)) if got.len() == body.len()),
            "{way:?}: all of it came"
        );
        let (status, got) = get(&edge, "whole").await?;
        assert!(status == 200 && got == body, "{way:?} {status}");

        // Up: an error of the server's, and nothing is kept.
        proxy.cut_after(3 * MIB as u64);
        let (status, text) = put(&edge, "half", body.clone()).await?;
        assert!((500..600).contains(&status), "{way:?} {status} {text}");
        assert_eq!(get(&edge, "half").await?.0, 404, "{way:?}");
        assert_eq!(put(&edge, "half", body.clone()).await?.0, 200, "{way:?}");
        assert!(get(&edge, "half").await?.1 == body, "{way:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_wrong_token_is_the_edges_fault_not_the_clients() -> anyhow::Result<()> {
    for way in WAYS {
        let server = Server::start().await?;
        server.create_bucket(BUCKET).await?;
        let edge = Edge::start(way, server.address("internal")?, "wrong").await?;
        let (status, _) = get(&edge, "key").await?;
        assert_eq!(status, 503, "{way:?}");
        let log = edge.log();
        assert!(
            log.contains("concierge:identity@0.1.0/sigv4/verify") && log.contains("(401)"),
            "{way:?} {log}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_token_grants_what_it_says() -> anyhow::Result<()> {
    let server = Server::start().await?;
    server.create_bucket(BUCKET).await?;
    let internal = server.address("internal")?.to_owned();
    let verify = ["--grant", "concierge:identity/sigv4"];

    // Interfaces: the signature is verified, the objects are not to be had.
    let token_of_one = token(&server, &[&["one"], verify.as_slice()].concat()).await?;
    let edge = Edge::start(Way::Native, &internal, &token_of_one).await?;
    assert_eq!(get(&edge, "key").await?.0, 500);
    assert!(
        edge.log()
            .contains("is not granted concierge:objects/blobs")
    );

    // Accounts: a key of another is unknown through it.
    let created = server.command(&["account", "create", "guest"]).await?;
    assert!(created.status.success(), "{created:?}");
    let token_of_guest = token(&server, &["guest", "--account", "guest"]).await?;
    let edge = Edge::start(Way::Native, &internal, &token_of_guest).await?;
    assert_eq!(get(&edge, "key").await?.0, 403);

    // Nothing else of the listener, and nothing at all once deleted.
    let ask = async |path: &str, token: &str| -> anyhow::Result<u16> {
        let request = Request::new("GET", path)
            .header("authorization", format!("Bearer {token}"))
            .header("host", &internal);
        Ok(concierge_tests::raw::send(&internal, &request)
            .await?
            .status)
    };
    for path in ["/metrics", "/admin/v1/status", "/admin/v1/tokens"] {
        assert_eq!(ask(path, &token_of_guest).await?, 403, "{path}");
        assert_eq!(ask(path, "no token").await?, 401, "{path}");
    }
    let listed = server.json(&["token", "list", "--json"]).await?;
    assert_eq!(listed["tokens"].as_array().map(Vec::len), Some(2));
    assert!(!listed.to_string().contains(&token_of_guest));
    server.json(&["token", "delete", "guest", "--json"]).await?;
    assert_eq!(ask("/metrics", &token_of_guest).await?, 401);
    Ok(())
}

/// As many calls as the host takes at the same time wait for their arguments: the next is refused at
/// once, in S3's terms, and the one after they are gone is not.
#[tokio::test]
async fn an_overloaded_host_says_slow_down() -> anyhow::Result<()> {
    allow_many_files()?;
    for way in WAYS {
        let (server, edge) = start(way).await?;
        assert_eq!(put(&edge, "key", b"there".to_vec()).await?.0, 200);
        let token = token(&server, &["waiting"]).await?;
        let mut waiting = Vec::new();
        for _ in 0..CALLS_MAX {
            waiting.push(begin_call(server.address("internal")?, &token).await?);
        }
        let (status, _) = get(&edge, "key").await?;
        assert_eq!(status, 503, "{way:?}");
        for stream in waiting {
            end_call(stream).await?;
        }
        assert_eq!(
            get(&edge, "key").await?,
            (200, b"there".to_vec()),
            "{way:?}"
        );
    }
    Ok(())
}

/// Many systems allow 1,024, which are fewer than the calls that are to wait.
fn allow_many_files() -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    Ok(setrlimit(Resource::Nofile, raised)?)
}

/// A call whose arguments are announced and do not come. That the host has taken it is known from the `100
/// Continue` by which it asks for them.
async fn begin_call(address: &str, token: &str) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "POST /wit/{}@{}/blobs/head HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n{CONTRACT_HEADER}: {}\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n",
        OBJECTS.name,
        OBJECTS.version,
        OBJECTS.fingerprint_text()
    );
    stream.write_all(head.as_bytes()).await?;
    let mut line = [0; 25];
    stream.read_exact(&mut line).await?;
    assert_eq!(&line, b"HTTP/1.1 100 Continue\r\n\r\n");
    Ok(stream)
}

/// Sends the arguments, which are none, and waits for the refusal.
async fn end_call(mut stream: TcpStream) -> anyhow::Result<()> {
    stream.write_all(b"\0").await?;
    let mut line = [0; 12];
    stream.read_exact(&mut line).await?;
    assert_eq!(&line, b"HTTP/1.1 400");
    Ok(())
}

#[tokio::test]
async fn other_contracts_are_refused_at_the_first_call() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let internal = server.address("internal")?.to_owned();
    let token = token(&server, &["old"]).await?;
    for (package, fingerprint, status, why) in [
        (
            "concierge:objects@0.0.9",
            OBJECTS.fingerprint_text(),
            404,
            "this host serves concierge:booking@0.1.0, concierge:identity@0.1.0, concierge:mail@0.1.0, concierge:objects@0.1.0",
        ),
        (
            "concierge:objects@0.1.0",
            "0000000000000000".to_owned(),
            409,
            "has another form than the caller's",
        ),
    ] {
        let request = Request::new("POST", format!("/wit/{package}/blobs/head"))
            .header("authorization", format!("Bearer {token}"))
            .header("host", &internal)
            .header(CONTRACT_HEADER, &fingerprint);
        let answer = concierge_tests::raw::send(&internal, &request).await?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, status, "{text}");
        assert!(text.contains(why), "{text}");
    }
    Ok(())
}
