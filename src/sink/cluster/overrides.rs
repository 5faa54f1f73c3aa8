//! What others have set on the server that decides over our indexes: templates of a higher priority,
//! and ingest pipelines.

use std::collections::BTreeSet;

use elasticsearch::indices::IndicesSimulateIndexTemplateParts;
use elasticsearch::ingest::IngestGetPipelineParts;
use serde::Deserialize;
use serde_json::Value;
use tidegauge_windows::EventTime;

use super::Cluster;
use crate::core::feedback::Family;
use crate::sink::index::DocumentKind;
use crate::sink::trouble::Trouble;

impl Cluster {
    /// Whether new indexes of a kind get the settings of another template than ours, in words.
    pub(in crate::sink) async fn outbid(
        &self,
        kind: DocumentKind,
    ) -> Result<Option<String>, Trouble> {
        #[derive(Deserialize)]
        struct Simulated {
            #[serde(default)]
            overlapping: Vec<TemplateName>,
        }
        #[derive(Deserialize)]
        struct TemplateName {
            name: String,
        }
        let index = self.names().index(example(kind));
        let path = IndicesSimulateIndexTemplateParts::Name(&index).url();
        let answer = self.client().order(&path).await?;
        if matches!(answer.status, 400 | 404 | 405) {
            // Some products can't tell.
            return Ok(None);
        }
        // Those that are outbid are named; the one that counts is not.
        let simulated: Simulated = answer.json()?;
        let ours = self.names().template(kind);
        let is_outbid = simulated.overlapping.iter().any(|other| other.name == ours);
        Ok(is_outbid.then(|| {
            format!(
                "the template {ours} has no effect: another template with a priority above {} \
                 matches {index} too, and new indexes get its settings; raise \
                 elasticsearch.template_priority, or change that template (GET _index_template lists all)",
                self.names().template_config().priority
            )
        }))
    }

    /// The ingest pipelines that the settings of an index name and that are not there, in words.
    pub(in crate::sink) async fn missing_pipelines(
        &self,
        index: &str,
        pipelines: &BTreeSet<(&'static str, String)>,
    ) -> Result<Vec<String>, Trouble> {
        let mut missing = Vec::new();
        for (setting, pipeline) in pipelines {
            let path = IngestGetPipelineParts::Id(pipeline).url();
            if self.client().get(&path, &[]).await?.status == 404 {
                missing.push(format!(
                    "the index {index} takes no document: index.{setting} names the pipeline \
                     {pipeline}, which is not there; create it, or remove the setting"
                ));
            }
        }
        Ok(missing)
    }
}

/// The pipelines that `settings` of an index name, with the setting.
pub(in crate::sink) fn pipelines(settings: &Value) -> BTreeSet<(&'static str, String)> {
    ["default_pipeline", "final_pipeline"]
        .into_iter()
        .filter_map(|setting| {
            let pipeline = settings["index"][setting].as_str()?;
            (pipeline != "_none").then(|| (setting, pipeline.to_owned()))
        })
        .collect()
}

/// Some family of a kind.
fn example(kind: DocumentKind) -> Family {
    match kind {
        DocumentKind::Totals => Family::Totals,
        DocumentKind::NoWindow => Family::NoWindow,
        DocumentKind::Rejects => Family::Rejects,
        DocumentKind::Windows(definition) => Family::Windows {
            definition,
            from: EventTime::from_millis(0),
            to: EventTime::from_millis(0),
        },
    }
}
