//! What of the indexes, templates and aliases is not as it should be.

use elasticsearch::indices::IndicesGetIndexTemplateParts;
use serde::Deserialize;
use serde_json::Value;

use super::{Upkeep, wanted};
use crate::sink::cluster::Owner;
use crate::sink::index_finding::IndexFinding;
use crate::sink::template_config::decided_by_server;
use crate::sink::trouble::Trouble;
use crate::sink::{Error, aliases, mapping};
use crate::view::reading::Readings;

impl Upkeep {
    /// Everything that is not as it should be; empty if all is. Changes nothing.
    ///
    /// # Errors
    /// When the server does not answer as it should.
    pub async fn verify(
        &mut self,
        readings: Option<&dyn Readings>,
    ) -> Result<Vec<IndexFinding>, Error> {
        let found = self.look(readings).await;
        found.map_err(|trouble| self.failed(trouble))
    }

    async fn look(
        &mut self,
        readings: Option<&dyn Readings>,
    ) -> Result<Vec<IndexFinding>, Trouble> {
        self.know(readings)?;
        let templates = self.look_at_templates().await?;
        let mut found: Vec<_> = templates.into_iter().map(IndexFinding::Drift).collect();
        let live = self.cluster.inspect().await?;
        for family in wanted(readings, self.zero_windows)? {
            if !live.contains_key(&family) {
                let index = self.cluster.names().index(family);
                found.push(IndexFinding::Drift(format!("the index {index} is missing")));
            }
        }
        for (family, live) in &live {
            let index = self.cluster.names().index(*family);
            let drift = live
                .drift
                .iter()
                .map(|drift| format!("the index {index}: {drift}"));
            found.extend(drift.map(IndexFinding::Drift));
            if let Owner::Stranger(stranger) = &live.owner {
                let foreign = self.cluster.foreign(*family, stranger).await;
                found.push(IndexFinding::Drift(foreign.reason));
            }
            let pipelines = self.cluster.missing_pipelines(&index, &live.pipelines);
            found.extend(pipelines.await?.into_iter().map(IndexFinding::Drift));
            if !live.is_ours {
                let alias = self.cluster.names().write_alias(*family);
                found.push(IndexFinding::AwaitsService(format!(
                    "the index {index} lacks the alias {alias}, so no service writes to it yet"
                )));
            }
            if let Some(block) = live.blocked {
                found.push(IndexFinding::Drift(block.told(&index)));
            }
        }
        let holders = self.cluster.holders().await?;
        let legacy = self.legacy_totals.as_deref();
        if let Some(alias) = legacy
            && let Some(index) = self.cluster.other_holder(alias).await?
        {
            found.push(IndexFinding::Drift(format!(
                "the alias {alias} points to the index {index}, which is not ours"
            )));
        }
        if let Some(reason) = self.cluster.other_topic(&holders).await? {
            found.push(IndexFinding::Drift(reason));
            return Ok(found);
        }
        let changes = aliases::changes(self.cluster.names(), legacy, &holders);
        let complaints = changes.iter().map(aliases::Action::complaint);
        found.extend(complaints.map(IndexFinding::Drift));
        Ok(found)
    }

    async fn look_at_templates(&mut self) -> Result<Vec<String>, Trouble> {
        #[derive(Deserialize)]
        struct Templates {
            index_templates: Vec<Named>,
        }
        #[derive(Deserialize)]
        struct Named {
            index_template: Value,
        }
        let mut found = Vec::new();
        let kinds: Vec<_> = self.cluster.names().kinds().collect();
        for kind in kinds {
            let name = self.cluster.names().template(kind);
            let path = IndicesGetIndexTemplateParts::Name(&name).url();
            let answer = self.cluster.client().get(&path, &[]).await?;
            if answer.status == 404 {
                found.push(format!("the template {name} is missing"));
                continue;
            }
            let templates: Templates = answer.json()?;
            let Some(live) = templates.index_templates.into_iter().next() else {
                found.push(format!("the template {name} is missing"));
                continue;
            };
            let live = live.index_template;
            let mappings = &live["template"]["mappings"];
            // Whether the server knows that type shows in what it has taken.
            let histograms = !mappings["properties"]["pay_histogram"].is_null();
            self.cluster.assume_histograms(histograms);
            let ours = mapping::template(self.cluster.names(), kind, histograms, false);
            let config = self.cluster.names().template_config();
            let differs = mapping::drift(mappings, &ours["template"]["mappings"]);
            let differs = differs
                .into_iter()
                .chain(config.drift(&live["template"]["settings"], decided_by_server(&live)));
            found.extend(differs.map(|drift| format!("the template {name}: {drift}")));
            if live["index_patterns"] != ours["index_patterns"] {
                found.push(format!(
                    "the template {name} is for {}, not for {}",
                    live["index_patterns"], ours["index_patterns"]
                ));
            }
            if live["priority"] != ours["priority"] {
                found.push(format!(
                    "the template {name} has the priority {}, not {}",
                    live["priority"], ours["priority"]
                ));
            }
            found.extend(self.cluster.outbid(kind).await?);
            let aliases = live["template"]["aliases"].as_object();
            for alias in aliases.into_iter().flatten().map(|(alias, _)| alias) {
                found.push(format!(
                    "the template {name} gives the alias {alias} to what is being built"
                ));
            }
        }
        Ok(found)
    }
}
