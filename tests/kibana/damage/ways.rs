//! The ways in which the objects are broken, one at a time.

use serde_json::{Value, json};

use super::Objects;

pub(super) type Damage = fn(&mut Objects);

/// What is broken, and a part of what must be said about it.
pub(super) const DAMAGES: &[(&str, Damage)] = &[
    ("is there twice", |o| {
        let first = o.0[0].clone();
        o.0.push(first);
    }),
    ("typeMigrationVersion is missing", |o| {
        remove(&mut o.0[0], "typeMigrationVersion")
    }),
    ("typeMigrationVersion is \"8.10.0\"", |o| {
        o.dashboard()["typeMigrationVersion"] = json!("8.10.0");
    }),
    ("coreMigrationVersion is \"9.0.0\"", |o| {
        o.0[1]["coreMigrationVersion"] = json!("9.0.0")
    }),
    ("the member version is unknown", |o| {
        o.0[1]["version"] = json!("WzEsMV0=")
    }),
    ("the type Some(\"lens\") is not one that we load", |o| {
        o.0[1]["type"] = json!("lens")
    }),
    ("which is not in the file", |o| drop(o.0.remove(0))),
    ("there is no dashboard", |o| drop(o.0.pop())),
    ("allowNoIndex must be true", |o| {
        o.0[0]["attributes"]["allowNoIndex"] = json!(false)
    }),
    ("the member fieldFormatMap is of the wrong kind", |o| {
        o.0[0]["attributes"]["fieldFormatMap"] = json!({});
    }),
    ("gives a format to pay_sum", |o| {
        o.0[0]["attributes"]["fieldFormatMap"] = json!("{\"pay_sum\":{\"id\":\"number\"}}");
    }),
    ("its time field started is not a date", |o| {
        o.0[1]["attributes"]["timeFieldName"] = json!("started");
    }),
    ("totals must have no time field", |o| {
        o.0[0]["attributes"]["timeFieldName"] = json!("last_event_time");
    }),
    ("there is no alias \"payments-2m\"", |o| {
        o.0[1]["attributes"]["title"] = json!("payments-2m")
    }),
    ("the member tags is unknown", |o| {
        o.dashboard()["attributes"]["tags"] = json!([])
    }),
    ("timeRestore needs timeFrom", |o| {
        remove(&mut o.dashboard()["attributes"], "timeFrom")
    }),
    ("the member optionsJSON is missing", |o| {
        remove(&mut o.dashboard()["attributes"], "optionsJSON");
    }),
    (
        "the reference totals:indexpattern-datasource-layer-layer to index-pattern payments-totals is missing",
        |o| {
            let references = o.dashboard()["references"].as_array_mut().unwrap();
            references.retain(|one| !one["name"].as_str().unwrap().starts_with("totals:"));
        },
    ),
    ("no panel needs the reference", |o| {
        let more = json!({"id": "payments-1m", "name": "more", "type": "index-pattern"});
        o.dashboard()["references"]
            .as_array_mut()
            .unwrap()
            .push(more);
    }),
    ("its references are not those of its layers", |o| {
        o.panel("totals")["embeddableConfig"]["attributes"]["references"][0]["name"] = json!("x");
    }),
    ("does not have one layer", |o| {
        let lens = &mut o.panel("totals")["embeddableConfig"]["attributes"];
        let layers = &mut lens["state"]["datasourceStates"]["formBased"]["layers"];
        layers["other"] = layers["layer"].clone();
    }),
    ("its source is not formBased alone", |o| {
        let lens = &mut o.panel("totals")["embeddableConfig"]["attributes"];
        lens["state"]["datasourceStates"]["indexpattern"] = json!({});
    }),
    ("it filters in a way", |o| {
        let lens = &mut o.panel("totals")["embeddableConfig"]["attributes"];
        lens["state"]["query"]["query"] = json!("branch: 7");
    }),
    ("columnOrder does not name every column once", |o| {
        o.layer("totals-exact")["columnOrder"]
            .as_array_mut()
            .unwrap()
            .pop();
    }),
    ("columnOrder has a figure before a bucket", |o| {
        o.layer("heatmap")["columnOrder"]
            .as_array_mut()
            .unwrap()
            .reverse();
    }),
    ("it draws", |o| {
        o.drawing("total-amount")["metricAccessor"] = json!("payments")
    }),
    ("it draws", |o| {
        remove(&mut o.drawing("windows-1m")["layers"][0], "splitAccessor")
    }),
    ("it draws", |o| {
        drop(
            o.drawing("revised")["columns"]
                .as_array_mut()
                .unwrap()
                .pop(),
        )
    }),
    ("it draws another layer", |o| {
        o.drawing("heatmap")["layerId"] = json!("other")
    }),
    ("shape, gridConfig or legend is missing", |o| {
        remove(o.drawing("heatmap"), "shape")
    }),
    ("legend, preferredSeriesType", |o| {
        remove(o.drawing("late"), "preferredSeriesType")
    }),
    ("has no isTransposed", |o| {
        remove(&mut o.drawing("revised")["columns"][0], "isTransposed")
    }),
    ("is drawn in a way that is not checked", |o| {
        o.drawing("late")["layers"][0]["seriesType"] = json!("area_percentage_stacked");
    }),
    ("documents have no field amount", |o| {
        o.column("windows-1m", "amount")["sourceField"] = json!("amount");
    }),
    ("terms is not possible on read", |o| {
        o.column("outside", "row")["sourceField"] = json!("read")
    }),
    ("sum is not possible on pay_amount_exact", |o| {
        o.column("total-amount", "amount")["sourceField"] = json!("pay_amount_exact");
    }),
    (
        "the operation average is not supported by this check",
        |o| {
            o.column("heatmap", "amount")["operationType"] = json!("average");
        },
    ),
    ("has another dataType, scale or isBucketed", |o| {
        o.column("newest-payment", "newest")["dataType"] = json!("number");
    }),
    ("the member sortField is unknown", |o| {
        o.column("percentiles", "p50")["sortField"] = json!("window_start");
    }),
    ("its params are not those", |o| {
        remove(
            &mut o.column("percentiles", "p50")["params"],
            "showArrayValues",
        );
    }),
    ("no date pay_count to sort by", |o| {
        o.column("percentiles", "p50")["params"]["sortField"] = json!("pay_count");
    }),
    ("its filter is not \"pay_p50: *\"", |o| {
        o.column("percentiles", "p50")["filter"]["query"] = json!("pay_p95: *");
    }),
    ("not supported by this check", |o| {
        o.column("revised", "count")["filter"]["query"] = json!("revisions > 0");
    }),
    ("its filter is not KQL", |o| {
        o.column("revised", "count")["filter"]["language"] = json!("lucene");
    }),
    ("ordered by a column that does not exist", |o| {
        o.column("windows-1m", "split")["params"]["orderBy"]["columnId"] = json!("sum");
    }),
    (
        "the rest of the values has a figure that can't be added up",
        |o| {
            o.column("windows-day", "split")["params"]["otherBucket"] = json!(true);
        },
    ),
    ("its params are not those", |o| {
        o.column("windows-1m", "time")["params"]["interval"] = json!("fast");
    }),
    ("not the one that the time picker selects by", |o| {
        o.column("windows-1m", "time")["sourceField"] = json!("window_end");
    }),
    ("adds up windows that overlap", |o| {
        let column = o.column("windows-10m-by-1m", "amount");
        column["operationType"] = json!("sum");
        column["params"] = json!({"emptyAsNull": true});
        remove(column, "filter");
    }),
    ("must be selected by their ends", |o| {
        let by_start = json!("payments-10m-by-1m");
        let panel = o.panel("last-10m-by-1m");
        panel["embeddableConfig"]["attributes"]["references"][0]["id"] = by_start.clone();
        let references = o.dashboard()["references"].as_array_mut().unwrap();
        let ours = |one: &&mut Value| one["name"].as_str().unwrap().starts_with("last-10m-by-1m:");
        references.iter_mut().find(ours).unwrap()["id"] = by_start;
    }),
    ("its fittingFunction is not Zero", |o| {
        o.drawing("windows-10m-by-1m")["fittingFunction"] = json!("Linear");
    }),
    ("its fittingFunction is not Linear", |o| {
        o.drawing("percentile-95")["fittingFunction"] = json!("Zero");
    }),
    ("its stretches are not 1h long", |o| {
        o.column("windows-day", "time")["params"]["interval"] = json!("auto");
    }),
    ("would change this figure", |o| {
        o.column("windows-1m", "amount")["params"]["emptyAsNull"] = json!(true);
    }),
    ("would change this figure", |o| {
        o.column("newest-final", "last")["filter"]["query"] = json!("final: true");
    }),
    ("would change this figure", |o| {
        o.column("last-day", "amount")["filter"]["query"] = json!("pay_amount: *");
    }),
    ("would change this figure", |o| {
        remove(o.column("revised", "count"), "filter")
    }),
    ("would change this figure", |o| {
        o.column("revised", "most")["operationType"] = json!("min");
    }),
    ("percentiles can be neither added nor averaged", |o| {
        let column = o.column("percentile-95", "p95");
        column["operationType"] = json!("max");
        column["params"] = json!({"emptyAsNull": true});
        remove(column, "filter");
    }),
    ("the last value is that of any branch", |o| {
        o.column("percentiles", "row")["sourceField"] = json!("window");
    }),
    ("selects by a field that these documents lack", |o| {
        o.layer("rejects")["ignoreGlobalFilters"] = json!(false);
    }),
    ("it ignores the controls", |o| {
        o.layer("heatmap")["ignoreGlobalFilters"] = json!(true)
    }),
    ("it uses a sample only", |o| {
        o.layer("heatmap")["sampling"] = json!(0.1)
    }),
    ("a column is incomplete", |o| {
        o.layer("heatmap")["incompleteColumns"] = json!({"amount": {}});
    }),
    ("lies on", |o| {
        o.panel("heatmap")["gridData"]["y"] = json!(30)
    }),
    ("not within the 48", |o| {
        o.panel("totals-exact")["gridData"]["x"] = json!(25)
    }),
    ("i is not its id", |o| {
        o.panel("totals")["gridData"]["i"] = json!("total")
    }),
    ("it is neither a Lens panel nor a text panel", |o| {
        o.panel("notes")["embeddableConfig"]["savedVis"]["type"] = json!("vega");
    }),
    ("has no field city that can be listed", |o| {
        o.control("branch")["explicitInput"]["fieldName"] = json!("city");
    }),
    ("it is not a list of options", |o| {
        o.control("final")["type"] = json!("rangeSliderControl")
    }),
    ("its input has another id", |o| {
        o.control("final")["explicitInput"]["id"] = json!("other")
    }),
    ("order, grow or width", |o| {
        remove(o.control("final"), "order")
    }),
];

fn remove(object: &mut Value, member: &str) {
    object
        .as_object_mut()
        .unwrap()
        .remove(member)
        .expect("a member to be removed");
}
