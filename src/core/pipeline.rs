//! The core: records in, effects out. No clock, no I/O; the same input gives the same output.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;
use tidegauge_windows::planted::{Mistake, is_planted};
use tidegauge_windows::{Engine, EventTime, LocalTime, Placement, Settings, Snapshot};

pub use self::lane::Lane;
use self::listing::{Listing, outside};
use self::progress::AppliedRecord;
pub use self::progress::fingerprint;
pub use self::second_chance::{SecondChance, UncomparedPayments};
use self::totals::Running;
use crate::core::branch_slice::BranchSlice;
use crate::core::effect::correction::Corrections;
use crate::core::effect::timestamps::TimestampRange;
use crate::core::effect::{Effects, Notices, Progress};
use crate::core::seen_orders::{KeptOrdersError, SeenOrders};
use crate::decode::{DecodeRules, Decoded, Decoder, Reject};
use crate::domain::amount::Amount;
use crate::domain::branch::Branches;
use crate::domain::ledger::{Entry, Ledger};
use crate::domain::payment::{BranchId, Payment};
use crate::domain::record::Record;
use crate::domain::timestamp::{can_be_of_record, looks_like_seconds};

mod comparing;
mod lane;
mod listing;
mod progress;
mod second_chance;
mod totals;

/// Applies records to event-time windows, totals and the ledger.
///
/// Between two [`Pipeline::take_effects`] it holds what changed in that time; everything older is
/// kept by the writer of the effects.
///
/// It may be one of [several](crate::core::pipeline_lanes::PipelineLanes), and then applies records of its [`Lane`] only.
pub struct Pipeline {
    lane: Lane,
    decoder: Decoder,
    branches: Arc<Branches>,
    engine: Engine<BranchId, BranchSlice>,
    totals: HashMap<BranchId, Running, FxBuildHasher>,
    touched: Vec<BranchId>,
    /// Payments that are in windows since the last effects, and were in their totals before.
    counted_before: Vec<(BranchId, Amount)>,
    ledger: Ledger,
    notices: Notices,
    timestamps: TimestampRange,
    listing: Listing,
    /// The order ids that were seen; `None`: payments are not compared.
    orders: Option<SeenOrders>,
    /// Why a record could not be applied: nothing behind it is.
    failure: Option<KeptOrdersError>,
    progress: BTreeMap<i32, Progress>,
    corrections: Corrections,
    /// Partitions that had payments on time, and the one that had the last.
    on_time: BTreeSet<i32>,
    last_on_time: Option<i32>,
}

/// The state from which a pipeline resumes: what all effects so far have built up.
#[derive(Clone, Debug, Default)]
pub struct PipelineStart {
    /// The engine's state.
    pub snapshot: Snapshot,
    /// The known branches, each with its earliest event time ([`EventTime::MIN`]: configured).
    pub known: Vec<(BranchId, EventTime)>,
    /// How far each partition has been applied.
    pub progress: BTreeMap<i32, Progress>,
}

impl Pipeline {
    /// A pipeline that resumes from `start`.
    #[must_use]
    pub fn new(
        settings: Arc<Settings>,
        decoding: impl Into<DecodeRules>,
        branches: Arc<Branches>,
        start: PipelineStart,
    ) -> Self {
        let totals = start
            .known
            .iter()
            .filter(|(_, since)| *since != EventTime::MIN)
            .map(|(branch, since)| {
                let running = Running {
                    known_since: *since,
                    ..Running::unknown(*branch, &branches)
                };
                (*branch, running)
            })
            .collect();
        let mut engine = Engine::restore(settings, start.snapshot, start.known);
        for branch in branches.configured() {
            engine.know(*branch, EventTime::MIN);
        }
        let decoder = Decoder::new(decoding.into(), Arc::clone(branches.texts()));
        Self {
            lane: Lane::ALL,
            decoder,
            branches,
            engine,
            totals,
            touched: Vec::new(),
            counted_before: Vec::new(),
            ledger: Ledger::default(),
            notices: Notices::default(),
            timestamps: TimestampRange::EMPTY,
            listing: Listing::default(),
            orders: None,
            failure: None,
            progress: start.progress,
            corrections: Corrections::default(),
            on_time: BTreeSet::new(),
            last_on_time: None,
        }
    }

    /// Applies records, in the order of their offsets within each partition.
    ///
    /// # Errors
    /// When it can't be known whether a payment is a duplicate. All records before it are applied, it and those after it
    /// are not, whenever they come: the same error is given then.
    pub fn apply<'a>(
        &mut self,
        records: impl IntoIterator<Item = Record<'a>>,
    ) -> Result<(), KeptOrdersError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let mut last: Option<AppliedRecord<'a>> = None;
        let outcome = match self.orders {
            None => {
                // Without an early end, a batch can go over its parts in a loop each.
                records.into_iter().for_each(|record| {
                    if let Some(payment) = self.decoder.scan(&record) {
                        self.apply_payment(&record, &payment);
                        self.ledger.consumed += 1;
                    } else {
                        let decoded = self.decoder.decode_unscanned(&record);
                        self.apply_decoded(&record, &decoded);
                    }
                    self.pass(&mut last, &record);
                });
                Ok(())
            }
            Some(_) => self.apply_comparing(&mut last, records),
        };
        if let Some(last) = last {
            self.note_progress(&last);
        }
        self.advance_alone();
        // A record that is booked twice or not at all must stop everything, in every build.
        assert!(self.ledger.balanced(), "the ledger does not balance");
        self.failure = outcome.clone().err();
        outcome
    }

    /// Applies a record that its reader has rejected, with the reason. It stands in its
    /// partition as any other.
    pub fn apply_rejected(&mut self, record: &Record<'_>, reject: Reject) {
        self.ledger.consumed += 1;
        self.reject(record, reject);
        self.timestamps.note(record.timestamp);
        self.note_progress(&AppliedRecord::of(record));
        self.advance_alone();
    }

    /// Notes that `partition` has been read to its end and had no payment on time for long enough, or
    /// that it is no longer so. The next payment on time ends it too.
    pub fn set_idle(&mut self, partition: i32, idle: bool) {
        self.engine.set_idle(partition, idle);
        self.advance_alone();
    }

    /// Notes that records of `partition` are still to be read, so that it is not idle, as it may have
    /// been before the start.
    pub fn resume(&mut self, partition: i32) {
        self.engine.resume(partition);
    }

    /// The partitions that had payments on time since the last call.
    pub fn take_on_time(&mut self) -> BTreeSet<i32> {
        self.last_on_time = None;
        mem::take(&mut self.on_time)
    }

    /// Closes windows that end at or before `now`, the wall clock, as the whole stream is quiet;
    /// whether there were any.
    pub fn close_quiet(&mut self, now: EventTime) -> bool {
        self.engine.close_quiet(now)
    }

    /// The effects since the last call. Those of the call before are kept by now: the order ids in them are read from there.
    pub fn take_effects(&mut self) -> Effects {
        let totals = self.take_totals();
        let listing = mem::take(&mut self.listing);
        let orders = self.take_order_changes();
        Effects {
            changes: self.engine.take_changes(),
            totals,
            ledger: mem::take(&mut self.ledger),
            notices: mem::take(&mut self.notices),
            timestamps: mem::replace(&mut self.timestamps, TimestampRange::EMPTY),
            rejects: listing.rejects,
            in_no_window: listing.in_no_window,
            repeated: listing.repeated,
            orders,
            progress: self.progress.clone(),
            corrections: mem::take(&mut self.corrections),
        }
    }

    /// About how many bytes the changes since the last [`Pipeline::take_effects`] hold.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        let orders = self.orders.as_ref().map_or(0, SeenOrders::pending_bytes);
        self.listing.bytes + orders + self.engine.changed() * CELL_BYTES + self.touched.len() * 100
    }

    /// How far each partition has been applied.
    #[must_use]
    pub fn progress(&self) -> &BTreeMap<i32, Progress> {
        &self.progress
    }

    /// The combined watermark.
    #[must_use]
    pub fn watermark(&self) -> Option<EventTime> {
        self.engine.watermark()
    }

    /// The engine, to look at.
    #[must_use]
    pub fn engine(&self) -> &Engine<BranchId, BranchSlice> {
        &self.engine
    }

    // Applies a record as what it was decoded to.
    fn apply_decoded(&mut self, record: &Record<'_>, decoded: &Decoded) {
        match decoded {
            Decoded::Payment(payment) => self.apply_payment(record, payment),
            Decoded::Tombstone if is_planted(Mistake::TombstoneNotBooked) => return,
            Decoded::Tombstone => self.ledger.book(Entry::Tombstone, None),
            Decoded::Filtered(amount) => self.ledger.book(Entry::Filtered, *amount),
            Decoded::Reject(reject) => self.reject(record, reject.clone()),
        }
        self.ledger.consumed += 1;
    }

    #[inline]
    fn apply_payment(&mut self, record: &Record<'_>, payment: &Payment) {
        let recorded = self.note_payment(record, payment);
        let placement = self.engine.insert(
            record.partition,
            payment.event_time,
            recorded,
            payment.branch,
            payment,
        );
        if placement == Placement::OnTime && self.last_on_time != Some(record.partition) {
            self.last_on_time = Some(record.partition);
            self.on_time.insert(record.partition);
        }
        self.settle(record, payment, placement);
    }

    // Notes what is worth monitoring. Gives the record's time.
    #[inline]
    fn note_payment(&mut self, record: &Record<'_>, payment: &Payment) -> Option<EventTime> {
        self.notice(payment);
        let recorded = record.timestamp.filter(|time| can_be_of_record(*time));
        if recorded.is_none() && record.timestamp.is_some() {
            self.notices.unreal_timestamps += 1;
        }
        if let Some(recorded) = recorded {
            self.notices.distances.note(payment.event_time, recorded);
        }
        self.notices.times_like_seconds +=
            u64::from(looks_like_seconds(payment.event_time.millis()));
        recorded.map(EventTime::from_millis)
    }

    // Books a payment. If it is in no window, adds it to its total and lists it.
    #[inline]
    fn settle(&mut self, record: &Record<'_>, payment: &Payment, placement: Placement) -> Entry {
        let entry = match outside(placement) {
            Ok(entry) => entry,
            Err(reason) => {
                self.add_to_total(payment, placement);
                self.keep_in_no_window(record, payment, reason);
                reason.entry()
            }
        };
        self.ledger.book(entry, Some(payment.amount));
        entry
    }

    #[inline]
    fn notice(&mut self, payment: &Payment) {
        self.notices.rounded += u64::from(payment.notices.rounded);
        match payment.notices.local_time {
            LocalTime::Plain => {}
            LocalTime::Gap => self.notices.skipped_local_times += 1,
            LocalTime::Fold => self.notices.repeated_local_times += 1,
        }
    }
}

/// About what a cell with a few payments takes, in bytes: the summary, the first bins of its
/// histogram, and its share of the table.
const CELL_BYTES: usize = 512;

#[cfg(test)]
mod tests;
