//! Checks a Lens panel: its data view and its layer.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::layer_context::LayerContext;
use super::{Faults, ParsedDataView, array, column, drawing, shape, text};
use crate::kibana::IndexLayout;

/// The columns of all layers.
pub(super) fn columns(lens: &Value) -> impl Iterator<Item = &Value> {
    let layers = lens["state"]["datasourceStates"]["formBased"]["layers"].as_object();
    layers
        .into_iter()
        .flat_map(|layers| layers.values())
        .filter_map(|layer| layer["columns"].as_object())
        .flat_map(|columns| columns.values())
}

pub(super) fn lens(
    lens: &Value,
    views: &BTreeMap<String, ParsedDataView>,
    layout: &IndexLayout,
    controls: &BTreeSet<String>,
    location: &str,
    faults: &mut Faults,
) {
    faults.expect(
        lens["type"] == "lens",
        location,
        "its attributes are not of type lens",
    );
    let state = &lens["state"];
    let is_empty = state["filters"] == serde_json::json!([])
        && state["query"] == serde_json::json!({"language": "kuery", "query": ""});
    faults.expect(
        is_empty,
        location,
        "it filters in a way that is not checked",
    );
    let sources = state["datasourceStates"].as_object();
    let only = sources.is_some_and(|map| map.len() == 1 && map.contains_key("formBased"));
    faults.expect(only, location, "its source is not formBased alone");
    let layers = state["datasourceStates"]["formBased"]["layers"].as_object();
    let layers: Vec<(&String, &Value)> = layers.into_iter().flatten().collect();
    faults.expect(layers.len() == 1, location, "it does not have one layer");
    let wanted: BTreeSet<String> = layers
        .iter()
        .map(|(id, _)| format!("indexpattern-datasource-layer-{id}"))
        .collect();
    let there: BTreeSet<String> = array(&lens["references"])
        .iter()
        .map(|reference| text(&reference["name"]))
        .collect();
    faults.expect(
        wanted == there,
        location,
        "its references are not those of its layers",
    );
    let Some((id, layer)) = layers.first() else {
        return;
    };
    shape::layer(layer, location, faults);
    let view = text(&lens["references"][0]["id"]);
    let ground = views.get(&view).and_then(|view| {
        let (documents, fields) = layout.behind(&view.title)?;
        let time = view.time.as_deref();
        Some(LayerContext {
            documents,
            fields,
            time,
            location,
        })
    });
    let Some(ground) = ground else {
        faults.add(location, format!("there is no data view {view}"));
        return;
    };
    let has_controlled = controls
        .iter()
        .all(|field| ground.fields.contains_key(field));
    faults.expect(
        has_controlled || layer["ignoreGlobalFilters"] == true,
        location,
        "a control selects by a field that these documents lack, which would leave none",
    );
    faults.expect(
        !has_controlled || layer["ignoreGlobalFilters"] == false,
        location,
        "it ignores the controls, though its documents have their fields",
    );
    faults.expect(layer["sampling"] == 1, location, "it uses a sample only");
    order(layer, &ground, faults);
    let columns: Vec<(&String, &Value)> =
        layer["columns"].as_object().into_iter().flatten().collect();
    for (name, column) in &columns {
        let location = format!("{location}, column {name}");
        shape::column(column, &location, faults);
        column::operation(
            column,
            layer,
            &LayerContext {
                location: &location,
                ..ground
            },
            faults,
        );
    }
    drawing::drawn(lens, id, layer, location, faults);
}

/// The order must name every column once, those that make buckets first.
fn order(layer: &Value, ground: &LayerContext<'_>, faults: &mut Faults) {
    let order: Vec<String> = array(&layer["columnOrder"]).iter().map(text).collect();
    let mut sorted = order.clone();
    sorted.sort();
    let columns: Vec<String> = layer["columns"]
        .as_object()
        .into_iter()
        .flat_map(|map| map.keys().cloned())
        .collect();
    faults.expect(
        sorted == columns && !columns.is_empty(),
        ground.location,
        "columnOrder does not name every column once",
    );
    let is_bucketed = |id: &String| layer["columns"][id.as_str()]["isBucketed"] == true;
    faults.expect(
        order.iter().is_sorted_by_key(|id| !is_bucketed(id)),
        ground.location,
        "columnOrder has a figure before a bucket",
    );
    let incomplete = layer["incompleteColumns"].as_object();
    faults.expect(
        incomplete.is_some_and(serde_json::Map::is_empty),
        ground.location,
        "a column is incomplete",
    );
}
