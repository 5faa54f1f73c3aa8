//! Data on stdout, in the form that was asked for.

use std::fmt;
use std::io::{self, Write};

use anyhow::Context;
use clap::ValueEnum;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::table::{Look, table};

/// The form of printed data.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// A table to read
    Table,
    /// One JSON value with everything
    Json,
    /// One JSON object a line
    Ndjson,
    /// A header and one line each, RFC 4180
    Csv,
}

/// A JSON object with its fields in order and its numbers as they were written.
#[derive(Clone, Debug, Default)]
pub struct Row {
    fields: Vec<(String, Box<RawValue>)>,
}

impl Row {
    /// The row that `text`, a JSON object, is.
    ///
    /// # Errors
    /// When it is no JSON object.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The fields of anything that is a JSON object.
    ///
    /// # Errors
    /// When it is none.
    pub fn of(value: &impl serde::Serialize) -> Result<Self, serde_json::Error> {
        Self::parse(&serde_json::to_string(value)?)
    }

    /// The JSON text of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(field, _)| field == name);
        field.map(|(_, value)| value.get())
    }

    /// The fields in order, each with its JSON text.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.get()))
    }

    /// The row as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let members: Vec<String> = self
            .fields()
            .map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name)))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Row;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
                let mut row = Row::default();
                while let Some(field) = map.next_entry()? {
                    row.fields.push(field);
                }
                Ok(row)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// Prints `rows`. As JSON it prints `whole`, the JSON text that they are part of.
///
/// # Errors
/// When stdout can't be written.
pub fn print(format: Format, rows: &[Row], whole: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    write(&mut out, format, rows, whole, Look::of_stdout())
        .and_then(|()| Ok(out.flush()?))
        .context("the answer can't be printed")
}

/// Writes `rows` as [`print`] does, a table as it looks there.
///
/// # Errors
/// When `out` can't be written.
pub(super) fn write(
    out: &mut impl Write,
    format: Format,
    rows: &[Row],
    whole: &str,
    look: Look,
) -> anyhow::Result<()> {
    match format {
        Format::Table => writeln!(out, "{}", table(rows, look))?,
        Format::Json => writeln!(out, "{whole}")?,
        Format::Ndjson => {
            for row in rows {
                writeln!(out, "{}", row.to_json())?;
            }
        }
        Format::Csv => write_csv(out, rows)?,
    }
    Ok(())
}

fn write_csv(out: &mut impl Write, rows: &[Row]) -> anyhow::Result<()> {
    let mut csv = csv::WriterBuilder::new().from_writer(out);
    for (number, row) in rows.iter().enumerate() {
        if number == 0 {
            csv.write_record(row.fields().map(|(name, _)| name))
                .map_err(broken)?;
        }
        csv.write_record(row.fields().map(|(_, value)| plain(value)))
            .map_err(broken)?;
    }
    Ok(csv.flush()?)
}

// What is behind it may be a broken pipe, and that is no fault.
fn broken(error: csv::Error) -> anyhow::Error {
    let message = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error.into(),
        _ => anyhow::anyhow!(message),
    }
}

/// A JSON value as text: without quotes, and nothing for null.
pub(super) fn plain(value: &str) -> String {
    match serde_json::from_str(value) {
        Ok(serde_json::Value::Null) => String::new(),
        Ok(serde_json::Value::String(text)) => text,
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn written(format: Format, rows: &[&str]) -> String {
        let rows: Vec<Row> = rows.iter().map(|row| Row::parse(row).unwrap()).collect();
        let mut out = Vec::new();
        write(&mut out, format, &rows, "{}", Look::default()).unwrap();
        String::from_utf8(out).unwrap()
    }

    const ROWS: [&str; 2] = [
        r#"{"b":"x, \"y\"","a":1.10,"c":null}"#,
        r#"{"b":"ß","a":123456789012345678901234567890,"c":true}"#,
    ];

    #[test]
    fn order_and_digits_are_those_of_the_answer() {
        assert_eq!(
            written(Format::Ndjson, &ROWS),
            "{\"b\":\"x, \\\"y\\\"\",\"a\":1.10,\"c\":null}\n\
             {\"b\":\"ß\",\"a\":123456789012345678901234567890,\"c\":true}\n"
        );
        assert_eq!(
            written(Format::Csv, &ROWS),
            "b,a,c\n\"x, \"\"y\"\"\",1.10,\nß,123456789012345678901234567890,true\n"
        );
    }

    #[test]
    fn a_table_without_rows_says_so() {
        assert_eq!(written(Format::Table, &[]), "nothing\n");
        assert_eq!(written(Format::Csv, &[]), "");
    }

    #[test]
    fn numbers_are_made_readable_in_tables_only() {
        assert_eq!(written(Format::Csv, &[r#"{"n":1234567}"#]), "n\n1234567\n");
        assert!(written(Format::Table, &[r#"{"n":1234567}"#]).contains(" 1,234,567"));
    }
}
