//! The object_store crate as a client: what data systems in Rust use.

use std::time::Duration;

use concierge_tests::{Server, raw, seed};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer};
use object_store::{
    Attribute, Attributes, CopyMode, CopyOptions, Error, GetOptions, ObjectStore, ObjectStoreExt,
    PutMode, PutOptions, PutPayload, UpdateVersion,
};

const BUCKET: &str = "luggage";
const MIB: usize = 1 << 20;

async fn fresh() -> anyhow::Result<(Server, object_store::aws::AmazonS3)> {
    let server = Server::start().await?;
    server.create_bucket(BUCKET).await?;
    let store = server.object_store(BUCKET)?;
    Ok((server, store))
}

#[tokio::test]
async fn bytes_come_back_in_all_sizes() -> anyhow::Result<()> {
    let (_server, store) = fresh().await?;
    for (index, length) in [0, 1, 4096, 65_536, 65_537, 8 * MIB, 8 * MIB + 1, 17 * MIB]
        .into_iter()
        .enumerate()
    {
        let path = Path::from(format!("sizes/{length}"));
        let bytes = seed::bytes(index as u64, length);
        let put = store.put(&path, bytes.clone().into()).await?;
        let got = store.get(&path).await?;
        assert_eq!(got.meta.size, length as u64);
        assert_eq!(got.meta.e_tag, put.e_tag);
        assert!(got.bytes().await? == bytes, "{length} bytes differ");
        assert_eq!(store.head(&path).await?.size, length as u64);
    }
    Ok(())
}

#[tokio::test]
async fn ranges() -> anyhow::Result<()> {
    let (_server, store) = fresh().await?;
    let path = Path::from("ranged");
    let bytes = seed::bytes(7, 17 * MIB);
    store.put(&path, bytes.clone().into()).await?;
    let eight = 8 * MIB;
    for range in [
        0..1,
        5..10,
        eight - 1..eight + 1,
        3..2 * eight + 5,
        17 * MIB - 1..17 * MIB,
    ] {
        let got = store
            .get_range(&path, range.start as u64..range.end as u64)
            .await?;
        assert!(got == bytes[range.clone()], "{range:?} differs");
    }
    let got = store
        .get_ranges(&path, &[0..10, 100..110, 9_000_000..9_000_010])
        .await?;
    assert_eq!(
        got,
        [
            &bytes[0..10],
            &bytes[100..110],
            &bytes[9_000_000..9_000_010]
        ]
    );
    Ok(())
}

#[tokio::test]
async fn listing() -> anyhow::Result<()> {
    let (_server, store) = fresh().await?;
    for name in ["a", "b/1", "b/2", "b/c/3", "d é/4"] {
        // `Path::from` would escape the letter in the key itself.
        store
            .put(&Path::parse(name)?, PutPayload::from_static(b"x"))
            .await?;
    }
    let mut all: Vec<String> = store
        .list(None)
        .map_ok(|meta| meta.location.to_string())
        .try_collect()
        .await?;
    all.sort();
    assert_eq!(all, ["a", "b/1", "b/2", "b/c/3", "d é/4"]);
    let folder = store.list_with_delimiter(Some(&Path::from("b"))).await?;
    assert_eq!(folder.common_prefixes, [Path::from("b/c")]);
    assert_eq!(folder.objects.len(), 2);
    let after = store
        .list_with_offset(None, &Path::from("b/1"))
        .map_ok(|meta| meta.location)
        .try_collect::<Vec<_>>()
        .await?;
    assert_eq!(
        after,
        [
            Path::from("b/2"),
            Path::from("b/c/3"),
            Path::parse("d é/4")?
        ]
    );
    Ok(())
}

#[tokio::test]
async fn multipart() -> anyhow::Result<()> {
    let (_server, store) = fresh().await?;
    let path = Path::from("in parts");
    let mut upload = store.put_multipart(&path).await?;
    let bodies: Vec<Vec<u8>> = [5 * MIB, 9 * MIB, 100]
        .iter()
        .map(|length| seed::bytes(*length as u64, *length))
        .collect();
    let parts: Vec<_> = bodies
        .iter()
        .map(|body| upload.put_part(body.clone().into()))
        .collect();
    futures::future::try_join_all(parts).await?;
    assert!(matches!(
        store.head(&path).await,
        Err(Error::NotFound { .. })
    ));
    upload.complete().await?;
    assert!(store.get(&path).await?.bytes().await? == bodies.concat());

    let mut abandoned = store.put_multipart(&Path::from("abandoned")).await?;
    abandoned.put_part(vec![1; 5 * MIB].into()).await?;
    abandoned.abort().await?;
    assert_eq!(store.list(None).count().await, 1);
    Ok(())
}

#[tokio::test]
async fn conditional_writes() -> anyhow::Result<()> {
    let (_server, store) = fresh().await?;
    let path = Path::from("state.json");
    let create = PutOptions {
        mode: PutMode::Create,
        ..PutOptions::default()
    };
    let first = store.put_opts(&path, "1".into(), create.clone()).await?;
    let again = store.put_opts(&path, "2".into(), create).await;
    assert!(
        matches!(again, Err(Error::AlreadyExists { .. })),
        "{again:?}"
    );
    let update = |tag: Option<String>| PutOptions {
        mode: PutMode::Update(UpdateVersion {
            e_tag: tag,
            version: None,
        }),
        ..PutOptions::default()
    };
    store
        .put_opts(&path, "2".into(), update(first.e_tag.clone()))
        .await?;
    let lost = store.put_opts(&path, "3".into(), update(first.e_tag)).await;
    assert!(matches!(lost, Err(Error::Precondition { .. })), "{lost:?}");
    assert_eq!(store.get(&path).await?.bytes().await?, "2");
    Ok(())
}

/// Thirty-two writers add one to a counter by compare and swap: none is lost.
#[tokio::test]
async fn compare_and_swap_loses_nothing() -> anyhow::Result<()> {
    const WRITERS: u64 = 32;
    /// One writer wins each round; a few rounds may end without one.
    const ATTEMPTS: u64 = WRITERS * 20;
    let (_server, store) = fresh().await?;
    let path = Path::from("counter");
    store.put(&path, "0".into()).await?;
    let add = || async {
        for _ in 0..ATTEMPTS {
            let current = store.get(&path).await?;
            let version = UpdateVersion {
                e_tag: current.meta.e_tag.clone(),
                version: None,
            };
            let value: u64 = String::from_utf8(current.bytes().await?.to_vec())?.parse()?;
            let options = PutOptions {
                mode: PutMode::Update(version),
                ..PutOptions::default()
            };
            let next = (value + 1).to_string();
            match store.put_opts(&path, next.into(), options).await {
                Ok(_) => return Ok(()),
                Err(Error::Precondition { .. }) => {}
                // S3's 409 (ConditionalRequestConflict) asks to try again.
                Err(Error::AlreadyExists { .. }) => {}
                Err(Error::Generic { source, .. })
                    if source.to_string().contains("ConditionalRequestConflict") => {}
                Err(error) => return Err(error.into()),
            }
        }
        anyhow::bail!("lost {ATTEMPTS} times: somebody must win each time")
    };
    futures::future::try_join_all((0..WRITERS).map(|_| add())).await?;
    assert_eq!(store.get(&path).await?.bytes().await?, WRITERS.to_string());
    Ok(())
}

#[tokio::test]
async fn conditional_reads() -> anyhow::Result<()> {
    let (_server, store) = fresh().await?;
    let path = Path::from("read");
    let tag = store.put(&path, "x".into()).await?.e_tag;
    let options = GetOptions {
        if_none_match: tag.clone(),
        ..GetOptions::default()
    };
    assert!(matches!(
        store.get_opts(&path, options).await,
        Err(Error::NotModified { .. })
    ));
    let options = GetOptions {
        if_match: Some("\"other\"".into()),
        ..GetOptions::default()
    };
    assert!(matches!(
        store.get_opts(&path, options).await,
        Err(Error::Precondition { .. })
    ));
    let options = GetOptions {
        if_match: tag,
        ..GetOptions::default()
    };
    assert_eq!(store.get_opts(&path, options).await?.bytes().await?, "x");
    Ok(())
}

#[tokio::test]
async fn copy_rename_delete() -> anyhow::Result<()> {
    let (_server, store) = fresh().await?;
    let [from, to, last] = ["from here", "to/there", "last"].map(Path::from);
    store.put(&from, "bytes".into()).await?;
    store.copy(&from, &to).await?;
    store.rename(&to, &last).await?;
    assert!(matches!(store.get(&to).await, Err(Error::NotFound { .. })));
    assert_eq!(store.get(&last).await?.bytes().await?, "bytes");
    store.delete(&from).await?;
    assert_eq!(store.get(&last).await?.bytes().await?, "bytes");
    // More than one request of a bulk deletion.
    let many: Vec<Path> = (0..1100)
        .map(|n| Path::from(format!("many/{n:04}")))
        .collect();
    for path in many.iter().step_by(100) {
        store.put(path, "x".into()).await?;
    }
    let deleted =
        store.delete_stream(futures::stream::iter(many.clone().into_iter().map(Ok)).boxed());
    assert_eq!(deleted.try_collect::<Vec<_>>().await?.len(), many.len());
    assert_eq!(store.list(Some(&Path::from("many"))).count().await, 0);
    Ok(())
}

#[tokio::test]
async fn copy_only_where_nothing_is() -> anyhow::Result<()> {
    let (server, _) = fresh().await?;
    let store = server
        .object_store_builder(BUCKET)?
        .with_copy_if_not_exists(object_store::aws::S3CopyIfNotExists::Multipart)
        .build()?;
    let [from, to] = ["from", "to"].map(Path::from);
    store.put(&from, "1".into()).await?;
    let options = || CopyOptions::new().with_mode(CopyMode::Create);
    store.copy_opts(&from, &to, options()).await?;
    let again = store.copy_opts(&from, &to, options()).await;
    assert!(
        matches!(again, Err(Error::AlreadyExists { .. })),
        "{again:?}"
    );
    Ok(())
}

#[tokio::test]
async fn attributes_and_tags() -> anyhow::Result<()> {
    let (_server, store) = fresh().await?;
    let path = Path::from("dressed");
    let attributes = Attributes::from_iter([
        (Attribute::ContentType, "text/x-luggage"),
        (Attribute::CacheControl, "no-store"),
        (Attribute::ContentDisposition, "attachment"),
        (Attribute::Metadata("room".into()), "101"),
    ]);
    let mut tags = object_store::TagSet::default();
    tags.push("floor", "3");
    let options = PutOptions {
        attributes: attributes.clone(),
        tags,
        ..PutOptions::default()
    };
    store.put_opts(&path, "x".into(), options).await?;
    let got = store.get(&path).await?;
    for (name, value) in &attributes {
        assert_eq!(got.attributes.get(name), Some(value));
    }
    Ok(())
}

#[tokio::test]
async fn presigned_urls() -> anyhow::Result<()> {
    let (server, store) = fresh().await?;
    let path = Path::from("by url/é");
    let url = store
        .signed_url_opts(
            "PUT".parse()?,
            &path,
            Duration::from_secs(60),
            &SignedUrlOptions::default(),
        )
        .await?;
    let target = |url: &str| {
        url.splitn(4, '/')
            .nth(3)
            .map(|rest| format!("/{rest}"))
            .unwrap_or_default()
    };
    let put = raw::Request::new("PUT", target(url.as_str()))
        .header("host", server.s3()?)
        .body("by url");
    assert_eq!(raw::send(server.s3()?, &put).await?.status, 200);
    let url = store
        .signed_url("GET".parse()?, &path, Duration::from_secs(60))
        .await?;
    let get = raw::Request::new("GET", target(url.as_str())).header("host", server.s3()?);
    assert_eq!(raw::send(server.s3()?, &get).await?.text(), "by url");
    Ok(())
}

#[tokio::test]
async fn checksums_and_unsigned_payloads() -> anyhow::Result<()> {
    let (server, _) = fresh().await?;
    for unsigned in [false, true] {
        let store = server
            .object_store_builder(BUCKET)?
            .with_checksum_algorithm(object_store::aws::Checksum::SHA256)
            .with_unsigned_payload(unsigned)
            .build()?;
        let path = Path::from(format!("unsigned {unsigned}"));
        store.put(&path, "checked".into()).await?;
        assert_eq!(store.get(&path).await?.bytes().await?, "checked");
        let mut upload = store.put_multipart(&path).await?;
        upload.put_part("part".into()).await?;
        upload.complete().await?;
        assert_eq!(store.get(&path).await?.bytes().await?, "part");
    }
    Ok(())
}
