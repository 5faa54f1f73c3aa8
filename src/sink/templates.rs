//! The server's product, and the index templates that are put there.

use elasticsearch::InfoParts;
use elasticsearch::indices::IndicesPutIndexTemplateParts;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Deserialize;
use tracing::info;

use super::client::Trouble;
use super::cluster::{Cluster, TOGETHER, about};
use super::index::DocumentKind;
use super::mapping;
use super::retry::Verdict;

impl Cluster {
    /// Asks who is there and puts the templates. May be done again.
    pub(super) async fn set_up(&mut self) -> Result<(), Trouble> {
        self.introduce().await?;
        let is_of_windows = |kind: &DocumentKind| matches!(kind, DocumentKind::Windows(_));
        let (windows, mut kinds): (Vec<_>, Vec<_>) = self.names.kinds().partition(is_of_windows);
        self.histograms = true;
        // The first one of windows tells whether the product knows histograms.
        if let Some((first, others)) = windows.split_first() {
            match self.put_template(*first).await {
                Err(trouble) if trouble.verdict == Verdict::Park => {
                    self.histograms = false;
                    kinds.push(*first);
                }
                put => put?,
            }
            kinds.extend(others);
        }
        let puts = stream::iter(kinds).map(|kind| self.put_template(kind));
        puts.buffer_unordered(TOGETHER).try_collect::<()>().await?;
        info!(
            product = self.product,
            histograms = self.histograms,
            "templates are in place"
        );
        Ok(())
    }

    async fn introduce(&mut self) -> Result<(), Trouble> {
        #[derive(Deserialize)]
        struct Info {
            version: Version,
        }
        #[derive(Deserialize)]
        struct Version {
            number: String,
            distribution: Option<String>,
        }
        let answer = self.client.get(&InfoParts::None.url(), &[]).await?;
        match answer.json::<Info>() {
            Ok(Info { version }) => {
                let name = match version.distribution.as_deref() {
                    Some("opensearch") => "OpenSearch",
                    _ => "Elasticsearch",
                };
                let url = self.client.shown_url();
                self.product = format!("{name} {} at {url}", version.number);
                Ok(())
            }
            // Some give this only to those who may monitor, or not at all.
            Err(_) if matches!(answer.status, 200..300 | 400 | 403..=405) => Ok(()),
            Err(trouble) => Err(trouble),
        }
    }

    async fn put_template(&self, kind: DocumentKind) -> Result<(), Trouble> {
        let name = self.names.template(kind);
        let path = IndicesPutIndexTemplateParts::Name(&name).url();
        let body = mapping::template(&self.names, kind, self.histograms);
        let answer = self.client.put(&path, &body).await?;
        let done = answer.success().map(|_| ());
        done.map_err(|trouble| about(&format!("the template {name} is refused"), trouble))
    }
}
