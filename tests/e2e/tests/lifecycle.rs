//! Start, stop and refusal to start.

use concierge_tests::server::{LISTENERS, ServerOptions, up};
use concierge_tests::{Request, Server, raw, seed};

const BUCKET: &str = "lobby";

async fn put(server: &Server, key: &str, body: Vec<u8>) -> anyhow::Result<()> {
    let answer = server
        .send(Request::new("PUT", format!("/{BUCKET}/{key}")).body(body))
        .await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    Ok(())
}

async fn get(server: &Server, key: &str) -> anyhow::Result<Vec<u8>> {
    let answer = server
        .send(Request::new("GET", format!("/{BUCKET}/{key}")))
        .await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    Ok(answer.body)
}

#[tokio::test]
async fn an_orderly_stop_exits_zero_and_keeps_everything() -> anyhow::Result<()> {
    let mut server = Server::start().await?;
    server.create_bucket(BUCKET).await?;
    let body = seed::bytes(1, 9 << 20);
    put(&server, "kept", body.clone()).await?;
    let status = server.terminate().await?;
    assert_eq!(status.code(), Some(0), "{}", server.log_tail());
    server.start_again().await?;
    assert!(get(&server, "kept").await? == body);
    Ok(())
}

/// A request that is being served when the stop comes is finished first.
#[tokio::test]
async fn a_stop_waits_for_requests() -> anyhow::Result<()> {
    use tokio::io::AsyncWriteExt;
    let mut server = Server::start().await?;
    server.create_bucket(BUCKET).await?;
    let address = server.s3()?.to_owned();
    let body = seed::bytes(2, 300_000);
    let put = Request::new("PUT", format!("/{BUCKET}/late"))
        .header("expect", "100-continue")
        .body(body.clone());
    let request = Server::credentials().signed(put, &address);
    let mut stream = tokio::net::TcpStream::connect(&address).await?;
    stream.write_all(&request.head()).await?;
    // The body is asked for: the request is being served.
    let mut line = [0; 25];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut line).await?;
    assert_eq!(&line, b"HTTP/1.1 100 Continue\r\n\r\n");
    let finish = async {
        stream.write_all(&request.body).await?;
        raw::read_response(&mut stream, false).await
    };
    let (status, answer) = tokio::join!(server.terminate(), finish);
    assert_eq!(answer?.status, 200);
    assert_eq!(status?.code(), Some(0), "{}", server.log_tail());
    server.start_again().await?;
    assert!(get(&server, "late").await? == body);
    Ok(())
}

#[tokio::test]
async fn a_data_directory_has_one_process() -> anyhow::Result<()> {
    let server = Server::start().await?;
    let output = up(&server.data(), &ServerOptions::default())?
        .output()
        .await?;
    assert_ne!(output.status.code(), Some(0));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        message.contains("use") && !message.contains("panicked"),
        "{message}"
    );
    Ok(())
}

#[tokio::test]
async fn a_port_in_use_is_a_plain_sentence() -> anyhow::Result<()> {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = taken.local_addr()?.to_string();
    let directory = tempfile::tempdir()?;
    let mut command = tokio::process::Command::new(concierge_tests::program::path()?);
    command
        .arg("up")
        .arg("--data")
        .arg(directory.path().join("data"));
    for listener in LISTENERS {
        let address = match listener {
            "--s3" => &address,
            _ => "127.0.0.1:0",
        };
        command.args([listener, address]);
    }
    let output = command.output().await?;
    assert_ne!(output.status.code(), Some(0));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        message.contains(&address) && !message.contains("panicked"),
        "{message}"
    );
    Ok(())
}

/// What a client was told stays true through a kill at once after the answer.
#[tokio::test]
async fn an_answer_is_a_promise() -> anyhow::Result<()> {
    let mut server = Server::start().await?;
    server.create_bucket(BUCKET).await?;
    for round in 0..3_u64 {
        for (n, length) in [10, 5_000, 70_000, 9 << 20].into_iter().enumerate() {
            let key = format!("{round}-{n}");
            put(&server, &key, seed::bytes(round, length)).await?;
            server.kill().await?;
            server.start_again().await?;
            assert!(
                get(&server, &key).await? == seed::bytes(round, length),
                "{key}"
            );
        }
    }
    Ok(())
}
