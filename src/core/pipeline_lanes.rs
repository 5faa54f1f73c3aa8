//! Several pipelines beside each other, each with the records of some partitions, and what all of them have in common.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use tidegauge_windows::EventTime;

use crate::core::effect::{Effects, Progress};
use crate::core::pipeline::{Lane, Pipeline};
use crate::core::seen_orders::{KeptOrdersError, OrderStats};
use crate::domain::record::Record;

/// Pipelines of which each applies the records of one [`Lane`]. Which lane a partition is in is kept nowhere: a restart may
/// have another number of lanes.
///
/// A pipeline can be [taken](PipelineLanes::take) to another thread, which applies records of its lane there. It has to be
/// [back](PipelineLanes::put_back) before anything else is asked that concerns it; what concerns all of them says so.
///
/// All figures, lists and positions are the same for any number of lanes. With several, the combined watermark does not move
/// after each batch, but when all pipelines *meet*: in [`PipelineLanes::advance`], [`PipelineLanes::close_quiet`] and
/// [`PipelineLanes::take_effects`]. So windows may become final later, up to the next checkpoint, and what is counted as a
/// revision or as past retention may differ, as it does with any other order in which partitions take turns.
pub struct PipelineLanes {
    /// By number; `None` while it is away. The first is the primary, which decides what all partitions decide together.
    lanes: Vec<Option<Pipeline>>,
    count: NonZeroUsize,
}

// They are applied on several threads.
const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Pipeline>();
};

impl PipelineLanes {
    /// Divides a pipeline, which has all partitions, into so many.
    #[must_use]
    pub fn new(mut primary: Pipeline, count: NonZeroUsize) -> Self {
        let others: Vec<_> = Lane::others(count)
            .map(|lane| Some(primary.split_off(lane)))
            .collect();
        let mut lanes = vec![Some(primary)];
        lanes.extend(others);
        Self { lanes, count }
    }

    /// How many lanes there are.
    #[must_use]
    pub const fn count(&self) -> NonZeroUsize {
        self.count
    }

    /// The number of the lane that `partition` is in.
    #[must_use]
    pub fn lane_of(&self, partition: i32) -> usize {
        Lane::of(partition, self.count).number()
    }

    /// Removes the pipeline of a lane. `None` if it was removed before, or if there is no such lane.
    pub fn take(&mut self, lane: usize) -> Option<Pipeline> {
        self.lanes.get_mut(lane)?.take()
    }

    /// Puts a removed pipeline back.
    pub fn put_back(&mut self, pipeline: Pipeline) {
        let place = &mut self.lanes[pipeline.lane().number()];
        assert!(place.is_none(), "there is a pipeline of this lane");
        *place = Some(pipeline);
    }

    /// Applies records, in the order of their offsets within each partition. The pipelines of their lanes are here.
    ///
    /// # Errors
    /// When it can't be known whether a payment is a duplicate. All records of its partition before it are applied, it and
    /// those after it are not. Those of other partitions may be applied or not; [`PipelineLanes::progress`] knows.
    pub fn apply<'a>(
        &mut self,
        records: impl IntoIterator<Item = Record<'a>>,
    ) -> Result<(), KeptOrdersError> {
        if let [only] = &mut self.lanes[..] {
            return here(only).apply(records);
        }
        let mut parts: Vec<Vec<Record<'a>>> = vec![Vec::new(); self.lanes.len()];
        for record in records {
            parts[self.lane_of(record.partition)].push(record);
        }
        let parts = self.lanes.iter_mut().zip(parts);
        parts
            .filter(|(_, records)| !records.is_empty())
            .try_for_each(|(lane, records)| here(lane).apply(records))
    }

    /// See [`Pipeline::assign`].
    pub fn assign(&mut self, partition: i32, position: i64) {
        self.with(partition).assign(partition, position);
    }

    /// See [`Pipeline::skip_to`].
    pub fn skip_to(&mut self, partition: i32, position: i64) -> bool {
        self.with(partition).skip_to(partition, position)
    }

    /// See [`Pipeline::set_idle`].
    pub fn set_idle(&mut self, partition: i32, idle: bool) {
        self.with(partition).set_idle(partition, idle);
    }

    /// See [`Pipeline::resume`].
    pub fn resume(&mut self, partition: i32) {
        self.with(partition).resume(partition);
    }

    /// See [`Pipeline::take_on_time`]. All pipelines are here.
    pub fn take_on_time(&mut self) -> BTreeSet<i32> {
        let (primary, others) = self.all();
        let mut on_time = primary.take_on_time();
        for lane in others {
            on_time.append(&mut here(lane).take_on_time());
        }
        on_time
    }

    /// Moves the combined watermark as far as possible. All pipelines are here.
    pub fn advance(&mut self) {
        self.meet(Pipeline::advance);
    }

    /// See [`Pipeline::close_quiet`]. All pipelines are here.
    pub fn close_quiet(&mut self, now: EventTime) -> bool {
        self.meet(|primary| primary.close_quiet(now))
    }

    /// The effects of all lanes since the last call. Those of the call before are kept by now: the order ids in them are read
    /// from there. All pipelines are here.
    pub fn take_effects(&mut self) -> Effects {
        if let [only] = &mut self.lanes[..] {
            return here(only).take_effects();
        }
        let (primary, others) = self.all();
        for lane in others {
            primary.absorb_effects(here(lane));
        }
        let mut effects = self.meet(|primary| {
            primary.advance();
            primary.take_effects()
        });
        for lane in self.all().1 {
            here(lane).add_to_effects(&mut effects);
        }
        effects
    }

    /// About how many bytes the changes since the last [`PipelineLanes::take_effects`] hold, in the pipelines that are here.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.lanes
            .iter()
            .flatten()
            .map(Pipeline::pending_bytes)
            .sum()
    }

    /// How many slices and branches have changed since the last [`PipelineLanes::take_effects`], in each pipeline that is
    /// here by itself.
    #[must_use]
    pub fn changed(&self) -> usize {
        let lanes = self.lanes.iter().flatten();
        lanes.map(|lane| lane.engine().changed()).sum()
    }

    /// How far each partition has been applied, in no order. All pipelines are here.
    pub fn progress(&self) -> impl Iterator<Item = (i32, Progress)> {
        let all = self.each().flat_map(Pipeline::progress);
        all.map(|(partition, progress)| (*partition, *progress))
    }

    /// The combined watermark. The pipeline of the first lane is here.
    #[must_use]
    pub fn watermark(&self) -> Option<EventTime> {
        self.each().next()?.watermark()
    }

    /// How many order ids are remembered, if payments are compared. All pipelines are here.
    #[must_use]
    pub fn order_stats(&self) -> Option<OrderStats> {
        let stats = |lane: &Pipeline| Some(lane.orders()?.stats());
        self.each().filter_map(stats).reduce(OrderStats::and)
    }

    // Has the primary decide, knowing what all lanes know, and all others follow.
    fn meet<T>(&mut self, decide: impl FnOnce(&mut Pipeline) -> T) -> T {
        let (primary, others) = self.all();
        for lane in &mut *others {
            primary.absorb(here(lane));
        }
        let decided = decide(primary);
        for lane in others {
            here(lane).follow(primary);
        }
        decided
    }

    fn with(&mut self, partition: i32) -> &mut Pipeline {
        let lane = self.lane_of(partition);
        here(&mut self.lanes[lane])
    }

    fn all(&mut self) -> (&mut Pipeline, &mut [Option<Pipeline>]) {
        match &mut self.lanes[..] {
            [primary, others @ ..] => (here(primary), others),
            [] => unreachable!("there is at least one lane"),
        }
    }

    fn each(&self) -> impl Iterator<Item = &Pipeline> {
        let here = |lane| Option::as_ref(lane).unwrap_or_else(|| away());
        self.lanes.iter().map(here)
    }
}

fn here(lane: &mut Option<Pipeline>) -> &mut Pipeline {
    lane.as_mut().unwrap_or_else(|| away())
}

// To continue without it would lose records that are in its partitions' positions.
fn away() -> ! {
    panic!("the pipeline of a lane is asked for while it is away")
}

#[cfg(test)]
mod tests;
