//! Columns of a Lens layer: the queries to Elasticsearch.

use serde_json::{Value, json};

/// How many branches a chart shows; the others are one more series where they can be added up.
const SERIES_MAX: u32 = 25;
/// How many rows a table has at most.
const ROWS_MAX: u32 = 1_000;

/// A column with its id.
#[derive(Clone, Debug)]
pub(super) struct LensColumn {
    pub(super) id: &'static str,
    body: Value,
}

impl LensColumn {
    fn new(id: &'static str, label: &str, body: Value) -> Self {
        let mut body = body;
        body["label"] = json!(label);
        body["customLabel"] = json!(true);
        Self { id, body }
    }

    /// The largest series by the column `by`, which can be added up, and the rest as one.
    pub(super) fn largest(field: &str, label: &str, by: &Self) -> Self {
        let order = json!({"type": "column", "columnId": by.id});
        Self::new("split", label, terms(field, SERIES_MAX, &order, "desc"))
    }

    /// The first series by name.
    pub(super) fn each(field: &str, label: &str) -> Self {
        let order = json!({"type": "alphabetical", "fallback": false});
        Self::new("split", label, terms(field, SERIES_MAX, &order, "asc"))
    }

    /// A row for each value.
    pub(super) fn rows(field: &str, label: &str) -> Self {
        let order = json!({"type": "alphabetical", "fallback": false});
        Self::new("row", label, terms(field, ROWS_MAX, &order, "asc"))
    }

    /// Stretches of time, `interval` long or `auto`.
    pub(super) fn time(field: &str, interval: &str) -> Self {
        let body = json!({
            "dataType": "date",
            "isBucketed": true,
            "operationType": "date_histogram",
            "params": {"dropPartials": false, "includeEmptyRows": true, "interval": interval},
            "scale": "interval",
            "sourceField": field,
        });
        Self::new("time", field, body)
    }

    pub(super) fn sum(id: &'static str, field: &str, label: &str) -> Self {
        Self::new(id, label, metric("sum", "number", field))
    }

    pub(super) fn max(id: &'static str, field: &str, label: &str) -> Self {
        Self::new(id, label, metric("max", "number", field))
    }

    /// The latest moment.
    pub(super) fn latest(id: &'static str, field: &str, label: &str) -> Self {
        Self::new(id, label, metric("max", "date", field))
    }

    /// The number of documents.
    pub(super) fn count(label: &str) -> Self {
        let mut body = metric("count", "number", "___records___");
        // No documents means zero here.
        body["params"]["emptyAsNull"] = json!(false);
        Self::new("count", label, body)
    }

    /// A sum over windows. Those without payments have no document, so nothing found is zero.
    pub(super) fn sum_or_zero(id: &'static str, field: &str, label: &str) -> Self {
        let mut body = metric("sum", "number", field);
        body["params"]["emptyAsNull"] = json!(false);
        Self::new(id, label, body)
    }

    /// The value in the last document by `sort`, a time, that has one. `kind` is `number`, `string`
    /// or `date`.
    pub(super) fn last(id: &'static str, kind: &str, field: &str, sort: &str, label: &str) -> Self {
        let mut body = metric("last_value", kind, field);
        body["params"] = json!({"showArrayValues": false, "sortField": sort});
        if kind == "string" {
            body["scale"] = json!("ordinal");
        }
        Self::new(id, label, body).only(&format!("{field}: *"))
    }

    /// Restricts the column to documents that `query`, in KQL, selects.
    pub(super) fn only(mut self, query: &str) -> Self {
        self.body["filter"] = json!({"language": "kuery", "query": query});
        self
    }

    pub(super) fn is_bucketed(&self) -> bool {
        self.body["isBucketed"] == true
    }

    pub(super) fn body(&self) -> Value {
        self.body.clone()
    }
}

fn metric(operation: &str, kind: &str, field: &str) -> Value {
    json!({
        "dataType": kind,
        "isBucketed": false,
        "operationType": operation,
        "params": {"emptyAsNull": true},
        "scale": "ratio",
        "sourceField": field,
    })
}

fn terms(field: &str, size: u32, order: &Value, direction: &str) -> Value {
    json!({
        "dataType": "string",
        "isBucketed": true,
        "operationType": "terms",
        "params": {
            "exclude": [],
            "excludeIsRegex": false,
            "include": [],
            "includeIsRegex": false,
            "missingBucket": false,
            "orderBy": order,
            "orderDirection": direction,
            // The rest can be added up where the order is by a sum.
            "otherBucket": order["type"] == "column",
            "parentFormat": {"id": "terms"},
            "size": size,
        },
        "scale": "ordinal",
        "sourceField": field,
    })
}
