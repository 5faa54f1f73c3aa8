//! What blocked and closed indexes, and those with a pipeline, still do.

use serde_json::{Value, json};

use super::twins::Twins;
use super::{make, twins};
use crate::simulation::search_server::Block;

/// Everything that may be asked of an index.
fn ask_everything(twins: &mut Twins, round: i64) {
    let versions = json!({
        "_index": "one-write", "_id": "A", "version": round, "version_type": "external_gte",
    });
    let source = json!({ "branch": "A", "pay_count": round });
    twins.bulk(
        "?require_alias=true",
        &[json!({ "index": versions }), source],
    );
    let nothing = json!({
        "_index": "one", "_id": "nothing", "version": 1, "version_type": "external_gte",
    });
    twins.bulk("", &[json!({ "delete": nothing })]);
    for path in ["/one", "/one*", "/one,two", "/tw*"] {
        twins.get(&format!(
            "{path}?expand_wildcards=all&ignore_unavailable=true"
        ));
        twins.get(&format!(
            "{path}/_alias?expand_wildcards=all&ignore_unavailable=true"
        ));
        twins.get(&format!("{path}/_mapping"));
        twins.get(&format!("{path}/_refresh?ignore_unavailable=true"));
        twins.play("POST", &format!("{path}/_refresh"), "");
        twins.get(&format!("{path}/_count"));
        twins.post(&format!("{path}/_search"), &json!({ "size": 5 }));
        let columns = "?format=json&bytes=b&h=index,docs.count,store.size&s=index";
        twins.get(&format!("/_cat/indices{path}{columns}"));
    }
    twins.post("/one/_mget", &json!({ "ids": ["A", "Z"] }));
    twins.get("/_alias/public");
    twins.get("/_alias/nobody's");
    twins.put("/one", &json!({}));
    let field = json!({ "properties": { format!("more{round}"): { "type": "keyword" } } });
    twins.put("/one/_mapping", &field);
    let add = json!({ "add": { "index": "one", "alias": format!("alias{round}") } });
    twins.post("/_aliases", &json!({ "actions": [add] }));
}

fn setting(block: Block) -> &'static str {
    match block {
        Block::ReadOnlyAllowDelete => "index.blocks.read_only_allow_delete",
        Block::Write => "index.blocks.write",
        Block::ReadOnly => "index.blocks.read_only",
        Block::Metadata => "index.blocks.metadata",
        Block::Read => "index.blocks.read",
    }
}

#[test]
fn a_blocked_index_refuses_what_elasticsearch_refuses_until_the_block_is_gone() {
    let Some((_alone, mut twins)) = twins() else {
        return;
    };
    let all = [
        Block::ReadOnlyAllowDelete,
        Block::Write,
        Block::ReadOnly,
        Block::Metadata,
        Block::Read,
    ];
    make(&mut twins, "one");
    make(&mut twins, "two");
    for (round, block) in (1..).zip(all) {
        twins.put("/one/_settings", &json!({ setting(block): true }));
        ask_everything(&mut twins, 10 * round);
        // An operator of the simulation does it without a request.
        twins.put("/one/_settings", &json!({ setting(block): null }));
        twins.put("/two/_settings", &json!({ setting(block): true }));
        twins.simulated.set_block("two", None);
        twins.simulated.set_block("two", Some(block));
        twins.get("/two?expand_wildcards=all");
        twins.play("DELETE", "/two", "");
        twins.put("/two/_settings", &json!({ setting(block): Value::Null }));
        twins.play("DELETE", "/two", "");
        make(&mut twins, "two");
        ask_everything(&mut twins, 10 * round + 1);
    }
    twins.assert_same();
}

#[test]
fn a_closed_index_takes_and_gives_nothing_until_it_is_opened() {
    let Some((_alone, mut twins)) = twins() else {
        return;
    };
    make(&mut twins, "one");
    make(&mut twins, "two");
    ask_everything(&mut twins, 5);
    twins.play("POST", "/one/_close", "");
    ask_everything(&mut twins, 6);
    twins.play("POST", "/one/_open", "");
    ask_everything(&mut twins, 7);
    // Closed with a block, and deleted while it is closed.
    twins.put("/one/_settings", &json!({ "index.blocks.write": true }));
    twins.play("POST", "/one/_close", "");
    ask_everything(&mut twins, 8);
    twins.play("DELETE", "/one", "");
    ask_everything(&mut twins, 9);
    twins.play("POST", "/nothing/_close", "");
    twins.play("POST", "/nothing/_open", "");
    twins.assert_same();
}

#[test]
fn a_pipeline_that_is_not_there_refuses_every_document() {
    let Some((_alone, mut twins)) = twins() else {
        return;
    };
    make(&mut twins, "one");
    make(&mut twins, "two");
    for setting in ["index.default_pipeline", "index.final_pipeline"] {
        twins.put("/one/_settings", &json!({ setting: "enrich" }));
        ask_everything(&mut twins, 5);
        twins.put("/one/_settings", &json!({ setting: "_none" }));
        ask_everything(&mut twins, 6);
    }
    twins.put("/one/_settings", &json!({ "index.bogus": 1 }));
    twins.put("/nothing/_settings", &json!({ "index.blocks.write": true }));
    twins.assert_same();
}
