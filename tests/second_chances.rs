//! Listed records that are read again once the configuration is corrected: each counts once, whatever happens on the
//! way.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod crashes;
mod forgotten;
mod refused;
mod two_forms;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::compare::Figures;
use crate::support::lab::{Elastic, Kafka, Message, unique};
use crate::support::service::{Outcome, Setup};
use crate::support::topic::{START, paid};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// A setup whose mapping looks for the amount at a place where none is.
fn wrong(kafka: &Kafka, topic: &str) -> Setup {
    Setup::of(kafka, topic)
        .with("payment", "amount", "\"paid\"")
        .with("event_time", "zero_windows", "false")
}

fn mend(setup: &mut Setup) {
    setup.set("payment", "amount", "\"payAmount\"");
}

/// Payments in disorder, some of them two hours behind, some ahead of their records, and what is not a payment.
fn messages(count: i64) -> Vec<Message> {
    let mut random = fastrand::Rng::with_seed(13);
    let message = |at: i64| {
        let partition = i32::try_from(at % 3).unwrap();
        let now = START + 5 * HOUR + at * SECOND;
        let time = match at % 50 {
            7 => now - 2 * HOUR,
            8 => now + HOUR,
            _ => now - random.i64(0..3) * SECOND,
        };
        let amount = format!("{}.{:02}", random.u32(1..9_000), at % 100);
        let mut message = paid(partition, time, &amount, random.u32(0..5));
        message.timestamp = now;
        match at % 97 {
            3 => message.payload = Some(b"{".to_vec()),
            5 => message.payload = None,
            9 => {
                let payment = paid(partition, time, "\"much\"", 1).payload;
                message.payload = payment;
            }
            _ => {}
        }
        message
    };
    (0..count).map(message).collect()
}

/// Runs `rejects replay`, which must succeed.
#[track_caller]
fn replay(setup: &Setup, options: &[&str]) -> Value {
    setup.run_json(&[&["rejects", "replay", "-o", "json"], options].concat())
}

/// How many records have each fate in a report: list, what it was, what it is.
fn fates(report: &Value) -> BTreeMap<(String, String, String), u64> {
    let outcomes = report["outcomes"].as_array().unwrap();
    let mut fates = BTreeMap::new();
    for outcome in outcomes {
        let text = |field: &str| outcome[field].as_str().unwrap().to_owned();
        let fate = (text("list"), text("was"), text("now"));
        *fates.entry(fate).or_default() += outcome["records"].as_u64().unwrap();
    }
    fates
}

fn fate(list: &str, was: &str, now: &str) -> (String, String, String) {
    (list.to_owned(), was.to_owned(), now.to_owned())
}

/// What the state holds, but for how RocksDB keeps it.
#[track_caller]
fn inspected(setup: &Setup) -> Value {
    let mut inspected = setup.run_json(&["state", "inspect", "-o", "json"]);
    let fields = inspected.as_object_mut().unwrap();
    fields.remove("disk_bytes").unwrap();
    inspected
}

/// What is the same whenever payments were counted: not when windows were final and what was late.
fn comparable(figures: Figures) -> Figures {
    let mut figures = figures.of_the_log();
    for window in figures.windows.values_mut().flatten() {
        let fields = window.as_object_mut().unwrap();
        for field in ["final", "late_count", "late_amount", "late_amount_exact"] {
            fields.remove(field);
        }
    }
    for late in &mut figures.late {
        late.as_object_mut().unwrap().remove("watermark");
    }
    let entries = figures.ledger["entries"].as_object_mut().unwrap();
    let [on_time, late] = ["on_time", "late"].map(|entry| entries.remove(entry).unwrap());
    let count = |entry: &Value| entry["count"].as_u64().unwrap();
    entries.insert("in_windows".into(), json!(count(&on_time) + count(&late)));
    figures
}

/// The figures of a state that had this configuration from the beginning.
#[track_caller]
fn from_the_beginning(
    kafka: &Kafka,
    topic: &str,
    settings: &[(&'static str, &str, &str)],
) -> Figures {
    let mut setup = Setup::of(kafka, topic).with("event_time", "zero_windows", "false");
    for (section, key, value) in settings {
        setup.set(section, key, value);
    }
    setup.serve_until_end();
    comparable(Figures::ask(&setup.serve()))
}

fn lists(figures: &Figures) -> impl Iterator<Item = &Vec<Value>> {
    let lists = [&figures.totals, &figures.late, &figures.rejects];
    lists.into_iter().chain(figures.windows.values())
}

/// Fails with the first figure that differs.
#[track_caller]
fn assert_same(figures: Figures, expected: &Figures) {
    let figures = comparable(figures);
    assert_eq!(figures.ledger, expected.ledger);
    for (found, expected) in lists(&figures).zip(lists(expected)) {
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found, expected);
        }
        assert_eq!(found.len(), expected.len());
    }
    assert_eq!(figures, *expected);
}

#[track_caller]
fn assert_ended(outcome: &Outcome, code: i32, words: &[&str]) {
    assert_eq!(outcome.status.code(), Some(code), "{}", outcome.stderr);
    for words in words {
        assert!(
            outcome.stderr.contains(words),
            "{words}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn a_topic_that_a_wrong_mapping_rejected_has_the_figures_of_the_right_one() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("mended");
    kafka.create_topic(&name, 3);
    kafka.send(&name, messages(3_000));
    let mut setup = wrong(kafka, &name).delivering(elastic, &name);
    let summary = setup.serve_until_end();
    let rejected = summary["ledger"]["entries"]["rejected"]["count"].as_u64();
    assert_eq!(rejected, Some(elastic.count(&format!("{name}-rejects"))));
    assert!(rejected > Some(2_900), "{summary}");

    mend(&mut setup);
    let refused = setup.run(&["rejects", "replay"]);
    assert_ended(&refused, 78, &["payment.amount", "--adopt-rules"]);
    let before = inspected(&setup);
    let tried = replay(&setup, &["--adopt-rules", "--dry-run"]);
    assert_eq!(inspected(&setup), before, "a dry run changes nothing");
    let done = replay(&setup, &["--adopt-rules"]);
    assert_eq!(tried["outcomes"], done["outcomes"]);
    assert_eq!(done["adopted_rules"], tried["adopted_rules"]);
    assert_eq!(done["adopted_rules"][0]["rule"], "payment.amount");
    assert_eq!(done["adopted_rules"][0]["is"], "\"payAmount\"");
    let found = fates(&done);
    let still = [
        fate("rejects", "not_json", "rejected"),
        fate("rejects", "missing_field", "rejected"),
    ];
    assert!(still.iter().all(|fate| found.contains_key(fate)), "{done}");
    // Once more: only what is still a reject is left, and it stays as it is.
    let after = inspected(&setup);
    let again = replay(&setup, &["--list", "rejects"]);
    let left = fates(&again).into_keys().map(|(_, _, now)| now);
    assert!(left.into_iter().all(|now| now == "rejected"), "{again}");
    assert_eq!(again["adopted_rules"], json!([]));
    let since = inspected(&setup);
    for field in ["checkpoint", "ledger", "keys", "former_rules"] {
        assert_eq!(since[field], after[field], "{field}");
    }
    let former = &since["former_rules"][0];
    assert_eq!(former["until"], before["positions"]);
    assert_eq!(former["rules"], json!(["payment.amount = \"paid\""]));

    setup.serve_until_end();
    let service = setup.serve();
    let figures = Figures::ask(&service);
    // With no document left of what is not listed any more.
    figures.assert_documented(elastic, &name);
    let expected = from_the_beginning(kafka, &name, &[]);
    assert_same(figures, &expected);
    // The indexes name the rules of now.
    let mappings = elastic.get(&format!("/{name}-*-g1*/_mapping")).ok().json();
    for (index, found) in mappings.as_object().unwrap() {
        let provenance = &found["mappings"]["_meta"]["provenance"];
        let former = provenance["former_rules"].as_array();
        assert_eq!(former.map(Vec::len), Some(1), "{index}: {provenance}");
    }
    let verified = setup.run(&["index", "verify"]);
    assert_ended(&verified, 0, &[]);

    // What comes now is read by the new rules, and moves the watermark.
    let more: Vec<Message> = (0..30)
        .map(|at| paid(at % 3, START + 9 * HOUR, "5", 2))
        .collect();
    kafka.send(&name, more);
    service.await_consumed(3_030);
    service.await_delivered();
    Figures::ask(&service).assert_documented(elastic, &name);
}

#[test]
fn payments_ahead_of_their_records_come_into_their_windows_once_they_may() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("ahead");
    kafka.create_topic(&name, 3);
    kafka.send(&name, messages(1_000));
    let mut setup = Setup::of(kafka, &name)
        .with("event_time", "zero_windows", "false")
        .delivering(elastic, &name);
    setup.serve_until_end();
    let documents = elastic.count(&format!("{name}-late"));
    assert!(documents > 10, "{documents}");

    setup.set("event_time", "max_future", "\"2h\"");
    let done = replay(&setup, &["--adopt-rules", "--reason", "future"]);
    let (list, was) = ("no_window", "future");
    let found = fates(&done);
    let on_time = found.get(&fate(list, was, "on_time")).copied();
    let late = found.get(&fate(list, was, "late")).copied();
    let all = on_time.unwrap_or_default() + late.unwrap_or_default();
    assert_eq!(all, documents, "{done}");
    assert_eq!(done["records"], documents);
    setup.serve_until_end();
    let service = setup.serve();
    let figures = Figures::ask(&service);
    figures.assert_documented(elastic, &name);
    assert_eq!(elastic.count(&format!("{name}-late")), 0);
    let settings = [("event_time", "max_future", "\"2h\"")];
    assert_same(figures, &from_the_beginning(kafka, &name, &settings));
}

#[test]
fn late_payments_revise_final_windows_once_more_lateness_is_allowed() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("later");
    kafka.create_topic(&name, 1);
    let on_time = (0..40).map(|at| paid(0, START + 80 * HOUR + at * SECOND, "1", 1));
    kafka.send(&name, on_time.chain([paid(0, START, "7.5", 1)]));
    let mut setup = Setup::of(kafka, &name).delivering(elastic, &name);
    setup.serve_until_end();
    setup.set("event_time", "allowed_lateness", "\"5d\"");
    let done = replay(&setup, &["--adopt-rules"]);
    let expected = BTreeMap::from([(fate("no_window", "too_late", "late"), 1)]);
    assert_eq!(fates(&done), expected);
    assert_eq!(done["outcomes"][0]["pay_amount_exact"], "7.5");
    setup.serve_until_end();
    let service = setup.serve();
    let figures = Figures::ask(&service);
    figures.assert_documented(elastic, &name);
    let minute = figures.windows["1m"].iter();
    let minute = minute.filter(|item| item["pay_amount_exact"] == "7.5");
    let minute: Vec<&Value> = minute.collect();
    assert_eq!(minute.len(), 1);
    assert_eq!(minute[0]["final"], true);
    assert_eq!(minute[0]["revision"], 1);
    assert_eq!(minute[0]["late_amount"], 7.5);
    assert_eq!(figures.totals[0]["pay_count"], 41);
    assert_eq!(figures.late, Vec::<Value>::new());
}

#[test]
fn only_what_is_asked_for_gets_a_second_chance() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("some");
    kafka.create_topic(&name, 3);
    kafka.send(&name, messages(600));
    let mut setup = wrong(kafka, &name);
    setup.serve_until_end();
    mend(&mut setup);
    let records = |options: &[&str]| {
        let options = [&["--adopt-rules"], options].concat();
        replay(&setup, &options)["records"].as_u64().unwrap()
    };
    let dry = |options: &[&str]| records(&[&["--dry-run"], options].concat());
    let all = dry(&[]);
    let counted: Vec<u64> = (0..3)
        .map(|partition| dry(&["--partition", &partition.to_string()]))
        .collect();
    assert_eq!(counted.iter().sum::<u64>(), all);
    assert_eq!(dry(&["--list", "no-window"]), 0);
    assert_eq!(dry(&["--limit", "17"]), 17);
    let (first, last) = (["--to-offset", "50"], ["--from-offset", "50"]);
    assert_eq!(dry(&first) + dry(&last), all);
    let reasons = ["not_json", "missing_field", "bad_amount"];
    let each = reasons.map(|reason| dry(&["--reason", reason]));
    assert_eq!(each.iter().sum::<u64>(), all);
    assert!(each[0] > 0 && each[1] > each[0], "{each:?}");

    // Step by step it comes to the same as at once.
    assert_eq!(
        records(&["--limit", "100", "--reason", "missing_field"]),
        100
    );
    records(&["--partition", "1"]);
    records(&["--to-offset", "50"]);
    records(&[]);
    setup.serve_until_end();
    let expected = from_the_beginning(kafka, &name, &[]);
    assert_same(Figures::ask(&setup.serve()), &expected);
}

#[test]
fn a_reject_that_repeats_a_payment_is_a_duplicate_also_after_a_restart() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("repeated");
    kafka.create_topic(&name, 1);
    let order = |at: i64| {
        let mut message = paid(0, START + at * SECOND, "2.5", 1);
        let payload = String::from_utf8(message.payload.take().unwrap()).unwrap();
        let payload = payload.replace("\"orderId\":7", &format!("\"orderId\":{at}"));
        message.payload = Some(payload.into_bytes());
        message
    };
    kafka.send(&name, (0..20).chain(0..20).map(order));
    let dedup = [
        ("dedup", "by", "\"order_id\""),
        ("dedup", "within", "\"1h\""),
    ];
    let mut setup = wrong(kafka, &name);
    for (section, key, value) in dedup {
        setup.set(section, key, value);
    }
    setup.serve_until_end();
    mend(&mut setup);
    let was = "missing_field";
    // The ids of the first ones are remembered by the next run.
    let first = replay(&setup, &["--adopt-rules", "--to-offset", "15"]);
    let expected = BTreeMap::from([(fate("rejects", was, "on_time"), 15)]);
    assert_eq!(fates(&first), expected);
    let expected = BTreeMap::from([
        (fate("rejects", was, "on_time"), 5),
        (fate("rejects", was, "duplicate"), 20),
    ]);
    let tried = replay(&setup, &["--dry-run"]);
    assert_eq!(fates(&tried), expected);
    assert_eq!(fates(&replay(&setup, &[])), expected);
    assert_eq!(replay(&setup, &[])["records"], 0);
    let expected = from_the_beginning(kafka, &name, &dedup);
    assert_same(Figures::ask(&setup.serve()), &expected);
}
