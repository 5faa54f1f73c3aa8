//! What an operator should know though every part is at work: in sentences.

use std::collections::BTreeMap;

use tidegauge_windows::PartitionTime;

use crate::core::distance::{SkewCluster, is_share};
use crate::core::effect::Notices;
use crate::decode::Reason;
use crate::domain::count::{agreeing, counted};
use crate::domain::ledger::{Entry, Ledger};

mod partition_times;

/// At most so many distances are told: a country has few time zones.
const DISTANCES_MAX: usize = 4;

/// What is odd about the documents so far.
#[must_use]
pub fn given_up(documents: u64) -> Option<String> {
    (documents > 0).then(|| {
        format!(
            "{} {} given up: Elasticsearch refused {} for elasticsearch.give_up_after, and {} past \
             retention. A replay makes {} again from the topic",
            counted(documents, "document"),
            agreeing(documents, "was", "were"),
            agreeing(documents, "it", "them"),
            agreeing(documents, "its figures are", "their figures are"),
            agreeing(documents, "it", "them"),
        )
    })
}

/// What is odd about the order ids that are remembered.
#[must_use]
pub fn full_partitions(partitions: u64) -> Option<String> {
    (partitions > 0).then(|| {
        format!(
            "{} {} as many order ids as dedup.max_ids allows: a payment that is sent again may count twice though it \
             comes within dedup.within",
            counted(partitions, "partition"),
            agreeing(partitions, "remembers", "remember"),
        )
    })
}

/// What is odd about the records that are not payments: that they are a share of all, or that no other came.
#[must_use]
pub fn rejected(ledger: &Ledger, notices: &Notices) -> Option<String> {
    let rejected = ledger.entry(Entry::Rejected).count;
    let records = ledger.consumed - ledger.entry(Entry::Tombstone).count;
    if !is_share(rejected, records) && (rejected == 0 || rejected < records) {
        return None;
    }
    let reasons = Reason::ALL.into_iter().zip(notices.rejects);
    let (most, _) = reasons.max_by_key(|(_, count)| *count)?;
    let are = agreeing(rejected, "is not a payment", "are not payments");
    Some(format!(
        "{rejected} of {} {are}, most for the reason {}: the list of rejects says what is wrong with each. If \
         payment.* does not fit the records, tidegauge rejects replay takes them once it does",
        counted(records, "record"),
        most.as_str()
    ))
}

/// What is odd about the payments so far, and what to look at.
#[must_use]
pub fn remarks(
    ledger: &Ledger,
    notices: &Notices,
    partitions: &BTreeMap<i32, PartitionTime>,
) -> Vec<String> {
    let mut remarks = Vec::new();
    let all = notices.distances.payments;
    let apart = notices.distances.apart();
    remarks.extend(
        apart
            .iter()
            .take(DISTANCES_MAX)
            .map(|apart| far(apart, all)),
    );
    let unreal = notices.unreal_timestamps;
    if unreal > 0 {
        remarks.push(format!(
            "{} {} whose timestamps can't be real, such as 0 or seconds: they count as having none, so \
             event_time.max_future does not apply",
            counted(unreal, "payment"),
            agreeing(unreal, "is in a record", "are in records")
        ));
    }
    let like_seconds = notices.times_like_seconds;
    if like_seconds > 0 {
        remarks.push(format!(
            "{} {} dated January or February 1970: does the event time hold seconds? payment.event_time_format = \"epoch_s\" \
             takes them",
            counted(like_seconds, "payment"),
            agreeing(like_seconds, "is", "are")
        ));
    }
    let count = |entry| ledger.entry(entry).count;
    let payments: u64 = Entry::ALL
        .into_iter()
        .filter(|entry| entry.in_totals())
        .map(count)
        .sum();
    let filtered = count(Entry::Filtered);
    if payments == 0 && filtered > 0 {
        remarks.push(format!(
            "payment.where leaves out {}, and no other came: is it meant so?",
            counted(filtered, "payment")
        ));
    }
    let future = count(Entry::Future);
    let told: u64 = apart
        .iter()
        .filter(|apart| apart.quarters > 0)
        .map(|apart| apart.payments)
        .sum();
    if is_share(future, payments) && is_most(future, payments) {
        remarks.push(format!(
            "{future} of {} are too far ahead of their records, so they are in no window: is time_zone \
             right, and are the clocks of producers?",
            counted(payments, "payment")
        ));
    } else if is_share(future, payments) && told <= future / 2 {
        remarks.push(format!(
            "{} are too far ahead of their records, so they are in no window: are the clocks of some \
             devices wrong?",
            share(future, payments)
        ));
    }
    let too_late = count(Entry::TooLate);
    if is_share(too_late, payments) {
        let which = if is_most(too_late, payments) {
            format!("{too_late} of {}", counted(payments, "payment"))
        } else {
            share(too_late, payments)
        };
        remarks.push(format!(
            "{which} came too late for their windows: a payment dated ahead may have moved the watermark \
             of their partition, or event_time.allowed_lateness is too short"
        ));
    }
    let past_retention = count(Entry::PastRetention);
    if past_retention > 0 {
        remarks.push(format!(
            "{} came when {} past retention, so {} in no window",
            counted(past_retention, "payment"),
            agreeing(past_retention, "its windows were", "their windows were"),
            agreeing(past_retention, "it is", "they are")
        ));
    }
    let conflicts = count(Entry::Conflict);
    if conflicts > 0 {
        remarks.push(format!(
            "{} {} the order id of another one that counted before, with another amount or branch, so {} in no \
             total. The list of payments in no window has {}",
            counted(conflicts, "payment"),
            agreeing(conflicts, "has", "have"),
            agreeing(conflicts, "it is", "they are"),
            agreeing(conflicts, "it", "them")
        ));
    }
    remarks.extend(partition_times::remarks(partitions));
    remarks
}

/// What to say of `apart` of `all` payments whose records have a timestamp.
fn far(apart: &SkewCluster, all: u64) -> String {
    let length = hours(apart.quarters.unsigned_abs());
    let is_ahead = apart.quarters > 0;
    let side = if is_ahead { "ahead of" } else { "behind" };
    if apart.is_most {
        return format!(
            "most payments are {length} {side} their records: is time_zone right, and does the event \
             time say local time?"
        );
    }
    let effect = if is_ahead {
        "those further ahead than event_time.max_future are in no window"
    } else {
        "they are in windows of an earlier time"
    };
    format!(
        "{} are {length} {side} their records: have some devices another time zone or a wrong clock? \
         {effect}",
        share(apart.payments, all)
    )
}

/// The share in words: `4 % of payments (1204 of 30100)`. It is 1 % or more.
fn share(part: u64, all: u64) -> String {
    let percent = u128::from(part) * 100 / u128::from(all.max(1));
    format!("{percent} % of payments ({part} of {all})")
}

fn is_most(part: u64, all: u64) -> bool {
    part > all / 2
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

    fn booked(entry: Entry, count: u64) -> Ledger {
        let mut ledger = Ledger::default();
        for _ in 0..count {
            ledger.book(entry, None);
        }
        ledger
    }

    #[test]
    fn documents_that_were_given_up_are_told_with_what_makes_them_again() {
        assert_eq!(given_up(0), None);
        assert_eq!(
            given_up(1).as_deref(),
            Some(
                "1 document was given up: Elasticsearch refused it for elasticsearch.give_up_after, and \
                 its figures are past retention. A replay makes it again from the topic"
            )
        );
    }

    #[test]
    fn partitions_that_forget_ids_before_their_time_are_told() {
        assert_eq!(full_partitions(0), None);
        let told = full_partitions(1).unwrap();
        assert!(
            told.starts_with("1 partition remembers as many order ids as dedup.max_ids allows"),
            "{told}"
        );
    }

    #[test]
    fn a_condition_that_leaves_out_every_payment_is_told() {
        let remarks = |ledger: &Ledger| remarks(ledger, &Notices::default(), &BTreeMap::new());
        let mut ledger = booked(Entry::Filtered, 2);
        assert_eq!(
            remarks(&ledger),
            ["payment.where leaves out 2 payments, and no other came: is it meant so?"]
        );
        ledger.book(Entry::Late, None);
        assert_eq!(remarks(&ledger), Vec::<String>::new());
    }

    #[test]
    fn records_that_are_not_payments_are_told_if_they_are_a_share_or_all() {
        let told = |rejects: u64, payments: u64| {
            let mut ledger = booked(Entry::Rejected, rejects);
            ledger.merge(&booked(Entry::OnTime, payments));
            ledger.merge(&booked(Entry::Tombstone, 5));
            ledger.consumed = rejects + payments + 5;
            let mut notices = Notices::default();
            notices.rejects[Reason::MissingField as usize] = rejects;
            rejected(&ledger, &notices)
        };
        for (rejects, payments) in [(0, 0), (0, 9), (8, 1), (19, 1_881)] {
            assert_eq!(told(rejects, payments), None);
        }
        assert_eq!(
            told(1, 0).as_deref(),
            Some(
                "1 of 1 record is not a payment, most for the reason missing_field: the list of rejects says what is \
                 wrong with each. If payment.* does not fit the records, tidegauge rejects replay takes them once it \
                 does"
            )
        );
        let share = told(20, 1_980).unwrap();
        assert!(
            share.starts_with("20 of 2000 records are not payments"),
            "{share}"
        );
    }

    #[test]
    fn payments_past_retention_are_told() {
        let ledger = booked(Entry::PastRetention, 3);
        let told = remarks(&ledger, &Notices::default(), &BTreeMap::new());
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("3 payments came when their windows"));
    }

    #[test]
    fn orders_that_came_again_with_another_amount_are_told() {
        let ledger = booked(Entry::Conflict, 1);
        let told = remarks(&ledger, &Notices::default(), &BTreeMap::new());
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("1 payment has the order id of another one"));
        let ledger = booked(Entry::Duplicate, 9);
        assert!(remarks(&ledger, &Notices::default(), &BTreeMap::new()).is_empty());
    }

    fn told(ledger: &Ledger) -> Vec<String> {
        remarks(ledger, &Notices::default(), &BTreeMap::new())
    }

    #[test]
    fn one_payment_is_told_in_the_singular() {
        let notices = Notices {
            unreal_timestamps: 1,
            times_like_seconds: 1,
            ..Notices::default()
        };
        let ledger = booked(Entry::PastRetention, 1);
        let told = remarks(&ledger, &notices, &BTreeMap::new());
        assert!(
            told[0].starts_with("1 payment is in a record whose"),
            "{told:?}"
        );
        assert!(
            told[1].starts_with("1 payment is dated January"),
            "{told:?}"
        );
        assert!(
            told[2].starts_with(
                "1 payment came when its windows were past retention, so it is in no window"
            ),
            "{told:?}"
        );
    }

    #[test]
    fn a_share_of_future_or_too_late_payments_is_told_from_one_percent_on() {
        for (entry, words) in [
            (
                Entry::Future,
                "1 % of payments (20 of 2000) are too far ahead",
            ),
            (Entry::TooLate, "1 % of payments (20 of 2000) came too late"),
        ] {
            let mut ledger = booked(Entry::OnTime, 1_980);
            ledger.merge(&booked(entry, 20));
            let some = told(&ledger);
            assert!(some.len() == 1 && some[0].starts_with(words), "{some:?}");
            let mut ledger = booked(Entry::OnTime, 1_980);
            ledger.merge(&booked(entry, 19));
            assert_eq!(told(&ledger), Vec::<String>::new());
            let most = told(&booked(entry, 2_000));
            assert!(most[0].starts_with("2000 of 2000 payments"), "{most:?}");
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
