//! The columns of a record: what is read of its value, and what stands beside it.

use std::collections::BTreeMap;

use super::refusal::Refusals;
use super::sql_text::{big, identifier, literal};
use crate::decode::mapping::{Path, PathStep, Place};

/// The columns that were asked for.
///
/// Everything in a value is read as a text: Flink gives numbers as they are written, so that they are converted once,
/// exactly, and only if they are valid.
#[derive(Debug, Default)]
pub(super) struct RawColumns {
    envelope: Path,
    value: ValueNode,
    has_key: bool,
    has_headers: bool,
}

/// What is read at a path.
#[derive(Debug, Default)]
struct ValueNode {
    fields: BTreeMap<String, ValueNode>,
    /// Items of an array, which all have the same type.
    item: Option<Box<ValueNode>>,
    is_text: bool,
}

/// Stands for the table that has the columns, until it is known where the expression is used: no text of a
/// configuration has it.
const TABLE: &str = "\u{0}";

/// An expression of columns as it stands in a query on the table with this alias.
pub(super) fn in_query(expression: &str, alias: &str) -> String {
    expression.replace(TABLE, alias)
}

/// The same in the definition of the table itself.
pub(super) fn in_table(expression: &str) -> String {
    expression.replace(&format!("{TABLE}."), "")
}

impl RawColumns {
    pub(super) fn new(envelope: Path) -> Self {
        Self {
            envelope,
            ..Self::default()
        }
    }

    /// The text at `place`, NULL if nothing is there; for the record's timestamp the milliseconds as a number.
    pub(super) fn text(&mut self, place: &Place) -> String {
        match place {
            Place::Payment(path) => {
                let path = self.envelope.followed_by(path.steps());
                self.value_text(&path)
            }
            Place::Value(path) => self.value_text(&path.clone()),
            Place::Key => {
                self.has_key = true;
                format!("{TABLE}.record_key")
            }
            Place::Header(name) => {
                self.has_headers = true;
                format!("DECODE({TABLE}.record_headers[{}], 'UTF-8')", literal(name))
            }
            Place::Timestamp => self.timestamp(),
        }
    }

    /// The record's own timestamp, in milliseconds since 1970.
    pub(super) fn timestamp(&self) -> String {
        // Independent of the zone of the session: all zones are whole minutes away from UTC.
        format!(
            "({minute} * TIMESTAMPDIFF(MINUTE, TO_TIMESTAMP_LTZ(0, 3), {TABLE}.record_time) + 1000 * \
             EXTRACT(SECOND FROM {TABLE}.record_time) + EXTRACT(MILLISECOND FROM {TABLE}.record_time))",
            minute = big(60_000),
        )
    }

    /// The text at these steps in the payment's object.
    pub(super) fn payment_text(&mut self, steps: &[PathStep]) -> String {
        let path = self.envelope.followed_by(steps);
        self.value_text(&path)
    }

    /// Whether anything is at these steps in the payment's object.
    pub(super) fn exists(&mut self, steps: &[PathStep]) -> String {
        let path = self.envelope.followed_by(steps);
        self.value.node(path.steps());
        format!("({} IS NOT NULL)", access(path.steps()))
    }

    fn value_text(&mut self, path: &Path) -> String {
        self.value.node(path.steps()).is_text = true;
        access(path.steps())
    }

    /// The definitions of the columns, each with a comma behind it.
    pub(super) fn definitions(&self, refusals: &mut Refusals) -> Vec<String> {
        let mut columns: Vec<String> = Vec::new();
        for (name, node) in &self.value.fields {
            node.check(name, refusals);
            columns.push(format!("{} {}", identifier(name), node.data_type()));
        }
        if self.has_key {
            columns.push("record_key STRING".to_owned());
        }
        if self.has_headers {
            columns.push(
                "record_headers MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL".to_owned(),
            );
        }
        columns.push("record_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL".to_owned());
        columns
    }

    /// What the connector must be told of the columns.
    pub(super) fn options(&self) -> Vec<(&'static str, String)> {
        if !self.has_key {
            return vec![("format", "json".to_owned())];
        }
        vec![
            ("value.format", "json".to_owned()),
            ("value.fields-include", "EXCEPT_KEY".to_owned()),
            ("key.format", "raw".to_owned()),
            ("key.fields", "record_key".to_owned()),
        ]
    }

    /// What options of the format JSON begin with.
    pub(super) const fn format_prefix(&self) -> &'static str {
        if self.has_key { "value.json." } else { "json." }
    }
}

impl ValueNode {
    fn node(&mut self, steps: &[PathStep]) -> &mut Self {
        match steps.split_first() {
            None => self,
            Some((PathStep::Field(name), rest)) => {
                self.fields.entry(name.clone()).or_default().node(rest)
            }
            Some((PathStep::Index(_), rest)) => self.item.get_or_insert_default().node(rest),
        }
    }

    fn data_type(&self) -> String {
        if let Some(item) = &self.item {
            return format!("ARRAY<{}>", item.data_type());
        }
        if self.fields.is_empty() {
            return "STRING".to_owned();
        }
        let fields: Vec<String> = self
            .fields
            .iter()
            .map(|(name, node)| format!("{} {}", identifier(name), node.data_type()))
            .collect();
        format!("ROW<{}>", fields.join(", "))
    }

    // Flink gives each field one type.
    fn check(&self, name: &str, refusals: &mut Refusals) {
        let kinds = [self.is_text, !self.fields.is_empty(), self.item.is_some()];
        if kinds.into_iter().filter(|kind| *kind).count() > 1 {
            refusals.add(
                "payment",
                format!(
                    "the field \"{name}\" is read in two ways, as one value and as an object or an array: \
                     Flink gives a field one type"
                ),
            );
        }
        for (name, node) in &self.fields {
            node.check(name, refusals);
        }
        if let Some(item) = &self.item {
            item.check(name, refusals);
        }
    }
}

fn access(steps: &[PathStep]) -> String {
    let mut expression = TABLE.to_owned();
    for step in steps {
        match step {
            PathStep::Field(name) => {
                expression.push('.');
                expression.push_str(&identifier(name));
            }
            // SQL counts from 1.
            PathStep::Index(index) => expression.push_str(&format!("[{}]", index + 1)),
        }
    }
    expression
}
