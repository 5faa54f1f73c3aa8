//! The page of fields is made from their tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use tidegauge::sink::DocumentFields;
use tidegauge::view::field::{Field, FieldKind, Scalar};
use tidegauge::view::wire::TABLES;

use super::{read, root};

const PAGE: &str = "docs/fields.md";

/// `TIDEGAUGE_WRITE_DOCS=1` writes the page instead.
#[test]
fn the_page_of_fields_is_what_the_tables_say() {
    let wanted = page();
    if std::env::var_os("TIDEGAUGE_WRITE_DOCS").is_some() {
        fs::write(root().join(PAGE), &wanted).unwrap();
    }
    assert!(
        read(PAGE) == wanted,
        "{PAGE} is not what the tables of fields say: run this test with TIDEGAUGE_WRITE_DOCS=1 and \
         look at the difference"
    );
}

fn page() -> String {
    let stored = DocumentFields::ours();
    let mut page = String::from(
        "# Fields\n\n\
         Every field of the figures: the same in [answers over HTTP](http-api.md), in CSV, NDJSON, Arrow and \
         Parquet, and in [documents](elasticsearch.md). This page is made from the code.\n\n\
         Amounts are in the unit of `payAmount`. A *double* is the nearest double, for charts; a *decimal* is exact, \
         in a text. A *time* is RFC 3339 in UTC in texts, and a timestamp with milliseconds in Arrow and Parquet. \
         Fields marked with ○ may be null.\n",
    );
    for (row, fields) in TABLES {
        let stored = match row {
            "total" => &stored.totals,
            "window" => &stored.windows,
            "payment in no window" => &stored.late,
            "reject" => &stored.rejects,
            _ => &BTreeMap::new(),
        };
        section(&mut page, row, fields, stored);
    }
    page.push_str(
        "\nDocuments also have `@timestamp`: of a total its last event time, of a window its start, of the others the \
         timestamp of their record (of a payment without one, its event time). Documents of windows have the combined `watermark`, and `pay_histogram` where \
         the server knows histograms. Rows of the ledger are those of `query ledger` and `compute`; over HTTP it is \
         one object.\n",
    );
    page
}

fn section(page: &mut String, row: &str, fields: &[Field], stored: &BTreeMap<String, String>) {
    let (first, rest) = row.split_at(1);
    let is_stored = !stored.is_empty();
    let (heading, line) = if is_stored {
        (" in Elasticsearch |", "---|")
    } else {
        ("", "")
    };
    let _ = write!(
        page,
        "\n## {}{rest}\n| field | type |{heading} what it tells |\n|---|---|{line}---|\n",
        first.to_uppercase()
    );
    for field in fields {
        let null = if field.is_nullable { " ○" } else { "" };
        let stored = stored.get(field.name);
        let stored = stored.map_or_else(String::new, |stored| format!(" {stored} |"));
        let _ = writeln!(
            page,
            "| `{}` | {}{null} |{stored} {} |",
            field.name,
            type_of(field),
            field.description
        );
    }
}

fn type_of(field: &Field) -> &'static str {
    match (field.kind, field.scalar) {
        (FieldKind::Time, _) => "time",
        (FieldKind::ExactMoney, _) => "decimal",
        (_, Scalar::Text) => "text",
        (_, Scalar::U32OrText) => "integer or text",
        (_, Scalar::Bool) => "flag",
        (_, Scalar::F64) => "double",
        (_, Scalar::I32 | Scalar::I64 | Scalar::U32 | Scalar::U64) => "integer",
    }
}
