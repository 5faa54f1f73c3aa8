//! A simulated Elasticsearch: as much of version 9.5 as the sink uses, in memory.
//!
//! The same requests always get the same answers: there is no clock, no randomness, and no thread.
//! A test of the integration binary plays the same requests to it and to a real server and compares
//! the answers. What it does not know, it refuses by name.

#![allow(
    dead_code,
    unused_imports,
    reason = "each of the test binaries that include it uses a part"
)]

mod alias;
mod block;
mod bulk;
mod bulk_action;
mod date;
mod document;
mod expression;
mod failure;
mod field_type;
mod filter_path;
mod index;
mod index_request;
mod item_fault;
mod mapping;
mod operator;
mod query;
mod regular_expression;
mod route;
mod search;
mod search_body;
mod setting;
mod source_check;
mod template;

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub use self::block::Block;
pub use self::item_fault::{BulkItem, ItemFault, ItemFaults};

use self::failure::Failure;
use self::index::Index;
use self::route::Route;
use self::template::Template;

/// A request as a client sends it.
pub struct SearchRequest<'a> {
    pub method: &'a str,
    /// As it is in the request line, with or without percent-encoding: `/_bulk`.
    pub path: &'a str,
    /// Decoded.
    pub query: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
}

/// What the server answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SearchResponse {
    pub status: u16,
    /// JSON, or nothing.
    pub body: Vec<u8>,
}

/// A cluster with all that it holds. A clone is a copy of its disk: see [`Self::roll_back`] and
/// [`Self::restore`].
#[derive(Clone)]
pub struct SearchServer {
    cluster_uuid: String,
    indexes: BTreeMap<String, Index>,
    templates: BTreeMap<String, Template>,
    /// How many indexes were ever created: no two get the same uuid.
    created: u64,
    faults: ItemFaults,
    knows_histograms: bool,
    longest_body: usize,
}

/// What a handler gives: the body of a success, or why there is none.
type Answered = Result<Value, Failure>;

impl SearchServer {
    /// An empty cluster of version 9.5.3.
    pub fn new() -> Self {
        Self {
            cluster_uuid: "simulated-cluster-0001".into(),
            indexes: BTreeMap::new(),
            templates: BTreeMap::new(),
            created: 0,
            faults: ItemFaults::none(),
            knows_histograms: true,
            // As `http.max_content_length` has it.
            longest_body: 100 << 20,
        }
    }

    /// Answers one request, and is changed by it.
    pub fn answer(&mut self, request: &SearchRequest<'_>) -> SearchResponse {
        if request.body.len() > self.longest_body {
            return SearchResponse {
                status: 413,
                body: Vec::new(),
            };
        }
        let route = Route::of(request);
        match self.handled(&route, request.body) {
            Ok(body) => {
                let filtered = match route.parameter("filter_path") {
                    Some(paths) => filter_path::kept(&body, paths),
                    None => body,
                };
                SearchResponse {
                    status: 200,
                    body: filtered.to_string().into_bytes(),
                }
            }
            // `filter_path` does not touch what went wrong.
            Err(failure) => SearchResponse {
                status: failure.status(),
                body: failure.body().to_string().into_bytes(),
            },
        }
    }

    fn handled(&mut self, route: &Route<'_>, body: &[u8]) -> Answered {
        match (route.method, route.segments().as_slice()) {
            ("GET", []) => route.takes(&[]).map(|()| self.info()),
            ("POST", ["_bulk"]) => {
                route.takes(&["require_alias", "refresh", "filter_path"])?;
                self.bulk(route, body)
            }
            ("POST", ["_aliases"]) => {
                route.takes(&[])?;
                self.change_aliases(body)
            }
            ("GET", ["_alias", names]) => {
                route.takes(&[])?;
                self.alias_holders(names)
            }
            ("PUT", ["_index_template", name]) => {
                route.takes(&[])?;
                self.put_template(name, body)
            }
            ("GET", ["_index_template", name]) => {
                route.takes(&[])?;
                self.template_shown(name)
            }
            ("DELETE", ["_index_template", name]) => {
                route.takes(&[])?;
                self.template_deleted(name)
            }
            ("POST", ["_index_template", "_simulate_index", name]) => {
                route.takes(&[])?;
                Ok(self.simulate_index(name))
            }
            // There are no pipelines.
            ("GET", ["_ingest", "pipeline", _]) => Err(Failure::plain(404, json!({}))),
            ("GET", ["_cat", "indices", names]) => {
                route.takes(&["format", "bytes", "h", "s"])?;
                self.cat_indexes(names)
            }
            (method, [names]) if !names.starts_with('_') => {
                self.about_index(method, names, route, body)
            }
            (method, [names, part]) if !names.starts_with('_') => {
                self.about_part(method, names, part, route, body)
            }
            _ => Err(route.unsupported()),
        }
    }

    fn about_index(
        &mut self,
        method: &str,
        names: &str,
        route: &Route<'_>,
        body: &[u8],
    ) -> Answered {
        match method {
            "GET" => {
                route.takes(&["expand_wildcards", "ignore_unavailable", "filter_path"])?;
                self.indexes_shown(names, route)
            }
            "PUT" => {
                route.takes(&[])?;
                self.create_index(names, body)
            }
            "DELETE" => {
                route.takes(&[])?;
                self.index_deleted(names)
            }
            _ => Err(route.unsupported()),
        }
    }

    fn about_part(
        &mut self,
        method: &str,
        names: &str,
        part: &str,
        route: &Route<'_>,
        body: &[u8],
    ) -> Answered {
        match (method, part) {
            ("PUT", "_mapping") => {
                route.takes(&[])?;
                self.put_mapping(names, body)
            }
            ("GET", "_mapping") => {
                route.takes(&["filter_path"])?;
                self.mappings_shown(names)
            }
            ("GET", "_alias") => {
                route.takes(&["expand_wildcards", "ignore_unavailable"])?;
                self.aliases_shown(names, route)
            }
            ("GET" | "POST", "_refresh") => {
                route.takes(&["ignore_unavailable"])?;
                self.refresh(names, route)
            }
            ("GET", "_count") => {
                route.takes(&[])?;
                self.count(names)
            }
            ("POST", "_search") => {
                route.takes(&[])?;
                self.search(names, body)
            }
            ("POST", "_mget") => {
                route.takes(&[])?;
                self.documents_by_id(names, body)
            }
            ("PUT", "_settings") => {
                route.takes(&[])?;
                self.put_settings(names, body)
            }
            ("POST", "_close") => {
                route.takes(&[])?;
                self.index_closed(names)
            }
            ("POST", "_open") => {
                route.takes(&[])?;
                self.index_opened(names)
            }
            _ => Err(route.unsupported()),
        }
    }

    fn info(&self) -> Value {
        json!({
            "name": "simulated-1",
            "cluster_name": "simulated",
            "cluster_uuid": self.cluster_uuid,
            "version": {
                "number": "9.5.3",
                "build_flavor": "default",
                "lucene_version": "10.5.1",
                "minimum_wire_compatibility_version": "8.19.0",
                "minimum_index_compatibility_version": "8.0.0",
            },
            "tagline": "You Know, for Search",
        })
    }
}

impl Default for SearchServer {
    fn default() -> Self {
        Self::new()
    }
}

/// The JSON of a request.
fn parsed(body: &[u8]) -> Answered {
    serde_json::from_slice(body).map_err(|error| Failure::unreadable(&error))
}

/// The shards that answered, of `indexes` indexes with a shard each.
fn shards(indexes: usize) -> Value {
    json!({ "total": indexes, "successful": indexes, "skipped": 0, "failed": 0 })
}
