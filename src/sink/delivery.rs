//! The delivery loop: what awaits delivery is looked for, sent and acknowledged, for ever.
//!
//! A pass goes over all marks once, in key order, in bulks that each come from one reading. What
//! fails stays marked and comes up in a later pass, as it is by then: so no queue grows while the
//! server is away, and a document is never sent twice in one pass.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinSet, spawn_blocking};
use tracing::warn;

use super::Order;
use super::bulk::{Item, Outcome, Report};
use super::client::Trouble;
use super::cluster::Cluster;
use super::collect::{Found, Memory, Search};
use super::config::{BulkConfig, Pacing};
use super::document::Content;
use super::expected::expected;
use super::handover::Handover;
use super::health::Line;
use super::places::Places;
use super::retry::Verdict;
use crate::branch::Branches;
use crate::document_key::DocumentKey;
use crate::feedback::{Family, Feedback};
use crate::metrics::ItemOutcome;
use crate::reading::{Mark, ReadError, Readings};
use crate::status::{Condition, Part, Status};

/// Delivers until it is told to stop.
pub(super) struct Delivery {
    pub(super) cluster: Cluster,
    pub(super) bulk: BulkConfig,
    /// As configured.
    pub(super) zero_windows: bool,
    pub(super) pacing: Pacing,
    pub(super) readings: Arc<dyn Readings>,
    pub(super) branches: Arc<Branches>,
    pub(super) status: Arc<Status>,
    pub(super) feedback: mpsc::Sender<Feedback>,
    pub(super) line: Line,
    pub(super) places: Places,
    pub(super) memory: Memory,
    /// When the indexes are looked at next; `None` until all is set up.
    pub(super) next_inspection: Option<Instant>,
    /// Whether documents may have been delivered before this run.
    pub(super) had_former_life: bool,
    /// When readers get to see what is delivered.
    pub(super) handover: Handover,
}

/// Why a round could not be finished.
enum Interrupted {
    /// The server, or the way to it.
    Line(Trouble),
    /// The state can't be read.
    Read(ReadError),
    /// Nobody takes feedback any more.
    Deaf,
}

impl From<Trouble> for Interrupted {
    fn from(trouble: Trouble) -> Self {
        Self::Line(trouble)
    }
}

impl From<ReadError> for Interrupted {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// The rounds after the order to stop: as many as it takes, while that makes headway.
#[derive(Default)]
struct LastRounds {
    least: Option<u64>,
    in_vain: u32,
}

impl LastRounds {
    fn are_over(&mut self, dirty: Option<u64>) -> bool {
        let Some(dirty) = dirty else { return true };
        if self.least.is_none_or(|least| dirty < least) {
            self.least = Some(dirty);
            self.in_vain = 0;
        } else {
            self.in_vain += 1;
        }
        dirty == 0 || self.in_vain >= ROUNDS_IN_VAIN
    }
}

/// When a hurried delivery looks again whether all acknowledgements have been taken in.
const SOON: Duration = Duration::from_millis(20);
/// What is refused or blocked is not waited for: so many rounds without headway are the last.
const ROUNDS_IN_VAIN: u32 = 25;
/// Passes that follow each other at once: the first finds which indexes are needed.
const PASSES_MAX: u32 = 4;

impl Delivery {
    pub(super) async fn run(mut self, mut orders: watch::Receiver<Order>) {
        let mut last_rounds = LastRounds::default();
        loop {
            let order = *orders.borrow_and_update();
            let began = Instant::now();
            let round = self.round().await;
            let dirty = match &round {
                Ok(dirty) => Some(*dirty),
                Err(_) => None,
            };
            match round {
                Ok(dirty) => self.report(dirty),
                Err(Interrupted::Line(trouble)) => {
                    self.line.fails(trouble);
                    self.report_now();
                }
                Err(Interrupted::Read(error)) => {
                    self.status
                        .set(Part::Sink, Condition::Degraded, error.to_string());
                }
                Err(Interrupted::Deaf) => return,
            }
            let now = Instant::now();
            let is_closed = self.line.closed_until(now).is_some();
            if order == Order::Stop && (is_closed || last_rounds.are_over(dirty)) {
                return;
            }
            let next = match (order, self.line.closed_until(now)) {
                (_, Some(until)) => until,
                (Order::Run, None) => began + self.bulk.interval,
                (Order::Hurry | Order::Stop, None) if dirty == Some(0) => {
                    began + self.bulk.interval
                }
                (Order::Hurry | Order::Stop, None) => now + SOON,
            };
            tokio::select! {
                () = tokio::time::sleep_until(next.into()) => {}
                changed = orders.changed() => {
                    // Who could give orders is gone.
                    if changed.is_err() {
                        return;
                    }
                }
            }
        }
    }

    // Looks once at what there is to do, and does it. Gives how many documents awaited delivery
    // at the end.
    async fn round(&mut self) -> Result<u64, Interrupted> {
        let now = Instant::now();
        if self.line.closed_until(now).is_some() {
            return self.dirty();
        }
        self.handover.note(self.readings.as_ref())?;
        match self.next_inspection {
            None => self.set_up().await?,
            Some(next) if next <= now => self.inspect().await?,
            Some(_) => {}
        }
        for _ in 0..PASSES_MAX {
            if self.dirty()? == 0 {
                break;
            }
            let wanted = self.pass().await?;
            let mut is_any_ready = false;
            for family in wanted {
                is_any_ready |= self.ensure(family).await?;
            }
            if !is_any_ready || self.line.closed_until(Instant::now()).is_some() {
                break;
            }
        }
        if !self.cluster.is_public() && self.handover.is_done(self.readings.as_ref())? {
            self.publish().await;
        }
        self.dirty()
    }

    // Documents go whether or not readers can be shown them; the status tells if not.
    async fn publish(&mut self) {
        if let Err(trouble) = self.cluster.publish().await {
            warn!(
                reason = trouble.reason,
                "the aliases are not as they should be"
            );
            let soon = Instant::now() + self.pacing.retry_most;
            self.next_inspection = self.next_inspection.map(|next| next.min(soon));
        }
    }

    async fn set_up(&mut self) -> Result<(), Interrupted> {
        self.cluster.set_up().await?;
        self.inspect().await?;
        if !self.had_former_life {
            return Ok(());
        }
        // What was delivered in a former life is to be there.
        let readings = Arc::clone(&self.readings);
        let zeros = self.zero_windows;
        for family in blocking(move || readings.query(|one| expected(one, zeros))).await? {
            if !self.places.is_known(family) && self.places.is_gone(family) {
                self.recreated(family).await?;
            }
        }
        Ok(())
    }

    // Looks whether the indexes are the ones that we know, in order.
    async fn inspect(&mut self) -> Result<(), Interrupted> {
        let live = self.cluster.inspect().await?;
        self.answered();
        let compared = self.places.compare(&live);
        for family in compared.gone {
            if self.places.is_gone(family) {
                self.recreated(family).await?;
            }
        }
        for (family, uuid) in compared.found {
            let target = self.cluster.target(family);
            self.places.is_ready(target, uuid, false);
        }
        for family in compared.changed {
            self.ensure(family).await?;
        }
        self.next_inspection = Some(Instant::now() + self.pacing.inspect);
        if self.handover.is_at_once() || self.cluster.is_public() {
            self.publish().await;
        }
        Ok(())
    }

    // Whether the index is ready now.
    async fn ensure(&mut self, family: Family) -> Result<bool, Interrupted> {
        let now = Instant::now();
        let ready = match self.cluster.ensure(family).await {
            Ok(ready) => ready,
            Err(trouble) => {
                self.places.is_doubtful(family);
                match trouble.verdict {
                    Verdict::Denied => return Err(trouble.into()),
                    Verdict::Park => {
                        warn!(reason = trouble.reason, "its documents are kept back");
                        let wait = self.pacing.inspect;
                        self.places.hold_for(family, now, wait, trouble.reason);
                    }
                    _ => self.places.hold(family, now, trouble.reason),
                }
                return Ok(false);
            }
        };
        self.answered();
        if ready.is_new && self.cluster.is_public() {
            self.publish().await;
        }
        let target = self.cluster.target(family);
        if self.places.is_ready(target, ready.uuid, ready.is_new) {
            self.recreated(family).await?;
        }
        Ok(true)
    }

    // Sends what awaits delivery, once. Gives the families that lack an index.
    async fn pass(&mut self) -> Result<BTreeSet<Family>, Interrupted> {
        self.memory.begin_pass();
        let mut wanted = BTreeSet::new();
        let mut in_flight: JoinSet<Report> = JoinSet::new();
        let mut after = None;
        let mut is_at_end = false;
        loop {
            let is_open = self.line.closed_until(Instant::now()).is_none();
            if !is_at_end && is_open && in_flight.len() < self.bulk.max_in_flight.max(1) {
                let found = self.collect(after, &wanted).await?;
                after = found.after;
                is_at_end = after.is_none();
                wanted.extend(found.wanted);
                self.acknowledge(found.settled).await?;
                if !found.bulk.is_empty() {
                    let client = self.cluster.client().clone();
                    in_flight.spawn(async move { found.bulk.deliver(&client).await });
                }
                continue;
            }
            match in_flight.join_next().await {
                Some(Ok(report)) => self.take(report).await?,
                Some(Err(panicked)) => {
                    return Err(Trouble::garbage(panicked.to_string()).into());
                }
                None => return Ok(wanted),
            }
        }
    }

    async fn collect(
        &mut self,
        after: Option<DocumentKey>,
        wanted: &BTreeSet<Family>,
    ) -> Result<Found, Interrupted> {
        let now = Instant::now();
        let search = Search {
            after,
            gate: self.places.gate(now),
            skip: wanted.clone(),
            max_actions: self.bulk.max_actions.max(1),
            max_bytes: self.bulk.max_bytes,
            content: Content::new(self.cluster.histograms(), self.zero_windows),
            now,
        };
        let readings = Arc::clone(&self.readings);
        let branches = Arc::clone(&self.branches);
        // Were it lost, documents would be sent once more than needed, and no more.
        let mut memory = std::mem::take(&mut self.memory);
        let (found, memory) = spawn_blocking(move || {
            let found = readings.query(|reading| search.run(reading, &branches, &mut memory));
            (found, memory)
        })
        .await
        .map_err(|panicked| ReadError(panicked.to_string()))?;
        self.memory = memory;
        Ok(found?)
    }

    async fn take(&mut self, report: Report) -> Result<(), Interrupted> {
        let now = Instant::now();
        self.measure(&report);
        if let Some(size) = report.too_large {
            self.bulk.max_bytes = self.bulk.max_bytes.min(size / 2).max(1);
        }
        let is_let_in = |outcome: &Outcome| outcome.verdict != Verdict::Denied;
        if report
            .outcomes
            .iter()
            .any(|(_, outcome)| is_let_in(outcome))
        {
            self.answered();
        }
        let mut delivered = Vec::new();
        let mut served = BTreeSet::new();
        let mut failed = BTreeSet::new();
        for (item, outcome) in report.outcomes {
            let family = item.target.family;
            if outcome.verdict == Verdict::Done {
                served.insert(family);
                delivered.push((item.key, item.mark));
            } else if self.refused(&item, outcome, failed.contains(&family), now) {
                failed.insert(family);
            }
        }
        for family in served {
            self.places.is_relied_on(family);
            if !failed.contains(&family) {
                self.places.is_well(family);
            }
        }
        if let Some(trouble) = report.trouble {
            self.line.fails(trouble);
        }
        self.acknowledge(delivered).await
    }

    fn measure(&self, report: &Report) {
        let metrics = self.status.metrics();
        for (took, is_answered) in &report.requests {
            metrics.bulk(*took, *is_answered);
        }
        for (_, outcome) in &report.outcomes {
            let outcome = match outcome.verdict {
                Verdict::Done => ItemOutcome::Done,
                Verdict::Retry => ItemOutcome::Retried,
                Verdict::Missing => ItemOutcome::Missing,
                Verdict::Denied => ItemOutcome::Denied,
                Verdict::Park | Verdict::TooLarge => ItemOutcome::Parked,
            };
            metrics.bulk_items(outcome, 1);
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
                self.places.hold(family, now, reason);
                true
            }
            Verdict::Missing => {
                self.places.is_doubtful(family);
                true
            }
            Verdict::Denied => {
                self.line.fails(Trouble {
                    verdict: Verdict::Denied,
                    reason,
                });
                true
            }
            Verdict::Park | Verdict::TooLarge => {
                warn!(reason, "a document is refused and kept back");
                let until = now + self.pacing.parked;
                if self.memory.park(item.key, until, reason.clone()) {
                    return false;
                }
                self.places
                    .hold_for(family, now, self.pacing.parked, reason);
                true
            }
        }
    }

    async fn acknowledge(&mut self, done: Vec<(DocumentKey, Mark)>) -> Result<(), Interrupted> {
        if done.is_empty() {
            return Ok(());
        }
        for (key, mark) in &done {
            self.memory.acknowledge(*key, *mark);
        }
        self.tell(Feedback::Delivered(done)).await
    }

    async fn recreated(&mut self, family: Family) -> Result<(), Interrupted> {
        warn!(
            ?family,
            "an index was lost or replaced: its documents are delivered anew"
        );
        self.tell(Feedback::Recreated(family)).await
    }

    async fn tell(&mut self, feedback: Feedback) -> Result<(), Interrupted> {
        let told = self.feedback.send(feedback).await;
        told.map_err(|_| Interrupted::Deaf)
    }

    // After an outage nobody knows what became of the indexes.
    fn answered(&mut self) {
        if self.line.works() && self.next_inspection.is_some() {
            self.next_inspection = Some(Instant::now());
        }
    }

    fn dirty(&self) -> Result<u64, Interrupted> {
        Ok(self
            .readings
            .query(|reading| Ok(reading.checkpoint().dirty))?)
    }

    fn report_now(&self) {
        if let Ok(dirty) = self.dirty() {
            self.report(dirty);
        }
    }

    fn report(&self, dirty: u64) {
        let parked = self.memory.parked().map(|(count, reason)| {
            format!("{count} documents are refused and kept back, one because {reason}")
        });
        let held = self.places.first_held().map(str::to_owned);
        let hindered = parked.or(held).filter(|_| dirty > 0);
        let hindered = hindered.or_else(|| self.cluster.remark().map(str::to_owned));
        let (condition, reason) = self.line.report(self.cluster.product(), dirty, hindered);
        self.status.set(Part::Sink, condition, reason);
    }
}

async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    let read = spawn_blocking(read).await;
    read.map_err(|panicked| ReadError(panicked.to_string()))?
}
