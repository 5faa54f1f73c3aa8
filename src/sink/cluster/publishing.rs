//! The public aliases: readers see this generation, and no other beside it.

use std::collections::{BTreeMap, BTreeSet};

use elasticsearch::indices::{
    IndicesGetAliasParts, IndicesRefreshParts, IndicesUpdateAliasesParts,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::{info, warn};

use super::Cluster;
use crate::observe::crash_point;
use crate::sink::aliases::{self, Action, Holders};
use crate::sink::retry::Verdict;
use crate::sink::trouble::Trouble;

impl Cluster {
    /// Whether the public aliases point to this generation, as far as known.
    pub(in crate::sink) const fn is_public(&self) -> bool {
        self.is_public
    }

    /// Points the public aliases to the indexes of this generation, and to no other's, in one
    /// request, so that a reader sees the one or the other. May be done again. Without `may_take`,
    /// aliases that point to another generation stay there.
    pub(in crate::sink) async fn publish(&mut self, may_take: bool) -> Result<(), Trouble> {
        let known = self.alias_refused.take();
        let done = self.point_aliases(may_take).await;
        if let Err(trouble) = &done {
            self.alias_refused = Some(format!("the aliases can't be set: {}", trouble.reason));
        }
        if let Some(reason) = self
            .alias_refused
            .as_ref()
            .filter(|now| known.as_ref() != Some(*now))
        {
            warn!(reason, "the aliases are not as they should be");
        }
        done
    }

    async fn point_aliases(&mut self, may_take: bool) -> Result<(), Trouble> {
        let holders = self.holders().await?;
        if !may_take && let Some(generation) = aliases::other_audience(&self.names, &holders) {
            self.alias_refused = Some(format!(
                "the public aliases point to generation {generation}, and this state directory has \
                 generation {} only, so readers don't see what is written. Stop the service, set \
                 state_dir to the directory of generation {generation}'s state, or, if that is lost, \
                 to a new one and restore a backup there with `tidegauge state restore DIR`, and \
                 start the service again; without a backup, let `tidegauge index repair` move the \
                 aliases here",
                self.names.generation()
            ));
            return Ok(());
        }
        let mut legacy = self.legacy_totals.clone();
        if let Some(alias) = &legacy
            && let Some(index) = self.other_holder(alias).await?
        {
            self.alias_refused = Some(format!(
                "the alias {alias} points to the index {index}, which is not of the prefix \
                 elasticsearch.index_prefix: set elasticsearch.legacy_totals to another name or \
                 \"\", or remove the alias from that index"
            ));
            legacy = None;
        }
        let wanted = aliases::changes(&self.names, legacy.as_deref(), &holders);
        if wanted.iter().any(Action::takes_away) {
            // What was delivered a moment ago must be found as well by who comes from the others.
            self.refresh().await?;
        }
        match (self.change_aliases(&wanted).await, legacy) {
            // The dashboards that exist may have an index of that name; all else works without.
            (Err(trouble), Some(legacy)) if trouble.verdict == Verdict::Park => {
                let others = aliases::changes(&self.names, None, &holders);
                self.change_aliases(&others).await?;
                self.alias_refused = Some(format!(
                    "the alias {legacy} can't be: {}; rename or delete what has that name, or set \
                     elasticsearch.legacy_totals to another or \"\"",
                    trouble.reason
                ));
            }
            (done, _) => done?,
        }
        self.is_public = true;
        Ok(())
    }

    /// The aliases of all our indexes, of whatever generation, by index.
    pub(in crate::sink) async fn holders(&self) -> Result<Holders, Trouble> {
        #[derive(Deserialize)]
        struct Holder {
            #[serde(default)]
            aliases: BTreeMap<String, Value>,
        }
        let all = self.names.all();
        let path = IndicesGetAliasParts::Index(&[&all]).url();
        let query = [("expand_wildcards", "all"), ("ignore_unavailable", "true")];
        let answer = self.client.get(&path, &query).await?;
        let found: BTreeMap<String, Holder> = answer.json()?;
        let ours = found
            .into_iter()
            .filter(|(index, _)| self.names.published(index).is_some());
        Ok(ours
            .map(|(index, holder)| (index, holder.aliases.into_keys().collect::<BTreeSet<_>>()))
            .collect())
    }

    // An index of other names that has `alias`: with ours too, readers would add up both.
    pub(in crate::sink) async fn other_holder(
        &self,
        alias: &str,
    ) -> Result<Option<String>, Trouble> {
        let path = IndicesGetAliasParts::Name(&[alias]).url();
        let answer = self.client.get(&path, &[]).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        let found: BTreeMap<String, Value> = answer.json()?;
        Ok(found
            .into_keys()
            .find(|index| self.names.published(index).is_none()))
    }

    pub(in crate::sink) async fn refresh(&self) -> Result<(), Trouble> {
        let patterns: Vec<String> = self.names.kinds().map(|k| self.names.pattern(k)).collect();
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let path = IndicesRefreshParts::Index(&patterns).url();
        let query = [("ignore_unavailable", "true")];
        let answer = self.client.get(&path, &query).await?;
        answer.whole()
    }

    async fn change_aliases(&self, actions: &[Action]) -> Result<(), Trouble> {
        if actions.is_empty() {
            return Ok(());
        }
        crash_point::reach("aliases: before the request");
        let path = IndicesUpdateAliasesParts::None.url();
        let answer = self
            .client
            .post(&path, &json!({ "actions": actions }))
            .await?;
        answer.success()?;
        crash_point::reach("aliases: after the answer");
        info!(
            generation = self.names.generation(),
            changes = actions.len(),
            "the public aliases point to this generation"
        );
        Ok(())
    }
}
