//! Rows as bytes, page by page, in each form that is a table.

use std::io::Write;
use std::marker::PhantomData;
use std::sync::Arc;

use arrow_ipc::writer::StreamWriter;
use arrow_schema::Schema;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::columns::{batch, schema};
use crate::api::format::AnswerFormat;
use crate::view::field;
use crate::view::flat_row::FlatRow;

/// Why rows can't be written: the receiver of the bytes has gone, or a row does not fit.
pub(super) type Error = Box<dyn std::error::Error + Send + Sync>;

/// Rows of a row group. What is in memory of a file that is written is its newest group.
const GROUP: usize = 65_536;

/// Writes rows of `R` to `W`.
pub(super) struct Rows<R, W: Write + Send> {
    form: Form<W>,
    of: PhantomData<fn(R)>,
}

enum Form<W: Write + Send> {
    Csv(Box<csv::Writer<W>>),
    Ndjson(W),
    Arrow(Box<StreamWriter<W>>, Arc<Schema>),
    Parquet(Box<ArrowWriter<W>>, Arc<Schema>),
}

impl<R: FlatRow, W: Write + Send> Rows<R, W> {
    /// A table in `format`. An object that stands for a whole answer is none: JSON is written as
    /// NDJSON. `has_texts`: branches may be texts.
    pub(super) fn begin(format: AnswerFormat, has_texts: bool, to: W) -> Result<Self, Error> {
        let form = match format {
            AnswerFormat::Csv => {
                // Written here, as a table without rows has a header too.
                let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(to);
                writer.write_record(field::names(R::FIELDS))?;
                Form::Csv(Box::new(writer))
            }
            AnswerFormat::Ndjson | AnswerFormat::Json => Form::Ndjson(to),
            AnswerFormat::Arrow => {
                let schema = schema::<R>(has_texts);
                Form::Arrow(Box::new(StreamWriter::try_new(to, &schema)?), schema)
            }
            AnswerFormat::Parquet => {
                let schema = schema::<R>(has_texts);
                let properties = WriterProperties::builder()
                    .set_compression(Compression::SNAPPY)
                    .set_max_row_group_row_count(Some(GROUP))
                    .build();
                let writer = ArrowWriter::try_new(to, Arc::clone(&schema), Some(properties))?;
                Form::Parquet(Box::new(writer), schema)
            }
        };
        Ok(Self {
            form,
            of: PhantomData,
        })
    }

    /// Writes a page of rows.
    pub(super) fn page(&mut self, rows: &[R]) -> Result<(), Error> {
        match &mut self.form {
            Form::Csv(writer) => {
                for row in rows {
                    writer.serialize(row)?;
                }
            }
            Form::Ndjson(to) => {
                for row in rows {
                    let mut line = serde_json::to_vec(row)?;
                    line.push(b'\n');
                    to.write_all(&line)?;
                }
            }
            Form::Arrow(writer, schema) => writer.write(&batch(schema, rows)?)?,
            Form::Parquet(writer, schema) => writer.write(&batch(schema, rows)?)?,
        }
        Ok(())
    }

    /// Writes what belongs behind the last row.
    pub(super) fn finish(self) -> Result<W, Error> {
        Ok(match self.form {
            Form::Csv(writer) => writer.into_inner().map_err(|error| error.into_error())?,
            Form::Ndjson(to) => to,
            Form::Arrow(writer, _) => writer.into_inner()?,
            Form::Parquet(writer, _) => writer.into_inner()?,
        })
    }
}
