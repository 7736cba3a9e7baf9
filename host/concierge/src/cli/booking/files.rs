//! Files to import: CSV or JSON, row by row.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::columns::Kind;
use super::rows;
use crate::admin::booking::Import;
use crate::exit::Failure;

/// The largest JSON file, which is read as a whole: CSV is for more.
const JSON_MAX_BYTES: u64 = 256 * 1024 * 1024;

/// A row of a file.
pub struct Row {
    /// Where it begins, counted from 1.
    pub line: u64,
    /// How much of the file it is, for the progress bar.
    pub size_bytes: u64,
    /// What it says; else what is wrong with it.
    pub import: Result<Import, String>,
}

/// Rows of one kind, from one file.
pub struct Part {
    /// What they are about.
    pub kind: Kind,
    /// The file's name, as it is shown.
    pub name: String,
    /// How many bytes they are in all.
    pub size_bytes: u64,
    /// The rows.
    pub rows: Box<dyn Iterator<Item = Result<Row, Failure>> + Send>,
}

/// Opens a file: `.csv` or `.json`.
pub fn open(path: &Path) -> Result<Vec<Part>, Failure> {
    let name = path.display().to_string();
    let failed = |error: std::io::Error| Failure::usage(format!("{name}: {error}"));
    let file = File::open(path).map_err(failed)?;
    let size_bytes = file.metadata().map_err(failed)?.len();
    let is = |extension| {
        path.extension()
            .is_some_and(|end| end.eq_ignore_ascii_case(extension))
    };
    if is("csv") {
        return csv(name, file, size_bytes).map(|part| vec![part]);
    }
    if !is("json") {
        return Err(Failure::usage(format!(
            "{name}: neither .csv nor .json at its end"
        )));
    }
    if size_bytes > JSON_MAX_BYTES {
        return Err(Failure::usage(format!(
            "{name}: larger than {} MiB, the most of a JSON file; CSV has no limit",
            JSON_MAX_BYTES >> 20
        )));
    }
    let mut text = String::new();
    (&file)
        .take(JSON_MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(failed)?;
    json(&name, &text)
}

/// The rows of a CSV file (RFC 4180), with `,` or, as spreadsheets in many languages write it, `;` between cells.
fn csv(name: String, file: File, size_bytes: u64) -> Result<Part, Failure> {
    let mut file = BufReader::new(file);
    let dialect =
        Dialect::of(&mut file).map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(dialect.delimiter)
        // Rows of another length are refused one by one, with their line.
        .flexible(true)
        .from_reader(file);
    let wrong = |line: u64, why: &dyn std::fmt::Display| {
        Failure::usage(format!("{name}, line {line}: {why}"))
    };
    let header = reader.headers().map_err(|error| wrong(1, &error))?;
    let header: Vec<String> = header.iter().map(|cell| cell.trim().to_owned()).collect();
    let kind = Kind::of_header(&header).map_err(|why| wrong(1, &why))?;
    let rows = CsvRows {
        name: name.clone(),
        kind,
        header,
        dialect,
        reader,
    };
    Ok(Part {
        kind,
        name,
        size_bytes,
        rows: Box::new(rows),
    })
}

/// How a file is written, as its header shows.
struct Dialect {
    /// What is between cells.
    delimiter: u8,
    /// Whether the reader has counted the end of a row's line when it has read the row: a row ends at its CR, and the LF
    /// after it is counted with the next.
    line_is_counted: bool,
    /// Where a last line ends that has no end; `None` if it has one.
    unended_at: Option<u64>,
}

impl Dialect {
    /// Looks at the header and at the last byte. Nothing is consumed.
    fn of(file: &mut BufReader<File>) -> std::io::Result<Self> {
        let size_bytes = file.get_ref().metadata()?.len();
        let mut last = [b'\n'];
        if let Some(place) = size_bytes.checked_sub(1) {
            file.get_ref().read_exact_at(&mut last, place)?;
        }
        let start = file.fill_buf()?;
        let line = start.split(|&b| b == b'\n').next().unwrap_or_default();
        Ok(Self {
            delimiter: match line.contains(&b';') && !line.contains(&b',') {
                true => b';',
                false => b',',
            },
            line_is_counted: !line.ends_with(b"\r"),
            unended_at: (last != *b"\n").then_some(size_bytes),
        })
    }
}

struct CsvRows {
    name: String,
    kind: Kind,
    header: Vec<String>,
    dialect: Dialect,
    reader: csv::Reader<BufReader<File>>,
}

impl Iterator for CsvRows {
    type Item = Result<Row, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.reader.position().clone();
        let mut record = csv::StringRecord::new();
        let import = match self.reader.read_record(&mut record) {
            Ok(false) => return None,
            Ok(true) => self.import(&record),
            Err(error) => match error.kind() {
                csv::ErrorKind::Io(error) => {
                    return Some(Err(Failure::failed(format!("{}: {error}", self.name))));
                }
                csv::ErrorKind::Utf8 { .. } => Err("the row is not UTF-8".to_owned()),
                _ => Err(error.to_string()),
            },
        };
        Some(Ok(Row {
            line: self.line_of(&record),
            size_bytes: self.reader.position().byte().saturating_sub(start.byte()),
            import,
        }))
    }
}

impl CsvRows {
    /// The line on which the row that was just read begins. The reader only knows where it is now.
    fn line_of(&self, record: &csv::StringRecord) -> u64 {
        let within = record
            .iter()
            .flat_map(str::bytes)
            .filter(|&b| b == b'\n')
            .count();
        let here = self.reader.position();
        let counted = self.dialect.line_is_counted && self.dialect.unended_at != Some(here.byte());
        here.line()
            .saturating_sub(within as u64)
            .saturating_sub(u64::from(counted))
    }

    fn import(&self, record: &csv::StringRecord) -> Result<Import, String> {
        let (cells, header) = (record.len(), self.header.len());
        if cells != header {
            return Err(format!(
                "the row has {cells} cells, and the header {header}"
            ));
        }
        let names = self.header.iter().map(String::as_str);
        let object = self.kind.object(names.zip(record.iter()))?;
        rows::read(self.kind, object).map_err(|error| error.to_string())
    }
}

/// A JSON file: lists of rows by what they are about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    #[serde(borrow, default)]
    hotels: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    room_types: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    rate_plans: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    rates: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    allotments: Vec<&'a RawValue>,
}

/// The rows of a JSON document.
pub fn json(name: &str, text: &str) -> Result<Vec<Part>, Failure> {
    let document: Document = serde_json::from_str(text)
        .map_err(|error| Failure::usage(format!("{name}, line {}: {error}", error.line())))?;
    let lines = Lines::of(text);
    let parts = Kind::ALL.map(|kind| {
        let values = match kind {
            Kind::Hotels => &document.hotels,
            Kind::RoomTypes => &document.room_types,
            Kind::RatePlans => &document.rate_plans,
            Kind::Rates => &document.rates,
            Kind::Allotments => &document.allotments,
        };
        let row = |value: &&RawValue| {
            let raw = value.get();
            // RawValue borrows from `text`.
            let offset = (raw.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
            let mut row = serde_json::Deserializer::from_str(raw);
            Row {
                line: lines.line(offset),
                size_bytes: raw.len() as u64,
                import: rows::read(kind, &mut row).map_err(|error| reason(&error)),
            }
        };
        let rows: Vec<Row> = values.iter().map(row).collect();
        Part {
            kind,
            name: name.to_owned(),
            size_bytes: rows.iter().map(|row| row.size_bytes).sum(),
            rows: Box::new(rows.into_iter().map(Ok)),
        }
    });
    Ok(parts
        .into_iter()
        .filter(|part| part.size_bytes > 0)
        .collect())
}

/// What is wrong with a row, without the place in the row: the line in the file is told.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((why, _)) => why.to_owned(),
        None => text,
    }
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|&(_, b)| b == b'\n');
        Self(ends.map(|(offset, _)| offset + 1).collect())
    }

    /// The line of an offset, counted from 1.
    fn line(&self, offset: usize) -> u64 {
        self.0.partition_point(|&start| start <= offset) as u64 + 1
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn written(extension: &str, text: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::Builder::new()
            .suffix(extension)
            .tempfile()
            .unwrap();
        file.write_all(text).unwrap();
        file
    }

    /// Lines of rows and, for those that are wrong, why.
    fn outline(part: Part) -> Vec<(u64, Option<String>)> {
        part.rows
            .map(|row| row.unwrap())
            .map(|row| (row.line, row.import.err()))
            .collect()
    }

    #[test]
    fn csv_rows_have_their_lines_whatever_ends_them() {
        let lf = "hotel,room_type,first,last,rooms\n\ninn,a,2026-12-24,2026-12-26,4\ninn,b,2026-12-24,2026-12-26,4";
        for text in [lf.to_owned(), format!("{lf}\n"), lf.replace('\n', "\r\n")] {
            let file = written(".csv", text.as_bytes());
            let rows = outline(open(file.path()).unwrap().remove(0));
            assert_eq!(rows, [(3, None), (4, None)], "{text:?}");
        }
    }

    #[test]
    fn csv_rows_have_their_lines() {
        let text = "\u{feff}hotel;room_type;first;last;rooms\r\n\
            inn;double;2026-12-24;2026-12-26;4\r\n\
            \r\n\
            inn;double;2026-12-24;2026-12-26\r\n\
            inn;\"dou\nble\";2026-12-24;2026-12-26;4\r\n\
            inn;double;2026-12-24;soon;\r\n";
        let file = written(".csv", text.as_bytes());
        let mut parts = open(file.path()).unwrap();
        let part = parts.remove(0);
        assert_eq!(part.kind, Kind::Allotments);
        assert_eq!(part.size_bytes, text.len() as u64);
        let rows = outline(part);
        assert_eq!(rows.len(), 4, "{rows:?}");
        assert_eq!(rows[0], (2, None));
        assert_eq!(
            rows[1],
            (4, Some("the row has 4 cells, and the header 5".to_owned()))
        );
        assert_eq!(rows[2].0, 5);
        assert!(rows[2].1.as_ref().unwrap().contains("is not a code"));
        assert_eq!(rows[3].0, 7);
        assert!(
            rows[3]
                .1
                .as_ref()
                .unwrap()
                .contains("\"soon\" is not a date")
        );
    }

    #[test]
    fn a_row_that_is_not_utf8_is_one_bad_row() {
        let mut text = b"hotel,room_type,first,last,rooms\n".to_vec();
        text.extend(b"inn,d\xffuble,2026-12-24,2026-12-26,4\n");
        text.extend(b"inn,double,2026-12-24,2026-12-26,4\n");
        let file = written(".csv", &text);
        let rows = outline(open(file.path()).unwrap().remove(0));
        assert_eq!(
            rows,
            [(2, Some("the row is not UTF-8".to_owned())), (3, None)]
        );
    }

    #[test]
    fn json_rows_have_their_lines() {
        let text = r#"{
  "allotments": [
    { "hotel": "inn", "room_type": "double", "first": "2026-12-24", "last": "2026-12-26" },
    {
      "hotel": "inn", "room_type": "double", "first": "2026-12-24",
      "last": "2026-12-26", "colour": "blue"
    }
  ],
  "hotels": [{ "code": "inn" }]
}"#;
        let mut parts = json("x.json", text).unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].kind, Kind::Hotels);
        let allotments = outline(parts.remove(1));
        assert_eq!(allotments[0], (3, None));
        assert_eq!(allotments[1].0, 4);
        let why = allotments[1].1.as_ref().unwrap();
        assert!(why.starts_with("unknown field `colour`"), "{why}");
        assert!(!why.contains("at line"), "{why}");
        assert_eq!(
            outline(parts.remove(0)),
            [(9, Some("missing field `name`".to_owned()))]
        );
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        for (extension, text, why) in [
            (".txt", "", "neither .csv nor .json"),
            (
                ".csv",
                "a,b\n1,2\n",
                "line 1: the header has the columns of nothing",
            ),
            (
                ".json",
                "{\n\"guests\": []}",
                "line 2: unknown field `guests`",
            ),
            (".json", "{", "line 1: EOF"),
        ] {
            let file = written(extension, text.as_bytes());
            let error = open(file.path()).err().unwrap();
            assert!(error.message.contains(why), "{}", error.message);
        }
    }
}
