//! Aliases: second names of indexes.

use serde_json::{Map, Value, json};

use super::block;
use super::expression::{Reach, matches};
use super::failure::Failure;
use super::route::Route;
use super::{Answered, SearchServer, parsed};

/// A change of one alias.
struct Change {
    is_added: bool,
    indexes: Vec<String>,
    alias: String,
    /// What the alias is to have: `is_hidden`, `is_write_index`.
    properties: Value,
    must_exist: bool,
}

impl SearchServer {
    /// All changes, or none.
    pub(super) fn change_aliases(&mut self, body: &[u8]) -> Answered {
        let body = parsed(body)?;
        let actions = body["actions"].as_array().map_or(&[][..], Vec::as_slice);
        if actions.is_empty() {
            return Err(Failure::illegal("No action specified"));
        }
        let changes: Vec<Change> = actions
            .iter()
            .map(|action| self.change(action))
            .collect::<Result<_, _>>()?;
        self.refuse_missing(&changes)?;
        for change in &changes {
            for index in &change.indexes {
                self.changeable(index, &block::OF_CHANGES)?;
            }
            if change.is_added {
                self.check_alias(&change.alias)?;
            }
        }
        let mut results = Vec::new();
        for change in &changes {
            let was_there = self.has_on(change);
            self.apply(change);
            let kind = if change.is_added { "add" } else { "remove" };
            let action =
                json!({ "type": kind, "indices": change.indexes, "aliases": [change.alias] });
            results.push(if change.is_added || was_there {
                json!({ "action": action, "status": 200 })
            } else {
                let error = Failure::aliases_missing(&change.alias).error();
                json!({ "action": action, "status": 404, "error": error })
            });
        }
        let has_errors = results.iter().any(|result| result["status"] != 200);
        let mut answer = json!({ "acknowledged": true, "errors": has_errors });
        if has_errors {
            answer["action_results"] = json!(results);
        }
        Ok(answer)
    }

    fn change(&self, action: &Value) -> Result<Change, Failure> {
        let all = Map::new();
        let mut kinds = action.as_object().unwrap_or(&all).iter();
        let (is_added, given) = match kinds.next() {
            Some((kind, given)) if kind == "add" => (true, given),
            Some((kind, given)) if kind == "remove" => (false, given),
            _ => {
                let reason = "[aliases] failed to parse field [actions]";
                return Err(Failure::new(400, "x_content_parse_exception", reason));
            }
        };
        let text = |key: &str| given[key].as_str().unwrap_or_default().to_owned();
        let index = text("index");
        if !index.contains('*') && !self.indexes.contains_key(&index) && self.has_alias(&index) {
            return Err(Failure::is_alias(&index));
        }
        let mut properties = Map::new();
        for name in ["is_hidden", "is_write_index"] {
            if let Some(value) = given.get(name) {
                properties.insert(name.into(), value.clone());
            }
        }
        Ok(Change {
            is_added,
            indexes: self.resolve(&index, Reach::named())?,
            alias: text("alias"),
            properties: Value::Object(properties),
            must_exist: given["must_exist"] == true,
        })
    }

    // Nothing is done if there is nothing to be done.
    fn refuse_missing(&self, changes: &[Change]) -> Result<(), Failure> {
        let is_in_vain = |change: &Change| !change.is_added && !self.has_on(change);
        let are_all = changes.iter().all(is_in_vain);
        let missing = changes
            .iter()
            .find(|change| is_in_vain(change) && (are_all || change.must_exist));
        match missing {
            Some(change) => Err(Failure::aliases_missing(&change.alias)),
            None => Ok(()),
        }
    }

    fn has_on(&self, change: &Change) -> bool {
        let mut indexes = change.indexes.iter();
        indexes.any(|name| {
            let index = self.indexes.get(name);
            index.is_some_and(|index| index.aliases.contains_key(&change.alias))
        })
    }

    fn apply(&mut self, change: &Change) {
        for name in &change.indexes {
            let Some(index) = self.indexes.get_mut(name) else {
                continue;
            };
            if change.is_added {
                let properties = change.properties.clone();
                index.aliases.insert(change.alias.clone(), properties);
            } else {
                index.aliases.remove(&change.alias);
            }
        }
    }

    /// Fails if no alias can have that name.
    pub(super) fn check_alias(&self, alias: &str) -> Result<(), Failure> {
        if !self.indexes.contains_key(alias) {
            return Ok(());
        }
        Err(Failure::new(
            400,
            "invalid_alias_name_exception",
            format!(
                "Invalid alias name [{alias}]: an index, data stream, ESQL view, or ESQL dataset \
                 exists with the same name as the alias"
            ),
        ))
    }

    /// All aliases of the indexes that `names` stand for.
    pub(super) fn aliases_shown(&self, names: &str, route: &Route<'_>) -> Answered {
        let names = self.resolve(names, Reach::described(route, "all"))?;
        self.described(&names, |index| json!({ "aliases": index.aliases }))
    }

    /// The indexes that have one of the aliases in `wanted`.
    pub(super) fn alias_holders(&self, wanted: &str) -> Answered {
        let wanted: Vec<&str> = wanted.split(',').collect();
        let mut found = Map::new();
        for (name, index) in &self.indexes {
            index.refuse(name, &block::OF_DESCRIPTIONS)?;
            let is_wanted = |alias: &str| wanted.iter().any(|one| matches(one, alias));
            let aliases: Map<String, Value> = index
                .aliases
                .iter()
                .filter(|(alias, _)| is_wanted(alias))
                .map(|(alias, properties)| (alias.clone(), properties.clone()))
                .collect();
            if !aliases.is_empty() {
                found.insert(name.clone(), json!({ "aliases": aliases }));
            }
        }
        let missing = wanted
            .iter()
            .find(|alias| !alias.contains('*') && !self.has_alias(alias));
        match missing {
            None => Ok(Value::Object(found)),
            Some(alias) => {
                let error = format!("alias [{alias}] missing");
                let mut body = found;
                body.insert("error".into(), error.into());
                body.insert("status".into(), 404.into());
                Err(Failure::plain(404, Value::Object(body)))
            }
        }
    }
}
