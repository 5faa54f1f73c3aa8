//! What an operator should know though every part is at work: in sentences.

use std::collections::BTreeMap;

use tidegauge_windows::PartitionTime;

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
