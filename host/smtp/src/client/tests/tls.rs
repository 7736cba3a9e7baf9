//! STARTTLS and AUTH.

use std::sync::Arc;

use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::*;
use crate::client::fake::{Act, say};
use crate::client::{Login, Step};

/// A server's settings with a certificate for `b.example`, and a client's that trust it.
fn settings() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(vec!["b.example".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

fn name(name: &str) -> ServerName<'static> {
    ServerName::try_from(name.to_owned()).unwrap()
}

const OFFERS: &str = "250-b.example\r\n250-STARTTLS\r\n250 AUTH LOGIN";

#[tokio::test]
async fn a_message_goes_over_tls_and_what_was_offered_before_counts_no_more() {
    let (server, config) = settings();
    let fake = Fake::start(move |line| match line {
        "STARTTLS" => Some(Act::Tls(Arc::clone(&server))),
        line if line.starts_with("EHLO") => say(OFFERS),
        "AUTH LOGIN" => say("334 VXNlcm5hbWU6"),
        "YW5u" => say("334 UGFzc3dvcmQ6"),
        "c2VjcmV0" => say("235 2.7.0 ok"),
        _ => None,
    });
    let fake = fake.await.unwrap();
    let client = connect(&fake).await;
    assert!(client.extensions().starttls && client.tls().is_none());
    let mut client = client.start_tls(config, name("b.example")).await.unwrap();
    assert!(client.tls().unwrap().starts_with("TLSv1_3 "));
    let login = Login {
        user: "ann".to_owned(),
        password: "secret".to_owned(),
    };
    client.authenticate(&login).await.unwrap();
    let sent = send(&mut client, &["bob@b.example"], "hello");
    assert_eq!(sent.await.unwrap()[0].code, 250);
    client.quit().await;
    let heard = fake.heard();
    assert_eq!(heard.messages, [b"hello\r\n".to_vec()]);
    assert_eq!(heard.lines[3], "1 EHLO us.example");
}

#[tokio::test]
async fn a_name_that_is_not_the_certificates_and_a_handshake_that_breaks() {
    let (server, config) = settings();
    let fake = Fake::start(move |line| match line {
        "STARTTLS" => Some(Act::Tls(Arc::clone(&server))),
        _ => None,
    });
    let fake = fake.await.unwrap();
    let client = connect(&fake).await;
    let error = client
        .start_tls(Arc::clone(&config), name("c.example"))
        .await;
    assert!(matches!(error.err().unwrap(), ClientError::Tls(_)));

    let fake = Fake::start(|line| match line {
        "STARTTLS" => Some(Act::BreakTls),
        _ => None,
    });
    let fake = fake.await.unwrap();
    let client = connect(&fake).await;
    let error = client.start_tls(config, name("b.example")).await;
    assert!(matches!(error.err().unwrap(), ClientError::Tls(_)));
}

#[tokio::test]
async fn what_is_said_between_starttls_and_tls_is_not_believed() {
    // Whoever sits between put an answer behind that to STARTTLS: it would be taken for the answer to the first command
    // over TLS (the client's side of CVE-2011-0411).
    let (_, config) = settings();
    let fake = Fake::start(|line| match line {
        "STARTTLS" => say("220 go on\r\n250 injected"),
        _ => None,
    });
    let fake = fake.await.unwrap();
    let client = connect(&fake).await;
    let error = client.start_tls(config, name("b.example")).await;
    let error = error.err().unwrap();
    assert!(
        matches!(error, ClientError::Protocol(Step::Tls, _)),
        "{error}"
    );
}

#[tokio::test]
async fn a_password_that_is_refused() {
    let fake = Fake::start(|line| match line {
        line if line.starts_with("EHLO") => say("250-b.example\r\n250 AUTH PLAIN"),
        line if line.starts_with("AUTH PLAIN ") => say("535 5.7.8 no"),
        _ => None,
    });
    let fake = fake.await.unwrap();
    let mut client = connect(&fake).await;
    let login = Login {
        user: "ann".to_owned(),
        password: "wrong".to_owned(),
    };
    let error = client.authenticate(&login).await.unwrap_err();
    assert_eq!(error.to_string(), "AUTH: 535 5.7.8 no");
}
