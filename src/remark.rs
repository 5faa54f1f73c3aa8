//! What an operator should know though every part is at work: in sentences.

use std::collections::BTreeMap;

use tidegauge_windows::{EventTime, PartitionTime, Span};

use crate::effect::Notices;
use crate::ledger::{Entry, Ledger};
use crate::timestamp::rfc3339;

/// Of fewer payments it is not said that most are future ones.
const PAYMENTS_MIN: u64 = 100;
/// At most so many partitions are named.
const PARTITIONS_MAX: usize = 10;

/// What is odd about the payments so far, and what to look at.
#[must_use]
pub fn remarks(
    ledger: &Ledger,
    notices: &Notices,
    partitions: &BTreeMap<i32, PartitionTime>,
) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(quarters) = notices.distances.systematic() {
        let (length, side) = (hours(quarters.unsigned_abs()), ahead_or_behind(quarters));
        remarks.push(format!(
            "most payments are {length} {side} their records: is time_zone right, and does createTime say \
             local time?"
        ));
    }
    if notices.unreal_timestamps > 0 {
        remarks.push(format!(
            "{} payments are in records whose timestamps can't be real, such as 0 or seconds: they \
             count as having none, so event_time.max_future does not apply",
            notices.unreal_timestamps
        ));
    }
    if notices.times_like_seconds > 0 {
        remarks.push(format!(
            "{} payments are dated January or February 1970: does createTime hold seconds? It takes \
             milliseconds",
            notices.times_like_seconds
        ));
    }
    let count = |entry| ledger.entry(entry).count;
    let future = count(Entry::Future);
    let payments: u64 = Entry::ALL
        .into_iter()
        .filter(|entry| entry.in_totals())
        .map(count)
        .sum();
    if payments >= PAYMENTS_MIN && future > payments / 2 {
        remarks.push(format!(
            "{future} of {payments} payments are too far ahead of their records, so they are in no \
             window: is time_zone right, and are the clocks of producers?"
        ));
    }
    let too_late = count(Entry::TooLate);
    if payments >= PAYMENTS_MIN && too_late > payments / 2 {
        remarks.push(format!(
            "{too_late} of {payments} payments came too late for their windows: a payment dated ahead \
             may have moved the watermark of their partition, or event_time.allowed_lateness is too \
             short"
        ));
    }
    let past_retention = count(Entry::PastRetention);
    if past_retention > 0 {
        remarks.push(format!(
            "{past_retention} payments came when their windows were past retention, so they are in \
             no window"
        ));
    }
    if let Some((partition, time)) = alone_ahead(partitions) {
        remarks.push(format!(
            "partition {partition} has come to {}, more than a day further than any other: is a clock \
             wrong there? While the others have nothing to read, windows up to then become final",
            rfc3339(time)
        ));
    }
    let jumps = partitions.iter().filter_map(|(partition, time)| {
        let (jump, _) = time.jump.zip(time.highest)?;
        Some((partition, jump))
    });
    for (partition, jump) in jumps.take(PARTITIONS_MAX) {
        remarks.push(format!(
            "partition {partition}: a payment is dated {}, more than a day ahead of the others: the \
             watermark follows when other payments agree",
            rfc3339(jump.to)
        ));
    }
    remarks
}

/// The partition that has jumped more than a day further than any other that pays, and how far it has
/// come. How far it went on by itself since the last payments of the others is no jump.
fn alone_ahead(partitions: &BTreeMap<i32, PartitionTime>) -> Option<(i32, EventTime)> {
    let travelled = partitions.values().map(|time| time.travelled).max()?;
    let missed = |time: &PartitionTime| travelled.minus(time.travelled);
    let paying = partitions.iter().filter_map(|(partition, time)| {
        let highest = time.highest?;
        // The jump itself counts as a day.
        (missed(time) < Span::DAY.times(2)).then(|| (highest, missed(time), *partition))
    });
    let mut paying: Vec<_> = paying.collect();
    paying.sort_unstable();
    let (farthest, _, partition) = paying.pop()?;
    let others = paying
        .iter()
        .map(|(highest, missed, _)| highest.plus(*missed));
    let second = others.max()?;
    (farthest > second.plus(Span::DAY)).then_some((partition, farthest))
}

fn ahead_or_behind(quarters: i64) -> &'static str {
    if quarters > 0 { "ahead of" } else { "behind" }
}

fn hours(quarters: u64) -> String {
    match (quarters / 4, quarters % 4 * 15) {
        (hours, 0) => format!("{hours} h"),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(day: i64) -> PartitionTime {
        PartitionTime {
            highest: Some(EventTime::from_millis(day * 86_400_000)),
            ..PartitionTime::default()
        }
    }

    fn booked(entry: Entry, count: u64) -> Ledger {
        let mut ledger = Ledger::default();
        for _ in 0..count {
            ledger.book(entry, None);
        }
        ledger
    }

    #[test]
    fn payments_past_retention_are_told() {
        let ledger = booked(Entry::PastRetention, 3);
        let told = remarks(&ledger, &Notices::default(), &BTreeMap::new());
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("3 payments came when their windows"));
    }

    #[test]
    fn a_partition_that_jumped_ahead_of_all_that_pay_is_told() {
        // partition 1 jumped a year, which counts as a day, and went on for a few hours
        let after = |day, hours: i64| PartitionTime {
            travelled: Span::HOUR.times(hours),
            ..at(day)
        };
        let told = |partitions: &[PartitionTime]| {
            let partitions = (0..).zip(partitions.iter().copied()).collect();
            remarks(&Ledger::default(), &Notices::default(), &partitions)
        };
        let told_of = told(&[after(20_000, 100), after(20_365, 130), after(20_000, 90)]);
        assert_eq!(told_of.len(), 1, "{told_of:?}");
        assert!(
            told_of[0].starts_with("partition 1 has come to 2025-10-04"),
            "{told_of:?}"
        );
        // A day further, or none beside it, or the other has not paid for long.
        for right in [
            vec![after(20_000, 100), after(20_001, 124)],
            vec![after(20_000, 100)],
            vec![after(20_000, 100), after(20_365, 148)],
        ] {
            assert!(told(&right).is_empty(), "{right:?}");
        }
    }

    #[test]
    fn payments_that_are_mostly_too_late_are_told() {
        let told = |count| {
            let ledger = booked(Entry::TooLate, count);
            remarks(&ledger, &Notices::default(), &BTreeMap::new()).len()
        };
        assert_eq!((told(99), told(100)), (0, 1));
    }
}
