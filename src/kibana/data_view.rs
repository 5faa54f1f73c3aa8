//! Data views: the documents that Kibana shows, and the time by which it selects them.

use serde_json::{Map, Value, json};
use tidegauge_windows::{Definition, Kind};

use super::saved_object::{CORE, DATA_VIEW, SavedObject};
use super::{DocumentSet, IndexLayout};
use crate::view::field::FieldKind;

/// A data view.
#[derive(Clone, Debug)]
pub(super) struct DataView<'a> {
    pub(super) id: String,
    /// The alias that it reads.
    title: String,
    name: String,
    /// The field that the time picker selects by.
    time: Option<&'static str>,
    documents: DocumentSet<'a>,
}

/// All data views. Windows that overlap have two: by their starts and by their ends.
pub(super) fn all(layout: &IndexLayout) -> Vec<DataView<'_>> {
    let mut views = vec![totals(layout)];
    for definition in &layout.definitions {
        views.push(by_start(layout, definition));
        if definition.kind() != Kind::Tumbling {
            views.push(by_end(layout, definition));
        }
    }
    views.push(late(layout));
    views.push(rejects(layout));
    views
}

/// Totals have no time: a branch without a payment in the time picked still has its total.
pub(super) fn totals(layout: &IndexLayout) -> DataView<'_> {
    DataView::new(layout, DocumentSet::Totals, None, "totals by branch")
}

/// Windows by when they start.
pub(super) fn by_start<'a>(layout: &'a IndexLayout, definition: &'a Definition) -> DataView<'a> {
    let documents = DocumentSet::Windows(definition);
    let name = format!("{} windows", definition.name());
    DataView::new(layout, documents, Some("window_start"), &name)
}

/// Windows by when they end.
pub(super) fn by_end<'a>(layout: &'a IndexLayout, definition: &'a Definition) -> DataView<'a> {
    let documents = DocumentSet::Windows(definition);
    let name = format!("{} windows by their ends", definition.name());
    let mut view = DataView::new(layout, documents, Some("window_end"), &name);
    // No name of a window has a dot.
    view.id.push_str(".window_end");
    view
}

/// Payments in no window, by when they came.
pub(super) fn late(layout: &IndexLayout) -> DataView<'_> {
    let name = "payments in no window";
    DataView::new(layout, DocumentSet::NoWindow, Some("@timestamp"), name)
}

/// Rejected records, by the time at which they came.
pub(super) fn rejects(layout: &IndexLayout) -> DataView<'_> {
    DataView::new(layout, DocumentSet::Rejects, Some("@timestamp"), "rejects")
}

impl<'a> DataView<'a> {
    fn new(
        layout: &IndexLayout,
        documents: DocumentSet<'a>,
        time: Option<&'static str>,
        name: &str,
    ) -> Self {
        let alias = layout.alias(documents);
        Self {
            id: alias.clone(),
            title: alias,
            name: format!("{}: {name}", layout.prefix),
            time,
            documents,
        }
    }

    /// Whether documents have the fields that the dashboard's controls select by.
    pub(super) const fn is_selectable(&self) -> bool {
        matches!(self.documents, DocumentSet::Windows(_))
    }

    pub(super) fn object(&self) -> SavedObject {
        let mut attributes = json!({
            "allowNoIndex": true,
            "fieldAttrs": "{}",
            "fieldFormatMap": self.formats().to_string(),
            "fields": "[]",
            "name": self.name,
            "runtimeFieldMap": "{}",
            "sourceFilters": "[]",
            "title": self.title,
        });
        if let Some(time) = self.time {
            attributes["timeFieldName"] = json!(time);
        }
        SavedObject {
            attributes,
            core_migration_version: CORE,
            id: self.id.clone(),
            references: Vec::new(),
            kind: DATA_VIEW,
            type_migration_version: "8.0.0",
        }
    }

    /// Money with two decimals, counts and offsets without decimals.
    fn formats(&self) -> Value {
        let number = |pattern| json!({"id": "number", "params": {"pattern": pattern}});
        let mut formats = Map::new();
        for field in self.documents.figures() {
            let pattern = match field.kind {
                FieldKind::Money | FieldKind::Percentile(_) => "0,0.00",
                FieldKind::Count | FieldKind::Offset => "0,0",
                _ => continue,
            };
            formats.insert(field.name.into(), number(pattern));
        }
        Value::Object(formats)
    }
}
