//! Searches, counts, and documents by id.

use serde_json::{Value, json};

use super::twins::Twins;
use super::{make, mapping, twins};

fn write(twins: &mut Twins, index: &str, id: &str, source: &Value) {
    let action = json!({ "index": {
        "_index": index, "_id": id, "version": 4, "version_type": "external_gte",
    } });
    twins.bulk("", &[action, source.clone()]);
}

#[test]
fn searches_find_the_documents_that_elasticsearch_finds() {
    let Some((_alone, mut twins)) = twins() else {
        return;
    };
    make(&mut twins, "one");
    make(&mut twins, "two");
    for (id, branch, count) in [
        ("Branch_1", json!("Branch_1"), 0),
        ("Branch_10", json!("Branch_10"), 1),
        ("Harbour", json!("Harbour"), 2),
        ("branch_3", json!("branch_3"), 0),
        ("Branch_", json!("Branch_"), 3),
        ("Branch_4x", json!("Branch_4x"), 0),
        ("Élysée", json!("Élysée"), 4),
        ("none", Value::Null, 0),
        ("several", json!(["Branch_5", "West"]), 0),
    ] {
        let minute = count + 1;
        let source = json!({
            "branch": branch, "branch_id": count, "pay_count": count,
            "window_end": format!("2026-11-01T00:0{minute}:00Z"),
        });
        write(&mut twins, "one", id, &source);
        write(&mut twins, "two", &format!("{id} again"), &source);
    }
    twins.get("/one,two/_refresh?ignore_unavailable=true");
    for names in [
        "one",
        "two",
        "one,two",
        "on*",
        "public",
        "nothing*",
        "nothing",
        "one,nothing",
    ] {
        twins.get(&format!("/{names}/_count"));
    }
    let concerned = json!({ "bool": { "should": [
        { "bool": { "must_not": { "regexp": { "branch": "Branch_[0-9]+" } } } },
        { "terms": { "branch_id": ["3", "1"] } },
    ] } });
    let zeros = |after: &str, but: Value| {
        json!({ "bool": {
            "filter": [
                { "term": { "pay_count": 0 } },
                { "range": { "window_end": { "gt": after } } },
            ],
            "must_not": { "terms": { "_index": but } },
        } })
    };
    for query in [
        concerned,
        json!({ "match_all": {} }),
        zeros("2026-10-01T00:00:00Z", json!([])),
        zeros("2026-11-01T00:01:00Z", json!([])),
        zeros("2026-11-01T00:00:59.999Z", json!(["one"])),
        zeros("2026-11-01T00:00:59.999Z", json!(["two", "three"])),
        json!({ "terms": { "branch_id": [] } }),
        json!({ "terms": { "branch.keyword": ["Harbour", "West"] } }),
        json!({ "term": { "unknown": 1 } }),
        json!({ "range": { "unknown": { "gt": 1 } } }),
        json!({ "terms": { "pay_count": ["x"] } }),
        json!({ "frob": {} }),
    ] {
        let body = json!({
            "size": 5_000,
            "query": query,
            "_source": ["branch_id"],
            "seq_no_primary_term": true,
            "sort": [{ "branch": "asc" }],
        });
        twins.post("/one/_search", &body);
        let body = json!({ "size": 5_000, "_source": false, "query": query });
        for names in ["one", "one,two", "tw*,nothing*", "public", "nothing"] {
            twins.post(&format!("/{names}/_search"), &body);
        }
    }
    twins.assert_same();
}

#[test]
fn a_search_goes_on_after_what_its_last_page_ended_with() {
    let Some((_alone, mut twins)) = twins() else {
        return;
    };
    make(&mut twins, "one");
    for number in 0..7 {
        let id = format!("Branch_{number}");
        write(
            &mut twins,
            "one",
            &id,
            &json!({ "branch": id, "branch_id": number }),
        );
    }
    twins.play("POST", "/one/_refresh", "");
    for after in ["Branch_1", "Branch_3x", "Branch_6", ""] {
        let body = json!({
            "size": 3,
            "query": { "match_all": {} },
            "_source": ["branch_id"],
            "seq_no_primary_term": true,
            "sort": [{ "branch": "asc" }],
            "search_after": [after],
        });
        twins.post("/one/_search", &body);
    }
    twins.play("POST", "/one/_search", "garbage");
    // An index whose mapping was guessed, and one without a mapping.
    write(&mut twins, "guessed", "A", &json!({ "branch": "A" }));
    twins.put("/empty", &json!({}));
    twins.play("POST", "/guessed/_refresh", "");
    for name in ["guessed", "empty"] {
        twins.post(
            &format!("/{name}/_search"),
            &json!({ "size": 3, "sort": [{ "branch": "asc" }] }),
        );
    }
    twins.assert_same();
}

#[test]
fn a_search_sees_what_was_there_at_the_last_refresh_and_an_id_finds_what_is_there_now() {
    let Some((_alone, mut twins)) = twins() else {
        return;
    };
    // Nothing is refreshed unasked.
    twins.put(
        "/one",
        &json!({ "mappings": mapping(), "settings": { "refresh_interval": "-1" } }),
    );
    let look = |twins: &mut Twins| {
        twins.get("/one/_count");
        twins.post(
            "/one/_search",
            &json!({ "query": { "term": { "pay_count": 0 } } }),
        );
        twins.post("/one/_mget", &json!({ "ids": ["A", "B", "C"] }));
    };
    look(&mut twins);
    write(&mut twins, "one", "A", &json!({ "pay_count": 0 }));
    write(&mut twins, "one", "B", &json!({ "pay_count": 0 }));
    look(&mut twins);
    twins.play("POST", "/one/_refresh", "");
    look(&mut twins);
    write(&mut twins, "one", "A", &json!({ "pay_count": 1 }));
    let delete = json!({ "delete": {
        "_index": "one", "_id": "B", "version": 4, "version_type": "external_gte",
    } });
    twins.bulk("", std::slice::from_ref(&delete));
    look(&mut twins);
    twins.bulk("?refresh=true", &[delete]);
    look(&mut twins);
    for (path, body) in [
        ("/one/_mget", json!({ "ids": [] })),
        ("/nothing/_mget", json!({ "ids": ["A", "B"] })),
    ] {
        twins.post(path, &body);
    }
    twins.play("POST", "/one/_mget", "garbage");
    twins.assert_same();
}
