//! Bulks: many documents written, an outcome for each.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::block;
use super::bulk_action::{self, BulkAction};
use super::failure::Failure;
use super::route::Route;
use super::{Answered, SearchServer};

impl SearchServer {
    pub(super) fn bulk(&mut self, route: &Route<'_>, body: &[u8]) -> Answered {
        let needs_alias = route.says("require_alias");
        let is_refreshed = route.says("refresh");
        let mut items = Vec::new();
        let mut written = BTreeSet::new();
        for action in bulk_action::actions(body)? {
            let (index, done) = self.carry_out(&action, needs_alias);
            let item = done.unwrap_or_else(|failure| {
                json!({
                    "_index": index,
                    "_id": action.id,
                    "status": failure.status(),
                    "error": failure.error(),
                })
            });
            written.insert(index);
            items.push((action.name(), item));
        }
        for index in written.iter().filter(|_| is_refreshed) {
            if let Some(index) = self.indexes.get_mut(index) {
                index.documents.refresh();
            }
        }
        let has_errors = items.iter().any(|(_, item)| !item["error"].is_null());
        let items: Vec<Value> = items
            .into_iter()
            .map(|(name, item)| json!({ name: item }))
            .collect();
        Ok(json!({ "took": 0, "errors": has_errors, "items": items }))
    }

    // What the answer calls its index, and the item of the answer.
    fn carry_out(&mut self, action: &BulkAction<'_>, needs_alias: bool) -> (String, Answered) {
        let name = match self.admit(action, needs_alias) {
            Ok(name) => name,
            Err(failure) => return (action.target.clone(), Err(failure)),
        };
        // From here on the index is known by its own name.
        let is_deleted = action.source.is_none();
        let done = match self.faults.next(&name, &action.id, is_deleted) {
            Some(failure) => Err(failure),
            None => self.write(&name, action),
        };
        (name, done)
    }

    // The index that a document goes to, if it takes documents.
    fn admit(&mut self, action: &BulkAction<'_>, needs_alias: bool) -> Result<String, Failure> {
        let target = &action.target;
        if needs_alias && (self.indexes.contains_key(target) || !self.has_alias(target)) {
            return Err(Failure::no_alias(target));
        }
        if self.targets(target).is_empty() {
            // A deletion leaves a version behind only if its writer counts the versions.
            if action.source.is_none() && !action.demand.is_external() {
                return Err(Failure::no_index(target));
            }
            self.make(target, &json!({}))?;
        }
        let name = self.write_index(target)?;
        let index = self.existing(&name)?;
        if let (Some(pipeline), Some(_)) = (index.pipelines().next(), action.source) {
            let reason = format!("pipeline with id [{pipeline}] does not exist");
            return Err(Failure::illegal(reason));
        }
        if index.is_closed() {
            return Err(Failure::closed(&name, &index.uuid));
        }
        index.refuse(&name, &block::OF_WRITES)?;
        Ok(name)
    }

    fn write_index(&self, target: &str) -> Result<String, Failure> {
        let targets = self.targets(target);
        let says =
            |name: &&(&str, &super::Index)| name.1.aliases[target]["is_write_index"].as_bool();
        let found = match targets.as_slice() {
            [(name, _)] if *name == target => Some(*name),
            [one] => (says(&one) != Some(false)).then_some(one.0),
            several => {
                let mut several = several.iter();
                several.find(|one| says(one) == Some(true)).map(|one| one.0)
            }
        };
        found.map(str::to_owned).ok_or_else(|| {
            Failure::illegal(format!(
                "no write index is defined for alias [{target}]. The write index may be explicitly \
                 disabled using is_write_index=false or the alias points to multiple indices \
                 without one being designated as a write index"
            ))
        })
    }

    fn write(&mut self, name: &str, action: &BulkAction<'_>) -> Answered {
        let index = self.indexes.get_mut(name);
        let index = index.ok_or_else(|| Failure::no_index(name))?;
        let source = match action.source {
            None => None,
            Some(source) => {
                let source: Value = serde_json::from_slice(source).map_err(|error| {
                    let reason = format!("Unrecognized token: {error}");
                    Failure::new(400, "document_parsing_exception", reason)
                })?;
                let brought = index.mapping.admit(&action.id, &source)?;
                index.mapping.grow(brought);
                Some(Arc::new(source))
            }
        };
        let is_deleted = source.is_none();
        let term = index.primary_term();
        let written = index
            .documents
            .write(&action.id, action.demand, source, term);
        let written = written.map_err(|reason| Failure::conflict(name, &index.uuid, reason))?;
        let (result, status) = match (is_deleted, written.was_there) {
            (false, false) => ("created", 201),
            (false, true) => ("updated", 200),
            (true, true) => ("deleted", 200),
            (true, false) => ("not_found", 404),
        };
        Ok(json!({
            "_index": name,
            "_id": action.id,
            "_version": written.document.version,
            "result": result,
            "_shards": { "total": 1, "successful": 1, "failed": 0 },
            "_seq_no": written.document.seq_no,
            "_primary_term": written.document.primary_term,
            "status": status,
        }))
    }
}
