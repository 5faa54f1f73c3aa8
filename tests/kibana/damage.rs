//! The checker itself: whatever is broken in the objects, it notices.

mod ways;

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use tidegauge::kibana::{IndexLayout, check, ndjson};

use self::ways::DAMAGES;
use super::layout_of;

/// The objects with the JSON within text unfolded, so that it can be reached.
struct Objects(Vec<Value>);

/// Members that hold JSON as text, by their pointers in a line.
const FOLDED: [&str; 5] = [
    "/attributes/panelsJSON",
    "/attributes/optionsJSON",
    "/attributes/controlGroupInput/panelsJSON",
    "/attributes/controlGroupInput/ignoreParentSettingsJSON",
    "/attributes/kibanaSavedObjectMeta/searchSourceJSON",
];

impl Objects {
    fn of(layout: &IndexLayout) -> Self {
        let text = ndjson(&layout.objects());
        let lines = text.lines().map(|line| {
            let mut object: Value = serde_json::from_str(line).unwrap();
            for pointer in FOLDED {
                if let Some(folded) = object.pointer_mut(pointer) {
                    *folded = serde_json::from_str(folded.as_str().unwrap()).unwrap();
                }
            }
            object
        });
        Self(lines.collect())
    }

    fn text(&self) -> String {
        let line = |object: &Value| {
            let mut object = object.clone();
            for pointer in FOLDED.iter().rev() {
                if let Some(member) = object.pointer_mut(pointer) {
                    *member = Value::from(member.to_string());
                }
            }
            object.to_string() + "\n"
        };
        self.0.iter().map(line).collect()
    }

    fn dashboard(&mut self) -> &mut Value {
        self.0.last_mut().unwrap()
    }

    fn panel(&mut self, id: &str) -> &mut Value {
        let panels = self.dashboard()["attributes"]["panelsJSON"]
            .as_array_mut()
            .unwrap();
        panels
            .iter_mut()
            .find(|panel| panel["panelIndex"] == id)
            .unwrap()
    }

    fn layer(&mut self, id: &str) -> &mut Value {
        let lens = &mut self.panel(id)["embeddableConfig"]["attributes"];
        &mut lens["state"]["datasourceStates"]["formBased"]["layers"]["layer"]
    }

    fn column(&mut self, panel: &str, column: &str) -> &mut Value {
        &mut self.layer(panel)["columns"][column]
    }

    fn drawing(&mut self, panel: &str) -> &mut Value {
        &mut self.panel(panel)["embeddableConfig"]["attributes"]["state"]["visualization"]
    }

    fn control(&mut self, id: &str) -> &mut Value {
        &mut self.dashboard()["attributes"]["controlGroupInput"]["panelsJSON"][id]
    }
}

#[test]
fn every_damage_is_noticed_and_named() {
    let layout = layout_of("");
    assert_eq!(
        check::faults(&Objects::of(&layout).text(), &layout),
        [""; 0]
    );
    for (number, (said, damage)) in DAMAGES.iter().enumerate() {
        let mut objects = Objects::of(&layout);
        damage(&mut objects);
        let faults = check::faults(&objects.text(), &layout);
        assert!(
            faults.iter().any(|fault| fault.contains(said)),
            "damage {number} is not called \"{said}\", but {faults:#?}"
        );
    }
}

/// The pointers of all members that are looked at: a field's name, an id, a type, an operation.
fn decisive(objects: &Objects) -> Vec<(usize, String)> {
    fn walk(value: &Value, pointer: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    walk(value, &format!("{pointer}/{key}"), found);
                }
            }
            Value::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    walk(item, &format!("{pointer}/{number}"), found);
                }
            }
            Value::String(_) => found.push(pointer.to_owned()),
            _ => {}
        }
    }
    let watched: BTreeSet<&str> = [
        "id",
        "type",
        "typeMigrationVersion",
        "coreMigrationVersion",
        "timeFieldName",
        "panelIndex",
        "i",
        "sourceField",
        "operationType",
        "dataType",
        "scale",
        "sortField",
        "columnId",
        "layerId",
        "layerType",
        "xAccessor",
        "yAccessor",
        "splitAccessor",
        "valueAccessor",
        "metricAccessor",
        "visualizationType",
        "seriesType",
        "fittingFunction",
        "interval",
        "dataViewId",
        "fieldName",
    ]
    .into();
    let mut found = Vec::new();
    for (line, object) in objects.0.iter().enumerate() {
        let mut pointers = Vec::new();
        walk(object, "", &mut pointers);
        let decisive = pointers.into_iter().filter(|pointer| {
            let inside = pointer.contains("/savedVis/") || pointer.contains("/fieldFormatMap");
            let last = pointer.rsplit('/').next().unwrap();
            let parent = pointer.rsplit('/').nth(1).unwrap();
            // The id of a format, and that of the dashboard itself, may be any.
            let is_open = parent == "parentFormat" || parent == "gridConfig" || parent == "legend";
            !inside && !is_open && watched.contains(last)
        });
        found.extend(decisive.map(|pointer| (line, pointer)));
    }
    let last = objects.0.len() - 1;
    found.retain(|(line, pointer)| !(*line == last && pointer == "/id"));
    found
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]
    #[test]
    fn a_changed_name_anywhere_is_noticed(choice in any::<prop::sample::Index>(), word in "[a-z]{1,12}~") {
        let layout = layout_of("");
        let mut objects = Objects::of(&layout);
        let all = decisive(&objects);
        let (line, pointer) = choice.get(&all);
        *objects.0[*line].pointer_mut(pointer).unwrap() = json!(word);
        let faults = check::faults(&objects.text(), &layout);
        prop_assert!(!faults.is_empty(), "line {} {}", line, pointer);
    }
}
