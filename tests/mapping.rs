//! Topics of other shapes than the original one go from Kafka to exact windows in Elasticsearch, by
//! configuration alone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod shapes;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use self::shapes::{SHAPES, Shape};
use crate::support::compare::Figures;
use crate::support::lab::{Elastic, Kafka, Message, unique};
use crate::support::oracle::{Record, Truth, truth};
use crate::support::service::Setup;
use crate::support::topic::{START, payment};

const PARTITIONS: i32 = 4;
const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const UNITS_PER_CENT: i128 = 10_i128.pow(16);

/// A payment, whatever it will look like.
pub struct Sale {
    number: u64,
    /// Whole seconds.
    time: i64,
    cents: i64,
    /// 0 to 9. What odd ones are paid has no cents.
    branch: u32,
    kind: SaleKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SaleKind {
    Payment,
    /// Not in the figures, where the shape can say so.
    Failed,
    /// The row of it was deleted, where the shape can say so.
    Deleted,
    /// Without any field.
    Empty,
}

/// Sales in the order of their records: in disorder, late, too late, ahead of their records.
fn sales(count: u64, random: &mut fastrand::Rng) -> Vec<(i32, i64, Sale)> {
    (0..count)
        .map(|number| {
            let at = START + i64::try_from(number / 5).unwrap() * SECOND;
            let time = match random.u32(..1_000) {
                0..10 => at - random.i64(60..7_200) * SECOND,
                10..12 => at - 72 * HOUR,
                12..14 => at + 600 * SECOND,
                _ => at - random.i64(0..=4) * SECOND,
            };
            let branch = random.u32(0..10);
            let cents = random.i64(1..2_000_000);
            let kind = match random.u32(..100) {
                0..4 => SaleKind::Failed,
                4 => SaleKind::Deleted,
                5 => SaleKind::Empty,
                _ => SaleKind::Payment,
            };
            let sale = Sale {
                number,
                time,
                cents: if branch % 2 == 1 {
                    cents / 100 * 100
                } else {
                    cents
                },
                branch,
                kind,
            };
            (random.i32(0..PARTITIONS), at, sale)
        })
        .collect()
}

/// The topic in the shape, and the figures that an independent computation finds in the same payments
/// written as the original message.
fn topic(shape: &Shape, count: u64) -> (Vec<Message>, Truth) {
    let mut random = fastrand::Rng::with_seed(count);
    let mut offsets = BTreeMap::new();
    let (mut messages, mut originals) = (Vec::new(), Vec::new());
    let mut filtered = (0, 0);
    for (partition, timestamp, sale) in sales(count, &mut random) {
        let amount = format!("{}.{:02}", sale.cents / 100, sale.cents % 100);
        let original = match sale.kind {
            SaleKind::Failed if shape.filters => None,
            SaleKind::Deleted if shape.deletes => None,
            SaleKind::Empty => Some(b"{}".to_vec()),
            _ => {
                let amount = match shape.refunds(&sale) {
                    true => format!("-{amount}"),
                    false => amount,
                };
                Some(payment(sale.time, &amount, sale.branch))
            }
        };
        if sale.kind == SaleKind::Failed && shape.filters {
            filtered.0 += 1;
            filtered.1 += i128::from(sale.cents) * UNITS_PER_CENT;
        }
        let offset = offsets.entry(partition).or_insert(0_i64);
        originals.push(Record {
            partition,
            offset: *offset,
            timestamp,
            value: original,
        });
        *offset += 1;
        let mut message = shape.message(&sale);
        message.partition = partition;
        message.timestamp = timestamp;
        messages.push(message);
    }
    let mut truth = truth(&originals);
    // The independent computation knows no filter: it was given tombstones.
    let tombstones = truth.ledger.entry("tombstone").or_default();
    tombstones.0 -= filtered.0;
    if filtered.0 > 0 {
        truth.ledger.insert("filtered", filtered);
    }
    // What was read is what stands in this topic.
    let places = originals
        .iter()
        .map(|record| (record.partition, record.offset));
    let values: BTreeMap<(i32, i64), &Message> = places.zip(&messages).collect();
    for (place, listed) in truth.late.iter_mut().chain(&mut truth.rejected) {
        listed.value = values[place].payload.clone().unwrap_or_default();
    }
    (messages, truth)
}

/// The figures with the ids and names that the original message would give branches.
fn as_original(mut figures: Figures, shape: &Shape) -> Figures {
    let branches: BTreeMap<String, u32> = (0..10)
        .map(|branch| (shape.branch(branch), branch))
        .collect();
    let rename = |item: &mut Value| {
        let id = match &item["branch_id"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if let Some(branch) = branches.get(&id) {
            item["branch_id"] = json!(branch);
            item["branch"] = json!(format!("Branch_{branch}"));
        }
    };
    figures.totals.iter_mut().for_each(rename);
    figures.late.iter_mut().for_each(rename);
    figures.windows.values_mut().flatten().for_each(rename);
    // Texts come in the order in which they were first seen.
    let id = |item: &Value| item["branch_id"].as_u64();
    figures.totals.sort_by_key(id);
    for windows in figures.windows.values_mut() {
        windows.sort_by_key(|item| {
            (
                item["window_start"].to_string(),
                id(item),
                item["window_end"].to_string(),
            )
        });
    }
    figures
}

#[track_caller]
fn job(shape: &Shape, count: u64) {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique(shape.name);
    kafka.create_topic(&name, PARTITIONS);
    let mut setup = Setup::of(kafka, &name).delivering(elastic, &name);
    for (key, value) in shape.config {
        setup.set("payment", key, value);
    }
    let (messages, truth) = topic(shape, count);
    for entry in ["on_time", "late", "too_late", "future", "rejected"] {
        assert!(
            truth.ledger[entry].0 > 0,
            "the topic holds nothing that is {entry}"
        );
    }
    kafka.send(&name, messages);

    let summary = setup.serve_until_end();
    assert_eq!(summary["records"], count, "{summary}");
    assert_eq!(summary["ledger"]["balanced"], true, "{summary}");
    let service = setup.serve();
    let figures = Figures::ask(&service);
    figures.assert_documented(elastic, &name);
    as_original(figures, shape).assert_true(&truth);

    let sample = setup.run(&["check", "--from-topic", "--limit", "40", "-o", "ndjson"]);
    assert!(sample.status.success(), "{}", sample.stderr);
    let rows = sample
        .stdout
        .lines()
        .map(|row| serde_json::from_str(row).unwrap());
    let rows: Vec<Value> = rows.collect();
    assert_eq!(rows.len(), 40);
    let branches: Vec<String> = (0..10).map(|branch| shape.branch(branch)).collect();
    for row in rows.iter().filter(|row| row["outcome"] == "payment") {
        let branch = row["branch"].as_str().unwrap().to_owned();
        assert!(branches.contains(&branch), "{row}");
    }
}

#[test]
fn flat_with_other_names_german_dates_and_amounts() {
    job(&SHAPES[0], 20_000);
}

#[test]
fn nested_with_minor_units_a_status_and_refunds() {
    job(&SHAPES[1], 20_000);
}

#[test]
fn rows_of_a_database_by_debezium() {
    job(&SHAPES[2], 20_000);
}

#[test]
fn text_keys_from_the_key_and_a_header_of_records() {
    job(&SHAPES[3], 20_000);
}

#[test]
fn two_currencies_that_are_kept_apart() {
    job(&SHAPES[4], 20_000);
}
