//! The figures that a service shows, held against an independent computation and against the documents
//! in Elasticsearch.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod differences;
mod documents;

pub use self::differences::Differences;
pub use self::documents::{Delivered, Document};

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::oracle::{Figure, Key, Listed, Total, Truth, exact};

/// All figures as they were answered over HTTP.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    pub totals: Vec<Value>,
    pub windows: BTreeMap<&'static str, Vec<Value>>,
    pub late: Vec<Value>,
    pub rejects: Vec<Value>,
    pub ledger: Value,
}

impl Figures {
    /// The revision of a window and what closed it say how it came about; the rest is a function of
    /// the log alone, and so is what is left here. Nor does the ledger's reading say more.
    pub fn of_the_log(mut self) -> Self {
        for item in self.windows.values_mut().flatten() {
            remove(item, &["revision", "closed_by"]);
        }
        remove(&mut self.ledger, &["reading"]);
        // Newest first: the order in which partitions were read.
        self.late.sort_by_key(place);
        self.rejects.sort_by_key(place);
        self
    }

    /// How many payments the windows of one name hold.
    pub fn payments_in(&self, window: &str) -> u64 {
        self.windows[window]
            .iter()
            .map(|item| item["pay_count"].as_u64().unwrap())
            .sum()
    }

    /// Each figure is what `truth` says, and there are no others.
    #[track_caller]
    pub fn assert_true(&self, truth: &Truth) {
        let mut differences = Differences::default();
        self.check_true(truth, &mut differences);
        differences.assert_none();
    }

    /// [`Figures::assert_true`], with what differs told to the caller.
    pub fn check_true(&self, truth: &Truth, differences: &mut Differences) {
        self.check_ledger(truth, differences);
        self.check_totals(truth, differences);
        self.check_windows(truth, differences);
        self.check_records(truth, differences);
    }

    fn check_ledger(&self, truth: &Truth, differences: &mut Differences) {
        differences.check(
            "ledger: consumed",
            &self.ledger["consumed"],
            &json!(truth.consumed),
        );
        differences.check("ledger: balanced", &self.ledger["balanced"], &json!(true));
        for entry in [
            "on_time",
            "late",
            "too_late",
            "duplicate",
            "conflict",
            "future",
            "filtered",
            "rejected",
            "tombstone",
        ] {
            let (count, amount) = truth.ledger.get(entry).copied().unwrap_or_default();
            let expected = match entry {
                "rejected" | "tombstone" => json!({"count": count}),
                _ => json!({"count": count, "pay_amount_exact": exact(amount)}),
            };
            differences.check(
                &format!("ledger: {entry}"),
                &self.ledger["entries"][entry],
                &expected,
            );
        }
    }

    fn check_totals(&self, truth: &Truth, differences: &mut Differences) {
        let found: Vec<_> = self
            .totals
            .iter()
            .map(|total| total["branch_id"].clone())
            .collect();
        let expected: Vec<_> = truth.totals.keys().map(|branch| json!(branch)).collect();
        differences.check("totals: branches", &found, &expected);
        for (item, (branch, total)) in self.totals.iter().zip(&truth.totals) {
            check_total(item, *branch, total, differences);
        }
    }

    fn check_windows(&self, truth: &Truth, differences: &mut Differences) {
        let mut found: BTreeMap<Key, &Value> = BTreeMap::new();
        for name in self.windows.keys().copied() {
            let keys: Vec<Key> = self.windows[name]
                .iter()
                .map(|item| key(name, item))
                .collect();
            differences.check(&format!("{name}: order"), &keys.is_sorted(), &true);
            found.extend(keys.into_iter().zip(&self.windows[name]));
        }
        let count: usize = self.windows.values().map(Vec::len).sum();
        differences.check("windows: keys that differ", &found.len(), &count);
        for (key, figure) in &truth.windows {
            match found.remove(key) {
                Some(item) => check_window(item, *key, figure, &truth.amounts(figure), differences),
                None => differences.add(format!("{} is missing: {figure:?}", shown(*key))),
            }
        }
        for (key, item) in found {
            differences.add(format!("{} should not be there: {item}", shown(key)));
        }
    }

    fn check_records(&self, truth: &Truth, differences: &mut Differences) {
        check_list("late", &self.late, &truth.late, differences);
        check_list("rejects", &self.rejects, &truth.rejected, differences);
    }
}

fn check_list(
    name: &str,
    items: &[Value],
    truth: &BTreeMap<(i32, i64), Listed>,
    differences: &mut Differences,
) {
    let found: BTreeMap<_, _> = items.iter().map(|item| (place(item), item)).collect();
    let (places, expected): (Vec<_>, Vec<_>) = (found.keys().collect(), truth.keys().collect());
    differences.check(name, &places, &expected);
    differences.check(&format!("{name}: how many"), &items.len(), &truth.len());
    for ((partition, offset), listed) in truth {
        if let Some(item) = found.get(&(*partition, *offset)) {
            let place = format!("{name}: {partition}-{offset}");
            check_listed(&place, item, listed, differences);
        }
    }
}

fn check_listed(place: &str, item: &Value, listed: &Listed, differences: &mut Differences) {
    /// So many bytes of a value are shown.
    const SHOWN: usize = 4_096;
    let read = &listed.value[..listed.value.len().min(SHOWN)];
    let mut expected = json!({
        "record_timestamp": time_text(listed.timestamp),
        "reason": listed.reason,
        "read": String::from_utf8_lossy(read),
    });
    let mut others = vec!["partition", "offset"];
    match listed.payment {
        None => others.push("detail"),
        Some(payment) => {
            expected["event_time"] = json!(time_text(payment.time));
            expected["watermark"] = json!(listed.watermark.map(time_text));
            expected["branch"] = json!(format!("Branch_{}", payment.branch));
            expected["branch_id"] = json!(payment.branch);
            expected["pay_amount_exact"] = json!(exact(payment.amount));
            others.push("pay_amount");
            differences.check_double(place, item, "pay_amount", Some(double(payment.amount)));
        }
    }
    differences.check_fields(place, item, &expected, &others);
}

fn check_total(item: &Value, branch: u32, total: &Total, differences: &mut Differences) {
    let expected = json!({
        "branch": format!("Branch_{branch}"),
        "branch_id": branch,
        "pay_amount_exact": exact(total.sum),
        "pay_count": total.count,
        "first_event_time": (total.first != i64::MAX).then(|| time_text(total.first)),
        "last_event_time": (total.last != i64::MIN).then(|| time_text(total.last)),
    });
    let place = format!("total of branch {branch}");
    differences.check_fields(&place, item, &expected, &["pay_amount"]);
    differences.check_double(&place, item, "pay_amount", Some(double(total.sum)));
}

fn check_window(
    item: &Value,
    key: Key,
    figure: &Figure,
    amounts: &[i128],
    differences: &mut Differences,
) {
    let place = shown(key);
    let (name, start, branch, end) = key;
    let expected = json!({
        "window": name,
        "window_start": time_text(start),
        "window_end": time_text(end),
        "branch": format!("Branch_{branch}"),
        "branch_id": branch,
        "pay_amount_exact": exact(figure.sum),
        "pay_count": figure.count,
        "final": figure.is_final,
        "late_count": figure.late_count,
        "late_amount_exact": exact(figure.late_sum),
    });
    const OTHERS: [&str; 10] = [
        "pay_amount",
        "pay_min",
        "pay_max",
        "pay_avg",
        "pay_p50",
        "pay_p95",
        "pay_p99",
        "closed_by",
        "revision",
        "late_amount",
    ];
    differences.check_fields(&place, item, &expected, &OTHERS);
    differences.check(
        &format!("{place}: closed_by"),
        &item["closed_by"].is_string(),
        &figure.is_final,
    );
    differences.check_double(&place, item, "pay_amount", Some(double(figure.sum)));
    differences.check_double(&place, item, "late_amount", Some(double(figure.late_sum)));
    differences.check_double(
        &place,
        item,
        "pay_min",
        amounts.first().map(|least| double(*least)),
    );
    differences.check_double(
        &place,
        item,
        "pay_max",
        amounts.last().map(|greatest| double(*greatest)),
    );
    let average = (figure.count > 0).then(|| average(figure.sum, figure.count));
    differences.check_double(&place, item, "pay_avg", average);
    for (field, percent) in [("pay_p50", 50), ("pay_p95", 95), ("pay_p99", 99)] {
        let rank = (amounts.len() * percent).div_ceil(100).max(1);
        let wanted = amounts.get(rank - 1).map(|amount| double(*amount));
        let found = item[field].as_f64();
        // Two significant digits: a bin is at most 1/128 as wide as the values in it.
        let is_near = match (found, wanted) {
            (Some(found), Some(wanted)) => (found - wanted).abs() <= wanted.abs() / 250.0,
            (found, wanted) => found.is_none() && wanted.is_none() && item[field].is_null(),
        };
        differences.check(
            &format!("{place}: {field}: {found:?} for {wanted:?}"),
            &is_near,
            &true,
        );
    }
}

pub fn key(name: &'static str, item: &Value) -> Key {
    let branch = u32::try_from(item["branch_id"].as_u64().unwrap()).unwrap();
    (
        name,
        millis(&item["window_start"]),
        branch,
        millis(&item["window_end"]),
    )
}

pub fn shown((name, start, branch, end): Key) -> String {
    format!(
        "{name} {} to {} of branch {branch}",
        time_text(start),
        time_text(end)
    )
}

/// Partition and offset.
fn place(item: &Value) -> (i32, i64) {
    (
        i32::try_from(item["partition"].as_i64().unwrap()).unwrap(),
        item["offset"].as_i64().unwrap(),
    )
}

/// The time that an RFC 3339 text says, in ms since the epoch.
#[track_caller]
pub fn millis(time: &Value) -> i64 {
    let text = time.as_str().unwrap_or_else(|| panic!("no time: {time}"));
    DateTime::parse_from_rfc3339(text)
        .unwrap()
        .timestamp_millis()
}

/// The time as it is shown: in UTC, with milliseconds only where there are any.
pub fn time_text(millis: i64) -> String {
    let time = DateTime::<Utc>::from_timestamp_millis(millis).unwrap();
    let format = if millis % 1_000 == 0 {
        SecondsFormat::Secs
    } else {
        SecondsFormat::Millis
    };
    time.to_rfc3339_opts(format, true)
}

/// The double that the exact decimal reads as.
fn double(units: i128) -> f64 {
    exact(units).parse().unwrap()
}

/// The double that the mean reads as: divided on paper, to 40 more digits, and a last one if anything is left.
fn average(units: i128, count: u64) -> f64 {
    let count = u128::from(count);
    let (mut digits, mut left) = (units.unsigned_abs() / count, units.unsigned_abs() % count);
    let mut text = digits.to_string();
    for _ in 0..40 {
        digits = left * 10 / count;
        left = left * 10 % count;
        text += &digits.to_string();
    }
    text += if left > 0 { "1" } else { "0" };
    let sign = if units < 0 { "-" } else { "" };
    format!("{sign}{text}e-59").parse().unwrap()
}

pub fn remove(item: &mut Value, fields: &[&str]) {
    let object = item.as_object_mut().unwrap();
    object.retain(|field, _| !fields.contains(&field.as_str()));
}
