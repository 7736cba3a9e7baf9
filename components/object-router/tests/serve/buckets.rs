//! Buckets and their settings.

use object_router::bindings::concierge::objects::blobs::Tag;
use object_router::bindings::concierge::objects::buckets::{BucketInfo, BucketPage, Versioning};

use crate::client::{Request, document};
use crate::fixtures::{MODIFIED_XML, bucket};
use crate::playback::{Answer, Asked, Playback};

fn get_bucket() -> Answer {
    Answer::GetBucket(Ok(bucket()))
}

fn asked_bucket() -> Asked {
    Asked::GetBucket("b".into())
}

#[test]
fn list() {
    let other = BucketInfo {
        name: "a&b".into(),
        region: "us-east-1".into(),
        ..bucket()
    };
    let page = |next: Option<&str>| {
        Answer::ListBuckets(Ok(BucketPage {
            buckets: vec![other.clone(), bucket()],
            next: next.map(Into::into),
        }))
    };
    let host = Playback::new([page(None), page(Some("b")), page(None)]);
    let first = Request::new("GET", "/").send(&host);
    let shown = |name: &str, region: &str| {
        format!(
            "<Bucket><Name>{name}</Name><CreationDate>{MODIFIED_XML}</CreationDate><BucketRegion>{region}</BucketRegion></Bucket>"
        )
    };
    let owner = "<Owner><ID>id-of-ada</ID><DisplayName>ada</DisplayName></Owner>";
    assert_eq!(first.status, 200);
    assert_eq!(
        first.xml(),
        document(
            "ListAllMyBucketsResult",
            &format!(
                "{owner}<Buckets>{}{}</Buckets>",
                shown("a&amp;b", "us-east-1"),
                shown("b", "eu-central-1")
            )
        )
    );
    let target = "/?max-buckets=2&prefix=p&bucket-region=eu-central-1";
    let second = Request::new("GET", target).send(&host);
    let token = second.element("ContinuationToken").unwrap().to_owned();
    assert_eq!(
        second.xml(),
        document(
            "ListAllMyBucketsResult",
            &format!(
                "{owner}<Buckets>{}</Buckets><Prefix>p</Prefix><ContinuationToken>{token}</ContinuationToken>",
                shown("b", "eu-central-1")
            )
        )
    );
    let token = token.replace('=', "%3D");
    Request::new("GET", format!("/?continuation-token={token}")).send(&host);
    let asked =
        |prefix: &str, after: &str, max| Asked::ListBuckets(prefix.into(), after.into(), max);
    assert_eq!(
        host.asked(),
        [
            asked("", "", 10_000),
            asked("p", "", 2),
            asked("", "b", 10_000)
        ]
    );
    for query in [
        "max-buckets=0",
        "max-buckets=10001",
        "max-buckets=x",
        "continuation-token=!",
    ] {
        let answer = Request::new("GET", format!("/?{query}")).send(&Playback::new([]));
        assert_eq!(answer.error(), (400, "InvalidArgument"), "{query}");
    }
}

#[test]
fn create() {
    let create = |body: &str| Request::new("PUT", "/b").body(body);
    let configuration = |inner: &str| document("CreateBucketConfiguration", inner);
    for (body, region) in [
        (String::new(), "us-east-1"),
        (configuration(""), "us-east-1"),
        (
            configuration("<LocationConstraint>eu-central-1</LocationConstraint>"),
            "eu-central-1",
        ),
    ] {
        let host = Playback::new([Answer::CreateBucket(Ok(()))]);
        let answer = create(&body).send(&host);
        assert_eq!((answer.status, &answer.body), (200, &None));
        assert_eq!(
            answer.headers(),
            [("content-length", "0"), ("location", "/b")]
        );
        assert_eq!(
            host.asked(),
            [Asked::CreateBucket("b".into(), region.into())]
        );
    }
    for (inner, code) in [
        (
            "<LocationConstraint>e u</LocationConstraint>".to_owned(),
            "InvalidLocationConstraint",
        ),
        (
            format!(
                "<LocationConstraint>{}</LocationConstraint>",
                "e".repeat(65)
            ),
            "InvalidLocationConstraint",
        ),
        (
            "<Bucket><Type>Directory</Type></Bucket>".to_owned(),
            "MalformedXML",
        ),
    ] {
        let answer = create(&configuration(&inner)).send(&Playback::new([]));
        assert_eq!(answer.error(), (400, code), "{inner}");
    }
    let tags = configuration("<Tags><Tag><Key>k</Key><Value>v</Value></Tag></Tags>");
    let answer = create(&tags).send(&Playback::new([]));
    assert_eq!(answer.error(), (501, "NotImplemented"));
}

#[test]
fn head_location_and_delete() {
    let elsewhere = BucketInfo {
        region: "us-east-1".into(),
        ..bucket()
    };
    let host = Playback::new([
        get_bucket(),
        get_bucket(),
        Answer::GetBucket(Ok(elsewhere)),
        Answer::DeleteBucket(Ok(())),
    ]);
    let head = Request::new("HEAD", "/b").send(&host);
    assert_eq!((head.status, &head.body), (200, &None));
    assert_eq!(
        head.headers(),
        [
            ("content-length", "0"),
            ("x-amz-access-point-alias", "false"),
            ("x-amz-bucket-region", "eu-central-1"),
        ]
    );
    let location = |expected: &str| {
        let answer = Request::new("GET", "/b?location").send(&host);
        assert_eq!(answer.xml(), document("LocationConstraint", expected));
    };
    location("eu-central-1");
    // "Buckets in Region us-east-1 have a LocationConstraint of null" (GetBucketLocation).
    location("");
    let gone = Request::new("DELETE", "/b").send(&host);
    assert_eq!((gone.status, &gone.body), (204, &None));
    assert_eq!(gone.headers(), []);
    assert_eq!(
        host.asked(),
        [
            asked_bucket(),
            asked_bucket(),
            asked_bucket(),
            Asked::DeleteBucket("b".into())
        ]
    );
}

#[test]
fn versioning() {
    for (state, inner) in [
        (Versioning::Unversioned, ""),
        (Versioning::Enabled, "<Status>Enabled</Status>"),
        (Versioning::Suspended, "<Status>Suspended</Status>"),
    ] {
        let host = Playback::new([Answer::GetBucket(Ok(BucketInfo {
            versioning: state,
            ..bucket()
        }))]);
        let answer = Request::new("GET", "/b?versioning").send(&host);
        assert_eq!(answer.xml(), document("VersioningConfiguration", inner));
    }
    let put = |inner: &str| {
        Request::new("PUT", "/b?versioning").body(document("VersioningConfiguration", inner))
    };
    for (inner, state) in [
        ("<Status>Enabled</Status>", Versioning::Enabled),
        ("<Status>Suspended</Status>", Versioning::Suspended),
    ] {
        let host = Playback::new([Answer::SetVersioning(Ok(()))]);
        let answer = put(inner).send(&host);
        assert_eq!((answer.status, &answer.body), (200, &None));
        assert_eq!(host.asked(), [Asked::SetVersioning("b".into(), state)]);
    }
    for (inner, status, code) in [
        ("", 400, "IllegalVersioningConfigurationException"),
        ("<Status>Off</Status>", 400, "MalformedXML"),
        (
            "<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>",
            501,
            "NotImplemented",
        ),
    ] {
        let answer = put(inner).send(&Playback::new([]));
        assert_eq!(answer.error(), (status, code), "{inner}");
    }
}

fn tag(key: &str, value: &str) -> Tag {
    Tag {
        key: key.into(),
        value: value.into(),
    }
}

#[test]
fn tagging() {
    let host = Playback::new([
        Answer::GetBucketTags(Ok(vec![tag("a", "1"), tag("<b>", "")])),
        Answer::GetBucketTags(Ok(vec![])),
        Answer::SetBucketTags(Ok(())),
        Answer::SetBucketTags(Ok(())),
    ]);
    let written = document(
        "Tagging",
        "<TagSet><Tag><Key>a</Key><Value>1</Value></Tag><Tag><Key>&lt;b&gt;</Key><Value></Value></Tag></TagSet>",
    );
    let get = Request::new("GET", "/b?tagging");
    assert_eq!(get.send(&host).xml(), written);
    assert_eq!(get.send(&host).error(), (404, "NoSuchTagSet"));
    let put = Request::new("PUT", "/b?tagging").body(&written).send(&host);
    assert_eq!((put.status, put.body), (204, None));
    let delete = Request::new("DELETE", "/b?tagging").send(&host);
    assert_eq!((delete.status, delete.body), (204, None));
    assert_eq!(
        host.asked(),
        [
            Asked::GetBucketTags("b".into()),
            Asked::GetBucketTags("b".into()),
            Asked::SetBucketTags("b".into(), vec![tag("a", "1"), tag("<b>", "")]),
            Asked::SetBucketTags("b".into(), vec![]),
        ]
    );
}

fn access_control(grants: &str) -> String {
    document(
        "AccessControlPolicy",
        &format!(
            "<Owner><ID>id-of-owner</ID><DisplayName>owner</DisplayName></Owner><AccessControlList>{grants}</AccessControlList>"
        ),
    )
}

const FULL_CONTROL: &str = "<Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\">\
    <ID>id-of-owner</ID><DisplayName>owner</DisplayName></Grantee><Permission>FULL_CONTROL</Permission></Grant>";

#[test]
fn the_access_control_list_is_the_default_one() {
    let host = Playback::new([get_bucket(), get_bucket(), get_bucket()]);
    let shown = Request::new("GET", "/b?acl").send(&host);
    assert_eq!(shown.xml(), access_control(FULL_CONTROL));
    // It can be put as it was shown, or by its name.
    let put = Request::new("PUT", "/b?acl");
    assert_eq!(put.clone().body(shown.text()).send(&host).status, 200);
    let canned = put.clone().header("x-amz-acl", "private");
    assert_eq!(canned.send(&host).status, 200);
    let everyone = "<Grant><Grantee><URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>READ</Permission></Grant>";
    for (body, status, code) in [
        (access_control(everyone), 501, "NotImplemented"),
        (
            access_control(&format!("{FULL_CONTROL}{everyone}")),
            501,
            "NotImplemented",
        ),
        (access_control(""), 501, "NotImplemented"),
        (
            access_control(&FULL_CONTROL.replace("id-of-owner", "another")),
            501,
            "NotImplemented",
        ),
        ("<AccessControlPolicy>".to_owned(), 400, "MalformedACLError"),
        (String::new(), 400, "MissingSecurityHeader"),
    ] {
        let host = Playback::new([get_bucket()]);
        let answer = put.clone().body(&body).send(&host);
        assert_eq!(answer.error(), (status, code), "{body}");
    }
}

#[test]
fn settings_that_cannot_be_are_absent() {
    for (parameter, code) in [
        ("policy", "NoSuchBucketPolicy"),
        ("lifecycle", "NoSuchLifecycleConfiguration"),
        (
            "encryption",
            "ServerSideEncryptionConfigurationNotFoundError",
        ),
        ("website", "NoSuchWebsiteConfiguration"),
        ("replication", "ReplicationConfigurationNotFoundError"),
        ("object-lock", "ObjectLockConfigurationNotFoundError"),
        ("ownershipControls", "OwnershipControlsNotFoundError"),
        ("publicAccessBlock", "NoSuchPublicAccessBlockConfiguration"),
    ] {
        let host = Playback::new([get_bucket()]);
        let answer = Request::new("GET", format!("/b?{parameter}")).send(&host);
        assert_eq!(answer.error(), (404, code), "{parameter}");
        assert_eq!(answer.element("BucketName"), Some("b"));
        assert_eq!(host.asked(), [asked_bucket()]);
        for method in ["PUT", "DELETE"] {
            let answer = Request::new(method, format!("/b?{parameter}")).send(&Playback::new([]));
            assert_eq!(
                answer.error(),
                (501, "NotImplemented"),
                "{method} {parameter}"
            );
        }
    }
}

#[test]
fn an_expected_owner_is_by_id_or_by_name() {
    for (owner, status) in [("id-of-owner", 204), ("owner", 204), ("another", 403)] {
        let mut answers = vec![get_bucket()];
        if status == 204 {
            answers.push(Answer::DeleteBucket(Ok(())));
        }
        let host = Playback::new(answers);
        let answer = Request::new("DELETE", "/b")
            .header("x-amz-expected-bucket-owner", owner)
            .send(&host);
        assert_eq!(answer.status, status, "{owner}");
        host.asked();
    }
}
