//! What a benchmark says: rows of figures, single facts, and how far they are
//! from what we aim at; as a table or as JSON.

mod machine;
mod row;
mod table;

use anyhow::Result;
use serde::Serialize;

pub use machine::Machine;
pub use row::{Outcome, Row, median, rows};

/// A single figure.
#[derive(Serialize)]
pub struct Fact {
    /// What was measured.
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
}

/// A figure beside what we want it to be.
#[derive(Serialize)]
pub struct Aim {
    /// What was measured.
    pub name: String,
    pub measured: f64,
    /// `>=` or `<`.
    pub relation: &'static str,
    pub aim: f64,
    pub met: bool,
}

impl Aim {
    /// `measured` should be at least `aim`.
    pub fn at_least(name: impl Into<String>, measured: f64, aim: f64) -> Self {
        Self {
            name: name.into(),
            measured,
            relation: ">=",
            aim,
            met: measured >= aim,
        }
    }

    /// `measured` should stay below `aim`.
    pub fn below(name: impl Into<String>, measured: f64, aim: f64) -> Self {
        Self {
            name: name.into(),
            measured,
            relation: "<",
            aim,
            met: measured < aim,
        }
    }
}

/// All that one benchmark says.
#[derive(Serialize)]
pub struct Report {
    /// The subcommand.
    pub benchmark: &'static str,
    pub machine: Machine,
    pub rows: Vec<Row>,
    pub facts: Vec<Fact>,
    pub aims: Vec<Aim>,
}

impl Report {
    /// Nothing yet.
    pub fn new(benchmark: &'static str) -> Self {
        Self {
            benchmark,
            machine: Machine::this(),
            rows: Vec::new(),
            facts: Vec::new(),
            aims: Vec::new(),
        }
    }

    /// Adds a single figure.
    pub fn fact(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        let name = name.into();
        self.facts.push(Fact { name, value, unit });
    }

    /// The ratio to the baseline of `server` in `case`, if it was measured.
    pub fn ratio(&self, case: &str, server: &str) -> Option<f64> {
        self.row(case, server).and_then(|row| row.ratio)
    }

    /// The figures of `server` in `case`, if it was measured.
    pub fn row(&self, case: &str, server: &str) -> Option<&Row> {
        self.rows
            .iter()
            .find(|row| row.case == case && row.server == server)
    }

    /// Prints it to standard output.
    pub fn print(&self, json: bool) -> Result<()> {
        if json {
            println!("{}", serde_json::to_string_pretty(self)?);
        } else {
            print!("{}", table::render(self));
        }
        Ok(())
    }
}
