//! The server's product, and the index templates that are put there.

use elasticsearch::InfoParts;
use elasticsearch::indices::IndicesPutIndexTemplateParts;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Deserialize;
use tracing::info;

use super::cluster::{Cluster, TOGETHER, about};
use super::index::DocumentKind;
use super::mapping;
use super::retry::Verdict;
use super::trouble::Trouble;

impl Cluster {
    /// Asks who is there and puts the templates. May be done again.
    pub(super) async fn set_up(&mut self) -> Result<(), Trouble> {
        self.introduce().await?;
        let mut kinds: Vec<DocumentKind> = self.names.kinds().collect();
        // The first one of windows shows what the server takes.
        let of_windows = |kind: &DocumentKind| matches!(kind, DocumentKind::Windows(_));
        if let Some(at) = kinds.iter().position(of_windows) {
            self.probe(kinds.swap_remove(at)).await?;
        }
        let puts = stream::iter(kinds).map(|kind| self.put_template(kind));
        puts.buffer_unordered(TOGETHER).try_collect::<()>().await?;
        info!(
            product = self.product,
            histograms = self.histograms,
            decides_settings = self.decides_settings,
            "templates are in place"
        );
        Ok(())
    }

    // Puts a template of windows as the server takes it: with all that we know, or without what a
    // product lacks.
    async fn probe(&mut self, kind: DocumentKind) -> Result<(), Trouble> {
        // What an operator has said is not left out.
        let is_sized = self.names.template_config().is_sized();
        let mut refusal = None;
        for (histograms, decided) in [(true, false), (false, false), (true, true), (false, true)] {
            if decided && is_sized {
                continue;
            }
            (self.histograms, self.decides_settings) = (histograms, decided);
            match self.put_template(kind).await {
                // The last one lacks the most, so it is refused for what is left.
                Err(trouble) if trouble.verdict == Verdict::Park => refusal = Some(trouble),
                put => return put,
            }
        }
        Err(refusal.unwrap_or_else(|| Trouble::garbage("the templates are refused")))
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
            build_flavor: Option<String>,
        }
        let answer = self.client.get(&InfoParts::None.url(), &[]).await?;
        match answer.json::<Info>() {
            Ok(Info { version }) => {
                let url = self.client.shown_addresses();
                let Version { number, .. } = &version;
                let distribution = version.distribution.as_deref();
                self.product = match (distribution, version.build_flavor.as_deref()) {
                    (Some("opensearch"), _) => format!("OpenSearch {number} at {url}"),
                    // Its number says nothing: it is always the same.
                    (_, Some("serverless")) => format!("Elasticsearch Serverless at {url}"),
                    _ => format!("Elasticsearch {number} at {url}"),
                };
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
        let body = mapping::template(&self.names, kind, self.histograms, self.decides_settings);
        let answer = self.client.put(&path, &body).await?;
        let done = answer.success().map(|_| ());
        done.map_err(|trouble| {
            let what = format!("the template {name} is refused");
            match answer.reason().as_deref().and_then(rival) {
                // The server's own reason is long: the remedy would be cut off.
                Some(rival) => Trouble {
                    reason: format!(
                        "{what}: another template, {rival}, has the same priority, {}, and matches \
                         the same names: set elasticsearch.template_priority to another number",
                        self.names.template_config().priority
                    ),
                    ..trouble
                },
                None => about(&what, trouble),
            }
        })
    }
}

/// The templates of others that have our priority and match our names, as the server's reason names them.
fn rival(reason: &str) -> Option<&str> {
    if !reason.contains("same priority") {
        return None;
    }
    let (_, names) = reason.split_once("existing templates [")?;
    names.split_once(']').map(|(names, _)| names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_of_the_same_priority_is_found_in_the_reason_of_the_server() {
        let reason = "index template [a-1m-g1] has index patterns [a-1m-g1-*] matching patterns from \
                      existing templates [theirs] with patterns (theirs => [a-*]) that have the same \
                      priority [500], multiple index templates may not match during index creation, \
                      please use a different priority";
        assert_eq!(rival(reason), Some("theirs"));
        assert_eq!(rival("unknown setting [index.lifecycle.name]"), None);
        assert_eq!(
            rival("existing templates [theirs] have another priority"),
            None
        );
    }
}
