//! What an operator deletes of the indexes, and what is left alone.

use elasticsearch::indices::{IndicesDeleteIndexTemplateParts, IndicesDeleteParts};

use super::Upkeep;
use crate::core::feedback::Family;
use crate::sink::Error;
use crate::sink::cluster::Owner;
use crate::view::reading::Readings;

/// An index of our names that holds figures of another log or other rules than the state has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForeignIndex {
    /// Its name.
    pub index: String,
    /// Whose figures it holds, as part of a sentence: "of the topic refunds".
    pub whose: String,
    /// The aliases that readers see it by.
    pub aliases: Vec<String>,
}

impl Upkeep {
    /// Deletes this generation's indexes and templates; gives how many indexes there were. May be
    /// asked again. `readings` are those of its state, if that can be read.
    ///
    /// # Errors
    /// When a public alias points to one of them, one holds figures of another log or of other rules
    /// than the state, or the server does not answer as it should: then nothing is deleted.
    pub async fn delete(&mut self, readings: Option<&dyn Readings>) -> Result<u64, Error> {
        self.know(readings)
            .map_err(|trouble| self.failed(trouble))?;
        let names = self.cluster.names();
        let generation = names.generation();
        if let Some(found) = self.strangers().await?.into_iter().next() {
            return Err(Error::NotDropped {
                generation,
                index: found.index,
                whose: found.whose,
            });
        }
        if self.audience().await?.contains(&generation) {
            return Err(Error::StillRead { generation });
        }
        let mut deleted = 0;
        for size in self.sizes().await? {
            if size.generation == generation {
                let path = IndicesDeleteParts::Index(&[&size.index]).url();
                self.delete_at(&path).await?;
                deleted += 1;
            }
        }
        for kind in names.kinds() {
            let path = IndicesDeleteIndexTemplateParts::Name(&names.template(kind)).url();
            self.delete_at(&path).await?;
        }
        Ok(deleted)
    }

    /// The indexes of this generation's names that hold figures of another log or of other rules than
    /// the state of `readings`; with `delete`, they are deleted.
    ///
    /// # Errors
    /// When the state has read nothing yet, or the server does not answer as it should.
    pub async fn foreign(
        &mut self,
        readings: &dyn Readings,
        delete: bool,
    ) -> Result<Vec<ForeignIndex>, Error> {
        self.know(Some(readings))
            .map_err(|trouble| self.failed(trouble))?;
        if self.cluster.provenance().is_none() {
            return Err(Error::Unread);
        }
        let found = self.strangers().await?;
        if delete {
            for foreign in &found {
                let path = IndicesDeleteParts::Index(&[&foreign.index]).url();
                self.delete_at(&path).await?;
            }
        }
        Ok(found)
    }

    // As long as we don't know where our own figures come from, there are none.
    async fn strangers(&self) -> Result<Vec<ForeignIndex>, Error> {
        let live = self.cluster.inspect().await;
        let live = live.map_err(|trouble| self.failed(trouble))?;
        let holders = self.cluster.holders().await;
        let holders = holders.map_err(|trouble| self.failed(trouble))?;
        let names = self.cluster.names();
        let aliases = |family: Family| {
            let held = holders.get(&names.index(family)).into_iter().flatten();
            let write = names.write_alias(family);
            held.filter(|alias| **alias != write).cloned().collect()
        };
        Ok(live
            .into_iter()
            .filter_map(|(family, live)| match live.owner {
                Owner::Stranger(stranger) => Some(ForeignIndex {
                    index: names.index(family),
                    whose: stranger.whose().to_owned(),
                    aliases: aliases(family),
                }),
                Owner::Us | Owner::Nobody => None,
            })
            .collect())
    }

    async fn delete_at(&self, path: &str) -> Result<(), Error> {
        let answer = self.cluster.client().delete(path).await;
        let answer = answer.map_err(|trouble| self.failed(trouble))?;
        match answer.success() {
            Ok(_) => Ok(()),
            // It was deleted before.
            Err(_) if answer.status == 404 => Ok(()),
            Err(trouble) => Err(self.failed(trouble)),
        }
    }
}
