//! An index.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::block::{self, Block};
use super::document::Documents;
use super::failure::Failure;
use super::mapping::Mapping;
use super::setting::Settings;

/// An index with its documents.
#[derive(Clone)]
pub struct Index {
    /// Tells it from any other, also of the same name.
    pub uuid: String,
    pub settings: Settings,
    pub mapping: Mapping,
    /// The properties of each alias.
    pub aliases: BTreeMap<String, Value>,
    pub documents: Documents,
    primary_term: i64,
    is_closed: bool,
}

/// The setting that shows that an index is closed.
const VERIFIED: &str = "index.verified_before_close";

impl Index {
    /// An empty index called `name`.
    pub fn new(
        name: &str,
        uuid: String,
        mut settings: Settings,
        mapping: Mapping,
        aliases: BTreeMap<String, Value>,
    ) -> Self {
        for (setting, usual) in [
            ("index.number_of_shards", "1"),
            ("index.number_of_replicas", "1"),
        ] {
            if settings.text(setting).is_none() {
                settings.put(setting, usual.into());
            }
        }
        settings.put("index.provided_name", name.into());
        Self {
            uuid,
            settings,
            mapping,
            aliases,
            documents: Documents::default(),
            primary_term: 1,
            is_closed: false,
        }
    }

    pub const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// The number of lives of its primary shard.
    pub const fn primary_term(&self) -> i64 {
        self.primary_term
    }

    pub fn close(&mut self) {
        if !self.is_closed {
            self.is_closed = true;
            self.primary_term += 1;
            self.settings.put(VERIFIED, "true".into());
        }
    }

    pub fn open(&mut self) {
        if self.is_closed {
            self.is_closed = false;
            self.primary_term += 1;
            self.settings.put(VERIFIED, Value::Null);
            self.documents.refresh();
        }
    }

    /// Fails if one of `blocks` is set on the index, which is called `name`.
    pub fn refuse(&self, name: &str, blocks: &[Block]) -> Result<(), Failure> {
        let is_set = |block: &&Block| self.settings.text(block.setting()) == Some("true");
        match blocks.iter().find(is_set) {
            None => Ok(()),
            Some(block) => Err(block.failure(name)),
        }
    }

    /// Sets one block and no other, or none.
    pub fn set_block(&mut self, block: Option<Block>) {
        for one in block::ALL {
            let is_set = if Some(one) == block {
                Value::from("true")
            } else {
                Value::Null
            };
            self.settings.put(one.setting(), is_set);
        }
    }

    /// The pipelines that its documents go through.
    pub fn pipelines(&self) -> impl Iterator<Item = &str> {
        ["index.default_pipeline", "index.final_pipeline"]
            .into_iter()
            .filter_map(|setting| self.settings.text(setting))
            .filter(|pipeline| *pipeline != "_none")
    }

    /// As the server describes it.
    pub fn shown(&self) -> Value {
        let mut settings = self.settings.shown();
        settings["index"]["uuid"] = json!(self.uuid);
        json!({
            "aliases": self.aliases,
            "mappings": self.mapping.shown(),
            "settings": settings,
        })
    }
}
