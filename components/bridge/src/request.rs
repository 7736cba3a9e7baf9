//! A call as a request to the host.

use concierge_wit_http::{
    ANSWER_MAX_BYTES, ARGUMENTS_HEADER, CONTRACT_HEADER, ContractError, Failure, Function, Placed,
    RESULT_HEADER, decode, decode_header, encode, place,
};
use passed_on::{NoTrailers, no_trailers};
use serde::Serialize;
use serde::de::DeserializeOwned;
use spin_sdk::wasip3::http::client;
use spin_sdk::wasip3::http::types::{Fields, Method, Request, Response, Scheme};
use spin_sdk::wasip3::{wit_future, wit_stream};
use spin_sdk::wit_bindgen::rt::async_support::{StreamReader, StreamResult, spawn};
use std::cell::OnceCell;
use std::rc::Rc;

/// The variable with the host's internal listener: `http://127.0.0.1:7070`.
const URL_VARIABLE: &str = "concierge_url";
/// The variable with the bearer token.
const TOKEN_VARIABLE: &str = "concierge_token";
/// Bytes of an answer that are read at once.
const READ_BYTES: usize = 64 * 1024;

/// Where the host is.
struct Host {
    scheme: Scheme,
    authority: String,
    authorization: String,
}

thread_local! {
    static HOST: OnceCell<Rc<Host>> = const { OnceCell::new() };
}

/// Calls a function that gives no stream.
pub(crate) async fn call<A, R, E>(
    function: &Function,
    arguments: &A,
    stream: Option<StreamReader<u8>>,
) -> Result<R, E>
where
    A: Serialize,
    R: DeserializeOwned,
    E: DeserializeOwned + ContractError,
{
    let answer = async {
        let (result, _) = exchange(function, encode(arguments)?, stream).await?;
        decode::<Result<R, E>>(&result)
    };
    settle(function, answer.await)
}

/// Calls a function that gives a stream: it is the body of the answer.
pub(crate) async fn call_for_stream<A, R, E>(
    function: &Function,
    arguments: &A,
) -> Result<(R, StreamReader<u8>), E>
where
    A: Serialize,
    R: DeserializeOwned,
    E: DeserializeOwned + ContractError,
{
    let answer = async {
        let (result, body) = exchange(function, encode(arguments)?, None).await?;
        match (decode::<Result<R, E>>(&result)?, body) {
            (Ok(result), Some(body)) => Ok(Ok((result, body))),
            (Ok(_), None) => Err(Failure::Broken("the stream is missing".to_owned())),
            (Err(error), _) => Ok(Err(error)),
        }
    };
    settle(function, answer.await)
}

/// One request and its answer: the encoded result, and the body if the result was not it.
async fn exchange(
    function: &Function,
    arguments: Vec<u8>,
    stream: Option<StreamReader<u8>>,
) -> Result<(Vec<u8>, Option<StreamReader<u8>>), Failure> {
    let host = host().await?;
    let (request, none) = request(&host, function, arguments, stream)?;
    let response = none
        .during(client::send(request))
        .await
        .map_err(|error| Failure::Unreachable(format!("{error:?}")))?;
    let status = response.get_status_code();
    let result = response.get_headers().get(RESULT_HEADER).into_iter().next();
    match (status, result) {
        (200, Some(result)) => Ok((decode_header(&result)?, Some(body_of(response)))),
        (200, None) => Ok((read(response).await?, None)),
        (status, _) => Err(Failure::refused(status, &read(response).await?)),
    }
}

fn request(
    host: &Host,
    function: &Function,
    arguments: Vec<u8>,
    stream: Option<StreamReader<u8>>,
) -> Result<(Request, NoTrailers), Failure> {
    let headers = Fields::new();
    let set = |name: &str, value: &[u8]| {
        headers
            .append(name, value)
            .map_err(|error| Failure::Broken(format!("the header {name}: {error:?}")))
    };
    set("authorization", host.authorization.as_bytes())?;
    set(
        CONTRACT_HEADER,
        function.package.fingerprint_text().as_bytes(),
    )?;
    let body = match place(arguments, stream.is_some())? {
        Placed::Header(text) => {
            set(ARGUMENTS_HEADER, text.as_bytes())?;
            if stream.is_none() {
                set("content-length", b"0")?;
            }
            stream
        }
        Placed::Body(bytes) => {
            set("content-length", bytes.len().to_string().as_bytes())?;
            let (mut writer, reader) = wit_stream::new();
            // What the host does not read is dropped with the stream.
            spawn(async move { drop(writer.write_all(bytes).await) });
            Some(reader)
        }
    };
    let (none, trailers) = no_trailers();
    let (request, _result) = Request::new(headers, body, trailers, None);
    let refused = |()| Failure::Broken("the request's line".to_owned());
    request.set_method(&Method::Post).map_err(refused)?;
    request.set_scheme(Some(&host.scheme)).map_err(refused)?;
    request
        .set_authority(Some(&host.authority))
        .map_err(refused)?;
    request
        .set_path_with_query(Some(&function.path()))
        .map_err(refused)?;
    Ok((request, none))
}

/// Takes the body out of a response, unread.
fn body_of(response: Response) -> StreamReader<u8> {
    let (_read, read) = wit_future::new(|| Ok(()));
    let (stream, _trailers) = Response::consume_body(response, read);
    stream
}

/// Reads the body of a response: a result that was too long for a header, or the sentence of a refusal.
async fn read(response: Response) -> Result<Vec<u8>, Failure> {
    let (_read, read) = wit_future::new(|| Ok(()));
    let (mut stream, trailers) = Response::consume_body(response, read);
    let mut bytes = Vec::new();
    let mut piece = Vec::with_capacity(READ_BYTES);
    loop {
        let (status, read) = stream.read(piece).await;
        bytes.extend_from_slice(&read);
        if bytes.len() > ANSWER_MAX_BYTES {
            return Err(Failure::TooLong);
        }
        if !matches!(status, StreamResult::Complete(_)) {
            break;
        }
        piece = read;
        piece.clear();
    }
    drop(stream);
    match trailers.await {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Failure::Unreachable(format!("{error:?}"))),
    }
}

/// Where the host is, asked for once in the life of an instance.
async fn host() -> Result<Rc<Host>, Failure> {
    if let Some(host) = HOST.with(|host| host.get().cloned()) {
        return Ok(host);
    }
    let url = variable(URL_VARIABLE).await?;
    let token = variable(TOKEN_VARIABLE).await?;
    let (scheme, authority) = match url.trim_end_matches('/').split_once("://") {
        Some(("http", authority)) => (Scheme::Http, authority),
        Some(("https", authority)) => (Scheme::Https, authority),
        _ => {
            return Err(Failure::Broken(format!(
                "the variable {URL_VARIABLE} is \"{url}\", not http://ADDRESS:PORT or https://NAME:PORT"
            )));
        }
    };
    let made = Rc::new(Host {
        scheme,
        authority: authority.to_owned(),
        authorization: format!("Bearer {token}"),
    });
    // Another call may have been first meanwhile.
    Ok(HOST.with(|host| host.get_or_init(|| made).clone()))
}

async fn variable(name: &str) -> Result<String, Failure> {
    match spin_sdk::variables::get(name).await {
        Ok(value) if !value.is_empty() => Ok(value),
        Ok(_) => Err(Failure::Broken(format!("the variable {name} is empty"))),
        Err(error) => Err(Failure::Broken(format!("the variable {name}: {error}"))),
    }
}

/// The contract's answer; a call without one is logged here, where its reason is known.
fn settle<R, E: ContractError>(
    function: &Function,
    answer: Result<Result<R, E>, Failure>,
) -> Result<R, E> {
    answer.unwrap_or_else(|failure| {
        eprintln!("bridge: {function}: {failure}");
        Err(E::of(&failure))
    })
}
