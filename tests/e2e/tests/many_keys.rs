//! Many keys under one prefix: a page costs what a page holds, whatever lies
//! beside it. The benchmark `list` does the same with a million.

use concierge_tests::{Request, Response, Server};
use futures::{StreamExt, TryStreamExt};

const BUCKET: &str = "registry";
const KEYS: usize = 5_000;
/// S3's own limit of a page.
const PAGE_KEYS: usize = 1_000;
const CONNECTIONS: usize = 32;
/// A page of XML is some 300 KB; the rest is what reading warms up.
const GROWTH_MAX_BYTES: u64 = 48 << 20;

fn key(number: usize) -> String {
    format!("guests/{:03}/{number:06}", number / 100)
}

async fn filled() -> anyhow::Result<Server> {
    let server = Server::start().await?;
    server.create_bucket(BUCKET).await?;
    futures::stream::iter(0..KEYS)
        .map(|number| {
            let put = Request::new("PUT", format!("/{BUCKET}/{}", key(number))).body("x");
            let sent = server.send(put);
            async move {
                sent.await
                    .map(|answer| assert_eq!(answer.status, 200, "{answer:?}"))
            }
        })
        .buffer_unordered(CONNECTIONS)
        .try_collect::<()>()
        .await?;
    Ok(server)
}

async fn page(server: &Server, query: &str, token: Option<String>) -> anyhow::Result<Response> {
    let token = token.map_or_else(String::new, |token| {
        let escaped =
            percent_encoding::utf8_percent_encode(&token, percent_encoding::NON_ALPHANUMERIC);
        format!("continuation-token={escaped}&")
    });
    let target = format!("/{BUCKET}?{token}{query}");
    let answer = server.send(Request::new("GET", target)).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    Ok(answer)
}

/// The text of all elements of this name, in order.
fn elements(answer: &Response, name: &str) -> Vec<String> {
    let (begin, end) = (format!("<{name}>"), format!("</{name}>"));
    answer
        .text()
        .split(&begin)
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(&end)?.0.to_owned()))
        .collect()
}

#[tokio::test]
async fn pages_hold_every_key_once_and_cost_no_memory() -> anyhow::Result<()> {
    let server = filled().await?;
    let growth = server.watch_memory()?;
    let (mut seen, mut token) = (Vec::new(), None);
    loop {
        let answer = page(&server, "list-type=2&prefix=guests%2F", token).await?;
        let keys = elements(&answer, "Key");
        assert!(keys.len() <= PAGE_KEYS);
        seen.extend(keys);
        token = answer.element("NextContinuationToken");
        let truncated = answer.element("IsTruncated");
        assert_eq!(
            truncated.as_deref(),
            Some(if token.is_some() { "true" } else { "false" })
        );
        if token.is_none() {
            break;
        }
    }
    assert!(
        seen == (0..KEYS).map(key).collect::<Vec<_>>(),
        "{} keys",
        seen.len()
    );

    // All of them behind one common prefix, and behind many.
    let top = page(&server, "delimiter=%2F&list-type=2", None).await?;
    assert_eq!(
        elements(&top, "CommonPrefixes"),
        ["<Prefix>guests/</Prefix>"]
    );
    let groups = page(&server, "delimiter=%2F&list-type=2&prefix=guests%2F", None).await?;
    let expected: Vec<String> = (0..KEYS / 100)
        .map(|group| format!("<Prefix>guests/{group:03}/</Prefix>"))
        .collect();
    assert_eq!(elements(&groups, "CommonPrefixes"), expected);
    assert!(elements(&groups, "Key").is_empty());

    let grown = growth.peak_bytes()?;
    assert!(grown < GROWTH_MAX_BYTES, "the server grew by {grown} bytes");
    Ok(())
}
