//! Whether the service is far behind the end of the topic, so that what is not final yet will
//! change many times before it has caught up.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::host::clock::Instant;
use crate::observe::status::PartitionStatus;

/// Watches how reading the topic advances.
#[derive(Debug, Default)]
pub(super) struct CatchUp {
    /// When it was looked last, and how many records had been consumed.
    seen: Option<(Instant, u64)>,
    /// Records consumed in a second.
    rate: u64,
    /// Since when documents that will change again are postponed.
    since: Option<Instant>,
}

/// So many records are always near the end.
const NEAR: u64 = 10_000;
/// No document is postponed for longer.
pub(super) const POSTPONED_MAX: Duration = Duration::from_secs(30);
/// The rate is measured over so long.
const MEASURED: Duration = Duration::from_millis(200);

impl CatchUp {
    /// Whether documents that will change again are to wait: `lag` records have not been consumed
    /// yet, and that is more than half a second's worth. At least every 30 s they don't.
    pub(super) fn postpones(&mut self, now: Instant, lag: u64, consumed: u64) -> bool {
        self.measure(now, consumed);
        if lag <= NEAR.saturating_add(self.rate / 2) {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) < POSTPONED_MAX {
            return true;
        }
        self.since = Some(now);
        false
    }

    fn measure(&mut self, now: Instant, consumed: u64) {
        let Some((then, before)) = self.seen else {
            self.seen = Some((now, consumed));
            return;
        };
        let elapsed = now.saturating_duration_since(then);
        if elapsed < MEASURED {
            return;
        }
        let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let records = consumed.saturating_sub(before);
        self.rate = records.saturating_mul(1_000) / millis.max(1);
        self.seen = Some((now, consumed));
    }
}

/// How many records are known to wait: those of partitions that are not halted.
pub(super) fn lag(
    partitions: &BTreeMap<i32, PartitionStatus>,
    positions: &BTreeMap<i32, i64>,
) -> u64 {
    let waiting = partitions
        .iter()
        .filter(|(_, partition)| partition.halted.is_none());
    waiting
        .map(|(number, partition)| {
            // Without a position nothing was read yet: it may begin at the end.
            let known = positions.get(number).zip(partition.end.offset());
            let lag = known.map_or(0, |(position, end)| end.saturating_sub(*position));
            u64::try_from(lag).unwrap_or_default()
        })
        .fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::status::End;

    #[test]
    fn a_service_near_the_end_postpones_nothing_however_fast_it_reads() {
        let begun = Instant::now();
        let mut catch_up = CatchUp::default();
        assert!(!catch_up.postpones(begun, NEAR, 0));
        let mut consumed = 0;
        for second in 1..100 {
            consumed += 200_000;
            let now = begun + Duration::from_secs(second);
            assert!(!catch_up.postpones(now, 100_000, consumed));
        }
    }

    #[test]
    fn a_service_that_stays_behind_postpones_no_document_for_longer_than_half_a_minute() {
        let begun = Instant::now();
        let mut catch_up = CatchUp::default();
        let mut all = Vec::new();
        for second in 0..100 {
            let now = begun + Duration::from_secs(second);
            if !catch_up.postpones(now, 1_000_000, 100_000 * second) {
                all.push(second);
            }
        }
        assert_eq!(all, [30, 60, 90]);
    }

    #[test]
    fn nothing_is_postponed_once_it_has_caught_up() {
        let begun = Instant::now();
        let mut catch_up = CatchUp::default();
        assert!(catch_up.postpones(begun, 1_000_000, 0));
        let now = begun + Duration::from_secs(1);
        assert!(!catch_up.postpones(now, 0, 1_000_000));
    }

    #[test]
    fn partitions_that_are_halted_or_whose_end_is_unknown_do_not_count() {
        let partition = |end: Option<i64>, halted: Option<&str>| PartitionStatus {
            end: end.map_or_else(End::default, |offset| End::Known {
                offset,
                age: Duration::ZERO,
            }),
            halted: halted.map(str::to_owned),
        };
        let partitions = BTreeMap::from([
            (0, partition(Some(1_000), None)),
            (1, partition(Some(1_000), Some("recreated"))),
            (2, partition(None, None)),
            (3, partition(Some(7), None)),
            (4, partition(Some(7), None)),
        ]);
        let positions = BTreeMap::from([(0, 400), (3, 9)]);
        assert_eq!(lag(&partitions, &positions), 600);
        assert_eq!(lag(&BTreeMap::new(), &positions), 0);
    }
}
