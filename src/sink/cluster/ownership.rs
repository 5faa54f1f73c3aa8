//! Whose documents an index holds. Only those of our own log and rules are ours to change.

use std::collections::BTreeMap;

use elasticsearch::CountParts;
use elasticsearch::indices::IndicesGetMappingParts;
use serde::Deserialize;
use serde_json::Value;

use super::{Cluster, IndexState};
use crate::core::feedback::Family;
use crate::domain::provenance::{Difference, Provenance};
use crate::sink::aliases;
use crate::sink::retry::Verdict;
use crate::sink::trouble::Trouble;

/// Whose documents an index holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::sink) enum Owner {
    /// Those of the same log and rules as ours.
    Us,
    /// It does not say so, or says it of rules that were given up since; it may be taken.
    Nobody,
    /// Those of another log or other rules.
    Stranger(Stranger),
}

/// The owner of documents that are not of our log and rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::sink) struct Stranger {
    /// As part of a sentence.
    whose: String,
    /// Whether they are of our topic, so that a state that was lost may have written them.
    is_of_our_topic: bool,
    /// Whether a state of our rules that is begun at the earliest record may write there.
    is_of_earliest: bool,
}

impl Stranger {
    /// Whose documents they are, as part of a sentence.
    pub(in crate::sink) fn whose(&self) -> &str {
        &self.whose
    }
}

impl From<Difference> for Stranger {
    fn from(difference: Difference) -> Self {
        Self {
            whose: difference.to_string(),
            is_of_our_topic: !matches!(difference, Difference::Topic(_)),
            is_of_earliest: matches!(difference, Difference::Beginning { is_whole: true, .. }),
        }
    }
}

impl Cluster {
    /// Whose documents the index called `name` holds, by its mapping. As long as we don't know where
    /// our own come from, no index is a stranger's.
    pub(in crate::sink) async fn owner(
        &self,
        name: &str,
        mappings: &Value,
    ) -> Result<Owner, Trouble> {
        let Some(ours) = self.provenance() else {
            return Ok(Owner::Us);
        };
        let meta = &mappings["_meta"];
        if let Ok(theirs) = Provenance::deserialize(&meta["provenance"]) {
            return Ok(match ours.difference(&theirs) {
                // It names rules that were given up since: it is to name those of now.
                None if ours.is_newer(&theirs) => Owner::Nobody,
                None => Owner::Us,
                Some(difference) => Owner::Stranger(difference.into()),
            });
        }
        // Versions before this one did not write it down, neither in their indexes nor in their
        // states. So an index of theirs is not that of a state begun since.
        let is_older = meta["managed_by"] == "tidegauge" && ours.first_offsets.is_some();
        if is_older && self.count(name).await? > 0 {
            return Ok(Owner::Stranger(Stranger {
                whose: "written by an older version of Tidegauge from another state".into(),
                is_of_our_topic: false,
                is_of_earliest: false,
            }));
        }
        Ok(Owner::Nobody)
    }

    /// Why nothing may be written, as the index of `family` holds documents of `stranger`.
    pub(in crate::sink) async fn foreign(&self, family: Family, stranger: &Stranger) -> Trouble {
        let names = self.names();
        let generation = names.generation();
        // While it is not known what readers see, nothing is called a leftover.
        let is_seen = match self.holders().await {
            Ok(holders) => aliases::audience(names, &holders).contains(&generation),
            Err(_) => true,
        };
        let index = names.index(family);
        // The first generation is not built beside another: its indexes may be all that is left of a
        // state that was lost.
        if is_seen || generation == 1 {
            foreign(&index, stranger, generation)
        } else {
            leftover(&index, stranger, generation)
        }
    }

    /// Our indexes, if none of them holds figures of another log or other rules, and no public alias
    /// gives readers figures of another topic.
    pub(in crate::sink) async fn own_indexes(
        &self,
    ) -> Result<BTreeMap<Family, IndexState>, Trouble> {
        let live = self.inspect().await?;
        for (family, live) in &live {
            if let Owner::Stranger(stranger) = &live.owner {
                return Err(self.foreign(*family, stranger).await);
            }
        }
        match self.other_topic(&self.holders().await?).await? {
            Some(reason) => Err(Trouble {
                verdict: Verdict::Foreign,
                reason,
            }),
            None => Ok(live),
        }
    }

    /// Why no generation of ours may have the public aliases, if they give readers figures of another
    /// topic: those would see ours under the same names. What another generation of our own topic
    /// has, be it of another state or of other rules, is what a swap takes the place of.
    pub(in crate::sink) async fn other_topic(
        &self,
        holders: &aliases::Holders,
    ) -> Result<Option<String>, Trouble> {
        let (Some(ours), names) = (self.provenance(), self.names()) else {
            return Ok(None);
        };
        for (index, alias) in aliases::seen_elsewhere(names, holders) {
            let path = IndicesGetMappingParts::Index(&[&index]).url();
            let only = [("filter_path", "*.mappings._meta.provenance")];
            let answer = self.client().get(&path, &only).await?;
            // It may be gone by now.
            let Ok(found) = answer.json::<Value>() else {
                continue;
            };
            let theirs = &found[&index]["mappings"]["_meta"]["provenance"];
            let Ok(theirs) = Provenance::deserialize(theirs) else {
                continue;
            };
            if let Some(Difference::Topic(whose)) = ours.difference(&theirs) {
                return Ok(Some(format!(
                    "the public alias {alias} points to the index {index}, which holds figures \
                     {whose}, and stays there. {KEEP_BOTH}. {DELETE}"
                )));
            }
        }
        Ok(None)
    }

    async fn count(&self, index: &str) -> Result<u64, Trouble> {
        #[derive(Deserialize)]
        struct CountAnswer {
            count: u64,
        }
        let path = CountParts::Index(&[index]).url();
        let answer = self.client().get(&path, &[]).await?;
        Ok(answer.json::<CountAnswer>()?.count)
    }
}

/// Keeps the figures of both, whatever they are of.
const KEEP_BOTH: &str = "To keep both, set elasticsearch.index_prefix and \
                         elasticsearch.legacy_totals to names that are not in use";

/// Gives up the other figures.
const DELETE: &str = "If those figures are not needed any more, delete them with `tidegauge index delete \
                      --yes`";

/// Why nothing may be written at all by `generation`, although only one index was looked at: the
/// others are either as foreign, or would be mixed with it by the aliases. What to do is told in the
/// order in which to try it.
fn foreign(index: &str, stranger: &Stranger, generation: u32) -> Trouble {
    let mut remedies = Vec::new();
    if stranger.is_of_our_topic {
        remedies.push(
            "If the state that wrote them was lost, stop the service, set state_dir to a new \
             directory, restore a backup there with `tidegauge state restore DIR`, and start the \
             service again",
        );
        if stranger.is_of_earliest {
            remedies.push(
                "Without a backup, if the topic still holds its first record, stop the service, set \
                 state_dir to a new directory and kafka.start = \"earliest\", and start it again",
            );
        }
        // A new state has generation 1. Replays have others, and so are not told
        // to do what they are doing.
        if generation == 1 {
            remedies.push(
                "Or let `tidegauge replay --swap --accept-differences` build the figures of all \
                 that the topic holds in indexes of their own",
            );
        }
    }
    remedies.extend([KEEP_BOTH, DELETE]);
    refused(index, stranger, &remedies)
}

/// The same, of indexes that no reader sees: what a generation of another state has left.
fn leftover(index: &str, stranger: &Stranger, generation: u32) -> Trouble {
    let left = format!(
        "It is a leftover of another state's generation {generation}, and no public alias points to \
         one of these: delete them with `tidegauge index delete --yes`, then run the same command \
         again"
    );
    refused(index, stranger, &[&left, KEEP_BOTH])
}

fn refused(index: &str, stranger: &Stranger, remedies: &[&str]) -> Trouble {
    Trouble {
        verdict: Verdict::Foreign,
        reason: format!(
            "the index {index} holds figures {}. {}",
            stranger.whose,
            remedies.join(". ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(difference: Difference, generation: u32) -> String {
        foreign("payments-totals-g1", &difference.into(), generation).reason
    }

    #[test]
    fn a_remedy_is_named_only_where_it_works() {
        let beginning = |is_whole| Difference::Beginning {
            words: "read from offset 3 on".into(),
            is_whole,
        };
        let rules = Difference::Rules("made by other rules: window differs".into());
        let topic = Difference::Topic("of the topic refunds".into());
        let (restore, earliest, replay) = ("state restore", "\"earliest\"", "replay --swap");
        for (difference, generation, named) in [
            (beginning(true), 1, vec![restore, earliest, replay]),
            (beginning(false), 1, vec![restore, replay]),
            (beginning(true), 2, vec![restore, earliest]),
            (rules, 1, vec![restore, replay]),
            (topic, 1, vec![]),
        ] {
            let told = told(difference, generation);
            for remedy in [restore, earliest, replay] {
                assert_eq!(told.contains(remedy), named.contains(&remedy), "{told}");
            }
            // Another state_dir is read at a start only.
            let stops = told.contains("stop the service, set state_dir");
            assert_eq!(stops, named.contains(&restore), "{told}");
            for remedy in ["index_prefix", "legacy_totals", "index delete --yes"] {
                assert!(told.contains(remedy), "{told}");
            }
        }
    }
}
