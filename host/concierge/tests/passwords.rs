//! Passwords by command and over the contract, through a running server and on a
//! data directory that nobody has open.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod support;

use std::io::Write;
use std::process::Stdio;

use concierge_wit_http::{
    ARGUMENTS_HEADER, CONTRACT_HEADER, Function, IDENTITY, Placed, RESULT_HEADER, decode,
    decode_header, encode, place,
};
use serde::Deserialize;
use support::{Home, Said, Server, program};

/// `passwords.role`, `.principal` and `.error` as they cross HTTP.
#[derive(Debug, PartialEq, Eq, Deserialize)]
enum Role {
    Administrator,
    Staff,
    User,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Principal {
    token: String,
    account_id: String,
    account_name: String,
    role: Role,
    expires_us: u64,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
enum Error {
    Unauthorized,
    Malformed(String),
    SlowDown(u32),
    Unavailable,
}

/// Calls the contract over HTTP; gives the name and role of who was signed in.
fn sign_in(
    home: &Home,
    server: &Server,
    name: &'static str,
    arguments: &impl serde::Serialize,
) -> Result<(String, Role), Error> {
    let function = Function {
        package: &IDENTITY,
        interface: "passwords",
        name,
    };
    let Ok(Placed::Header(arguments)) = place(encode(arguments).unwrap(), false) else {
        unreachable!("arguments of a test are short");
    };
    let answer = server.exchange(
        "internal",
        &format!(
            "POST {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\
             Authorization: Bearer {}\r\n{CONTRACT_HEADER}: {}\r\n{ARGUMENTS_HEADER}: {arguments}\r\n\r\n",
            function.path(),
            home.token(),
            IDENTITY.fingerprint_text(),
        ),
    );
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let begin = format!("{RESULT_HEADER}: ");
    let result = answer
        .lines()
        .find_map(|line| line.strip_prefix(&begin))
        .unwrap();
    let result: Result<Principal, Error> =
        decode(&decode_header(result.as_bytes()).unwrap()).unwrap();
    result.map(|principal| (principal.account_name, principal.role))
}

fn basic(
    home: &Home,
    server: &Server,
    name: &str,
    password: &str,
) -> Result<(String, Role), Error> {
    let arguments = (name, password, Some("192.0.2.1"));
    sign_in(home, server, "basic", &arguments)
}

/// Runs a command to its end with this on its standard input.
fn run_with_input(home: &Home, arguments: &[&str], input: &str) -> Said {
    let mut command = program();
    command.args(arguments).arg("--data").arg(home.data());
    command.current_dir(home.path()).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn the_administrators_first_password_is_good() {
    let home = Home::new();
    let server = home.start();
    let credentials = std::fs::read_to_string(home.data().join("credentials")).unwrap();
    let password = credentials
        .lines()
        .find_map(|line| line.strip_prefix("CONCIERGE_ROOT_PASSWORD="))
        .unwrap();
    let signed_in = basic(&home, &server, "admin", password).unwrap();
    assert_eq!(signed_in, ("admin".to_owned(), Role::Administrator));
    assert!(server.stop().err.contains(password), "it is shown once");
    assert!(!home.start().stop().err.contains(password));

    let home = Home::new();
    let mut up = home.up();
    up.env("CONCIERGE_ROOT_USER", "root")
        .env("CONCIERGE_ROOT_PASSWORD", "correct horse");
    let server = Server::start(up);
    assert!(basic(&home, &server, "root", "correct horse").is_ok());
    assert!(!server.stop().err.contains("correct horse"));
}

#[test]
fn a_first_password_that_cannot_be_is_refused_with_a_sentence() {
    let home = Home::new();
    let mut up = home.up();
    up.env("CONCIERGE_ROOT_PASSWORD", "short");
    let said: Said = up.output().unwrap().into();
    let complaint = said.bad(1);
    assert!(
        complaint.contains("the administrator's password: a password has 8 to 1024 bytes"),
        "{complaint}"
    );
}

#[test]
fn passwords_are_set_by_command() {
    let home = Home::new();
    let server = home.start();
    let made = home.run(&["account", "create", "ann", "--role", "staff"]);
    assert!(made.good().contains("staff"));
    assert_eq!(
        basic(&home, &server, "ann", "correct horse"),
        Err(Error::Unauthorized)
    );
    let set = ["account", "password", "ann"];
    let said = run_with_input(&home, &set, "correct horse\nand more").good();
    assert_eq!(said, "account ann has a new password\n");
    assert_eq!(
        basic(&home, &server, "ann", "correct horse"),
        Ok(("ann".to_owned(), Role::Staff))
    );
    let complaint = run_with_input(&home, &set, "short\n").bad(2);
    assert!(complaint.contains("8 to 1024 bytes"), "{complaint}");
    let nobody = run_with_input(&home, &["account", "password", "bob"], "correct horse");
    assert!(nobody.bad(3).contains("there is no account bob"));
    server.stop();

    // Without a server, and made up.
    let generate = ["account", "password", "ann", "--generate", "--json"];
    let made = home.run(&generate).json();
    let password = made["password"].as_str().unwrap();
    let server = home.start();
    assert_eq!(
        basic(&home, &server, "ann", "correct horse"),
        Err(Error::Unauthorized)
    );
    assert!(basic(&home, &server, "ann", password).is_ok());
    let shown = home.run(&["account", "password", "ann", "--generate"]);
    let shown = shown.good();
    let password = shown.trim_end().rsplit(' ').next().unwrap();
    assert!(basic(&home, &server, "ann", password).is_ok(), "{shown}");
}

/// The whole life of an application password; the same whether a server runs.
fn life_of_an_app_password(home: &Home, name: &str) -> String {
    let create = ["app-password", "create", "--account", "admin", name];
    let made = home.run(&[&create[..], &["--json"]].concat()).json();
    assert_eq!(made["account"], "admin");
    assert_eq!(made["name"], name);
    assert!(home.run(&create).bad(4).contains("already"));
    let id = made["id"].as_str().unwrap();
    let listed = home.run(&["app-password", "list", "--account", "admin"]);
    let listed = listed.good();
    assert!(listed.contains(id) && listed.contains(name), "{listed}");
    let secret = made["password"].as_str().unwrap();
    let all = home.run(&["app-password", "list", "--json"]).good();
    assert!(all.contains(id) && !all.contains(secret), "{all}");

    let shown = home.run(&["app-password", "create", "--account", "admin", "gone"]);
    let shown = shown.good();
    let gone = shown.lines().find_map(|line| line.strip_prefix("id "));
    let gone = gone.unwrap().trim();
    home.run(&["app-password", "delete", gone]).good();
    let again = home.run(&["app-password", "delete", gone]);
    assert!(again.bad(3).contains("there is no application password"));
    assert!(home.run(&["app-password", "delete", "gone"]).code == Some(2));
    secret.to_owned()
}

#[test]
fn application_passwords_with_and_without_a_server() {
    let home = Home::new();
    let server = home.start();
    let running = life_of_an_app_password(&home, "phone");
    server.stop();
    let stopped = life_of_an_app_password(&home, "the laptop upstairs");
    let server = home.start();
    let none: Option<&str> = None;
    for secret in [&running, &stopped] {
        assert!(basic(&home, &server, "admin", secret).is_ok());
        let bearer = sign_in(&home, &server, "bearer", &(secret, none));
        assert_eq!(bearer, Ok(("admin".to_owned(), Role::Administrator)));
    }
    assert_eq!(
        sign_in(&home, &server, "bearer", &("cap_", none)),
        Err(Error::Unauthorized)
    );
    assert_eq!(
        sign_in(&home, &server, "bearer", &("cap_", Some("nowhere"))),
        Err(Error::Malformed(
            "the client is not an IP address".to_owned()
        ))
    );
}
