//! Checks how a panel draws the columns of its layer.

use serde_json::Value;

use super::column::is_percentile;
use super::{Faults, array, text};

/// Every column that is drawn must exist, and every column must be drawn.
pub(super) fn drawn(lens: &Value, id: &str, layer: &Value, location: &str, faults: &mut Faults) {
    let visualization = &lens["state"]["visualization"];
    let layers;
    let (drawn, parts): (Vec<&Value>, &[Value]) = match lens["visualizationType"].as_str() {
        Some("lnsXY") => {
            layers = array(&visualization["layers"]);
            let drawn = layers.iter().flat_map(xy).collect();
            let series = |layer: &Value| {
                let kinds = ["bar_stacked", "area_stacked", "line", "bar_horizontal"];
                kinds.contains(&text(&layer["seriesType"]).as_str())
            };
            let known = layers.len() == 1 && layers.iter().all(series);
            faults.expect(known, location, "it is drawn in a way that is not checked");
            let fitting = fitting(layers, layer);
            faults.expect(
                visualization["fittingFunction"] == fitting,
                location,
                format!("its fittingFunction is not {fitting}"),
            );
            let has_rest = visualization["legend"]["isVisible"].is_boolean()
                && visualization["preferredSeriesType"].is_string()
                && visualization["valueLabels"] == "hide";
            faults.expect(
                has_rest,
                location,
                "legend, preferredSeriesType or valueLabels is missing",
            );
            (drawn, layers)
        }
        Some("lnsMetric") => (
            vec![&visualization["metricAccessor"]],
            std::slice::from_ref(visualization),
        ),
        Some("lnsHeatmap") => {
            let has_rest = visualization["shape"] == "heatmap"
                && visualization["gridConfig"]["type"] == "heatmap_grid"
                && visualization["legend"]["type"] == "heatmap_legend";
            faults.expect(has_rest, location, "shape, gridConfig or legend is missing");
            let accessors = ["xAccessor", "yAccessor", "valueAccessor"];
            let drawn = accessors.iter().map(|name| &visualization[*name]).collect();
            (drawn, std::slice::from_ref(visualization))
        }
        Some("lnsDatatable") => {
            let columns = array(&visualization["columns"]);
            for column in columns {
                let told = column["isTransposed"] == false && column["isMetric"].is_boolean();
                faults.expect(
                    told,
                    location,
                    "a column of the table has no isTransposed or isMetric",
                );
            }
            let drawn = columns.iter().map(|column| &column["columnId"]).collect();
            (drawn, std::slice::from_ref(visualization))
        }
        other => {
            faults.add(
                location,
                format!("the visualization {other:?} is not supported by this check"),
            );
            return;
        }
    };
    for part in parts {
        let is_ours = part["layerId"] == id && part["layerType"] == "data";
        faults.expect(is_ours, location, "it draws another layer");
    }
    let mut drawn: Vec<String> = drawn.into_iter().map(text).collect();
    drawn.sort();
    let columns: Vec<String> = layer["columns"]
        .as_object()
        .into_iter()
        .flat_map(|map| map.keys().cloned())
        .collect();
    faults.expect(
        drawn == columns,
        location,
        format!("it draws {drawn:?} of the columns {columns:?}"),
    );
}

/// Checks what is drawn where there is no document. Windows without payments have no document and are zero; a
/// percentile of no payments does not exist, and a missing bar looks like one of zero.
fn fitting(drawn: &[Value], layer: &Value) -> &'static str {
    let is_of_bars = |drawn: &Value| text(&drawn["seriesType"]).starts_with("bar");
    let mut columns = layer["columns"]
        .as_object()
        .into_iter()
        .flat_map(|map| map.values());
    let is_percentile = |column: &Value| is_percentile(&text(&column["sourceField"]));
    if drawn.iter().any(is_of_bars) {
        "None"
    } else if columns.any(is_percentile) {
        "Linear"
    } else {
        "Zero"
    }
}

fn xy(layer: &Value) -> Vec<&Value> {
    let mut drawn = vec![&layer["xAccessor"]];
    drawn.extend(array(&layer["accessors"]));
    let split = &layer["splitAccessor"];
    if !split.is_null() {
        drawn.push(split);
    }
    drawn
}
