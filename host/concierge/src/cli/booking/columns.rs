//! The kinds of rows that can be imported, and their columns.
//!
//! They are declared here once: what a CSV file may have, how a cell becomes a value, and the tables of
//! `docs/booking.md` follow from it. A JSON file has the same names ([`super::rows`]).

use serde_json::{Map, Number, Value, json};

/// Between the elements of a list in a cell.
const LIST_SEPARATOR: char = '|';
/// Between a room type and its price in a cell.
const PRICE_SEPARATOR: char = '=';
/// What the columns of a text in several languages begin with.
const DESCRIPTION: &str = "description_";

/// What a row is about, in the order in which they are imported: each needs what comes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Hotels,
    RoomTypes,
    RatePlans,
    Rates,
    Allotments,
}

/// How a cell is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As it stands.
    Text,
    /// A whole number.
    Whole,
    /// A number with a decimal point.
    Decimal,
    /// `true` or `false`.
    Flag,
    /// Texts with `|` between.
    List,
    /// `ROOM_TYPE=PRICE` with `|` between.
    Prices,
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name, in the header of a CSV file and as the key of a JSON object.
    pub name: &'static str,
    form: Form,
    needed: bool,
    about: &'static str,
}

const fn needed(name: &'static str, form: Form, about: &'static str) -> Column {
    Column {
        name,
        form,
        needed: true,
        about,
    }
}

const fn optional(name: &'static str, form: Form, about: &'static str) -> Column {
    Column {
        name,
        form,
        needed: false,
        about,
    }
}

const HOTELS: &[Column] = &[
    needed(
        "code",
        Form::Text,
        "its name in addresses: 1 to 64 of a-z, 0-9 and `-`",
    ),
    needed("name", Form::Text, "its name for people"),
    optional("street", Form::Text, "street and number"),
    needed("city", Form::Text, "city"),
    optional("region", Form::Text, "state, province or region"),
    optional("postal_code", Form::Text, "postal code"),
    needed("country", Form::Text, "ISO 3166-1, two capitals: `PT`"),
    optional(
        "latitude",
        Form::Decimal,
        "degrees, with `longitude` or not at all",
    ),
    optional("longitude", Form::Decimal, "degrees"),
    needed(
        "email",
        Form::Text,
        "where guests write to, and confirmations come from",
    ),
    optional("phone", Form::Text, "where guests call"),
    needed("time_zone", Form::Text, "IANA: `Europe/Lisbon`"),
    needed("currency", Form::Text, "ISO 4217: `EUR`"),
    optional(
        "tax_basis_points",
        Form::Whole,
        "tax on top of nightly prices, hundredths of a percent; 0",
    ),
    optional(
        "city_tax",
        Form::Whole,
        "local tax for each adult and night, minor units; 0",
    ),
    optional(
        "overbooking_percent",
        Form::Whole,
        "rooms that may be sold beyond those there are, percent; 0",
    ),
    optional(
        "hold_s",
        Form::Whole,
        "how long rooms are held for a guest who has not paid yet, seconds; 900",
    ),
    optional("check_in_from", Form::Text, "`HH:MM`; 15:00"),
    optional("check_out_until", Form::Text, "`HH:MM`; 11:00"),
    optional("stars", Form::Decimal, "0 to 5 in tenths: `4.5`; 0 is none"),
    optional("amenities", Form::List, "what it has: `wifi|pool`"),
    optional(
        "open",
        Form::Flag,
        "whether it is found and sold: `true` or `false`; true",
    ),
];

const ROOM_TYPES: &[Column] = &[
    needed("hotel", Form::Text, "the hotel's code"),
    needed("code", Form::Text, "its name in addresses, as a hotel's"),
    needed("name", Form::Text, "its name for people"),
    needed("rooms", Form::Whole, "how many rooms there are of it"),
    needed("max_adults", Form::Whole, "most adults in a room"),
    optional("max_children", Form::Whole, "most children in a room; 0"),
    optional("max_guests", Form::Whole, "most of both in a room; the sum"),
    optional("size_m2", Form::Whole, "square metres"),
    optional("beds", Form::Text, "its beds, for people: `1 double bed`"),
    optional("amenities", Form::List, "what it has"),
];

const RATE_PLANS: &[Column] = &[
    needed("hotel", Form::Text, "the hotel's code"),
    needed("code", Form::Text, "its name in addresses, as a hotel's"),
    needed("name", Form::Text, "its name for people"),
    optional(
        "meals",
        Form::Text,
        "`room-only`, `breakfast`, `half-board` or `full-board`; room-only",
    ),
    optional(
        "free_until_h",
        Form::Whole,
        "cancelling is free until so many hours before check-in; never",
    ),
    needed(
        "penalty",
        Form::Text,
        "what it costs after that: `first-night`, `everything` or `NUMBER%`",
    ),
    optional("min_nights", Form::Whole, "fewest nights; 1"),
    optional(
        "max_nights",
        Form::Whole,
        "most nights; as many as can be booked",
    ),
    needed(
        "prices",
        Form::Prices,
        "the price of a night by room type, minor units: `single=9000|double=12000`",
    ),
    optional("open", Form::Flag, "whether it is sold; true"),
];

const RATES: &[Column] = &[
    needed("hotel", Form::Text, "the hotel's code"),
    needed("rate_plan", Form::Text, "the rate plan's code"),
    needed("room_type", Form::Text, "the room type's code"),
    needed("first", Form::Text, "first night: `2026-12-24`"),
    needed("last", Form::Text, "last night"),
    needed(
        "price",
        Form::Whole,
        "the price of a night, minor units; empty: not sold",
    ),
];

const ALLOTMENTS: &[Column] = &[
    needed("hotel", Form::Text, "the hotel's code"),
    needed("room_type", Form::Text, "the room type's code"),
    needed("first", Form::Text, "first night"),
    needed("last", Form::Text, "last night"),
    needed(
        "rooms",
        Form::Whole,
        "how many rooms can be sold; empty: as many as there are",
    ),
];

impl Kind {
    /// All kinds, in the order in which they are imported.
    pub const ALL: [Self; 5] = [
        Self::Hotels,
        Self::RoomTypes,
        Self::RatePlans,
        Self::Rates,
        Self::Allotments,
    ];

    /// What it is called in a sentence.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Hotels => "hotels",
            Self::RoomTypes => "room types",
            Self::RatePlans => "rate plans",
            Self::Rates => "rates",
            Self::Allotments => "allotments",
        }
    }

    /// So many of it.
    pub fn counted(self, count: u64) -> String {
        let plural = self.plural();
        match count {
            // All of them have an `s` alone.
            1 => format!("1 {}", plural.trim_end_matches('s')),
            count => format!("{count} {plural}"),
        }
    }

    /// Its columns, but for descriptions.
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Hotels => HOTELS,
            Self::RoomTypes => ROOM_TYPES,
            Self::RatePlans => RATE_PLANS,
            Self::Rates => RATES,
            Self::Allotments => ALLOTMENTS,
        }
    }

    /// Its columns as a table of Markdown.
    pub fn table(self) -> String {
        let mut table = String::from("| column | | |\n| --- | --- | --- |\n");
        for Column {
            name,
            needed,
            about,
            ..
        } in self.columns()
        {
            let needed = if *needed { "needed" } else { "" };
            // A bar in a cell would end it.
            let about = about.replace('|', "\\|");
            table += &format!("| `{name}` | {needed} | {about} |\n");
        }
        if self.has_descriptions() {
            table += "| `description_LANGUAGE` | | a text in a language: `description_en`, `description_pt-br` |\n";
        }
        table
    }

    fn has_descriptions(self) -> bool {
        matches!(self, Self::Hotels | Self::RoomTypes | Self::RatePlans)
    }

    fn column(self, name: &str) -> Option<&'static Column> {
        self.columns().iter().find(|column| column.name == name)
    }

    /// The kind whose columns a header has: all that are needed, and no strange ones.
    pub fn of_header(header: &[String]) -> Result<Self, String> {
        let has = |column: &Column| !column.needed || header.iter().any(|name| name == column.name);
        let complete = |kind: &Self| kind.columns().iter().all(has);
        let Some(kind) = Self::ALL.into_iter().find(complete) else {
            let needed = Self::ALL.map(|kind| {
                let columns = kind.columns().iter().filter(|column| column.needed);
                let names: Vec<_> = columns.map(|column| column.name).collect();
                format!("{} need {}", kind.plural(), names.join(", "))
            });
            return Err(format!(
                "the header has the columns of nothing that can be imported: {}",
                needed.join("; ")
            ));
        };
        for (index, name) in header.iter().enumerate() {
            let language = name.strip_prefix(DESCRIPTION);
            let known = kind.column(name).is_some()
                || (kind.has_descriptions()
                    && language.is_some_and(|language| !language.is_empty()));
            if !known {
                return Err(format!("{} have no column {name:?}", kind.plural()));
            }
            if header.iter().take(index).any(|before| before == name) {
                return Err(format!("the column {name:?} is there twice"));
            }
        }
        Ok(kind)
    }

    /// A row of a CSV file as the object that a JSON file has for it. Empty cells are left out.
    pub fn object<'a>(
        self,
        cells: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Value, String> {
        let mut row = Map::new();
        let mut description = Map::new();
        for (name, cell) in cells {
            let cell = cell.trim();
            if cell.is_empty() {
                continue;
            }
            if let Some(language) = name.strip_prefix(DESCRIPTION) {
                description.insert(language.to_owned(), json!(cell));
            } else if let Some(column) = self.column(name) {
                let value = column.form.read(cell);
                let value = value.map_err(|why| format!("{name}: {cell:?} is {why}"))?;
                row.insert(name.to_owned(), value);
            }
        }
        if !description.is_empty() {
            row.insert("description".to_owned(), Value::Object(description));
        }
        Ok(Value::Object(row))
    }
}

impl Form {
    /// Reads a cell; else what it is not.
    fn read(self, cell: &str) -> Result<Value, &'static str> {
        let whole = |text: &str| text.parse::<i64>().map(|number| json!(number));
        match self {
            Self::Text => Ok(json!(cell)),
            Self::Whole => whole(cell).map_err(|_| "not a whole number"),
            Self::Decimal => {
                let number = cell.parse().ok().and_then(Number::from_f64);
                number.map(Value::Number).ok_or("not a number")
            }
            Self::Flag => match cell {
                "true" => Ok(json!(true)),
                "false" => Ok(json!(false)),
                _ => Err("neither true nor false"),
            },
            Self::List => Ok(cell.split(LIST_SEPARATOR).map(str::trim).collect()),
            Self::Prices => {
                let mut prices = Map::new();
                for pair in cell.split(LIST_SEPARATOR) {
                    let (room_type, price) = pair
                        .split_once(PRICE_SEPARATOR)
                        .ok_or("not of the form ROOM_TYPE=PRICE|ROOM_TYPE=PRICE")?;
                    let price = whole(price.trim()).map_err(
                        |_| "not of the form ROOM_TYPE=PRICE with prices in whole minor units",
                    )?;
                    prices.insert(room_type.trim().to_owned(), price);
                }
                Ok(Value::Object(prices))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &str) -> Vec<String> {
        names.split(',').map(str::to_owned).collect()
    }

    #[test]
    fn the_page_has_all_columns() {
        let page = include_str!("../../../../../docs/booking.md");
        for kind in Kind::ALL {
            let table = kind.table();
            assert!(page.contains(&table), "docs/booking.md must have\n{table}");
        }
    }

    #[test]
    fn the_header_tells_the_kind() {
        for kind in Kind::ALL {
            let all: Vec<_> = kind.columns().iter().map(|c| c.name.to_owned()).collect();
            assert_eq!(Kind::of_header(&all), Ok(kind));
            let needed: Vec<_> = kind
                .columns()
                .iter()
                .filter(|column| column.needed)
                .map(|column| column.name.to_owned())
                .collect();
            assert_eq!(Kind::of_header(&needed), Ok(kind));
        }
        let strange = Kind::of_header(&header("hotel,room_type,first,last,rooms,colour"));
        assert_eq!(
            strange,
            Err("allotments have no column \"colour\"".to_owned())
        );
        let twice = Kind::of_header(&header("hotel,room_type,first,last,rooms,last"));
        assert_eq!(twice, Err("the column \"last\" is there twice".to_owned()));
        assert!(Kind::of_header(&header("guest,email")).is_err());
    }

    #[test]
    fn cells_become_values() {
        let row = Kind::RatePlans.object(
            [
                ("code", "flex "),
                ("free_until_h", ""),
                ("prices", "single=9000 | double = 12000"),
                ("open", "false"),
                ("description_de", "Mit Frühstück"),
            ]
            .into_iter(),
        );
        let expected = json!({
            "code": "flex",
            "prices": { "single": 9000, "double": 12000 },
            "open": false,
            "description": { "de": "Mit Frühstück" },
        });
        assert_eq!(row, Ok(expected));
        for (name, cell) in [
            ("min_nights", "two"),
            ("prices", "90.00"),
            ("prices", "single=90.00"),
            ("open", "yes"),
        ] {
            let row = Kind::RatePlans.object([(name, cell)].into_iter());
            let error = row.unwrap_err();
            assert!(
                error.starts_with(&format!("{name}: {cell:?} is n")),
                "{error}"
            );
        }
    }
}
