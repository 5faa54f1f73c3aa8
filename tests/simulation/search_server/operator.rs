//! What a judge reads of the server, and what operators and accidents do to it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Block, ItemFaults, SearchServer};

impl SearchServer {
    /// The sources of all documents by id, as they were written last, of an index or of all indexes that
    /// an alias points to; also of closed ones.
    pub fn documents(&self, index_or_alias: &str) -> BTreeMap<String, Value> {
        self.each(index_or_alias, |_, source| source.clone())
    }

    /// The versions of the same documents.
    pub fn versions(&self, index_or_alias: &str) -> BTreeMap<String, i64> {
        self.each(index_or_alias, |version, _| version)
    }

    fn each<T>(&self, name: &str, of: impl Fn(i64, &Value) -> T) -> BTreeMap<String, T> {
        let targets = self.targets(name).into_iter();
        targets
            .flat_map(|(_, index)| index.documents.all())
            .map(|(id, document, source)| (id.to_owned(), of(document.version, source)))
            .collect()
    }

    /// The names of all indexes, closed ones included.
    pub fn indexes(&self) -> Vec<String> {
        self.indexes.keys().cloned().collect()
    }

    /// The names of all index templates.
    pub fn templates(&self) -> Vec<String> {
        self.templates.keys().cloned().collect()
    }

    /// The names of the indexes that have this alias.
    pub fn alias_targets(&self, alias: &str) -> Vec<String> {
        let indexes = self.indexes.iter();
        indexes
            .filter(|(_, index)| index.aliases.contains_key(alias))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// The aliases of an index.
    pub fn aliases(&self, index: &str) -> Vec<String> {
        let index = self.indexes.get(index);
        index.map_or_else(Vec::new, |index| index.aliases.keys().cloned().collect())
    }

    /// Deletes an index, if it is there.
    pub fn delete_index(&mut self, name: &str) {
        self.indexes.remove(name);
    }

    /// Takes an alias from all indexes.
    pub fn delete_alias(&mut self, alias: &str) {
        for index in self.indexes.values_mut() {
            index.aliases.remove(alias);
        }
    }

    /// Deletes an index template, if it is there.
    pub fn delete_template(&mut self, name: &str) {
        self.templates.remove(name);
    }

    /// Sets this block on an index and no other, or none.
    pub fn set_block(&mut self, index: &str, block: Option<Block>) {
        if let Some(index) = self.indexes.get_mut(index) {
            index.set_block(block);
        }
    }

    pub fn close_index(&mut self, name: &str) {
        if let Some(index) = self.indexes.get_mut(name) {
            index.close();
        }
    }

    pub fn open_index(&mut self, name: &str) {
        if let Some(index) = self.indexes.get_mut(name) {
            index.open();
        }
    }

    /// From now on another cluster answers: an empty one with this uuid.
    pub fn change_cluster(&mut self, uuid: &str) {
        self.cluster_uuid = uuid.to_owned();
        self.indexes.clear();
        self.templates.clear();
    }

    /// Puts an older copy of the disk back: indexes keep the uuids they had in it.
    pub fn roll_back(&mut self, copy: &Self) {
        self.cluster_uuid.clone_from(&copy.cluster_uuid);
        self.indexes.clone_from(&copy.indexes);
        self.templates.clone_from(&copy.templates);
        // No index that is made from here on may be taken for one that was made since.
        self.created = self.created.max(copy.created);
    }

    /// Restores all indexes of a snapshot instead of those that are there: each gets a new uuid, as
    /// Elasticsearch does it. Templates stay as they are.
    pub fn restore(&mut self, snapshot: &Self) {
        self.indexes.clone_from(&snapshot.indexes);
        self.created = self.created.max(snapshot.created);
        let names: Vec<String> = self.indexes();
        for name in names {
            let uuid = self.next_uuid();
            if let Some(index) = self.indexes.get_mut(&name) {
                index.uuid = uuid;
                index.documents.refresh();
                index.documents.forget_deleted();
            }
        }
    }

    /// Chooses faults of single documents from now on.
    pub fn set_item_faults(&mut self, faults: ItemFaults) {
        self.faults = faults;
    }

    /// Longer bodies are answered with 413.
    pub fn set_longest_body(&mut self, bytes: usize) {
        self.longest_body = bytes;
    }

    /// Whether the type `histogram` is known, as it is not to all products.
    pub fn set_histograms(&mut self, are_known: bool) {
        self.knows_histograms = are_known;
    }

    /// Shows searches all that was written, as `index.refresh_interval` has it done every second.
    pub fn refresh_all(&mut self) {
        for index in self.indexes.values_mut().filter(|index| !index.is_closed()) {
            index.documents.refresh();
        }
    }

    /// Forgets the versions of deleted documents, as `index.gc_deletes` has it done after a minute.
    pub fn forget_deleted(&mut self) {
        for index in self.indexes.values_mut() {
            index.documents.forget_deleted();
        }
    }
}
