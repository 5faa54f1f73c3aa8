#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use tidegauge_windows::{Definition, Settings, Span};

use super::*;
use crate::core::pipeline::PipelineStart;
use crate::core::seen_orders::{DuplicateRule, MemoryOrders, SeenOrders};
use crate::domain::branch::Branches;

/// 2026-11-01T00:00:00Z.
const START: i64 = 1_793_491_200_000;

fn lanes(count: usize) -> PipelineLanes {
    let minute = Definition::tumbling("1m", Span::MINUTE, Span::ZERO, chrono_tz::UTC);
    let settings = Settings {
        definitions: vec![minute.unwrap()],
        out_of_orderness: Span::SECOND.times(5),
        allowed_lateness: Span::HOUR,
        max_future: Span::MINUTE.times(5),
        retention: Span::DAY.times(35),
        zero_windows: true,
    };
    let branches = Arc::new(Branches::default());
    let start = PipelineStart {
        progress: (0..4).map(|partition| (partition, position(10))).collect(),
        ..PipelineStart::default()
    };
    let rule = DuplicateRule {
        within: Span::HOUR,
        max_ids: 100,
    };
    let orders = SeenOrders::restore(rule, 1, Arc::new(MemoryOrders::default()));
    let pipeline = Pipeline::new(Arc::new(settings), chrono_tz::UTC, branches, start);
    let pipeline = pipeline.comparing(orders.unwrap());
    PipelineLanes::new(pipeline, NonZeroUsize::new(count).unwrap())
}

fn position(position: i64) -> Progress {
    Progress {
        position,
        first: None,
        fingerprint: None,
    }
}

/// A payment of order 7 in branch 1, at `seconds` after the start.
fn payment(seconds: i64) -> String {
    let time = START + seconds * 1_000;
    format!(r#"{{"createTime":{time},"orderId":7,"payAmount":1,"branchId":1}}"#)
}

fn record(partition: i32, offset: i64, payload: &str) -> Record<'_> {
    Record {
        partition,
        offset,
        timestamp: Some(START + 3_600_000),
        payload: Some(payload.as_bytes()),
        ..Record::default()
    }
}

#[test]
fn what_is_asked_of_all_lanes_is_what_one_pipeline_says() {
    let payloads: Vec<String> = [0, 30, 60, 90].map(payment).into();
    let asked = |count: usize| {
        let mut lanes = lanes(count);
        let records = (0..4).zip(&payloads);
        let records = records.map(|(partition, payload)| record(partition, 10, payload));
        lanes.apply(records.chain([record(2, 11, "7")])).unwrap();
        let progress: BTreeMap<i32, i64> = lanes
            .progress()
            .map(|(partition, progress)| (partition, progress.position))
            .collect();
        assert_eq!(lanes.progress().count(), progress.len(), "each once");
        let stats = lanes.order_stats().unwrap();
        let on_time = [lanes.take_on_time(), lanes.take_on_time()];
        let news = [(1, 11), (1, 12), (3, 11), (8, 5), (8, 5)];
        let news = news.map(|(partition, position)| lanes.skip_to(partition, position));
        lanes.assign(6, 2);
        let effects = lanes.take_effects();
        (
            (progress, stats.ids, on_time, news),
            (effects.progress, effects.totals, effects.ledger),
            effects.orders.segments.len(),
        )
    };
    let one = asked(1);
    assert_eq!(
        one.0.0,
        BTreeMap::from([(0, 11), (1, 11), (2, 12), (3, 11)])
    );
    assert_eq!(one.0.1, 4);
    assert_eq!(one.0.2, [BTreeSet::from([0, 1, 2, 3]), BTreeSet::new()]);
    assert_eq!(one.0.3, [false, true, false, true, false]);
    assert_eq!(one.1.0[&6].position, 2);
    for count in 2..=8 {
        assert_eq!(asked(count), one, "{count} lanes");
    }
}

//  partitions 0 and 2 are in lane 0, 1 and 3 in lane 1: each has the cell of minute 0
#[test]
fn what_is_held_is_counted_in_each_lane_and_handed_out_once() {
    let payloads = [payment(0), payment(1)];
    let mut lanes = lanes(2);
    for (partition, payload) in [(0, 0), (1, 0), (2, 1), (3, 1)] {
        let payload = &payloads[payload];
        lanes.apply([record(partition, 10, payload)]).unwrap();
    }
    assert_eq!(lanes.changed(), 2);
    let pending = lanes.pending_bytes();
    let taken: Vec<Pipeline> = (0..2).filter_map(|lane| lanes.take(lane)).collect();
    let each: Vec<usize> = taken.iter().map(Pipeline::pending_bytes).collect();
    assert!(each.iter().all(|bytes| *bytes > 500), "{each:?}");
    assert_eq!(each.iter().sum::<usize>(), pending);
    taken
        .into_iter()
        .for_each(|pipeline| lanes.put_back(pipeline));
    let effects = lanes.take_effects();
    assert_eq!(effects.changes.slices.len(), 1);
    assert_eq!(effects.totals.len(), 1);
    assert_eq!((lanes.changed(), lanes.pending_bytes()), (0, 0));
    let effects = lanes.take_effects();
    assert_eq!(effects.ledger.consumed, 0);
    assert!(effects.totals.is_empty() && effects.changes.slices.is_empty());
}

#[test]
fn a_repeated_payment_is_found_in_its_lane_whichever_restart_divided_them() {
    for count in 1..=4 {
        let mut lanes = lanes(count);
        let payload = payment(0);
        for offset in [10, 11] {
            let records = (0..4).map(|partition| record(partition, offset, &payload));
            lanes.apply(records).unwrap();
        }
        let repeated = lanes.take_effects().repeated;
        let mut at: Vec<_> = repeated
            .iter()
            .map(|repeated| (repeated.origin.partition, repeated.first.offset))
            .collect();
        at.sort_unstable();
        assert_eq!(at, [(0, 10), (1, 10), (2, 10), (3, 10)]);
    }
}

//  offset     10 to 49   50                51        end: 52
//             applied    can't be judged   not seen
#[test]
fn no_position_passes_a_record_that_could_not_be_judged() {
    for count in 1..=2 {
        let mut lanes = lanes(count);
        // So many that they are not kept in memory once they are handed out.
        let of_order =
            |order: i64| payment(0).replace("\"orderId\":7", &format!("\"orderId\":{order}"));
        let payloads: Vec<String> = (0..40).map(of_order).collect();
        let records = (10..).zip(&payloads);
        lanes
            .apply(records.map(|(offset, payload)| record(0, offset, payload)))
            .unwrap();
        // Nothing keeps what is handed out, so the payment that counted can't be read.
        lanes.take_effects();
        lanes.take_effects();
        let behind = [record(0, 50, &payloads[0]), record(0, 51, "7")];
        let failure = lanes.apply(behind).unwrap_err();
        assert_eq!(lanes.apply([record(0, 51, "7")]), Err(failure));
        assert!(!lanes.skip_to(0, 52));
        let effects = lanes.take_effects();
        assert_eq!(effects.progress[&0].position, 50, "{count} lanes");
        assert_eq!(effects.ledger.consumed, 0);
    }
}

#[test]
#[should_panic(expected = "while it is away")]
fn effects_without_those_of_a_pipeline_that_is_away_are_not_given() {
    let mut lanes = lanes(2);
    let _away = lanes.take(1);
    assert!(lanes.take(1).is_none());
    assert!(lanes.take(2).is_none());
    let _ = lanes.take_effects();
}

#[test]
#[should_panic(expected = "a wrong lane")]
fn a_record_of_another_lane_is_not_applied() {
    let mut pipeline = lanes(2).take(1).unwrap();
    assert!(pipeline.lane().has(5) && !pipeline.lane().has(4));
    let _ = pipeline.apply([record(4, 10, "7")]);
}
