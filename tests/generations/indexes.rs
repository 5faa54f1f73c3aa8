//! The aliases of one generation on every server, what `index` finds and repairs, and what `state`
//! shows.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use tidegauge::sink::{Publication, Upkeep};
use tidegauge_windows::{Definition, Span};

use super::{Kafka, fill, unique};
use crate::sink::till::{MINUTE, NOVEMBER, Till, config};
use crate::support::lab::{Elastic, eventually};
use crate::support::service::Setup;

#[test]
fn only_the_live_generation_has_the_public_aliases_on_every_server() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let first = config(&elastic.url());
    let mut second = first.clone();
    second.generation = 2;
    second.publication = Publication::Never;
    let prefix = &first.index_prefix;
    let legacy = first.legacy_totals.as_ref().unwrap();
    let mut till = Till::new();
    for minute in 0..5 {
        till.pay(NOVEMBER + minute * MINUTE, 3, "1");
    }
    till.commit();
    till.deliver_all(&first);
    let mut other = Till::new();
    for minute in 0..6 {
        other.pay(NOVEMBER + minute * MINUTE, 3, "2");
    }
    other.commit();
    other.deliver_all(&second);
    let minutes = format!("{prefix}-1m");
    assert_eq!(elastic.count(&minutes), 5);
    assert_eq!(elastic.count(&format!("{minutes}-g2-2026.11")), 6);

    let utc = chrono_tz::UTC;
    let definitions = [
        Definition::tumbling("1m", Span::MINUTE, Span::ZERO, utc).unwrap(),
        Definition::tumbling("1h", Span::HOUR, Span::ZERO, utc).unwrap(),
    ];
    let runtime = till.runtime();
    let aliases = |index: &str| {
        let answer = elastic.get(&format!("/{index}/_alias")).ok().json();
        let held = answer[index]["aliases"].as_object().unwrap();
        held.keys().cloned().collect::<Vec<_>>()
    };
    for (generation, count) in [(2, 6), (1, 5), (2, 6)] {
        let mut config = first.clone();
        config.generation = generation;
        let mut upkeep = Upkeep::new(&config, &definitions).unwrap();
        runtime.block_on(upkeep.publish()).unwrap();
        let audience = runtime.block_on(upkeep.audience()).unwrap();
        assert_eq!(audience, [generation].into());
        assert_eq!(elastic.count(&minutes), count);
        for (alias, own) in [
            ("totals", legacy.clone()),
            ("totals", format!("{prefix}-totals")),
        ] {
            let live = format!("{prefix}-{alias}-g{generation}");
            assert!(aliases(&live).contains(&own), "{live} lacks {own}");
            let kept = format!("{prefix}-{alias}-g{}", 3 - generation);
            assert_eq!(aliases(&kept), [format!("{kept}-write")]);
        }
    }
}

#[test]
fn a_generation_that_lost_an_index_is_not_shown_before_that_is_filled_again() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let first = config(&elastic.url());
    let mut second = first.clone();
    second.generation = 2;
    second.publication = Publication::Never;
    second.pacing.inspect = Duration::from_millis(50);
    let minutes = format!("{}-1m", first.index_prefix);
    let (own, totals) = (
        format!("{minutes}-g2-2026.11"),
        format!("{}-totals-g2", first.index_prefix),
    );
    let mut tills = [Till::new(), Till::new()];
    for till in &mut tills {
        for minute in 0..5 {
            till.pay(NOVEMBER + minute * MINUTE, 3, "1");
        }
        till.commit();
    }
    let [before, mut next] = tills;
    before.deliver_all(&first);
    next.deliver_all(&second);

    // What the generation before had is applied, and one document of it is not delivered yet.
    let block = |is_on: bool| {
        let settings = json!({"index.blocks.write": is_on});
        elastic.put(&format!("/{totals}/_settings"), &settings).ok();
    };
    block(true);
    next.pay(NOVEMBER + 5 * MINUTE, 3, "1");
    next.commit();
    second.publication = Publication::After([(0, 6)].into());
    let sink = next.deliver(&second);
    next.await_that("only the total waits", || next.dirty() == 1);
    // Then an index is lost, and its documents are marked in steps, after the rest is delivered.
    next.mark_later();
    next.take_feedback();
    elastic.delete(&format!("/{own}")).ok();
    next.await_that("the loss is noticed", || next.recreated() == 1);
    block(false);
    next.await_delivery();
    let shown = || -> Vec<String> {
        let answer = elastic.get(&format!("/_alias/{minutes}")).ok().json();
        answer.as_object().unwrap().keys().cloned().collect()
    };
    for _ in 0..20 {
        assert_eq!(shown(), [format!("{minutes}-g1-2026.11")]);
        sleep(Duration::from_millis(50));
    }
    next.mark_all();
    next.await_that("it is shown", || shown() == [own.clone()]);
    assert_eq!(elastic.count(&minutes), 6);
    next.stop(sink);
}

#[test]
fn drift_is_found_and_repaired_and_what_cannot_be_repaired_is_named() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("drift");
    kafka.create_topic(&name, 2);
    let setup = Setup::of(kafka, &name).delivering(elastic, &name);
    fill(&setup, 3_000, 2);
    setup.serve_until_end();
    let verify = |code: i32| -> Vec<String> {
        let outcome = setup.run(&["index", "verify", "-o", "json"]);
        assert_eq!(outcome.status.code(), Some(code), "{}", outcome.stderr);
        let found: Value = serde_json::from_str(&outcome.stdout).unwrap();
        let drift = found["drift"].as_array().unwrap();
        drift
            .iter()
            .map(|text| text.as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(verify(0), [""; 0]);

    let totals = format!("{name}-totals-g1");
    let minutes = format!("{name}-1m-g1-2026.11");
    elastic
        .delete(&format!("/{totals}/_alias/{name}-totals"))
        .ok();
    elastic
        .delete(&format!("/_index_template/{name}-late-g1"))
        .ok();
    elastic.delete(&format!("/{minutes}")).ok();
    let rejects = format!("{name}-rejects-g1");
    elastic.delete(&format!("/{rejects}")).ok();
    let wrong = json!({
        "mappings": {"properties": {"reason": {"type": "text"}}},
        "aliases": {format!("{rejects}-write"): {}},
    });
    elastic.put(&format!("/{rejects}"), &wrong).ok();
    let blocked = json!({"index.blocks.write": true});
    elastic
        .put(&format!("/{name}-1h-g1-2026.11/_settings"), &blocked)
        .ok();
    let template = format!("/_index_template/{totals}");
    let templates = elastic.get(&template).ok().json();
    let ours = &templates["index_templates"][0]["index_template"];
    let mut settings = ours["template"]["settings"].clone();
    settings["index"]["number_of_shards"] = json!(2);
    let changed = json!({
        "index_patterns": ours["index_patterns"],
        "priority": ours["priority"],
        "template": {"settings": settings, "mappings": ours["template"]["mappings"]},
    });
    elastic.put(&template, &changed).ok();
    let found = verify(1).join("\n");
    for part in [
        format!("the template {totals}: number_of_shards is 2, not 1"),
        format!("the index {totals} lacks the alias {name}-totals"),
        format!("the template {name}-late-g1 is missing"),
        format!("the index {minutes} is missing"),
        format!("the index {rejects}: the field reason is text, not keyword"),
        format!("the index {rejects} lacks the alias {name}-rejects"),
        format!("the index {name}-1h-g1-2026.11 can't be written to: index.blocks.write is set"),
    ] {
        assert!(found.contains(&part), "{part} is not found: {found}");
    }

    let repair = setup.run(&["index", "repair", "-o", "json"]);
    assert_eq!(repair.status.code(), Some(1), "{}", repair.stderr);
    let left: Value = serde_json::from_str(&repair.stdout).unwrap();
    let left = left["drift"].to_string();
    assert!(left.contains("the field reason is text"), "{left}");
    assert!(left.contains("index.blocks.write"), "{left}");
    assert!(!left.contains("is missing\""), "{left}");
    assert!(
        !left.contains(&format!("lacks the alias {name}-totals\"")),
        "{left}"
    );
    elastic.delete(&format!("/{rejects}")).ok();
    let blocked = json!({"index.blocks.write": null});
    elastic
        .put(&format!("/{name}-1h-g1-2026.11/_settings"), &blocked)
        .ok();
    let setup_again = setup.run(&["index", "setup"]);
    assert_eq!(setup_again.status.code(), Some(0), "{}", setup_again.stderr);

    // The service fills an index that was created again.
    let service = setup.serve();
    eventually("all documents back", || {
        let back = elastic.count(&format!("{name}-1m")) > 0
            && elastic.count(&format!("{name}-rejects")) > 0;
        back.then_some(())
    });
    service.await_delivered();
    assert_eq!(verify(0), [""; 0]);
    crate::support::compare::Figures::ask(&service).assert_documented(elastic, &name);
}

#[test]
fn repair_ends_with_0_when_no_drift_is_left_and_lists_what_waits_for_the_service_apart() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("repaired");
    kafka.create_topic(&name, 1);
    let setup = Setup::of(kafka, &name).delivering(elastic, &name);
    fill(&setup, 100, 2);
    setup.serve_until_end();
    let (totals, minutes) = (format!("{name}-totals-g1"), format!("{name}-1m-g1-2026.11"));
    let alias = format!("/{totals}/_alias/{name}-totals");
    elastic.delete(&alias).ok();
    elastic.delete(&format!("/{minutes}")).ok();
    let repair = setup.run_json(&["index", "repair", "-o", "json"]);
    assert_eq!(repair["drift"], json!([]), "{repair}");
    let waiting = format!(
        "the index {minutes} lacks the alias {minutes}-write, so no service writes to it yet: it \
         takes the index over within a minute, or when it starts"
    );
    assert_eq!(repair["waiting"], json!([waiting]), "{repair}");
    // `verify` says that something is missing, until the service has filled the index.
    assert_eq!(setup.run(&["index", "verify"]).status.code(), Some(1));
    setup.serve_until_end();
    let verified = setup.run_json(&["index", "verify", "-o", "json"]);
    assert_eq!(verified["waiting"], json!([]));
    let nothing = setup.run(&["index", "verify", "-o", "csv"]).stdout;
    assert_eq!(nothing, "kind,what\n");

    let blocked = json!({"index.blocks.write": true});
    elastic.put(&format!("/{totals}/_settings"), &blocked).ok();
    let left = setup.run(&["index", "repair"]);
    assert_eq!(left.status.code(), Some(1), "{}", left.stderr);
    assert!(left.stdout.contains(" drift "), "{}", left.stdout);
    // Into a file or a pipe, a table wraps its sentences; other forms stay in one line.
    let widest = left.stdout.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(160), "{}", left.stdout);
    let lines = setup.run(&["index", "verify", "-o", "csv"]).stdout;
    let sentence = format!("the index {totals} can't be written to: index.blocks.write is set");
    assert!(lines.contains(&sentence), "{lines}");
}

#[test]
fn repair_goes_on_past_an_index_that_refuses_it() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("refusing");
    kafka.create_topic(&name, 1);
    let setup = Setup::of(kafka, &name).delivering(elastic, &name);
    fill(&setup, 100, 2);
    setup.serve_until_end();
    let (totals, rejects) = (format!("{name}-totals-g1"), format!("{name}-rejects-g1"));
    for index in [&totals, &rejects] {
        elastic.delete(&format!("/{index}")).ok();
        // A template gives fields to an index that is created, so they are taken from it first.
        elastic.delete(&format!("/_index_template/{index}")).ok();
        let empty = json!({"mappings": {"dynamic": "strict"}});
        elastic.put(&format!("/{index}"), &empty).ok();
    }
    let read_only = |value: Value| {
        let settings = json!({"index.blocks.read_only": value});
        elastic.put(&format!("/{totals}/_settings"), &settings).ok();
    };
    read_only(json!(true));
    let repair = setup.run(&["index", "repair", "-o", "json"]);
    assert_eq!(repair.status.code(), Some(1), "{}", repair.stderr);
    let left: Value = serde_json::from_str(&repair.stdout).unwrap();
    let left = left["drift"].to_string();
    assert!(left.contains("index.blocks.read_only is set"), "{left}");
    assert!(!left.contains(&format!("{rejects}: the field")), "{left}");
    read_only(Value::Null);
    setup.run_json(&["index", "repair", "-o", "json"]);
}

#[test]
fn a_state_is_looked_into_while_a_service_works_on_it() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("inspect");
    kafka.create_topic(&name, 2);
    let setup = Setup::of(kafka, &name);
    let none = setup.run(&["state", "inspect"]);
    assert_eq!(none.status.code(), Some(1), "{}", none.stderr);
    assert!(none.stderr.contains("there is no state"), "{}", none.stderr);
    fill(&setup, 3_000, 2);
    let service = setup.serve();
    service.await_consumed(3_000);
    let seen = setup.run_json(&["state", "inspect", "-o", "json"]);
    assert_eq!(seen["topic"], name);
    assert_eq!(seen["generation"], 1);
    assert_eq!(seen["live"], true);
    assert_eq!(seen["ledger"]["consumed"], 3_000);
    assert_eq!(seen["ledger"]["balanced"], true);
    let totals = service.ask("totals");
    assert_eq!(seen["positions"], totals["reading"]["positions"]);
    let branches = totals["totals"].as_array().unwrap().len();
    assert_eq!(seen["keys"]["totals"], branches);
    assert_eq!(seen["keys"]["partitions"], 2);
    assert_eq!(seen["keys"]["unknown"], Value::Null);
    assert_eq!(
        seen["dirty_documents"],
        service.ask("status")["dirty_documents"]
    );
    assert!(seen["disk_bytes"].as_u64().unwrap() > 0);
    let table = setup.run(&["state", "inspect"]);
    assert!(
        table.stdout.contains("event_time.out_of_orderness = 5s"),
        "{}",
        table.stdout
    );
    // It was not disturbed.
    fill(&setup, 500, 2);
    service.await_consumed(3_500);
}

#[test]
fn replay_status_counts_documents_that_were_delivered_a_moment_ago() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("counted");
    kafka.create_topic(&name, 1);
    let setup = Setup::of(kafka, &name).delivering(elastic, &name);
    fill(&setup, 200, 1);
    setup.serve_until_end();
    let documents = |status: &Value, generation: usize| {
        let generation = &status["generations"][generation - 1];
        generation["documents"].as_u64().unwrap()
    };
    let first = setup.run_json(&["replay", "status", "-o", "json"]);
    setup.run_json(&["replay", "-o", "json"]);
    let both = setup.run_json(&["replay", "status", "-o", "json"]);
    let all = elastic.count(&format!("{name}-*-g1*"));
    assert!(all > 0);
    for (status, generation) in [(&first, 1), (&both, 1), (&both, 2)] {
        assert_eq!(documents(status, generation), all, "{status}");
    }
    let count = both["generations"][1]["indexes"].as_u64().unwrap();
    assert!(count > 0, "{both}");
}
