//! One pass: over the marks in key order, in bulks that each come from one reading.
//!
//! The next bulk is rendered while others are under way. A document is never sent twice in one
//! pass.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tracing::{info, warn};

use super::bulk::{Bulk, BulkReport, Item, Outcome};
use super::catch_up::POSTPONED_MAX;
use super::change_follower::documents;
use super::collect::{BulkCollector, Collected, Scope, lock};
use super::delivery::{Delivery, Interrupted, blocking};
use super::document::Content;
use super::retry::Verdict;
use super::trouble::Trouble;
use crate::core::feedback::Mark;
use crate::core::feedback::{Family, Feedback};
use crate::domain::document_key::DocumentKey;
use crate::domain::payment::BranchId;
use crate::host::clock::Instant;
use crate::host::wall_clock::since_epoch;
use crate::observe::metrics::ItemOutcome;
use crate::view::reading::ReadError;

/// How a pass went.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// The families that lack an index.
    pub(super) wanted: BTreeSet<Family>,
    /// Whether it came to the end.
    pub(super) is_whole: bool,
    /// How many documents were sent.
    pub(super) sent: usize,
}

/// A total whose document was another branch's is tried again after so long.
const MISNAMED_WAIT: Duration = Duration::from_secs(5);

/// Elasticsearch takes it a minute after the other document was deleted.
const MISNAMED_PATIENCE: Duration = Duration::from_secs(120);

/// What is being looked for, at most one bulk.
type Collecting = JoinSet<Result<Collected, ReadError>>;

impl Delivery {
    // Where to look: among the documents that changed, unless all marks are due or it is not known which
    // they are.
    pub(super) async fn scope(&mut self, is_full: bool) -> Result<Scope, Interrupted> {
        let mut named = None;
        if let Some(changed) = self.changes.take() {
            let readings = Arc::clone(&self.readings);
            let documents =
                blocking(move || readings.query(|reading| documents(reading, &changed)));
            named = documents.await?;
        }
        let turns = &mut self.passes.turns;
        if let Some(named) = named.take_if(|_| !is_full)
            && let Some(documents) = turns.next(named)
        {
            return Ok(Scope::Only(documents.into()));
        }
        Ok(Scope::AllBut(turns.others(named)))
    }

    /// Sends what awaits delivery in `scope`, once.
    pub(super) async fn pass(
        &mut self,
        scope: Scope,
        postpone: bool,
    ) -> Result<Passed, Interrupted> {
        if matches!(scope, Scope::AllBut(_)) {
            lock(&self.memory).begin_pass();
        }
        let mut passed = Passed::default();
        let mut in_flight: JoinSet<BulkReport> = JoinSet::new();
        let mut collecting = Collecting::new();
        // Rendered, and waits for its turn.
        let mut next: Option<Bulk> = None;
        let mut after = None;
        // What is postponed must not wait for all that is not.
        let until = postpone.then(|| Instant::now() + POSTPONED_MAX);
        loop {
            let is_open = self.connection.closed_until(Instant::now()).is_none();
            if is_open
                && in_flight.len() < self.bulk.max_in_flight.max(1)
                && let Some(bulk) = next.take()
            {
                let client = self.cluster.client().clone();
                in_flight.spawn(async move { bulk.deliver(&client).await });
            }
            let is_over = until.is_some_and(|until| until <= Instant::now());
            let is_wanted = is_open && !is_over && !passed.is_whole;
            if is_wanted && next.is_none() && collecting.is_empty() {
                let wanted = passed.wanted.clone();
                self.collect(&mut collecting, scope.clone(), after, wanted, postpone);
            }
            self.report_if_due().await;
            tokio::select! {
                biased;
                Some(found) = collecting.join_next(), if !collecting.is_empty() => {
                    let found = found.map_err(panicked)??;
                    after = found.after;
                    passed.is_whole = after.is_none();
                    passed.wanted.extend(found.wanted);
                    next = Some(found.bulk).filter(|bulk| !bulk.is_empty());
                    self.acknowledge(found.settled).await?;
                }
                Some(report) = in_flight.join_next(), if !in_flight.is_empty() => {
                    let report = report.map_err(|error| Trouble::garbage(error.to_string()))?;
                    passed.sent += report.outcomes.len();
                    self.take(report).await?;
                }
                else => break,
            }
        }
        passed.is_whole &= next.is_none();
        Ok(passed)
    }

    fn collect(
        &self,
        collecting: &mut Collecting,
        scope: Scope,
        after: Option<DocumentKey>,
        skip: BTreeSet<Family>,
        postpone: bool,
    ) {
        let now = Instant::now();
        let collector = BulkCollector {
            scope,
            after,
            gate: self.destinations.gate(now),
            skip,
            postpone,
            max_actions: self.bulk.max_actions.max(1),
            max_bytes: self.size.limit(),
            content: Content::new(self.cluster.histograms(), self.zero_windows),
            now,
        };
        let readings = Arc::clone(&self.readings);
        let branches = Arc::clone(&self.branches);
        let memory = Arc::clone(&self.memory);
        collecting.spawn(blocking(move || {
            readings.deliver(|reading| collector.run(reading, &branches, &memory))
        }));
    }

    async fn take(&mut self, report: BulkReport) -> Result<(), Interrupted> {
        let now = Instant::now();
        self.measure(&report);
        if let Some(size) = report.too_large {
            self.size.refuse(size, now);
        }
        self.size.take(report.taken, now);
        let is_let_in = |outcome: &Outcome| outcome.verdict != Verdict::Denied;
        if report
            .outcomes
            .iter()
            .any(|(_, outcome)| is_let_in(outcome))
        {
            self.answered();
        }
        let mut delivered = Vec::with_capacity(report.outcomes.len());
        let mut served = BTreeMap::new();
        let mut failed = BTreeSet::new();
        let foreign = self.totals_of_others(&report).await?;
        for (item, outcome) in report.outcomes {
            let family = item.target.family;
            if foreign.contains(&item.key) {
                served.insert(family, item.target.clone());
                let reason = format!(
                    "{}/{} was the total of another branch, which had that name before; it is \
                     written within two minutes",
                    item.target.index,
                    item.id()
                );
                let (wait, patience) = (MISNAMED_WAIT, MISNAMED_PATIENCE);
                lock(&self.memory).postpone(item.key, now, wait, patience, reason);
            } else if outcome.verdict == Verdict::Done {
                served.insert(family, item.target.clone());
                delivered.push((item.key, item.mark));
            } else if self.refused(&item, outcome, failed.contains(&family), now) {
                failed.insert(family);
            }
        }
        let mut indexes = BTreeMap::new();
        for (family, target) in served {
            if self.destinations.is_relied_on(family, &target.uuid) {
                indexes.insert(family, target.uuid.to_string());
            }
            if failed.contains(&family) {
                continue;
            }
            let recovered = self.destinations.is_well(family);
            if recovered.from_refusing {
                lock(&self.memory).unpark(family, now);
            }
            if recovered.from_being_told {
                let index = &*target.index;
                info!(index, "the index takes documents again");
            }
        }
        if let Some(trouble) = report.trouble {
            self.connection_fails(trouble);
        }
        if !indexes.is_empty() {
            self.tell(Feedback::Indexes(indexes)).await?;
        }
        self.acknowledge(delivered).await
    }

    // A higher version in the document of a total may be that of another branch, if names were changed.
    // Such a document is deleted. Elasticsearch remembers its version for a minute longer.
    async fn totals_of_others(
        &mut self,
        report: &BulkReport,
    ) -> Result<BTreeSet<DocumentKey>, Interrupted> {
        let outdated = report.outcomes.iter().filter_map(|(item, outcome)| {
            let is_outdated = outcome.verdict == Verdict::Done && outcome.is_outdated;
            match item.key {
                DocumentKey::Total(branch) if is_outdated => Some(branch),
                _ => None,
            }
        });
        let outdated: Vec<BranchId> = outdated.collect();
        if outdated.is_empty() {
            return Ok(BTreeSet::new());
        }
        let (own, others) = self.cluster.own_totals(&outdated, &self.branches).await?;
        // What refuses to be deleted is met again with the next document.
        let _ = self.cluster.delete_misnamed(&others).await?;
        let not_own = outdated.into_iter().filter(|branch| !own.contains(branch));
        Ok(not_own.map(DocumentKey::Total).collect())
    }

    fn measure(&self, report: &BulkReport) {
        let metrics = self.status.metrics();
        let now = since_epoch();
        for (took, is_answered) in &report.requests {
            metrics.bulk(*took, *is_answered, now);
        }
        let outcome_of = |outcome: &Outcome| match outcome.verdict {
            Verdict::Done if outcome.is_outdated => ItemOutcome::Outdated,
            Verdict::Done => ItemOutcome::Done,
            Verdict::Retry => ItemOutcome::Retried,
            Verdict::Missing => ItemOutcome::Missing,
            // No answer about a single document says that it is foreign.
            Verdict::Denied | Verdict::Foreign => ItemOutcome::Denied,
            Verdict::Park | Verdict::TooLarge => ItemOutcome::Parked,
        };
        let outcomes = report.outcomes.iter();
        let outcomes: Vec<ItemOutcome> = outcomes.map(|(_, outcome)| outcome_of(outcome)).collect();
        for alike in outcomes.chunk_by(|one, other| one == other) {
            metrics.bulk_items(alike[0], alike.len() as u64);
        }
    }

    pub(super) fn hold(&mut self, family: Family, index: &str, now: Instant, reason: String) {
        if self.destinations.hold(family, now, reason.clone()) {
            warn!(index, reason, "the index takes no documents: they wait");
        }
    }

    // Whether its whole family waits for it; `is_known` says that it does already.
    fn refused(&mut self, item: &Item, outcome: Outcome, is_known: bool, now: Instant) -> bool {
        let family = item.target.family;
        let reason = outcome.reason;
        match outcome.verdict {
            Verdict::Done => false,
            Verdict::Retry if is_known => true,
            Verdict::Retry => {
                self.hold(family, &item.target.index, now, reason);
                true
            }
            Verdict::Missing => {
                self.destinations.is_doubtful(family);
                true
            }
            verdict @ (Verdict::Denied | Verdict::Foreign) => {
                self.connection_fails(Trouble { verdict, reason });
                true
            }
            Verdict::Park | Verdict::TooLarge => {
                let wait = self.pacing.parked;
                if lock(&self.memory).park(item.key, now, wait, reason.clone()) {
                    warn!(reason, "a document is refused and kept back");
                    return false;
                }
                if !is_known {
                    warn!(
                        reason,
                        "more documents are refused than are kept back one by one"
                    );
                    self.destinations.refuses(family, now, reason);
                }
                true
            }
        }
    }

    async fn acknowledge(&mut self, done: Vec<(DocumentKey, Mark)>) -> Result<(), Interrupted> {
        if done.is_empty() {
            return Ok(());
        }
        {
            let mut memory = lock(&self.memory);
            for (key, mark) in &done {
                memory.acknowledge(*key, *mark);
            }
        }
        self.tell(Feedback::Delivered(done)).await
    }
}

fn panicked(error: JoinError) -> ReadError {
    ReadError(error.to_string())
}
