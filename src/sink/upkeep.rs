//! What an operator does to the indexes of a generation: inspect, create, repair, publish, delete.

mod deleting;
mod verifying;

use std::collections::BTreeSet;
use std::time::Duration;

use elasticsearch::cat::CatIndicesParts;
use elasticsearch::indices::IndicesRefreshParts;
use serde::{Deserialize, Serialize};
use tidegauge_windows::Definition;

use super::Error;
use super::aliases;
use super::client::Client;
use super::cluster::Cluster;
use super::config::Config;
use super::expected::expected;
use super::index::Names;
use super::retry::Verdict;
use super::trouble::Trouble;
use crate::core::feedback::Family;
use crate::view::reading::Readings;

pub use self::deleting::ForeignIndex;

/// How long the first answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The indexes, templates and aliases of one generation, for an operator.
#[derive(Debug)]
pub struct Upkeep {
    cluster: Cluster,
    legacy_totals: Option<String>,
    /// Whether tumbling windows without payments have documents.
    zero_windows: bool,
}

/// An index of ours.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct IndexSize {
    /// Its name.
    pub index: String,
    /// The generation whose documents it holds.
    pub generation: u32,
    /// How many documents can be found in it.
    pub documents: u64,
    /// How many bytes it takes.
    pub bytes: u64,
}

impl Upkeep {
    /// Those of the generation that `config` names.
    ///
    /// # Errors
    /// When certificates or credentials can't be used.
    pub fn new(config: &Config, definitions: &[Definition]) -> Result<Self, Error> {
        let client = Client::new(config)?;
        let names = Names::new(config, definitions);
        let legacy_totals = config.legacy_totals.clone();
        Ok(Self {
            cluster: Cluster::new(client, names, legacy_totals.clone()),
            legacy_totals,
            zero_windows: config.zero_windows,
        })
    }

    /// Whether the server answers. Ask this before anything else: it waits for 10 s, and each other
    /// request for 30 s.
    ///
    /// # Errors
    /// When it does not, or lets us do nothing.
    pub async fn reach(&self) -> Result<(), Error> {
        let answered = self.cluster.client().probe(PATIENCE).await;
        answered.map_err(|trouble| self.failed(trouble))?;
        let holders = self.cluster.holders().await;
        holders.map(|_| ()).map_err(|trouble| self.failed(trouble))
    }

    /// The generations whose indexes the public aliases point to: one, or none while there is no
    /// index.
    ///
    /// # Errors
    /// When the server does not answer as it should.
    pub async fn audience(&self) -> Result<BTreeSet<u32>, Error> {
        let holders = self.cluster.holders().await;
        let holders = holders.map_err(|trouble| self.failed(trouble))?;
        Ok(aliases::audience(self.cluster.names(), &holders))
    }

    /// Points the public aliases to this generation's indexes, and to no other's, in one request. Gives
    /// why one of them is not as it should be, if that is so.
    ///
    /// # Errors
    /// When the server does not answer as it should.
    pub async fn publish(&mut self) -> Result<Option<String>, Error> {
        if let Err(trouble) = self.cluster.publish(true).await
            && !self.has_block().await
        {
            return Err(self.failed(trouble));
        }
        Ok(self.cluster.alias_problem().map(str::to_owned))
    }

    // A block of one index refuses the aliases of all.
    async fn has_block(&self) -> bool {
        let live = self.cluster.inspect().await.unwrap_or_default();
        live.values().any(|live| live.blocked.is_some())
    }

    /// All indexes of all generations, by name.
    ///
    /// # Errors
    /// When the server does not answer as it should.
    pub async fn sizes(&self) -> Result<Vec<IndexSize>, Error> {
        #[derive(Deserialize)]
        struct IndexLine {
            index: String,
            #[serde(rename = "docs.count")]
            documents: Option<String>,
            #[serde(rename = "store.size")]
            bytes: Option<String>,
        }
        let names = self.cluster.names();
        // Documents that were written a moment ago are not counted before.
        let all = names.all();
        let path = IndicesRefreshParts::Index(&[&all]).url();
        let path = format!("{path}?ignore_unavailable=true");
        let refreshed = self.cluster.client().order(&path).await;
        // Who may not refresh gets the count as it is.
        refreshed.map_err(|trouble| self.failed(trouble))?;
        let path = CatIndicesParts::Index(&[&all]).url();
        let query = [
            ("format", "json"),
            ("bytes", "b"),
            ("h", "index,docs.count,store.size"),
            ("s", "index"),
        ];
        let answer = self.cluster.client().get(&path, &query).await;
        let lines: Vec<IndexLine> = answer
            .and_then(|answer| answer.json())
            .map_err(|trouble| self.failed(trouble))?;
        let number = |text: Option<String>| text.and_then(|text| text.parse().ok());
        Ok(lines
            .into_iter()
            .filter_map(|line| {
                let (generation, _) = names.published(&line.index)?;
                Some(IndexSize {
                    generation,
                    documents: number(line.documents).unwrap_or_default(),
                    bytes: number(line.bytes).unwrap_or_default(),
                    index: line.index,
                })
            })
            .collect())
    }

    /// Whether an index that `readings` have documents for is not there, or is not the one that they
    /// were delivered to.
    ///
    /// # Errors
    /// When the server does not answer as it should, or the state can't be read.
    pub async fn lacks_indexes(&mut self, readings: &dyn Readings) -> Result<bool, Error> {
        let lacks = self.lacks_any(readings).await;
        lacks.map_err(|trouble| self.failed(trouble))
    }

    async fn lacks_any(&mut self, readings: &dyn Readings) -> Result<bool, Trouble> {
        self.know(Some(readings))?;
        let live = self.cluster.inspect().await?;
        let noted = readings.query(|reading| reading.indexes());
        let noted = noted.map_err(|error| Trouble::garbage(error.to_string()))?;
        let wanted = wanted(Some(readings), self.zero_windows)?;
        Ok(wanted.iter().any(|family| {
            live.get(family).is_none_or(|index| {
                let is_other = noted.get(family).is_some_and(|uuid| *uuid != index.uuid);
                !index.takes_documents() || is_other
            })
        }))
    }

    /// Fails if an index of this generation holds figures of another log or other rules than the state
    /// has: a service would write to none; or if the public aliases point to figures of another topic.
    /// `readings` are those of its state, if that can be read.
    ///
    /// # Errors
    /// When one does, or the server does not answer as it should.
    pub async fn refuse_strangers(&mut self, readings: Option<&dyn Readings>) -> Result<(), Error> {
        self.know(readings)
            .map_err(|trouble| self.failed(trouble))?;
        let own = self.cluster.own_indexes().await;
        own.map(|_| ()).map_err(|trouble| self.failed(trouble))
    }

    /// Puts the templates, and the indexes that `readings` have documents for and that are not
    /// there. Those are not written to before a service has taken them over: it knows by that, that
    /// its documents are missing, and delivers them again. Gives what it made.
    ///
    /// # Errors
    /// When the server does not answer as it should.
    pub async fn set_up(&mut self, readings: Option<&dyn Readings>) -> Result<Vec<String>, Error> {
        let done = self.make(readings).await;
        done.map_err(|trouble| self.failed(trouble))
    }

    // Without a state it is not known which indexes are ours.
    fn know(&mut self, readings: Option<&dyn Readings>) -> Result<(), Trouble> {
        let provenance = match readings {
            Some(readings) => readings.query(|reading| reading.provenance()),
            None => Ok(None),
        };
        let provenance = provenance.map_err(|error| Trouble::garbage(error.to_string()))?;
        if let Some(provenance) = provenance {
            self.cluster.belongs_to(provenance);
        }
        Ok(())
    }

    async fn make(&mut self, readings: Option<&dyn Readings>) -> Result<Vec<String>, Trouble> {
        self.know(readings)?;
        let there = self.cluster.own_indexes().await?;
        self.cluster.set_up().await?;
        let mut made = Vec::new();
        for family in wanted(readings, self.zero_windows)? {
            if !there.contains_key(&family) && self.cluster.create_bare(family).await? {
                made.push(self.cluster.names().index(family));
            }
        }
        Ok(made)
    }

    /// Adds the fields that mappings lack, where nothing else is wrong with them. Returns the
    /// indexes that it repaired.
    ///
    /// # Errors
    /// When the server does not answer as it should.
    pub async fn mend(&self) -> Result<Vec<String>, Error> {
        let mut mended = Vec::new();
        let mut denied = None;
        let live = self.cluster.inspect().await;
        for (family, live) in live.map_err(|trouble| self.failed(trouble))? {
            if live.drift.is_empty() {
                continue;
            }
            match self.cluster.mend(family, &live.drift).await {
                Ok(()) => mended.push(self.cluster.names().index(family)),
                // A look shows what is left.
                Err(trouble) if trouble.verdict == Verdict::Park || live.blocked.is_some() => {}
                Err(trouble) if trouble.verdict == Verdict::Denied => denied = Some(trouble),
                Err(trouble) => return Err(self.failed(trouble)),
            }
        }
        match denied {
            Some(trouble) => Err(self.failed(trouble)),
            None => Ok(mended),
        }
    }

    fn server(&self) -> String {
        self.cluster.product().to_owned()
    }

    fn failed(&self, trouble: Trouble) -> Error {
        let (server, reason) = (self.server(), trouble.reason);
        match trouble.verdict {
            Verdict::Retry => Error::Unanswered { server, reason },
            Verdict::Denied => Error::Denied { server, reason },
            Verdict::Foreign => Error::Foreign(reason),
            _ => Error::Refused { server, reason },
        }
    }
}

fn wanted(
    readings: Option<&dyn Readings>,
    zero_windows: bool,
) -> Result<BTreeSet<Family>, Trouble> {
    match readings {
        Some(readings) => readings
            .query(|reading| Ok(expected(reading, zero_windows)?.into_keys().collect()))
            .map_err(|error| Trouble::garbage(error.to_string())),
        None => Ok([Family::Totals, Family::NoWindow, Family::Rejects].into()),
    }
}
