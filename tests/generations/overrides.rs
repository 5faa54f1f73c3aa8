//! What others have set on the server that keeps documents out of indexes, and how `index` names it.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Kafka, fill, unique};
use crate::support::lab::{Elastic, http};
use crate::support::service::Setup;

/// A service of that name that has delivered, so that nothing is to be found.
fn delivered(kafka: &Kafka, elastic: &Elastic, name: &str) -> Setup {
    kafka.create_topic(name, 1);
    let setup = Setup::of(kafka, name).delivering(elastic, name);
    fill(&setup, 100, 2);
    setup.serve_until_end();
    assert_eq!(setup.run(&["index", "verify"]).status.code(), Some(0));
    setup
}

/// POST without a body.
#[track_caller]
fn order(elastic: &Elastic, path: &str) {
    http::send(Method::POST, &(elastic.url() + path), None).ok();
}

/// The drift that `index verify` or `index repair` finds.
#[track_caller]
fn drift(setup: &Setup, command: &str) -> Vec<String> {
    let outcome = setup.run(&["index", command, "-o", "json"]);
    let found: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let drift = found["drift"].as_array().unwrap().iter();
    let drift: Vec<String> = drift
        .map(|text| text.as_str().unwrap().to_owned())
        .collect();
    let code = i32::from(!drift.is_empty());
    assert_eq!(outcome.status.code(), Some(code), "{}", outcome.stderr);
    drift
}

#[test]
fn a_missing_pipeline_and_an_outbid_template_are_found() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("overrides");
    kafka.create_topic(&name, 1);
    let setup = Setup::of(kafka, &name).delivering(elastic, &name);
    fill(&setup, 100, 2);
    setup.serve_until_end();
    assert_eq!(setup.run(&["index", "verify"]).status.code(), Some(0));

    let totals = format!("{name}-totals-g1");
    let pipeline = json!({"index": {"default_pipeline": "enrich"}});
    elastic.put(&format!("/{totals}/_settings"), &pipeline).ok();
    let theirs = json!({
        "index_patterns": [format!("{name}-1h-*")],
        "priority": 501,
        "template": {"settings": {"index": {"number_of_replicas": 0}}},
    });
    elastic
        .put(&format!("/_index_template/{name}-theirs"), &theirs)
        .ok();
    let found = setup.run(&["index", "verify"]);
    assert_eq!(found.status.code(), Some(1));
    for part in [
        format!(
            "the index {totals} takes no document: index.default_pipeline names the pipeline enrich"
        ),
        format!("the template {name}-1h-g1 has no effect"),
        "elasticsearch.template_priority".into(),
    ] {
        assert!(found.words().contains(&part), "{part}: {}", found.stdout);
    }

    let none = json!({"index": {"default_pipeline": null}});
    elastic.put(&format!("/{totals}/_settings"), &none).ok();
    let setup = setup.with("elasticsearch", "template_priority", "502");
    setup.serve_until_end();
    assert_eq!(setup.run(&["index", "verify"]).status.code(), Some(0));
    elastic
        .delete(&format!("/_index_template/{name}-theirs"))
        .ok();
}

#[test]
fn a_closed_index_is_named_until_it_is_open_again() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("closed");
    let setup = delivered(kafka, elastic, &name);
    let totals = format!("{name}-totals-g1");
    order(elastic, &format!("/{totals}/_close"));
    let closed = format!(
        "the index {totals} can't be written to: it is closed; open it with POST {totals}/_open"
    );
    assert_eq!(drift(&setup, "verify"), [closed.as_str()]);
    assert_eq!(drift(&setup, "repair"), [closed.as_str()]);
    order(elastic, &format!("/{totals}/_open"));
    assert_eq!(drift(&setup, "verify"), [""; 0]);
}

#[test]
fn what_others_changed_in_a_template_is_named_and_the_same_in_other_words_is_not() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("edited");
    let setup = delivered(kafka, elastic, &name);
    let template = format!("{name}-totals-g1");
    let path = format!("/_index_template/{template}");
    let templates = elastic.get(&path).ok().json();
    let ours = &templates["index_templates"][0]["index_template"];
    let edited = |settings: Value| {
        let body = json!({
            "index_patterns": ours["index_patterns"],
            "priority": ours["priority"],
            "template": {"settings": settings, "mappings": ours["template"]["mappings"]},
            "_meta": ours["_meta"],
        });
        elastic.put(&path, &body).ok();
        drift(&setup, "verify")
    };
    let mut settings = ours["template"]["settings"].clone();
    settings["index"]["refresh_interval"] = json!("1000ms");
    assert_eq!(edited(settings.clone()), [""; 0]);

    let missing = edited(json!({})).join("\n");
    for setting in [
        "refresh_interval",
        "number_of_shards",
        "auto_expand_replicas",
    ] {
        let sentence = format!("the template {template}: {setting} is not set, and should be ");
        assert!(missing.contains(&sentence), "{setting}: {missing}");
    }

    settings["index"]["blocks"] = json!({"write": true});
    settings["index"]["final_pipeline"] = json!("enrich");
    assert_eq!(
        edited(settings),
        [
            format!("the template {template}: final_pipeline is enrich, and should not be set"),
            format!("the template {template}: blocks.write is true, and should not be set"),
        ]
    );
    assert_eq!(drift(&setup, "repair"), [""; 0]);
}

#[test]
fn a_template_of_others_with_the_same_priority_is_named_with_the_key_to_change() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("rival");
    kafka.create_topic(&name, 1);
    let setup = Setup::of(kafka, &name).delivering(elastic, &name);
    let rival = format!("{name}-a-template-of-another-company-with-a-long-name");
    let theirs = json!({"index_patterns": [format!("{name}-*")], "priority": 500, "template": {}});
    let path = format!("/_index_template/{rival}");
    elastic.put(&path, &theirs).ok();
    let refused = setup.run(&["index", "setup"]);
    assert_ne!(refused.status.code(), Some(0));
    let sentence = format!(
        "another template, {rival}, has the same priority, 500, and matches the same names: set \
         elasticsearch.template_priority to another number"
    );
    assert!(refused.stderr.contains(&sentence), "{}", refused.stderr);

    let setup = setup.with("elasticsearch", "template_priority", "501");
    let done = setup.run(&["index", "setup"]);
    assert_eq!(done.status.code(), Some(0), "{}", done.stderr);
    elastic.delete(&path).ok();
}
