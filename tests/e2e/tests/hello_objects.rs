//! The example component, as a third party would see it work.

use concierge_tests::raw::{self, Request, Response};
use concierge_tests::{Server, seed};

async fn ask(server: &Server, path: &str) -> anyhow::Result<Response> {
    let web = server.address("web")?;
    let request = Server::credentials().signed(Request::new("GET", path), web);
    raw::send(web, &request).await
}

#[tokio::test]
async fn shows_a_bucket_and_its_objects_to_whom_may_see_them() -> anyhow::Result<()> {
    let server = Server::start().await?;
    server.create_bucket("luggage").await?;
    let bytes = seed::bytes(1, 3_000_000);
    for (key, body) in [("trunks/one%20two", &bytes[..]), ("zero", &[])] {
        let put = Request::new("PUT", format!("/luggage/{key}")).body(body);
        assert_eq!(server.send(put).await?.status, 200);
    }

    let listed = ask(&server, "/hello-objects/luggage").await?;
    assert_eq!(listed.status, 200);
    assert_eq!(
        listed.text(),
        "     3000000 trunks/one two\n           0 zero\n"
    );

    let got = ask(&server, "/hello-objects/luggage/trunks/one%20two").await?;
    assert_eq!(got.status, 200);
    assert_eq!(got.header("content-length"), Some("3000000"));
    assert!(got.body == bytes, "the object came back different");

    for (path, status) in [
        ("/hello-objects/luggage/none", 404),
        ("/hello-objects/no-such-bucket", 404),
        ("/hello-objects/", 404),
    ] {
        assert_eq!(ask(&server, path).await?.status, status, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn shows_nothing_to_anyone_else() -> anyhow::Result<()> {
    let server = Server::start().await?;
    server.create_bucket("luggage").await?;
    let web = server.address("web")?;
    let path = "/hello-objects/luggage";

    let unsigned = Request::new("GET", path).with_default_header("host", web);
    assert_eq!(raw::send(web, &unsigned).await?.status, 401);

    let mut wrong = Server::credentials();
    wrong.secret_access_key.push('x');
    let wrong = wrong.signed(Request::new("GET", path), web);
    assert_eq!(raw::send(web, &wrong).await?.status, 401);

    // A signature for another path is not one for this.
    let mut moved = Server::credentials().signed(Request::new("GET", "/hello-objects/other"), web);
    moved.path = path.to_owned();
    assert_eq!(raw::send(web, &moved).await?.status, 401);
    Ok(())
}
