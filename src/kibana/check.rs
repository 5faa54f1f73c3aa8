//! Validates saved objects: everything that Kibana itself does not check before it shows an empty panel.
//!
//! The input is text, so that an export that was edited by hand can be checked as well.

mod column;
mod drawing;
mod layer;
mod layer_context;
mod ndjson;
mod panels;
mod shape;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::IndexLayout;
use super::saved_object::{DASHBOARD, DATA_VIEW};

/// The faults that were found, each a sentence with its place.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<String>);

impl Faults {
    fn add(&mut self, location: &str, what: impl AsRef<str>) {
        self.0.push(format!("{location}: {}", what.as_ref()));
    }

    /// Adds the fault if the condition does not `hold`.
    fn expect(&mut self, holds: bool, location: &str, what: impl AsRef<str>) {
        if !holds {
            self.add(location, what);
        }
    }
}

/// A data view, as read from the input.
#[derive(Clone, Debug, Default)]
struct ParsedDataView {
    title: String,
    time: Option<String>,
}

/// The faults of `ndjson`, saved objects that should show `layout`. The list is empty if they may be
/// loaded.
#[must_use]
pub fn faults(ndjson: &str, layout: &IndexLayout) -> Vec<String> {
    let mut faults = Faults::default();
    let objects = ndjson::objects(ndjson, &mut faults);
    let mut views = BTreeMap::new();
    for object in of(&objects, DATA_VIEW) {
        let view = data_view(object, layout, &mut faults);
        views.insert(text(&object["id"]), view);
    }
    faults.expect(!views.is_empty(), "the file", "there is no data view");
    let dashboards: Vec<&Value> = of(&objects, DASHBOARD).collect();
    faults.expect(!dashboards.is_empty(), "the file", "there is no dashboard");
    for dashboard in dashboards {
        panels::dashboard(dashboard, &views, layout, &mut faults);
    }
    let known: BTreeSet<(String, String)> = objects
        .iter()
        .map(|object| (text(&object["type"]), text(&object["id"])))
        .collect();
    for object in &objects {
        for reference in array(&object["references"]) {
            let need = (text(&reference["type"]), text(&reference["id"]));
            faults.expect(
                known.contains(&need),
                &location(object),
                format!("it needs {} {}, which is not in the file", need.0, need.1),
            );
        }
    }
    faults.0
}

/// The fields that are shown, by the alias that they are in.
#[must_use]
pub fn shown_fields(ndjson: &str, layout: &IndexLayout) -> BTreeMap<String, BTreeSet<String>> {
    let objects = ndjson::objects(ndjson, &mut Faults::default());
    let titles: BTreeMap<String, String> = of(&objects, DATA_VIEW)
        .map(|view| (text(&view["id"]), text(&view["attributes"]["title"])))
        .collect();
    let mut shown: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for dashboard in of(&objects, DASHBOARD) {
        for (view, field) in panels::fields(dashboard) {
            let Some(title) = titles.get(&view) else {
                continue;
            };
            if layout.behind(title).is_some() {
                shown.entry(title.clone()).or_default().insert(field);
            }
        }
    }
    shown
}

fn data_view(object: &Value, layout: &IndexLayout, faults: &mut Faults) -> ParsedDataView {
    let location = location(object);
    let attributes = &object["attributes"];
    shape::data_view(attributes, &location, faults);
    let title = text(&attributes["title"]);
    let time = attributes["timeFieldName"].as_str().map(str::to_owned);
    let id = match time.as_deref() {
        Some("window_end") => format!("{title}.window_end"),
        _ => title.clone(),
    };
    faults.expect(
        object["id"] == id.as_str(),
        &location,
        format!("its id is not {id}, so loading it again would create a second one"),
    );
    match layout.behind(&title) {
        None => faults.add(&location, format!("there is no alias \"{title}\"")),
        Some((documents, fields)) => {
            if let Some(time) = &time {
                faults.expect(
                    fields.get(time).is_some_and(|kind| kind == "date"),
                    &location,
                    format!("its time field {time} is not a date field of the documents"),
                );
            }
            faults.expect(
                documents != super::DocumentSet::Totals || time.is_none(),
                &location,
                "totals must have no time field: a branch without a recent payment would vanish",
            );
            let formats = json_text(&attributes["fieldFormatMap"]).unwrap_or_default();
            for field in formats.as_object().into_iter().flat_map(|map| map.keys()) {
                faults.expect(
                    fields.contains_key(field),
                    &location,
                    format!("it gives a format to {field}, which documents don't have"),
                );
            }
        }
    }
    ParsedDataView { title, time }
}

fn of<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["type"] == kind)
}

fn location(object: &Value) -> String {
    format!("{} {}", text(&object["type"]), text(&object["id"]))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The JSON in a text.
fn json_text(value: &Value) -> Option<Value> {
    serde_json::from_str(value.as_str()?).ok()
}
