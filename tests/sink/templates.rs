//! Index templates: what an operator says about them, and servers that refuse a part.

use serde_json::{Value, json};
use tidegauge::observe::status::Condition;
use tidegauge::sink::Replicas;

use super::front::Front;
use super::till::{NOVEMBER, Till, config};
use crate::support::lab::Elastic;

/// What a serverless project decides itself. It takes a refresh interval of 5 s and more.
const SERVERLESS: &[&str] = &[
    "refresh_interval",
    "number_of_shards",
    "number_of_replicas",
    "auto_expand_replicas",
    "lifecycle",
];

fn till() -> Till {
    let mut till = Till::new();
    till.pay(NOVEMBER, 3, "1.50");
    till.commit();
    till
}

#[test]
fn a_server_that_decides_on_settings_gets_templates_without_them_and_all_documents() {
    let till = till();
    let front = Front::refusing(&till, SERVERLESS);
    let sink = till.deliver(&config(&front.url()));
    till.await_delivery();
    sink.await_condition(Condition::Ok, "Elasticsearch Serverless");
    till.stop(sink);
    let templates = front.templates();
    assert_eq!(templates.len(), 5);
    for (name, template) in templates {
        assert_eq!(
            template["template"]["settings"]["index"],
            json!({}),
            "{name}"
        );
        // Absence alone would not tell that it is meant.
        assert_eq!(
            template["_meta"]["settings"], "decided by the server",
            "{name}"
        );
    }
    assert_eq!(front.bulks().concat().len(), 3);
}

#[test]
fn a_setting_that_an_operator_gives_and_the_server_refuses_is_named() {
    let till = till();
    let front = Front::refusing(&till, SERVERLESS);
    let mut sized = config(&front.url());
    sized.template.replicas = Replicas::Fixed(2);
    let mut aged = config(&front.url());
    aged.template.lifecycle_policy = Some("payments".into());
    for (config, setting) in [
        (sized, "index.number_of_replicas"),
        (aged, "[index.lifecycle]"),
    ] {
        let sink = till.deliver(&config);
        let reason = sink.await_condition(Condition::Failed, "the template");
        assert!(reason.contains(setting), "{reason}");
        till.stop(sink);
    }
    assert!(front.templates().is_empty() && front.bulks().is_empty());
}

#[test]
fn the_lifecycle_policy_is_in_every_template() {
    let till = till();
    let front = Front::start(&till, []);
    let mut config = config(&front.url());
    config.template.lifecycle_policy = Some("payments".into());
    till.deliver_all(&config);
    let templates = front.templates();
    assert_eq!(templates.len(), 5);
    for template in templates.values() {
        let settings = &template["template"]["settings"]["index"];
        assert_eq!(settings["lifecycle"]["name"], "payments");
        assert_eq!(settings["number_of_shards"], 1);
    }
}

#[test]
fn new_indexes_have_the_shards_and_replicas_of_the_configuration() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let till = till();
    let mut config = config(&elastic.url());
    config.template.shards = 3;
    config.template.replicas = Replicas::Fixed(0);
    till.deliver_all(&config);
    let index = format!("{}-totals-g1", config.index_prefix);
    let settings = elastic.get(&format!("/{index}/_settings")).ok().json();
    let settings: &Value = &settings[&index]["settings"]["index"];
    assert_eq!(settings["number_of_shards"], "3");
    assert_eq!(settings["number_of_replicas"], "0");
}
