//! A list in JSON, written item by item.

use std::io::Write;

use serde::Serialize;

use super::rows::Error;
use crate::view::reading::Reading;
use crate::view::wire::ReadingAnswer;

/// What an answer with many figures is called, and how it ends.
pub(in crate::api) struct List {
    /// The name of the file that a table is, without its ending.
    pub(in crate::api) name: String,
    /// The field of the JSON object that has the figures.
    pub(in crate::api) field: &'static str,
    /// Whether all figures are asked for, and not a page of them.
    pub(in crate::api) is_whole: bool,
    /// Whether the JSON object has a field `next`.
    pub(in crate::api) has_next: bool,
}

/// Writes `{"reading":…,"FIELD":[…],"next":…}` to `W`.
pub(super) struct ListWriter<W> {
    to: W,
    /// One item at a time: `W` is given few and large pieces.
    item: Vec<u8>,
    is_first: bool,
}

impl<W: Write> ListWriter<W> {
    /// The list `field` from `reading`.
    pub(super) fn begin(to: W, reading: &dyn Reading, field: &str) -> Result<Self, Error> {
        let mut writer = Self {
            to,
            item: Vec::new(),
            is_first: true,
        };
        writer.to.write_all(b"{\"reading\":")?;
        writer.value(&ReadingAnswer::of(reading))?;
        writer.to.write_all(b",")?;
        writer.value(field)?;
        writer.to.write_all(b":[")?;
        Ok(writer)
    }

    /// Writes a page of items.
    pub(super) fn page(&mut self, items: &[impl Serialize]) -> Result<(), Error> {
        for item in items {
            if !self.is_first {
                self.to.write_all(b",")?;
            }
            self.is_first = false;
            self.value(item)?;
        }
        Ok(())
    }

    /// Writes what belongs behind the last item; `next`, if there is such a field.
    pub(super) fn finish(mut self, next: Option<Option<String>>) -> Result<W, Error> {
        self.to.write_all(b"]")?;
        if let Some(next) = next {
            self.to.write_all(b",\"next\":")?;
            self.value(&next)?;
        }
        self.to.write_all(b"}")?;
        Ok(self.to)
    }

    fn value(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        self.item.clear();
        serde_json::to_writer(&mut self.item, value)?;
        Ok(self.to.write_all(&self.item)?)
    }
}
