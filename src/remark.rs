//! What an operator should know though every part is at work: in sentences.

use std::collections::BTreeMap;

use tidegauge_windows::{PartitionTime, Span};

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
        let ahead = farthest_ahead(partitions).map_or_else(String::new, |(partition, day)| {
            format!(
                "; partition {partition} has come to {day}, more than a day further than any other: is \
                 a clock wrong there?"
            )
        });
        remarks.push(format!(
            "{past_retention} payments came when their windows were past retention, so they are in \
             no window{ahead}"
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

/// The partition that is more than a day further than any other, and how far it has come.
fn farthest_ahead(partitions: &BTreeMap<i32, PartitionTime>) -> Option<(i32, String)> {
    let highest = partitions.iter();
    let highest = highest.filter_map(|(partition, time)| Some((time.highest?, *partition)));
    let mut highest: Vec<_> = highest.collect();
    highest.sort_unstable();
    let (farthest, partition) = highest.pop()?;
    let (second, _) = highest.pop()?;
    (farthest > second.plus(Span::DAY)).then(|| (partition, rfc3339(farthest)))
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
    use tidegauge_windows::EventTime;

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
    fn payments_past_retention_are_told_with_the_partition_that_is_far_ahead() {
        let notices = Notices::default();
        let partitions = [(0, at(20_000)), (1, at(20_365)), (2, at(20_000))].into();
        let ledger = booked(Entry::PastRetention, 3);
        let told = remarks(&ledger, &notices, &partitions);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("3 payments came when their windows"));
        assert!(
            told[0].contains("partition 1 has come to 2025-10-04"),
            "{told:?}"
        );
        let near = [(0, at(20_000)), (1, at(20_001))].into();
        let told = remarks(&ledger, &notices, &near);
        assert!(told[0].ends_with("they are in no window"), "{told:?}");
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
