//! What only the simulation has: what operators and accidents do to it, faults by choice, copies.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::mapping;
use crate::simulation::search_server::{
    Block, ItemFault, ItemFaults, SearchRequest, SearchResponse, SearchServer,
};

fn ask(server: &mut SearchServer, method: &str, path: &str, body: &str) -> SearchResponse {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let query: Vec<(&str, &str)> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .collect();
    server.answer(&SearchRequest {
        method,
        path,
        query: &query,
        body: body.as_bytes(),
    })
}

fn json_of(answer: &SearchResponse) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

/// The statuses of a bulk of documents with these ids and this version.
fn write(server: &mut SearchServer, ids: &[&str], version: i64) -> Vec<u64> {
    let lines: String = ids
        .iter()
        .map(|id| {
            let action = json!({ "index": {
                "_index": "one-write", "_id": id,
                "version": version, "version_type": "external_gte",
            } });
            format!("{action}\n{}\n", json!({ "pay_count": version }))
        })
        .collect();
    let answer = ask(server, "POST", "/_bulk?require_alias=true", &lines);
    let items = json_of(&answer)["items"].as_array().unwrap().clone();
    let statuses = items.iter().map(|item| item["index"]["status"].as_u64());
    statuses.map(Option::unwrap).collect()
}

fn with_an_index() -> SearchServer {
    let mut server = SearchServer::new();
    let body = json!({
        "mappings": mapping(),
        "aliases": { "public": {}, "one-write": { "is_hidden": true } },
    });
    let made = ask(&mut server, "PUT", "/one", &body.to_string());
    assert_eq!(made.status, 200);
    server
}

fn uuid(server: &mut SearchServer) -> String {
    let answer = ask(server, "GET", "/one", "");
    let uuid = &json_of(&answer)["one"]["settings"]["index"]["uuid"];
    uuid.as_str().unwrap().to_owned()
}

#[test]
fn a_request_that_the_sink_does_not_send_is_refused_by_name() {
    let mut server = with_an_index();
    for (method, path, named) in [
        (
            "POST",
            "/one/_delete_by_query",
            "POST /one/_delete_by_query",
        ),
        ("PUT", "/_cluster/settings", "PUT /_cluster/settings"),
        ("GET", "/one/_count?q=x", "GET /one/_count?q=x"),
        ("PATCH", "/one", "PATCH /one"),
    ] {
        let answer = ask(&mut server, method, path, "");
        assert_eq!(answer.status, 400);
        let wanted = format!("simulated server: unsupported {named}");
        assert_eq!(json_of(&answer)["error"], wanted.as_str());
    }
}

#[test]
fn a_document_with_a_fault_is_refused_and_not_applied() {
    let mut server = with_an_index();
    let faults = BTreeMap::from([(1, ItemFault::Rejected), (3, ItemFault::Unavailable)]);
    server.set_item_faults(ItemFaults::at(faults));
    assert_eq!(write(&mut server, &["a", "b", "c"], 2), [201, 429, 201]);
    assert_eq!(write(&mut server, &["d", "b"], 2), [503, 201]);
    let ids: Vec<String> = server.documents("public").into_keys().collect();
    assert_eq!(ids, ["a", "b", "c"]);

    let bad = ["d".to_owned()].into();
    server.set_item_faults(ItemFaults::of_ids(bad, ItemFault::Unparsable));
    assert_eq!(write(&mut server, &["d", "a", "d"], 4), [400, 200, 400]);
    server.set_item_faults(ItemFaults::deciding(|item| {
        (item.index == "one" && item.id == "e" && !item.is_deleted).then_some(ItemFault::Rejected)
    }));
    assert_eq!(write(&mut server, &["e", "a"], 4), [429, 200]);
    server.set_item_faults(ItemFaults::none());
    assert_eq!(write(&mut server, &["e", "d"], 4), [201, 201]);
}

#[test]
fn a_copy_that_is_put_back_has_the_documents_and_versions_of_its_time() {
    let mut server = with_an_index();
    write(&mut server, &["a"], 2);
    let copy = server.clone();
    let before = uuid(&mut server);
    write(&mut server, &["a", "b"], 8);
    server.delete_index("one");
    assert_eq!(write(&mut server, &["a"], 9), [404]);

    server.roll_back(&copy);
    assert_eq!(uuid(&mut server), before);
    assert_eq!(server.versions("one"), BTreeMap::from([("a".into(), 2)]));
    server.restore(&copy);
    let restored = uuid(&mut server);
    assert_ne!(restored, before);
    // None is used twice, whatever is put back.
    server.roll_back(&copy);
    server.delete_index("one");
    let body = json!({ "mappings": mapping() }).to_string();
    ask(&mut server, "PUT", "/one", &body);
    let new = uuid(&mut server);
    assert!(new != before && new != restored, "{new}");
}

#[test]
fn what_an_operator_does_shows_in_the_answers() {
    let mut server = with_an_index();
    let template = json!({ "index_patterns": ["one*"], "priority": 1 }).to_string();
    ask(&mut server, "PUT", "/_index_template/ours", &template);
    assert_eq!(server.templates(), ["ours"]);
    server.delete_template("ours");
    assert_eq!(
        ask(&mut server, "GET", "/_index_template/ours", "").status,
        404
    );

    server.set_block("one", Some(Block::ReadOnlyAllowDelete));
    assert_eq!(write(&mut server, &["a"], 2), [429]);
    server.set_block("one", Some(Block::Write));
    assert_eq!(write(&mut server, &["a"], 2), [403]);
    server.set_block("one", None);
    server.close_index("one");
    assert_eq!(write(&mut server, &["a"], 2), [400]);
    server.open_index("one");
    assert_eq!(write(&mut server, &["a"], 2), [201]);

    assert_eq!(server.alias_targets("public"), ["one"]);
    server.delete_alias("public");
    assert!(server.alias_targets("public").is_empty());
    assert!(server.documents("public").is_empty());
    assert_eq!(server.indexes(), ["one"]);

    server.set_longest_body(100);
    let answer = ask(&mut server, "POST", "/_bulk", &"x".repeat(101));
    assert_eq!((answer.status, answer.body.len()), (413, 0));

    let cluster =
        |server: &mut SearchServer| json_of(&ask(server, "GET", "/", ""))["cluster_uuid"].clone();
    let before = cluster(&mut server);
    server.change_cluster("another");
    assert_ne!(cluster(&mut server), before);
    assert!(server.indexes().is_empty());
}

#[test]
fn a_search_sees_a_write_after_a_refresh_and_a_deletion_is_forgotten_on_demand() {
    let mut server = with_an_index();
    write(&mut server, &["a"], 8);
    let count = |server: &mut SearchServer| {
        json_of(&ask(server, "GET", "/one/_count", ""))["count"].clone()
    };
    assert_eq!(count(&mut server), 0);
    server.refresh_all();
    assert_eq!(count(&mut server), 1);
    let delete = json!({ "delete": {
        "_index": "one", "_id": "a", "version": 8, "version_type": "external_gte",
    } });
    ask(&mut server, "POST", "/_bulk", &format!("{delete}\n"));
    assert_eq!(write(&mut server, &["a"], 7), [409]);
    server.forget_deleted();
    assert_eq!(write(&mut server, &["a"], 7), [201]);
}

#[test]
fn the_same_requests_get_the_same_answers() {
    let life = || {
        let mut server = with_an_index();
        let mut answers = Vec::new();
        for version in [2, 4, 3] {
            write(&mut server, &["b", "a"], version);
            answers.push(ask(&mut server, "GET", "/one/_refresh", ""));
            answers.push(ask(&mut server, "GET", "/one", ""));
            let all = json!({ "size": 9, "seq_no_primary_term": true }).to_string();
            answers.push(ask(&mut server, "POST", "/one/_search", &all));
        }
        answers
    };
    assert_eq!(life(), life());
}
