//! `kibana check` says what differs in Kibana and in the mappings.

use serde_json::{Value, json};
use wiremock::matchers::{body_string_contains, method, path};
use wiremock::{Mock, ResponseTemplate};

use super::{EXPORT, StandIn, assert_ends};
use crate::kibana::{layout_of, run, stderr, stdout};

/// What Kibana holds, by id.
fn holds(kibana: &StandIn, objects: &[Value]) {
    for object in objects {
        let id = format!("\"id\":{}", object["id"]);
        let mock = Mock::given(method("POST"))
            .and(path(EXPORT))
            .and(body_string_contains(id));
        let answer = ResponseTemplate::new(200).set_body_string(object.to_string());
        kibana.mount(mock.respond_with(answer).with_priority(2));
    }
    let missing = json!({"statusCode": 400, "message": "Error fetching objects to export",
        "attributes": {"objects": [{"id": "x", "type": "y", "error": {"statusCode": 404}}]}});
    let answer = ResponseTemplate::new(400).set_body_json(missing);
    kibana.answers("POST", EXPORT, answer);
}

fn ours() -> Vec<Value> {
    layout_of("")
        .objects()
        .iter()
        .map(|object| json!(object))
        .collect()
}

#[test]
fn check_says_what_differs_in_kibana() {
    let kibana = StandIn::available("9.0.0");
    holds(&kibana, &ours());
    let output = kibana.run(&["check"]);
    assert_ends(&output, 0, &[]);
    assert!(
        stdout(&output).contains("Kibana holds them"),
        "{}",
        stdout(&output)
    );

    let kibana = StandIn::available("9.0.0");
    let mut held = ours();
    held.remove(0);
    held[1]["attributes"]["timeFieldName"] = json!("@timestamp");
    let dashboard = held.last_mut().unwrap();
    let panels = dashboard["attributes"]["panelsJSON"].as_str().unwrap();
    let other = panels.replace("\"panelIndex\":\"heatmap\"", "\"panelIndex\":\"mine\"");
    dashboard["attributes"]["panelsJSON"] = json!(other);
    holds(&kibana, &held);
    let output = kibana.run(&["check"]);
    assert_ends(
        &output,
        1,
        &[
            "index-pattern payments-totals is not there",
            "its timeFieldName is \"@timestamp\", not \"window_start\"",
            "the panel heatmap is missing",
            "the panel mine is not ours",
            "tidegauge kibana load",
        ],
    );
    // Nothing was changed by looking.
    assert_eq!(kibana.imports().len(), 0);
}

#[test]
fn check_says_what_the_live_mapping_lacks() {
    let kibana = StandIn::available("8.19.0");
    holds(&kibana, &ours());
    let elastic = StandIn::new();
    let properties = json!({"branch": {"type": "text"}, "pay_amount": {"type": "double"}});
    let mapping = json!({"payments-totals-g1": {"mappings": {"properties": properties}}});
    let answer = ResponseTemplate::new(200).set_body_json(mapping);
    elastic.answers("GET", "/payments-totals/_mapping", answer);
    let set = format!("elasticsearch.url={}", elastic.server.uri());
    let output = kibana.run(&["check", "--set", &set]);
    assert_ends(
        &output,
        1,
        &[
            "the field branch of payments-totals is text, not keyword",
            "the field pay_count of payments-totals is missing, not long",
            "the alias payments-1m does not exist yet",
        ],
    );
    assert!(
        !stderr(&output).contains("the field pay_amount of"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn nothing_is_asked_where_only_the_objects_are_to_be_checked() {
    let output = run(&["check", "--set", "elasticsearch.url=http://127.0.0.1:9"]);
    assert_ends(&output, 0, &[]);
}
