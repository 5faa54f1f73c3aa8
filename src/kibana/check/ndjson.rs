//! Checks lines: each must be an object with the members that Kibana needs, and with old enough stamps.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Faults, array, location, text};
use crate::kibana::saved_object::{CORE, DASHBOARD, DATA_VIEW};

/// The members of a line, and no others: a `version` that can't be decoded fails the whole import.
const MEMBERS: [&str; 6] = [
    "attributes",
    "coreMigrationVersion",
    "id",
    "references",
    "type",
    "typeMigrationVersion",
];

/// The objects, one a line.
pub(super) fn objects(ndjson: &str, faults: &mut Faults) -> Vec<Value> {
    let mut objects = Vec::new();
    let mut seen = BTreeSet::new();
    for (number, line) in ndjson.lines().enumerate() {
        let at = format!("line {}", number + 1);
        let object = match serde_json::from_str::<Value>(line) {
            Ok(object) if object.is_object() => object,
            Ok(_) => {
                faults.add(&at, "this is not an object");
                continue;
            }
            Err(error) => {
                faults.add(&at, format!("this is not valid JSON: {error}"));
                continue;
            }
        };
        members(&object, &at, faults);
        let location = location(&object);
        let is_new = seen.insert((text(&object["type"]), text(&object["id"])));
        faults.expect(is_new, &location, "it is there twice");
        stamps(&object, &location, faults);
        references(&object, &location, faults);
        objects.push(object);
    }
    objects
}

fn members(object: &Value, at: &str, faults: &mut Faults) {
    for member in MEMBERS {
        let is_there = !object[member].is_null();
        faults.expect(is_there, at, format!("the member {member} is missing"));
    }
    for member in object.as_object().into_iter().flat_map(|map| map.keys()) {
        let is_known = MEMBERS.contains(&member.as_str());
        faults.expect(is_known, at, format!("the member {member} is unknown"));
    }
    for (member, is_right) in [
        ("id", object["id"].as_str().is_some_and(|id| !id.is_empty())),
        ("attributes", object["attributes"].is_object()),
        ("references", object["references"].is_array()),
    ] {
        faults.expect(
            is_right,
            at,
            format!("the member {member} is of the wrong kind"),
        );
    }
}

/// A stamp newer than Kibana is refused; an older one than the content is migrated wrongly.
fn stamps(object: &Value, location: &str, faults: &mut Faults) {
    let stamp = match object["type"].as_str() {
        Some(DATA_VIEW) => "8.0.0",
        Some(DASHBOARD) => "8.9.0",
        other => {
            faults.add(
                location,
                format!("the type {other:?} is not one that we load"),
            );
            return;
        }
    };
    for (member, wanted) in [
        ("typeMigrationVersion", stamp),
        ("coreMigrationVersion", CORE),
    ] {
        faults.expect(
            object[member] == wanted,
            location,
            format!("{member} is {}, not \"{wanted}\"", object[member]),
        );
    }
}

fn references(object: &Value, location: &str, faults: &mut Faults) {
    let mut names = BTreeSet::new();
    for reference in array(&object["references"]) {
        let whole = ["id", "name", "type"].iter().all(|member| {
            reference[*member]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        });
        let alone = reference.as_object().is_some_and(|map| map.len() == 3);
        faults.expect(
            whole && alone,
            location,
            "a reference needs id, name and type, no more",
        );
        let name = text(&reference["name"]);
        let is_new = names.insert(name.clone());
        faults.expect(
            is_new,
            location,
            format!("the reference {name} is there twice"),
        );
    }
}
