//! The bytes of values are frozen, come back as they were, and no damaged byte panics.
#![allow(clippy::unwrap_used)]

use std::fmt::Debug;

use ethnum::I256;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use tidegauge_windows::{
    Aggregate, Jump, Keys, Participation, PartitionTime, QuietClose, Snapshot, Span, Summary,
};

use super::*;
use crate::core::effect::{NoWindowReason, PaymentInNoWindow, RejectedRecord};
use crate::decode::Reason;
use crate::domain::amount::Amount;
use crate::domain::provenance::FormerRules;
use crate::store::head::{CheckpointHead, NumberRange};

fn times() -> impl Strategy<Value = EventTime> {
    any::<i64>().prop_map(EventTime::from_millis)
}

fn wide() -> impl Strategy<Value = I256> {
    (any::<i128>(), any::<i128>()).prop_map(|(high, low)| I256::from_words(high, low))
}

fn stretches() -> impl Strategy<Value = Stretch> {
    (times(), times()).prop_map(|(start, end)| Stretch::new(start, end))
}

fn origins() -> impl Strategy<Value = Origin> {
    (any::<i32>(), any::<i64>()).prop_map(|(partition, offset)| Origin { partition, offset })
}

fn summaries() -> impl Strategy<Value = Summary> {
    let amounts = prop_oneof![any::<i128>(), -1_000_000..1_000_000_i128];
    vec((amounts, any::<bool>()), 0..200).prop_map(|payments| {
        let mut summary = Summary::default();
        for (amount, late) in payments {
            summary.add(&amount, late);
        }
        summary
    })
}

fn totals() -> impl Strategy<Value = Total> {
    let ahead = option::of(times());
    (1..=u64::MAX, wide(), times(), times(), ahead).prop_map(
        |(count, amount, first, last, ahead)| Total {
            count,
            amount,
            first,
            last,
            known_since: ahead.unwrap_or(first),
        },
    )
}

fn progress() -> impl Strategy<Value = Progress> {
    let fingerprint = (any::<i64>(), any::<i64>(), any::<u64>());
    let first = option::of(any::<i64>());
    (any::<i64>(), first, option::of(fingerprint)).prop_map(|(position, first, fingerprint)| {
        Progress {
            position,
            first,
            fingerprint: fingerprint.map(|(offset, timestamp, hash)| Fingerprint {
                offset,
                timestamp,
                hash,
            }),
        }
    })
}

fn keys() -> impl Strategy<Value = Keys> {
    prop_oneof![
        Just(Keys::None),
        any::<u64>().prop_map(Keys::One),
        Just(Keys::Several)
    ]
}

fn snapshots() -> impl Strategy<Value = Snapshot> {
    let participation = prop_oneof![
        Just(Participation::Active),
        Just(Participation::Idle),
        Just(Participation::Returning)
    ];
    let jump =
        (times(), keys(), any::<u8>()).prop_map(|(to, keys, agreed)| Jump { to, keys, agreed });
    let partition = (
        option::of(times()),
        option::of(jump),
        keys(),
        any::<u32>(),
        participation,
    )
        .prop_map(
            |(highest, jump, keys, travelled, participation)| PartitionTime {
                highest,
                jump,
                keys,
                travelled: Span::from_millis(travelled.into()),
                participation,
            },
        );
    let close = (times(), times(), times()).prop_map(|(after, until, latest)| QuietClose {
        after,
        until,
        latest,
    });
    (
        btree_map(any::<i32>(), partition, 0..6),
        option::of(times()),
        vec(close, 0..4),
        vec(stretches(), 0..4),
        (
            option::of(times()),
            option::of(times()),
            option::of(times()),
        ),
    )
        .prop_map(
            |(partitions, watermark, quiet_closes, activity, (latest, zeros_end_at, floor))| {
                Snapshot {
                    partitions,
                    watermark,
                    quiet_closes,
                    activity,
                    latest,
                    zeros_end_at,
                    floor,
                }
            },
        )
}

fn payments_in_no_window() -> impl Strategy<Value = PaymentInNoWindow> {
    let reason = prop_oneof![
        Just(NoWindowReason::TooLate),
        Just(NoWindowReason::PastRetention),
        Just(NoWindowReason::Future),
        Just(NoWindowReason::Conflict)
    ];
    let amount = any::<i64>().prop_map(|units| Amount::from_units(i128::from(units)));
    (
        (origins(), option::of(any::<i64>()), reason, times()),
        (option::of(times()), any::<u32>(), amount, any::<String>()),
    )
        .prop_map(
            |((origin, timestamp, reason, event_time), (watermark, branch, amount, read))| {
                PaymentInNoWindow {
                    origin,
                    timestamp,
                    reason,
                    event_time,
                    watermark,
                    branch: BranchId::from_bits(branch),
                    amount,
                    read,
                }
            },
        )
}

fn rejects() -> impl Strategy<Value = RejectedRecord> {
    (
        origins(),
        option::of(any::<i64>()),
        proptest::sample::select(Reason::ALL.to_vec()),
        any::<String>(),
        any::<String>(),
    )
        .prop_map(|(origin, timestamp, reason, detail, read)| RejectedRecord {
            origin,
            timestamp,
            reason,
            detail,
            read,
        })
}

fn heads() -> impl Strategy<Value = CheckpointHead> {
    (
        any::<[u64; 6]>(),
        vec((any::<u64>(), wide()), Entry::ALL.len()),
        any::<[u64; 6]>(),
        any::<i64>(),
        option::of(times()),
    )
        .prop_map(|(numbers, entries, rejects, as_of, floor)| {
            let mut ledger = Ledger::default();
            ledger.consumed = numbers[0];
            for (entry, (count, amount)) in Entry::ALL.into_iter().zip(entries) {
                ledger.set(entry, Count { count, amount });
            }
            CheckpointHead {
                sequence: numbers[1],
                as_of,
                ledger,
                notices: Notices {
                    rounded: numbers[2],
                    skipped_local_times: numbers[3],
                    repeated_local_times: numbers[4],
                    unnamed_branches: numbers[5],
                    unreal_timestamps: numbers[0],
                    times_like_seconds: numbers[4],
                    distances: Distances {
                        payments: numbers[1],
                        away: [(as_of, numbers[2])].into(),
                    },
                    rejects,
                },
                dirty: numbers[3],
                in_no_window: NumberRange {
                    first: numbers[1],
                    next: numbers[4],
                    gaps: numbers[3],
                },
                rejects: NumberRange {
                    first: numbers[5],
                    next: numbers[0],
                    gaps: numbers[2],
                },
                floor,
                given_up: numbers[1],
                repeated: NumberRange {
                    first: numbers[2],
                    next: numbers[5],
                    gaps: 0,
                },
            }
        })
}

fn comes_back<V: StoredValue + PartialEq + Debug>(value: &V) -> Result<(), TestCaseError> {
    let bytes = value.encode();
    let back = V::decode(&bytes);
    prop_assert_eq!(back.as_ref().ok(), Some(value));
    // A value cut short is not taken for another one.
    for len in 0..bytes.len() {
        prop_assert!(
            V::decode(&bytes[..len]).is_err(),
            "{} of {}",
            len,
            bytes.len()
        );
    }
    Ok(())
}

fn hex(value: &impl StoredValue) -> String {
    let bytes = value.encode();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_summary_has_frozen_bytes() {
    assert_eq!(hex(&Summary::default()), "00");
    let mut summary = Summary::default();
    summary.add(&3, false);
    summary.add(&-2, true);
    summary.add(&1_000, false);
    // Count 3, sum 1,001, min −2, max 1,000, 1 late of −2; 1 each in the bins −2, 3 and 506.
    assert_eq!(hex(&summary), "03d20f03d00f010303010a01ee0701");
}

#[test]
fn a_summary_is_small() {
    let mut summary = Summary::default();
    for i in 0..100_000_i128 {
        summary.add(&(i * 2_000_000_000_000_000_000), false);
    }
    let bins = summary.histogram.bins().count();
    assert!(bins > 1_000);
    assert!(summary.encode().len() < 3 * bins + 80);
}

proptest! {
    #[test]
    fn every_value_comes_back(
        summary in summaries(), total in totals(), progress in progress(),
        snapshot in snapshots(), late in payments_in_no_window(), reject in rejects(), head in heads(),
        ids in vec(any::<u32>(), 0..9),
        former in vec(("[a-z =\n]{0,9}", btree_map(any::<i32>(), any::<i64>(), 0..4)), 0..4),
    ) {
        comes_back(&summary)?;
        comes_back(&total)?;
        comes_back(&progress)?;
        comes_back(&snapshot)?;
        comes_back(&late)?;
        comes_back(&reject)?;
        comes_back(&head)?;
        let branches: Vec<BranchId> = ids.into_iter().map(BranchId::from_bits).collect();
        comes_back(&branches)?;
        let former = former.into_iter();
        let former = former.map(|(rules, positions)| FormerRules { rules, positions });
        comes_back(&former.collect::<Vec<_>>())?;
    }

    #[test]
    fn no_bytes_panic(mut bytes: Vec<u8>, format in option::of(0u8..3)) {
        if let (Some(first), Some(format)) = (bytes.first_mut(), format) {
            *first = format;
        }
        let _ = Summary::decode(&bytes);
        let _ = Total::decode(&bytes);
        let _ = Progress::decode(&bytes);
        let _ = Snapshot::decode(&bytes);
        let _ = PaymentInNoWindow::decode(&bytes);
        let _ = RejectedRecord::decode(&bytes);
        let _ = CheckpointHead::decode(&bytes);
        let _ = Vec::<BranchId>::decode(&bytes);
    }

    #[test]
    fn no_damage_to_a_value_panics(summary in summaries(), snapshot in snapshots(), at: prop::sample::Index, byte: u8) {
        let mut bytes = summary.encode();
        let index = at.index(bytes.len());
        bytes[index] = byte;
        let _ = Summary::decode(&bytes);
        let mut bytes = snapshot.encode();
        let index = at.index(bytes.len());
        bytes[index] = byte;
        let _ = Snapshot::decode(&bytes);
    }
}

#[test]
fn an_older_total_of_future_payments_alone_does_not_make_its_branch_known() {
    let old = Total {
        count: 1,
        ..Total::ZERO
    };
    let read = Total::decode(&old.encode()).unwrap();
    assert_eq!(read, old);
    assert_eq!(read.branch_known_since(), None);
}

#[test]
fn a_total_in_a_form_that_is_never_written_is_refused() {
    let at = EventTime::from_millis;
    let ahead = Total {
        count: 1,
        amount: I256::ONE,
        first: at(4),
        last: at(5),
        known_since: at(3),
    };
    assert_eq!(hex(&ahead), "00060102080a");
    assert_eq!(Total::decode(&[0, 6, 1, 2, 8, 10]), Ok(ahead));
    // One without a payment, and one whose earliest payment has two forms.
    for bytes in [[0, 6, 0, 2, 8, 10], [0, 8, 1, 2, 8, 10]] {
        assert_eq!(Total::decode(&bytes), Err(Malformed), "{bytes:?}");
    }
}

#[test]
fn topics_texts_and_what_is_marked_have_frozen_bytes() {
    let topic = TopicId::new(0x0123_4567_89ab_cdef_fedc_ba98_7654_3210).unwrap();
    assert_eq!(hex(&topic), "0123456789abcdeffedcba9876543210");
    assert_eq!(TopicId::decode(&topic.encode()), Ok(topic));
    assert_eq!(TopicId::decode(&[0; 16]), Err(Malformed));
    let text = "é".to_owned();
    assert_eq!(hex(&text), "02c3a9");
    assert_eq!(String::decode(&text.encode()), Ok(text));
    let all = [
        MarkedDocuments::None,
        MarkedDocuments::WithPayments,
        MarkedDocuments::ZeroWindowsToo,
    ];
    for (byte, documents) in (0_u8..).zip(all) {
        assert_eq!(documents.encode(), [byte]);
        assert_eq!(MarkedDocuments::decode(&[byte]), Ok(documents));
    }
    assert_eq!(MarkedDocuments::decode(&[3]), Err(Malformed));
}

#[test]
fn names_of_branches_come_back_and_each_branch_has_one() {
    let branch = |id| BranchId::new(id).unwrap();
    let names = [
        (branch(1), "Nord/Süd\n".to_owned()),
        (branch(2), String::new()),
    ];
    let names = StoredNames::from(names);
    let mut bytes = names.encode();
    assert_eq!(StoredNames::decode(&bytes), Ok(names));
    let second = bytes.len() - 2;
    assert_eq!(bytes[second..], [2, 0]);
    bytes[second] = 1;
    assert_eq!(StoredNames::decode(&bytes), Err(Malformed));
}
