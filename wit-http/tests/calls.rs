//! Both ends over real connections, with functions of the test's own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use concierge_wit_http::server::{Answer, Call, Refusal, Server};
use concierge_wit_http::{
    ByteStream, Client, ClientOptions, ContractError, Failure, Function, HEADER_MAX_BYTES, OBJECTS,
    STREAM_HEADER_MAX_BYTES, StreamError, decode, encode,
};
use futures::{StreamExt, TryStreamExt};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

const PIECE_BYTES: usize = 64 * 1024;

/// The error of the contract that the test makes up.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Error {
    Refused(String),
    NoAnswer(Reason),
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Reason {
    Passes,
    TooLong,
    Stays,
}

impl ContractError for Error {
    fn of(failure: &Failure) -> Self {
        Self::NoAnswer(match failure {
            Failure::TooLong => Reason::TooLong,
            failure if failure.passes() => Reason::Passes,
            _ => Reason::Stays,
        })
    }
}

fn function(name: &'static str) -> Function {
    Function {
        package: &OBJECTS,
        interface: "blobs",
        name,
    }
}

async fn run(call: Call) -> Result<Answer, Refusal> {
    let plain = |result: &Result<Vec<u8>, Error>| {
        Ok(Answer {
            result: encode(result)?,
            stream: None,
            gives: false,
        })
    };
    match call.function.as_str() {
        // Gives back what it got.
        "same" => {
            let (bytes,): (Vec<u8>,) = decode(&call.arguments().await?)?;
            plain(&Ok(bytes))
        }
        // The length of a stream, in decimal.
        "count" => {
            let (arguments, stream) = call.arguments_and_stream()?;
            let (_,): (Vec<u8>,) = decode(&arguments)?;
            let count = stream.try_fold(0, |sum, piece| async move { Ok(sum + piece.len()) });
            plain(&match count.await {
                Ok(count) => Ok(count.to_string().into_bytes()),
                Err(error) => Err(Error::Refused(error.to_string())),
            })
        }
        // Refuses a stream unread.
        "refuse" => plain(&Err(Error::Refused("no".to_owned()))),
        // So many pieces announced, and so many given.
        "pieces" => {
            let (announced, given): (u64, usize) = decode(&call.arguments().await?)?;
            let result: Result<u64, Error> = Ok(announced);
            let end = (announced > given as u64).then(|| Err(StreamError("damaged".to_owned())));
            let stream = pieces(given).chain(futures::stream::iter(end));
            Ok(Answer {
                result: encode(&result)?,
                stream: Some((Box::pin(stream), announced * PIECE_BYTES as u64)),
                gives: true,
            })
        }
        _ => Err(Refusal::unknown(
            call.package,
            &call.interface,
            &call.function,
        )),
    }
}

fn pieces(count: usize) -> ByteStream {
    let piece = Bytes::from(vec![7; PIECE_BYTES]);
    Box::pin(futures::stream::iter(
        (0..count).map(move |_| Ok(piece.clone())),
    ))
}

/// A server that takes so many calls at a time, until the test's runtime ends.
async fn serve(calls_max: usize) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = Arc::new(Server::new(calls_max));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let server = Arc::clone(&server);
            let service = service_fn(move |request| {
                let server = Arc::clone(&server);
                async move { Ok::<_, Infallible>(server.answer(request, run).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    Ok(address)
}

fn client(address: SocketAddr) -> anyhow::Result<Client> {
    Ok(Client::new(ClientOptions {
        host: format!("http://{address}"),
        token: "token".to_owned(),
        trusted: Vec::new(),
    })?)
}

#[tokio::test]
async fn arguments_and_results_of_any_length_cross() -> anyhow::Result<()> {
    let client = client(serve(8).await?)?;
    for length in [0, 1, HEADER_MAX_BYTES - 2, HEADER_MAX_BYTES, 1_000_000] {
        let bytes: Vec<u8> = (0..length).map(|at| at as u8).collect();
        let got: Result<Vec<u8>, Error> = client.call(&function("same"), &(&bytes,)).await;
        assert!(got.as_ref() == Ok(&bytes), "{length}: {got:?}");
    }
    Ok(())
}

#[tokio::test]
async fn streams_cross_both_ways() -> anyhow::Result<()> {
    let client = client(serve(8).await?)?;
    for count in [0, 1, 100] {
        let up: Result<Vec<u8>, Error> = client
            .call_with_stream(&function("count"), &(vec![b'x'],), pieces(count))
            .await;
        let length = count * PIECE_BYTES;
        assert_eq!(up, Ok(length.to_string().into_bytes()));
        let down: Result<(u64, ByteStream), Error> = client
            .call_for_stream(&function("pieces"), &(count as u64, count))
            .await;
        let (announced, stream) = down.map_err(|error| anyhow::anyhow!("{error:?}"))?;
        assert_eq!(announced, count as u64);
        let got: Vec<Bytes> = stream.try_collect().await?;
        assert_eq!(got.concat().len(), length);
    }
    Ok(())
}

/// Damage found on the way must not look like the end of the bytes.
#[tokio::test]
async fn a_stream_that_fails_is_not_one_that_ends() -> anyhow::Result<()> {
    let client = client(serve(8).await?)?;
    let down: Result<(u64, ByteStream), Error> = client
        .call_for_stream(&function("pieces"), &(5_u64, 2_usize))
        .await;
    match down {
        Ok((_, stream)) => assert!(stream.try_collect::<Vec<_>>().await.is_err()),
        // The connection broke before the head of the answer was out.
        Err(error) => assert_eq!(error, Error::NoAnswer(Reason::Passes)),
    }

    let broken = pieces(3).chain(futures::stream::iter([Err(StreamError("gone".to_owned()))]));
    let up: Result<Vec<u8>, Error> = client
        .call_with_stream(&function("count"), &(vec![b'x'],), Box::pin(broken))
        .await;
    assert!(up.is_err(), "{up:?}");
    Ok(())
}

/// The server answers before it has read what is sent. Closing the connection then would reset it, and
/// the reset would overtake the answer.
#[tokio::test]
async fn an_early_answer_to_a_long_stream_arrives() -> anyhow::Result<()> {
    let client = client(serve(8).await?)?;
    for _ in 0..5 {
        let refused: Result<Vec<u8>, Error> = client
            .call_with_stream(&function("refuse"), &(vec![b'x'],), pieces(300))
            .await;
        assert_eq!(refused, Err(Error::Refused("no".to_owned())));
    }
    Ok(())
}

#[tokio::test]
async fn what_is_no_answer_of_the_contract_is_told_apart() -> anyhow::Result<()> {
    let address = serve(8).await?;
    let at = client(address)?;
    let ask = async |client: &Client, name, bytes: usize| -> Result<Vec<u8>, Error> {
        client.call(&function(name), &(vec![1_u8; bytes],)).await
    };
    assert_eq!(
        ask(&at, "nothing", 1).await,
        Err(Error::NoAnswer(Reason::Stays))
    );
    let long = vec![1_u8; STREAM_HEADER_MAX_BYTES + 1];
    let too_long: Result<Vec<u8>, Error> = at
        .call_with_stream(&function("count"), &(long,), pieces(1))
        .await;
    assert_eq!(too_long, Err(Error::NoAnswer(Reason::TooLong)));

    let full = client(serve(0).await?)?;
    assert_eq!(
        ask(&full, "same", 1).await,
        Err(Error::NoAnswer(Reason::Passes))
    );
    let nobody = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    assert_eq!(
        ask(&client(nobody)?, "same", 1).await,
        Err(Error::NoAnswer(Reason::Passes))
    );
    Ok(())
}

#[test]
fn a_token_does_not_cross_a_network_in_the_clear() {
    let make = |host: &str, token: &str| {
        Client::new(ClientOptions {
            host: host.to_owned(),
            token: token.to_owned(),
            trusted: Vec::new(),
        })
        .map(drop)
        .map_err(|error| error.to_string())
    };
    for good in [
        "http://127.0.0.1:7070",
        "http://[::1]:7070/",
        "https://store.example:7070",
    ] {
        assert_eq!(make(good, "t"), Ok(()), "{good}");
    }
    for (bad, why) in [
        ("http://store.example:7070", "in the clear"),
        ("http://10.0.0.1:7070", "in the clear"),
        ("127.0.0.1:7070", "is not http://"),
        ("http://127.0.0.1:7070/wit", "is not http://"),
        ("ftp://127.0.0.1", "is not http://"),
    ] {
        let said = make(bad, "t").unwrap_err();
        assert!(said.contains(why), "{bad}: {said}");
    }
    assert!(make("http://127.0.0.1:1", "a\nb").is_err());
}
