//! Rows as columns with types, for Arrow and Parquet.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray, UInt32Array, UInt64Array,
};
use arrow_schema::{ArrowError, DataType, Field as Column, Schema, TimeUnit};

use crate::domain::timestamp::parse_rfc3339;
use crate::view::field::{Field, FieldKind, Scalar};
use crate::view::flat_row::{Columns, FieldValue, FlatRow};

/// The schema of a table of `R`. `has_texts`: branches may be texts, so their column is one of texts, whichever are
/// in the table.
pub(super) fn schema<R: FlatRow>(has_texts: bool) -> Arc<Schema> {
    let columns = R::FIELDS
        .iter()
        .map(|field| Column::new(field.name, data_type(field, has_texts), field.is_nullable));
    Arc::new(Schema::new(columns.collect::<Vec<_>>()))
}

fn data_type(field: &Field, has_texts: bool) -> DataType {
    match field.scalar {
        Scalar::Text if field.kind == FieldKind::Time => {
            DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
        }
        Scalar::U32OrText if has_texts => DataType::Utf8,
        Scalar::U32OrText => DataType::UInt32,
        Scalar::Text => DataType::Utf8,
        Scalar::Bool => DataType::Boolean,
        Scalar::I32 => DataType::Int32,
        Scalar::I64 => DataType::Int64,
        Scalar::U32 => DataType::UInt32,
        Scalar::U64 => DataType::UInt64,
        Scalar::F64 => DataType::Float64,
    }
}

/// `rows` as a batch of a table with `schema`.
pub(super) fn batch<R: FlatRow>(
    schema: &Arc<Schema>,
    rows: &[R],
) -> Result<RecordBatch, ArrowError> {
    let mut arrays = Arrays {
        schema,
        arrays: Vec::with_capacity(R::FIELDS.len()),
    };
    R::fill(rows, &mut arrays)?;
    RecordBatch::try_new(Arc::clone(schema), arrays.arrays)
}

/// The columns so far, an array for each.
struct Arrays<'a> {
    schema: &'a Schema,
    arrays: Vec<ArrayRef>,
}

/// A column of `values` of the type `V`, which `method` reads.
macro_rules! array {
    ($array:ident, $method:ident, $values:ident) => {
        if V::IS_NULLABLE {
            Arc::new($array::from_iter($values.map(V::$method)))
        } else {
            // Faster, and no value is null.
            let values = $values.map(|value| value.$method().unwrap_or_default());
            Arc::new($array::from_iter_values(values))
        }
    };
}

impl<'r> Columns<'r> for Arrays<'_> {
    type Error = ArrowError;

    fn column<V: FieldValue + 'r>(
        &mut self,
        field: &'static Field,
        values: impl Iterator<Item = &'r V>,
    ) -> Result<(), ArrowError> {
        // A constant: one arm is compiled for each type.
        self.arrays.push(match V::SCALAR {
            Scalar::Text if field.kind == FieldKind::Time => times(values)?,
            Scalar::Text => Arc::new(StringArray::from_iter(values.map(V::text))),
            Scalar::Bool => Arc::new(BooleanArray::from_iter(values.map(V::bool))),
            Scalar::I32 => array!(Int32Array, i32, values),
            Scalar::I64 => array!(Int64Array, i64, values),
            Scalar::U32 => array!(UInt32Array, u32, values),
            Scalar::U64 => array!(UInt64Array, u64, values),
            Scalar::F64 => array!(Float64Array, f64, values),
            Scalar::U32OrText => match self.schema.field(self.arrays.len()).data_type() {
                DataType::Utf8 => texts(values),
                _ => integers(values)?,
            },
        });
        Ok(())
    }
}

/// Integers as texts, among others.
fn texts<'r, V: FieldValue + 'r>(values: impl Iterator<Item = &'r V>) -> ArrayRef {
    let text = |value: &'r V| match value.u32() {
        Some(integer) => Some(Cow::Owned(integer.to_string())),
        None => value.text().map(Cow::Borrowed),
    };
    Arc::new(StringArray::from_iter(values.map(text)))
}

/// A text among integers would be left out, so it is an error.
fn integers<'r, V: FieldValue + 'r>(
    values: impl Iterator<Item = &'r V>,
) -> Result<ArrayRef, ArrowError> {
    let integer = |value: &'r V| match value.text() {
        None => Ok(value.u32().unwrap_or_default()),
        Some(text) => Err(ArrowError::InvalidArgumentError(format!(
            "{text} is not an integer"
        ))),
    };
    let integers: Vec<u32> = values.map(integer).collect::<Result<_, _>>()?;
    Ok(Arc::new(UInt32Array::from(integers)))
}

fn times<'r, V: FieldValue + 'r>(
    values: impl Iterator<Item = &'r V>,
) -> Result<ArrayRef, ArrowError> {
    let times = values.map(|value| {
        value
            .text()
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

    use tidegauge_windows::{Definition, EventTime, Span, Summary, Window, WindowResult};

    use super::*;
    use crate::domain::branch::Branches;
    use crate::domain::payment::BranchId;
    use crate::view::wire::{TotalAnswer, WindowAnswer};

    #[test]
    fn columns_are_the_fields_of_the_answer_in_their_order() {
        fn agree<R: FlatRow>(row: &R) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.serialize(row).unwrap();
            let written = writer.into_inner().unwrap();
            let header = csv::Reader::from_reader(written.as_slice())
                .headers()
                .unwrap()
                .clone();
            let columns: Vec<_> = R::FIELDS.iter().map(|field| field.name).collect();
            assert_eq!(header.iter().collect::<Vec<_>>(), columns);
            let rows = std::slice::from_ref(row);
            assert_eq!(batch(&schema::<R>(false), rows).unwrap().num_rows(), 1);
        }
        let id: BranchId = "7".parse().unwrap();
        let branches = Branches::default();
        agree(&TotalAnswer::new(id, None, &branches));
        let minute = Span::MINUTE;
        let minutes = Definition::tumbling("1m", minute, Span::ZERO, chrono_tz::UTC).unwrap();
        let start = EventTime::from_millis(0);
        let result = WindowResult {
            definition: 0,
            window: Window::new(start, start.plus(minute)),
            key: id,
            aggregate: Summary::default(),
            closed_by: None,
            revision: 0,
        };
        agree(&WindowAnswer::new(&result, &minutes, &branches));
    }
}
