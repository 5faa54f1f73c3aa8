//! The simulated search server answers as a real Elasticsearch does.
//!
//! The same requests go to both, one after the other; what differs is shown with both answers.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod administration;
mod blocks;
mod bulks;
mod comparable;
mod life;
mod recorder;
mod searches;
mod simulated;
mod twins;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use self::twins::Twins;
use crate::support::lab::{Elastic, dist, http};

/// An empty server and an empty simulation. These tests have a server of their own, one after the other:
/// some requests concern all indexes of a server.
#[track_caller]
fn twins() -> Option<(MutexGuard<'static, Option<Elastic>>, Twins)> {
    static ALONE: Mutex<Option<Elastic>> = Mutex::new(None);
    // The simulation is of this one.
    if dist() != "es9" {
        return None;
    }
    // A test that failed leaves a server that is as good as any.
    let mut alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    if alone.is_none() {
        *alone = Some(Elastic::own_to_the_end()?);
    }
    let url = alone.as_ref()?.url();
    let indexes = http::get_json(&format!(
        "{url}/_cat/indices?format=json&expand_wildcards=all"
    ));
    for index in indexes.as_array().unwrap() {
        let name = index["index"].as_str().unwrap();
        let blocks = json!({ "index.blocks.metadata": null, "index.blocks.read_only": null });
        http::put(&format!("{url}/{name}/_settings"), &blocks).ok();
        http::delete(&format!("{url}/{name}")).ok();
    }
    http::delete(&format!("{url}/_index_template/*")).ok();
    let twins = Twins::of(url);
    Some((alone, twins))
}

/// A mapping with a field of each type that the sink uses.
fn mapping() -> Value {
    json!({
        "dynamic": "strict",
        "_meta": { "managed_by": "tidegauge" },
        "properties": {
            "@timestamp": { "type": "date" },
            "branch": { "type": "keyword", "fields": { "keyword": { "type": "keyword" } } },
            "branch_id": { "type": "keyword" },
            "pay_count": { "type": "long" },
            "pay_amount": { "type": "double" },
            "window_end": { "type": "date" },
            "final": { "type": "boolean" },
            "partition": { "type": "integer" },
            "note": { "type": "text" },
        },
    })
}

/// Makes an index of that mapping that documents are written to by `NAME-write`.
fn make(twins: &mut Twins, name: &str) {
    let write = format!("{name}-write");
    let mut aliases = json!({ "public": {} });
    aliases[write] = json!({ "is_hidden": true });
    let body = json!({ "mappings": mapping(), "aliases": aliases });
    twins.put(&format!("/{name}"), &body);
}
