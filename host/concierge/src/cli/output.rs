//! What commands print.

use std::io::Write;

use jiff::Timestamp;

use crate::exit::Failure;

/// Between columns.
const GAP: &str = "  ";

/// Prints on standard output. A reader that went away (`| head`) is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::failed(
            format!("cannot write to standard output: {error}"),
        )),
        _ => Ok(()),
    }
}

/// Prints JSON.
pub fn print_json(value: &serde_json::Value) -> Result<(), Failure> {
    print(&format!("{value:#}\n"))
}

/// Prints rows under headings, each column as wide as its widest cell.
pub fn print_table<const N: usize>(
    headings: [&str; N],
    rows: &[[String; N]],
) -> Result<(), Failure> {
    print(&table(headings, rows))
}

fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let headings = headings.map(str::to_owned);
    let lines: Vec<&[String; N]> = std::iter::once(&headings).chain(rows).collect();
    let widths: Vec<usize> = (0..N)
        .map(|column| {
            lines
                .iter()
                .map(|line| line[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for line in lines {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        text.push_str(cells.join(GAP).trim_end());
        text.push('\n');
    }
    text
}

/// A time as people read it, to the second.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Reads an answer into the type that it has.
pub fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<T, Failure> {
    serde_json::from_value(value)
        .map_err(|error| Failure::failed(format!("the answer is not understood: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [
            ["a".to_owned(), "über".to_owned()],
            ["long name".to_owned(), String::new()],
        ];
        assert_eq!(
            table(["NAME", "X"], &rows),
            "NAME       X\na          über\nlong name\n"
        );
    }
}
