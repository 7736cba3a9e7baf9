//! Shows the booking pages in a browser, with a few hotels in memory in the place of the host: for work on templates
//! and style, where nothing but a native build is needed.
//!
//! `cargo run -p booking --example pages`, then open what it prints. The front desk's account is `ada`, with the
//! password `lovelace`. It serves one request after the other, and keeps nothing.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "an example, which shares what it shows with the tests"
)]

#[path = "../tests/pages/hotels.rs"]
mod hotels;
#[path = "../tests/pages/playback.rs"]
mod playback;
#[path = "../tests/pages/scenes.rs"]
mod scenes;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use booking::serve::serve;

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:0".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("http://{}/booking", listener.local_addr()?);
    let host = scenes::busy_house();
    for stream in listener.incoming() {
        // A browser that goes away, or opens a connection for later, is no reason to end.
        if let Err(error) = answer(&host, stream?) {
            eprintln!("{error}");
        }
    }
    Ok(())
}

fn answer(host: &playback::Playback, stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(std::time::Duration::from_secs(2)))?;
    let mut reader = BufReader::new(&stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok(());
    };
    let mut request = http::Request::builder().method(method).uri(target);
    let mut length = 0;
    loop {
        let mut field = String::new();
        reader.read_line(&mut field)?;
        let Some((name, value)) = field.trim_end().split_once(": ") else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().unwrap_or(0);
        }
        request = request.header(name, value);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let Ok(request) = request.body(body) else {
        return Ok(());
    };
    let reply = scenes::ready(serve(host, request));
    let mut out = &stream;
    write!(out, "HTTP/1.1 {}\r\nconnection: close\r\n", reply.status())?;
    for (name, value) in reply.headers() {
        write!(out, "{name}: {}\r\n", value.to_str().unwrap_or_default())?;
    }
    write!(out, "\r\n")?;
    out.write_all(reply.body())
}
