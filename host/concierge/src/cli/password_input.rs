//! Passwords as they are typed or piped in.

use std::io::{BufRead, IsTerminal, Write};

use concierge_identity::{PASSWORD_MAX_BYTES, Password};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::oneshot;

use crate::exit::Failure;

/// Reads a new password: from a terminal twice, without showing it, or the first
/// line of what is piped in.
pub async fn new_password() -> Result<Password, Failure> {
    if !std::io::stdin().is_terminal() {
        return parse(&line().await?);
    }
    let first = hidden("New password: ").await?;
    let password = parse(&first)?;
    match hidden("Once more: ").await? == first {
        true => Ok(password),
        false => Err(Failure::usage("the two are not the same")),
    }
}

fn parse(text: &str) -> Result<Password, Failure> {
    text.parse().map_err(Failure::usage)
}

/// Asks for a line that the terminal does not show.
async fn hidden(prompt: &str) -> Result<String, Failure> {
    eprint!("{prompt}");
    let shown = Hidden::begin()?;
    let line = tokio::select! {
        line = line() => line,
        // The signal would end the process with the terminal still silent.
        _ = tokio::signal::ctrl_c() => Err(Failure::failed("interrupted")),
    };
    drop(shown);
    eprintln!();
    line
}

/// Reads a line without its end. On a thread of its own, which does not keep the
/// process from ending.
async fn line() -> Result<String, Failure> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        // One byte for a password that is too long to be told from one that is not.
        let limit = PASSWORD_MAX_BYTES as u64 + 1;
        let mut input = std::io::Read::take(std::io::stdin().lock(), limit);
        let read = input.read_line(&mut line).map(|_| line);
        let _ = sender.send(read);
    });
    let line = receiver
        .await
        .map_err(Failure::failed)?
        .map_err(|error| Failure::usage(format!("cannot read the password: {error}")))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// While this lives, the terminal does not show what is typed.
struct Hidden {
    before: Termios,
}

impl Hidden {
    fn begin() -> Result<Self, Failure> {
        let input = std::io::stdin();
        let before = tcgetattr(&input).map_err(Failure::failed)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&input, OptionalActions::Flush, &silent).map_err(Failure::failed)?;
        let _ = std::io::stderr().flush();
        Ok(Self { before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // There is no one to tell that a terminal is gone.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before);
    }
}
