//! ListObjects, ListObjectsV2, ListObjectVersions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use object_router::bindings::concierge::objects::blobs::{ChecksumAlgorithm, ChecksumKind};
use object_router::bindings::concierge::objects::listing::{
    Entry, Item, Page, Query, VersionEntry, VersionItem, VersionPage, VersionQuery,
};

use crate::client::{Request, document};
use crate::fixtures::{ETAG, MODIFIED_US, MODIFIED_XML, bucket};
use crate::playback::{Answer, Asked, Playback};

fn entry(key: &str) -> Entry {
    Entry {
        key: key.into(),
        size: 10,
        etag: ETAG.into(),
        modified_us: MODIFIED_US,
        storage_class: "STANDARD".into(),
        checksum: None,
    }
}

fn page(items: Vec<Item>, next: Option<&str>) -> Answer {
    Answer::ListObjects(Ok(Page {
        items,
        next: next.map(Into::into),
    }))
}

fn object(key: &str) -> Item {
    Item::Object(entry(key))
}

fn prefix(prefix: &str) -> Item {
    Item::Prefix(prefix.into())
}

fn owner() -> Answer {
    Answer::GetBucket(Ok(bucket()))
}

fn query() -> Query {
    Query {
        bucket: "b".into(),
        prefix: String::new(),
        delimiter: None,
        after: String::new(),
        max: 1000,
    }
}

const OWNER: &str = "<Owner><ID>id-of-owner</ID><DisplayName>owner</DisplayName></Owner>";

fn contents(key: &str, owner: &str) -> String {
    format!(
        "<Contents><Key>{key}</Key><LastModified>{MODIFIED_XML}</LastModified><ETag>&quot;{ETAG}&quot;</ETag>\
         <Size>10</Size><StorageClass>STANDARD</StorageClass>{owner}</Contents>"
    )
}

#[test]
fn version_1_of_an_empty_bucket_has_every_element_that_clients_expect() {
    let host = Playback::new([page(vec![], None), owner()]);
    let answer = Request::new("GET", "/b").send(&host);
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.xml(),
        document(
            "ListBucketResult",
            "<Name>b</Name><Prefix></Prefix><Marker></Marker><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>"
        )
    );
    assert_eq!(
        host.asked(),
        [Asked::ListObjects(query()), Asked::GetBucket("b".into())]
    );
}

#[test]
fn version_1_echoes_what_was_asked_and_owns_what_it_lists() {
    let items = vec![object("d/a"), prefix("d/e/"), object("d/f")];
    let host = Playback::new([page(items, Some("d/f")), owner()]);
    let target = "/b?prefix=d%2F&delimiter=/&marker=c&max-keys=3";
    let answer = Request::new("GET", target).send(&host);
    let expected = format!(
        "<Name>b</Name><Prefix>d/</Prefix><Marker>c</Marker><NextMarker>d/f</NextMarker><MaxKeys>3</MaxKeys>\
         <Delimiter>/</Delimiter><IsTruncated>true</IsTruncated>{}{}<CommonPrefixes><Prefix>d/e/</Prefix></CommonPrefixes>",
        contents("d/a", OWNER),
        contents("d/f", OWNER)
    );
    assert_eq!(answer.xml(), document("ListBucketResult", &expected));
    let asked = Query {
        prefix: "d/".into(),
        delimiter: Some("/".into()),
        after: "c".into(),
        max: 3,
        ..query()
    };
    assert_eq!(
        host.asked(),
        [Asked::ListObjects(asked), Asked::GetBucket("b".into())]
    );
}

/// "This element is returned only if you have the delimiter request parameter specified" (ListObjects, NextMarker).
#[test]
fn version_1_gives_no_next_marker_without_a_delimiter() {
    let host = Playback::new([page(vec![object("a")], Some("a")), owner()]);
    let answer = Request::new("GET", "/b?max-keys=1&delimiter=").send(&host);
    assert_eq!(answer.element("IsTruncated"), Some("true"));
    assert_eq!(answer.element("NextMarker"), None);
    assert_eq!(answer.element("Delimiter"), None);
}

#[test]
fn version_2_counts_and_continues() {
    let items = vec![object("a"), prefix("b/")];
    let host = Playback::new([
        page(items, Some("b/")),
        page(vec![object("c")], None),
        owner(),
    ]);
    let first = "/b?list-type=2&start-after=0&delimiter=%2F&max-keys=2";
    let answer = Request::new("GET", first).send(&host);
    let token = answer.element("NextContinuationToken").unwrap().to_owned();
    assert_eq!(
        answer.xml(),
        document(
            "ListBucketResult",
            &format!(
                "<Name>b</Name><Prefix></Prefix><NextContinuationToken>{token}</NextContinuationToken>\
                 <StartAfter>0</StartAfter><KeyCount>2</KeyCount><MaxKeys>2</MaxKeys><Delimiter>/</Delimiter>\
                 <IsTruncated>true</IsTruncated>{}<CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes>",
                contents("a", "")
            )
        )
    );
    let sent = token
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    let second = format!("/b?list-type=2&continuation-token={sent}&start-after=0&fetch-owner=true");
    let answer = Request::new("GET", second).send(&host);
    assert_eq!(
        answer.xml(),
        document(
            "ListBucketResult",
            &format!(
                "<Name>b</Name><Prefix></Prefix><ContinuationToken>{token}</ContinuationToken><StartAfter>0</StartAfter>\
                 <KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>{}",
                contents("c", OWNER)
            )
        )
    );
    let asked = |after: &str, delimiter: Option<&str>, max| {
        Asked::ListObjects(Query {
            after: after.into(),
            delimiter: delimiter.map(Into::into),
            max,
            ..query()
        })
    };
    assert_eq!(
        host.asked(),
        [
            asked("0", Some("/"), 2),
            asked("b/", None, 1000),
            Asked::GetBucket("b".into())
        ]
    );
}

#[test]
fn checksums_are_named_and_not_shown() {
    let with = Entry {
        checksum: Some((ChecksumAlgorithm::Crc64nvme, ChecksumKind::FullObject)),
        ..entry("a")
    };
    let host = Playback::new([page(vec![Item::Object(with)], None)]);
    let answer = Request::new("GET", "/b?list-type=2").send(&host);
    assert_eq!(answer.element("ChecksumAlgorithm"), Some("CRC64NVME"));
    assert_eq!(answer.element("ChecksumType"), Some("FULL_OBJECT"));
}

#[test]
fn keys_are_escaped_or_encoded() {
    let items = || vec![object("a b+<&>\u{1}\r\"'ü"), prefix("\u{ffff}/*~")];
    let host = Playback::new([page(items(), None), page(items(), Some("a b"))]);
    let plain = Request::new("GET", "/b?list-type=2").send(&host);
    assert_eq!(
        plain.element("Key"),
        Some("a b+&lt;&amp;&gt;&#x1;&#xD;&quot;&apos;ü")
    );
    assert!(plain.xml().ends_with(
        "<CommonPrefixes><Prefix>&#xFFFF;/*~</Prefix></CommonPrefixes></ListBucketResult>"
    ));
    assert_eq!(plain.element("EncodingType"), None);
    let target = "/b?list-type=2&encoding-type=url&prefix=a%20b&delimiter=%2B&start-after=a%20a";
    let encoded = Request::new("GET", target).send(&host);
    for (name, value) in [
        ("Key", "a+b%2B%3C%26%3E%01%0D%22%27%C3%BC"),
        ("Prefix", "a+b"),
        ("Delimiter", "%2B"),
        ("StartAfter", "a+a"),
        ("EncodingType", "url"),
    ] {
        assert_eq!(encoded.element(name), Some(value), "{name}");
    }
    assert!(encoded.xml().ends_with(
        "<CommonPrefixes><Prefix>%EF%BF%BF/%2A~</Prefix></CommonPrefixes></ListBucketResult>"
    ));
    // The token is opaque, and not encoded once more.
    let token = encoded.element("NextContinuationToken").unwrap();
    assert_eq!(STANDARD.decode(token).unwrap(), b"a b");
}

#[test]
fn version_1_encodes_its_markers() {
    let host = Playback::new([page(vec![object("a c")], Some("a c")), owner()]);
    let target = "/b?encoding-type=url&delimiter=/&marker=a%20b";
    let answer = Request::new("GET", target).send(&host);
    assert_eq!(answer.element("Marker"), Some("a+b"));
    assert_eq!(answer.element("NextMarker"), Some("a+c"));
}

#[test]
fn limits_of_a_page() {
    for (sent, asked) in [
        ("0", 0),
        ("1", 1),
        ("1000", 1000),
        ("1001", 1000),
        ("2147483647", 1000),
        ("", 1000),
    ] {
        let host = Playback::new([page(vec![], None)]);
        let target = format!("/b?list-type=2&max-keys={sent}");
        let answer = Request::new("GET", target).send(&host);
        assert_eq!(answer.element("MaxKeys"), Some(asked.to_string().as_str()));
        assert_eq!(
            host.asked(),
            [Asked::ListObjects(Query {
                max: asked,
                ..query()
            })]
        );
    }
    for query in [
        "max-keys=-1",
        "max-keys=2147483648",
        "max-keys=1.0",
        "max-keys=%201",
        "encoding-type=base64",
        "continuation-token=",
        "continuation-token=%FF",
        "continuation-token=not+ours!",
        "list-type=1",
    ] {
        let target = format!("/b?list-type=2&{query}");
        let target = target.replace("list-type=2&list-type=1", "list-type=1");
        let answer = Request::new("GET", target).send(&Playback::new([]));
        let code = match query.ends_with("%FF") {
            true => "InvalidURI",
            false => "InvalidArgument",
        };
        assert_eq!(answer.error(), (400, code), "{query}");
    }
}

#[test]
fn a_page_of_a_thousand() {
    let items: Vec<Item> = (0..1000).map(|n| object(&format!("key-{n:04}"))).collect();
    let host = Playback::new([page(items, Some("key-0999"))]);
    let answer = Request::new("GET", "/b?list-type=2").send(&host);
    assert_eq!(answer.element("KeyCount"), Some("1000"));
    let listed: Vec<&str> = answer
        .xml()
        .split("<Key>")
        .skip(1)
        .filter_map(|rest| rest.split_once("</Key>").map(|(key, _)| key))
        .collect();
    let expected: Vec<String> = (0..1000).map(|n| format!("key-{n:04}")).collect();
    assert_eq!(listed, expected);
}

fn version(key: &str, id: &str, latest: bool, delete_marker: bool) -> VersionItem {
    VersionItem::Version(VersionEntry {
        object: entry(key),
        version_id: id.into(),
        latest,
        delete_marker,
    })
}

#[test]
fn versions_and_markers_stay_in_order() {
    let items = vec![
        version("a", "m1", true, true),
        version("a", "null", false, false),
        VersionItem::Prefix("b/".into()),
    ];
    let answers = [
        Answer::ListVersions(Ok(VersionPage {
            items,
            next: Some(("b c".into(), Some("v9".into()))),
        })),
        owner(),
    ];
    let host = Playback::new(answers);
    let target = "/b?versions&key-marker=0%201&version-id-marker=v0&delimiter=/&max-keys=3&encoding-type=url";
    let answer = Request::new("GET", target).send(&host);
    let marker = format!(
        "<DeleteMarker><Key>a</Key><LastModified>{MODIFIED_XML}</LastModified><VersionId>m1</VersionId>\
         <IsLatest>true</IsLatest>{OWNER}</DeleteMarker>"
    );
    let null = format!(
        "<Version><Key>a</Key><LastModified>{MODIFIED_XML}</LastModified><ETag>&quot;{ETAG}&quot;</ETag><Size>10</Size>\
         <StorageClass>STANDARD</StorageClass><VersionId>null</VersionId><IsLatest>false</IsLatest>{OWNER}</Version>"
    );
    assert_eq!(
        answer.xml(),
        document(
            "ListVersionsResult",
            &format!(
                "<Name>b</Name><Prefix></Prefix><KeyMarker>0+1</KeyMarker><VersionIdMarker>v0</VersionIdMarker>\
                 <NextKeyMarker>b+c</NextKeyMarker><NextVersionIdMarker>v9</NextVersionIdMarker><MaxKeys>3</MaxKeys>\
                 <Delimiter>/</Delimiter><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>{marker}{null}\
                 <CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes>"
            )
        )
    );
    let asked = VersionQuery {
        bucket: "b".into(),
        prefix: String::new(),
        delimiter: Some("/".into()),
        after: "0 1".into(),
        after_version: Some("v0".into()),
        max: 3,
    };
    assert_eq!(
        host.asked(),
        [Asked::ListVersions(asked), Asked::GetBucket("b".into())]
    );
    let alone = Request::new("GET", "/b?versions&version-id-marker=v0").send(&Playback::new([]));
    assert_eq!(alone.error(), (400, "InvalidArgument"));
}
