//! Flipped bits under stored objects: an error where there is no other copy,
//! the right bytes where there is, and never wrong ones.

use concierge_tests::disk::{self, eventually};
use concierge_tests::{Request, Response, Server, ServerOptions, seed};

const BUCKET: &str = "safe";
const MIB: usize = 1 << 20;
/// Packed, one extent, several extents.
const LENGTHS: [usize; 4] = [5_000, 60_000, 3 * MIB, 17 * MIB];

fn body(length: usize) -> Vec<u8> {
    seed::bytes(length as u64, length)
}

/// A stretch of an object that is nowhere else, around `at`.
fn window(length: usize, at: usize) -> Vec<u8> {
    body(length)[at..at + 48].to_vec()
}

async fn put_all(server: &Server) -> anyhow::Result<()> {
    server.create_bucket(BUCKET).await?;
    for length in LENGTHS {
        let put = server
            .send(Request::new("PUT", format!("/{BUCKET}/{length}")).body(body(length)))
            .await?;
        assert_eq!(put.status, 200, "{put:?}");
    }
    Ok(())
}

async fn get(server: &Server, length: usize) -> anyhow::Result<Response> {
    server
        .send(Request::new("GET", format!("/{BUCKET}/{length}")))
        .await
}

fn never_wrong(answer: &Response, length: usize) {
    let right = body(length);
    if answer.status == 200 {
        assert!(
            right.starts_with(&answer.body),
            "{length}: wrong bytes were sent"
        );
        assert!(
            !answer.complete,
            "{length}: a damaged object was sent as if it were whole"
        );
    } else {
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (500, "InternalError"),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn one_copy_gives_an_error_and_never_wrong_bytes() -> anyhow::Result<()> {
    let mut server = Server::start().await?;
    put_all(&server).await?;
    for length in LENGTHS {
        let at = length * 3 / 4;
        let places = disk::find(&server.data(), &window(length, at))?;
        assert_eq!(places.len(), 1, "{length}: {places:?}");
        disk::flip(&places[0])?;
        never_wrong(&get(&server, length).await?, length);
    }
    // A range that the damage is not in, in another block, is still right.
    let range =
        Request::new("GET", format!("/{BUCKET}/{}", 17 * MIB)).header("range", "bytes=0-99999");
    let answer = server.send(range).await?;
    assert!(
        answer.status == 206 && answer.body == body(17 * MIB)[..100_000],
        "{}",
        answer.status
    );
    // A restart makes nothing of it good, and does not fail.
    server.kill().await?;
    server.start_again().await?;
    for length in LENGTHS {
        never_wrong(&get(&server, length).await?, length);
    }
    Ok(())
}

#[tokio::test]
async fn verification_finds_the_damage() -> anyhow::Result<()> {
    let mut server = Server::start().await?;
    put_all(&server).await?;
    server.terminate().await?;
    let clean = server.command(&["volumes", "verify"]).await?;
    assert!(clean.status.success(), "{clean:?}");
    let places = disk::find(&server.data(), &window(3 * MIB, MIB))?;
    disk::flip(&places[0])?;
    let damaged = server.command(&["volumes", "verify"]).await?;
    assert!(!damaged.status.success(), "{damaged:?}");
    Ok(())
}

fn two_nodes(directory: &std::path::Path) -> ServerOptions {
    let node = |id: u32| format!("{id}={}", directory.join(format!("node-{id}")).display());
    ServerOptions::default().arguments([
        "--node",
        &node(1),
        "--node",
        &node(2),
        "--replicas",
        "STANDARD=2",
    ])
}

#[tokio::test]
async fn two_copies_give_the_right_bytes_and_the_bad_one_is_repaired() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start_with(two_nodes(directory.path())).await?;
    put_all(&server).await?;
    for length in LENGTHS {
        let at = length / 2;
        let needle = window(length, at);
        // The second copy may come a moment after the acknowledgement.
        let copies = || disk::find(directory.path(), &needle);
        eventually("both copies are there", || async {
            Ok(copies()?.len() == 2)
        })
        .await?;
        let places = copies()?;
        assert_ne!(
            places[0].file.parent(),
            places[1].file.parent(),
            "copies are on different nodes"
        );
        // First one copy, then, when it is whole again, the other.
        for turn in 0..2 {
            let place = copies()?.swap_remove(turn);
            disk::flip(&place)?;
            eventually("the bad copy is rewritten", || async {
                let answer = get(&server, length).await?;
                assert_eq!(answer.status, 200, "{answer:?}");
                assert!(
                    answer.complete && answer.body == body(length),
                    "{length}: not the right bytes"
                );
                Ok(copies()?.len() == 2)
            })
            .await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn both_copies_bad_is_an_error() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start_with(two_nodes(directory.path())).await?;
    put_all(&server).await?;
    let length = 60_000;
    let needle = window(length, 30_000);
    eventually("both copies are there", || async {
        Ok(disk::find(directory.path(), &needle)?.len() == 2)
    })
    .await?;
    for place in disk::find(directory.path(), &needle)? {
        disk::flip(&place)?;
    }
    never_wrong(&get(&server, length).await?, length);
    Ok(())
}
