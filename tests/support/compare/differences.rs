//! What differs between two sets of figures, told all at once.

use std::fmt::Debug;

use serde_json::Value;

/// What differs, in words.
#[derive(Default)]
pub struct Differences(Vec<String>);

impl Differences {
    pub fn add(&mut self, difference: String) {
        self.0.push(difference);
    }

    pub fn check<T: PartialEq + Debug>(&mut self, place: &str, found: &T, expected: &T) {
        if found != expected {
            self.add(format!("{place}: found {found:?}, expected {expected:?}"));
        }
    }

    /// The fields of `item` are those of `expected`, and no others are there than `others`.
    pub fn check_fields(&mut self, place: &str, item: &Value, expected: &Value, others: &[&str]) {
        let mut rest = item.as_object().unwrap().clone();
        for (field, value) in expected.as_object().unwrap() {
            let found = rest.remove(field);
            self.check(&format!("{place}: {field}"), &found.as_ref(), &Some(value));
        }
        let mut rest: Vec<&str> = rest.keys().map(String::as_str).collect();
        let mut others = others.to_vec();
        rest.sort_unstable();
        others.sort_unstable();
        self.check(&format!("{place}: fields"), &rest, &others);
    }

    pub fn check_double(&mut self, place: &str, item: &Value, field: &str, expected: Option<f64>) {
        let found = item[field].as_f64();
        let is_near = match (found, expected) {
            // Reading the text of a double may miss it by the last bit: one of its neighbours will do.
            (Some(found), Some(expected)) => {
                [expected.next_down(), expected, expected.next_up()].contains(&found)
            }
            (found, expected) => found.is_none() && expected.is_none() && item[field].is_null(),
        };
        if !is_near {
            self.add(format!(
                "{place}: {field}: found {}, expected {expected:?}",
                item[field]
            ));
        }
    }

    /// The differences, each in words.
    pub fn found(&self) -> &[String] {
        &self.0
    }

    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    #[track_caller]
    pub fn assert_none(&self) {
        let found = self.found();
        let count = found.len();
        let first: Vec<String> = found
            .iter()
            .take(12)
            .map(|text| text.chars().take(600).collect())
            .collect();
        assert!(
            count == 0,
            "{count} differences, the first of them:\n{}",
            first.join("\n")
        );
    }
}
