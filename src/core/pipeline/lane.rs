//! One pipeline of several, each with the records of some partitions.

use std::collections::{BTreeSet, HashMap};
use std::mem;
use std::num::NonZeroUsize;
use std::sync::Arc;

use super::Pipeline;
use super::listing::Listing;
use crate::core::effect::correction::Corrections;
use crate::core::effect::timestamps::TimestampRange;
use crate::core::effect::{Effects, Notices};
use crate::domain::ledger::Ledger;

/// Some partitions, whose records one pipeline of several applies: every so many-th.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lane {
    number: usize,
    of: NonZeroUsize,
}

impl Lane {
    /// All partitions: there is one pipeline.
    pub const ALL: Self = Self {
        number: 0,
        of: NonZeroUsize::MIN,
    };

    /// The one of so many that `partition` is in.
    #[must_use]
    pub fn of(partition: i32, count: NonZeroUsize) -> Self {
        // The numbers of partitions are not negative.
        let partition = usize::try_from(partition).unwrap_or(0);
        Self {
            number: partition % count,
            of: count,
        }
    }

    /// All of so many lanes but the first, which is that of the primary.
    pub(in crate::core) fn others(count: NonZeroUsize) -> impl Iterator<Item = Self> {
        (1..count.get()).map(move |number| Self { number, of: count })
    }

    /// Its number, from 0 on.
    #[must_use]
    pub const fn number(self) -> usize {
        self.number
    }

    /// Whether `partition` is in it.
    #[must_use]
    pub fn has(self, partition: i32) -> bool {
        self == Self::ALL || self == Self::of(partition, self.of)
    }
}

impl Pipeline {
    /// The partitions whose records it applies.
    #[must_use]
    pub const fn lane(&self) -> Lane {
        self.lane
    }

    /// Makes this pipeline the primary, and gives one for the partitions of another `lane`, at the position where this one
    /// was. It learns of branches by its payments in no window alone; all others become known by their slices, in the primary.
    pub(in crate::core) fn split_off(&mut self, lane: Lane) -> Self {
        self.lane = Lane { number: 0, ..lane };
        let mut theirs = self.progress.clone();
        theirs.retain(|partition, _| lane.has(*partition));
        self.progress.retain(|partition, _| !lane.has(*partition));
        let orders = self.orders.as_mut();
        Self {
            lane,
            decoder: self.decoder.renewed(),
            branches: Arc::clone(&self.branches),
            engine: self.engine.split_off(|partition| lane.has(partition)),
            totals: HashMap::default(),
            touched: Vec::new(),
            counted_before: Vec::new(),
            ledger: Ledger::default(),
            notices: Notices::default(),
            timestamps: TimestampRange::EMPTY,
            listing: Listing::default(),
            orders: orders.map(|orders| orders.split_off(|partition| lane.has(partition))),
            failure: None,
            progress: theirs,
            corrections: Corrections::default(),
            on_time: BTreeSet::new(),
            last_on_time: None,
        }
    }

    /// Takes in what `lane` knows of event time and of branches. To be called for all other lanes before the primary
    /// decides anything.
    pub(in crate::core) fn absorb(&mut self, lane: &mut Self) {
        self.engine.absorb(&mut lane.engine);
    }

    /// Takes over what `primary` has decided. To be called for all other lanes before a record of any is applied.
    pub(in crate::core) fn follow(&mut self, primary: &Self) {
        self.engine.follow(&primary.engine);
    }

    /// Moves the combined watermark as far as possible.
    pub(in crate::core) fn advance(&mut self) {
        self.engine.advance();
    }

    /// Takes in what `lane` has applied, for the next effects. What depends on its partitions alone comes later:
    /// [`Pipeline::add_to_effects`].
    pub(in crate::core) fn absorb_effects(&mut self, lane: &mut Self) {
        self.engine.absorb_slices(&mut lane.engine);
        self.absorb_totals(lane);
        self.ledger.merge(&mem::take(&mut lane.ledger));
        self.notices.merge(&mem::take(&mut lane.notices));
        let timestamps = mem::replace(&mut lane.timestamps, TimestampRange::EMPTY);
        self.timestamps.merge(timestamps);
        self.listing.append(&mut lane.listing);
    }

    /// Adds what depends on the partitions of this lane alone to the effects of the primary.
    pub(in crate::core) fn add_to_effects(&mut self, effects: &mut Effects) {
        effects.orders.append(self.take_order_changes());
        effects.progress.extend(&self.progress);
    }

    /// With several lanes, the watermark moves when all of them meet.
    pub(super) fn advance_alone(&mut self) {
        if self.lane == Lane::ALL {
            self.engine.advance();
        }
    }
}
