//! The delivery loop: what awaits delivery is looked for, sent and acknowledged, again and again.
//!
//! A round begins as soon as a checkpoint changes something, after a rest that depends on how long
//! the last one took, and at the latest when the configured interval is over. What fails stays
//! marked and comes up in a later round, as it is by then: so no queue grows while the server is
//! away.

mod given_zeros;
mod handing_over;
mod interrupted;
mod outdated_zeros;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidegauge_windows::planted::{Mistake, is_planted};
use tokio::sync::{mpsc, watch};

pub(super) use self::interrupted::Interrupted;
pub(super) use self::outdated_zeros::OutdatedZeros;
use super::catch_up::{CatchUp, lag};
use super::change_follower::ChangeFollower;
use super::cluster::Cluster;
use super::collect::{Scope, lock};
use super::config::{BulkConfig, Pacing};
use super::connection::Connection;
use super::destinations::Destinations;
use super::handover::Handover;
use super::mark_order::{MarkOrder, MarkOrders};
use super::memory::Memory;
use super::misnamed::{Misnamed, MisnamedSearch};
use super::pace::{LastRounds, RoundPace, SOON};
use super::retry::Verdict;
use super::size::Size;
use super::trouble::Trouble;
use super::turns::Turns;
use super::{Error, Order};
use crate::core::feedback::{Blocked, Family, Feedback};
use crate::domain::branch::Branches;
use crate::domain::count::{agreeing, counted};
use crate::host::blocking;
use crate::host::clock::Instant;
use crate::observe::status::{Condition, Part, Status};
use crate::view::reading::{ReadError, Readings};

/// Delivers until it is told to stop.
pub(super) struct Delivery {
    pub(super) cluster: Cluster,
    pub(super) bulk: BulkConfig,
    pub(super) size: Size,
    /// Whether tumbling windows without payments have documents.
    pub(super) zero_windows: bool,
    pub(super) pacing: Pacing,
    pub(super) readings: Arc<dyn Readings>,
    pub(super) branches: Arc<Branches>,
    pub(super) status: Arc<Status>,
    pub(super) feedback: mpsc::Sender<Feedback>,
    pub(super) connection: Connection,
    pub(super) destinations: Destinations,
    pub(super) memory: Arc<Mutex<Memory>>,
    pub(super) changes: ChangeFollower,
    pub(super) passes: Passes,
    /// When the indexes are looked at next; `None` until all is set up.
    pub(super) next_inspection: Option<Instant>,
    /// Whether documents may have been delivered before this run.
    pub(super) had_former_life: bool,
    /// When readers get to see what is delivered.
    pub(super) handover: Handover,
    /// What the writer was told of documents that can't be delivered.
    pub(super) blocked: Blocked,
    pub(super) misnamed_search: MisnamedSearch,
    /// Totals under names that their branches had before.
    pub(super) misnamed: Vec<Misnamed>,
    /// The order to deliver what they stand for under the new names.
    pub(super) misnamed_marks: Option<MarkOrder>,
    /// When they are deleted, if there are any.
    pub(super) delete_misnamed_at: Option<Instant>,
    pub(super) outdated_zeros: OutdatedZeros,
    pub(super) mark_orders: MarkOrders,
}

/// What passes over the marks remember from one to the next.
#[derive(Debug, Default)]
pub(super) struct Passes {
    catch_up: CatchUp,
    pub(super) turns: Turns,
    /// Whether the last one postponed what will change again.
    is_postponing: bool,
    /// When all marks are looked at next; `None` for at once.
    pub(super) next_full: Option<Instant>,
    /// When the progress of a pass is reported next.
    next_report: Option<Instant>,
}

/// What is to be known of the newest checkpoint.
struct Backlog {
    /// How many documents await delivery.
    dirty: u64,
    consumed: u64,
    /// How many records are known to wait in Kafka.
    lag: u64,
}

/// Passes that follow each other at once: the first finds which indexes are needed.
const PASSES_MAX: u32 = 4;
/// Looking at all marks takes at most about one part in so many of the time.
const FULL_REST: u32 = 20;
/// A round that takes longer reports its progress this often.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// All marks are looked at at least so often.
const FULL_EVERY_MAX: Duration = Duration::from_secs(10);

impl Delivery {
    /// Delivers until it is told to stop.
    ///
    /// # Errors
    /// Errors that only an operator can repair.
    pub(super) async fn run(mut self, mut orders: watch::Receiver<Order>) -> Result<(), Error> {
        let mut last_rounds = LastRounds::default();
        let mut is_all_wanted = false;
        let pace = RoundPace::new(self.bulk.interval);
        loop {
            let order = *orders.borrow_and_update();
            is_all_wanted |= order == Order::Hurry;
            let began = Instant::now();
            let round = self.round(order).await;
            let dirty = round.as_ref().ok().copied();
            match round {
                Ok(dirty) => self.report(dirty),
                Err(Interrupted::Connection(trouble)) => {
                    self.connection_fails(trouble);
                    self.report_now().await;
                }
                Err(Interrupted::Read(error)) => {
                    self.status
                        .set(Part::Sink, Condition::Degraded, error.to_string());
                }
                Err(Interrupted::WriterGone) => return Ok(()),
            }
            if dirty.is_none() {
                self.passes.next_full = None;
            }
            if is_all_wanted && let Some(reason) = self.connection.foreign() {
                return Err(Error::Foreign(reason.to_owned()));
            }
            let now = Instant::now();
            let closed_until = self.connection.closed_until(now);
            if order == Order::Stop && (closed_until.is_some() || last_rounds.are_over(dirty)) {
                return match (self.connection.foreign(), self.cluster.alias_problem()) {
                    (Some(reason), _) => Err(Error::Foreign(reason.to_owned())),
                    (None, Some(reason)) => Err(Error::Aliases(reason.to_owned())),
                    (None, None) => Ok(()),
                };
            }
            let latest = pace.latest(began);
            let (latest, if_news) = match (order, closed_until) {
                (_, Some(until)) => (until, None),
                // More comes at once, and it is better sent together.
                (Order::Run, None) if self.passes.is_postponing => (latest, None),
                (Order::Run, None) if !self.passes.turns.is_empty() => {
                    (pace.earliest(began, now), None)
                }
                (Order::Run, None) => (latest, Some(pace.earliest(began, now))),
                (Order::Hurry | Order::Stop, None) if dirty == Some(0) => {
                    (latest, Some(now + SOON))
                }
                (Order::Hurry | Order::Stop, None) => (now + SOON, None),
            };
            if !self.rest(&mut orders, latest, if_news).await {
                return Ok(());
            }
        }
    }

    // A long round must not look like a service that does not start.
    pub(super) async fn report_if_due(&mut self) {
        if self
            .passes
            .next_report
            .is_none_or(|next| next <= Instant::now())
        {
            self.report_now().await;
        }
    }

    // Waits for the next round: until `latest`, or until `if_news` if there is news, or for another
    // order. Whether orders can still come.
    async fn rest(
        &mut self,
        orders: &mut watch::Receiver<Order>,
        latest: Instant,
        if_news: Option<Instant>,
    ) -> bool {
        let earliest = if_news.unwrap_or(latest).min(latest);
        tokio::select! {
            biased;
            changed = orders.changed() => return changed.is_ok(),
            () = tokio::time::sleep_until(latest) => return true,
            () = self.changes.come(), if if_news.is_some() => {}
            // Documents that were kept back for it go now.
            () = self.mark_orders.any_durable() => self.passes.next_full = None,
        }
        tokio::select! {
            biased;
            changed = orders.changed() => changed.is_ok(),
            () = tokio::time::sleep_until(earliest) => true,
        }
    }

    // One round: sends what is marked. Returns how many documents awaited delivery at the end.
    async fn round(&mut self, order: Order) -> Result<u64, Interrupted> {
        let now = Instant::now();
        if self.connection.closed_until(now).is_some() {
            return Ok(self.look().await?.dirty);
        }
        match self.next_inspection {
            None => {
                if !self.knows_provenance().await? {
                    return Ok(0);
                }
                self.set_up().await?;
            }
            Some(next) if next <= now => self.inspect().await?,
            Some(_) => {}
        }
        for _ in 0..PASSES_MAX {
            let look = self.look().await?;
            if look.dirty == 0 {
                break;
            }
            let wanted = self.next_pass(order, &look).await?;
            let is_closed = self.connection.closed_until(Instant::now()).is_some();
            if is_closed || !self.ensure_all(wanted).await? {
                break;
            }
        }
        self.tell_blocked().await?;
        self.delete_misnamed().await?;
        self.forget_zeros(order).await?;
        self.hand_over().await?;
        Ok(self.look().await?.dirty)
    }

    // Goes over the documents that have changed, or over all marks if that is due. Gives the
    // families that lack an index.
    async fn next_pass(
        &mut self,
        order: Order,
        look: &Backlog,
    ) -> Result<BTreeSet<Family>, Interrupted> {
        let began = Instant::now();
        let passes = &mut self.passes;
        let postpone =
            order == Order::Run && passes.catch_up.postpones(began, look.lag, look.consumed);
        let was_postponing = std::mem::replace(&mut passes.is_postponing, postpone);
        let is_due = passes.next_full.is_none_or(|next| next <= began);
        let is_full = order != Order::Run || is_due || (was_postponing && !postpone);
        if order != Order::Run {
            self.passes.turns.end();
        }
        let scope = self.scope(is_full).await?;
        let is_full = matches!(scope, Scope::AllBut(_));
        let sending = Instant::now();
        let passed = self.pass(scope, postpone).await?;
        self.passes.turns.took(passed.sent, sending.elapsed());
        if !passed.is_whole || !passed.wanted.is_empty() {
            self.passes.next_full = None;
        } else if is_full {
            let rest = began.elapsed().saturating_mul(FULL_REST);
            let rest = rest.min(FULL_EVERY_MAX).max(self.bulk.interval);
            self.passes.next_full = Some(began + rest);
        }
        Ok(passed.wanted)
    }

    // Says which documents nothing should wait for, when that has changed.
    async fn tell_blocked(&mut self) -> Result<(), Interrupted> {
        let (now, least) = (Instant::now(), self.pacing.give_up);
        let least = match is_planted(Mistake::BlockedGivenUp) {
            true => Duration::from_secs(600),
            false => least,
        };
        let blocked = Blocked {
            documents: lock(&self.memory).blocked(now, least),
            families: self.destinations.blocked(now, least),
        };
        if blocked == self.blocked {
            return Ok(());
        }
        self.blocked = blocked.clone();
        self.tell(Feedback::Blocked(blocked)).await
    }

    pub(super) async fn tell(&mut self, feedback: Feedback) -> Result<(), Interrupted> {
        let told = self.feedback.send(feedback).await;
        told.map_err(|_| Interrupted::WriterGone)
    }

    // After an outage it is not known what became of indexes and templates, nor whether it is the same
    // server.
    pub(super) fn answered(&mut self) {
        if self.connection.works() {
            self.next_inspection = None;
        }
    }

    // While nothing can be delivered at all, no family is to blame.
    pub(super) fn connection_fails(&mut self, trouble: Trouble) {
        if trouble.verdict == Verdict::Foreign {
            // All is looked at again before anything is written.
            self.next_inspection = None;
        }
        self.connection.fails(trouble);
        self.destinations.no_family_is_to_blame();
    }

    async fn look(&self) -> Result<Backlog, Interrupted> {
        let partitions = self.status.board().partitions;
        let readings = Arc::clone(&self.readings);
        let look = blocking(move || {
            readings.query(|reading| {
                let checkpoint = reading.checkpoint();
                Ok(Backlog {
                    dirty: checkpoint.dirty,
                    consumed: checkpoint.ledger.consumed,
                    lag: lag(&partitions, &checkpoint.positions),
                })
            })
        });
        Ok(look.await?)
    }

    pub(super) async fn report_now(&mut self) {
        if let Ok(look) = self.look().await {
            self.report(look.dirty);
        }
    }

    fn report(&mut self, dirty: u64) {
        self.passes.next_report = Some(Instant::now() + REPORT_EVERY);
        let parked = lock(&self.memory)
            .parked()
            .map(|(count, reason)| parked_words(count as u64, reason));
        let held = self.destinations.first_held().map(str::to_owned);
        let hindered = parked.or(held).filter(|_| dirty > 0);
        let hindered = hindered.or_else(|| self.cluster.alias_problem().map(str::to_owned));
        let (condition, reason) = self.connection.report(self.cluster.product(), hindered);
        self.status.set(Part::Sink, condition, reason);
    }
}

/// Readings are taken on the blocking pool: a wait for the disk stops no other task.
pub(super) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    let read = blocking::run(read).await;
    read.map_err(|panicked| ReadError(panicked.to_string()))?
}

fn parked_words(count: u64, reason: &str) -> String {
    format!(
        "{} {} refused and kept back, {} {reason}",
        counted(count, "document"),
        agreeing(count, "is", "are"),
        agreeing(count, "because", "one because")
    )
}
