//! SQL scripts of Flink, run by Flink.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::lab::{Flink, Kafka, eventually, unique};
use crate::support::topic::{START, last_values, paid};

/// Sums of payments by branch, from one topic into another.
fn sums_by_branch(kafka: &Kafka, payments: &str, sums: &str, is_bounded: bool) -> String {
    let servers = kafka.bootstrap();
    let bounded = if is_bounded {
        "'scan.bounded.mode' = 'latest-offset',"
    } else {
        ""
    };
    format!(
        "
SET 'parallelism.default' = '2';
CREATE TABLE payments (branchId INT, payAmount DECIMAL(38, 18)) WITH (
  'connector' = 'kafka', 'topic' = '{payments}', 'properties.bootstrap.servers' = '{servers}',
  'scan.startup.mode' = 'earliest-offset', {bounded} 'format' = 'json');
CREATE TABLE sums (
  branch INT, payments BIGINT, amount STRING, PRIMARY KEY (branch) NOT ENFORCED) WITH (
  'connector' = 'upsert-kafka', 'topic' = '{sums}', 'properties.bootstrap.servers' = '{servers}',
  'key.format' = 'csv', 'value.format' = 'json');
INSERT INTO sums
  SELECT branchId, COUNT(*), CAST(SUM(payAmount) AS STRING) FROM payments GROUP BY branchId;
"
    )
}

/// Sends 1,000 payments of 0.000000000000000001, 0.100000000000000002 … to 3 branches in 2 partitions, and gives the
/// count and the sum of each branch.
fn send(kafka: &Kafka, topic: &str) -> BTreeMap<String, serde_json::Value> {
    let mut sums = [(0_u32, 0_u128); 3];
    let payments: Vec<_> = (0..1_000_u32)
        .map(|number| {
            let branch = number % 3;
            let (tenths, units) = (u128::from(number), u128::from(number) + 1);
            let amount = format!("{}.{}{units:017}", tenths / 10, tenths % 10);
            let (count, sum) = &mut sums[branch as usize];
            *count += 1;
            *sum += tenths * 10_u128.pow(17) + units;
            let time = START + i64::from(number);
            paid((number % 2).cast_signed(), time, &amount, branch)
        })
        .collect();
    kafka.send(topic, payments);
    let one = 10_u128.pow(18);
    (0..)
        .zip(sums)
        .map(|(branch, (count, sum))| {
            let amount = format!("{}.{:018}", sum / one, sum % one);
            let value = json!({"branch": branch, "payments": count, "amount": amount});
            (branch.to_string(), value)
        })
        .collect()
}

#[test]
fn a_script_on_flink_2_ends_with_the_exact_sums_of_a_topic() {
    a_bounded_script_ends_with_exact_sums(Flink::two());
}

#[test]
fn a_script_on_flink_1_ends_with_the_exact_sums_of_a_topic() {
    a_bounded_script_ends_with_exact_sums(Flink::one());
}

fn a_bounded_script_ends_with_exact_sums(flink: Option<Flink>) {
    let (Some(kafka), Some(flink)) = (Kafka::shared(), flink) else {
        return;
    };
    let (payments, sums) = (unique("flink-payments"), unique("flink-sums"));
    kafka.create_topic(&payments, 2);
    kafka.create_topic(&sums, 2);
    let expected = send(kafka, &payments);

    let script = sums_by_branch(kafka, &payments, &sums, true);
    flink.run(&script).unwrap_or_else(|error| panic!("{error}"));

    assert_eq!(last_values(kafka, &sums), expected);
}

#[test]
fn a_script_without_an_end_follows_its_topic_until_the_test_stops_it() {
    let (Some(kafka), Some(flink)) = (Kafka::shared(), Flink::two()) else {
        return;
    };
    let (payments, sums) = (unique("flink-payments"), unique("flink-sums"));
    kafka.create_topic(&payments, 2);
    kafka.create_topic(&sums, 2);

    let script = sums_by_branch(kafka, &payments, &sums, false);
    let mut running = flink.start(&script);
    let expected = send(kafka, &payments);
    eventually("the sums of all payments", || {
        if let Some(ended) = running.ended() {
            panic!("it ended: {ended:?}");
        }
        (last_values(kafka, &sums) == expected).then_some(())
    });
    let process = format!("/proc/{}", running.id());
    assert!(std::path::Path::new(&process).exists());

    drop(running);

    assert!(!std::path::Path::new(&process).exists());
}

#[test]
fn a_statement_that_fails_ends_the_script_with_the_words_of_flink() {
    let (Some(kafka), Some(flink)) = (Kafka::shared(), Flink::two()) else {
        return;
    };
    let (payments, sums) = (unique("flink-payments"), unique("flink-sums"));
    let script = sums_by_branch(kafka, &payments, &sums, true);

    let error = flink.run(&script.replace("COUNT(*)", "COUNT(nothing)"));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("Column 'nothing' not found"), "{error}");

    // A job that fails, and not its statement: there is no such topic.
    let error = flink.run(&script).unwrap_err().to_string();
    assert!(error.contains("UnknownTopicOrPartition"), "{error}");
}
