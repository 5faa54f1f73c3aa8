//! Templates, indexes, mappings and aliases: made, described, changed, deleted.

use serde_json::{Value, json};

use super::{make, mapping, twins};

/// What the sink asks to be told of indexes.
const PARTS: &str = "?expand_wildcards=all&ignore_unavailable=true&filter_path=error,*.aliases,\
                     *.mappings,*.settings.index.uuid,*.settings.index.blocks,\
                     *.settings.index.verified_before_close,*.settings.index.default_pipeline,\
                     *.settings.index.final_pipeline";

fn template(patterns: &Value, priority: u64) -> Value {
    json!({
        "index_patterns": patterns,
        "priority": priority,
        "template": {
            "settings": { "index": {
                "refresh_interval": "1s", "number_of_shards": 1, "auto_expand_replicas": "0-1",
            } },
            "mappings": mapping(),
        },
        "_meta": { "managed_by": "tidegauge" },
    })
}

#[test]
fn the_server_introduces_itself_and_knows_no_pipeline() {
    let Some((_alone, mut twins)) = twins() else {
        return;
    };
    twins.get("/");
    twins.get("/_ingest/pipeline/enrich");
    twins.assert_same();
}

#[test]
fn templates_are_taken_refused_described_and_outbid_as_in_elasticsearch() {
    let Some((_alone, mut twins)) = twins() else {
        return;
    };
    twins.put(
        "/_index_template/ours",
        &template(&json!(["p-1m-g1-*"]), 500),
    );
    twins.put(
        "/_index_template/ours",
        &template(&json!(["p-1m-g1-*"]), 500),
    );
    twins.get("/_index_template/ours");
    twins.get("/_index_template/nobody's");
    // Of the same priority, for names that overlap or not.
    for pattern in [
        "p-*",
        "*-g1-2026*",
        "p-1m-g1-2026.11",
        "p-1h-*",
        "*",
        "p-1m-g2-*",
    ] {
        twins.put("/_index_template/theirs", &template(&json!([pattern]), 500));
        twins.play("DELETE", "/_index_template/theirs", "");
    }
    for bad in [
        json!({ "index_patterns": ["q-*"], "template": { "settings": { "bogus": 1 } } }),
        json!({ "index_patterns": ["q-*"], "template": {
            "mappings": { "properties": { "x": { "type": "bogus" } } },
        } }),
        json!({ "index_patterns": ["q-*"], "template": {
            "mappings": { "properties": { "x": { "type": "histogram" } } },
        } }),
    ] {
        twins.put("/_index_template/bad", &bad);
    }
    twins.play("PUT", "/_index_template/bad", "garbage");
    for (pattern, priority) in [("p-*", 600), ("p-1m-*", 400), ("z-*", 700)] {
        twins.put(
            "/_index_template/theirs",
            &template(&json!([pattern]), priority),
        );
        twins.play(
            "POST",
            "/_index_template/_simulate_index/p-1m-g1-1970.01",
            "",
        );
        twins.play("POST", "/_index_template/_simulate_index/nothing", "");
    }
    twins.play("DELETE", "/_index_template/ours", "");
    twins.play("DELETE", "/_index_template/ours", "");
    twins.assert_same();
}

#[test]
fn an_index_gets_what_its_template_says_and_what_its_own_request_says() {
    let Some((_alone, mut twins)) = twins() else {
        return;
    };
    let given = json!({
        "index_patterns": ["t-*"],
        "priority": 5,
        "template": {
            "settings": { "index.blocks.write": "true", "number_of_replicas": 0 },
            "aliases": { "t-of-template": {} },
            "mappings": {
                "dynamic": "strict",
                "_meta": { "a": 1, "c": { "x": 1 } },
                "properties": {
                    "f": { "type": "keyword" },
                    "g": { "type": "keyword", "fields": { "k": { "type": "keyword" } } },
                    "o": { "properties": { "z": { "type": "long" } } },
                },
            },
        },
    });
    twins.put("/_index_template/t", &given);
    twins.get("/_index_template/t");
    twins.put(
        "/t-1",
        &json!({
            "mappings": {
                "_meta": { "b": 2, "c": { "y": 2 } },
                "properties": { "f": { "type": "long" }, "g": { "type": "keyword" } },
            },
            "aliases": { "t-own": { "is_hidden": true } },
            "settings": { "index": { "refresh_interval": "7s" } },
        }),
    );
    twins.put("/t-2", &json!({}));
    twins.play("PUT", "/t-3", "");
    twins.get("/t-1?expand_wildcards=all");
    twins.get(&format!("/t-*{PARTS}"));
    // A template of a higher priority counts alone.
    let other = json!({ "index_patterns": ["t-4*"], "priority": 6, "template": {} });
    twins.put("/_index_template/other", &other);
    twins.put("/t-4", &json!({}));
    twins.get("/t-4");
    twins.assert_same();
}

#[test]
fn indexes_are_made_described_and_deleted_as_in_elasticsearch() {
    let Some((_alone, mut twins)) = twins() else {
        return;
    };
    for path in ["/one", "/one?ignore_unavailable=true", "/one*", "/one,two*"] {
        twins.get(path);
    }
    twins.get(&format!("/one*,two{PARTS}"));
    make(&mut twins, "one");
    make(&mut twins, "one");
    make(&mut twins, "two");
    for (name, body) in [
        ("public", json!({})),
        ("UPPER", json!({})),
        (
            "bad",
            json!({ "mappings": { "properties": { "x": { "type": "bogus" } } } }),
        ),
        (
            "bad",
            json!({ "mappings": { "properties": { "x": { "type": "histogram" } } } }),
        ),
        ("bad", json!({ "aliases": { "one": {} } })),
        ("bad", json!({ "settings": { "index.bogus": 1 } })),
        ("bad", json!({ "bogus": 1 })),
    ] {
        twins.put(&format!("/{name}"), &body);
    }
    twins.play("PUT", "/bad", "garbage");
    for path in [
        "/one,two",
        "/public",
        "/*-write",
        "/nothing",
        "/nothing*",
        "/tw*,nothing",
    ] {
        twins.get(path);
        twins.get(&format!("{path}{PARTS}"));
        twins.get(&format!("{path}/_mapping"));
        twins.get(&format!(
            "{path}/_mapping?filter_path=*.mappings._meta.managed_by"
        ));
        twins.get(&format!(
            "{path}/_alias?expand_wildcards=all&ignore_unavailable=true"
        ));
        twins.get(&format!("{path}/_refresh?ignore_unavailable=true"));
        twins.play("POST", &format!("{path}/_refresh"), "");
        twins.get(&format!("{path}/_count"));
        let columns = "?format=json&bytes=b&h=index,docs.count,store.size&s=index";
        twins.get(&format!("/_cat/indices{path}{columns}"));
    }
    // Percent-encoded, as the sink sends it.
    twins.get("/one%2Ctw%2A?expand_wildcards=all");
    twins.play("DELETE", "/public", "");
    twins.play("DELETE", "/on*", "");
    twins.play("DELETE", "/one,nothing", "");
    twins.play("DELETE", "/one", "");
    twins.play("DELETE", "/one", "");
    make(&mut twins, "one");
    twins.get(&format!("/one{PARTS}"));
    twins.assert_same();
}

#[test]
fn mappings_grow_and_never_change_as_in_elasticsearch() {
    let Some((_alone, mut twins)) = twins() else {
        return;
    };
    make(&mut twins, "one");
    for update in [
        mapping(),
        json!({ "properties": { "branch": { "type": "text" } } }),
        json!({ "properties": { "branch": { "type": "keyword" } } }),
        json!({ "properties": { "more": { "type": "keyword" } } }),
        json!({ "properties": { "more": { "type": "keyword", "index": false } } }),
        json!({ "properties": { "branch": {
            "type": "keyword", "fields": { "words": { "type": "text" } },
        } } }),
        json!({ "properties": { "x": { "type": "bogus" } } }),
        json!({ "_meta": { "other": true } }),
        json!({ "dynamic": true }),
        json!({ "dynamic": "strict" }),
        json!({}),
    ] {
        twins.put("/one/_mapping", &update);
        twins.get("/one/_mapping");
    }
    twins.put("/nothing/_mapping", &json!({}));
    twins.play("PUT", "/one/_mapping", "garbage");
    // An index without a mapping.
    twins.put("/two", &json!({}));
    twins.get("/two/_mapping");
    twins.put("/two/_mapping", &mapping());
    twins.get(&format!("/one,two{PARTS}"));
    twins.assert_same();
}

#[test]
fn aliases_change_all_together_or_not_at_all() {
    let Some((_alone, mut twins)) = twins() else {
        return;
    };
    make(&mut twins, "one");
    make(&mut twins, "two");
    twins.put("/named", &json!({}));
    let add = |index: &str, alias: &str| json!({ "add": { "index": index, "alias": alias } });
    let remove = |index: &str, alias: &str| json!({ "remove": { "index": index, "alias": alias } });
    let hidden = json!({ "add": { "index": "one", "alias": "hidden", "is_hidden": true } });
    let must = json!({ "remove": { "index": "one", "alias": "nobody's", "must_exist": true } });
    let may = json!({ "remove": { "index": "one", "alias": "nobody's", "must_exist": false } });
    for actions in [
        vec![],
        vec![hidden],
        vec![add("one", "a")],
        vec![add("one", "a")],
        vec![remove("one", "a"), add("two", "a")],
        vec![add("one", "b"), add("nothing", "b")],
        vec![add("one", "c"), add("one", "named")],
        vec![add("one", "d"), remove("one", "nobody's")],
        vec![remove("one", "nobody's")],
        vec![add("one", "e"), must],
        vec![add("one", "f"), may],
        vec![add("public", "g")],
        vec![add("two-write", "g")],
        vec![json!({ "frob": { "index": "one", "alias": "g" } })],
        vec![remove("two", "a"), add("one", "a"), add("two", "h")],
        vec![add("*", "i")],
    ] {
        twins.post("/_aliases", &json!({ "actions": actions }));
        twins.get("/*/_alias?expand_wildcards=all&ignore_unavailable=true");
    }
    twins.play("POST", "/_aliases", "garbage");
    for names in ["a", "nobody's", "public", "hidden", "a,public", "p*", "x*"] {
        twins.get(&format!("/_alias/{names}"));
    }
    for names in ["one", "nothing", "public", "hid*", "o*,nothing"] {
        twins.get(&format!("/{names}/_alias"));
    }
    twins.assert_same();
}
