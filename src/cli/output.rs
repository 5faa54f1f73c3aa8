//! Prints data to stdout in the format that the user chose.

use std::io::Write;

use clap::ValueEnum;

use super::row::{JsonRow, plain};
use super::streams;
use super::table::{TableOptions, table};

/// The format of printed data.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, ValueEnum)]
pub enum OutputFormat {
    /// A table to read
    #[default]
    Table,
    /// One JSON value with everything
    Json,
    /// One JSON object a line
    Ndjson,
    /// A header and one line each, RFC 4180
    Csv,
}

/// Prints `rows`, of which there is at least one. As JSON it prints `whole`, the JSON text that they
/// are part of.
///
/// # Errors
/// When stdout can't be written.
pub fn print(format: OutputFormat, rows: &[JsonRow], whole: &str) -> anyhow::Result<()> {
    print_list(format, &[], rows, whole)
}

/// Prints `rows` as [`print`] does. CSV without rows has the header `columns`.
///
/// # Errors
/// When stdout can't be written.
pub(super) fn print_list(
    format: OutputFormat,
    columns: &[&str],
    rows: &[JsonRow],
    whole: &str,
) -> anyhow::Result<()> {
    let mut text = Vec::new();
    write(
        &mut text,
        format,
        columns,
        rows,
        whole,
        TableOptions::of_stdout(),
    )?;
    streams::print(&text)
}

/// Writes `rows` as [`print_list`] does, a table as it looks there.
///
/// # Errors
/// When `out` can't be written.
pub(super) fn write(
    out: &mut impl Write,
    format: OutputFormat,
    columns: &[&str],
    rows: &[JsonRow],
    whole: &str,
    options: TableOptions,
) -> anyhow::Result<()> {
    match format {
        OutputFormat::Table => writeln!(out, "{}", table(rows, options))?,
        OutputFormat::Json => writeln!(out, "{whole}")?,
        OutputFormat::Ndjson => {
            for row in rows {
                writeln!(out, "{}", row.to_json())?;
            }
        }
        OutputFormat::Csv => write_csv(out, columns, rows)?,
    }
    Ok(())
}

fn write_csv(out: &mut impl Write, columns: &[&str], rows: &[JsonRow]) -> anyhow::Result<()> {
    let mut csv = csv::WriterBuilder::new().from_writer(out);
    // A service of another version may give other fields: its rows decide, if there are any.
    match rows.first() {
        Some(first) => csv.write_record(first.fields().map(|(name, _)| name)),
        None if columns.is_empty() => Ok(()),
        None => csv.write_record(columns),
    }
    .map_err(broken)?;
    for row in rows {
        csv.write_record(row.fields().map(|(_, value)| plain(value)))
            .map_err(broken)?;
    }
    Ok(csv.flush()?)
}

// Keeps the I/O error as the cause: a closed stdout is not a failure.
fn broken(error: csv::Error) -> anyhow::Error {
    let message = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error.into(),
        _ => anyhow::anyhow!(message),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn written(format: OutputFormat, rows: &[&str]) -> String {
        let rows: Vec<JsonRow> = rows
            .iter()
            .map(|row| JsonRow::parse(row).unwrap())
            .collect();
        let mut out = Vec::new();
        let options = TableOptions::default();
        write(&mut out, format, &["b", "a"], &rows, "{}", options).unwrap();
        String::from_utf8(out).unwrap()
    }

    const ROWS: [&str; 2] = [
        r#"{"b":"x, \"y\"","a":1.10,"c":null}"#,
        r#"{"b":"ß","a":123456789012345678901234567890,"c":true}"#,
    ];

    #[test]
    fn order_and_digits_are_those_of_the_answer() {
        assert_eq!(
            written(OutputFormat::Ndjson, &ROWS),
            "{\"b\":\"x, \\\"y\\\"\",\"a\":1.10,\"c\":null}\n\
             {\"b\":\"ß\",\"a\":123456789012345678901234567890,\"c\":true}\n"
        );
        assert_eq!(
            written(OutputFormat::Csv, &ROWS),
            "b,a,c\n\"x, \"\"y\"\"\",1.10,\nß,123456789012345678901234567890,true\n"
        );
    }

    #[test]
    fn a_table_without_rows_says_so_and_csv_has_its_header() {
        assert_eq!(written(OutputFormat::Table, &[]), "nothing\n");
        assert_eq!(written(OutputFormat::Csv, &[]), "b,a\n");
    }

    #[test]
    fn numbers_are_made_readable_in_tables_only() {
        assert_eq!(
            written(OutputFormat::Csv, &[r#"{"n":1234567}"#]),
            "n\n1234567\n"
        );
        assert!(written(OutputFormat::Table, &[r#"{"n":1234567}"#]).contains(" 1,234,567"));
    }
}
