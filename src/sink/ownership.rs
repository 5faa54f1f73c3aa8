//! Whose documents an index holds. Only those of our own log and rules are ours to change.

use serde::Deserialize;
use serde_json::Value;

use super::client::Trouble;
use super::cluster::Cluster;
use super::retry::Verdict;
use crate::provenance::Provenance;

/// Whose documents an index holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Owner {
    /// Those of the same log and rules as ours.
    Us,
    /// It does not say so, and may be taken.
    Nobody,
    /// Those of another log or other rules; in words, as part of a sentence.
    Stranger(String),
}

impl Cluster {
    /// Whose documents the index called `name` holds, by its mapping. As long as we don't know where
    /// our own come from, nobody is a stranger.
    pub(super) async fn owner(&self, name: &str, mappings: &Value) -> Result<Owner, Trouble> {
        let Some(ours) = self.provenance() else {
            return Ok(Owner::Us);
        };
        let meta = &mappings["_meta"];
        if let Ok(theirs) = Provenance::deserialize(&meta["provenance"]) {
            return Ok(match ours.difference(&theirs) {
                None => Owner::Us,
                Some(difference) => Owner::Stranger(difference),
            });
        }
        // Versions before this one did not write it down, neither in their indexes nor in their
        // states. So an index of theirs is not that of a state begun since.
        let is_older = meta["managed_by"] == "tidegauge" && ours.first_offsets.is_some();
        if is_older && self.count(name).await? > 0 {
            return Ok(Owner::Stranger(
                "written by an older version of Tidegauge from another state".into(),
            ));
        }
        Ok(Owner::Nobody)
    }

    async fn count(&self, index: &str) -> Result<u64, Trouble> {
        #[derive(Deserialize)]
        struct Count {
            count: u64,
        }
        let answer = self.client().get(&format!("/{index}/_count"), &[]).await?;
        Ok(answer.json::<Count>()?.count)
    }
}

/// Why nothing may be written at all, although only one index was looked at: the others are either
/// as foreign, or would be mixed with it by the aliases.
pub(super) fn foreign(index: &str, whose: &str) -> Trouble {
    Trouble {
        verdict: Verdict::Foreign,
        reason: format!(
            "the index {index} holds figures {whose}. Set elasticsearch.index_prefix and \
             elasticsearch.legacy_totals to names that are not in use; or, if nobody needs those \
             figures any more, delete them with `tidegauge index delete --yes`"
        ),
    }
}
