//! Duplicates, from Kafka to Elasticsearch and over HTTP: over restarts, kills and a replay.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::support::lab::{Elastic, Kafka, Message, unique};
use crate::support::service::{Setup, quoted};
use crate::support::topic::START;

const SECOND: i64 = 1_000;
const WITHIN: i64 = 600 * SECOND;
const PARTITIONS: i32 = 3;

/// One payment of a topic.
#[derive(Clone)]
struct Order {
    partition: i32,
    /// As it is written.
    id: String,
    time: i64,
    cents: i64,
    branch: u32,
}

impl Order {
    fn message(&self) -> Message {
        let Self {
            id,
            time,
            cents,
            branch,
            ..
        } = self;
        let payload = format!(
            r#"{{"createTime":{time},"orderId":{id},"payAmount":{cents}e-2,"branchId":{branch}}}"#
        );
        Message {
            partition: self.partition,
            timestamp: *time,
            payload: Some(payload.into_bytes()),
            ..Message::default()
        }
    }
}

/// Payments a second apart in each partition. Some repeat an earlier one of any age, also with another amount or branch;
/// some have the id of one in another partition.
fn orders(count: usize, seed: u64) -> Vec<Order> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut orders: Vec<Order> = Vec::new();
    for number in 0..count {
        let partition = random.i32(0..PARTITIONS);
        let time = START + i64::try_from(number).unwrap() * SECOND;
        let mut order = Order {
            partition,
            id: match random.bool() {
                true => number.to_string(),
                false => format!("\"order-{number}\""),
            },
            time,
            cents: random.i64(1..100_000),
            branch: random.u32(..4),
        };
        if let Some(earlier) = random.choice(&orders).filter(|_| random.u8(..5) == 0) {
            match random.u8(..6) {
                0 => order.id.clone_from(&earlier.id),
                1 => {
                    order = Order {
                        branch: earlier.branch + 1,
                        ..earlier.clone()
                    }
                }
                2 => {
                    order = Order {
                        partition,
                        ..earlier.clone()
                    }
                }
                _ => order = earlier.clone(),
            }
        }
        orders.push(order);
    }
    orders
}

/// What becomes of payments, by a list of those that counted.
#[derive(Default, PartialEq, Eq, Debug)]
struct Expected {
    /// Count and cents of `counted`, `duplicate` and `conflict`.
    entries: BTreeMap<&'static str, (u64, i64)>,
    /// Count and cents of each branch.
    totals: BTreeMap<String, (u64, i64)>,
}

fn expected(orders: &[Order]) -> Expected {
    let mut expected = Expected::default();
    // Each with the highest event time of its partition right after it.
    let mut counted: Vec<(&Order, i64)> = Vec::new();
    for order in orders {
        let in_partition = |(other, _): &&(&Order, i64)| other.partition == order.partition;
        let now = counted
            .iter()
            .filter(in_partition)
            .map(|(other, _)| other.time)
            .max();
        let repeats = |(other, clock): &&(&Order, i64)| {
            other.id == order.id
                && (other.time - order.time).abs() <= WITHIN
                && now.is_some_and(|now| now - clock <= WITHIN)
        };
        let of_id: Vec<_> = counted
            .iter()
            .filter(in_partition)
            .filter(repeats)
            .collect();
        let is_same = |(other, _): &&(&Order, i64)| {
            (other.cents, other.branch) == (order.cents, order.branch)
        };
        let entry = match (of_id.is_empty(), of_id.iter().any(is_same)) {
            (true, _) => "counted",
            (_, true) => "duplicate",
            (_, false) => "conflict",
        };
        let add = |(count, cents): &mut (u64, i64)| {
            *count += 1;
            *cents += order.cents;
        };
        add(expected.entries.entry(entry).or_default());
        if entry == "counted" {
            let name = format!("Branch_{}", order.branch);
            add(expected.totals.entry(name).or_default());
            let clock = now.map_or(order.time, |now| now.max(order.time));
            counted.push((order, clock));
        }
    }
    expected
}

fn cents(exact: &Value) -> i64 {
    let exact = exact.as_str().unwrap();
    let (whole, decimals) = exact.split_once('.').unwrap_or((exact, ""));
    format!("{whole}{decimals:0<2}").parse().unwrap()
}

fn totals(items: impl IntoIterator<Item = Value>) -> BTreeMap<String, (u64, i64)> {
    let total = |total: Value| {
        let name = total["branch"].as_str().unwrap().to_owned();
        (
            name,
            (
                total["pay_count"].as_u64().unwrap(),
                cents(&total["pay_amount_exact"]),
            ),
        )
    };
    items.into_iter().map(total).collect()
}

/// What the ledger and the totals of an answer say.
fn said(ledger: &Value, totals_answer: &Value) -> Expected {
    assert_eq!(ledger["balanced"], true, "{ledger}");
    let entries = &ledger["entries"];
    let of = |names: &[&str]| {
        names.iter().fold((0, 0), |(count, sum), name| {
            let entry = &entries[name];
            (
                count + entry["count"].as_u64().unwrap(),
                sum + cents(&entry["pay_amount_exact"]),
            )
        })
    };
    Expected {
        entries: BTreeMap::from([
            (
                "counted",
                of(&["on_time", "late", "too_late", "future", "past_retention"]),
            ),
            ("duplicate", of(&["duplicate"])),
            ("conflict", of(&["conflict"])),
        ]),
        totals: totals(totals_answer["totals"].as_array().unwrap().clone()),
    }
}

fn setup(kafka: &Kafka, name: &str) -> Setup {
    let mut setup = Setup::of(kafka, name);
    // Another place than that of the original message, so that an id may be a text.
    setup.set("payment", "order_id", &quoted("$value.orderId"));
    setup.set("dedup", "by", &quoted("order_id"));
    setup.set("dedup", "within", &quoted("10m"));
    setup
}

#[test]
fn an_order_counts_once_over_restarts_and_kills_and_everywhere_the_same() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("duplicates");
    kafka.create_topic(&name, PARTITIONS);
    let setup = setup(kafka, &name).delivering(elastic, &name);
    let orders = orders(3_000, 50);
    let expected = expected(&orders);
    for entry in ["counted", "duplicate", "conflict"] {
        assert!(expected.entries[entry].0 > 20, "{expected:?}");
    }
    // In parts: after each the service is stopped, or killed while it applies the next one.
    let parts: Vec<_> = orders.chunks(500).collect();
    let mut sent = 0;
    for (at, part) in parts.iter().enumerate() {
        let service = setup.serve();
        kafka.send(&name, part.iter().map(Order::message));
        if at % 2 == 0 {
            service.kill();
        } else {
            service.await_consumed(sent + part.len() as u64);
            let stopped = service.stop(Duration::from_secs(30));
            assert!(stopped.status.success(), "{}", stopped.stderr);
        }
        sent += part.len() as u64;
    }
    let service = setup.serve();
    service.await_consumed(sent);
    service.await_delivered();
    let ledger = service.ask("ledger");
    assert_eq!(said(&ledger, &service.ask("totals")), expected);

    // Both lists, with the payment that counted, and Elasticsearch.
    let repeated = service.ask_all("duplicates", 100);
    let of = |reason: &str| {
        repeated
            .iter()
            .filter(|item| item["reason"] == reason)
            .count() as u64
    };
    assert_eq!(of("duplicate"), expected.entries["duplicate"].0);
    assert_eq!(of("conflict"), expected.entries["conflict"].0);
    let mut by_offset = BTreeMap::new();
    let mut offsets = [0_i64; PARTITIONS as usize];
    for order in &orders {
        let offset = &mut offsets[usize::try_from(order.partition).unwrap()];
        by_offset.insert((i64::from(order.partition), *offset), order);
        *offset += 1;
    }
    for item in &repeated {
        let at = |field: &str| {
            (
                item["partition"].as_i64().unwrap(),
                item[field].as_i64().unwrap(),
            )
        };
        let (first, again) = (by_offset[&at("first_offset")], by_offset[&at("offset")]);
        assert!(at("first_offset") < at("offset"), "{item}");
        assert_eq!(first.id, again.id, "{item}");
        assert_eq!(
            cents(&item["first_pay_amount_exact"]),
            first.cents,
            "{item}"
        );
        assert_eq!(cents(&item["pay_amount_exact"]), again.cents, "{item}");
    }
    let conflicts = service.ask_all("late", 100);
    assert!(conflicts.iter().all(|item| item["reason"] == "conflict"));
    assert_eq!(conflicts.len() as u64, expected.entries["conflict"].0);
    let documents = elastic.documents(&format!("{name}-late"));
    assert_eq!(documents.len(), conflicts.len());
    let documented = elastic.documents(&format!("{name}-totals"));
    let documented = totals(documented.into_iter().map(|document| document.source));
    assert_eq!(documented, expected.totals);
    let status = service.ask("status");
    let remarks = status["remarks"].to_string();
    assert!(remarks.contains("the order id of another one"), "{remarks}");
    let ids = &status["order_ids"];
    assert_eq!(ids["full_partitions"], 0);
    let remembered = ids["remembered"].as_u64().unwrap();
    // All that counted came within some more than the horizon.
    assert!(
        remembered > 500 && remembered <= expected.entries["counted"].0,
        "{ids}"
    );
    assert!(ids["memory_bytes"].as_u64() > Some(8 * remembered));
    drop(service);

    let inspected = setup.run_json(&["state", "inspect", "-o", "json"]);
    assert_eq!(inspected["storage_version"], 6);
    assert!(
        inspected["keys"]["orders"].as_u64() > Some(0),
        "{inspected}"
    );

    // The same from a file.
    let lines: Vec<String> = orders
        .iter()
        .map(|order| {
            let payment = String::from_utf8(order.message().payload.unwrap()).unwrap();
            let (partition, time) = (order.partition, order.time);
            format!(r#"{{"partition":{partition},"timestamp":{time},"payment":{payment}}}"#)
        })
        .collect();
    let file = setup.path("lines");
    fs::write(&file, lines.join("\n")).unwrap();
    let file = file.display().to_string();
    let compute = |emit: &str| setup.run_json(&["compute", &file, "--emit", emit, "-o", "json"]);
    assert_eq!(said(&compute("ledger"), &compute("totals")), expected);
    let listed = compute("duplicates");
    assert_eq!(listed["items"].as_array().unwrap().len(), repeated.len());
}

#[test]
fn a_replay_and_a_restored_backup_find_the_same_duplicates() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("replayed-duplicates");
    kafka.create_topic(&name, PARTITIONS);
    let mut setup = setup(kafka, &name);
    let orders = orders(2_000, 51);
    let (before, after) = orders.split_at(1_500);
    // One partition after the other.
    for partition in 0..PARTITIONS {
        let some = before.iter().filter(|order| order.partition == partition);
        kafka.send(&name, some.map(Order::message));
        setup.serve_until_end();
    }
    let report = setup.run_json(&["replay", "-o", "json"]);
    assert_eq!(report["comparison"]["differences"], 0, "{report}");

    let backup = setup.path("backup").display().to_string();
    setup.run_json(&["state", "backup", &backup, "-o", "json"]);
    let restored = setup.path("restored").display().to_string();
    setup.set("", "state_dir", &quoted(&restored));
    setup.run_json(&["state", "restore", &backup, "-o", "json"]);
    kafka.send(&name, after.iter().map(Order::message));
    let service = setup.serve();
    service.await_consumed(orders.len() as u64);
    let ledger = service.ask("ledger");
    assert_eq!(said(&ledger, &service.ask("totals")), expected(&orders));
}

#[test]
fn a_state_is_not_continued_with_other_rules_of_duplicates() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("dedup-rules");
    kafka.create_topic(&name, 1);
    let mut setup = Setup::of(kafka, &name);
    kafka.send(
        &name,
        orders(10, 52).iter().map(|order| Message {
            partition: 0,
            ..order.message()
        }),
    );
    setup.serve_until_end();
    let inspected = setup.run_json(&["state", "inspect", "-o", "json"]);
    assert_eq!(inspected["storage_version"], 4);
    assert_eq!(inspected["keys"].get("orders"), None);
    let service = setup.serve();
    let told = setup.run(&["query", "duplicates", "--url", service.url()]);
    let words = "payments are not compared: dedup.by is not set";
    assert!(told.stdout.contains(words), "{}", told.stdout);
    service.stop(Duration::from_secs(30));
    setup.set("dedup", "by", &quoted("order_id"));
    let refused = setup.run(&["serve", "--until-end"]);
    assert_eq!(refused.status.code(), Some(78), "{}", refused.stderr);
    let words = "dedup.by is \"\" (the default) in the state and order_id in the config";
    assert!(refused.stderr.contains(words), "{}", refused.stderr);
    // Without a section, and with one that is off, it is the same rules.
    setup.set("dedup", "by", &quoted(""));
    let ended = setup.run(&["serve", "--until-end"]);
    assert!(ended.status.success(), "{}", ended.stderr);
    let checked = setup.run(&["check"]);
    assert!(
        checked.stdout.contains("[dedup]\nby = \"\""),
        "{}",
        checked.stdout
    );
}
