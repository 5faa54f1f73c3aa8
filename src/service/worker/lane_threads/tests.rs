#![allow(clippy::unwrap_used)]

use std::num::NonZeroUsize;
use std::sync::Arc;

use chrono_tz::Tz;
use tidegauge_windows::{Definition, Settings, Span};

use super::*;
use crate::core::pipeline::PipelineStart;
use crate::source::simulated::{SimulatedBatch, SimulatedEntry};

fn lanes(count: usize) -> PipelineLanes {
    let minute = Definition::tumbling("1m", Span::MINUTE, Span::ZERO, Tz::UTC).unwrap();
    let settings = Settings {
        definitions: vec![minute],
        out_of_orderness: Span::from_millis(5_000),
        allowed_lateness: Span::DAY,
        max_future: Span::from_millis(300_000),
        retention: Span::DAY.times(35),
        zero_windows: true,
    };
    let (branches, start) = (Arc::default(), PipelineStart::default());
    let pipeline = Pipeline::new(Arc::new(settings), Tz::UTC, branches, start);
    PipelineLanes::new(pipeline, NonZeroUsize::new(count).unwrap())
}

/// The payments at these offsets of each of five partitions.
fn batch(offsets: std::ops::Range<i64>) -> SimulatedBatch {
    let entry = |partition: i32, offset: i64| {
        let time = 1_793_491_200_000 + offset * 100;
        let payload = format!(
            "{{\"createTime\":{time},\"orderId\":{offset},\"payAmount\":{offset}.25,\"payPlatform\":0,\"branchId\":{}}}",
            offset % 7
        );
        SimulatedEntry {
            partition,
            offset,
            timestamp: Some(time),
            payload: Some(payload.into_bytes().into()),
            error: None,
        }
    };
    let entries = offsets.flat_map(|offset| (0..5).map(move |partition| entry(partition, offset)));
    SimulatedBatch(entries.collect())
}

#[test]
fn what_threads_apply_is_what_one_pipeline_applies() {
    let mut expected = lanes(1);
    expected.apply(batch(0..3_000).records()).unwrap();
    let expected = expected.take_effects();
    for count in 2..=8 {
        let mut threads = LaneThreads::start(lanes(count)).unwrap();
        // Few records, many, and few again while threads are busy.
        for offsets in [0..10, 10..2_000, 2_000..2_010, 2_010..3_000] {
            threads.apply(batch(offsets)).unwrap();
        }
        assert!(threads.is_busy());
        let effects = threads.meet().unwrap().take_effects();
        assert!(!threads.is_busy());
        assert_eq!(effects.progress, expected.progress, "{count}");
        assert_eq!(effects.totals, expected.totals, "{count}");
        assert_eq!(effects.ledger, expected.ledger, "{count}");
        assert_eq!(effects.changes.slices, expected.changes.slices, "{count}");
        let snapshot = &effects.changes.snapshot;
        assert_eq!(snapshot.partitions, expected.changes.snapshot.partitions);
        assert_eq!(snapshot.watermark, expected.changes.snapshot.watermark);
    }
}

#[test]
fn the_load_of_busy_lanes_is_known_and_is_none_after_a_checkpoint() {
    let mut threads = LaneThreads::start(lanes(2)).unwrap();
    threads.apply(batch(0..2_000)).unwrap();
    let lanes = threads.meet().unwrap();
    let here = (lanes.pending_bytes(), lanes.changed());
    assert!(here.0 > 0 && here.1 > 0);
    assert_eq!(threads.pending(), here);
    threads.meet().unwrap().take_effects();
    assert_eq!(threads.pending(), (0, 0));
    threads.apply(batch(2_000..4_000)).unwrap();
    assert!(threads.is_busy());
    let (first, second) = (threads.pending(), {
        threads.meet().unwrap();
        threads.pending()
    });
    assert!(
        first.0 <= second.0 && first.1 <= second.1,
        "{first:?} {second:?}"
    );
}

#[test]
fn the_timestamps_of_all_lanes_are_in_the_effects() {
    let mut threads = LaneThreads::start(lanes(3)).unwrap();
    threads.apply(batch(0..1_000)).unwrap();
    let lanes = threads.meet().unwrap();
    let records = batch(0..1_000);
    let timestamps = records.records().filter_map(|record| record.timestamp);
    let (oldest, newest) = (timestamps.clone().min(), timestamps.max());
    assert_eq!(lanes.take_effects().timestamps.ends(), oldest.zip(newest));
    assert_eq!(lanes.take_effects().timestamps.ends(), None);
}
