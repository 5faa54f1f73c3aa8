//! Searches, counts and documents by id.

use serde_json::{Value, json};

use super::block;
use super::expression::Reach;
use super::failure::Failure;
use super::query::{self, Candidate};
use super::route::Route;
use super::search_body::{SearchBody, check_sort, order, sort_value};
use super::{Answered, SearchServer, parsed, shards};

impl SearchServer {
    pub(super) fn refresh(&mut self, names: &str, route: &Route<'_>) -> Answered {
        let reach = Reach::read(route.says("ignore_unavailable"));
        let names = self.resolve(names, reach)?;
        for name in &names {
            if let Some(index) = self.indexes.get_mut(name) {
                index.documents.refresh();
            }
        }
        Ok(json!({ "_shards": shards(names.len()) }))
    }

    fn readable(&self, names: &str) -> Result<Vec<String>, Failure> {
        let names = self.resolve(names, Reach::read(false))?;
        for name in &names {
            self.existing(name)?.refuse(name, &block::OF_READS)?;
        }
        Ok(names)
    }

    pub(super) fn count(&self, names: &str) -> Answered {
        let names = self.readable(names)?;
        let mut count = 0;
        for name in &names {
            count += self.existing(name)?.documents.searchable().count();
        }
        Ok(json!({ "count": count, "_shards": shards(names.len()) }))
    }

    pub(super) fn search(&self, names: &str, body: &[u8]) -> Answered {
        let body = SearchBody::of(&parsed(body)?)?;
        let names = self.readable(names)?;
        let mut hits: Vec<(Value, Value)> = Vec::new();
        let nothing = json!({});
        for name in &names {
            let index = self.existing(name)?;
            if let Some(field) = &body.sort {
                check_sort(field, &index.mapping)?;
            }
            let candidate = |id, source| Candidate {
                index: name,
                id,
                mapping: &index.mapping,
                source,
            };
            // What is wrong with a query shows also where there is no document.
            query::finds(&body.query, candidate("", &nothing))?;
            for (id, document, source) in index.documents.searchable() {
                let candidate = candidate(id, source);
                if !query::finds(&body.query, candidate)? {
                    continue;
                }
                let mut hit = json!({ "_index": name, "_id": id });
                let mut by = Value::Null;
                if let Some(field) = &body.sort {
                    by = sort_value(field, candidate);
                    hit["sort"] = json!([by]);
                }
                if body.seq_no {
                    hit["_seq_no"] = document.seq_no.into();
                    hit["_primary_term"] = document.primary_term.into();
                }
                if body.version {
                    hit["_version"] = document.version.into();
                }
                if let Some(source) = body.source(source) {
                    hit["_source"] = source;
                }
                hits.push((by, hit));
            }
        }
        // The sort is stable, so hits that are equal stay in the order of indexes and ids.
        hits.sort_by(|one, other| order(&one.0, &other.0));
        let total = hits.len();
        let is_after = |by: &Value| match &body.after {
            None => true,
            Some(after) => order(by, after).is_gt(),
        };
        let given: Vec<Value> = hits
            .into_iter()
            .filter(|(by, _)| is_after(by))
            .map(|(_, hit)| hit)
            .take(body.size)
            .collect();
        Ok(json!({
            "took": 0,
            "timed_out": false,
            "_shards": shards(names.len()),
            "hits": { "total": { "value": total, "relation": "eq" }, "hits": given },
        }))
    }

    /// The documents as they were written last, also those that searches don't see yet.
    pub(super) fn documents_by_id(&self, name: &str, body: &[u8]) -> Answered {
        let body = parsed(body)?;
        let ids = body["ids"].as_array().map_or(&[][..], Vec::as_slice);
        if ids.is_empty() {
            return Err(Failure::invalid("no documents to get"));
        }
        let readable = self.readable(name);
        let found = |id: &str| match &readable {
            Err(failure) => {
                let mut error = failure.error();
                error["root_cause"] = json!([failure.error()]);
                json!({ "_index": name, "_id": id, "error": error })
            }
            Ok(names) => {
                let index = names
                    .first()
                    .and_then(|name| self.indexes.get_key_value(name));
                let found = index.and_then(|(name, index)| Some((name, index.documents.get(id)?)));
                match found {
                    None => json!({ "_index": name, "_id": id, "found": false }),
                    Some((name, document)) => json!({
                        "_index": name,
                        "_id": id,
                        "_version": document.version,
                        "_seq_no": document.seq_no,
                        "_primary_term": document.primary_term,
                        "found": true,
                        "_source": document.source.as_deref(),
                    }),
                }
            }
        };
        let documents = ids.iter().filter_map(Value::as_str).map(found);
        Ok(json!({ "docs": documents.collect::<Vec<_>>() }))
    }
}
