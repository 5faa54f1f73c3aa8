//! How an input is judged: whether it is in its windows, and why it is not.

use super::Engine;
use crate::planted::{Mistake, is_planted};
use crate::{Aggregate, Definition, EventTime, Key, PartitionTime, Placement};

impl<K: Key, A: Aggregate> Engine<K, A> {
    /// Adds one input that was read before and was in no window then, or was not an input by the rules of
    /// then. It is judged as [`Engine::insert`] would judge it now, and moves no watermark: the inputs after
    /// it were judged already.
    pub fn insert_again(
        &mut self,
        partition: i32,
        time: EventTime,
        recorded: Option<EventTime>,
        key: K,
        input: &A::Input,
    ) -> Placement {
        let part = self.watermarks.partitions.get(partition).copied();
        match self.judge(&part.unwrap_or_default(), time, recorded) {
            Ok(late) => {
                self.add(time, key, input, late);
                placed(late)
            }
            Err(placement) => placement,
        }
    }

    /// Whether an input of the partition `part` is late, or why it is in no window. Changes nothing.
    #[inline]
    pub(super) fn judge(
        &self,
        part: &PartitionTime,
        time: EventTime,
        recorded: Option<EventTime>,
    ) -> Result<bool, Placement> {
        let out_of_orderness = self.settings.out_of_orderness;
        if !self.is_believed(time, recorded) {
            return Err(Placement::Future);
        }
        let mut late = part.is_late(time, out_of_orderness);
        if is_planted(Mistake::LatenessByTheCombinedWatermark) {
            late = self.is_behind_all(time);
        }
        if late
            && let Some(watermark) = part.watermark(out_of_orderness)
            && self.is_too_late(time, watermark)
        {
            return Err(Placement::TooLate);
        }
        if time < self.kept_from && self.is_gone(time) {
            return Err(Placement::PastRetention);
        }
        Ok(late)
    }

    /// Whether an input may have happened at `time`, by the timestamp of its record and by the calendar.
    #[inline]
    pub(super) fn is_believed(&self, time: EventTime, recorded: Option<EventTime>) -> bool {
        let is_future = recorded
            .is_some_and(|recorded| time > recorded.plus(self.settings.max_future))
            && !is_planted(Mistake::FutureIsBelieved);
        let ends_late =
            time > self.in_calendar_until && self.last_end(time) > EventTime::CALENDAR_MAX;
        !is_future && !ends_late
    }

    // The planted mistake: the order in which partitions take turns would decide figures.
    fn is_behind_all(&self, time: EventTime) -> bool {
        let combined = self.watermarks.combined;
        combined.is_some_and(|combined| time < combined)
    }

    // Whether all windows that hold `time` were over, and so was the allowed lateness, at this watermark of its partition.
    fn is_too_late(&self, time: EventTime, watermark: EventTime) -> bool {
        // Windows end after a time that they hold, so most inputs need no calendar.
        let over = |end: EventTime| end.plus(self.settings.allowed_lateness) <= watermark;
        over(time) && over(self.last_end(time))
    }

    fn last_end(&self, time: EventTime) -> EventTime {
        self.settings
            .definitions
            .iter()
            .map(|definition| definition.last_end(time))
            .max()
            .unwrap_or(time)
    }

    // Whether a window that would hold `time` is past retention.
    fn is_gone(&self, time: EventTime) -> bool {
        let first = |definition: &Definition| definition.windows_of(time).next();
        let starts = self.settings.definitions.iter().filter_map(first);
        let first = starts.map(|window| window.start).min();
        let floor = self
            .floor
            .unwrap_or(EventTime::MIN)
            .max(EventTime::CALENDAR_MIN);
        first.is_some_and(|first| first < floor)
    }
}

/// The placement of an input that is in its windows.
pub(super) const fn placed(late: bool) -> Placement {
    if late {
        Placement::Late
    } else {
        Placement::OnTime
    }
}
