//! Checks a dashboard: its panels, their positions and references, and its controls.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Faults, ParsedDataView, array, column, json_text, layer, location, shape, text};
use crate::kibana::IndexLayout;
use crate::kibana::saved_object::DATA_VIEW;

/// The width of the grid.
const WIDTH: u64 = 48;

/// The references that a dashboard must have: name, type and id.
type Needs = BTreeSet<(String, String)>;

pub(super) fn dashboard(
    object: &Value,
    views: &BTreeMap<String, ParsedDataView>,
    layout: &IndexLayout,
    faults: &mut Faults,
) {
    let at = location(object);
    let attributes = &object["attributes"];
    shape::dashboard(attributes, &at, faults);
    let panels = json_text(&attributes["panelsJSON"]).unwrap_or_default();
    let panels = array(&panels);
    faults.expect(!panels.is_empty(), &at, "it has no panels");
    let mut ids = BTreeSet::new();
    let mut needs = Needs::new();
    let controls = json_text(&attributes["controlGroupInput"]["panelsJSON"]).unwrap_or_default();
    let controls = controlled(&controls, views, layout, &at, &mut needs, faults);
    for panel in panels {
        let id = text(&panel["panelIndex"]);
        let at = format!("{at}, panel {id}");
        faults.expect(ids.insert(id.clone()), &at, "it is there twice");
        shape::panel(panel, &at, faults);
        faults.expect(
            panel["gridData"]["i"] == panel["panelIndex"],
            &at,
            "i is not its id",
        );
        match panel["type"].as_str() {
            Some("lens") => {
                let lens = &panel["embeddableConfig"]["attributes"];
                shape::lens(lens, &at, faults);
                layer::lens(lens, views, layout, &controls, &at, faults);
                needs.extend(array(&lens["references"]).iter().map(|reference| {
                    let name = format!("{id}:{}", text(&reference["name"]));
                    (name, target(reference))
                }));
            }
            Some("visualization") => {
                let kind = &panel["embeddableConfig"]["savedVis"]["type"];
                faults.expect(
                    kind == "markdown",
                    &at,
                    "it is neither a Lens panel nor a text panel",
                );
            }
            other => faults.add(&at, format!("the type {other:?} is not one that we load")),
        }
    }
    grid(panels, &at, faults);
    let there: Needs = array(&object["references"])
        .iter()
        .map(|reference| (text(&reference["name"]), target(reference)))
        .collect();
    for (name, id) in needs.difference(&there) {
        faults.add(&at, format!("the reference {name} to {id} is missing"));
    }
    for (name, id) in there.difference(&needs) {
        faults.add(&at, format!("no panel needs the reference {name} to {id}"));
    }
}

/// The fields that panels and controls show, each with the id of its data view.
pub(super) fn fields(object: &Value) -> Vec<(String, String)> {
    let attributes = &object["attributes"];
    let mut found = Vec::new();
    let controls = json_text(&attributes["controlGroupInput"]["panelsJSON"]).unwrap_or_default();
    for control in controls
        .as_object()
        .into_iter()
        .flat_map(|map| map.values())
    {
        let input = &control["explicitInput"];
        found.push((text(&input["dataViewId"]), text(&input["fieldName"])));
    }
    let panels = json_text(&attributes["panelsJSON"]).unwrap_or_default();
    for panel in array(&panels) {
        let lens = &panel["embeddableConfig"]["attributes"];
        let view = text(&lens["references"][0]["id"]);
        for shown in layer::columns(lens) {
            for field in [&shown["sourceField"], &shown["params"]["sortField"]] {
                if let Some(field) = field.as_str().filter(|field| *field != column::RECORDS) {
                    found.push((view.clone(), field.to_owned()));
                }
            }
        }
    }
    found
}

/// The fields that the controls select by.
fn controlled(
    controls: &Value,
    views: &BTreeMap<String, ParsedDataView>,
    layout: &IndexLayout,
    at: &str,
    needs: &mut Needs,
    faults: &mut Faults,
) -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    for (id, control) in controls.as_object().into_iter().flatten() {
        let at = format!("{at}, control {id}");
        let is_list = control["type"] == "optionsListControl";
        faults.expect(is_list, &at, "it is not a list of options");
        let is_placed = control["order"].is_u64()
            && control["grow"].is_boolean()
            && matches!(
                control["width"].as_str(),
                Some("small" | "medium" | "large")
            );
        faults.expect(is_placed, &at, "order, grow or width is missing or wrong");
        let input = &control["explicitInput"];
        faults.expect(input["id"] == id.as_str(), &at, "its input has another id");
        let (view, field) = (text(&input["dataViewId"]), text(&input["fieldName"]));
        needs.insert((
            format!("controlGroup_{id}:optionsListDataView"),
            format!("{DATA_VIEW} {view}"),
        ));
        let kind = views
            .get(&view)
            .and_then(|view| layout.behind(&view.title))
            .and_then(|(_, fields)| fields.get(&field));
        faults.expect(
            kind.is_some_and(|kind| matches!(kind.as_str(), "keyword" | "boolean")),
            &at,
            format!("{view} has no field {field} that can be listed"),
        );
        fields.insert(field);
    }
    fields
}

/// The object that a reference points to.
fn target(reference: &Value) -> String {
    format!("{} {}", text(&reference["type"]), text(&reference["id"]))
}

fn grid(panels: &[Value], at: &str, faults: &mut Faults) {
    let mut taken: BTreeMap<(u64, u64), String> = BTreeMap::new();
    for panel in panels {
        let id = text(&panel["panelIndex"]);
        let grid = &panel["gridData"];
        let number = |key: &str| grid[key].as_u64();
        let (Some(x), Some(y), Some(w), Some(h)) =
            (number("x"), number("y"), number("w"), number("h"))
        else {
            faults.add(at, format!("the panel {id} has an incomplete position"));
            continue;
        };
        let fits = (1..=WIDTH).contains(&w) && x <= WIDTH - w && (1..=100).contains(&h);
        if !fits {
            faults.add(
                at,
                format!("the panel {id} is not within the 48 of the grid"),
            );
            continue;
        }
        let cells = (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y)));
        let mut under = BTreeSet::new();
        for cell in cells {
            if let Some(other) = taken.insert(cell, id.clone()) {
                under.insert(other);
            }
        }
        for other in under {
            faults.add(at, format!("the panel {id} lies on {other}"));
        }
    }
}
