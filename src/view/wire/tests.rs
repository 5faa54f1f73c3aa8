//! Every row has the fields of its table, and the description says so.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use serde_json::Value;
use tidegauge_windows::{Aggregate, Span, Window};
use utoipa::ToSchema;

use super::*;
use crate::view::field::{FieldKind, Scalar, names};

const TIME: &str = "2026-11-01T00:00:00Z";

fn definition() -> Definition {
    Definition::tumbling("1m", Span::MINUTE, Span::ZERO, chrono_tz::UTC).unwrap()
}

fn window<'a>(
    definition: &'a Definition,
    branches: &'a Branches,
    amounts: &[i128],
) -> WindowAnswer<'a> {
    let mut summary = Summary::default();
    for amount in amounts {
        summary.add(amount, true);
    }
    let start = EventTime::from_millis(0);
    let result = WindowResult {
        definition: 0,
        window: Window::new(start, start.plus(Span::MINUTE)),
        key: "7".parse().unwrap(),
        aggregate: summary,
        closed_by: (!amounts.is_empty()).then_some(ClosedBy::Quiet),
        revision: 0,
    };
    WindowAnswer::new(&result, definition, branches)
}

fn total(time: Option<&str>) -> TotalAnswer<'static> {
    TotalAnswer {
        branch: "b".into(),
        branch_id: BranchIdAnswer::Integer(7),
        pay_amount: 0.0,
        pay_amount_exact: "0".into(),
        pay_count: 0,
        first_event_time: time.map(Into::into),
        last_event_time: time.map(Into::into),
    }
}

fn in_no_window(time: Option<&str>) -> NoWindowAnswer<'static> {
    NoWindowAnswer {
        partition: 1,
        offset: 2,
        record_timestamp: time.map(Into::into),
        reason: "future",
        event_time: TIME.into(),
        watermark: time.map(Into::into),
        branch: "b".into(),
        branch_id: BranchIdAnswer::Integer(7),
        pay_amount: 0.0,
        pay_amount_exact: "0".into(),
        read: "{}",
    }
}

fn reject(time: Option<&str>) -> RejectAnswer<'static> {
    RejectAnswer {
        partition: 1,
        offset: 2,
        record_timestamp: time.map(Into::into),
        reason: "not_json",
        detail: "",
        read: "",
    }
}

fn entry(amount: Option<&'static str>) -> LedgerRow<'static> {
    LedgerRow {
        entry: "late",
        count: 0,
        pay_amount_exact: amount.map(Into::into),
    }
}

/// Rows `[full, sparse]`: with a value in every field, and with null wherever that may be.
fn assert_is_of_its_table<R: FlatRow + ToSchema>([full, sparse]: [R; 2]) {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.serialize(&full).unwrap();
    let csv = String::from_utf8(csv.into_inner().unwrap()).unwrap();
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    assert_eq!(header, names(R::FIELDS).collect::<Vec<_>>());

    let [full, sparse] = [full, sparse].map(|row| serde_json::to_value(&row).unwrap());
    let schema = serde_json::to_value(R::schema()).unwrap();
    let described = schema["properties"].as_object().unwrap();
    assert_eq!(described.len(), R::FIELDS.len());
    let required: Vec<_> = R::FIELDS
        .iter()
        .filter(|field| !field.is_nullable)
        .map(|field| field.name)
        .collect();
    assert_eq!(schema["required"], serde_json::json!(required));
    for field in R::FIELDS {
        let value = &full[field.name];
        let (is_right, described_type): (bool, &[&str]) = match field.scalar {
            Scalar::Text => (value.is_string(), &["string"]),
            Scalar::Bool => (value.is_boolean(), &["boolean"]),
            Scalar::I32 | Scalar::I64 => (value.is_i64(), &["integer"]),
            Scalar::U32 | Scalar::U64 => (value.is_u64(), &["integer"]),
            Scalar::U32OrText => (value.is_u64(), &["integer", "string"]),
            Scalar::F64 => (value.is_f64(), &["number"]),
        };
        assert!(is_right, "{field:?} is {value}");
        assert_eq!(sparse[field.name].is_null(), field.is_nullable, "{field:?}");
        let property = &described[field.name];
        let types = match &property["type"] {
            Value::Array(types) => types.clone(),
            one => vec![one.clone()],
        };
        let mut wanted = described_type.to_vec();
        wanted.extend(field.is_nullable.then_some("null"));
        assert_eq!(types, wanted, "{field:?}");
        assert_eq!(property["description"], field.description);
        assert!(field.description.ends_with('.'), "{field:?}");
    }
}

#[test]
fn every_row_and_its_description_have_the_fields_of_its_table() {
    let some = Some(TIME);
    assert_is_of_its_table([total(some), total(None)]);
    let (definition, branches) = (definition(), Branches::default());
    let window = |amounts| window(&definition, &branches, amounts);
    assert_is_of_its_table([window(&[5]), window(&[])]);
    assert_is_of_its_table([in_no_window(some), in_no_window(None)]);
    assert_is_of_its_table([reject(some), reject(None)]);
    assert_is_of_its_table([entry(Some("1")), entry(None)]);
}

#[test]
fn a_name_has_one_kind_in_all_tables() {
    let mut kinds: BTreeMap<&str, FieldKind> = BTreeMap::new();
    for field in TABLES.iter().flat_map(|(_, fields)| *fields) {
        let kind = kinds.entry(field.name).or_insert(field.kind);
        assert_eq!(*kind, field.kind, "{}", field.name);
        assert_eq!(field_named(field.name).map(|field| field.kind), Some(*kind));
    }
    assert!(kinds.len() > 25);
    assert_eq!(field_named("no_such_field"), None);
}

#[test]
fn names_of_percentiles_say_which() {
    for field in WindowAnswer::FIELDS {
        let percentile = match field.kind {
            FieldKind::Percentile(percentile) => Some(percentile),
            _ => None,
        };
        let named = field.name.strip_prefix("pay_p").map(str::parse::<u8>);
        assert_eq!(percentile, named.and_then(Result::ok), "{}", field.name);
    }
}
