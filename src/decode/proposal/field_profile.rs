//! What the values at one place of a sample are like.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::amount_forms::AmountForms;
use super::field_words::FieldWords;
use super::time_forms::TimeForms;
use crate::decode::mapping::{CurrencyCode, Place};
use crate::decode::place_value::PlaceValue;
use crate::decode::quoted::excerpt;
use crate::domain::branch_key::BranchKey;

/// What the values at one place are like.
#[derive(Clone, Debug)]
pub(super) struct FieldProfile {
    /// In the whole record.
    pub place: Place,
    pub words: FieldWords,
    /// Records that have a value here other than null.
    pub present: usize,
    pub objects: usize,
    pub arrays: usize,
    /// Arrays that don't have exactly one item.
    pub lists: usize,
    /// The first value as it is written, shortened.
    pub example: String,
    pub times: TimeForms,
    pub amounts: AmountForms,
    /// Values that can be branches.
    pub branches: usize,
    /// Values that can be order ids: integers and texts.
    pub ids: usize,
    /// How often each code of a currency stands here, up to [`VALUES_MAX`] of them.
    pub currencies: BTreeMap<CurrencyCode, usize>,
    /// Values that are codes of ISO 4217.
    pub iso_codes: usize,
    /// Those of them in small letters.
    pub small_codes: usize,
    /// How often each short text stands here; `None` if there are more than [`VALUES_MAX`].
    pub values: Option<BTreeMap<String, usize>>,
    distinct: HashSet<u64>,
}

/// So many values of a field are told apart by their text.
const VALUES_MAX: usize = 16;
/// Longer texts name no status.
const VALUE_LENGTH_MAX: usize = 40;

impl FieldProfile {
    pub(super) fn of(place: Place) -> Self {
        Self {
            words: FieldWords::of(&place),
            place,
            present: 0,
            objects: 0,
            arrays: 0,
            lists: 0,
            example: String::new(),
            times: TimeForms::default(),
            amounts: AmountForms::default(),
            branches: 0,
            ids: 0,
            currencies: BTreeMap::new(),
            iso_codes: 0,
            small_codes: 0,
            values: Some(BTreeMap::new()),
            distinct: HashSet::new(),
        }
    }

    /// Takes the value that one record has here.
    pub(super) fn take(&mut self, value: &Value) {
        match value {
            Value::Null => {}
            Value::Object(_) => {
                self.present += 1;
                self.objects += 1;
            }
            Value::Array(items) => {
                self.present += 1;
                self.arrays += 1;
                self.lists += usize::from(items.len() != 1);
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.take_scalar(&PlaceValue::Json(&value.to_string()));
            }
        }
    }

    /// Takes a value that is not an object or an array.
    pub(super) fn take_scalar(&mut self, value: &PlaceValue<'_>) {
        self.present += 1;
        if self.present == 1 {
            self.example = excerpt(&value.shown());
        }
        self.times.take(value);
        self.amounts.take(value);
        self.distinct.insert(xxh3_64(value.shown().as_bytes()));
        if let Some(key) = value.key() {
            self.ids += 1;
            self.branches += usize::from(key.parse::<BranchKey>().is_ok());
        }
        let is_text = match value {
            PlaceValue::Json(raw) => raw.starts_with('"'),
            PlaceValue::Text(_) => true,
            PlaceValue::Integer(_) => false,
        };
        match value.text().filter(|_| is_text) {
            Some(text) => self.take_text(&text),
            None => self.values = None,
        }
    }

    fn take_text(&mut self, text: &str) {
        if let Ok(code) = text.parse::<CurrencyCode>()
            && (3..=5).contains(&text.len())
            && text.bytes().all(|c| c.is_ascii_alphabetic())
        {
            if iso_currency::Currency::from_code(code.as_str()).is_some() {
                self.iso_codes += 1;
                self.small_codes += usize::from(text.bytes().all(|c| c.is_ascii_lowercase()));
            }
            if self.currencies.len() < VALUES_MAX || self.currencies.contains_key(&code) {
                *self.currencies.entry(code).or_default() += 1;
            }
        }
        if let Some(values) = &mut self.values {
            *values.entry(text.to_owned()).or_default() += 1;
            if values.len() > VALUES_MAX || text.len() > VALUE_LENGTH_MAX {
                self.values = None;
            }
        }
    }

    /// How many different values there are.
    pub(super) fn distinct(&self) -> usize {
        self.distinct.len()
    }

    /// Values that are codes of currencies in form, three to five letters.
    pub(super) fn currency_codes(&self) -> usize {
        self.currencies.values().sum()
    }
}
