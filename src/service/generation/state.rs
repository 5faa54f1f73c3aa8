//! The states of generations: how far they have come, and by which rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidegauge_windows::{Settings, Span};
use tracing::warn;

use super::{Error, Generations, Live};
use crate::config::{Config, settings_of_rules};
use crate::sink::Publication;
use crate::store::{self, ReadOnlyStore, RuleDifference};
use crate::view::reading::Readings;

impl Generations {
    /// Prepares `config` for a service on the live generation: when its aliases are published, and which
    /// aliases are taken over.
    ///
    /// # Errors
    /// When there is no state of it although there should be.
    pub fn enter(&self, config: &mut Config, live: Live) -> Result<(), Error> {
        let path = self.dir(live.generation);
        // Without the file, a state of generation 1 is created.
        if self.is_live_said() && !store::holds_state(&path)? {
            return Err(self.lost(live.generation));
        }
        let former = self.former_windows(live.generation)?;
        if let Some(sink) = &mut config.elasticsearch {
            sink.former_windows = former;
            sink.publication = match live.previous {
                Some(previous) => Publication::After(self.positions(previous)),
                None => Publication::Now,
            };
        }
        Ok(())
    }

    /// Checks that `config` can resume a generation: gives its state, opened read-only.
    ///
    /// # Errors
    /// When there is none, or it was built from another topic or by other rules.
    pub fn fits(&self, generation: u32, config: &Config) -> Result<ReadOnlyStore, Error> {
        let path = self.dir(generation);
        let Some(store) = ReadOnlyStore::open(&path)? else {
            return Err(self.lost(generation));
        };
        if !store.has_begun() {
            return Ok(store);
        }
        if store.topic() != config.kafka.topic {
            return Err(Error::Store(store::Error::Topic {
                path,
                found: store.topic().to_owned(),
                configured: config.kafka.topic.clone(),
            }));
        }
        let differences = RuleDifference::between(store.rules(), &config.rules());
        if differences.is_empty() {
            Ok(store)
        } else {
            Err(Error::Other {
                generation,
                differences,
            })
        }
    }

    /// The error for a generation whose state is gone.
    #[must_use]
    pub fn lost(&self, generation: u32) -> Error {
        Error::Lost {
            generation,
            path: self.dir(generation),
            pointer: self.pointer(),
        }
    }

    /// How far a generation has come. A generation that is gone, or can't be read, is not waited for.
    #[must_use]
    pub fn positions(&self, generation: u32) -> BTreeMap<i32, i64> {
        match ReadOnlyStore::open(&self.dir(generation)) {
            Ok(Some(store)) => store.checkpoint().positions.clone(),
            Ok(None) => BTreeMap::new(),
            Err(error) => {
                unreadable(generation, &error);
                BTreeMap::new()
            }
        }
    }

    /// The names of the windows that other generations than `generation` have, as far as their states
    /// can be read.
    ///
    /// # Errors
    /// When the directory that holds them can't be listed.
    pub fn former_windows(&self, generation: u32) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        for other in self.all()?.into_iter().filter(|g| *g != generation) {
            let settings = match ReadOnlyStore::open(&self.dir(other)) {
                Ok(Some(store)) => self.settings(other, &store),
                Ok(None) => continue,
                Err(error) => Err(error.into()),
            };
            match settings {
                Ok(settings) => {
                    names.extend(settings.definitions.iter().map(|d| d.name().to_owned()));
                }
                Err(error) => unreadable(other, &error),
            }
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// The rules that a generation was built by.
    ///
    /// # Errors
    /// When they can't be parsed.
    pub fn settings(&self, generation: u32, store: &ReadOnlyStore) -> Result<Arc<Settings>, Error> {
        let settings = settings_of_rules(store.rules(), Span::DAY.times(35));
        settings.map(Arc::new).ok_or_else(|| Error::Rules {
            path: self.dir(generation),
        })
    }

    /// Readings of a generation at the moment when `store` was opened.
    ///
    /// # Errors
    /// When its rules can't be parsed, or its texts can't be read.
    pub fn readings(
        &self,
        generation: u32,
        store: &ReadOnlyStore,
        config: &Config,
    ) -> Result<Arc<dyn Readings>, Error> {
        let settings = self.settings(generation, store)?;
        let branches = store.branches(&config.branches)?;
        Ok(store.readings(settings, &branches))
    }
}

fn unreadable(generation: u32, error: &dyn std::error::Error) {
    warn!(
        generation,
        "a generation beside the live one can't be read, and is ignored: {error}"
    );
}
