//! Rows as columns with types, for Arrow and Parquet.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray,
    UInt32Array, UInt64Array,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};
use serde::Serialize;

use crate::domain::timestamp::parse_rfc3339;
use crate::view::wire::{TotalAnswer, WindowAnswer};

/// An answer that is a row of a table. Its fields are the columns, in their order.
pub(in crate::api) trait Row: Serialize + Sized {
    /// The columns.
    const COLUMNS: &'static [Column];

    /// What `rows` hold, an array for each column.
    fn arrays(rows: &[Self]) -> Result<Vec<ArrayRef>, ArrowError>;
}

/// A column: its name, its type, and whether a row may have nothing there.
pub(in crate::api) struct Column(pub(super) &'static str, Type, Nulls);

enum Type {
    Text,
    Time,
    U32,
    U64,
    F64,
    Bool,
}

enum Nulls {
    Never,
    Allowed,
}

use Nulls::{Allowed, Never};

/// The schema of a table of `R`.
pub(super) fn schema<R: Row>() -> Arc<Schema> {
    let fields: Vec<_> = R::COLUMNS
        .iter()
        .map(|Column(name, kind, nulls)| {
            let kind = match kind {
                Type::Text => DataType::Utf8,
                Type::Time => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
                Type::U32 => DataType::UInt32,
                Type::U64 => DataType::UInt64,
                Type::F64 => DataType::Float64,
                Type::Bool => DataType::Boolean,
            };
            Field::new(*name, kind, matches!(nulls, Allowed))
        })
        .collect();
    Arc::new(Schema::new(fields))
}

/// `rows` as a batch of a table with `schema`.
pub(super) fn batch<R: Row>(schema: &Arc<Schema>, rows: &[R]) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_new(Arc::clone(schema), R::arrays(rows)?)
}

impl Row for TotalAnswer<'_> {
    const COLUMNS: &'static [Column] = &[
        Column("branch", Type::Text, Never),
        Column("branch_id", Type::U32, Never),
        Column("pay_amount", Type::F64, Never),
        Column("pay_amount_exact", Type::Text, Never),
        Column("pay_count", Type::U64, Never),
        Column("first_event_time", Type::Time, Allowed),
        Column("last_event_time", Type::Time, Allowed),
    ];

    fn arrays(rows: &[Self]) -> Result<Vec<ArrayRef>, ArrowError> {
        Ok(vec![
            texts(rows, |row| Some(&row.branch)),
            Arc::new(UInt32Array::from_iter_values(
                rows.iter().map(|row| row.branch_id),
            )),
            doubles(rows, |row| Some(row.pay_amount)),
            texts(rows, |row| Some(&row.pay_amount_exact)),
            counts(rows, |row| row.pay_count),
            times(rows, |row| row.first_event_time.as_deref())?,
            times(rows, |row| row.last_event_time.as_deref())?,
        ])
    }
}

impl Row for WindowAnswer<'_> {
    const COLUMNS: &'static [Column] = &[
        Column("window", Type::Text, Never),
        Column("window_start", Type::Time, Never),
        Column("window_end", Type::Time, Never),
        Column("branch", Type::Text, Never),
        Column("branch_id", Type::U32, Never),
        Column("pay_amount", Type::F64, Never),
        Column("pay_amount_exact", Type::Text, Never),
        Column("pay_count", Type::U64, Never),
        Column("pay_min", Type::F64, Allowed),
        Column("pay_max", Type::F64, Allowed),
        Column("pay_avg", Type::F64, Allowed),
        Column("pay_p50", Type::F64, Allowed),
        Column("pay_p95", Type::F64, Allowed),
        Column("pay_p99", Type::F64, Allowed),
        Column("final", Type::Bool, Never),
        Column("closed_by", Type::Text, Allowed),
        Column("revision", Type::U64, Never),
        Column("late_count", Type::U64, Never),
        Column("late_amount", Type::F64, Never),
        Column("late_amount_exact", Type::Text, Never),
    ];

    fn arrays(rows: &[Self]) -> Result<Vec<ArrayRef>, ArrowError> {
        Ok(vec![
            texts(rows, |row| Some(row.window)),
            times(rows, |row| Some(&row.window_start))?,
            times(rows, |row| Some(&row.window_end))?,
            texts(rows, |row| Some(&row.branch)),
            Arc::new(UInt32Array::from_iter_values(
                rows.iter().map(|row| row.branch_id),
            )),
            doubles(rows, |row| Some(row.pay_amount)),
            texts(rows, |row| Some(&row.pay_amount_exact)),
            counts(rows, |row| row.pay_count),
            doubles(rows, |row| row.pay_min),
            doubles(rows, |row| row.pay_max),
            doubles(rows, |row| row.pay_avg),
            doubles(rows, |row| row.pay_p50),
            doubles(rows, |row| row.pay_p95),
            doubles(rows, |row| row.pay_p99),
            Arc::new(BooleanArray::from_iter(
                rows.iter().map(|row| Some(row.is_final)),
            )),
            texts(rows, |row| row.closed_by),
            counts(rows, |row| row.revision),
            counts(rows, |row| row.late_count),
            doubles(rows, |row| Some(row.late_amount)),
            texts(rows, |row| Some(&row.late_amount_exact)),
        ])
    }
}

fn texts<R>(rows: &[R], text: impl Fn(&R) -> Option<&str>) -> ArrayRef {
    Arc::new(StringArray::from_iter(rows.iter().map(text)))
}

fn doubles<R>(rows: &[R], double: impl Fn(&R) -> Option<f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter(rows.iter().map(double)))
}

fn counts<R>(rows: &[R], count: impl Fn(&R) -> u64) -> ArrayRef {
    Arc::new(UInt64Array::from_iter_values(rows.iter().map(count)))
}

fn times<R>(rows: &[R], time: impl Fn(&R) -> Option<&str>) -> Result<ArrayRef, ArrowError> {
    let times = rows.iter().map(|row| {
        time(row)
            .map(|text| match parse_rfc3339(text) {
                Some(time) => Ok(time.millis()),
                None => Err(ArrowError::InvalidArgumentError(format!(
                    "{text} is not a time"
                ))),
            })
            .transpose()
    });
    let times: TimestampMillisecondArray = times.collect::<Result<Vec<_>, _>>()?.into();
    Ok(Arc::new(times.with_timezone("UTC")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::domain::branch::Branches;
    use crate::domain::payment::BranchId;

    #[test]
    fn columns_are_the_fields_of_the_answer_in_their_order() {
        fn agree<R: Row>(row: &R) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.serialize(row).unwrap();
            let written = writer.into_inner().unwrap();
            let header = csv::Reader::from_reader(written.as_slice())
                .headers()
                .unwrap()
                .clone();
            let columns: Vec<_> = R::COLUMNS.iter().map(|column| column.0).collect();
            assert_eq!(header.iter().collect::<Vec<_>>(), columns);
            let rows = std::slice::from_ref(row);
            assert_eq!(batch(&schema::<R>(), rows).unwrap().num_rows(), 1);
        }
        let id: BranchId = "7".parse().unwrap();
        let branches = Branches::default();
        agree(&TotalAnswer::new(id, None, &branches));
        agree(&WindowAnswer {
            window: "1m",
            window_start: "2026-11-01T00:00:00Z".into(),
            window_end: "2026-11-01T00:01:00Z".into(),
            branch: "b".into(),
            branch_id: 7,
            pay_amount: 0.0,
            pay_amount_exact: "0".into(),
            pay_count: 0,
            pay_min: None,
            pay_max: None,
            pay_avg: None,
            pay_p50: None,
            pay_p95: None,
            pay_p99: None,
            is_final: true,
            closed_by: None,
            revision: 0,
            late_count: 0,
            late_amount: 0.0,
            late_amount_exact: "0".into(),
        });
    }
}
