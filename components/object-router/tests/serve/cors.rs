//! Cross-origin resource sharing.

use object_router::bindings::concierge::objects::blobs::Error;
use object_router::bindings::concierge::objects::buckets::CorsRule;

use crate::client::{Request, document};
use crate::fixtures::{object, whole};
use crate::playback::{Answer, Asked, Playback};

const VARY: &str = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn rule(origin: &str) -> CorsRule {
    CorsRule {
        id: Some("r1".into()),
        allowed_origins: strings(&[origin]),
        allowed_methods: strings(&["GET", "PUT"]),
        allowed_headers: strings(&["x-*"]),
        expose_headers: strings(&["ETag", "x-amz-version-id"]),
        max_age_s: Some(30),
    }
}

fn bare() -> CorsRule {
    CorsRule {
        id: None,
        allowed_headers: vec![],
        expose_headers: vec![],
        max_age_s: None,
        ..rule("*")
    }
}

const WRITTEN: &str = "<CORSRule><ID>r1</ID><AllowedHeader>x-*</AllowedHeader><AllowedMethod>GET</AllowedMethod>\
    <AllowedMethod>PUT</AllowedMethod><AllowedOrigin>https://*.example</AllowedOrigin><ExposeHeader>ETag</ExposeHeader>\
    <ExposeHeader>x-amz-version-id</ExposeHeader><MaxAgeSeconds>30</MaxAgeSeconds></CORSRule>\
    <CORSRule><AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>";

#[test]
fn the_configuration_comes_back() {
    let rules = vec![rule("https://*.example"), bare()];
    let host = Playback::new([
        Answer::SetCors(Ok(())),
        Answer::GetCors(Ok(rules.clone())),
        Answer::GetCors(Ok(vec![])),
        Answer::SetCors(Ok(())),
    ]);
    let written = document("CORSConfiguration", WRITTEN);
    let put = Request::new("PUT", "/b?cors").body(&written).send(&host);
    assert_eq!((put.status, put.body), (200, None));
    let get = Request::new("GET", "/b?cors");
    assert_eq!(get.send(&host).xml(), written);
    assert_eq!(get.send(&host).error(), (404, "NoSuchCORSConfiguration"));
    let deleted = Request::new("DELETE", "/b?cors").send(&host);
    assert_eq!((deleted.status, deleted.body), (204, None));
    let get = || Asked::GetCors("b".into());
    let set = |rules| Asked::SetCors("b".into(), rules);
    assert_eq!(host.asked(), [set(rules), get(), get(), set(vec![])]);
    let unsigned = Request::new("PUT", "/b?cors")
        .body(&written)
        .unsigned_payload();
    assert_eq!(
        unsigned.send(&Playback::new([])).error(),
        (400, "InvalidRequest")
    );
}

fn preflight() -> Request {
    Request::new("OPTIONS", "/b/k")
        .anonymous()
        .header("origin", "https://a.example")
        .header("access-control-request-method", "PUT")
}

fn matched(rule: Option<CorsRule>) -> Playback {
    Playback::new([Answer::MatchCors(Ok(rule))])
}

#[test]
fn a_preflight_that_is_allowed() {
    let host = matched(Some(rule("https://*.example")));
    let answer = preflight()
        .header("access-control-request-headers", "X-Amz-Date, ,x-b")
        .send(&host);
    assert_eq!((answer.status, &answer.body), (200, &None));
    assert_eq!(
        answer.headers(),
        [
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-headers", "x-amz-date, x-b"),
            ("access-control-allow-methods", "GET, PUT"),
            ("access-control-allow-origin", "https://a.example"),
            ("access-control-expose-headers", "ETag, x-amz-version-id"),
            ("access-control-max-age", "30"),
            ("content-length", "0"),
            ("vary", VARY),
        ]
    );
    assert_eq!(
        host.asked(),
        [Asked::MatchCors(
            "b".into(),
            "https://a.example".into(),
            "PUT".into(),
            strings(&["x-amz-date", "x-b"])
        )]
    );
    // To everyone, and with nothing more to say.
    let answer = preflight().send(&matched(Some(bare())));
    assert_eq!(
        answer.headers(),
        [
            ("access-control-allow-methods", "GET, PUT"),
            ("access-control-allow-origin", "*"),
            ("content-length", "0"),
            ("vary", VARY),
        ]
    );
}

#[test]
fn a_preflight_that_is_not() {
    let answer = preflight().send(&matched(None));
    assert_eq!(answer.error(), (403, "AccessForbidden"));
    assert_eq!(answer.element("Method"), Some("PUT"));
    assert_eq!(answer.element("ResourceType"), Some("OBJECT"));
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let host = Playback::new([Answer::MatchCors(Err(Error::NoSuchBucket))]);
    assert_eq!(preflight().send(&host).error(), (404, "NoSuchBucket"));
    let nothing = Playback::new([]);
    for headers in [
        &[][..],
        &[("origin", "https://a.example")],
        &[("access-control-request-method", "PUT")],
    ] {
        let mut request = Request::new("OPTIONS", "/b").anonymous();
        for (name, value) in headers {
            request = request.header(name, value);
        }
        assert_eq!(request.send(&nothing).error(), (400, "BadRequest"));
    }
    let service = Request::new("OPTIONS", "/")
        .anonymous()
        .header("origin", "https://a.example")
        .header("access-control-request-method", "GET");
    assert_eq!(service.send(&nothing).error(), (403, "AccessForbidden"));
    let many = preflight().header("access-control-request-headers", "x,".repeat(101));
    assert_eq!(many.send(&nothing).error(), (403, "AccessForbidden"));
}

#[test]
fn answers_and_errors_may_be_read_where_a_rule_says_so() {
    let get = Request::new("GET", "/b/k").header("origin", "https://a.example");
    let host = Playback::new([
        Answer::Get(Ok((whole(object()), vec![0; 10]))),
        Answer::MatchCors(Ok(Some(rule("https://*.example")))),
        Answer::Get(Err(Error::NoSuchKey(None))),
        Answer::MatchCors(Ok(Some(bare()))),
        Answer::Get(Err(Error::NoSuchKey(None))),
        Answer::MatchCors(Ok(None)),
        Answer::Get(Err(Error::NoSuchBucket)),
        Answer::MatchCors(Err(Error::NoSuchBucket)),
    ]);
    for (status, origin) in [
        (200, Some("https://a.example")),
        (404, Some("*")),
        (404, None),
        (404, None),
    ] {
        let answer = get.send(&host);
        assert_eq!(answer.status, status);
        assert_eq!(
            answer.header("access-control-allow-origin").as_deref(),
            origin
        );
        assert_eq!(answer.header("vary").as_deref(), origin.map(|_| VARY));
    }
    let asked = host.asked();
    assert_eq!(
        asked.get(1),
        Some(&Asked::MatchCors(
            "b".into(),
            "https://a.example".into(),
            "GET".into(),
            vec![]
        ))
    );
}
