//! Zero windows that are no longer given: their documents are deleted.
//!
//! Zeros are given while at most 1,000 branches are known. When a payment makes another branch known
//! from an earlier time on, windows after that time lose their zeros over HTTP. So do those of a branch
//! without payments that is not configured any more, and all if their documents are not wanted any more.
//! Nothing marks their documents, as their number is not known; but each says that it has no payment,
//! of which branch it is, and when it ends.

use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use elasticsearch::http::request::Body;
use elasticsearch::params::VersionType;
use elasticsearch::{BulkOperation, BulkOperations, BulkParts, SearchParts};
use serde::Deserialize;
use serde_json::{Value, json};
use tidegauge_windows::EventTime;
use tracing::{info, warn};

use super::given_zeros::{self, GivenZeros};
use super::{Delivery, Interrupted, blocking};
use crate::host::clock::Instant;
use crate::sink::Order;
use crate::sink::cluster::Cluster;
use crate::sink::index::DocumentKind;
use crate::sink::server_answer::FoundHits;
use crate::sink::trouble::Trouble;

/// How often they are looked for, as many branches may become known one after the other. What was refused
/// is tried again then.
const EVERY: Duration = Duration::from_secs(10);
/// A round begins no further request after so long, as documents of payments wait: the next round continues.
const ROUND_MAX: Duration = Duration::from_secs(1);
/// So many are deleted by one request, which has to be answered in time.
const TOGETHER: usize = 5_000;
/// So many queries are one search, in which Elasticsearch takes 1,024 clauses.
const QUERIES: usize = 200;

/// How far documents of zeros that are no longer given have been deleted.
#[derive(Debug, Default)]
pub(in crate::sink) struct OutdatedZeros {
    /// Whether those are deleted that an earlier run left, or a snapshot of an index brought back.
    are_former_deleted: bool,
    /// There are none that end after this.
    deleted_from: Option<EventTime>,
    next: Option<Instant>,
    /// Indexes that refused to delete some since `next`.
    refused: BTreeSet<String>,
    /// How many were deleted since `next`.
    deleted: usize,
    /// What was said last of those that can't be deleted.
    problem: Option<String>,
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
    /// If that fails, it is tried again later: documents of payments don't depend on it.
    pub(in crate::sink) async fn forget_zeros(&mut self, order: Order) -> Result<(), Interrupted> {
        let now = Instant::now();
        let zeros = &self.outdated_zeros;
        let is_early = order == Order::Run && zeros.next.is_some_and(|next| now < next);
        if is_early || (!self.zero_windows && zeros.are_former_deleted) {
            return Ok(());
        }
        let readings = Arc::clone(&self.readings);
        let (until, queries) = match (self.zero_windows, zeros.are_former_deleted) {
            (false, _) => (None, vec![given_zeros::all()]),
            (true, false) => {
                let branches = Arc::clone(&self.branches);
                let given = move || readings.query(|reading| GivenZeros::read(reading, &branches));
                let given = blocking(given).await?;
                (given.until, given.others())
            }
            (true, true) => {
                let until =
                    move || readings.query(|reading| Ok(reading.frame().snapshot().zeros_end_at));
                let until = blocking(until).await?;
                if until == zeros.deleted_from {
                    return Ok(());
                }
                let queries = until.map(given_zeros::ends_after).into_iter().collect();
                (until, queries)
            }
        };
        let zeros = &mut self.outdated_zeros;
        let problem = match self.cluster.delete_zeros(&queries, now, zeros).await {
            Ok(DeletionProgress::Begun) => return Ok(()),
            Ok(DeletionProgress::Done) => {
                zeros.are_former_deleted = true;
                zeros.deleted_from = until;
                None
            }
            Ok(DeletionProgress::Unsearched(failure)) => Some(failure),
            Ok(DeletionProgress::Refused) => {
                let first = zeros.refused.first().map(String::as_str);
                Some(format!(
                    "the index {} refuses it",
                    first.unwrap_or_default()
                ))
            }
            Err(trouble) => Some(trouble.reason),
        };
        zeros.finish(problem);
        Ok(())
    }
}

/// How far one round has come.
enum DeletionProgress {
    /// The next round continues.
    Begun,
    /// There are none any more.
    Done,
    /// There are none where it could be searched, and why not everywhere.
    Unsearched(String),
    /// There are none but in the indexes that refused.
    Refused,
}

impl OutdatedZeros {
    /// An index was replaced, perhaps by one that has some.
    pub(in crate::sink) fn may_be_back(&mut self) {
        self.are_former_deleted = false;
    }

    /// Ends one attempt, and says what came of it.
    fn finish(&mut self, problem: Option<String>) {
        self.next = Some(Instant::now() + EVERY);
        self.refused.clear();
        let documents = mem::take(&mut self.deleted);
        if documents > 0 {
            info!(
                documents,
                "documents of windows without payments are deleted: these windows are not given any more"
            );
        }
        if let Some(reason) = problem.as_ref().filter(|_| problem != self.problem) {
            warn!(
                reason,
                "documents of windows without payments can't be deleted: trying again"
            );
        }
        self.problem = problem;
    }
}

impl Cluster {
    /// Deletes documents without payments that any of `queries` finds.
    async fn delete_zeros(
        &self,
        queries: &[Value],
        began: Instant,
        zeros: &mut OutdatedZeros,
    ) -> Result<DeletionProgress, Trouble> {
        // What is not refreshed is not found.
        self.refresh().await?;
        let mut failure = None;
        for some in queries.chunks(QUERIES) {
            loop {
                let found = self.zeros(some, &zeros.refused).await?;
                if found.hits.is_empty() {
                    failure = failure.or(found.shard_failure);
                    break;
                }
                self.delete_found(&found.hits, zeros).await?;
                if began.elapsed() >= ROUND_MAX {
                    return Ok(DeletionProgress::Begun);
                }
            }
        }
        Ok(match (failure, zeros.refused.is_empty()) {
            (Some(failure), _) => DeletionProgress::Unsearched(failure),
            (None, true) => DeletionProgress::Done,
            (None, false) => DeletionProgress::Refused,
        })
    }

    /// Some documents without payments that any of `queries` finds, in indexes but `refused`.
    async fn zeros(
        &self,
        queries: &[Value],
        refused: &BTreeSet<String>,
    ) -> Result<FoundHits<Zero>, Trouble> {
        let kinds = self.names().kinds();
        let windows = kinds.filter(|kind| matches!(kind, DocumentKind::Windows(_)));
        let patterns: Vec<String> = windows.map(|kind| self.names().pattern(kind)).collect();
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let search = SearchParts::Index(&patterns).url();
        let filter = [
            json!({ "term": { "pay_count": 0 } }),
            json!({ "bool": { "should": queries } }),
        ];
        let refused = json!({ "terms": { "_index": refused } });
        let query = json!({ "bool": { "filter": filter, "must_not": refused } });
        let query = json!({ "size": TOGETHER, "_source": false, "query": query });
        self.client().post(&search, &query).await?.found()
    }

    /// Deletes these documents, and notes the indexes that refused to, as a read-only one does.
    async fn delete_found(&self, found: &[Zero], zeros: &mut OutdatedZeros) -> Result<(), Trouble> {
        let mut lines = BulkOperations::new();
        for zero in found {
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
        if outcomes.len() != found.len() {
            return Err(Trouble::garbage(
                "the answer names other documents than the request",
            ));
        }
        for (zero, outcome) in found.iter().zip(outcomes) {
            match outcome["delete"]["status"].as_u64() {
                Some(200..300) => zeros.deleted += 1,
                // It was deleted meanwhile, or holds payments by now.
                Some(404 | 409) => {}
                _ => drop(zeros.refused.insert(zero.index.clone())),
            }
        }
        Ok(())
    }
}
