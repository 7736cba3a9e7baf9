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
        "--scrub-rate",
        "1GiB",
    ])
}

/// Objects of each length in two copies. Which copy a read begins with is the
/// placement's choice, by the object's id: of so many, damage under one node is
/// met by some reads, and under the other by others.
const OBJECTS: u64 = 4;

struct Stored {
    number: u64,
    length: usize,
}

impl Stored {
    fn all() -> impl Iterator<Item = Self> {
        LENGTHS
            .into_iter()
            .flat_map(|length| (0..OBJECTS).map(move |number| Self { number, length }))
    }

    fn body(&self) -> Vec<u8> {
        seed::bytes(self.number << 32 | self.length as u64, self.length)
    }

    fn target(&self) -> String {
        format!("/{BUCKET}/{}/{}", self.length, self.number)
    }

    /// Where the middle of it lies, in the order of nodes.
    fn copies(&self, directory: &std::path::Path) -> anyhow::Result<Vec<disk::Place>> {
        let at = self.length / 2;
        disk::find(directory, &self.body()[at..at + 48])
    }

    async fn assert_right(&self, server: &Server) -> anyhow::Result<()> {
        let answer = server.send(Request::new("GET", self.target())).await?;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(
            answer.complete && answer.body == self.body(),
            "{}: not the right bytes",
            self.target()
        );
        Ok(())
    }
}

async fn all_have_two_copies(directory: &std::path::Path) -> anyhow::Result<()> {
    eventually("all objects have two good copies", || async {
        for object in Stored::all() {
            if object.copies(directory)?.len() != 2 {
                return Ok(false);
            }
        }
        Ok(true)
    })
    .await
}

/// Damage under one node, then under the other: reads are right all the time.
/// What a read meets is repaired by it; the rest the scrub finds, which begins
/// when the program starts.
#[tokio::test]
async fn two_copies_give_the_right_bytes_and_the_bad_one_is_repaired() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut server = Server::start_with(two_nodes(directory.path())).await?;
    server.create_bucket(BUCKET).await?;
    for object in Stored::all() {
        let put = Request::new("PUT", object.target()).body(object.body());
        assert_eq!(server.send(put).await?.status, 200);
    }
    // The second copy may come a moment after the acknowledgement.
    all_have_two_copies(directory.path()).await?;
    for node in 0..2 {
        for object in Stored::all() {
            let places = object.copies(directory.path())?;
            assert_ne!(places[0].file.parent(), places[1].file.parent());
            disk::flip(&places[node])?;
            object.assert_right(&server).await?;
        }
        eventually("what reads meet is repaired", || async {
            let mut whole = 0;
            for object in Stored::all() {
                object.assert_right(&server).await?;
                whole += usize::from(object.copies(directory.path())?.len() == 2);
            }
            Ok(whole > 0)
        })
        .await?;
        server.terminate().await?;
        server.start_again().await?;
        all_have_two_copies(directory.path()).await?;
    }
    for object in Stored::all() {
        object.assert_right(&server).await?;
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
