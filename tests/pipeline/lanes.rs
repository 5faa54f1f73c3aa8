//! Lanes: however many there are, and whatever happens meanwhile, all figures are those of the log.

mod log;
mod run;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use ethnum::I256;
use proptest::prelude::*;
use tidegauge::core::pipeline::{Pipeline, PipelineStart};
use tidegauge::core::pipeline_lanes::PipelineLanes;
use tidegauge::domain::branch::Branches;
use tidegauge::domain::ledger::Entry;
use tidegauge::domain::payment::BranchId;
use tidegauge::domain::record::Record;
use tidegauge_windows::{EventTime, Summary, WindowResult};

use self::log::{PARTITIONS, log, piece};
use self::run::{InNoWindow, State, rules, run, step};
use crate::support::oracle::{self, Horizon, Truth, WINDOWS, truth_by};

fn horizon() -> impl Strategy<Value = Option<Horizon>> {
    let within = prop_oneof![Just(60_000_i64), Just(3_600_000), Just(172_800_000)];
    let some = (within, prop_oneof![Just(5_u64), Just(1_000)]);
    let some = some.prop_map(|(within, max_ids)| Some(Horizon { within, max_ids }));
    prop_oneof![Just(None), some]
}

fn assert_is_truth(state: &State, truth: &Truth, log: &[oracle::Record]) {
    assert_eq!(state.ledger.consumed, truth.consumed);
    for entry in Entry::ALL {
        let booked = state.ledger.entry(entry);
        let (count, amount) = truth
            .ledger
            .get(entry.as_str())
            .copied()
            .unwrap_or_default();
        assert_eq!(
            (booked.count, booked.amount),
            (count, I256::from(amount)),
            "{entry:?}"
        );
    }
    let totals: BTreeMap<u32, _> = state
        .totals
        .iter()
        .map(|(branch, total)| {
            let total = oracle::Total {
                count: total.count,
                sum: total.amount.as_i128(),
                first: total.first.millis(),
                last: total.last.millis(),
            };
            (branch.get(), total)
        })
        .collect();
    let expected = truth.totals.iter().map(|(branch, total)| {
        let (first, last) = match total.last {
            i64::MIN => (EventTime::MAX.millis(), EventTime::MIN.millis()),
            last => (total.first, last),
        };
        (
            *branch,
            oracle::Total {
                first,
                last,
                ..total.clone()
            },
        )
    });
    assert_eq!(totals, expected.collect());
    let in_no_window = truth.late.iter().map(|(at, listed)| {
        let payment = listed.payment.unwrap();
        let fields = InNoWindow {
            reason: listed.reason,
            event_time: payment.time,
            watermark: listed.watermark,
            branch: payment.branch,
            units: payment.amount,
        };
        (*at, fields)
    });
    assert_eq!(state.in_no_window, in_no_window.collect());
    let rejects = truth
        .rejected
        .iter()
        .map(|(at, listed)| (*at, listed.reason));
    assert_eq!(state.rejects, rejects.collect());
    for partition in 0..PARTITIONS {
        let length = log
            .iter()
            .filter(|record| record.partition == partition)
            .count();
        let progress = state.start.progress[&partition];
        assert_eq!(progress.position, length as i64);
        let last = progress
            .fingerprint
            .map(|fingerprint| fingerprint.offset + 1);
        assert_eq!(last.unwrap_or(0), length as i64);
    }
    assert_windows(state, truth);
}

fn assert_windows(state: &State, truth: &Truth) {
    // A quiet close makes more windows final, and so does a first payment that nothing agreed with.
    let is_comparable = !state.was_quiet && !truth.may_be_final_early;
    let figure = |count, sum, late_count, late_sum, is_final: bool| {
        (count, sum, late_count, late_sum, is_final && is_comparable)
    };
    let given: BTreeMap<_, _> = state
        .windows()
        .into_iter()
        .map(|result| {
            let (window, all) = (result.window, result.aggregate);
            let name = WINDOWS[usize::from(result.definition)];
            let key = (
                name,
                window.start.millis(),
                result.key.get(),
                window.end.millis(),
            );
            let is_final = result.closed_by.is_some();
            let sums = (all.sum.as_i128(), all.late_sum.as_i128());
            (
                key,
                figure(all.count, sums.0, all.late_count, sums.1, is_final),
            )
        })
        .filter(|(_, figure)| figure.0 > 0 || is_comparable)
        .collect();
    let expected: BTreeMap<_, _> = truth
        .windows
        .iter()
        .map(|(key, of)| {
            (
                *key,
                figure(of.count, of.sum, of.late_count, of.late_sum, of.is_final),
            )
        })
        .filter(|(_, figure)| figure.0 > 0 || is_comparable)
        .collect();
    assert_eq!(given.len(), expected.len());
    for (given, expected) in given.iter().zip(&expected) {
        assert_eq!(given, expected);
    }
}

/// What is in windows, without what depends on when windows were final.
fn figures(state: &State) -> Vec<WindowResult<BranchId, Summary>> {
    let windows = state.windows().into_iter();
    let with_payments = windows.filter(|result| result.aggregate.count > 0);
    let figures = with_payments.map(|result| WindowResult {
        revision: 0,
        closed_by: None,
        ..result
    });
    figures.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn figures_lists_and_positions_are_those_of_the_log_for_any_number_of_lanes(
        pieces in prop::collection::vec(piece(), 1..250),
        steps in prop::collection::vec(step(), 4..40),
        counts in prop::collection::vec(1..=8_usize, 8),
        zero_windows: bool,
        duplicates in horizon(),
    ) {
        let log = log(&pieces, 1);
        let rules = rules(3_650, zero_windows, duplicates);
        let lanes = run(&rules, &log, &steps, &counts, false);
        let of_log = oracle::Rules {
            zero_windows,
            duplicates,
            ..oracle::Rules::default()
        };
        assert_is_truth(&lanes, &truth_by(&of_log, &log), &log);
        let one = run(&rules, &log, &steps, &[1], false);
        prop_assert_eq!(figures(&lanes), figures(&one));
        prop_assert_eq!(&lanes.repeated, &one.repeated);
        prop_assert_eq!(&lanes.notices, &one.notices);
        prop_assert_eq!(&lanes.totals, &one.totals);
    }

    #[test]
    fn the_combined_watermark_after_a_checkpoint_is_the_same_for_any_number_of_lanes(
        pieces in prop::collection::vec(piece(), 1..250),
        steps in prop::collection::vec(step(), 4..40),
        several in prop::collection::vec(2..=8_usize, 8),
        any in prop::collection::vec(1..=8_usize, 8),
    ) {
        let (log, rules) = (log(&pieces, 1), rules(3_650, false, None));
        let two = run(&rules, &log, &steps, &[2], false);
        prop_assert_eq!(two.watermarks, run(&rules, &log, &steps, &several, false).watermarks);
        // One pipeline by itself moves it after each batch.
        let one = run(&rules, &log, &steps, &[1], true);
        prop_assert_eq!(one.watermarks, run(&rules, &log, &steps, &any, true).watermarks);
    }

    // Each checkpoint is looked at: nothing in it is of a window that may be deleted by then.
    #[test]
    fn no_payment_after_a_checkpoint_is_in_a_window_that_it_deleted(
        pieces in prop::collection::vec(piece(), 100..400),
        steps in prop::collection::vec(step(), 4..40),
        counts in prop::collection::vec(1..=8_usize, 8),
    ) {
        let (log, rules) = (log(&pieces, 8), rules(2, true, None));
        let lanes = run(&rules, &log, &steps, &counts, false);
        let one = run(&rules, &log, &steps, &[1], false);
        // Totals have what is past retention too.
        prop_assert_eq!(lanes.totals, one.totals);
        prop_assert_eq!(lanes.ledger.consumed, one.ledger.consumed);
    }
}

#[test]
fn lanes_on_threads_give_what_one_pipeline_gives() {
    let values: Vec<(i32, i64, String)> = (0..6_000_i64)
        .map(|number| {
            let time = log::START + number * 250;
            let branch = number * 7 % 11;
            let value =
                format!(r#"{{"createTime":{time},"payAmount":{number}e-2,"branchId":{branch}}}"#);
            ((number % 5) as i32, time, value)
        })
        .collect();
    let records: Vec<Record<'_>> = (0..)
        .zip(&values)
        .map(|(number, (partition, time, value))| Record {
            partition: *partition,
            offset: number / 5,
            timestamp: Some(*time),
            payload: Some(value.as_bytes()),
            ..Record::default()
        })
        .collect();
    let settings = rules(3_650, true, None).settings;
    let pipeline = || {
        let branches = Arc::new(Branches::default());
        Pipeline::new(
            Arc::clone(&settings),
            chrono_tz::UTC,
            branches,
            PipelineStart::default(),
        )
    };
    let mut one = pipeline();
    one.apply(records.iter().copied()).unwrap();
    let one = one.take_effects();
    let mut lanes = PipelineLanes::new(pipeline(), NonZeroUsize::new(3).unwrap());
    for batch in values.chunks(1_000).zip(0..) {
        let taken: Vec<Pipeline> = (0..3).map(|lane| lanes.take(lane).unwrap()).collect();
        assert!(lanes.take(0).is_none());
        let offset = i64::from(batch.1) * 200;
        let applied = thread::scope(|scope| {
            let threads: Vec<_> = taken
                .into_iter()
                .map(|mut pipeline| {
                    let lane = pipeline.lane();
                    let batch = batch.0;
                    scope.spawn(move || {
                        let its = (0..)
                            .zip(batch)
                            .filter(|(_, (partition, _, _))| lane.has(*partition));
                        let records = its.map(|(number, (partition, time, value))| Record {
                            partition: *partition,
                            offset: offset + number / 5,
                            timestamp: Some(*time),
                            payload: Some(value.as_bytes()),
                            ..Record::default()
                        });
                        pipeline.apply(records).unwrap();
                        pipeline
                    })
                })
                .collect();
            let applied = threads.into_iter().map(|thread| thread.join().unwrap());
            applied.collect::<Vec<Pipeline>>()
        });
        applied
            .into_iter()
            .for_each(|pipeline| lanes.put_back(pipeline));
    }
    let all = lanes.take_effects();
    assert_eq!(all.ledger, one.ledger);
    assert_eq!(all.totals, one.totals);
    assert_eq!(all.notices, one.notices);
    assert_eq!(all.progress, one.progress);
    assert_eq!(all.changes.snapshot, one.changes.snapshot);
    assert_eq!(all.changes.slices, one.changes.slices);
}
