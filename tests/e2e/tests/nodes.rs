//! Storage nodes in processes of their own.

use concierge_tests::disk::{self, eventually};
use concierge_tests::{NodeServer, Request, Response, Server, ServerOptions, seed};

const BUCKET: &str = "annex";
const MIB: usize = 1 << 20;
const LENGTHS: [usize; 3] = [5_000, 3 * MIB, 9 * MIB];

fn body(round: u64, length: usize) -> Vec<u8> {
    seed::bytes(round * 1_000_003 + length as u64, length)
}

struct House {
    server: Server,
    nodes: Vec<NodeServer>,
    _token: tempfile::TempDir,
}

async fn house(count: usize, replicas: usize) -> anyhow::Result<House> {
    let token = tempfile::tempdir()?;
    let file = token.path().join("token");
    std::fs::write(&file, NodeServer::TOKEN)?;
    let mut nodes = Vec::new();
    for _ in 0..count {
        nodes.push(NodeServer::start().await?);
    }
    let mut options = ServerOptions::default()
        .arguments(["--replicas".to_owned(), format!("STANDARD={replicas}")]);
    for (index, node) in nodes.iter().enumerate() {
        let place = format!(
            "{}=http://{},token-file={}",
            index + 1,
            node.address(),
            file.display()
        );
        options = options.arguments(["--node", &place]);
    }
    let server = Server::start_with(options).await?;
    server.create_bucket(BUCKET).await?;
    Ok(House {
        server,
        nodes,
        _token: token,
    })
}

impl House {
    async fn put(&self, round: u64, length: usize) -> anyhow::Result<Response> {
        self.server
            .send(
                Request::new("PUT", format!("/{BUCKET}/{round}/{length}"))
                    .body(body(round, length)),
            )
            .await
    }

    async fn assert_right(&self, round: u64) -> anyhow::Result<()> {
        for length in LENGTHS {
            let got = self
                .server
                .send(Request::new("GET", format!("/{BUCKET}/{round}/{length}")))
                .await?;
            assert_eq!(got.status, 200, "{round}/{length}: {got:?}");
            assert!(got.body == body(round, length), "{round}/{length} differs");
        }
        Ok(())
    }

    fn has(&self, node: usize, round: u64) -> anyhow::Result<bool> {
        let data = self.nodes[node].data();
        for length in LENGTHS {
            for at in [0, length / 2, length - 48] {
                if disk::find(&data, &body(round, length)[at..at + 48])?.is_empty() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

#[tokio::test]
async fn a_node_that_was_away_gets_what_it_missed() -> anyhow::Result<()> {
    let mut house = house(3, 3).await?;
    for length in LENGTHS {
        assert_eq!(house.put(1, length).await?.status, 200);
    }
    house.assert_right(1).await?;

    house.nodes[2].kill().await?;
    for length in LENGTHS {
        let put = house.put(2, length).await?;
        assert_eq!(put.status, 200, "two of three are a majority: {put:?}");
    }
    house.assert_right(1).await?;
    house.assert_right(2).await?;

    house.nodes[2].start_again().await?;
    eventually("the missing replicas are completed", || async {
        house.has(2, 2)
    })
    .await?;
    // The proof: it can serve them alone.
    house.nodes[0].kill().await?;
    house.nodes[1].kill().await?;
    house.assert_right(1).await?;
    house.assert_right(2).await?;
    // Without a majority nothing is acknowledged.
    let refused = house.put(3, 5_000).await?;
    assert!([500, 503].contains(&refused.status), "{refused:?}");
    house.nodes[0].start_again().await?;
    house.nodes[1].start_again().await?;
    eventually("writes are accepted again", || async {
        Ok(house.put(4, 5_000).await?.status == 200)
    })
    .await
}

#[tokio::test]
async fn the_host_may_be_killed_and_the_nodes_keep_everything() -> anyhow::Result<()> {
    let mut house = house(2, 2).await?;
    for length in LENGTHS {
        assert_eq!(house.put(1, length).await?.status, 200);
    }
    house.server.kill().await?;
    house.nodes[0].kill().await?;
    house.nodes[0].start_again().await?;
    house.server.start_again().await?;
    house.assert_right(1).await
}

/// With another token the host stores nothing there, and says so.
#[tokio::test]
async fn a_node_wants_its_token() -> anyhow::Result<()> {
    let node = NodeServer::start().await?;
    let token = tempfile::tempdir()?;
    let file = token.path().join("token");
    std::fs::write(&file, "another token")?;
    let place = format!("1=http://{},token-file={}", node.address(), file.display());
    // It may refuse to start, which is as good.
    let Ok(server) =
        Server::start_with(ServerOptions::default().arguments(["--node", &place])).await
    else {
        return Ok(());
    };
    server.create_bucket(BUCKET).await?;
    let put = server
        .send(Request::new("PUT", format!("/{BUCKET}/k")).body(body(1, 5_000)))
        .await?;
    assert!([500, 503].contains(&put.status), "{put:?}");
    assert!(
        disk::find(&node.data(), &body(1, 5_000)[..48])?.is_empty(),
        "the node took what it must not"
    );
    Ok(())
}
