//! Requests about indexes as a whole: created, described, changed, deleted.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::block::{self, Block};
use super::expression::Reach;
use super::failure::Failure;
use super::index::Index;
use super::mapping::Mapping;
use super::route::Route;
use super::setting::Settings;
use super::{Answered, SearchServer, parsed};

impl SearchServer {
    pub(super) fn create_index(&mut self, name: &str, body: &[u8]) -> Answered {
        let body = match body {
            [] => json!({}),
            body => parsed(body)?,
        };
        let known = ["aliases", "mappings", "settings"];
        let mut keys = body.as_object().into_iter().flat_map(Map::keys);
        if let Some(key) = keys.find(|key| !known.contains(&key.as_str())) {
            let reason = format!("unknown key [{key}] for create index");
            return Err(Failure::new(400, "parse_exception", reason));
        }
        self.make(name, &body)?;
        Ok(json!({ "acknowledged": true, "shards_acknowledged": true, "index": name }))
    }

    /// Makes an index of what `body` says and of what the template for its name says.
    pub(super) fn make(&mut self, name: &str, body: &Value) -> Result<(), Failure> {
        self.check_name(name)?;
        let template = self.template_for(name);
        let mut settings = template.map_or_else(Settings::default, |one| one.settings.clone());
        settings.change(Settings::of(&body["settings"])?);
        let mut mapping = template.map_or_else(Mapping::default, |one| one.mapping.clone());
        let own = Mapping::of(&body["mappings"], self.knows_histograms);
        mapping.overlay(own.map_err(|problem| problem.of_index())?);
        let mut aliases = template.map_or_else(BTreeMap::new, |one| one.aliases.clone());
        for (alias, properties) in body["aliases"].as_object().into_iter().flatten() {
            aliases.insert(alias.clone(), properties.clone());
        }
        for alias in aliases.keys() {
            self.check_alias(alias)?;
        }
        let uuid = self.next_uuid();
        let index = Index::new(name, uuid, settings, mapping, aliases);
        self.indexes.insert(name.to_owned(), index);
        Ok(())
    }

    fn check_name(&self, name: &str) -> Result<(), Failure> {
        if let Some(index) = self.indexes.get(name) {
            index.refuse(name, &block::OF_CHANGES)?;
            return Err(Failure::index_exists(name, &index.uuid));
        }
        let problem = if name.chars().any(char::is_uppercase) {
            "must be lowercase"
        } else if name.starts_with(['_', '-', '+']) {
            "must not start with '_', '-', or '+'"
        } else if name.contains(['\\', '/', '*', '?', '"', '<', '>', '|', ' ', ',', '#', ':']) {
            "must not contain the following characters"
        } else if self.has_alias(name) {
            "already exists as alias"
        } else {
            return Ok(());
        };
        Err(Failure::bad_index_name(name, problem))
    }

    /// A uuid that no index ever had.
    pub(super) fn next_uuid(&mut self) -> String {
        self.created += 1;
        format!("{}-{:08}", self.cluster_uuid, self.created)
    }

    pub(super) fn indexes_shown(&self, names: &str, route: &Route<'_>) -> Answered {
        let names = self.resolve(names, Reach::described(route, "open"))?;
        self.described(&names, |index| index.shown())
    }

    pub(super) fn mappings_shown(&self, names: &str) -> Answered {
        let names = self.resolve(names, Reach::named())?;
        self.described(&names, |index| json!({ "mappings": index.mapping.shown() }))
    }

    /// What `describe` says of each index.
    pub(super) fn described(
        &self,
        names: &[String],
        describe: impl Fn(&Index) -> Value,
    ) -> Answered {
        let mut all = Map::new();
        for name in names {
            let index = self.existing(name)?;
            index.refuse(name, &block::OF_DESCRIPTIONS)?;
            all.insert(name.clone(), describe(index));
        }
        Ok(Value::Object(all))
    }

    pub(super) fn put_mapping(&mut self, names: &str, body: &[u8]) -> Answered {
        let body = parsed(body)?;
        let knows_histograms = self.knows_histograms;
        for name in self.names_of(names)? {
            let index = self.changeable(&name, &block::OF_CHANGES)?;
            let update = Mapping::of(&body, knows_histograms);
            let is_first = index.mapping.is_empty();
            let update = update.map_err(|problem| match is_first {
                true => problem.of_first_update(),
                false => problem.of_index(),
            })?;
            index.mapping = index.mapping.updated(&update)?;
        }
        Ok(acknowledged())
    }

    pub(super) fn put_settings(&mut self, names: &str, body: &[u8]) -> Answered {
        let settings = Settings::of(&parsed(body)?)?;
        for name in self.names_of(names)? {
            let index = self.changeable(&name, &[])?;
            index.settings.change(settings.clone());
        }
        Ok(acknowledged())
    }

    pub(super) fn index_deleted(&mut self, names: &str) -> Answered {
        if names.contains('*') {
            return Err(Failure::illegal(
                "Wildcard expressions or all indices are not allowed",
            ));
        }
        let names: Vec<&str> = names.split(',').collect();
        for name in &names {
            self.changeable(name, &block::OF_CHANGES)?;
        }
        for name in names {
            self.indexes.remove(name);
        }
        Ok(acknowledged())
    }

    pub(super) fn index_closed(&mut self, names: &str) -> Answered {
        let mut closed = Map::new();
        for name in self.names_of(names)? {
            self.changeable(&name, &block::OF_CHANGES)?.close();
            closed.insert(name, json!({ "closed": true }));
        }
        Ok(json!({ "acknowledged": true, "shards_acknowledged": true, "indices": closed }))
    }

    pub(super) fn index_opened(&mut self, names: &str) -> Answered {
        for name in self.names_of(names)? {
            self.changeable(&name, &block::OF_CHANGES)?.open();
        }
        Ok(json!({ "acknowledged": true, "shards_acknowledged": true }))
    }

    pub(super) fn cat_indexes(&self, names: &str) -> Answered {
        let reach = Reach {
            wildcards_match_closed: true,
            ..Reach::named()
        };
        let mut lines = Vec::new();
        for name in self.resolve(names, reach)? {
            let index = self.existing(&name)?;
            index.refuse(&name, &block::OF_DESCRIPTIONS)?;
            let (mut count, mut bytes) = (0_u64, 0_usize);
            for (_, _, source) in index.documents.searchable() {
                count += 1;
                bytes += source.to_string().len();
            }
            let shown = |text: String| (!index.is_closed()).then_some(text);
            lines.push(json!({
                "index": name,
                "docs.count": shown(count.to_string()),
                "store.size": shown(bytes.to_string()),
            }));
        }
        Ok(Value::Array(lines))
    }

    fn names_of(&self, names: &str) -> Result<Vec<String>, Failure> {
        self.resolve(names, Reach::named())
    }

    /// The index called `name`.
    pub(super) fn existing(&self, name: &str) -> Result<&Index, Failure> {
        let index = self.indexes.get(name);
        index.ok_or_else(|| Failure::no_index(name))
    }

    /// The index called `name`, unless one of `blocks` is set on it.
    pub(super) fn changeable(
        &mut self,
        name: &str,
        blocks: &[Block],
    ) -> Result<&mut Index, Failure> {
        if !self.indexes.contains_key(name) && self.has_alias(name) {
            return Err(Failure::is_alias(name));
        }
        let index = self.indexes.get_mut(name);
        let index = index.ok_or_else(|| Failure::no_index(name))?;
        index.refuse(name, blocks)?;
        Ok(index)
    }
}

/// What is said of most changes.
pub fn acknowledged() -> Value {
    json!({ "acknowledged": true })
}
