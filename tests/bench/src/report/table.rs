//! The report for people.

use std::fmt::Write as _;

use super::{Aim, Fact, Report, Row};

const HEADINGS: [&str; 11] = [
    "case", "server", "req/s", "MB/s", "p50", "p99", "p99.9", "cpu/req", "client", "errors",
    "ratio",
];
/// Columns of text stand at the left, those of figures at the right.
const TEXT_COLUMNS: usize = 2;

/// The whole report as text.
pub fn render(report: &Report) -> String {
    let machine = &report.machine;
    let mut text = format!(
        "{}: {} cores, {}, Linux {}\n\n",
        report.benchmark, machine.cores, machine.processor, machine.kernel
    );
    if !report.rows.is_empty() {
        let cells: Vec<[String; 11]> = std::iter::once(HEADINGS.map(String::from))
            .chain(report.rows.iter().map(cells))
            .collect();
        text.push_str(&align(&cells));
        text.push('\n');
    }
    for fact in &report.facts {
        let Fact { name, value, unit } = fact;
        let _ = writeln!(
            text,
            "{}",
            format!("{name}: {} {unit}", figure(*value)).trim_end()
        );
    }
    for aim in &report.aims {
        let Aim {
            name,
            measured,
            relation,
            aim,
            met,
        } = aim;
        let mark = if *met { "met" } else { "MISSED" };
        let _ = writeln!(
            text,
            "aim {mark}: {name} {} {relation} {}",
            figure(*measured),
            figure(*aim)
        );
    }
    text
}

fn cells(row: &Row) -> [String; 11] {
    [
        row.case.clone(),
        row.server.clone(),
        figure(row.per_second),
        figure(row.mb_per_second),
        latency(row.p50_us),
        latency(row.p99_us),
        latency(row.p999_us),
        row.server_cpu_us.map_or_else(|| "-".into(), latency),
        format!("{:.0}%", row.client_core_share * 100.0),
        row.errors.to_string(),
        row.ratio
            .map_or_else(|| "-".into(), |ratio| format!("{ratio:.3}")),
    ]
}

fn align(cells: &[[String; 11]]) -> String {
    let mut widths = [0; 11];
    for row in cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in cells {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let _ = if column < TEXT_COLUMNS {
                write!(line, "{cell:<width$}  ")
            } else {
                write!(line, "{cell:>width$}  ")
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Three or four digits that count.
fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Microseconds in a unit that reads well; none where it is not known.
fn latency(us: f64) -> String {
    match us {
        0.0 => "-".into(),
        us if us < 1e3 => format!("{us:.0}us"),
        us if us < 1e6 => format!("{:.2}ms", us / 1e3),
        us => format!("{:.2}s", us / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_the_digits_that_count() {
        assert_eq!(
            [figure(12345.6), figure(12.34), figure(0.456)],
            ["12346", "12.3", "0.46"]
        );
        assert_eq!(
            [latency(12.3), latency(1234.0), latency(2.5e6), latency(0.0)],
            ["12us", "1.23ms", "2.50s", "-"]
        );
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut first = HEADINGS.map(String::from);
        first[0] = "a long case".into();
        let text = align(&[HEADINGS.map(String::from), first]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].find("server"), lines[1].find("server"));
        assert_eq!(lines[0].len(), lines[1].len());
    }
}
