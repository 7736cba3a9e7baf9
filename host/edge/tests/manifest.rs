//! What `spin.toml` may say, and what a person who wrote it wrong is told.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use concierge_edge::{App, ComponentLimits};
use std::collections::BTreeMap;
use std::time::Duration;

const HEAD: &str = "spin_manifest_version = 2\n[application]\nname = \"test\"\n";
const HELLO: &str = "[[trigger.http]]\nroute = \"/\"\ncomponent = \"hello\"\n[component.hello]\nsource = \"hello.wasm\"\n";

fn parse(text: &str) -> Result<App, String> {
    App::parse(text, &BTreeMap::new()).map_err(|error| error.to_string())
}

/// What is said about a component with these lines more.
fn refused(lines: &str) -> String {
    parse(&format!("{HEAD}{HELLO}{lines}"))
        .err()
        .unwrap_or_else(|| panic!("{lines} was accepted"))
}

#[test]
fn a_manifest_of_spin_is_read_as_it_is() {
    let app = parse(
        r#"
        spin_manifest_version = 2
        [application]
        name = "shop"
        version = "1.0.0"
        authors = ["someone"]
        [variables]
        region = { default = "eu-north-1" }
        [[trigger.http]]
        id = "one"
        route = "/shop/..."
        component = "shop"
        [[trigger.http]]
        route = { private = true }
        component = "inner"
        [component.inner]
        source = "inner.wasm"
        [component.shop]
        source = "target/shop.wasm"
        description = "A shop"
        exclude_files = ["x"]
        allowed_outbound_hosts = ["https://{{ region }}.example"]
        environment = { MODE = "fast" }
        variables = { where = "in {{region}}" }
        [component.shop.build]
        command = "cargo build"
        watch = ["src/**"]
        [component.shop.tool.another]
        anything = { is = "theirs" }
        "#,
    )
    .unwrap();
    assert_eq!(app.name, "shop");
    let routes: Vec<_> = app
        .routes
        .iter()
        .map(|(r, c)| (r.as_str(), c.as_str()))
        .collect();
    assert_eq!(routes, [("/shop/...", "shop")]);
    let shop = &app.components["shop"];
    assert_eq!(shop.listener, "web");
    assert_eq!(shop.environment["MODE"], "fast");
    assert_eq!(shop.variables["where"], "in eu-north-1");
    assert!(
        shop.allowed_outbound_hosts
            .allows(&"https://eu-north-1.example/x".parse().unwrap())
    );
    assert!(
        !shop
            .allowed_outbound_hosts
            .allows(&"https://us-east-1.example/x".parse().unwrap())
    );
    assert_eq!(shop.limits, ComponentLimits::default());
    assert!(shop.imports.is_empty());
}

#[test]
fn limits_and_grants_are_read() {
    let text = format!(
        "{HEAD}{HELLO}[component.hello.tool.concierge]\nlistener = \"s3\"\nroute_headers = false\n\
         imports = [\"concierge:objects/blobs@0.1.0\", \"concierge:identity/sigv4\"]\n\
         memory_mib = 10\ncpu_ms = 20\nfirst_byte_ms = 30\nbody_mib = 40\nconcurrent_requests = 50\n\
         requests_per_instance = 60\ninstance_requests = 70\n"
    );
    let app = parse(&text).unwrap();
    let hello = &app.components["hello"];
    assert_eq!(
        (hello.listener.as_str(), hello.route_headers),
        ("s3", false)
    );
    assert_eq!(
        hello.imports,
        ["concierge:objects/blobs", "concierge:identity/sigv4"]
    );
    let limits = ComponentLimits {
        memory_bytes: 10 << 20,
        memory_mark_bytes: 5 << 20,
        cpu: Duration::from_millis(20),
        first_byte: Duration::from_millis(30),
        body_bytes: 40 << 20,
        concurrent_requests: 50,
        requests_per_instance: 60,
        instance_requests: Some(70),
    };
    assert_eq!(hello.limits, limits);
}

#[test]
fn a_required_variable_must_be_given() {
    let text = format!("{HEAD}{HELLO}[variables]\ndomain = {{ required = true }}\n");
    assert_eq!(
        parse(&text).err().unwrap(),
        "the variable \"domain\" is required and has no value; set SPIN_VARIABLE_DOMAIN"
    );
    let given = BTreeMap::from([("domain".to_owned(), "example".to_owned())]);
    assert!(App::parse(&text, &given).is_ok());
}

#[test]
fn what_is_wrong_is_said_in_plain_words() {
    for (lines, message) in [
        (
            "files = [\"a\"]",
            "component \"hello\": files is not supported; this host does not provide it",
        ),
        (
            "key_value_stores = [\"default\"]",
            "component \"hello\": key_value_stores is not supported; this host does not provide it",
        ),
        (
            "variables = { a = \"{{ b }}\" }",
            "component \"hello\": \"{{ b }}\" uses the variable \"b\", which [variables] does not have",
        ),
        (
            "variables = { a = \"{{ b\" }",
            "component \"hello\": \"{{ b\" has {{ without }}",
        ),
        (
            "allowed_outbound_hosts = [\"example.com\"]",
            "component \"hello\": allowed_outbound_hosts has \"example.com\": ",
        ),
        (
            "[component.hello.tool.concierge]\nimports = [\"concierge:objects/nothing\"]",
            "component \"hello\": imports has \"concierge:objects/nothing\", which is not an interface of this \
             host; it has \"concierge:booking/administration\", \"concierge:booking/availability\", \
             \"concierge:booking/catalogue\", \"concierge:booking/changes\", \"concierge:booking/payments\", \
             \"concierge:booking/reports\", \"concierge:booking/reservations\", \"concierge:identity/passwords\", \"concierge:identity/sigv4\", \
             \"concierge:mail/accounts\", \"concierge:mail/emails\", \"concierge:mail/events\", \
             \"concierge:mail/mailboxes\", \"concierge:mail/messages\", \"concierge:mail/outgoing\", \
             \"concierge:mail/search\", \"concierge:mail/submissions\", \"concierge:objects/blobs\", \
             \"concierge:objects/buckets\", \"concierge:objects/listing\", \"concierge:objects/multipart\"",
        ),
        (
            "[component.hello.tool.concierge]\nmemory_mib = 5000",
            "component \"hello\": memory_mib is above 4096, the whole of wasm's memory",
        ),
        (
            "[component.hello.tool.concierge]\ncpu_ms = 0",
            "component \"hello\": cpu_ms must be at least 1",
        ),
        (
            "[variables]\na = {}",
            "the variable \"a\" must either be required or have a default",
        ),
        (
            "[[trigger.http]]\nroute = \"/a\"\ncomponent = \"helo\"",
            "the route \"/a\" names the component \"helo\", which the manifest does not have; it has: \"hello\"",
        ),
        (
            "[[trigger.http]]\nroute = \"/a/.../b\"\ncomponent = \"hello\"",
            "the route \"/a/.../b\" is not valid: \"...\" can only be the last segment",
        ),
        (
            "[[trigger.http]]\nroute = \"/\"\ncomponent = \"hello\"",
            "the route \"/\" is given twice on the listener \"web\", to \"hello\" and to \"hello\"",
        ),
    ] {
        let said = refused(lines);
        assert!(
            said.starts_with(message),
            "{lines}\nsaid: {said}\nnot:  {message}"
        );
    }
    // Of a key that is not there the valid ones are named.
    let said = refused("[component.hello.tool.concierge]\nmemory = 5");
    for word in ["unknown field `memory`", "`memory_mib`", "`first_byte_ms`"] {
        assert!(said.contains(word), "{said}");
    }
    let said = parse(&HEAD.replace('2', "1")).err().unwrap();
    assert!(said.contains("missing field `trigger`"), "{said}");
    let said = parse(&format!("{}{HELLO}", HEAD.replace('2', "1")))
        .err()
        .unwrap();
    assert_eq!(
        said,
        "spin_manifest_version is 1; this program reads version 2"
    );
    let remote = HELLO.replace(
        "\"hello.wasm\"",
        "{ url = \"https://a\", digest = \"sha256:0\" }",
    );
    assert_eq!(
        parse(&format!("{HEAD}{remote}")).err().unwrap(),
        "component \"hello\": source must be the path of a file; remote sources are not supported"
    );
}
