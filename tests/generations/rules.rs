//! Rules are changed by a replay, and back by a rollback.

use super::{Figures, Kafka, fill, generation, records, truth, unique};
use crate::support::lab::{Dist, Elastic};
use crate::support::service::Setup;

#[test]
fn new_rules_give_new_figures_and_a_rollback_gives_the_old_ones_back() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared(Dist::Es8)) else {
        return;
    };
    let name = unique("rules");
    kafka.create_topic(&name, 4);
    // The independent computation knows the default rules, so those are the new ones.
    let mut setup = Setup::of(kafka, &name)
        .delivering(elastic, &name)
        .with("event_time", "out_of_orderness", "\"1s\"")
        .with("event_time", "idle_after", "\"500ms\"");
    fill(&setup, 12_000, 2);
    let service = setup.serve();
    service.await_consumed(12_000);
    service.await_idle();
    service.await_delivered();
    let old = Figures::ask(&service).of_the_log();

    setup.set("event_time", "out_of_orderness", "\"5s\"");
    let replay = setup.run(&["replay", "--swap", "-o", "json"]);
    assert_eq!(replay.status.code(), Some(1), "{}", replay.stderr);
    let report: serde_json::Value = serde_json::from_str(&replay.stdout).unwrap();
    assert!(report["comparison"]["differences"].as_u64().unwrap() > 0);
    let because = report["comparison"]["because"].to_string();
    assert!(
        because
            .contains("event_time.out_of_orderness is 1s in generation 1 and 5s in generation 2"),
        "{because}"
    );
    assert_eq!(
        generation(&service),
        1,
        "it was swapped although figures differ"
    );
    let swapped = setup.run_json(&["replay", "swap", "--accept-differences", "-o", "json"]);
    assert_eq!(swapped["aliases"], "moved");
    service.await_generation(2);
    service.await_idle();
    let new = Figures::ask(&service);
    new.assert_true(&truth(&records(kafka, &name)));
    assert_ne!(new.of_the_log().ledger, old.ledger);

    // The old figures need the old rules.
    let refused = setup.run(&["replay", "rollback"]);
    assert_eq!(refused.status.code(), Some(78), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("out_of_orderness"),
        "{}",
        refused.stderr
    );
    assert_eq!(generation(&service), 2);
    setup.set("event_time", "out_of_orderness", "\"1s\"");
    setup.run_json(&["replay", "rollback", "-o", "json"]);
    service.await_generation(1);
    service.await_idle();
    let back = Figures::ask(&service).of_the_log();
    assert_eq!(back.windows, old.windows);
    assert_eq!(back.totals, old.totals);
    assert_eq!(back.ledger, old.ledger);
}
