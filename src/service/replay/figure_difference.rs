//! How a figure differs between two generations, field by field.

use ethnum::I256;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegauge_windows::Summary;

use crate::domain::amount::{format_units, nearest_double};
use crate::domain::ledger::{Count, Entry};
use crate::domain::timestamp::rfc3339;
use crate::domain::total::Total;
use crate::view::field::FieldKind;
use crate::view::flat_row::FlatRow;
use crate::view::wire::WindowAnswer;

/// A figure that differs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FigureDifference {
    /// Which figure.
    pub figure: String,
    /// The figure in the live generation; null if it has none.
    pub live: Option<FigureValue>,
    /// The figure in the new generation; null if it has none.
    pub replayed: Option<FigureValue>,
    /// The fields that differ. Reports of older versions have none.
    #[serde(default)]
    pub fields: Vec<FieldDifference>,
}

/// The count and the sum of a figure.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FigureValue {
    /// How many records or payments.
    pub count: u64,
    /// Their exact sum; null where there are no amounts.
    pub pay_amount_exact: Option<String>,
}

/// A field of a figure that differs, with both values.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FieldDifference {
    /// Its name, as in answers over HTTP.
    pub field: String,
    /// The value in the live generation: a number, or a time or an exact decimal as text; null if it
    /// has none.
    pub live: Value,
    /// The value in the new generation.
    pub replayed: Value,
}

/// The percentiles that answers show.
fn shown_percentiles() -> impl Iterator<Item = u8> {
    let fields = WindowAnswer::FIELDS.iter();
    fields.filter_map(|field| match field.kind {
        FieldKind::Percentile(percentile) => Some(percentile),
        _ => None,
    })
}

impl FigureDifference {
    /// The total of a branch, called `figure`, if it differs.
    pub(super) fn total(
        figure: impl FnOnce() -> String,
        live: Option<&Total>,
        replayed: Option<&Total>,
    ) -> Option<Self> {
        let shown = |total: &Total| FigureValue::new(total.count, total.amount);
        let mut fields = FieldDifferences::default();
        fields.compare("pay_count", live, replayed, |total| total.count.into());
        fields.compare("pay_amount_exact", live, replayed, |total| {
            format_units(total.amount).into()
        });
        fields.compare("first_event_time", live, replayed, |total| {
            total.first_event_time().map(rfc3339).into()
        });
        fields.compare("last_event_time", live, replayed, |total| {
            total.last_event_time().map(rfc3339).into()
        });
        (live != replayed).then(|| Self {
            figure: figure(),
            live: live.map(shown),
            replayed: replayed.map(shown),
            fields: fields.0,
        })
    }

    /// An entry of the ledger, if it differs.
    pub(super) fn entry(entry: Entry, live: Count, replayed: Count) -> Option<Self> {
        let shown = |count: Count| {
            let figure = FigureValue::new(count.count, count.amount);
            if entry.has_amount() {
                figure
            } else {
                FigureValue {
                    pay_amount_exact: None,
                    ..figure
                }
            }
        };
        let both = (Some(&live), Some(&replayed));
        let mut fields = FieldDifferences::default();
        fields.compare("count", both.0, both.1, |count| count.count.into());
        fields.compare("pay_amount_exact", both.0, both.1, |count| {
            format_units(count.amount).into()
        });
        (live != replayed).then(|| Self {
            figure: format!("the ledger's {}", entry.as_str()),
            live: Some(shown(live)),
            replayed: Some(shown(replayed)),
            fields: fields.0,
        })
    }

    /// A window of a branch, called `figure`, if it differs.
    pub(super) fn window(
        figure: impl FnOnce() -> String,
        live: Option<&Summary>,
        replayed: Option<&Summary>,
    ) -> Option<Self> {
        if live == replayed {
            return None;
        }
        let shown = |summary: &Summary| FigureValue::new(summary.count, summary.sum);
        Some(Self {
            figure: figure(),
            live: live.map(shown),
            replayed: replayed.map(shown),
            fields: FieldDifferences::of_windows(live, replayed).0,
        })
    }
}

impl FigureValue {
    fn new(count: u64, amount: I256) -> Self {
        Self {
            count,
            pay_amount_exact: Some(format_units(amount)),
        }
    }
}

/// The fields that differ.
#[derive(Default)]
struct FieldDifferences(Vec<FieldDifference>);

impl FieldDifferences {
    fn of_windows(live: Option<&Summary>, replayed: Option<&Summary>) -> Self {
        let exact = |amount: Option<i128>| Value::from(amount.map(|a| format_units(a.into())));
        let mut fields = Self::default();
        fields.compare("pay_count", live, replayed, |summary| summary.count.into());
        fields.compare("pay_amount_exact", live, replayed, |summary| {
            format_units(summary.sum).into()
        });
        fields.compare("pay_min", live, replayed, |summary| exact(summary.min()));
        fields.compare("pay_max", live, replayed, |summary| exact(summary.max()));
        fields.compare("late_count", live, replayed, |summary| {
            summary.late_count.into()
        });
        fields.compare("late_amount_exact", live, replayed, |summary| {
            format_units(summary.late_sum).into()
        });
        for percentile in shown_percentiles() {
            fields.compare_percentile(percentile, live, replayed);
        }
        // Other payments may have the same count, sum, least and greatest.
        for percentile in 1..=99 {
            if fields.0.is_empty() {
                fields.compare_percentile(percentile, live, replayed);
            }
        }
        if fields.0.is_empty() {
            fields.0.push(FieldDifference {
                field: "amounts".into(),
                live: "some".into(),
                replayed: "others, with the same sum and percentiles".into(),
            });
        }
        fields
    }

    fn compare_percentile(
        &mut self,
        percentile: u8,
        live: Option<&Summary>,
        replayed: Option<&Summary>,
    ) {
        let name = format!("pay_p{percentile}");
        self.compare(&name, live, replayed, |summary| {
            let amount = summary.quantile(f64::from(percentile) / 100.0);
            amount.map(|amount| nearest_double(amount.into())).into()
        });
    }

    fn compare<T>(
        &mut self,
        field: &str,
        live: Option<&T>,
        replayed: Option<&T>,
        value: impl Fn(&T) -> Value,
    ) {
        let (live, replayed) = (live.map(&value), replayed.map(&value));
        if live != replayed {
            self.0.push(FieldDifference {
                field: field.to_owned(),
                live: live.into(),
                replayed: replayed.into(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;
    use tidegauge_windows::{Aggregate, EventTime};

    use super::*;
    use crate::view::wire::TotalAnswer;

    const ONE: i128 = 1_000_000_000_000_000_000;

    fn summary(amounts: &[(i128, bool)]) -> Summary {
        let mut summary = Summary::default();
        for (amount, is_late) in amounts {
            summary.add(&(amount * ONE), *is_late);
        }
        summary
    }

    fn told(differing: Option<FigureDifference>) -> Value {
        json!(differing.unwrap().fields)
    }

    #[test]
    fn every_field_of_a_window_that_differs_is_told_with_both_values() {
        let window = |live: &Summary, replayed: &Summary| {
            FigureDifference::window(String::new, Some(live), Some(replayed))
        };
        let usual = summary(&[(1, false), (5, false)]);
        assert_eq!(window(&usual, &usual), None);
        assert_eq!(
            told(window(&usual, &summary(&[(1, false), (5, true)]))),
            json!([
                {"field": "late_count", "live": 0, "replayed": 1},
                {"field": "late_amount_exact", "live": "0", "replayed": "5"},
            ])
        );
        assert_eq!(
            told(window(&usual, &summary(&[(2, false), (4, false)]))),
            json!([
                {"field": "pay_min", "live": "1", "replayed": "2"},
                {"field": "pay_max", "live": "5", "replayed": "4"},
                {"field": "pay_p50", "live": 1.002_050_917_089_935_4, "replayed": 2.004_101_834_179_871},
                {"field": "pay_p95", "live": 4.989_988_387_126_51, "replayed": 4.0},
                {"field": "pay_p99", "live": 4.989_988_387_126_51, "replayed": 4.0},
            ])
        );
    }

    #[test]
    fn windows_whose_shown_fields_are_equal_are_told_by_another_percentile() {
        let ten = |amounts: [i128; 10]| summary(&amounts.map(|amount| (amount, false)));
        let live = ten([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        let replayed = ten([1, 3, 2, 4, 5, 6, 6, 9, 9, 10]);
        let differing = FigureDifference::window(String::new, Some(&live), Some(&replayed));
        let fields = told(differing);
        assert_eq!(fields[0]["field"], "pay_p61");
        let value = |name: &str| fields[0][name].as_f64().unwrap().round();
        assert_eq!((value("live"), value("replayed")), (7.0, 6.0));
    }

    #[test]
    fn a_total_tells_of_its_times_and_a_missing_one_of_all_its_fields() {
        let total = |first: i64| Total {
            count: 2,
            amount: I256::from(3 * ONE),
            first: EventTime::from_millis(first),
            last: EventTime::from_millis(60_000),
            known_since: EventTime::from_millis(first),
        };
        let (live, replayed) = (total(1_000), total(2_000));
        assert_eq!(
            told(FigureDifference::total(
                String::new,
                Some(&live),
                Some(&replayed)
            )),
            json!([{
                "field": "first_event_time",
                "live": "1970-01-01T00:00:01Z",
                "replayed": "1970-01-01T00:00:02Z",
            }])
        );
        let missing = told(FigureDifference::total(String::new, Some(&live), None));
        assert_eq!(
            missing[0],
            json!({"field": "pay_count", "live": 2, "replayed": null})
        );
        assert_eq!(missing.as_array().unwrap().len(), 4);
    }

    #[test]
    fn every_figure_of_a_window_is_compared_or_follows_from_those_that_are() {
        let names = |differing: Option<FigureDifference>| -> Vec<String> {
            let fields = differing.unwrap().fields.into_iter();
            fields.map(|differs| differs.field).collect()
        };
        let live = summary(&[(1, true)]);
        let window = names(FigureDifference::window(String::new, Some(&live), None));
        let total = Total {
            count: 1,
            amount: I256::ONE,
            first: EventTime::from_millis(0),
            last: EventTime::from_millis(0),
            known_since: EventTime::from_millis(0),
        };
        let total = names(FigureDifference::total(String::new, Some(&total), None));
        // Doubles of exact amounts and the mean follow; revisions differ lawfully.
        let others = ["pay_amount", "late_amount", "pay_avg", "revision"];
        for (compared, fields) in [(window, WindowAnswer::FIELDS), (total, TotalAnswer::FIELDS)] {
            for field in fields {
                let is_figure = field.kind.is_amount() || field.kind == FieldKind::Count;
                let is_compared = compared.iter().any(|name| name == field.name);
                assert!(
                    is_compared || !is_figure || others.contains(&field.name),
                    "{field:?}"
                );
            }
            for name in compared {
                assert!(fields.iter().any(|field| field.name == name), "{name}");
            }
        }
    }

    #[test]
    fn an_entry_without_amounts_tells_of_its_count_alone() {
        let count = |count| Count {
            count,
            amount: I256::ZERO,
        };
        let fields = told(FigureDifference::entry(Entry::Rejected, count(1), count(2)));
        assert_eq!(
            fields,
            json!([{"field": "count", "live": 1, "replayed": 2}])
        );
    }
}
