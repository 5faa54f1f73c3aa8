//! What Kibana would ask of Elasticsearch for a panel, asked there.
//!
//! One thing is asked differently: Kibana reads a last value with `top_metrics`, which the servers
//! here don't have; `top_hits` of one document gives the same.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Figure, Panel, Picked, Shown, millis};
use crate::support::lab::Elastic;

pub(super) fn ask(elastic: &Elastic, panel: &Panel, picked: &Picked) -> Shown {
    let columns = panel.columns();
    let (buckets, figures): (Vec<_>, Vec<_>) = columns
        .iter()
        .partition(|(_, column)| column["isBucketed"] == true);
    let mut aggregations = Map::new();
    for (id, column) in &figures {
        // Of documents themselves every bucket has its count, unless only some are counted.
        if column["operationType"] != "count" || column["filter"].is_object() {
            aggregations.insert((*id).clone(), figure(column));
        }
    }
    // Kibana asks for the figure that orders terms beside what nests in them: here, for all of them.
    let at_every_level = aggregations.clone();
    for (id, column) in buckets.iter().rev() {
        let mut bucket = bucket(column, picked);
        bucket["aggs"] = Value::Object(aggregations);
        aggregations = at_every_level.clone();
        aggregations.insert((*id).clone(), bucket);
    }
    let body = json!({"size": 0, "track_total_hits": true, "query": query(panel, picked), "aggs": aggregations});
    let answer = elastic
        .post(&format!("/{}/_search", panel.alias), &body)
        .ok()
        .json();
    assert_eq!(answer["_shards"]["failed"], 0, "{}: {answer}", panel.id);
    let mut shown = Shown::new();
    let mut whole = answer["aggregations"].clone();
    whole["doc_count"] = answer["hits"]["total"]["value"].clone();
    let ids: Vec<&str> = buckets.iter().map(|(id, _)| id.as_str()).collect();
    walk(&whole, &ids, &figures, &mut Vec::new(), &mut shown);
    shown
}

fn query(panel: &Panel, picked: &Picked) -> Value {
    let mut all = Vec::new();
    if let Some(time) = &panel.time {
        let (from, to) = picked.time;
        all.push(json!({"range": {time: {"gte": from, "lte": to, "format": "epoch_millis"}}}));
    }
    if panel.obeys_controls() {
        if let Some(branches) = &picked.branches {
            all.push(json!({"terms": {"branch": branches}}));
        }
        if picked.only_final {
            all.push(json!({"terms": {"final": [true]}}));
        }
    }
    json!({"bool": {"filter": all}})
}

fn bucket(column: &Value, picked: &Picked) -> Value {
    let (field, params) = (&column["sourceField"], &column["params"]);
    match column["operationType"].as_str().unwrap() {
        "terms" => {
            let by = &params["orderBy"];
            let by = match by["columnId"].as_str() {
                Some("count") => "_count",
                Some(column) => column,
                None => "_key",
            };
            json!({"terms": {
                "field": field,
                "size": params["size"],
                "order": {by: params["orderDirection"]},
            }})
        }
        "date_histogram" => {
            json!({"date_histogram": {
                "field": field,
                "fixed_interval": picked.interval_of(column),
                "min_doc_count": 0,
                "time_zone": "UTC",
            }})
        }
        other => panic!("{other} makes no buckets"),
    }
}

fn figure(column: &Value) -> Value {
    let field = &column["sourceField"];
    let plain = match column["operationType"].as_str().unwrap() {
        "sum" => Some(json!({"sum": {"field": field}})),
        "max" => Some(json!({"max": {"field": field}})),
        "last_value" => {
            let sort = column["params"]["sortField"].as_str().unwrap();
            Some(json!({"top_hits": {"size": 1, "_source": [field], "sort": [{sort: "desc"}]}}))
        }
        "count" => None,
        other => panic!("{other} is not asked for"),
    };
    match column["filter"]["query"].as_str() {
        Some(query) => {
            let aggs: Map<String, Value> = plain
                .map(|plain| ("only".to_owned(), plain))
                .into_iter()
                .collect();
            json!({"filter": kql(query), "aggs": aggs})
        }
        None => plain.unwrap(),
    }
}

/// The part of KQL that the objects use.
fn kql(query: &str) -> Value {
    if query.contains(" and ") {
        let all: Vec<Value> = query.split(" and ").map(kql).collect();
        return json!({"bool": {"filter": all}});
    }
    if let Some(field) = query.strip_suffix(": *") {
        return json!({"exists": {"field": field}});
    }
    if let Some((field, least)) = query.split_once(" > ") {
        return json!({"range": {field: {"gt": least.parse::<f64>().unwrap()}}});
    }
    let (field, value) = query.split_once(": ").unwrap();
    json!({"term": {field: value}})
}

fn walk(
    place: &Value,
    buckets: &[&str],
    figures: &[&(String, &Value)],
    path: &mut Vec<String>,
    shown: &mut Shown,
) {
    let Some((first, rest)) = buckets.split_first() else {
        // An empty bucket is drawn as nothing, or as zero.
        if place["doc_count"].as_u64().unwrap() > 0 {
            let values: BTreeMap<String, Figure> = figures
                .iter()
                .filter_map(|(id, column)| Some((id.clone(), value(place, id, column)?)))
                .collect();
            shown.insert(path.clone(), values);
        }
        return;
    };
    let level = &place[*first];
    let others = level["sum_other_doc_count"].as_u64().unwrap_or(0);
    assert_eq!(
        others, 0,
        "there are more values than the panel tells apart"
    );
    for bucket in level["buckets"].as_array().unwrap() {
        let key = &bucket["key"];
        path.push(key.as_str().map_or_else(|| key.to_string(), str::to_owned));
        walk(bucket, rest, figures, path, shown);
        path.pop();
    }
}

fn value(place: &Value, id: &str, column: &Value) -> Option<Figure> {
    let operation = column["operationType"].as_str().unwrap();
    let within = &place[id];
    let inner = if column["filter"].is_object() {
        &within["only"]
    } else {
        within
    };
    let number = |value: &Value| value.as_f64().map(|number| Figure::Number(number, 0.0));
    match operation {
        "count" if column["filter"].is_object() => number(&within["doc_count"]),
        "count" => number(&place["doc_count"]),
        "last_value" => {
            let field = column["sourceField"].as_str().unwrap();
            let found = &inner["hits"]["hits"][0]["_source"][field];
            match (column["dataType"].as_str().unwrap(), found) {
                (_, Value::Null) => None,
                ("date", time) => Some(Figure::Number(millis(time.as_str().unwrap()) as f64, 0.0)),
                ("string", text) => Some(Figure::Text(text.as_str().unwrap().to_owned())),
                (_, other) => number(other),
            }
        }
        _ => number(&inner["value"]),
    }
}
