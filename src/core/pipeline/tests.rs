#![allow(clippy::unwrap_used)]

use ethnum::I256;
use tidegauge_windows::{Definition, Span};
use xxhash_rust::xxh3::xxh3_64;

mod duplicates;

use super::listing::READ_BYTES_MAX;
use super::*;
use crate::core::distance::Distances;
use crate::core::effect::{Fingerprint, NoWindowReason};
use crate::decode::mapping::{BranchType, Mapping, MappingSettings};
use crate::domain::branch_key::BranchKey;
use crate::domain::branch_names::BranchNames;
use crate::domain::total::Total;

/// 2026-11-01T00:00:00Z.
const START: i64 = 1_793_491_200_000;

fn pipeline() -> Pipeline {
    pipeline_of(&["1"])
}

/// A pipeline with names for the branches `listed`.
fn pipeline_of(listed: &[&str]) -> Pipeline {
    let zone = chrono_tz::Europe::Berlin;
    let definition = Definition::tumbling("1m", Span::MINUTE, Span::ZERO, chrono_tz::UTC).unwrap();
    let settings = Settings {
        definitions: vec![definition],
        out_of_orderness: Span::SECOND.times(5),
        allowed_lateness: Span::HOUR,
        max_future: Span::MINUTE.times(5),
        retention: Span::DAY.times(35),
        zero_windows: true,
    };
    let names = listed.iter();
    let names = names.map(|id| (id.parse().unwrap(), format!("Name of {id}")));
    let names = BranchNames::new(names.collect());
    let mut rules = DecodeRules::from(zone);
    if names.has_texts() {
        rules.mapping = Arc::new(Mapping::new(MappingSettings {
            branch_type: BranchType::Any,
            ..MappingSettings::default()
        }));
    }
    Pipeline::new(
        Arc::new(settings),
        rules,
        Arc::new(Branches::of_names(&Arc::new(names))),
        PipelineStart::default(),
    )
}

fn payment(time: &str, amount: &str, branch: u32) -> String {
    format!(
        r#"{{"createTime":"{time}","orderId":1,"payAmount":{amount},"payPlatform":0,"branchId":{branch}}}"#
    )
}

/// So many payments of two branches at `seconds` after the start are enough for the time to be believed.
const BELIEVED: i64 = 40;

fn reach(pipeline: &mut Pipeline, partition: i32, offset: i64, seconds: i64) {
    let at = START + seconds * 1_000;
    for offset in offset..offset + BELIEVED {
        let time = crate::domain::timestamp::rfc3339(EventTime::from_millis(at));
        let payload = payment(&time, "1.00", 1 + (offset % 2) as u32);
        pipeline
            .apply([record(partition, offset, at, &payload)])
            .unwrap();
    }
}

fn record(partition: i32, offset: i64, timestamp: i64, payload: &str) -> Record<'_> {
    Record {
        partition,
        offset,
        timestamp: Some(timestamp),
        payload: Some(payload.as_bytes()),
        ..Record::default()
    }
}

#[test]
fn what_is_unusual_about_payments_is_counted_each_by_itself() {
    let mut pipeline = pipeline();
    let payments = [
        (START, payment("2026-11-01T00:00:00Z", "1.00", 1)),
        // 19 decimals.
        (
            START,
            payment("2026-11-01T00:00:01Z", "0.1234567890123456789", 1),
        ),
        // In Berlin 02:30 is not there in March, and there twice in October.
        (1_774_746_000_000, payment("2026-03-29 02:30:00", "1.00", 1)),
        (1_792_888_200_000, payment("2026-10-25 02:30:00", "1.00", 1)),
        (1_792_888_200_000, payment("2026-10-25 02:30:00", "1.00", 1)),
        // Only branch 1 has a name.
        (START, payment("2026-11-01T00:00:02Z", "1.00", 2)),
        // Seconds for milliseconds: of the record, and of the payment.
        (START / 1_000, payment("2026-11-01T00:00:03Z", "1.00", 1)),
        (START / 1_000, payment("2026-11-01T00:00:04Z", "1.00", 1)),
        (START / 1_000, payment("2026-11-01T00:00:05Z", "1.00", 1)),
        (START, payment("", "1.00", 1).replace(r#""""#, "1793491200")),
        // Four hours ahead of its record.
        (START, payment("2026-11-01T04:00:00Z", "1.00", 1)),
    ];
    for (offset, (timestamp, payload)) in (0..).zip(&payments) {
        pipeline
            .apply([record(0, offset, *timestamp, payload)])
            .unwrap();
    }
    let notices = pipeline.take_effects().notices;
    let away = notices.distances.away.clone();
    assert_eq!(away.get(&16), Some(&1), "{away:?}");
    assert_eq!(notices.distances.payments, 8);
    assert_eq!(
        notices,
        Notices {
            rounded: 1,
            skipped_local_times: 1,
            repeated_local_times: 2,
            unnamed_branches: 1,
            unreal_timestamps: 3,
            times_like_seconds: 1,
            distances: Distances { payments: 8, away },
            rejects: [0; 6],
        }
    );
    assert_eq!(pipeline.take_effects().notices, Notices::default());
}

#[test]
fn a_reject_and_a_payment_in_no_window_are_kept_with_what_was_read() {
    let mut pipeline = pipeline();
    let long = "x".repeat(READ_BYTES_MAX + 1);
    pipeline
        .apply([record(3, 7, START / 1_000, &long)])
        .unwrap();
    reach(&mut pipeline, 3, 8, 7_200);
    let late = payment("2026-11-01T00:00:00Z", "2.00", 1);
    let future = payment("2026-11-01T04:00:00Z", "3.00", 1);
    pipeline
        .apply([
            record(3, 50, START + 7_200_000, &late),
            record(3, 51, START, &future),
        ])
        .unwrap();
    let effects = pipeline.take_effects();
    let [reject] = &effects.rejects[..] else {
        panic!("{:?}", effects.rejects)
    };
    assert_eq!(reject.read.len(), READ_BYTES_MAX);
    assert_eq!((reject.origin.partition, reject.origin.offset), (3, 7));
    // It can't be the timestamp of a record.
    assert_eq!(reject.timestamp, None);
    assert_eq!(effects.notices.rejects.iter().sum::<u64>(), 1);
    assert_eq!(effects.notices.rejects[reject.reason as usize], 1);
    let kept: Vec<_> = effects
        .in_no_window
        .iter()
        .map(|kept| {
            let watermark = kept.watermark.map(EventTime::millis);
            (kept.origin.offset, kept.reason, kept.timestamp, watermark)
        })
        .collect();
    let watermark = Some(START + 7_200_000 - 5_000);
    let now = Some(START + 7_200_000);
    assert_eq!(
        kept,
        [
            (50, NoWindowReason::TooLate, now, watermark),
            (51, NoWindowReason::Future, Some(START), watermark),
        ]
    );
    assert_eq!(effects.in_no_window[0].read, late);
}

#[test]
fn what_is_held_until_the_next_checkpoint_is_estimated() {
    let mut pipeline = pipeline();
    assert_eq!(pipeline.pending_bytes(), 0);
    pipeline.apply([record(0, 0, START, "no payment")]).unwrap();
    let reject = pipeline.pending_bytes();
    assert!((110..400).contains(&reject), "{reject}");
    // Two branches, each with a cell, from which its total follows.
    reach(&mut pipeline, 0, 1, 7_200);
    let cells = 2 * CELL_BYTES;
    assert_eq!(pipeline.pending_bytes(), reject + cells);
    let late = payment("2026-11-01T00:00:00Z", "1.00", 1);
    pipeline
        .apply([record(0, 41, START + 7_200_000, &late)])
        .unwrap();
    // Listed, and in its total by itself.
    let all = reject + cells + late.len() + 150 + 100;
    assert_eq!(pipeline.pending_bytes(), all);
    drop(pipeline.take_effects());
    assert_eq!(pipeline.pending_bytes(), 0);
}

#[test]
fn a_partition_goes_on_behind_its_last_record_and_knows_where_it_began() {
    let mut pipeline = pipeline();
    pipeline.assign(0, 5);
    pipeline.assign(0, 4);
    let payload = payment("2026-11-01T00:00:00Z", "1.00", 1);
    pipeline
        .apply([
            record(0, 5, START, &payload),
            record(1, 9, START, &payload),
            record(0, 7, START, &payload),
        ])
        .unwrap();
    let fingerprint = |offset| Fingerprint {
        offset,
        timestamp: START,
        hash: xxh3_64(payload.as_bytes()),
    };
    let progress = |position, first, last| Progress {
        position,
        first,
        fingerprint: last,
    };
    let expected = [
        (0, progress(8, Some(5), Some(fingerprint(7)))),
        // Never assigned.
        (1, progress(10, None, Some(fingerprint(9)))),
    ];
    assert_eq!(*pipeline.progress(), BTreeMap::from(expected));
    // The offsets between were deleted, or are markers.
    assert!(!pipeline.skip_to(0, 8));
    assert!(pipeline.skip_to(0, 9));
    assert!(pipeline.skip_to(2, 3));
    let expected = [
        (0, progress(9, Some(5), Some(fingerprint(7)))),
        (1, progress(10, None, Some(fingerprint(9)))),
        (2, progress(3, Some(3), None)),
    ];
    assert_eq!(pipeline.take_effects().progress, BTreeMap::from(expected));
}

#[test]
fn partitions_with_payments_on_time_are_told_once() {
    let mut pipeline = pipeline();
    let payload = payment("2026-11-01T00:00:00Z", "1.00", 1);
    pipeline
        .apply([
            record(0, 0, START, &payload),
            record(2, 0, START, &payload),
            record(0, 1, START, &payload),
            record(1, 0, START, "no payment"),
        ])
        .unwrap();
    assert_eq!(pipeline.take_on_time(), BTreeSet::from([0, 2]));
    assert_eq!(pipeline.take_on_time(), BTreeSet::new());
    pipeline.apply([record(0, 2, START, &payload)]).unwrap();
    assert_eq!(pipeline.take_on_time(), BTreeSet::from([0]));
}

#[test]
fn a_rejected_record_is_booked_and_passed_as_any_other() {
    let mut pipeline = pipeline();
    let Decoded::Reject(reject) = Decoder::original(chrono_tz::UTC).decode(&Record::of(Some(b"7")))
    else {
        panic!("a number is not a payment")
    };
    pipeline.apply_rejected(&record(4, 2, START, "7"), reject);
    let effects = pipeline.take_effects();
    assert_eq!(effects.ledger.consumed, 1);
    assert!(effects.ledger.balanced());
    assert_eq!(effects.rejects.len(), 1);
    assert_eq!(effects.progress[&4].position, 3);
}

//  2 min of silence; the window of minute 0 has ended by the wall clock
//  |  payment  |           |           |
//  0          60          120         180 s
#[test]
fn silence_and_idleness_reach_the_engine() {
    let mut pipeline = pipeline();
    pipeline.assign(0, 0);
    pipeline.assign(1, 0);
    reach(&mut pipeline, 0, 0, 30);
    let later = EventTime::from_millis(START + 180_000);
    assert_eq!(pipeline.watermark(), None);
    pipeline.set_idle(1, true);
    assert_eq!(
        pipeline.watermark(),
        Some(EventTime::from_millis(START + 25_000))
    );
    assert!(!pipeline.close_quiet(later), "partition 0 is not idle");
    pipeline.set_idle(0, true);
    assert!(pipeline.close_quiet(later));
    assert!(!pipeline.close_quiet(later), "nothing is left to close");
    let changes = pipeline.take_effects().changes;
    assert!(!changes.finals.is_empty());
    assert_eq!(
        pipeline.engine().partition_watermark(0),
        pipeline.watermark()
    );
    // Records are still to be read: it is idle no more.
    pipeline.resume(1);
    reach(&mut pipeline, 0, BELIEVED, 90);
    pipeline.set_idle(0, true);
    let much_later = later.plus(Span::HOUR);
    assert!(!pipeline.close_quiet(much_later), "partition 1 is awaited");
    pipeline.set_idle(1, true);
    assert!(pipeline.close_quiet(much_later));
}

#[test]
fn a_payment_of_the_future_is_in_the_total_and_only_makes_its_branch_known() {
    let mut pipeline = pipeline();
    let branch = |id| BranchId::new(id).unwrap();
    let at = |seconds: i64| EventTime::from_millis(START + seconds * 1_000);
    let total = |count, ones: i128, first, last, known_since| Total {
        count,
        amount: I256::from(ones * 1_000_000_000_000_000_000),
        first,
        last,
        known_since,
    };
    let future = at(4 * 3_600);
    let payments = [
        payment("2026-11-01T00:00:30Z", "1.00", 2),
        payment("2026-11-01T04:00:00Z", "2.00", 2),
        payment("2026-11-01T00:00:10Z", "4.00", 2),
        payment("2026-11-01T04:00:00Z", "8.00", 3),
    ];
    for (offset, payload) in (0..).zip(&payments) {
        pipeline.apply([record(0, offset, START, payload)]).unwrap();
    }
    let effects = pipeline.take_effects();
    let expected = [
        (branch(2), total(3, 7, at(10), at(30), at(10))),
        (
            branch(3),
            total(1, 8, EventTime::MAX, EventTime::MIN, future),
        ),
    ];
    assert_eq!(effects.totals, BTreeMap::from(expected));
    let known = [
        // It has a name.
        (branch(1), EventTime::MIN),
        // Each payment of the future by itself, and then what slices say.
        (branch(2), future),
        (branch(3), future),
        (branch(2), at(10)),
    ];
    assert_eq!(effects.changes.known, known);
    // The next checkpoint holds the addition alone: the branch is known already.
    pipeline.apply([record(0, 4, START, &payments[0])]).unwrap();
    let effects = pipeline.take_effects();
    let expected = [(branch(2), total(1, 1, at(30), at(30), at(30)))];
    assert_eq!(effects.totals, BTreeMap::from(expected));
    assert!(effects.changes.known.is_empty());
}

#[test]
fn a_branch_that_is_a_text_has_its_own_figures_and_an_integer_in_quotes_is_the_integer() {
    let mut pipeline = pipeline_of(&["DE-1"]);
    let ids = [
        r#""DE-1""#,
        "7",
        r#""7""#,
        r#""\u00c4/\ud83c\udfea""#,
        r#""DE-1""#,
        r#""""#,
    ];
    let payloads: Vec<String> = ids
        .iter()
        .map(|id| {
            format!(r#"{{"createTime":"2026-11-01 01:00:00","payAmount":1,"branchId":{id}}}"#)
        })
        .collect();
    pipeline
        .apply((0..).zip(&payloads).map(|(offset, payload)| Record {
            partition: 0,
            offset,
            timestamp: Some(START),
            payload: Some(payload.as_bytes()),
            ..Record::default()
        }))
        .unwrap();
    let effects = pipeline.take_effects();
    let counts = effects
        .totals
        .iter()
        .map(|(branch, total)| (pipeline.branches.key(*branch), total.count));
    let key = |text: &str| text.parse::<BranchKey>().unwrap();
    assert_eq!(
        counts.collect::<Vec<_>>(),
        [(key("7"), 2), (key("DE-1"), 2), (key("Ä/🏪"), 1)]
    );
    assert_eq!(effects.rejects.len(), 1);
    assert_eq!(effects.notices.unnamed_branches, 3);
}
