//! What readers see when the public aliases go from one generation to another: nothing less than before.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use super::search_server::{SearchRequest, SearchServer};

/// Watches the aliases.
#[derive(Default)]
pub struct PublicationWatch {
    is_on: bool,
    /// Whether an index was lost since the service asked for all of them last: it can't know of it.
    is_unseen: bool,
    /// Whether a snapshot brought back indexes with aliases of other generations, which were not changed since.
    is_brought_back: bool,
    found: Option<String>,
}

/// The public aliases, and the indexes that each points to.
type Aliases = BTreeMap<String, BTreeSet<String>>;

impl PublicationWatch {
    /// From now on, what is seen is judged.
    pub fn begin(&mut self) {
        self.is_on = true;
    }

    /// Somebody deleted an index or put another in its place.
    pub fn note_loss(&mut self) {
        self.is_unseen = true;
    }

    /// An older snapshot was restored, and the aliases of that time.
    pub fn note_restored(&mut self) {
        self.note_loss();
        self.is_brought_back = true;
    }

    /// What was wrong, if anything was.
    pub fn found(&self) -> Option<&str> {
        self.found.as_deref()
    }

    /// The aliases before this request, if it may change them.
    pub fn before(&self, search: &SearchServer, request: &SearchRequest<'_>) -> Option<Aliases> {
        let is_change = self.is_on && request.method == "POST" && request.path == "/_aliases";
        is_change.then(|| aliases(search))
    }

    /// Looks what the request has changed.
    pub fn after(
        &mut self,
        search: &SearchServer,
        request: &SearchRequest<'_>,
        before: Option<Aliases>,
    ) {
        let asks_for_all = request.path.contains('*') && !request.path.contains("/_");
        if request.method == "GET" && asks_for_all {
            self.is_unseen = false;
        }
        let Some(before) = before else {
            return;
        };
        let now = aliases(search);
        let is_repair = before != now && mem::take(&mut self.is_brought_back);
        if is_repair || self.is_unseen {
            return;
        }
        for (alias, indexes) in &before {
            let shown = now.get(alias).cloned().unwrap_or_default();
            let counts = payments(search, &shown);
            for (document, count) in payments(search, &(indexes - &shown)) {
                let there = counts.get(&document).copied();
                if there.is_none_or(|there| there < count) {
                    self.found = Some(format!(
                        "the alias {alias} goes from {indexes:?} to {shown:?}, and {document} goes from {count} payments \
                         to {there:?}"
                    ));
                    return;
                }
            }
        }
    }
}

fn aliases(search: &SearchServer) -> Aliases {
    let mut aliases = Aliases::new();
    for index in search.indexes() {
        for alias in search.aliases(&index) {
            if !alias.ends_with("-write") {
                aliases.entry(alias).or_default().insert(index.clone());
            }
        }
    }
    aliases
}

// How many payments each document holds that has some, by its id; a total by its branch, since names may change.
fn payments(search: &SearchServer, indexes: &BTreeSet<String>) -> BTreeMap<String, u64> {
    let documents = indexes.iter().flat_map(|index| search.documents(index));
    let counted = documents.filter_map(|(id, source)| {
        let is_total = source["window"].is_null() && !source["pay_count"].is_null();
        let key = match is_total {
            true => format!("the total of {}", source["branch_id"]),
            false => id,
        };
        // A reject, or a payment in no window.
        let count = source["pay_count"].as_u64().unwrap_or(1);
        (count > 0).then_some((key, count))
    });
    counted.collect()
}
