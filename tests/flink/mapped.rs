//! Records of another form, conditions, currencies and branches that are texts: Flink reads them as the service does.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::topic::{create, differences, exported, of_service, of_topics};
use crate::support::lab::{Flink, Kafka, Message, unique};
use crate::support::service::Setup;

/// 2026-11-01T00:00:00Z, in seconds.
const START: u64 = 1_793_491_200;
const NAMES: [&str; 2] = ["1m", "1h"];

const WHERE: &str =
    r#"status in ["captured", "settled"] && !(flags.test) && (minor >= 100 || has(note.text))"#;
const NEGATIVE: &str = r#"kind == "refund" || tags[0].startsWith("rev")"#;

/// Records whose condition is not decided, or that lack a part of their branch: neither is a payment.
const BAD: [&str; 6] = [
    r#"{"data":{"at":1793491200,"minor":100,"cur":"EUR","flags":{"test":false},"kind":"sale","tags":["a"],"store":{"id":1}}}"#,
    r#"{"data":{"at":1793491200,"minor":100,"cur":"EUR","status":"settled","flags":{},"kind":"sale","tags":["a"],"store":{"id":1}}}"#,
    r#"{"data":{"at":1793491200,"minor":100,"cur":"EUR","status":"settled","flags":{"test":false},"tags":["a"],"store":{"id":1}}}"#,
    r#"{"data":{"at":1793491200,"minor":100,"cur":"E-R","status":"settled","flags":{"test":false},"kind":"sale","tags":["a"],"store":{"id":1}}}"#,
    r#"{"data":{"at":1793491200,"minor":100,"cur":"EUR","status":"settled","flags":{"test":false},"kind":"sale","tags":["a"],"store":{}}}"#,
    r#"{"other":{}}"#,
];

#[test]
fn mapped_records_have_the_same_figures_on_flink() {
    let (Some(kafka), Some(flink)) = (Kafka::shared(), Flink::two()) else {
        return;
    };
    let topic = unique("flink-mapped");
    kafka.create_topic(&topic, 2);
    let mut random = fastrand::Rng::with_seed(4);
    let mut messages: Vec<Message> = (0..1_000).map(|_| record(&mut random)).collect();
    messages.extend(BAD.map(|value| stamped(0, "north", value.to_owned())));
    // 256 bytes can be a branch, and 258 can't, although they are fewer characters.
    for letters in [128, 129] {
        let store = "é".repeat(letters - 3);
        messages.push(stamped(
            0,
            "x",
            BAD[0]
                .replace("\"id\":1", &format!("\"id\":\"{store}\""))
                .replace("\"kind\"", "\"status\":\"settled\",\"kind\""),
        ));
    }
    let count = messages.len() as u64;
    kafka.send(&topic, messages);
    let setup = Setup::of(kafka, &topic)
        .with(
            "",
            "window",
            r#"[{ name = "1m", size = "1m" }, { name = "1h", size = "1h" }]"#,
        )
        .with("event_time", "zero_windows", "false")
        .with("payment", "envelope", "\"data\"")
        .with("payment", "event_time", "\"at\"")
        .with("payment", "event_time_format", "\"epoch_s\"")
        .with("payment", "amount", "\"minor\"")
        .with("payment", "amount_scale", "2")
        .with("payment", "branch", "\"{$header.region}/{store.id}\"")
        .with("payment", "order_id", "\"\"")
        .with("payment", "currency", "\"cur\"")
        .with("payment", "where", &format!("'{WHERE}'"))
        .with("payment", "negative_where", &format!("'{NEGATIVE}'"));
    let service = setup.serve();
    service.await_consumed(count);
    let entries = service.ask("ledger")["entries"].clone();
    // Also those of which it can't be told whether they have a note with a text.
    assert!(
        entries["rejected"]["count"].as_u64().unwrap() > BAD.len() as u64,
        "{entries}"
    );
    assert_ne!(entries["filtered"]["count"], 0, "{entries}");
    let prefix = unique("mapped-figures");
    create(kafka, &prefix, &NAMES);

    let script = exported(&setup, &["--prefix", &prefix]);
    flink.run(&script).unwrap_or_else(|error| panic!("{error}"));

    let ours = of_service(&service, &NAMES);
    let differ = differences(&ours, &of_topics(kafka, &prefix, &NAMES));
    assert!(
        differ.is_empty(),
        "{} of {}: {:#?}",
        differ.len(),
        ours.len(),
        &differ[..differ.len().min(9)]
    );
    let branches = ours.keys().filter(|(window, _)| window == "totals").count();
    assert!(branches > 8, "{branches} branches");
}

fn record(random: &mut fastrand::Rng) -> Message {
    let partition = i32::from(random.u8(..2));
    let mut one_of = |from: &[&'static str]| from[random.usize(..from.len())];
    let status = one_of(&["captured", "settled", "failed"]);
    let currency = one_of(&["EUR", "usd", "JPY"]);
    let kind = one_of(&["sale", "sale", "refund"]);
    let tag = one_of(&["a", "reversal", "b"]);
    let note = one_of(&["", r#","note":{"text":"x"}"#, r#","note":{}"#]);
    let test = one_of(&["false", "false", "true"]);
    let region = one_of(&["north", "süd"]);
    let store = one_of(&["7", "\"A-1\"", "\"007\"", "12"]);
    let value = format!(
        r#"{{"data":{{"at":{},"minor":{},"cur":"{currency}","status":"{status}","flags":{{"test":{test}}},"kind":"{kind}","tags":["{tag}"],"store":{{"id":{store}}}{note}}}}}"#,
        START + random.u64(..7_200),
        random.u32(..200),
    );
    stamped(partition, region, value)
}

fn stamped(partition: i32, region: &str, value: String) -> Message {
    Message {
        partition,
        timestamp: i64::try_from(START + 7_200).unwrap() * 1_000,
        headers: vec![("region".to_owned(), region.as_bytes().to_vec())],
        payload: Some(value.into_bytes()),
        ..Message::default()
    }
}
