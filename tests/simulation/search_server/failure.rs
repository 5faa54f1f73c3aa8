//! What went wrong, in the form that Elasticsearch gives it.

use serde_json::{Map, Value, json};

/// Why a request, or a document in a bulk, is refused.
#[derive(Clone, Debug)]
pub struct Failure {
    status: u16,
    kind: &'static str,
    reason: String,
    /// What the error names beside type and reason.
    more: Map<String, Value>,
    /// The body, where it has another form.
    plain: Option<Value>,
}

impl Failure {
    pub fn new(status: u16, kind: &'static str, reason: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            reason: reason.into(),
            more: Map::new(),
            plain: None,
        }
    }

    /// A body of another form than that of errors.
    pub fn plain(status: u16, body: Value) -> Self {
        Self {
            plain: Some(body),
            ..Self::new(status, "", "")
        }
    }

    /// The same, with one more field.
    fn with(mut self, name: &str, value: &str) -> Self {
        self.more.insert(name.into(), value.into());
        self
    }

    pub fn illegal(reason: impl Into<String>) -> Self {
        Self::new(400, "illegal_argument_exception", reason)
    }

    /// A body that is not JSON.
    pub fn unreadable(error: &serde_json::Error) -> Self {
        Self::new(400, "x_content_parse_exception", error.to_string())
    }

    /// A request that lacks what it is about.
    pub fn invalid(problem: &str) -> Self {
        Self::new(
            400,
            "action_request_validation_exception",
            format!("Validation Failed: 1: {problem};"),
        )
    }

    pub fn no_index(name: &str) -> Self {
        Self::new(
            404,
            "index_not_found_exception",
            format!("no such index [{name}]"),
        )
        .with("resource.type", "index_or_alias")
        .with("resource.id", name)
        .of_index(name, "_na_")
    }

    /// An alias that a write insists on is not there.
    pub fn no_alias(name: &str) -> Self {
        Self::new(
            404,
            "index_not_found_exception",
            format!(
                "no such index [{name}] and [require_alias] request flag is [true] and [{name}] is \
                 not an alias"
            ),
        )
        .of_index(name, "_na_")
    }

    pub fn closed(name: &str, uuid: &str) -> Self {
        Self::new(400, "index_closed_exception", "closed").of_index(name, uuid)
    }

    pub fn conflict(index: &str, uuid: &str, reason: String) -> Self {
        Self::new(409, "version_conflict_engine_exception", reason)
            .with("shard", "0")
            .of_index(index, uuid)
    }

    pub fn index_exists(name: &str, uuid: &str) -> Self {
        Self::new(
            400,
            "resource_already_exists_exception",
            format!("index [{name}/{uuid}] already exists"),
        )
        .of_index(name, uuid)
    }

    pub fn bad_index_name(name: &str, problem: &str) -> Self {
        Self::new(
            400,
            "invalid_index_name_exception",
            format!("Invalid index name [{name}], {problem}"),
        )
        .of_index(name, "_na_")
    }

    pub fn aliases_missing(aliases: &str) -> Self {
        Self::new(
            404,
            "aliases_not_found_exception",
            format!("aliases [{aliases}] missing"),
        )
        .with("resource.type", "aliases")
        .with("resource.id", aliases)
    }

    /// A name that must be an index's is an alias's.
    pub fn is_alias(name: &str) -> Self {
        Self::illegal(format!(
            "The provided expression [{name}] matches an alias, specify the corresponding concrete \
             indices instead."
        ))
    }

    /// All shards of a search gave up for this reason.
    pub fn search(reason: String) -> Self {
        let mut failure = Self::new(400, "search_phase_execution_exception", "all shards failed");
        let cause = json!({ "type": "query_shard_exception", "reason": reason });
        failure.more.insert("caused_by".into(), cause);
        failure
    }

    fn of_index(self, name: &str, uuid: &str) -> Self {
        self.with("index_uuid", uuid).with("index", name)
    }

    pub const fn status(&self) -> u16 {
        self.status
    }

    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The error as it stands in an item of a bulk.
    pub fn error(&self) -> Value {
        let mut error = self.more.clone();
        error.insert("type".into(), self.kind.into());
        error.insert("reason".into(), self.reason.clone().into());
        Value::Object(error)
    }

    /// The body of an answer with this error.
    pub fn body(&self) -> Value {
        if let Some(plain) = &self.plain {
            return plain.clone();
        }
        let mut error = self.error();
        error["root_cause"] = json!([self.error()]);
        json!({ "error": error, "status": self.status })
    }
}
