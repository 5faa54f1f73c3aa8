//! Zero windows that are no longer given: their documents are deleted.
//!
//! Zeros are given while at most 1,000 branches are known. When a payment makes another branch known
//! from an earlier time on, windows after that time lose their zeros over HTTP. Nothing marks their
//! documents, as their number is not known; but each says that it has no payment and when it ends.

use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use elasticsearch::http::request::Body;
use elasticsearch::params::VersionType;
use elasticsearch::{BulkOperation, BulkOperations, BulkParts, SearchParts};
use serde::Deserialize;
use serde_json::{Value, json};
use tidegauge_windows::EventTime;
use tracing::info;

use super::{Delivery, Interrupted, blocking};
use crate::domain::timestamp::rfc3339;
use crate::sink::Order;
use crate::sink::client::Trouble;
use crate::sink::cluster::Cluster;
use crate::sink::index::DocumentKind;

/// Many branches may become known one after the other. What was refused is tried again then, too.
const EVERY: Duration = Duration::from_secs(10);
/// Documents of payments don't wait longer than this in a round for the deletion; the next round continues.
const ROUND_MAX: Duration = Duration::from_secs(1);
/// So many are deleted by one request, which has to be answered in time.
const TOGETHER: usize = 5_000;

/// How far documents of zeros that are no longer given have been deleted.
#[derive(Debug, Default)]
pub(in crate::sink) struct OutdatedZeros {
    /// There are none that end after this.
    deleted_from: Option<EventTime>,
    next: Option<Instant>,
    /// Indexes that refused to delete some since `next`.
    refused: BTreeSet<String>,
}

/// A document without payments, as a search finds it.
#[derive(Deserialize)]
struct Zero {
    #[serde(rename = "_index")]
    index: String,
    #[serde(rename = "_id")]
    id: String,
}

impl Delivery {
    /// Deletes documents of zeros that are no longer given. To be called when no document is under way.
    pub(in crate::sink) async fn forget_zeros(&mut self, order: Order) -> Result<(), Interrupted> {
        let now = Instant::now();
        let runs = order == Order::Run;
        let is_early = runs && self.outdated_zeros.next.is_some_and(|next| now < next);
        if !self.zero_windows || is_early {
            return Ok(());
        }
        let readings = Arc::clone(&self.readings);
        let zeros_end =
            move || readings.query(|reading| Ok(reading.frame().snapshot().zeros_end_at));
        let Some(end) = blocking(zeros_end).await? else {
            return Ok(());
        };
        if self.outdated_zeros.deleted_from == Some(end) {
            return Ok(());
        }
        let deadline = runs.then(|| now + ROUND_MAX);
        loop {
            let refused = &mut self.outdated_zeros.refused;
            let found = self.cluster.zeros_after(end, refused).await?;
            if found.is_empty() {
                break;
            }
            refused.append(&mut self.cluster.delete_zeros(&found).await?);
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(());
            }
        }
        let zeros = &mut self.outdated_zeros;
        if mem::take(&mut zeros.refused).is_empty() {
            zeros.deleted_from = Some(end);
        }
        zeros.next = Some(Instant::now() + EVERY);
        Ok(())
    }
}

impl Cluster {
    /// Some documents without payments of windows that end after `time`, in indexes but `refused`.
    async fn zeros_after(
        &self,
        time: EventTime,
        refused: &BTreeSet<String>,
    ) -> Result<Vec<Zero>, Trouble> {
        // What is not refreshed is not found.
        self.refresh().await?;
        let kinds = self.names().kinds();
        let windows = kinds.filter(|kind| matches!(kind, DocumentKind::Windows(_)));
        let patterns: Vec<String> = windows.map(|kind| self.names().pattern(kind)).collect();
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let search = SearchParts::Index(&patterns).url();
        let filter = [
            json!({ "term": { "pay_count": 0 } }),
            json!({ "range": { "window_end": { "gt": rfc3339(time) } } }),
        ];
        let refused = json!({ "terms": { "_index": refused } });
        let query = json!({ "bool": { "filter": filter, "must_not": refused } });
        let query = json!({ "size": TOGETHER, "_source": false, "query": query });
        let mut answer: Value = self.client().post(&search, &query).await?.json()?;
        serde_json::from_value(answer["hits"]["hits"].take())
            .map_err(|error| Trouble::garbage(format!("the answer can't be read: {error}")))
    }

    /// Deletes these documents. Gives the indexes that refused to, as a read-only one does.
    async fn delete_zeros(&self, zeros: &[Zero]) -> Result<BTreeSet<String>, Trouble> {
        let mut lines = BulkOperations::new();
        for zero in zeros {
            // The version of a document without payments: one that holds some by now stays.
            let delete = BulkOperation::<()>::delete(&zero.id)
                .index(&zero.index)
                .version(1)
                .version_type(VersionType::ExternalGte);
            lines
                .push(delete)
                .map_err(|error| Trouble::garbage(error.to_string()))?;
        }
        let lines = lines.bytes().unwrap_or_default();
        let answer = self
            .client()
            .post_lines(&BulkParts::None.url(), &[("refresh", "true")], lines)
            .await?;
        let answer: Value = answer.json()?;
        let outcomes = answer["items"].as_array().map_or(&[][..], Vec::as_slice);
        if outcomes.len() != zeros.len() {
            return Err(Trouble::garbage(
                "the answer names other documents than the request",
            ));
        }
        let mut refused = BTreeSet::new();
        let mut deleted = 0;
        for (zero, outcome) in zeros.iter().zip(outcomes) {
            match outcome["delete"]["status"].as_u64() {
                Some(200..300) => deleted += 1,
                // It was deleted meanwhile.
                Some(404) => {}
                _ => drop(refused.insert(zero.index.clone())),
            }
        }
        if deleted > 0 {
            info!(
                documents = deleted,
                "documents of windows without payments are deleted: more than 1,000 branches are known"
            );
        }
        Ok(refused)
    }
}
