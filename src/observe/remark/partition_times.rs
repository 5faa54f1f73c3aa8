//! What is odd about the event times of partitions.

use std::collections::BTreeMap;

use tidegauge_windows::{EventTime, PartitionTime, Span};

use crate::domain::timestamp::rfc3339;

/// At most so many partitions are named.
const PARTITIONS_MAX: usize = 10;

/// What is odd about how far partitions have come.
pub(super) fn remarks(partitions: &BTreeMap<i32, PartitionTime>) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some((behind, ahead)) = far_apart(partitions) {
        remarks.push(format!(
            "partition {} has come to {}, and partition {} to {}: unless a backlog is being read, a clock \
             is wrong in one of them. Windows wait for the one behind, and are final up to the one ahead \
             while the others have nothing to read",
            behind.1,
            rfc3339(behind.0),
            ahead.1,
            rfc3339(ahead.0)
        ));
    }
    let jumps = partitions.iter().filter_map(|(partition, time)| {
        let (jump, highest) = time.jump.zip(time.highest)?;
        Some((partition, jump, highest))
    });
    for (partition, jump, highest) in jumps.take(PARTITIONS_MAX) {
        remarks.push(format!(
            "partition {partition}: a payment is dated {}, and the accepted ones end at {}, more \
             than a day before: unless there was a gap, its clock is wrong, or that of the others. \
             The watermark follows when other payments agree",
            rfc3339(jump.to),
            rfc3339(highest)
        ));
    }
    remarks
}

/// The partition furthest behind and the one furthest ahead, each after how far it has come, if that is
/// more than a day apart. A partition without a payment on time in two days of event time does not count.
/// What the others advanced since the last payment of a partition does not count as its delay.
fn far_apart(
    partitions: &BTreeMap<i32, PartitionTime>,
) -> Option<((EventTime, i32), (EventTime, i32))> {
    let travelled = partitions.values().map(|time| time.travelled).max()?;
    let paying = partitions.iter().filter_map(|(partition, time)| {
        let missed = travelled.minus(time.travelled);
        // A jump counts as a day.
        let pays = missed < Span::DAY.times(2);
        pays.then_some((time.highest?, *partition, missed))
    });
    let paying: Vec<_> = paying.collect();
    let (ahead, partition_ahead, _) = *paying.iter().max()?;
    let by_now = |(highest, _, missed): &&(EventTime, i32, Span)| highest.plus(*missed);
    let (behind, partition_behind, missed) = *paying.iter().min_by_key(by_now)?;
    (ahead > behind.plus(missed).plus(Span::DAY))
        .then_some(((behind, partition_behind), (ahead, partition_ahead)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> PartitionTime {
        PartitionTime {
            highest: Some(EventTime::from_millis(day * 86_400_000)),
            ..PartitionTime::default()
        }
    }

    #[test]
    fn partitions_that_are_far_apart_in_event_time_are_told() {
        // partition 1 jumped a year, which counts as a day, and advanced by a few hours
        let after = |day, hours: i64| PartitionTime {
            travelled: Span::HOUR.times(hours),
            ..at(day)
        };
        let told = |partitions: &[PartitionTime]| {
            let partitions = (0..).zip(partitions.iter().copied()).collect();
            remarks(&partitions)
        };
        let told_of = told(&[after(20_000, 100), after(20_365, 130), after(20_000, 90)]);
        assert_eq!(told_of.len(), 1, "{told_of:?}");
        let words = "partition 0 has come to 2024-10-04T00:00:00Z, and partition 1 to 2025-10-04";
        assert!(told_of[0].starts_with(words), "{told_of:?}");
        // A day further, or none beside it, or the other has not paid for long.
        for right in [
            vec![after(20_000, 100), after(20_001, 124)],
            vec![after(20_000, 100)],
            vec![after(20_000, 100), after(20_365, 148)],
        ] {
            assert!(told(&right).is_empty(), "{right:?}");
        }
    }
}
