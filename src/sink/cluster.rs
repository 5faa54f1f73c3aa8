//! The server: templates, indexes, aliases, and whether they are as we made them.

mod block;
mod overrides;
mod ownership;
mod publishing;

use std::collections::{BTreeMap, BTreeSet};

use elasticsearch::indices::{
    IndicesCreateParts, IndicesGetParts, IndicesPutMappingParts, IndicesUpdateAliasesParts,
};
use futures_util::stream::{self, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::info;

pub(super) use self::block::IndexBlock;
pub(super) use self::ownership::Owner;
use super::bulk::Target;
use super::client::Client;
use super::index::{DocumentKind, Names};
use super::index_identity;
use super::mapping;
use super::trouble::Trouble;
use crate::core::feedback::Family;
use crate::domain::provenance::Provenance;

/// A server that our indexes are on.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) client: Client,
    pub(super) names: Names,
    /// A second alias of the totals.
    legacy_totals: Option<String>,
    /// Why aliases are not all as they should be.
    alias_refused: Option<String>,
    /// Whether the public aliases point to this generation, so that its new indexes get them.
    is_public: bool,
    /// Product, version and address, as far as known.
    pub(super) product: String,
    /// Whether it knows the `histogram` type of field.
    pub(super) histograms: bool,
    /// Whether it decides on shards, replicas and refreshes itself, as a serverless project does.
    pub(super) decides_settings: bool,
    /// Where the documents come from, once it is known.
    provenance: Option<Provenance>,
}

/// An index as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct IndexState {
    /// Its [`index_identity::identity`].
    pub(super) uuid: String,
    /// Whether documents can be written to it the way we do.
    pub(super) is_ours: bool,
    /// Whose documents are in it.
    pub(super) owner: Owner,
    /// What is wrong with its mapping, in words.
    pub(super) drift: Vec<String>,
    /// What keeps it from being written to, if anything does.
    pub(super) blocked: Option<IndexBlock>,
    /// The ingest pipelines that its documents go through, each with its setting.
    pub(super) pipelines: BTreeSet<(&'static str, String)>,
}

impl IndexState {
    /// Whether documents of this log can be written to it.
    pub(super) fn takes_documents(&self) -> bool {
        self.is_ours && self.owner == Owner::Us
    }

    /// Whether there is nothing to be done about it.
    pub(super) fn is_in_order(&self) -> bool {
        self.takes_documents() && self.drift.is_empty()
    }
}

/// What is missed in an index that turns out to be new.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LostContent {
    /// Nothing: all of its documents are marked.
    None,
    /// Documents that count as delivered.
    Delivered,
}

/// An index that is ready for documents.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ready {
    pub(super) uuid: String,
    /// Whether it was not ours before, so that its content is not known.
    pub(super) is_new: bool,
}

/// So many indexes or templates are made together: a year of history needs dozens.
pub(super) const TOGETHER: usize = 16;

#[derive(Deserialize)]
struct Indexes(BTreeMap<String, Index>);

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    aliases: BTreeMap<String, Value>,
    #[serde(default)]
    mappings: Value,
    settings: Value,
}

impl Cluster {
    pub(super) fn new(client: Client, names: Names, legacy_totals: Option<String>) -> Self {
        Self {
            product: format!("Elasticsearch at {}", client.shown_addresses()),
            client,
            names,
            legacy_totals,
            alias_refused: None,
            is_public: false,
            histograms: false,
            decides_settings: false,
            provenance: None,
        }
    }

    /// Where the documents come from, if that is known.
    pub(super) const fn provenance(&self) -> Option<&Provenance> {
        self.provenance.as_ref()
    }

    /// From now on, indexes must hold documents of `provenance`, and say so.
    pub(super) fn belongs_to(&mut self, provenance: Provenance) {
        self.provenance = Some(provenance);
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    pub(super) const fn names(&self) -> &Names {
        &self.names
    }

    /// Product, version and address, as far as known.
    pub(super) fn product(&self) -> &str {
        &self.product
    }

    /// Whether windows may have a `histogram`.
    pub(super) const fn histograms(&self) -> bool {
        self.histograms
    }

    /// Takes it for known whether windows may have a `histogram`.
    pub(super) const fn assume_histograms(&mut self, histograms: bool) {
        self.histograms |= histograms;
    }

    /// What an operator should know although documents flow.
    pub(super) fn alias_problem(&self) -> Option<&str> {
        self.alias_refused.as_deref()
    }

    /// Where documents of a family go.
    pub(super) fn target(&self, family: Family) -> Target {
        Target {
            family,
            index: self.names.index(family).into(),
            alias: self.names.write_alias(family).into(),
            uuid: "".into(),
        }
    }

    /// All indexes of ours.
    pub(super) async fn inspect(&self) -> Result<BTreeMap<Family, IndexState>, Trouble> {
        let patterns: Vec<String> = self.names.kinds().map(|k| self.names.pattern(k)).collect();
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let mut found = BTreeMap::new();
        for (name, index) in self.indexes(&patterns).await?.0 {
            if let Some(family) = self.names.family(&name) {
                found.insert(family, self.live(family, index).await?);
            }
        }
        Ok(found)
    }

    /// Makes the indexes of `families` ready for documents, whatever is missing. What became of one
    /// says nothing of the others. Of those that documents are missed in if they are new, a new one gets no
    /// alias to write to: without it, everyone takes it for a lost one.
    pub(super) async fn ensure_all(
        &self,
        families: Vec<(Family, LostContent)>,
    ) -> Vec<(Family, Result<Ready, Trouble>)> {
        let ensured = |(family, lost)| async move { (family, self.ensure(family, lost).await) };
        let all = stream::iter(families).map(ensured);
        all.buffer_unordered(TOGETHER).collect().await
    }

    async fn ensure(&self, family: Family, lost: LostContent) -> Result<Ready, Trouble> {
        let is_created = match lost {
            LostContent::None => self.create(family).await?,
            LostContent::Delivered => self.create_bare(family).await?,
        };
        let name = self.names.index(family);
        let mut indexes = self.indexes(&[&name]).await?;
        let index = indexes.0.remove(&name);
        let gone = || {
            Trouble::garbage(format!(
                "the index {name} disappeared right after it was created"
            ))
        };
        let live = self.live(family, index.ok_or_else(gone)?).await?;
        if let Owner::Stranger(stranger) = &live.owner {
            return Err(self.foreign(family, stranger).await);
        }
        if live.owner == Owner::Nobody || !live.drift.is_empty() {
            self.mend(family, &live.drift).await?;
        }
        if !live.is_ours && lost == LostContent::None {
            let alias = self.names.write_alias(family);
            self.add_write_alias(&name, &alias).await?;
        }
        Ok(Ready {
            uuid: live.uuid,
            is_new: is_created || !live.is_ours,
        })
    }

    // Creates the index of a family. Returns whether it was missing: another program or an earlier run
    // may have created it.
    async fn create(&self, family: Family) -> Result<bool, Trouble> {
        let body = mapping::index(
            &self.names,
            family,
            self.histograms,
            self.is_public,
            self.provenance(),
        );
        self.create_as(family, &body).await
    }

    /// Makes the index of a family without the alias that documents are written to, so that a
    /// service takes it for a lost one. Returns whether it was missing.
    pub(super) async fn create_bare(&self, family: Family) -> Result<bool, Trouble> {
        let kind = DocumentKind::of(family);
        let mapping = mapping::owned(kind, self.histograms, self.provenance());
        let body = json!({ "mappings": mapping });
        self.create_as(family, &body).await
    }

    async fn create_as(&self, family: Family, body: &Value) -> Result<bool, Trouble> {
        let name = self.names.index(family);
        let path = IndicesCreateParts::Index(&name).url();
        let answer = self.client.put(&path, body).await?;
        match answer.success() {
            Ok(_) => {
                info!(index = name, "created");
                Ok(true)
            }
            Err(_) if answer.error().0.as_deref() == Some("resource_already_exists_exception") => {
                Ok(false)
            }
            Err(trouble) => Err(about(
                &format!("the index {name} can't be created"),
                trouble,
            )),
        }
    }

    // Fields may be added to a mapping, but not changed: then it takes a new index.
    pub(super) async fn mend(&self, family: Family, drift: &[String]) -> Result<(), Trouble> {
        let name = self.names.index(family);
        let path = IndicesPutMappingParts::Index(&[&name]).url();
        let body = mapping::owned(DocumentKind::of(family), self.histograms, self.provenance());
        let answer = self.client.put(&path, &body).await?;
        answer.success().map(|_| ()).map_err(|trouble| Trouble {
            verdict: trouble.verdict,
            reason: format!(
                "the index {name} is not as it should be: {}; delete it, and the service creates \
                 and fills it again",
                drift.join(", ")
            ),
        })
    }

    // By the route of several aliases: that of one alias takes no `is_hidden` since Elasticsearch 9, and
    // ignored it before.
    async fn add_write_alias(&self, index: &str, alias: &str) -> Result<(), Trouble> {
        let add = json!({ "index": index, "alias": alias, "is_hidden": true });
        let body = json!({ "actions": [{ "add": add }] });
        let path = IndicesUpdateAliasesParts::None.url();
        let answer = self.client.post(&path, &body).await?;
        let done = answer.success().map(|_| ());
        done.map_err(|trouble| {
            about(
                &format!("the index {index} can't get the alias {alias}"),
                trouble,
            )
        })
    }

    async fn indexes(&self, names: &[&str]) -> Result<Indexes, Trouble> {
        let path = IndicesGetParts::Index(names).url();
        let query = [
            ("expand_wildcards", "all"),
            ("ignore_unavailable", "true"),
            (
                "filter_path",
                "error,*.aliases,*.mappings,*.settings.index.uuid,*.settings.index.history,\
                 *.settings.index.blocks,\
                 *.settings.index.verified_before_close,*.settings.index.default_pipeline,\
                 *.settings.index.final_pipeline",
            ),
        ];
        let answer = self.client.get(&path, &query).await?;
        // Nothing is left of an answer that names no index.
        if (200..300).contains(&answer.status) && answer.body.trim_ascii().is_empty() {
            return Ok(Indexes(BTreeMap::new()));
        }
        answer.json()
    }

    async fn live(&self, family: Family, index: Index) -> Result<IndexState, Trouble> {
        let uuid = index_identity::identity(&index.settings);
        let no_uuid = || Trouble::garbage("an index is described without its uuid");
        let kind = DocumentKind::of(family);
        let ours = mapping::mapping(kind, self.histograms);
        Ok(IndexState {
            uuid: uuid.ok_or_else(no_uuid)?,
            is_ours: index.aliases.contains_key(&self.names.write_alias(family)),
            owner: self
                .owner(&self.names.index(family), &index.mappings)
                .await?,
            drift: mapping::drift(&index.mappings, &ours),
            pipelines: overrides::pipelines(&index.settings),
            blocked: IndexBlock::of(&index.settings),
        })
    }
}

pub(super) fn about(what: &str, trouble: Trouble) -> Trouble {
    Trouble {
        reason: format!("{what}: {}", trouble.reason),
        ..trouble
    }
}
