//! What can't be delivered keeps its own documents back, and nothing else.

use serde_json::json;

use super::fill;
use crate::support::lab::{Elastic, Kafka, eventually, unique};
use crate::support::service::Setup;
use crate::support::topic::{START, paid};

const DAY: i64 = 86_400_000;

#[test]
fn an_index_that_takes_nothing_keeps_no_reader_from_the_new_generation() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("undeliverable");
    kafka.create_topic(&name, 1);
    let setup = Setup::of(kafka, &name).delivering(elastic, &name);
    fill(&setup, 1_000, 2);
    let service = setup.serve();
    service.await_consumed(1_000);
    setup.run_json(&["replay", "-o", "json"]);

    // The new generation gets a payment for a month that is blocked.
    let block = json!({"index.blocks.write": true});
    let blocked = format!("/{name}-1m-g2-2026.11/_settings");
    elastic.put(&blocked, &block).ok();
    kafka.send(&name, [paid(0, START + 500_000, "1", 1)]);
    service.await_consumed(1_001);
    let swapped = setup.run_json(&["replay", "swap", "--timeout", "2m", "-o", "json"]);
    assert_eq!(swapped["aliases"], "moved", "{swapped}");
    let holders = |alias: &str| -> Vec<String> {
        let found = elastic.get(&format!("/_alias/{alias}"));
        let found = found.json();
        let mut holders: Vec<String> = found.as_object().unwrap().keys().cloned().collect();
        holders.sort();
        holders
    };
    let minutes = ["10", "11"].map(|month| format!("{name}-1m-g2-2026.{month}"));
    assert_eq!(holders(&format!("{name}-1m")), minutes);

    // After a restart, the index of the next month is for readers from its beginning.
    service.stop(std::time::Duration::from_secs(60));
    let service = setup.serve();
    let december = (0..3).map(|at| paid(0, START + 35 * DAY + at * 1_000, "1", 1));
    kafka.send(&name, december);
    service.await_consumed(1_004);
    let month = format!("{name}-1m-g2-2026.12");
    eventually("the index of December", || {
        (elastic.get(&format!("/{month}")).status == 200).then_some(())
    });
    assert!(holders(&format!("{name}-1m")).contains(&month));
}
