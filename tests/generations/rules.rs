//! Rules are changed by a replay, and back by a rollback.

use tidegauge::domain::timestamp::parse_rfc3339;

use super::{Figures, Kafka, fill, generation, records, truth, unique};
use crate::support::lab::Elastic;
use crate::support::service::Setup;

#[test]
fn new_rules_give_new_figures_and_a_rollback_gives_the_old_ones_back() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
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

/// What the documents and the refusal say, word for word.
const CHANGE: [&str; 3] = ["replay", "--swap", "--accept-differences"];

/// How many payments dashboards see in the windows of a minute, by way of the public alias.
fn seen_payments(elastic: &Elastic, name: &str) -> u64 {
    elastic.refresh(&format!("{name}-*"));
    let documents = elastic.documents(&format!("{name}-1m"));
    let counts = documents
        .iter()
        .map(|document| document.source["pay_count"].as_u64().unwrap());
    counts.sum()
}

/// When the first minute begins, in ms.
fn first_window(figures: &Figures) -> i64 {
    let start = figures.windows["1m"][0]["window_start"].as_str().unwrap();
    parse_rfc3339(start).unwrap().millis()
}

#[test]
fn a_changed_rule_is_put_in_force_by_one_command_with_and_without_a_service() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("changed");
    kafka.create_topic(&name, 2);
    let mut setup = Setup::of(kafka, &name).delivering(elastic, &name).with(
        "event_time",
        "idle_after",
        "\"500ms\"",
    );
    fill(&setup, 4_000, 2);
    let service = setup.serve();
    service.await_consumed(4_000);
    service.await_idle();
    service.await_delivered();
    let before = Figures::ask(&service);
    let in_windows = before.payments_in("1m");
    assert_eq!(seen_payments(elastic, &name), in_windows);

    // While the service runs: it takes up the file when the new figures are live.
    setup.set("", "time_zone", "\"Asia/Shanghai\"");
    let changed = setup.run(&CHANGE);
    assert_eq!(changed.status.code(), Some(0), "{}", changed.stderr);
    service.await_generation(2);
    service.await_idle();
    service.await_delivered();
    let moved = Figures::ask(&service);
    let eight_hours = 8 * 3_600_000;
    assert_eq!(first_window(&moved), first_window(&before) - eight_hours);
    assert_eq!(seen_payments(elastic, &name), moved.payments_in("1m"));
    drop(service);

    // While none runs: what would start is refused, and says what to do.
    setup.set("", "time_zone", "\"UTC\"");
    let refused = setup.run(&["serve", "--until-end"]);
    assert_eq!(refused.status.code(), Some(78), "{}", refused.stderr);
    let command = format!("`tidegauge {}`", CHANGE.join(" "));
    assert!(refused.stderr.contains(&command), "{}", refused.stderr);
    let changed = setup.run(&CHANGE);
    assert_eq!(changed.status.code(), Some(0), "{}", changed.stderr);
    let service = setup.serve();
    service.await_generation(3);
    service.await_idle();
    service.await_delivered();
    let back = Figures::ask(&service);
    assert_eq!(first_window(&back), first_window(&before));
    assert_eq!(back.payments_in("1m"), in_windows);
    assert_eq!(seen_payments(elastic, &name), in_windows);
}
