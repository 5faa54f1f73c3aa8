//! `produce` makes payments on stdout and in Kafka.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{Message, Offset, TopicPartitionList};
use serde_json::Value;
use tidegauge::decode::{Decoded, Decoder};
use tidegauge::domain::record::Record;

use super::{run, stdout, tidegauge};

/// A history of five thousand messages with everything in it.
const HISTORY: [&str; 18] = [
    "--start",
    "2026-11-01T00:00:00Z",
    "--count",
    "5000",
    "--per-second",
    "10",
    "--disorder",
    "4s",
    "--late-fraction",
    "0.02",
    "--too-late-fraction",
    "0.01",
    "--duplicate-fraction",
    "0.03",
    "--bad-fraction",
    "0.02",
    "--future-fraction",
    "0.01",
];

fn history(more: &[&str]) -> Vec<u8> {
    let output = run(&[&["produce", "--stdout"], &HISTORY[..], more].concat());
    assert!(output.status.success());
    output.stdout
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let first = history(&["--seed", "7"]);
    assert_eq!(first.iter().filter(|byte| **byte == b'\n').count(), 5_000);
    assert_eq!(first, history(&["--seed", "7"]));
    assert_ne!(first, history(&["--seed", "8"]));
}

#[test]
fn payments_are_those_of_the_original_generator() {
    let printed = stdout(&[
        "produce",
        "--stdout",
        "--start",
        "2026-11-01T00:00:00Z",
        "--count",
        "20000",
    ]);
    let mut branches = [0_u32; 10];
    let (mut platform_0, mut amounts, mut last_order) = (0, 0.0, 0);
    for (n, line) in printed.lines().enumerate() {
        let payment: Value = serde_json::from_str(line).unwrap();
        let fields: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
        assert_eq!(fields[0], "createTime");
        assert_eq!(
            fields[2..],
            ["orderId", "payAmount", "payPlatform", "branchId"],
            "{line}"
        );
        assert_eq!(
            payment["createTime"],
            format!("2026-11-01 00:00:{:02}", n / 1_000)
        );
        let order = payment["orderId"].as_u64().unwrap();
        assert!(order > last_order);
        last_order = order;
        branches[usize::try_from(payment["branchId"].as_u64().unwrap()).unwrap()] += 1;
        platform_0 += u32::from(payment["payPlatform"] == 0);
        let amount = payment["payAmount"].as_f64().unwrap();
        assert!((0.0..200_000.0).contains(&amount));
        amounts += amount;
    }
    assert!(
        branches.iter().all(|count| (1_800..2_200).contains(count)),
        "{branches:?}"
    );
    assert!((17_800..18_200).contains(&platform_0), "{platform_0}");
    assert!(
        (97_000.0..103_000.0).contains(&(amounts / 20_000.0)),
        "{amounts}"
    );
}

#[test]
fn the_fractions_are_those_asked_for() {
    let printed = history(&["--seed", "1"]);
    let mut decoder = Decoder::original(chrono_tz::UTC);
    let mut found: BTreeMap<&str, u32> = BTreeMap::new();
    let mut seen = std::collections::HashSet::new();
    for line in printed.split_inclusive(|byte| *byte == b'\n') {
        let line = &line[..line.len() - 1];
        let kind = match decoder.decode(&Record::of(Some(line))) {
            Decoded::Tombstone => "tombstone",
            Decoded::Filtered(_) => "filtered",
            Decoded::Reject(reject) => reject.reason.as_str(),
            Decoded::Payment(_) if !seen.insert(line) => "duplicate",
            Decoded::Payment(_) => "payment",
        };
        *found.entry(kind).or_default() += 1;
    }
    let reasons = [
        "not_json",
        "missing_field",
        "bad_field",
        "bad_time",
        "bad_amount",
        "too_large",
        "tombstone",
    ];
    assert!(
        reasons.iter().all(|reason| found.contains_key(reason)),
        "{found:?}"
    );
    let bad: u32 = reasons.iter().map(|reason| found[reason]).sum();
    // 5,000 times 0.02, and 0.03, give or take five standard deviations.
    assert!((50..=150).contains(&bad), "{found:?}");
    assert!((90..=210).contains(&found["duplicate"]), "{found:?}");
}

#[test]
fn live_payments_happen_now() {
    let before = chrono::Utc::now();
    let printed = stdout(&["produce", "--stdout", "--count", "3", "--rate", "1000000"]);
    let after = chrono::Utc::now();
    assert_eq!(printed.lines().count(), 3);
    for line in printed.lines() {
        let payment: Value = serde_json::from_str(line).unwrap();
        let time = payment["createTime"].as_str().unwrap();
        let time = chrono::NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S")
            .unwrap()
            .and_utc();
        // Whole seconds.
        assert!(
            time.timestamp() >= before.timestamp() && time <= after,
            "{line}"
        );
    }
}

#[test]
fn payments_are_written_in_the_configured_zone() {
    let first = |arguments: &[&str]| {
        let start = ["produce", "--stdout", "--count", "1", "--start"];
        stdout(&[&start, arguments].concat())[15..34].to_owned()
    };
    assert_eq!(first(&["2026-11-01T00:00:00Z"]), "2026-11-01 00:00:00");
    assert_eq!(
        first(&["2026-11-01T00:00:00Z", "--time-zone", "Asia/Shanghai"]),
        "2026-11-01 08:00:00"
    );
    assert_eq!(
        first(&["2026-11-01T00:00:00Z", "--set", "time_zone=Asia/Shanghai"]),
        "2026-11-01 08:00:00"
    );
    assert_eq!(
        first(&["2026-11-01", "--time-zone", "Asia/Shanghai"]),
        "2026-11-01 00:00:00"
    );
}

#[test]
fn a_reader_that_closes_the_pipe_is_not_a_failure() {
    let mut child = tidegauge(&["produce", "--stdout", "--start", "2026-11-01T00:00:00Z"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let mut told = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut told)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{told}");
    assert_eq!(told, "");
}

#[test]
fn kafka_gets_the_same_messages_as_stdout_in_turn() {
    let kafka = MockCluster::new(1).unwrap();
    kafka.create_topic("payment_msg", 3, 1).unwrap();
    let brokers = kafka.bootstrap_servers();
    let to_kafka = [
        "produce",
        "--seed",
        "7",
        "-o",
        "json",
        "--brokers",
        &brokers,
    ];
    let summary: Value =
        serde_json::from_str(&stdout(&[&to_kafka[..], &HISTORY].concat())).unwrap();
    assert_eq!(
        (&summary["messages"], &summary["partitions"]),
        (&5_000.into(), &3.into())
    );

    let printed = history(&["--seed", "7"]);
    let expected: Vec<&[u8]> = printed.split(|byte| *byte == b'\n').take(5_000).collect();
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &brokers)
        .set("group.id", "g")
        .create()
        .unwrap();
    let mut partitions = TopicPartitionList::new();
    for partition in 0..3 {
        partitions
            .add_partition_offset("payment_msg", partition, Offset::Beginning)
            .unwrap();
    }
    consumer.assign(&partitions).unwrap();
    for _ in 0..5_000 {
        let record = consumer
            .poll(std::time::Duration::from_secs(30))
            .expect("5,000 records")
            .unwrap();
        let n = usize::try_from(record.offset() * 3 + i64::from(record.partition())).unwrap();
        assert_eq!(
            record.payload().unwrap_or_default(),
            expected[n],
            "message {n}"
        );
        assert_eq!(
            record.payload().is_none(),
            expected[n].is_empty(),
            "message {n}"
        );
        let clock = 1_793_491_200_000 + i64::try_from(n).unwrap() / 10 * 1_000;
        assert_eq!(record.timestamp().to_millis(), Some(clock), "message {n}");
    }
}

#[test]
fn the_summary_of_what_was_sent_counts_every_kind() {
    let kafka = MockCluster::new(1).unwrap();
    kafka.create_topic("t", 2, 1).unwrap();
    let to_kafka = [
        "produce",
        "--topic",
        "t",
        "-o",
        "json",
        "--brokers",
        &kafka.bootstrap_servers(),
    ];
    let summary: Value =
        serde_json::from_str(&stdout(&[&to_kafka[..], &HISTORY].concat())).unwrap();
    let kinds = [
        "ordinary",
        "late",
        "too_late",
        "future",
        "duplicate",
        "not_json",
        "missing_field",
        "bad_field",
        "bad_time",
        "bad_amount",
        "too_large",
        "tombstone",
    ];
    let counts = kinds.map(|kind| summary[kind].as_u64().unwrap());
    assert!(counts.iter().all(|count| *count > 0), "{summary}");
    assert_eq!(counts.iter().sum::<u64>(), 5_000, "{summary}");
}

#[test]
fn a_login_that_may_not_write_is_told_so_in_place_of_what_became_of_the_messages() {
    let kafka = MockCluster::new(1).unwrap();
    kafka.create_topic("t", 2, 1).unwrap();
    // How brokers answer a user who may write to no topic at all.
    let denied = RDKafkaRespErr::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
    kafka.request_errors(RDKafkaApiKey::InitProducerId, &[denied; 16]);
    let brokers = kafka.bootstrap_servers();
    let output = run(&[
        "produce",
        "--topic",
        "t",
        "--count",
        "5",
        "--brokers",
        &brokers,
        "-vv",
    ]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let end = said.lines().last().unwrap();
    assert!(end.contains("grant the user WRITE on the topic"), "{said}");
    assert!(!end.contains("Purge"), "{said}");
}
