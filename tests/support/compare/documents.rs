//! The figures held against the documents in Elasticsearch.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::differences::Differences;
use super::{Figures, millis, place, remove};

/// One document as the server holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The concrete index it lives in.
    pub index: String,
    /// Its id.
    pub id: String,
    /// The version it was written with.
    pub version: u64,
    /// Its fields.
    pub source: Value,
}

/// How documents were delivered.
#[derive(Clone, Copy, Default)]
pub struct Delivered<'a> {
    /// Fields of windows that may differ from the figures.
    pub but: &'a [&'a str],
    /// Whether documents may be newer than the figures, and more of them there.
    pub may_be_ahead: bool,
    /// Whether windows without payments that don't overlap have documents.
    pub zero_windows: bool,
}

/// Windows that don't overlap.
const TUMBLING: [&str; 2] = ["1m", "1h"];

impl Figures {
    /// Elasticsearch, which holds `all` documents under the prefix, has one for each of these figures in
    /// the indexes of the generation, and no others.
    pub fn check_documented(
        &self,
        search: &dyn Fn(&str) -> Vec<Document>,
        all: u64,
        (prefix, legacy): (&str, &str),
        how: &Delivered<'_>,
        differences: &mut Differences,
    ) {
        let Delivered {
            but,
            may_be_ahead,
            zero_windows,
        } = *how;
        let own = format!("{prefix}-NAME-g{}", self.generation());
        let mut documents = 0;
        let totals = search(&format!("{prefix}-totals"));
        documents += totals.len();
        let expected = self
            .totals
            .iter()
            .map(|total| documented_total(&own, total))
            .collect();
        check_documents(
            "totals",
            totals.clone(),
            expected,
            &[],
            may_be_ahead,
            differences,
        );
        let old = search(legacy);
        differences.check("totals under the old alias", &(old == totals), &true);
        for (name, windows) in &self.windows {
            let found = search(&format!("{prefix}-{name}"));
            documents += found.len();
            let has_zeros = zero_windows && TUMBLING.contains(name);
            let expected = windows
                .iter()
                .filter(|item| has_zeros || item["pay_count"] != 0)
                .map(|item| documented_window(&own, name, item))
                .collect();
            check_documents(name, found, expected, but, may_be_ahead, differences);
        }
        for (name, items) in [("late", &self.late), ("rejects", &self.rejects)] {
            let found = search(&format!("{prefix}-{name}"));
            documents += found.len();
            let expected = items
                .iter()
                .map(|item| documented_record(&own, name, item))
                .collect();
            check_documents(name, found, expected, &[], may_be_ahead, differences);
        }
        differences.check("documents in all indexes", &all, &(documents as u64));
    }

    fn generation(&self) -> u64 {
        self.ledger["reading"]["generation"].as_u64().unwrap_or(1)
    }
}

/// Index, id, version and fields. Names of indexes are made of one with `NAME` in it.
type Expected = (String, String, u64, Map<String, Value>);

fn documented_total(own: &str, total: &Value) -> Expected {
    let mut fields = total.as_object().unwrap().clone();
    fields.insert("@timestamp".to_owned(), total["last_event_time"].clone());
    let id = total["branch"].as_str().unwrap().to_owned();
    (
        own.replace("NAME", "totals"),
        id,
        2 * total["pay_count"].as_u64().unwrap(),
        fields,
    )
}

fn documented_window(own: &str, name: &'static str, item: &Value) -> Expected {
    let mut fields = item.as_object().unwrap().clone();
    fields.insert("@timestamp".to_owned(), item["window_start"].clone());
    let (start, end) = (millis(&item["window_start"]), millis(&item["window_end"]));
    let branch = match &item["branch_id"] {
        Value::String(text) => text.clone(),
        id => id.to_string(),
    };
    let month = DateTime::<Utc>::from_timestamp_millis(start)
        .unwrap()
        .format("%Y.%m");
    let version = 2 * item["pay_count"].as_u64().unwrap() + u64::from(item["final"] == true);
    (
        format!("{}-{month}", own.replace("NAME", name)),
        format!("{branch}@{start}-{end}"),
        version,
        fields,
    )
}

fn documented_record(own: &str, name: &str, item: &Value) -> Expected {
    let (partition, offset) = place(item);
    let fields = item.as_object().unwrap().clone();
    (
        own.replace("NAME", name),
        format!("{partition}-{offset}"),
        1,
        fields,
    )
}

fn check_documents(
    kind: &str,
    found: Vec<Document>,
    expected: Vec<Expected>,
    but: &[&str],
    may_be_ahead: bool,
    differences: &mut Differences,
) {
    let mut found: BTreeMap<String, Document> = found
        .into_iter()
        .map(|each| (each.id.clone(), each))
        .collect();
    for (index, id, version, fields) in expected {
        let place = format!("document {id} of {kind}");
        let Some(mut document) = found.remove(&id) else {
            differences.add(format!("{place} is missing"));
            continue;
        };
        differences.check(&format!("{place}: index"), &document.index, &index);
        if may_be_ahead && document.version > version {
            continue;
        }
        differences.check(&format!("{place}: version"), &document.version, &version);
        // A window's document also says how far the watermark was when it was written, and holds the
        // histogram where the server can merge it. A record's says when it came.
        let (needed, more): (&[&str], &[&str]) = match kind {
            "totals" => (&[], &[]),
            "late" | "rejects" => (&[], &["@timestamp"]),
            _ => (&["watermark"], &["pay_histogram"]),
        };
        for field in needed {
            let found = document.source.get(*field).is_some();
            differences.check(&format!("{place}: has {field}"), &found, &true);
        }
        for others in [needed, more, but] {
            remove(&mut document.source, others);
        }
        for (field, value) in fields {
            if but.contains(&field.as_str()) {
                continue;
            }
            let found = document.source.get(&field).cloned();
            differences.check(&format!("{place}: {field}"), &found, &Some(value));
            remove(&mut document.source, &[field.as_str()]);
        }
        differences.check(
            &format!("{place}: more fields"),
            &document.source,
            &json!({}),
        );
    }
    if may_be_ahead {
        return;
    }
    for id in found.keys() {
        differences.add(format!("document {id} of {kind} should not be there"));
    }
}
