//! The engine: decides where each input belongs and when windows are final.

mod judgement;
mod lane;
mod partitions;
#[cfg(test)]
mod tests;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use self::judgement::placed;
use crate::activity::Activity;
use crate::changes::Slices;
use crate::frame::closed_by;
use crate::known_keys::KnownKeys;
use crate::watermark::Watermarks;
use crate::{
    Aggregate, Changes, Closed, Definition, EventTime, Grid, Key, Participation, Placement,
    QuietClose, Settings, Snapshot, Span, Stretch, Window,
};

/// The event-time engine over keys `K` and aggregates `A`.
///
/// What it hands out is the same for the same inputs. Every figure in it is the same whatever the order
/// in which partitions take turns, apart from inputs [past retention](Placement::PastRetention) and from those that are
/// [judged again](Engine::insert_again): all others are judged by their own partition's watermark only. Between two [`Engine::take_changes`] it holds the differences of that time and nothing
/// older.
#[derive(Clone, Debug)]
pub struct Engine<K, A> {
    settings: Arc<Settings>,
    grid: Grid,
    watermarks: Watermarks,
    activity: Activity,
    known: KnownKeys<K>,
    quiet_closes: Vec<QuietClose>,
    latest: Option<EventTime>,
    /// Windows that start before this are deleted, once the next checkpoint is written.
    floor: Option<EventTime>,
    /// No window that holds a time from here on starts before the floor.
    kept_from: EventTime,
    /// No window that holds a time up to here ends after the year 9999.
    in_calendar_until: EventTime,
    /// No window that holds a time from here on is final.
    open_from: EventTime,
    /// The slice of the last input: the next is mostly in it too.
    slice: Stretch,
    slices: Slices<K, A>,
    /// Inputs in slices that began before [`Engine::open_from`], by slice and key. Which windows they revise is found
    /// before the watermark moves, and for all of a slice at once.
    behind: HashMap<(EventTime, K), u64, FxBuildHasher>,
    revisions: HashMap<(u16, Window, K), u64, FxBuildHasher>,
    finals: Vec<Closed>,
    learned: Vec<(K, EventTime)>,
    reached: Vec<Stretch>,
}

impl<K: Key, A: Aggregate> Engine<K, A> {
    /// An engine that has seen nothing.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        Self::restore(settings, Snapshot::default(), [])
    }

    /// An engine that resumes from `snapshot`, with the keys `known` then.
    #[must_use]
    pub fn restore(
        settings: Arc<Settings>,
        snapshot: Snapshot,
        known: impl IntoIterator<Item = (K, EventTime)>,
    ) -> Self {
        let grid = Grid::new(&settings.definitions);
        let mut keys = KnownKeys::default();
        for (key, since) in known {
            keys.learn(key, since);
        }
        let mut engine = Self {
            grid,
            watermarks: Watermarks::new(snapshot.partitions, snapshot.watermark, &settings),
            activity: Activity::restore(snapshot.activity),
            known: keys,
            quiet_closes: snapshot.quiet_closes,
            latest: snapshot.latest,
            floor: snapshot.floor,
            kept_from: EventTime::MIN,
            in_calendar_until: EventTime::MIN,
            open_from: EventTime::MIN,
            slice: Stretch::new(EventTime::MAX, EventTime::MIN),
            slices: HashMap::default(),
            behind: HashMap::default(),
            revisions: HashMap::default(),
            finals: Vec::new(),
            learned: Vec::new(),
            reached: Vec::new(),
            settings,
        };
        engine.open_from = engine.earliest_open();
        // As it was right after the snapshot was taken, so that a restart decides nothing.
        engine.keep_from(engine.floor.max(engine.next_floor()));
        engine.in_calendar_until = EventTime::CALENDAR_MAX.minus(engine.reach());
        engine
    }

    /// Adds one input of `key` that happened at `time`, read from `partition` in a record with the
    /// timestamp `recorded`, if it has one.
    ///
    /// A partition that was idle is no longer idle if the input is on time: only inputs on time show that
    /// event time advances there.
    #[inline]
    pub fn insert(
        &mut self,
        partition: i32,
        time: EventTime,
        recorded: Option<EventTime>,
        key: K,
        input: &A::Input,
    ) -> Placement {
        let place = self.watermarks.partitions.place(partition);
        let part = self.watermarks.partitions.part_at(place);
        if part.is_usual(time, self.settings.out_of_orderness)
            && self.is_believed(time, recorded)
            && time >= self.kept_from
        {
            self.watermarks.note_usual(place);
            self.add(time, key, input, false);
            return Placement::OnTime;
        }
        self.insert_unusual(place, time, recorded, key, input)
    }

    // As `insert`, whatever there is to be noted. `place` is that of the partition.
    fn insert_unusual(
        &mut self,
        place: usize,
        time: EventTime,
        recorded: Option<EventTime>,
        key: K,
        input: &A::Input,
    ) -> Placement {
        let late = match self.judge(self.watermarks.partitions.part_at(place), time, recorded) {
            Ok(late) => late,
            Err(placement) => return placement,
        };
        let part = self.watermarks.note(place, time, key.number());
        if !late && part.participation == Participation::Idle {
            part.participation = Participation::Returning;
        }
        self.add(time, key, input, late);
        placed(late)
    }

    /// Notes that `key` is known since `time`: an input of it happened then, or it always was
    /// ([`EventTime::MIN`]).
    pub fn know(&mut self, key: K, time: EventTime) {
        if self.known.learn(key, time) {
            self.learned.push((key, time));
        }
    }

    /// Moves the combined watermark as far as possible, and makes the windows it passes final.
    pub fn advance(&mut self) {
        if let Some((before, now)) = self.watermarks.advance() {
            self.settle_revisions(before);
            let after = before.unwrap_or(EventTime::MIN);
            match self.finals.last_mut() {
                Some(last) if last.until == after && last.latest == EventTime::MAX => {
                    last.until = now;
                }
                _ => self.finals.push(Closed {
                    after,
                    until: now,
                    latest: EventTime::MAX,
                }),
            }
            self.open_from = self.earliest_open();
        }
    }

    /// Makes the windows final that exist and end at or before `now`, the wall clock, because the
    /// whole stream is quiet; returns whether there were any. A no-op unless all partitions are idle.
    pub fn close_quiet(&mut self, now: EventTime) -> bool {
        self.advance();
        let Some(latest) = self.latest else {
            return false;
        };
        let watermark = self.watermarks.combined.unwrap_or(EventTime::MIN);
        if !self.watermarks.all_idle() {
            return false;
        }
        self.settle_revisions(self.watermarks.combined);
        let same = |close: &&mut QuietClose| close.after == watermark && close.latest == latest;
        let close = self.quiet_closes.last_mut().filter(same);
        let closed = Closed {
            after: close.as_ref().map_or(watermark, |close| close.until),
            until: now,
            latest,
        };
        if !ends_any(&self.settings.definitions, closed) {
            return false;
        }
        match close {
            Some(close) => close.until = now,
            None => self.quiet_closes.push(QuietClose {
                after: watermark,
                until: now,
                latest,
            }),
        }
        self.finals.push(closed);
        self.open_from = self.earliest_open();
        true
    }

    /// Hands out what changed since the last call. The engine keeps only what it needs to continue.
    pub fn take_changes(&mut self) -> Changes<K, A> {
        self.settle_revisions(self.watermarks.combined);
        let snapshot = self.snapshot();
        let floor = self.floor.max(self.next_floor());
        self.keep_from(floor);
        Changes {
            slices: mem::take(&mut self.slices),
            revisions: mem::take(&mut self.revisions),
            finals: mem::take(&mut self.finals),
            known: mem::take(&mut self.learned),
            reached: mem::take(&mut self.reached),
            snapshot,
        }
    }

    /// The state that a restart needs, beside the known keys.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            partitions: self.watermarks.partitions.to_map(),
            watermark: self.watermarks.combined,
            quiet_closes: self.quiet_closes.clone(),
            activity: self.activity.stretches().to_vec(),
            latest: self.latest,
            zeros_end_at: self.known.zeros_end_at(),
            floor: self.floor,
        }
    }

    /// What was added to each touched slice (by its start) and key since the last [`Engine::take_changes`], in no order.
    pub fn slices(&self) -> impl Iterator<Item = (EventTime, K, &A)> {
        let slices = self.slices.iter();
        slices.map(|((slice, key), added)| (*slice, *key, added))
    }

    /// How many slices and keys have changed since the last [`Engine::take_changes`].
    #[must_use]
    pub fn changed(&self) -> usize {
        self.slices.len()
    }

    /// The combined watermark.
    #[must_use]
    pub fn watermark(&self) -> Option<EventTime> {
        self.watermarks.combined
    }

    #[inline]
    fn add(&mut self, time: EventTime, key: K, input: &A::Input, late: bool) {
        if !self.slice.contains(time) {
            let start = self.grid.slice_of(time);
            self.slice = Stretch::new(start, start.plus(self.grid.slice()));
        }
        self.slices
            .entry((self.slice.start, key))
            .or_default()
            .add(input, late);
        self.latest = self.latest.max(Some(time));
        if let Some(reached) = self.activity.extend(time)
            && reached.start < self.open_from
        {
            self.reached.push(reached);
        }
        if time < self.open_from {
            *self.behind.entry((self.slice.start, key)).or_default() += 1;
        }
    }

    // Counts the inputs behind in the windows that were final at this watermark, at which they came.
    fn settle_revisions(&mut self, watermark: Option<EventTime>) {
        let mut behind: Vec<_> = self.behind.drain().collect();
        behind.sort_unstable();
        for of_slice in behind.chunk_by(|((one, _), _), ((other, _), _)| one == other) {
            let Some(((start, _), _)) = of_slice.first() else {
                continue;
            };
            for (number, definition) in (0..).zip(&self.settings.definitions) {
                // All times of a slice are in the same windows.
                for window in definition.windows_of(*start) {
                    if closed_by(watermark, &self.quiet_closes, window).is_none() {
                        continue;
                    }
                    for ((_, key), count) in of_slice {
                        *self.revisions.entry((number, window, *key)).or_default() += count;
                    }
                }
            }
        }
    }

    // No window is longer.
    fn reach(&self) -> Span {
        let all = self.settings.definitions.iter();
        all.map(Definition::reach).max().unwrap_or(Span::ZERO)
    }

    fn earliest_open(&self) -> EventTime {
        let reach = self.reach();
        // What can end after the watermark and exist ends within the longest window.
        let until = |close: &QuietClose| {
            let last_end = close.latest.plus(reach);
            close.until.min(last_end)
        };
        self.quiet_closes
            .iter()
            .map(until)
            .chain(self.watermarks.combined)
            .max()
            .unwrap_or(EventTime::MIN)
    }

    // Where there is nothing to forget, the floor stays: a clock that is wrong may have been first.
    fn next_floor(&self) -> Option<EventTime> {
        let retention = self.settings.retention;
        let floor = self.watermarks.retained()?.minus(retention);
        let first = self.activity.stretches().first()?;
        (first.start < floor).then_some(floor)
    }

    // From the checkpoint at hand on, so windows that become final and past retention at once are
    // told to be final first.
    fn keep_from(&mut self, floor: Option<EventTime>) {
        self.floor = floor;
        if let Some(floor) = floor {
            self.activity.forget_before(floor);
            self.quiet_closes.retain(|close| close.until > floor);
        }
        let floor = floor.unwrap_or(EventTime::MIN).max(EventTime::CALENDAR_MIN);
        self.kept_from = floor.plus(self.reach());
    }
}

fn ends_any(definitions: &[Definition], closed: Closed) -> bool {
    definitions.iter().any(|definition| {
        // No window that exists ends later than this, so the search is short whatever the clock.
        let until = closed.until.min(closed.latest.plus(definition.reach()));
        definition
            .ending_in(closed.after, until)
            .any(|window| window.start <= closed.latest)
    })
}
