//! Zero windows that are no longer given: their documents are deleted.
//!
//! Zeros are given while at most 1,000 branches are known. When a payment makes another branch known
//! from an earlier time on, windows after that time lose their zeros over HTTP. Nothing marks their
//! documents, as their number is not known; but each says that it has no payment and when it ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegauge_windows::EventTime;
use tracing::info;

use super::{Delivery, Interrupted, blocking};
use crate::domain::timestamp::rfc3339;
use crate::sink::Order;
use crate::sink::client::Trouble;
use crate::sink::cluster::Cluster;
use crate::sink::index::DocumentKind;

/// Many branches may become known one after the other.
const EVERY: Duration = Duration::from_secs(10);
/// So many are deleted by one request, which has to be answered in time.
const TOGETHER: usize = 5_000;

/// How far documents of zeros that are no longer given have been deleted.
#[derive(Debug, Default)]
pub(in crate::sink) struct OutdatedZeros {
    /// There are none that end after this.
    deleted_from: Option<EventTime>,
    next: Option<Instant>,
}

impl Delivery {
    /// Deletes documents of zeros that are no longer given. To be called when no document is under way.
    pub(in crate::sink) async fn forget_zeros(&mut self, order: Order) -> Result<(), Interrupted> {
        let now = Instant::now();
        let is_early =
            order == Order::Run && self.outdated_zeros.next.is_some_and(|next| now < next);
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
        self.cluster.delete_zeros_after(end).await?;
        self.outdated_zeros.deleted_from = Some(end);
        self.outdated_zeros.next = Some(now + EVERY);
        Ok(())
    }
}

impl Cluster {
    async fn delete_zeros_after(&self, time: EventTime) -> Result<(), Trouble> {
        // What is not refreshed is not found.
        self.refresh().await?;
        let kinds = self.names.kinds();
        let windows = kinds.filter(|kind| matches!(kind, DocumentKind::Windows(_)));
        let patterns: Vec<String> = windows.map(|kind| self.names.pattern(kind)).collect();
        let patterns = patterns.join(",");
        let search = format!("{patterns}/_search?ignore_unavailable=true&size={TOGETHER}");
        let filter = [
            json!({ "term": { "pay_count": 0 } }),
            json!({ "range": { "window_end": { "gt": rfc3339(time) } } }),
        ];
        let query = json!({ "_source": false, "query": { "bool": { "filter": filter } } });
        let mut deleted = 0;
        loop {
            let found: Value = self.client.post(&search, &query).await?.json()?;
            let hits = found["hits"]["hits"]
                .as_array()
                .map_or(&[][..], Vec::as_slice);
            if hits.is_empty() {
                break;
            }
            // The version of a document without payments: one that holds some by now stays.
            let lines = hits.iter().map(|hit| {
                let (index, id) = (&hit["_index"], &hit["_id"]);
                let version = json!({ "_index": index, "_id": id, "version": 1, "version_type": "external_gte" });
                format!("{}\n", json!({ "delete": version }))
            });
            let lines: String = lines.collect();
            let refresh = [("refresh", "true")];
            let answer = self
                .client
                .post_lines("_bulk", &refresh, lines.into())
                .await?;
            let answer: Value = answer.json()?;
            deleted += hits.len();
            // What is refused, as an index may be read-only, would be found again and again.
            if hits.len() < TOGETHER || answer["errors"] == true {
                break;
            }
        }
        if deleted > 0 {
            info!(
                documents = deleted,
                "documents of windows without payments are deleted: more than 1,000 branches are known"
            );
        }
        Ok(())
    }
}
