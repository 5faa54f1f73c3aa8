//! The members of objects and their kinds: a schema, after Kibana's own in TypeScript.

use serde_json::Value;

use super::{Faults, json_text};

/// The kind of a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum JsonKind {
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
type Member = (&'static str, JsonKind, bool);

const DATA_VIEW: [Member; 9] = [
    ("title", JsonKind::Text, true),
    ("name", JsonKind::Text, true),
    ("allowNoIndex", JsonKind::Boolean, true),
    ("timeFieldName", JsonKind::Text, false),
    ("fieldAttrs", JsonKind::ObjectAsText, true),
    ("fieldFormatMap", JsonKind::ObjectAsText, true),
    ("fields", JsonKind::ListAsText, false),
    ("runtimeFieldMap", JsonKind::ObjectAsText, true),
    ("sourceFilters", JsonKind::ListAsText, true),
];

/// All members that the first schema of a dashboard's attributes knows; it forbids others.
const DASHBOARD: [Member; 12] = [
    ("title", JsonKind::Text, true),
    ("description", JsonKind::Text, false),
    ("kibanaSavedObjectMeta", JsonKind::Object, true),
    ("timeRestore", JsonKind::Boolean, false),
    ("timeFrom", JsonKind::Text, false),
    ("timeTo", JsonKind::Text, false),
    ("refreshInterval", JsonKind::Object, false),
    ("controlGroupInput", JsonKind::Object, true),
    ("panelsJSON", JsonKind::ListAsText, true),
    ("optionsJSON", JsonKind::ObjectAsText, true),
    ("hits", JsonKind::Number, false),
    ("version", JsonKind::Number, false),
];

const CONTROL_GROUP: [Member; 4] = [
    ("panelsJSON", JsonKind::ObjectAsText, true),
    ("controlStyle", JsonKind::Text, true),
    ("chainingSystem", JsonKind::Text, true),
    ("ignoreParentSettingsJSON", JsonKind::ObjectAsText, true),
];

const META: [Member; 1] = [("searchSourceJSON", JsonKind::ObjectAsText, true)];

const REFRESH: [Member; 2] = [
    ("pause", JsonKind::Boolean, true),
    ("value", JsonKind::Number, true),
];

const PANEL: [Member; 5] = [
    ("type", JsonKind::Text, true),
    ("panelIndex", JsonKind::Text, true),
    ("gridData", JsonKind::Object, true),
    ("embeddableConfig", JsonKind::Object, true),
    ("version", JsonKind::Text, true),
];

const GRID: [Member; 5] = [
    ("x", JsonKind::Number, true),
    ("y", JsonKind::Number, true),
    ("w", JsonKind::Number, true),
    ("h", JsonKind::Number, true),
    ("i", JsonKind::Text, true),
];

const LENS: [Member; 6] = [
    ("title", JsonKind::Text, true),
    ("description", JsonKind::Text, false),
    ("type", JsonKind::Text, true),
    ("visualizationType", JsonKind::Text, true),
    ("references", JsonKind::List, true),
    ("state", JsonKind::Object, true),
];

const STATE: [Member; 6] = [
    ("datasourceStates", JsonKind::Object, true),
    ("filters", JsonKind::List, true),
    ("query", JsonKind::Object, true),
    ("internalReferences", JsonKind::List, true),
    ("adHocDataViews", JsonKind::Object, true),
    ("visualization", JsonKind::Object, true),
];

const LAYER: [Member; 5] = [
    ("columns", JsonKind::Object, true),
    ("columnOrder", JsonKind::List, true),
    ("incompleteColumns", JsonKind::Object, true),
    ("sampling", JsonKind::Number, true),
    ("ignoreGlobalFilters", JsonKind::Boolean, true),
];

const COLUMN: [Member; 9] = [
    ("label", JsonKind::Text, true),
    ("customLabel", JsonKind::Boolean, false),
    ("dataType", JsonKind::Text, true),
    ("operationType", JsonKind::Text, true),
    ("isBucketed", JsonKind::Boolean, true),
    ("scale", JsonKind::Text, true),
    ("sourceField", JsonKind::Text, true),
    ("params", JsonKind::Object, true),
    ("filter", JsonKind::Object, false),
];

pub(super) fn data_view(attributes: &Value, location: &str, faults: &mut Faults) {
    members(attributes, &DATA_VIEW, location, faults);
    faults.expect(
        attributes["allowNoIndex"] == true,
        location,
        "allowNoIndex must be true: the view is loaded before there are documents",
    );
}

pub(super) fn dashboard(attributes: &Value, location: &str, faults: &mut Faults) {
    members(attributes, &DASHBOARD, location, faults);
    members(
        &attributes["kibanaSavedObjectMeta"],
        &META,
        location,
        faults,
    );
    members(
        &attributes["controlGroupInput"],
        &CONTROL_GROUP,
        location,
        faults,
    );
    if !attributes["refreshInterval"].is_null() {
        members(&attributes["refreshInterval"], &REFRESH, location, faults);
    }
    let restores = attributes["timeRestore"] == true;
    let has_time = attributes["timeFrom"].is_string() && attributes["timeTo"].is_string();
    faults.expect(
        restores == has_time,
        location,
        "timeRestore needs timeFrom and timeTo",
    );
}

pub(super) fn panel(panel: &Value, location: &str, faults: &mut Faults) {
    members(panel, &PANEL, location, faults);
    members(&panel["gridData"], &GRID, location, faults);
}

pub(super) fn lens(attributes: &Value, location: &str, faults: &mut Faults) {
    members(attributes, &LENS, location, faults);
    members(&attributes["state"], &STATE, location, faults);
}

pub(super) fn layer(layer: &Value, location: &str, faults: &mut Faults) {
    members(layer, &LAYER, location, faults);
}

pub(super) fn column(column: &Value, location: &str, faults: &mut Faults) {
    members(column, &COLUMN, location, faults);
}

/// Checks that every required member exists, that each is of its kind, and that there are no others.
fn members(value: &Value, known: &[Member], location: &str, faults: &mut Faults) {
    let Some(map) = value.as_object() else {
        faults.add(location, "an object is missing");
        return;
    };
    for (name, kind, needed) in known {
        match map.get(*name) {
            None => faults.expect(!needed, location, format!("the member {name} is missing")),
            Some(member) => faults.expect(
                is_of_kind(member, *kind),
                location,
                format!("the member {name} is of the wrong kind"),
            ),
        }
    }
    for name in map.keys() {
        let is_known = known.iter().any(|(known, _, _)| known == name);
        faults.expect(is_known, location, format!("the member {name} is unknown"));
    }
}

fn is_of_kind(value: &Value, kind: JsonKind) -> bool {
    match kind {
        JsonKind::Text => value.is_string(),
        JsonKind::Number => value.is_number(),
        JsonKind::Boolean => value.is_boolean(),
        JsonKind::Object => value.is_object(),
        JsonKind::List => value.is_array(),
        JsonKind::ObjectAsText => json_text(value).is_some_and(|inside| inside.is_object()),
        JsonKind::ListAsText => json_text(value).is_some_and(|inside| inside.is_array()),
    }
}
