//! Branches that are texts, from Kafka to Elasticsearch, over HTTP and in every command.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::compare::Document;
use crate::support::lab::{Elastic, Kafka, Message, http, unique};
use crate::support::service::{Setup, quoted};
use crate::support::topic::START;

const MINUTE: i64 = 60_000;

/// Branches as records have them, and their ids and names.
const BRANCHES: [(&str, &str, &str); 9] = [
    (
        "\"Ä/12 🏪 'a' \\\"b\\\" @1-2\"",
        "Ä/12 🏪 'a' \"b\" @1-2",
        "Ä/12 🏪 'a' \"b\" @1-2",
    ),
    ("\"DE-0042\"", "DE-0042", "Store \"Hamburg\""),
    ("7", "7", "Branch_7"),
    ("\"1\"", "1", "Mitte"),
    ("\"Mitte\"", "Mitte", "Branch_Mitte"),
    ("\"Branch_7\"", "Branch_7", "Branch_Branch_7"),
    ("\"007\"", "007", "007"),
    (
        "\"_all, the * of <b>?&#%2F\\\\\"",
        "_all, the * of <b>?&#%2F\\",
        "_all, the * of <b>?&#%2F\\",
    ),
    // As a part of a path, this leads to the directory above.
    ("\"..\"", "..", ".."),
];

fn payload(time: i64, amount: i64, branch: &str) -> String {
    format!(r#"{{"createTime":{time},"payAmount":{amount},"branchId":{branch}}}"#)
}

/// A payment of its number and one for each of `branches`, in a minute of its own, in turn in two partitions.
fn payments(branches: &[&str]) -> Vec<Message> {
    let payments = (0..).zip(branches);
    payments
        .map(|(at, branch)| {
            let time = START + at * MINUTE;
            Message {
                partition: i32::try_from(at % 2).unwrap(),
                timestamp: time,
                payload: Some(payload(time, at + 1, branch).into_bytes()),
                ..Message::default()
            }
        })
        .collect()
}

fn setup(kafka: &Kafka, name: &str) -> Setup {
    let mut setup = Setup::of(kafka, name);
    setup.set("payment", "branch_type", "\"any\"");
    setup.set("branches", "1", &quoted("Mitte"));
    setup.set("branches", "DE-0042", "'Store \"Hamburg\"'");
    setup
}

/// Name, id and count of each total.
fn totals(documents: impl IntoIterator<Item = Value>) -> BTreeMap<String, (String, u64)> {
    let totals = documents.into_iter().map(|total| {
        let text = |field: &str| match &total[field] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let count = total["pay_count"].as_u64().unwrap();
        (text("branch"), (text("branch_id"), count))
    });
    totals.collect()
}

fn documented(elastic: &Elastic, prefix: &str) -> BTreeMap<String, (String, u64)> {
    let documents = elastic.documents(&format!("{prefix}-totals"));
    let named = |total: Document| {
        assert_eq!(total.source["branch"], *total.id);
        total.source
    };
    totals(documents.into_iter().map(named))
}

fn expected(count: u64) -> BTreeMap<String, (String, u64)> {
    let branches = BRANCHES.iter();
    branches
        .map(|(_, id, name)| ((*name).to_owned(), ((*id).to_owned(), count)))
        .collect()
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn a_text_has_its_documents_and_is_the_same_branch_after_a_restart() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("texts");
    kafka.create_topic(&name, 2);
    let setup = setup(kafka, &name).delivering(elastic, &name);
    let forward = BRANCHES.map(|(json, _, _)| json);
    kafka.send(&name, payments(&forward));
    setup.serve_until_end();
    assert_eq!(documented(elastic, &name), expected(1));

    let mut backward = forward;
    backward.reverse();
    kafka.send(&name, payments(&backward));
    let service = setup.serve();
    service.await_consumed(2 * BRANCHES.len() as u64);
    service.await_delivered();
    assert_eq!(documented(elastic, &name), expected(2));
    let minutes = elastic.documents(&format!("{name}-1m"));
    let start = START + 3 * MINUTE;
    for (branch, is_text) in [(BRANCHES[0].1, true), ("1", false)] {
        let place = if is_text { START } else { start };
        let id = format!("{branch}@{place}-{}", place + MINUTE);
        let document = minutes.iter().find(|document| document.id == id);
        let document = document.unwrap_or_else(|| panic!("{id} is missing"));
        let shown = if is_text { json!(branch) } else { json!(1) };
        assert_eq!(document.source["branch_id"], shown);
    }
    // A term finds a text whole.
    let query = json!({"query": {"term": {"branch_id": BRANCHES[0].1}}});
    let found = elastic
        .post(&format!("/{name}-1m/_search"), &query)
        .ok()
        .json();
    assert_eq!(found["hits"]["total"]["value"], 2);

    let answered = service.ask("totals")["totals"].as_array().unwrap().clone();
    assert_eq!(totals(answered), expected(2));
    for (_, id, branch) in BRANCHES {
        // A client takes `..` for the directory above, however it is written.
        if branch != ".." {
            let address = format!("{}/api/v1/totals/{}", service.url(), encoded(branch));
            let total = http::get(&address).json()["total"].clone();
            assert_eq!(totals([total])[branch].0, id);
        }
        // As a command asks for it.
        let arguments = [
            "query",
            "--url",
            service.url(),
            "totals",
            "--branch",
            branch,
            "-o",
            "json",
        ];
        let told = setup.run_json(&arguments);
        assert_eq!(told["total"]["branch"], *branch, "{told}");
        let arguments = [
            "query",
            "--url",
            service.url(),
            "windows",
            "1m",
            "--branch",
            branch,
            "-o",
            "json",
        ];
        let told = setup.run_json(&arguments);
        let items = told["items"].as_array().unwrap();
        assert!(
            !items.is_empty() && items.iter().all(|item| item["branch"] == branch),
            "{told}"
        );
    }
    drop(service);

    let inspected = setup.run_json(&["state", "inspect", "-o", "json"]);
    assert_eq!(inspected["storage_version"], 5);
    assert_eq!(inspected["keys"]["texts"], 7);

    // The same from a file.
    let lines = payments(&forward).into_iter().chain(payments(&backward));
    let lines: Vec<String> = lines
        .map(|message| String::from_utf8(message.payload.unwrap()).unwrap())
        .collect();
    let file = setup.path("lines");
    fs::write(&file, lines.join("\n")).unwrap();
    let file = file.display().to_string();
    let computed = setup.run_json(&["compute", &file, "--emit", "totals", "-o", "json"]);
    assert_eq!(
        totals(computed["totals"].as_array().unwrap().clone()),
        expected(2)
    );
}

#[test]
fn texts_that_are_renamed_or_give_up_their_name_have_one_total_each() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("renamed-texts");
    kafka.create_topic(&name, 2);
    let mut setup = Setup::of(kafka, &name).delivering(elastic, &name);
    setup.set("payment", "branch_type", "\"any\"");
    setup.set("branches", "DE", &quoted("Hamburg"));
    setup.set("branches", "AT", &quoted("Wien"));
    kafka.send(
        &name,
        payments(&["\"DE\"", "\"AT\"", "\"Mitte\"", "1", "\"CH\"", "\"CH\""]),
    );
    setup.serve_until_end();
    let named = |names: &[(&str, &str, u64)]| -> BTreeMap<String, (String, u64)> {
        let names = names.iter();
        names
            .map(|(name, id, count)| ((*name).to_owned(), ((*id).to_owned(), *count)))
            .collect()
    };
    let before = named(&[
        ("Hamburg", "DE", 1),
        ("Wien", "AT", 1),
        ("Mitte", "Mitte", 1),
        ("Branch_1", "1", 1),
        ("CH", "CH", 2),
    ]);
    assert_eq!(documented(elastic, &name), before);

    // Exchanged, named for the first time, and one whose own name another branch has now.
    setup.set("branches", "DE", &quoted("Wien"));
    setup.set("branches", "AT", &quoted("Hamburg"));
    setup.set("branches", "1", &quoted("Mitte"));
    setup.set("branches", "CH", &quoted("Bern"));
    let after = named(&[
        ("Wien", "DE", 1),
        ("Hamburg", "AT", 1),
        ("Branch_Mitte", "Mitte", 1),
        ("Mitte", "1", 1),
        ("Bern", "CH", 2),
    ]);
    let service = setup.serve();
    // Elasticsearch remembers the versions of deleted documents for a minute.
    let patience = Instant::now() + Duration::from_secs(180);
    while documented(elastic, &name) != after {
        assert!(
            Instant::now() < patience,
            "{:?}\n{}",
            documented(elastic, &name),
            service.log()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    service.await_delivered();
}

#[test]
fn a_replay_that_sees_texts_in_another_order_proves_the_same_figures() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("replayed-texts");
    kafka.create_topic(&name, 2);
    let mut setup = setup(kafka, &name);
    // The second partition first, then the first.
    let messages = payments(&BRANCHES.map(|(json, _, _)| json));
    for partition in [1, 0] {
        let some = messages
            .iter()
            .filter(|message| message.partition == partition);
        let count = some.clone().count() as u64;
        let service = setup.serve();
        let sent = service.consumed();
        kafka.send(&name, some.cloned());
        service.await_consumed(sent + count);
        let stopped = service.stop(Duration::from_secs(30));
        assert!(stopped.status.success(), "{}", stopped.stderr);
    }
    let report = setup.run_json(&["replay", "-o", "json"]);
    let comparison = &report["comparison"];
    assert_eq!(comparison["differences"], 0, "{report}");
    assert_eq!(comparison["totals"], BRANCHES.len());

    // A backup has the texts, too.
    let backup = setup.path("backup").display().to_string();
    setup.run_json(&["state", "backup", &backup, "-o", "json"]);
    let restored = setup.path("restored").display().to_string();
    setup.set("", "state_dir", &quoted(&restored));
    setup.run_json(&["state", "restore", &backup, "-o", "json"]);
    let service = setup.serve();
    let answered = service.ask("totals")["totals"].as_array().unwrap().clone();
    assert_eq!(totals(answered), expected(1));
}
