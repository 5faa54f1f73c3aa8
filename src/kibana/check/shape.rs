//! The members of objects and their kinds: a schema, after Kibana's own in TypeScript.

use serde_json::Value;

use super::{Faults, json_text};

/// The kind of a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Is {
    Text,
    Number,
    Boolean,
    Object,
    List,
    /// A text that holds JSON of an object.
    ObjectAsText,
    /// A text that holds JSON of a list.
    ListAsText,
}

/// A member: its name, its kind, and whether it must be there.
type Member = (&'static str, Is, bool);

const DATA_VIEW: [Member; 9] = [
    ("title", Is::Text, true),
    ("name", Is::Text, true),
    ("allowNoIndex", Is::Boolean, true),
    ("timeFieldName", Is::Text, false),
    ("fieldAttrs", Is::ObjectAsText, true),
    ("fieldFormatMap", Is::ObjectAsText, true),
    ("fields", Is::ListAsText, false),
    ("runtimeFieldMap", Is::ObjectAsText, true),
    ("sourceFilters", Is::ListAsText, true),
];

/// All members that the first schema of a dashboard's attributes knows; it forbids others.
const DASHBOARD: [Member; 12] = [
    ("title", Is::Text, true),
    ("description", Is::Text, false),
    ("kibanaSavedObjectMeta", Is::Object, true),
    ("timeRestore", Is::Boolean, false),
    ("timeFrom", Is::Text, false),
    ("timeTo", Is::Text, false),
    ("refreshInterval", Is::Object, false),
    ("controlGroupInput", Is::Object, true),
    ("panelsJSON", Is::ListAsText, true),
    ("optionsJSON", Is::ObjectAsText, true),
    ("hits", Is::Number, false),
    ("version", Is::Number, false),
];

const CONTROL_GROUP: [Member; 4] = [
    ("panelsJSON", Is::ObjectAsText, true),
    ("controlStyle", Is::Text, true),
    ("chainingSystem", Is::Text, true),
    ("ignoreParentSettingsJSON", Is::ObjectAsText, true),
];

const META: [Member; 1] = [("searchSourceJSON", Is::ObjectAsText, true)];

const REFRESH: [Member; 2] = [("pause", Is::Boolean, true), ("value", Is::Number, true)];

const PANEL: [Member; 5] = [
    ("type", Is::Text, true),
    ("panelIndex", Is::Text, true),
    ("gridData", Is::Object, true),
    ("embeddableConfig", Is::Object, true),
    ("version", Is::Text, true),
];

const GRID: [Member; 5] = [
    ("x", Is::Number, true),
    ("y", Is::Number, true),
    ("w", Is::Number, true),
    ("h", Is::Number, true),
    ("i", Is::Text, true),
];

const LENS: [Member; 6] = [
    ("title", Is::Text, true),
    ("description", Is::Text, false),
    ("type", Is::Text, true),
    ("visualizationType", Is::Text, true),
    ("references", Is::List, true),
    ("state", Is::Object, true),
];

const STATE: [Member; 6] = [
    ("datasourceStates", Is::Object, true),
    ("filters", Is::List, true),
    ("query", Is::Object, true),
    ("internalReferences", Is::List, true),
    ("adHocDataViews", Is::Object, true),
    ("visualization", Is::Object, true),
];

const LAYER: [Member; 5] = [
    ("columns", Is::Object, true),
    ("columnOrder", Is::List, true),
    ("incompleteColumns", Is::Object, true),
    ("sampling", Is::Number, true),
    ("ignoreGlobalFilters", Is::Boolean, true),
];

const COLUMN: [Member; 9] = [
    ("label", Is::Text, true),
    ("customLabel", Is::Boolean, false),
    ("dataType", Is::Text, true),
    ("operationType", Is::Text, true),
    ("isBucketed", Is::Boolean, true),
    ("scale", Is::Text, true),
    ("sourceField", Is::Text, true),
    ("params", Is::Object, true),
    ("filter", Is::Object, false),
];

pub(super) fn data_view(attributes: &Value, place: &str, faults: &mut Faults) {
    members(attributes, &DATA_VIEW, place, faults);
    faults.expect(
        attributes["allowNoIndex"] == true,
        place,
        "allowNoIndex must be true: the view is loaded before there are documents",
    );
}

pub(super) fn dashboard(attributes: &Value, place: &str, faults: &mut Faults) {
    members(attributes, &DASHBOARD, place, faults);
    members(&attributes["kibanaSavedObjectMeta"], &META, place, faults);
    members(
        &attributes["controlGroupInput"],
        &CONTROL_GROUP,
        place,
        faults,
    );
    if !attributes["refreshInterval"].is_null() {
        members(&attributes["refreshInterval"], &REFRESH, place, faults);
    }
    let restores = attributes["timeRestore"] == true;
    let has_time = attributes["timeFrom"].is_string() && attributes["timeTo"].is_string();
    faults.expect(
        restores == has_time,
        place,
        "timeRestore needs timeFrom and timeTo",
    );
}

pub(super) fn panel(panel: &Value, place: &str, faults: &mut Faults) {
    members(panel, &PANEL, place, faults);
    members(&panel["gridData"], &GRID, place, faults);
}

pub(super) fn lens(attributes: &Value, place: &str, faults: &mut Faults) {
    members(attributes, &LENS, place, faults);
    members(&attributes["state"], &STATE, place, faults);
}

pub(super) fn layer(layer: &Value, place: &str, faults: &mut Faults) {
    members(layer, &LAYER, place, faults);
}

pub(super) fn column(column: &Value, place: &str, faults: &mut Faults) {
    members(column, &COLUMN, place, faults);
}

/// Checks that every required member exists, that each is of its kind, and that there are no others.
fn members(value: &Value, known: &[Member], place: &str, faults: &mut Faults) {
    let Some(map) = value.as_object() else {
        faults.add(place, "an object is missing");
        return;
    };
    for (name, kind, needed) in known {
        match map.get(*name) {
            None => faults.expect(!needed, place, format!("the member {name} is missing")),
            Some(member) => faults.expect(
                is(member, *kind),
                place,
                format!("the member {name} is of the wrong kind"),
            ),
        }
    }
    for name in map.keys() {
        let is_known = known.iter().any(|(known, _, _)| known == name);
        faults.expect(is_known, place, format!("the member {name} is unknown"));
    }
}

fn is(value: &Value, kind: Is) -> bool {
    match kind {
        Is::Text => value.is_string(),
        Is::Number => value.is_number(),
        Is::Boolean => value.is_boolean(),
        Is::Object => value.is_object(),
        Is::List => value.is_array(),
        Is::ObjectAsText => json_text(value).is_some_and(|inside| inside.is_object()),
        Is::ListAsText => json_text(value).is_some_and(|inside| inside.is_array()),
    }
}
