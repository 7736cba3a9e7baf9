//! `concierge booking`.

mod columns;
mod files;
mod import;
mod rows;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use concierge_booking::types::HotelCode;
use concierge_identity::AccountSelector;

use self::columns::Kind;
use self::import::Progress;
use super::output::{print, print_json, print_table, read};
use super::{DataArgs, OutputArgs};
use crate::admin::booking::{Hotels, Staff};
use crate::admin::{Call, Needs};
use crate::backend::Session;
use crate::exit::Failure;

/// A small set of hotels to try things with.
const DEMO: &str = include_str!("demo.json");

/// Manage hotels.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  concierge booking demo
  concierge booking import hotels.csv room-types.csv rate-plans.csv rates.csv
  concierge booking hotels
  concierge booking staff harbour-house --add ann --remove bob

`concierge booking columns` says which columns there are.")]
pub enum BookingCommand {
    /// Make or replace hotels, room types, rate plans, prices and allotments from files
    ///
    /// What a CSV file is about is known by the columns of its header; a JSON file is an object with lists `hotels`,
    /// `room_types`, `rate_plans`, `rates` and `allotments`. Files may be named in any order. A row that cannot be is
    /// named with its reason, all others are taken, and the exit code is then 1.
    Import {
        /// CSV or JSON files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Show the columns that files to be imported may have
    Columns,
    /// Load a small set of hotels to try things with
    Demo {
        #[command(flatten)]
        data: DataArgs,
    },
    /// List all hotels
    Hotels {
        #[command(flatten)]
        output: OutputArgs,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Show who works at a hotel, or change it
    Staff(StaffArgs),
}

#[derive(Debug, Args)]
pub struct StaffArgs {
    /// The hotel's code
    hotel: HotelCode,
    /// An account, by name or id, that works there from now on
    #[arg(long, value_name = "ACCOUNT")]
    add: Vec<AccountSelector>,
    /// An account that works there no more
    #[arg(long, value_name = "ACCOUNT")]
    remove: Vec<AccountSelector>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    data: DataArgs,
}

impl BookingCommand {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Import { files, data } => {
                let session = data.session(Needs::BOOKING).await?;
                let done = import::files(&session, &files).await;
                session.close().await;
                done
            }
            Self::Columns => columns(),
            Self::Demo { data } => {
                let session = data.session(Needs::BOOKING).await?;
                let done = demo(&session).await;
                session.close().await;
                done
            }
            Self::Hotels { output, data } => hotels(output, data).await,
            Self::Staff(args) => args.run().await,
        }
    }
}

fn columns() -> Result<(), Failure> {
    let tables = Kind::ALL.map(|kind| format!("{}\n\n{}", kind.plural(), kind.table()));
    print(&tables.join("\n"))
}

async fn demo(session: &Session) -> Result<(), Failure> {
    let parts = files::json("demo", DEMO)?;
    import::parts_of(session, parts, Progress::silent()).await
}

async fn hotels(output: OutputArgs, data: DataArgs) -> Result<(), Failure> {
    let answer = data.call(Call::ListHotels).await?;
    if output.json {
        return print_json(&answer);
    }
    let Hotels { hotels } = read(answer)?;
    let rows: Vec<_> = hotels
        .into_iter()
        .map(|hotel| {
            [
                hotel.code.to_string(),
                hotel.name,
                format!("{}, {}", hotel.city, hotel.country),
                hotel.currency,
                hotel.time_zone,
                if hotel.open { "open" } else { "closed" }.to_owned(),
            ]
        })
        .collect();
    print_table(
        ["CODE", "NAME", "CITY", "CURRENCY", "TIME ZONE", "STATE"],
        &rows,
    )
}

impl StaffArgs {
    async fn run(self) -> Result<(), Failure> {
        let call = Call::ChangeHotelStaff {
            hotel: self.hotel,
            add: self.add,
            remove: self.remove,
        };
        let answer = self.data.call(call).await?;
        if self.output.json {
            return print_json(&answer);
        }
        let Staff { staff } = read(answer)?;
        if staff.is_empty() {
            return print("nobody but administrators\n");
        }
        let rows: Vec<_> = staff
            .into_iter()
            .map(|one| {
                let name = one
                    .name
                    .map_or_else(|| "(deleted)".to_owned(), |name| name.to_string());
                [name, one.id.to_string()]
            })
            .collect();
        print_table(["ACCOUNT", "ID"], &rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_demo_is_one() {
        let mut rows = 0;
        for part in files::json("demo", DEMO).unwrap() {
            for row in part.rows {
                let row = row.unwrap();
                rows += 1;
                assert_eq!(row.import.as_ref().err(), None, "line {}", row.line);
            }
        }
        assert!(rows > 20, "{rows}");
    }
}
