//! Which route takes a path, and where outbound requests may go: as Spin decides it.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use concierge_edge::{AllowedHosts, RouteError, RoutePattern, RouteTable};

fn table(routes: &[&'static str]) -> RouteTable<&'static str> {
    let routes = routes
        .iter()
        .map(|route| (RoutePattern::parse(route).unwrap(), *route));
    RouteTable::new(routes.collect())
}

#[test]
fn the_most_specific_pattern_wins_whatever_the_order() {
    let mut routes = vec![
        "/...", "/a", "/a/...", "/a/:x", "/a/:x/c", "/a/b/c", "/:x/b", "/:x/:y",
    ];
    for _ in 0..2 {
        let table = table(&routes);
        for (path, route) in [
            ("/", Some("/...")),
            ("/z", Some("/...")),
            ("/a", Some("/a")),
            ("/a/", Some("/a")),
            ("/a/b", Some("/a/:x")),
            ("/a/b/", Some("/a/:x")),
            ("/a/b/c", Some("/a/b/c")),
            ("/a/z/c", Some("/a/:x/c")),
            ("/a/z/d", Some("/a/...")),
            ("/z/b", Some("/:x/b")),
            ("/z/y", Some("/:x/:y")),
            ("/z/y/x", Some("/...")),
        ] {
            assert_eq!(table.find(path).map(|(_, to, _)| *to), route, "{path}");
        }
        routes.reverse();
    }
    assert!(table(&["/a", "/b/:x"]).find("/b").is_none());
}

#[test]
fn what_a_pattern_captured() {
    let captures = |route: &str, path: &'static str| {
        let captures = RoutePattern::parse(route).unwrap().captures(path).unwrap();
        (captures.parameters, captures.path_info)
    };
    assert_eq!(captures("/a/:x/:y", "/a/1/2"), (vec!["1", "2"], ""));
    assert_eq!(captures("/a/:x/...", "/a/1/2/3"), (vec!["1"], "/2/3"));
    assert_eq!(captures("/a/...", "/a"), (vec![], ""));
    assert_eq!(captures("/a/...", "/a/"), (vec![], "/"));
    assert_eq!(captures("/...", "/"), (vec![], "/"));
    // A path is taken as it is written; nothing in it is decoded.
    assert_eq!(captures("/:x", "/%2Fa"), (vec!["%2Fa"], ""));
}

#[test]
fn what_is_no_route() {
    for (route, error) in [
        ("/a/.../b", RouteError::WildcardInside),
        ("/:", RouteError::ParameterName),
        ("/:a b", RouteError::ParameterName),
        ("/:a/:a", RouteError::DuplicateParameter("a".to_owned())),
        ("/a//b", RouteError::NotAPath),
        ("/a?b", RouteError::NotAPath),
    ] {
        assert_eq!(RoutePattern::parse(route), Err(error), "{route}");
    }
}

#[test]
fn where_outbound_requests_may_go() {
    for (entry, yes, no) in [
        (
            "https://a.example",
            &["https://a.example/x", "https://A.EXAMPLE:443"][..],
            &[
                "http://a.example",
                "https://b.example",
                "https://a.example:444",
                "https://a.example.evil.org",
            ][..],
        ),
        (
            "http://*.example:8080",
            &["http://a.example:8080", "http://a.b.example:8080"],
            &["http://example:8080", "http://a.example"],
        ),
        (
            "*://10.0.0.1:*",
            &["http://10.0.0.1", "https://10.0.0.1:9"],
            &["http://10.0.0.2"],
        ),
        ("http://[::1]:80", &["http://[::1]/"], &["http://[::2]/"]),
        (
            "http://a.example:8000..8002",
            &["http://a.example:8000", "http://a.example:8001"],
            &["http://a.example:8002", "http://a.example:7999"],
        ),
    ] {
        let hosts = AllowedHosts::parse(&[entry.to_owned()]).unwrap();
        for url in yes {
            assert!(hosts.allows(&url.parse().unwrap()), "{entry} refuses {url}");
        }
        for url in no {
            assert!(!hosts.allows(&url.parse().unwrap()), "{entry} allows {url}");
        }
    }
    let none = AllowedHosts::parse(&[]).unwrap();
    assert!(!none.allows(&"http://a.example".parse().unwrap()));
    for entry in [
        "a.example",
        "http://",
        "http://a.example/path",
        "http://a*.example",
        "http://self",
        "http://a.example:x",
    ] {
        assert!(AllowedHosts::parse(&[entry.to_owned()]).is_err(), "{entry}");
    }
}
