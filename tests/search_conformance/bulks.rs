//! Documents: written, refused, deleted, written again.

use serde_json::{Value, json};

use super::{make, twins};

/// What the sink adds to its bulks.
const PARAMETERS: &str = "?require_alias=true&filter_path=error,errors,items.*.status,\
                          items.*.error.type,items.*.error.reason,items.*.error.index_uuid,\
                          items.*._id,items.*._index";

fn index(target: &str, id: &str, version: i64) -> Value {
    json!({ "index": {
        "_index": target, "_id": id, "version": version, "version_type": "external_gte",
    } })
}

fn delete(target: &str, id: &str, version: i64) -> Value {
    json!({ "delete": {
        "_index": target, "_id": id, "version": version, "version_type": "external_gte",
    } })
}

fn delete_unchanged(target: &str, id: &str, seq_no: i64) -> Value {
    json!({ "delete": {
        "_index": target, "_id": id, "if_seq_no": seq_no, "if_primary_term": 1,
    } })
}

fn paid(count: i64) -> Value {
    json!({ "branch": "A", "branch_id": 1, "pay_count": count })
}

#[test]
fn versions_conflict_in_the_simulation_where_they_do_in_elasticsearch() {
    let Some((_alone, mut twins)) = twins() else {
        return;
    };
    make(&mut twins, "one");
    let (target, source) = ("one-write", paid(2));
    for parameters in [PARAMETERS, ""] {
        // The same version again is no conflict, and a lower one is.
        for version in [4, 4, 3, 9, 8] {
            twins.bulk(parameters, &[index(target, "A", version), source.clone()]);
        }
    }
    // A deletion leaves its version behind, also where there was nothing.
    for (id, version) in [("A", 8), ("A", 9), ("A", 9), ("Y", 1), ("Y", 1)] {
        twins.bulk("", &[delete("one", id, version)]);
    }
    for (id, version) in [("A", 8), ("Y", 0), ("A", 9), ("Y", 1), ("Y", 7)] {
        twins.bulk("", &[index(target, id, version), source.clone()]);
    }
    twins.bulk("?refresh=true", &[delete("one", "Y", 7)]);
    twins.bulk(PARAMETERS, &[index(target, "Y", 6), source.clone()]);
    twins.get("/one/_count");

    // Deletions of what is still as it was found.
    twins.post("/one/_mget", &json!({ "ids": ["A", "Y", "nobody"] }));
    for (id, seq_no) in [("A", 77), ("nobody", 1), ("Y", 1), ("A", 10), ("A", 9)] {
        twins.bulk("", &[delete_unchanged("one", id, seq_no)]);
    }
    for version in [8, 9, 10, 11] {
        twins.bulk("", &[index(target, "A", version), source.clone()]);
    }
    // The server counts versions where the writer does not.
    let plain = json!({ "index": { "_index": "one", "_id": "k" } });
    twins.bulk("", &[plain.clone(), source.clone(), plain, source.clone()]);
    twins.bulk("", &[json!({ "delete": { "_index": "one", "_id": "k" } })]);
    let lower = json!({ "index": {
        "_index": "one", "_id": "k", "version": 4, "version_type": "external",
    } });
    twins.bulk("", &[lower.clone(), source.clone(), lower, source]);
    twins.assert_same();
}

#[test]
fn documents_are_refused_for_what_they_hold_as_elasticsearch_refuses_them() {
    let Some((_alone, mut twins)) = twins() else {
        return;
    };
    make(&mut twins, "one");
    let values = [
        json!({}),
        json!({ "unknown": 1 }),
        json!({ "unknown": null }),
        json!({ "unknown": { "deeper": 1 } }),
        json!({ "pay_count": "x" }),
        json!({ "pay_count": 1.5 }),
        json!({ "pay_count": "7" }),
        json!({ "pay_count": [1, 2] }),
        json!({ "pay_count": true }),
        json!({ "pay_count": { "x": 1 } }),
        json!({ "pay_count": "1e30" }),
        json!({ "pay_count": i64::MAX }),
        json!({ "pay_count": u64::MAX }),
        json!({ "partition": 99_999_999_999_i64 }),
        json!({ "partition": -1 }),
        json!({ "pay_amount": "1.5" }),
        json!({ "pay_amount": "x" }),
        json!({ "pay_amount": null }),
        json!({ "final": 7 }),
        json!({ "final": "true" }),
        json!({ "final": false }),
        json!({ "branch": { "x": 1 } }),
        json!({ "branch": 7 }),
        json!({ "branch": "x".repeat(32_766) }),
        json!({ "branch": "é".repeat(16_384) }),
        json!({ "note": "x".repeat(40_000) }),
        json!({ "note": ["a", "b"] }),
        json!({ "note": { "x": 1 } }),
        json!({ "@timestamp": "x" }),
        json!({ "@timestamp": "2026-11-02" }),
        json!({ "@timestamp": "2026-11-03T00:00:00Z" }),
        json!({ "@timestamp": "2026-11-01T00:00:00.123456789+02:00" }),
        json!({ "@timestamp": "2026-11-31T00:00:00Z" }),
        json!({ "@timestamp": "2028-02-29T23:59:59.999Z" }),
        json!({ "@timestamp": "0001-01-01T00:00:00Z" }),
        json!({ "@timestamp": "-0001-01-01T00:00:00Z" }),
        json!({ "@timestamp": "+12345-01-01T00:00:00Z" }),
        json!({ "@timestamp": "12345-01-01T00:00:00Z" }),
        json!({ "@timestamp": "+2026-01-01T00:00:00Z" }),
        json!({ "@timestamp": 1_793_491_200_000_i64 }),
        json!({ "@timestamp": "1793491200001" }),
        json!({ "@timestamp": -1 }),
        json!({ "@timestamp": true }),
    ];
    for (number, value) in values.iter().enumerate() {
        let id = format!("v{number}");
        twins.bulk(PARAMETERS, &[index("one-write", &id, 4), value.clone()]);
    }
    // What is refused leaves what was there.
    let lines = [
        index("one-write", "v0", 9),
        json!({ "unknown": 1 }),
        index("one-write", "v0", 3),
        json!({ "unknown": 1 }),
    ];
    twins.bulk("", &lines);
    twins.play("GET", "/one/_refresh", "");
    twins.get("/one/_count");
    twins.post(
        "/one/_search",
        &json!({
            "size": 100,
            "query": { "range": { "@timestamp": { "gt": "0000-01-01T00:00:00Z" } } },
            "sort": [{ "@timestamp": "asc" }],
            "_source": ["@timestamp"],
        }),
    );
    twins.assert_same();
}

#[test]
fn bulks_that_make_no_sense_are_answered_as_elasticsearch_answers_them() {
    let Some((_alone, mut twins)) = twins() else {
        return;
    };
    make(&mut twins, "one");
    let action = index("one-write", "A", 4);
    for body in [
        String::new(),
        "\n".into(),
        "garbage\ngarbage\n".into(),
        format!("{action}\n"),
        format!("{action}\n{{}}"),
        format!("{action}\ngarbage\n"),
        format!("{action}\n[]\n"),
        format!("{action}\n7\n"),
        format!("{}\n", json!({ "frob": { "_index": "one" } })),
        "{}\n".into(),
        format!("{action}\n{{}}\n\n{}\n", delete("one", "A", 9)),
    ] {
        twins.play("POST", "/_bulk", &body);
    }
    twins.assert_same();
}

#[test]
fn a_write_that_insists_on_an_alias_makes_no_index_and_others_do() {
    let Some((_alone, mut twins)) = twins() else {
        return;
    };
    make(&mut twins, "one");
    for target in ["one", "nothing", "nothing-write", "one-write", "public"] {
        twins.bulk(PARAMETERS, &[index(target, "A", 9), paid(1)]);
        twins.bulk("?require_alias=true", &[index(target, "A", 9), paid(1)]);
    }
    make(&mut twins, "two");
    // One alias of two indexes.
    twins.bulk(PARAMETERS, &[index("public", "A", 9), paid(1)]);
    let chosen = json!({ "index": "two", "alias": "public", "is_write_index": true });
    twins.post("/_aliases", &json!({ "actions": [{ "add": chosen }] }));
    twins.bulk(PARAMETERS, &[index("public", "A", 9), paid(1)]);
    let refused = json!({ "index": "one", "alias": "never", "is_write_index": false });
    twins.post("/_aliases", &json!({ "actions": [{ "add": refused }] }));
    twins.bulk(PARAMETERS, &[index("never", "A", 9), paid(1)]);

    let template = json!({
        "index_patterns": ["made-*"],
        "priority": 7,
        "template": {
            "settings": { "refresh_interval": "1s" },
            "mappings": super::mapping(),
            "aliases": { "of-template": {} },
        },
    });
    twins.put("/_index_template/made", &template);
    twins.bulk("", &[delete("made-1", "A", 1)]);
    twins.bulk(
        "",
        &[json!({ "delete": { "_index": "made-2", "_id": "A" } })],
    );
    twins.bulk("", &[delete_unchanged("made-2", "A", 1)]);
    twins.bulk("", &[index("made-3", "A", 1), paid(1)]);
    twins.bulk("", &[index("made-4", "A", 1), json!({ "unknown": 1 })]);
    let free = json!({
        "text": "1", "whole": 1, "part": 1.5, "flag": true, "none": null,
        "time": "2026-11-01T00:00:00Z", "list": ["a"],
    });
    twins.bulk("", &[index("free", "A", 1), free]);
    twins.bulk("", &[index("UPPER", "A", 1), paid(1)]);
    twins.get("/made-*,free?expand_wildcards=all&ignore_unavailable=true");
    twins.get("/_alias/of-template");
    twins.assert_same();
}
