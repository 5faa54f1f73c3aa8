//! Where in event time the stream had payments, so that zero windows do not fill empty years.

use alloc::vec::Vec;

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
        self.insert(added)
    }

    // No stretch is shorter than what one payment adds, so it encloses none: it touches at most one
    // on either side, and what is new is one piece.
    fn insert(&mut self, added: Stretch) -> Option<Stretch> {
        let first = self.stretches.partition_point(|s| s.end < added.start);
        let after = self.stretches.partition_point(|s| s.start <= added.end);
        let mut reached = added;
        let mut merged = added;
        for touched in &self.stretches[first..after] {
            if touched.start <= reached.start {
                reached.start = reached.start.max(touched.end);
            } else {
                reached.end = reached.end.min(touched.start);
            }
            merged.start = merged.start.min(touched.start);
            merged.end = merged.end.max(touched.end);
        }
        self.stretches.splice(first..after, [merged]);
        (reached.start < reached.end).then_some(reached)
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

fn reach_of(time: EventTime) -> Stretch {
    Stretch::new(time.plus(Span::from_millis(1)), time.plus(ACTIVITY_REACH))
}
