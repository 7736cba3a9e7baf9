//! The internal listener: who may ask what, and how much.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod support;

use std::io::Write;
use std::net::TcpStream;

use support::Home;

#[test]
fn health_is_open_and_the_rest_is_not() {
    let home = Home::new();
    let server = home.start();
    assert_eq!(
        server.internal("GET", "/healthz", None, ""),
        (200, "ok\n".to_owned())
    );
    assert_eq!(server.internal("POST", "/healthz", None, "").0, 405);
    let token = home.token();
    let mut wrong = token.clone();
    wrong.replace_range(63.., if token.ends_with('0') { "1" } else { "0" });
    for path in ["/metrics", "/admin/v1/accounts", "/", "/wit/"] {
        for bad in [
            None,
            Some(""),
            Some("x"),
            Some(&wrong[..]),
            Some(&token[..63]),
        ] {
            let (status, body) = server.internal("GET", path, bad, "");
            assert_eq!(status, 401, "{path} {bad:?}");
            assert_eq!(body, "a bearer token is needed\n");
        }
    }
    assert_eq!(server.internal("GET", "/", Some(&token), "").0, 404);
    server.stop();
}

#[test]
fn metrics_are_prometheus_text() {
    let home = Home::new();
    let server = home.start();
    let (status, text) = server.internal("GET", "/metrics", Some(&home.token()), "");
    assert_eq!(status, 200);
    assert!(
        text.contains("# TYPE concierge_panics_total counter\nconcierge_panics_total 0\n"),
        "{text}"
    );
    for line in text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("concierge_"), "{line}");
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
    server.stop();
}

#[test]
fn administration_answers_json() {
    let home = Home::new();
    let server = home.start();
    let token = home.token();
    let ask = |method: &str, path: &str, body: &str| -> (u16, serde_json::Value) {
        let (status, body) =
            server.internal(method, &format!("/admin/v1/{path}"), Some(&token), body);
        (status, serde_json::from_str(&body).unwrap())
    };
    let (status, made) = ask("POST", "accounts", r#"{"name": "ann", "role": "user"}"#);
    assert_eq!((status, &made["name"]), (200, &"ann".into()));
    let (status, key) = ask("POST", "keys", r#"{"account": "ann"}"#);
    assert_eq!(
        (status, key["secret_access_key"].as_str().unwrap().len()),
        (200, 40)
    );
    let (_, keys) = ask("GET", "keys?account=ann", "");
    assert_eq!(keys["keys"][0]["access_key_id"], key["access_key_id"]);
    assert_eq!(keys["keys"][0].get("secret_access_key"), None, "shown once");
    for (method, path, body, status, code) in [
        (
            "POST",
            "accounts",
            r#"{"name": "ann", "role": "user"}"#,
            409,
            "conflict",
        ),
        (
            "POST",
            "accounts",
            r#"{"name": "Ann", "role": "user"}"#,
            400,
            "invalid",
        ),
        ("POST", "accounts", "not json", 400, "invalid"),
        ("DELETE", "accounts/nobody", "", 404, "not_found"),
        ("DELETE", "accounts/admin", "", 409, "conflict"),
        ("GET", "nothing", "", 404, "not_found"),
    ] {
        let (answered, error) = ask(method, path, body);
        assert_eq!(
            (answered, &error["error"]["code"]),
            (status, &code.into()),
            "{method} {path}"
        );
    }
    server.stop();
}

#[test]
fn requests_are_bounded() {
    let home = Home::new();
    let server = home.start();
    let token = home.token();
    let large = format!("{{\"name\": \"{}\"}}", "a".repeat(1_100_000));
    assert_eq!(
        server
            .internal("POST", "/admin/v1/accounts", Some(&token), &large)
            .0,
        413
    );
    let answer = server.exchange(
        "internal",
        &format!(
            "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n",
            "a".repeat(1_100_000)
        ),
    );
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let answer = server.exchange("internal", "this is not HTTP\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    // Many that say nothing keep nobody out.
    let idle: Vec<TcpStream> = (0..100)
        .map(|_| TcpStream::connect(&server.listeners["internal"]).unwrap())
        .collect();
    for mut stream in &idle {
        stream.write_all(b"GET /heal").unwrap();
    }
    assert_eq!(server.internal("GET", "/healthz", None, "").0, 200);
    drop(idle);
    server.stop();
}
