//! Where in event time the stream had payments, so that zero windows do not fill empty years.

use alloc::vec::Vec;
use core::mem;

use crate::{ACTIVITY_REACH, EventTime, Span, Stretch};

/// The times at which zero windows may start: those less than [`ACTIVITY_REACH`] after some payment.
///
/// Kept as stretches `[start, end)` in order and apart. A payment at `m` reaches the starts
/// `[m + 1 ms, m + reach)`; the stretches of a stream without long gaps are one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Activity {
    stretches: Vec<Stretch>,
}

impl Activity {
    pub(crate) fn restore(stretches: Vec<Stretch>) -> Self {
        Self { stretches }
    }

    pub(crate) fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// Adds a payment at `time`; gives the starts that it newly reaches.
    #[inline]
    pub(crate) fn extend(&mut self, time: EventTime) -> Option<Stretch> {
        let added = reach_of(time);
        // Streams mostly move forward at their end.
        if let Some(last) = self.stretches.last_mut()
            && last.start <= added.start
            && added.start <= last.end
        {
            if added.end <= last.end {
                return None;
            }
            let reached = Stretch::new(last.end, added.end);
            last.end = added.end;
            return Some(reached);
        }
        // No stretch is shorter than what one payment adds, so it encloses none: what is new is one piece.
        self.cover(added).pop()
    }

    /// Adds the starts of `added`; gives the pieces of it that are new, in order.
    pub(crate) fn cover(&mut self, added: Stretch) -> Vec<Stretch> {
        let first = self.stretches.partition_point(|s| s.end < added.start);
        let after = self.stretches.partition_point(|s| s.start <= added.end);
        let mut pieces = Vec::new();
        let (mut merged, mut covered_to) = (added, added.start);
        for touched in &self.stretches[first..after] {
            if covered_to < touched.start {
                pieces.push(Stretch::new(covered_to, touched.start));
            }
            covered_to = touched.end;
            merged.start = merged.start.min(touched.start);
            merged.end = merged.end.max(touched.end);
        }
        if covered_to < added.end {
            pieces.push(Stretch::new(covered_to, added.end));
        }
        self.stretches.splice(first..after, [merged]);
        pieces
    }

    /// Takes all stretches out.
    pub(crate) fn take(&mut self) -> Vec<Stretch> {
        mem::take(&mut self.stretches)
    }

    /// Forgets what no window from `floor` on can need.
    pub(crate) fn forget_before(&mut self, floor: EventTime) {
        self.stretches.retain(|stretch| stretch.end > floor);
    }
}

/// Whether some payment lies before a window start by less than the reach.
pub(crate) fn covers(stretches: &[Stretch], start: EventTime) -> bool {
    let at = stretches.partition_point(|s| s.end <= start);
    stretches.get(at).is_some_and(|s| s.contains(start))
}

/// The window starts between which a window can have payments or be a zero window, in order and
/// apart, for windows no longer than `longest`.
pub(crate) fn candidates(
    stretches: &[Stretch],
    longest: Span,
) -> impl Iterator<Item = Stretch> + '_ {
    let mut done = EventTime::MIN;
    stretches.iter().map(move |stretch| {
        let start = stretch.start.minus(longest).max(done);
        done = stretch.end;
        Stretch::new(start, stretch.end)
    })
}

#[inline]
fn reach_of(time: EventTime) -> Stretch {
    Stretch::new(time.plus(Span::from_millis(1)), time.plus(ACTIVITY_REACH))
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;

    fn at(millis: i64) -> EventTime {
        EventTime::from_millis(millis)
    }

    fn stretch(start: i64, end: i64) -> Stretch {
        Stretch::new(at(start), at(end))
    }

    /// Whether one of the payments at `times` lies less than a day before `start`.
    fn is_reached(times: &[i64], start: i64) -> bool {
        let mut times = times.iter();
        times.any(|time| *time < start && start - time < DAY)
    }

    #[test]
    fn a_payment_at_a_time_that_another_has_reaches_nothing_new() {
        // 0 [1 ms -------- 1 d)                 5 d [.. -------- 6 d)
        let mut activity = Activity::default();
        for time in [0, 5 * DAY] {
            let reached = stretch(time + 1, time + DAY);
            assert_eq!(activity.extend(at(time)), Some(reached));
        }
        for time in [0, 5 * DAY] {
            assert_eq!(activity.extend(at(time)), None);
        }
    }

    #[test]
    fn a_stretch_that_ends_at_the_floor_is_forgotten_and_one_that_ends_after_it_is_kept() {
        // [1 ms ---- 1 d)                [5 d + 1 ms ---- 6 d)
        //            | floor: the start at 1 d is not reached
        let both = [stretch(1, DAY), stretch(5 * DAY + 1, 6 * DAY)];
        for (floor, kept) in [(DAY - 1, &both[..]), (DAY, &both[1..])] {
            let mut activity = Activity::restore(both.to_vec());
            activity.forget_before(at(floor));
            assert_eq!(activity.stretches(), kept);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        // A millisecond to either side of whole hours, so that stretches touch and just don't touch.
        #[test]
        fn stretches_are_apart_and_hold_the_starts_less_than_a_day_after_a_payment(
            payments in prop::collection::vec((0..400_i64, -1..2_i64), 1..24),
        ) {
            let mut activity = Activity::default();
            let mut times = vec![];
            for (hours, millis) in payments {
                let time = hours * HOUR + millis;
                let before = times.clone();
                times.push(time);
                let reached = activity.extend(at(time));
                prop_assert!(reached.is_none_or(|reached| reached.start < reached.end));
                let bounds = times.iter().flat_map(|time| [*time, time + DAY]);
                for start in bounds.flat_map(|bound| bound - 1..=bound + 1) {
                    let is_new = is_reached(&times, start) && !is_reached(&before, start);
                    prop_assert_eq!(covers(activity.stretches(), at(start)), is_reached(&times, start));
                    prop_assert_eq!(reached.is_some_and(|reached| reached.contains(at(start))), is_new);
                }
                for pair in activity.stretches().windows(2) {
                    prop_assert!(pair[0].end < pair[1].start, "{:?}", pair);
                }
            }
        }

        #[test]
        fn stretches_that_are_covered_hold_the_starts_of_all_and_the_pieces_are_what_is_new(
            covered in prop::collection::vec((0..60_i64, 1..20_i64), 1..12),
        ) {
            let mut activity = Activity::default();
            let mut held = vec![false; 80];
            for (from, length) in covered {
                let pieces = activity.cover(stretch(from, from + length));
                for (start, held) in (0_i64..).zip(&mut held) {
                    let is_added = (from..from + length).contains(&start);
                    let is_new = is_added && !*held;
                    *held |= is_added;
                    let count = pieces.iter().filter(|piece| piece.contains(at(start))).count();
                    prop_assert_eq!(count, usize::from(is_new), "{}", start);
                    prop_assert_eq!(covers(activity.stretches(), at(start)), *held);
                }
                for pair in activity.stretches().windows(2) {
                    prop_assert!(pair[0].end < pair[1].start, "{:?}", pair);
                }
            }
        }
    }
}
