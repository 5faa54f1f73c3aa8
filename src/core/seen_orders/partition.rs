//! The ids of one partition.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use tidegauge_windows::{EventTime, Span};

use self::found::{FoundOrder, Location, place_of};
use super::index::{IdHash, OrderIndex};
use super::kept::{KeptOrders, KeptOrdersError};
use super::{DuplicateRule, OrderChanges, OrderSegment, OrderVerdict, SeenOrder};
use crate::domain::payment::{OrderId, Payment};

mod found;

/// The ids of one partition that are remembered.
pub(super) struct SeenPartition {
    partition: i32,
    seed: u64,
    index: OrderIndex,
    /// Of each segment that is remembered, the oldest first.
    spans: VecDeque<SegmentSpan>,
    /// The number of the first of them.
    oldest: u64,
    /// The newest segments: those that may not be written yet, and the last one while it may grow.
    newest: VecDeque<OrderSegment>,
    /// Whether the last segment may grow.
    is_open: bool,
    /// The number of the first segment that is new or has grown since changes were taken.
    changed_from: u64,
    /// Segments before this number were in changes before the last.
    settled_to: u64,
    /// How many ids were remembered before the first of the oldest segment, and how many ever.
    first_id: u64,
    next_id: u64,
    /// See [`OrderSegment::began`].
    began: Option<EventTime>,
    /// Where the id that was judged last is located once it counts.
    judged: Location,
}

/// What is kept in memory of a segment.
#[derive(Clone, Copy, Debug)]
struct SegmentSpan {
    /// The clock after its last payment; `None` while none was believed, and if it has none.
    clock: Option<EventTime>,
    /// How many ids were remembered before the first of the next segment.
    end: u64,
}

/// A segment does not grow any more once it has so many ids and is written, so that little is written twice.
const GROWS_BELOW: usize = 32;
/// So many segments are forgotten at once, or twice as many as are new.
const FORGOTTEN_STEP: usize = 256;

impl SeenPartition {
    pub(super) fn new(partition: i32, seed: u64) -> Self {
        Self {
            partition,
            seed,
            index: OrderIndex::new(),
            spans: VecDeque::new(),
            oldest: 0,
            newest: VecDeque::new(),
            is_open: false,
            changed_from: 0,
            settled_to: 0,
            first_id: 0,
            next_id: 0,
            began: None,
            judged: Location::default(),
        }
    }

    /// Takes in the next segment that was written.
    pub(super) fn restore(
        &mut self,
        segment: OrderSegment,
        kept: &dyn KeptOrders,
    ) -> Result<(), KeptOrdersError> {
        if self.spans.is_empty() {
            self.oldest = segment.number;
            self.first_id = segment.first;
            self.next_id = segment.first;
        }
        if segment.number != self.next_segment() || segment.first != self.next_id {
            let next = self.next_segment();
            return Err(KeptOrdersError::missing(self.partition, next));
        }
        self.began = segment.began.or(self.began);
        self.spans.push_back(SegmentSpan {
            clock: segment.orders.last().and_then(SeenOrder::clock),
            end: segment.first + segment.orders.len() as u64,
        });
        self.next_id = segment.first + segment.orders.len() as u64;
        let hashed = |order: &SeenOrder| (order.id(), IdHash::of(order.id(), self.seed));
        let ids: Vec<(OrderId, IdHash)> = segment.orders.iter().map(hashed).collect();
        ids.iter().for_each(|(_, hash)| self.prefetch(*hash));
        for (place, (id, hash)) in ids.into_iter().enumerate() {
            let location = match self.search(hash) {
                (places, gap) if places.is_empty() => Location::at(hash, gap),
                (places, _) => self.compare(places, id, hash, kept)?.1,
            };
            self.locate(hash, place_of(segment.number, place), location);
        }
        self.changed_from = self.next_segment();
        self.settled_to = segment.number;
        self.is_open = segment.orders.len() < GROWS_BELOW;
        self.newest.clear();
        if self.is_open {
            self.newest.push_back(segment);
        }
        Ok(())
    }

    /// Whether `payment`, of an order `id` with its hash, repeats one that counted.
    pub(super) fn judge(
        &mut self,
        rule: DuplicateRule,
        clock: Option<EventTime>,
        (id, hash): (OrderId, IdHash),
        payment: &Payment,
        kept: &dyn KeptOrders,
    ) -> Result<OrderVerdict, KeptOrdersError> {
        let (places, gap) = self.search(hash);
        if places.is_empty() {
            self.judged = Location::at(hash, gap);
            return Ok(OrderVerdict::New);
        }
        let (found, location) = self.compare(places, id, hash, kept)?;
        self.judged = location;
        let counts = |found: &&FoundOrder| self.is_within(rule, clock, payment.event_time, found);
        let is_same = |found: &&FoundOrder| {
            (found.order.amount, found.order.branch) == (payment.amount, payment.branch)
        };
        let within = || found.iter().filter(counts);
        Ok(match (within().next(), within().find(is_same)) {
            (None, _) => OrderVerdict::New,
            (_, Some(same)) => OrderVerdict::Duplicate(same.order),
            (Some(newest), None) => OrderVerdict::Conflict(newest.order),
        })
    }

    /// See [`OrderIndex::prefetch`].
    #[inline]
    pub(super) fn prefetch(&self, hash: IdHash) {
        self.index.prefetch(hash);
    }

    /// Takes note that the highest believed event time is `clock`.
    pub(super) fn note_clock(&mut self, clock: Option<EventTime>) {
        if self.began.is_some() || clock.is_none() {
            return;
        }
        self.began = clock;
        // It is written for those that were seen before it.
        if !self.spans.is_empty() {
            if !self.is_open {
                self.begin_segment();
            }
            self.note_change();
            if let Some(last) = self.newest.back_mut() {
                last.began = clock;
            }
        }
    }

    /// Remembers a payment that counted, by the hash of its id. It was judged last.
    pub(super) fn remember(&mut self, order: SeenOrder, hash: IdHash) {
        let is_full = |last: &OrderSegment| last.orders.len() >= OrderSegment::LEN_MAX;
        if !self.is_open || self.newest.back().is_none_or(is_full) {
            self.begin_segment();
        }
        self.note_change();
        self.next_id += 1;
        let mut place = 0;
        if let (Some(last), Some(span)) = (self.newest.back_mut(), self.spans.back_mut()) {
            place = place_of(last.number, last.orders.len());
            Arc::make_mut(&mut last.orders).push(order);
            span.end = self.next_id;
            span.clock = order.clock();
        }
        let location = mem::take(&mut self.judged);
        self.locate(hash, place, location);
    }

    /// Adds what changed to `changes`, and forgets some of what does not count any more.
    pub(super) fn take_changes(
        &mut self,
        rule: DuplicateRule,
        clock: Option<EventTime>,
        changes: &mut OrderChanges,
    ) {
        while self
            .newest
            .front()
            .is_some_and(|first| first.number < self.settled_to)
        {
            self.newest.pop_front();
        }
        self.forget(rule, clock, changes);
        let is_changed = |segment: &&OrderSegment| segment.number >= self.changed_from;
        changes
            .segments
            .extend(self.newest.iter().filter(is_changed).cloned());
        let last = self.newest.back();
        self.is_open = self.is_open && last.is_some_and(|last| last.orders.len() < GROWS_BELOW);
        self.changed_from = self.next_segment();
        self.settled_to = match self.is_open {
            true => self.next_segment() - 1,
            false => self.next_segment(),
        };
        self.index.sweep(self.live());
    }

    /// Whether so many ids came that some of those of `event_time` may be forgotten.
    pub(super) fn has_forgotten(&self, rule: DuplicateRule, event_time: EventTime) -> bool {
        let oldest = self.spans.front().and_then(|oldest| oldest.clock);
        self.len() >= rule.max_ids && oldest.is_none_or(|oldest| oldest > event_time)
    }

    pub(super) fn pending_bytes(&self) -> usize {
        let changed = self.next_segment().saturating_sub(self.changed_from);
        let changed = self
            .newest
            .iter()
            .rev()
            .take(usize::try_from(changed).unwrap_or(usize::MAX));
        changed
            .map(|segment| {
                segment.orders.len() * size_of::<SeenOrder>() + size_of::<OrderSegment>()
            })
            .sum()
    }

    /// The number of this partition.
    pub(super) fn number(&self) -> i32 {
        self.partition
    }

    /// How many ids are remembered.
    pub(super) fn len(&self) -> u64 {
        self.next_id - self.first_id
    }

    pub(super) fn table_bytes(&self) -> u64 {
        self.index.bytes() + (self.spans.capacity() * size_of::<SegmentSpan>()) as u64
    }

    fn next_segment(&self) -> u64 {
        self.oldest + self.spans.len() as u64
    }

    fn begin_segment(&mut self) {
        // As much as the one before had, so that a busy partition allocates once.
        let room = self.newest.back().map_or(0, |last| last.orders.len());
        self.newest.push_back(OrderSegment {
            partition: self.partition,
            number: self.next_segment(),
            first: self.next_id,
            began: self.began,
            orders: Arc::new(Vec::with_capacity(room)),
        });
        self.spans.push_back(SegmentSpan {
            clock: self.spans.back().and_then(|last| last.clock),
            end: self.next_id,
        });
        self.is_open = true;
    }

    // The last segment has changed.
    fn note_change(&mut self) {
        self.changed_from = self.changed_from.min(self.next_segment() - 1);
    }

    /// Whether `found` counts for a payment at `event_time`.
    fn is_within(
        &self,
        rule: DuplicateRule,
        clock: Option<EventTime>,
        event_time: EventTime,
        found: &FoundOrder,
    ) -> bool {
        let apart = match found.order.event_time {
            before if before <= event_time => event_time.since(before),
            after => after.since(event_time),
        };
        apart <= rule.within
            && self.next_id - found.id_number <= rule.max_ids
            && self.has_advanced(clock, found.order.clock()) <= rule.within
    }

    /// How far event time has advanced to `clock` since it was `then`.
    fn has_advanced(&self, clock: Option<EventTime>, then: Option<EventTime>) -> Span {
        let then = then.or(self.began);
        clock
            .zip(then)
            .map_or(Span::ZERO, |(now, then)| now.since(then))
    }

    fn forget(
        &mut self,
        rule: DuplicateRule,
        clock: Option<EventTime>,
        changes: &mut OrderChanges,
    ) {
        let changed = self.next_segment() - self.changed_from.min(self.next_segment());
        let step = FORGOTTEN_STEP.max(usize::try_from(2 * changed).unwrap_or(usize::MAX));
        let from = self.oldest;
        for _ in 0..step {
            let Some(first) = self.spans.front() else {
                break;
            };
            let is_old = self.has_advanced(clock, first.clock) > rule.within;
            if !is_old && self.next_id - first.end < rule.max_ids {
                break;
            }
            self.first_id = first.end;
            self.spans.pop_front();
            self.oldest += 1;
        }
        if self.oldest == from {
            return;
        }
        self.index.forget();
        changes.forgotten.push((self.partition, from..self.oldest));
        while self
            .newest
            .front()
            .is_some_and(|first| first.number < self.oldest)
        {
            self.newest.pop_front();
        }
        self.is_open = self.is_open && !self.newest.is_empty();
    }
}
