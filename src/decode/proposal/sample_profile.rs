//! What the records of a sample are like, place by place.

use std::collections::HashMap;

use serde_json::Value;

use super::field_profile::FieldProfile;
use crate::decode::mapping::{Path, PathStep, Place};
use crate::decode::place_value::PlaceValue;
use crate::domain::record::Record;

/// What the records of a sample are like. Its size is bounded, whatever the records hold.
#[derive(Default, Debug)]
pub(super) struct SampleProfile {
    /// Records with a JSON object as their value.
    pub records: usize,
    /// Records whose value is not one.
    pub others: usize,
    /// In the order in which they were met: record by record, and by name within one.
    pub fields: Vec<FieldProfile>,
    numbers: HashMap<Place, usize>,
}

/// Objects in objects are followed so deep.
const DEPTH_MAX: usize = 8;
/// So many places are looked at, those that were met first.
const FIELDS_MAX: usize = 256;
/// Fields with longer names are left out.
const NAME_BYTES_MAX: usize = 100;

impl SampleProfile {
    /// Adds what `record` and its headers of these names hold.
    pub(super) fn take(&mut self, record: &Record<'_>, headers: &[String]) {
        let payload = record.payload.filter(|payload| !payload.is_empty());
        let value = payload.map(serde_json::from_slice);
        match value {
            Some(Ok(value @ Value::Object(_))) => {
                self.records += 1;
                self.walk(&value, &mut Vec::new());
            }
            // A tombstone says nothing.
            None => return,
            Some(_) => {
                self.others += 1;
                return;
            }
        }
        let text = |bytes| str::from_utf8(bytes).ok().map(PlaceValue::Text);
        if let Some(key) = record.key.and_then(text) {
            self.take_scalar(Place::Key, &key);
        }
        if let Some(timestamp) = record.timestamp {
            self.take_scalar(Place::Timestamp, &PlaceValue::Integer(timestamp));
        }
        for name in headers {
            if let Some(value) = record.headers.last(name).and_then(text) {
                self.take_scalar(Place::Header(name.clone()), &value);
            }
        }
    }

    /// What stands at `path` in the records' values.
    pub(super) fn at(&self, path: &[&str]) -> Option<&FieldProfile> {
        let steps = path.iter().map(|name| PathStep::Field((*name).to_owned()));
        self.of(&Place::Value(steps.collect::<Vec<_>>().into()))
    }

    /// What stands at `place`, which is one in the whole record.
    pub(super) fn of(&self, place: &Place) -> Option<&FieldProfile> {
        self.numbers
            .get(place)
            .and_then(|number| self.fields.get(*number))
    }

    /// Whether `path` leads through no array that has several items in a record.
    pub(super) fn is_certain(&self, path: &Path) -> bool {
        let steps = path.steps();
        let indexes = (0..steps.len()).filter(|at| matches!(steps[*at], PathStep::Index(_)));
        let mut arrays = indexes.map(|at| Place::Value(Path::from(steps[..at].to_vec())));
        arrays.all(|array| self.of(&array).is_some_and(|field| field.lists == 0))
    }

    fn walk(&mut self, value: &Value, path: &mut Vec<PathStep>) {
        if !path.is_empty() {
            let place = Place::Value(Path::from(path.clone()));
            match self.field(place) {
                Some(field) => field.take(value),
                None => return,
            }
        }
        if path.len() >= DEPTH_MAX {
            return;
        }
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    if name.len() <= NAME_BYTES_MAX {
                        path.push(PathStep::Field(name.clone()));
                        self.walk(value, path);
                        path.pop();
                    }
                }
            }
            // Of several items none is the payment's, see `is_certain`.
            Value::Array(items) if items.len() == 1 => {
                path.push(PathStep::Index(0));
                self.walk(&items[0], path);
                path.pop();
            }
            _ => {}
        }
    }

    fn take_scalar(&mut self, place: Place, value: &PlaceValue<'_>) {
        if let Some(field) = self.field(place) {
            field.take_scalar(value);
        }
    }

    /// `None` if there are too many already.
    fn field(&mut self, place: Place) -> Option<&mut FieldProfile> {
        let number = match self.numbers.get(&place) {
            Some(number) => *number,
            None if self.fields.len() >= FIELDS_MAX => return None,
            None => {
                self.fields.push(FieldProfile::of(place.clone()));
                self.numbers.insert(place, self.fields.len() - 1);
                self.fields.len() - 1
            }
        };
        self.fields.get_mut(number)
    }
}
