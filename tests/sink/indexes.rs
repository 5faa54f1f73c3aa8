//! Templates, mappings, aliases; indexes that go, change or were there before.

use serde_json::{Value, json};
use std::time::Duration;
use tidegauge::observe::status::Condition;

use super::till::{MINUTE, NOVEMBER, Till, config, count_now};
use crate::support::lab::{Elastic, unique};

fn till() -> Till {
    let mut till = Till::new();
    for minute in 0..5 {
        till.pay(NOVEMBER + minute * MINUTE, 3, "1");
    }
    till.commit();
    till
}

fn field(elastic: &Elastic, index: &str, field: &str) -> Value {
    let mapping = elastic.get(&format!("/{index}/_mapping")).ok().json();
    let (_, index) = mapping.as_object().unwrap().iter().next().unwrap();
    index["mappings"]["properties"][field].clone()
}

fn uuid(elastic: &Elastic, index: &str) -> String {
    let settings = elastic.get(&format!("/{index}/_settings")).ok().json();
    settings[index]["settings"]["index"]["uuid"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn indexes_have_strict_mappings_settings_and_aliases() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let config = config(&elastic.url());
    let prefix = &config.index_prefix;
    till().deliver_all(&config);

    let index = format!("{prefix}-1m-g1-2026.11");
    let all = elastic.get(&format!("/{index}")).ok().json()[&index].clone();
    assert_eq!(all["mappings"]["dynamic"], "strict");
    assert_eq!(all["settings"]["index"]["refresh_interval"], "1s");
    assert_eq!(all["settings"]["index"]["auto_expand_replicas"], "0-1");
    assert_eq!(all["settings"]["index"]["number_of_shards"], "1");
    assert!(
        all["aliases"]
            .as_object()
            .unwrap()
            .contains_key(&format!("{prefix}-1m"))
    );
    for (name, kind) in [
        ("@timestamp", "date"),
        ("branch_id", "keyword"),
        ("pay_amount", "double"),
        ("pay_amount_exact", "keyword"),
        ("pay_count", "long"),
        ("final", "boolean"),
        ("watermark", "date"),
    ] {
        assert_eq!(field(elastic, &index, name)["type"], kind, "{name}");
    }
    let template = format!("{prefix}-1m-g1");
    let template = elastic
        .get(&format!("/_index_template/{template}"))
        .ok()
        .json();
    let template = &template["index_templates"][0]["index_template"];
    assert_eq!(template["priority"], 500);
    assert_eq!(template["_meta"]["managed_by"], "tidegauge");

    let legacy = config.legacy_totals.as_ref().unwrap();
    assert_eq!(elastic.count(legacy), 1);
    let refused = elastic.put(
        &format!("/{prefix}-totals-g1/_doc/x"),
        &json!({"unknown": 1}),
    );
    assert_eq!(refused.status, 400);
}

#[test]
fn setting_up_again_changes_nothing_and_sends_nothing() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let config = config(&elastic.url());
    let till = till();
    till.deliver_all(&config);
    let index = format!("{}-totals-g1", config.index_prefix);
    let before = elastic.get(&format!("/{index}/_doc/Harbour")).ok().json();
    let template = format!("/_index_template/{}*", config.index_prefix);
    let templates = elastic.get(&template).ok().json();
    till.take_feedback();
    let sink = till.deliver(&config);
    sink.await_condition(Condition::Ok, "0 documents await delivery");
    till.stop(sink);
    assert_eq!(
        elastic.get(&format!("/{index}/_doc/Harbour")).ok().json(),
        before
    );
    assert_eq!(elastic.get(&template).ok().json(), templates);
    assert_eq!(till.take_feedback(), []);
}

#[test]
fn an_index_deleted_while_documents_come_is_complete_again() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let config = config(&elastic.url());
    let prefix = &config.index_prefix;
    let mut till = till();
    let sink = till.deliver(&config);
    till.await_delivery();
    for index in ["totals-g1", "1m-g1-2026.11"] {
        elastic.delete(&format!("/{prefix}-{index}")).ok();
    }
    till.pay(NOVEMBER + 5 * MINUTE, 3, "1");
    till.commit();
    till.await_that("the minutes are back", || {
        till.dirty() == 0 && count_now(elastic, &format!("{prefix}-1m")) == Some(6)
    });
    assert_eq!(elastic.count(&format!("{prefix}-totals")), 1);
    assert_eq!(
        field(elastic, &format!("{prefix}-1m"), "branch_id")["type"],
        "keyword"
    );
    till.stop(sink);
}

#[test]
fn an_index_deleted_while_nothing_comes_is_complete_again() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let mut config = config(&elastic.url());
    config.pacing.inspect = Duration::from_millis(50);
    let till = till();
    let sink = till.deliver(&config);
    till.await_delivery();
    let alias = format!("{}-1m", config.index_prefix);
    elastic.delete(&format!("/{alias}-g1-2026.11")).ok();
    till.await_that("the minutes are back", || {
        count_now(elastic, &alias) == Some(5)
    });
    till.stop(sink);
}

#[test]
fn an_index_deleted_while_the_sink_was_away_is_complete_again() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let config = config(&elastic.url());
    let prefix = &config.index_prefix;
    let till = till();
    till.deliver_all(&config);
    for index in ["totals-g1", "1m-g1-2026.11", "1h-g1-2026.11"] {
        elastic.delete(&format!("/{prefix}-{index}")).ok();
    }
    let sink = till.deliver(&config);
    till.await_that("all is back", || {
        let count = |alias: &str| count_now(elastic, &format!("{prefix}-{alias}"));
        count("totals") == Some(1) && count("1m") == Some(5) && count("1h") == Some(1)
    });
    till.await_delivery();
    till.stop(sink);
}

#[test]
fn an_index_made_by_another_hand_is_taken_over_and_complete() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let config = config(&elastic.url());
    let till = till();
    till.deliver_all(&config);
    let index = format!("{}-1m-g1-2026.11", config.index_prefix);
    let before = uuid(elastic, &index);
    elastic.delete(&format!("/{index}")).ok();
    // From our template, but without anything in it.
    elastic.put(&format!("/{index}"), &json!({})).ok();
    assert_ne!(uuid(elastic, &index), before);
    let sink = till.deliver(&config);
    till.await_that("the minutes are back", || {
        count_now(elastic, &index) == Some(5)
    });
    till.stop(sink);
}

#[test]
fn an_index_replaced_while_we_look_is_complete_again() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let mut config = config(&elastic.url());
    config.pacing.inspect = Duration::from_millis(50);
    let till = till();
    let sink = till.deliver(&config);
    till.await_delivery();
    let index = format!("{}-1m-g1-2026.11", config.index_prefix);
    let mut ours = elastic.get(&format!("/{index}")).ok().json()[&index].clone();
    elastic.delete(&format!("/{index}")).ok();
    // As a restored snapshot would look: the same in everything but what it holds.
    ours.as_object_mut().unwrap().remove("settings");
    let _ = elastic.put(&format!("/{index}"), &ours);
    till.await_that("the minutes are back", || {
        count_now(elastic, &index) == Some(5)
    });
    till.stop(sink);
}

#[test]
fn a_first_start_delivers_nothing_twice() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let config = config(&elastic.url());
    let mut till = Till::new();
    let sink = till.deliver(&config);
    sink.await_condition(Condition::Ok, "0 documents");
    till.pay(NOVEMBER, 3, "1");
    till.commit();
    till.await_delivery();
    till.stop(sink);
    assert_eq!(till.recreated(), 0);
    let index = format!("/{}-totals-g1/_doc/Harbour", config.index_prefix);
    assert_eq!(elastic.get(&index).ok().json()["_seq_no"], 0);
}

#[test]
fn a_mapping_that_drifted_is_named_and_only_its_documents_wait() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let mut config = config(&elastic.url());
    config.pacing.inspect = Duration::from_millis(50);
    let prefix = &config.index_prefix;
    let index = format!("{prefix}-totals-g1");
    let guessed = json!({"mappings": {"properties": {"pay_amount": {"type": "float"}}}});
    elastic.put(&format!("/{index}"), &guessed).ok();
    let till = till();
    let sink = till.deliver(&config);
    let reason = sink.await_condition(Condition::Degraded, "pay_amount is float, not double");
    assert!(reason.contains(&index), "{reason}");
    till.await_that("only the total waits", || till.dirty() == 1);
    assert_eq!(elastic.count(&index), 0);
    // What the reason advises.
    elastic.delete(&format!("/{index}")).ok();
    till.await_delivery();
    assert_eq!(elastic.count(&index), 1);
    sink.await_condition(Condition::Ok, "");
    till.stop(sink);
}

#[test]
fn fields_that_a_mapping_lacks_are_added() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let config = config(&elastic.url());
    let index = format!("{}-totals-g1", config.index_prefix);
    let older = json!({"mappings": {"properties": {"pay_amount": {"type": "double"}}}});
    elastic.put(&format!("/{index}"), &older).ok();
    till().deliver_all(&config);
    assert_eq!(elastic.count(&format!("{}-totals", config.index_prefix)), 1);
    let mapping = elastic.get(&format!("/{index}/_mapping")).ok().json();
    assert_eq!(mapping[&index]["mappings"]["dynamic"], "strict");
    assert_eq!(field(elastic, &index, "branch_id")["type"], "keyword");
}

#[test]
fn an_index_that_has_the_name_of_the_old_dashboards_alias_is_named_and_stops_nothing() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let mut config = config(&elastic.url());
    config.pacing.inspect = Duration::from_millis(50);
    let legacy = unique("platform");
    config.legacy_totals = Some(legacy.clone());
    elastic.put(&format!("/{legacy}"), &json!({})).ok();
    let till = till();
    let sink = till.deliver(&config);
    till.await_delivery();
    let reason = sink.await_condition(Condition::Degraded, &legacy);
    assert!(reason.contains("elasticsearch.legacy_totals"), "{reason}");
    elastic.delete(&format!("/{legacy}")).ok();
    sink.await_condition(Condition::Ok, "");
    assert_eq!(elastic.count(&legacy), 1);
    till.stop(sink);
}
