//! Watermarks: one for each partition, and the combined one that makes windows final.

use alloc::collections::{BTreeMap, BTreeSet};
use core::mem;

use crate::partition_times::PartitionTimes;
use crate::{EventTime, MAX_JUMP, Participation, PartitionTime, Settings, Span};

/// The watermarks of all partitions, after Flink's `CombinedWatermarkStatus` and its valve: the
/// minimum of those that are not idle, never going back.
#[derive(Clone, Debug)]
pub(crate) struct Watermarks {
    pub(crate) partitions: PartitionTimes,
    pub(crate) combined: Option<EventTime>,
    out_of_orderness: Span,
    retention: Span,
    /// How far event time has travelled: partitions that advance side by side travel it once, and one step
    /// counts as a day at most, or as the retention if that is shorter. A clock that jumps a year has not
    /// lived through one.
    travelled: Span,
    /// Which partitions continued since the last [`Watermarks::advance`] of all lanes; `None` if all partitions are in
    /// one lane.
    continued: Option<Continued>,
}

/// Partitions that continued: they had a payment that was not behind their watermark.
#[derive(Clone, Debug, Default)]
struct Continued {
    partitions: BTreeSet<i32>,
    /// The one that was added last: payments that follow each other are mostly of the same one.
    last: Option<i32>,
}

impl Watermarks {
    pub(crate) fn new(
        partitions: BTreeMap<i32, PartitionTime>,
        combined: Option<EventTime>,
        settings: &Settings,
    ) -> Self {
        let travelled = partitions.values().map(|partition| partition.travelled);
        Self {
            travelled: travelled.max().unwrap_or(Span::ZERO),
            partitions: partitions.into(),
            combined,
            out_of_orderness: settings.out_of_orderness,
            retention: settings.retention,
            continued: None,
        }
    }

    /// Those of the partitions that `is_its` names, for a lane of their own.
    pub(crate) fn split_off(&mut self, is_its: impl Fn(i32) -> bool) -> Self {
        self.continued.get_or_insert_default();
        Self {
            partitions: self.partitions.only(is_its),
            continued: Some(Continued::default()),
            ..*self
        }
    }

    /// Takes in what has changed in another lane.
    pub(crate) fn absorb(&mut self, lane: &mut Self) {
        self.partitions.extend(&lane.partitions);
        self.travelled = self.travelled.max(lane.travelled);
        if let (Some(all), Some(theirs)) = (&mut self.continued, &mut lane.continued) {
            all.partitions.append(&mut theirs.take());
        }
    }

    /// Takes over what was decided for all lanes.
    pub(crate) fn follow(&mut self, primary: &Self) {
        self.combined = primary.combined;
        for (partition, part) in self.partitions.iter_mut() {
            if let Some(decided) = primary.partitions.get(partition) {
                *part = *decided;
            }
        }
    }

    /// Moves the combined watermark as far as the partitions allow; gives where it was and where
    /// it is, if it moved.
    pub(crate) fn advance(&mut self) -> Option<(Option<EventTime>, EventTime)> {
        self.meet();
        self.welcome_back();
        let next = self.allowed()?;
        if self.combined.is_some_and(|combined| next <= combined) {
            return None;
        }
        Some((self.combined.replace(next), next))
    }

    /// Whether every partition is idle.
    pub(crate) fn all_idle(&self) -> bool {
        self.partitions
            .values()
            .all(|partition| partition.participation == Participation::Idle)
    }

    /// Takes note of a payment in its windows that [is usual](PartitionTime::is_usual), as [`Watermarks::note`] would.
    #[inline]
    pub(crate) fn note_usual(&mut self, place: usize) {
        let (partition, part) = self.partitions.at(place);
        self.travelled = self.travelled.max(part.travelled);
        part.travelled = self.travelled;
        if let Some(continued) = &mut self.continued {
            continued.add(partition);
        }
    }

    /// Takes note of a payment in its windows, of the partition at this place of [`Watermarks::partitions`] and of the key
    /// with the number `key`.
    #[inline]
    pub(crate) fn note(&mut self, place: usize, time: EventTime, key: u64) -> &mut PartitionTime {
        let (partition, part) = self.partitions.at(place);
        if let Some(step) = part.note(time, key, self.out_of_orderness) {
            let step = step.min(MAX_JUMP).min(self.retention);
            self.travelled = self.travelled.max(part.travelled.plus(step));
            part.travelled = self.travelled;
            if let Some(continued) = &mut self.continued {
                continued.add(partition);
            }
        }
        part
    }

    /// The time that retention counts back from: the watermark of the partition that is furthest behind,
    /// idle or not, of those that are waited for, and no more than the combined watermark.
    pub(crate) fn retained(&self) -> Option<EventTime> {
        let waited = self
            .partitions
            .values()
            .filter_map(|part| self.awaited(part));
        Some(waited.min()?.min(self.combined?))
    }

    // A partition waits at its watermark until the others have advanced by the retention without it. Then
    // it is taken along, and after twice the retention the watermark does not wait for it.
    fn awaited(&self, part: &PartitionTime) -> Option<EventTime> {
        let highest = part.highest.or(part.first())?;
        let along = self.missed(part).minus(self.retention);
        (along < self.retention).then(|| highest.minus(self.out_of_orderness).plus(along))
    }

    // How far event time has travelled since the last payment of `part`.
    fn missed(&self, part: &PartitionTime) -> Span {
        self.travelled.minus(part.travelled)
    }

    // Lanes do not know how far event time travels in others. What continued in any of them since they last met counts as
    // having continued now, so that no partition misses what others travelled beside it.
    fn meet(&mut self) {
        for partition in self.continued.iter_mut().flat_map(Continued::take) {
            if let Some(part) = self.partitions.get_mut(partition) {
                part.travelled = self.travelled;
            }
        }
    }

    // A partition that comes back behind the others stays out until it has caught up, so that it
    // can't hold back what it does not decide: the combined watermark is past it already.
    fn welcome_back(&mut self) {
        for (_, partition) in self.partitions.iter_mut() {
            if partition.participation == Participation::Returning
                && let Some(watermark) = partition.watermark(self.out_of_orderness)
                && self.combined.is_none_or(|combined| watermark >= combined)
            {
                partition.participation = Participation::Active;
            }
        }
    }

    // The first payment of a partition, which no other has confirmed, counts if it is no further ahead
    // than this: the other partitions have come nearly as far.
    fn farthest(&self) -> Option<EventTime> {
        let believed = self.partitions.values().filter_map(|p| p.highest);
        believed.max().map(|highest| highest.plus(MAX_JUMP))
    }

    fn allowed(&self) -> Option<EventTime> {
        let farthest = self.farthest();
        let watermark = |partition: &PartitionTime| {
            let first = partition.first().filter(|first| Some(*first) <= farthest);
            let first = first.map(|first| first.minus(self.out_of_orderness));
            partition.watermark(self.out_of_orderness).or(first)
        };
        let mut active = self
            .partitions
            .values()
            .filter(|partition| partition.participation == Participation::Active)
            .peekable();
        if active.peek().is_some() {
            // `None < Some`: a partition without a payment holds the others back.
            return active.map(watermark).min()?;
        }
        if self.all_idle() {
            return self.partitions.values().filter_map(watermark).max();
        }
        None
    }
}

impl Continued {
    #[inline]
    fn add(&mut self, partition: i32) {
        if self.last != Some(partition) {
            self.last = Some(partition);
            self.partitions.insert(partition);
        }
    }

    fn take(&mut self) -> BTreeSet<i32> {
        mem::take(self).partitions
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::{Jump, Keys};

    const MINUTE: i64 = 60_000;

    fn settings() -> Settings {
        Settings {
            definitions: Vec::new(),
            out_of_orderness: Span::MINUTE.times(5),
            allowed_lateness: Span::HOUR,
            max_future: Span::MINUTE.times(5),
            retention: Span::DAY.times(35),
            zero_windows: false,
        }
    }

    fn at(minute: i64) -> EventTime {
        EventTime::from_millis(minute * MINUTE)
    }

    fn part() -> impl Strategy<Value = PartitionTime> {
        let keys = prop_oneof![1 => Just(Keys::One(1)), 9 => Just(Keys::Several)];
        let participation = prop_oneof![
            18 => Just(Participation::Active),
            1 => Just(Participation::Idle),
            1 => Just(Participation::Returning),
        ];
        let jump = Jump {
            to: at(5_000),
            keys: Keys::One(1),
            agreed: 0,
        };
        let jump = prop_oneof![9 => Just(None), 1 => Just(Some(jump))];
        let highest = prop::option::weighted(0.9, 10..13_i64);
        (highest, jump, keys, 0..3_i64, participation).prop_map(
            |(highest, jump, keys, days, participation)| PartitionTime {
                highest: highest.map(at),
                jump,
                keys,
                travelled: Span::DAY.times(days),
                participation,
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_usual_payment_is_on_time_and_is_noted_as_any_other(
            part in part(),
            minute in 4..14_i64,
            days in 0..3_i64,
        ) {
            let settings = settings();
            prop_assume!(part.is_usual(at(minute), settings.out_of_orderness));
            prop_assert!(!part.is_late(at(minute), settings.out_of_orderness));
            let mut usual = Watermarks::new([(7, part)].into(), None, &settings);
            usual.travelled = Span::DAY.times(days);
            usual.continued = Some(Continued::default());
            let mut noted = usual.clone();
            usual.note_usual(0);
            let after = *noted.note(0, at(minute), 3);
            prop_assert_eq!(usual.partitions.get(7), Some(&after));
            prop_assert_eq!(usual.travelled, noted.travelled);
            let continued = |marks: &mut Watermarks| marks.continued.as_mut().map(Continued::take);
            prop_assert_eq!(continued(&mut usual), continued(&mut noted));
        }
    }
}
