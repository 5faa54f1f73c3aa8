//! Which windows a sink is told of after some changes: all that look different, and few others. Minutes
//! of event time.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;

use tidegauge_windows::{
    Definition, Engine, EventTime, Frame, MemoryCells, Placement, Settings, Span, Summary, Window,
};

const DAY: i64 = 1_440;

fn at(minute: i64) -> EventTime {
    EventTime::from_millis(minute * 60_000)
}

fn settings() -> Arc<Settings> {
    let ten_minutes = Span::MINUTE.times(10);
    let utc = chrono_tz::UTC;
    Arc::new(Settings {
        definitions: vec![Definition::tumbling("10m", ten_minutes, Span::ZERO, utc).unwrap()],
        out_of_orderness: Span::MINUTE.times(5),
        allowed_lateness: Span::HOUR,
        max_future: Span::MINUTE.times(5),
        retention: Span::DAY.times(35),
        zero_windows: true,
    })
}

/// An engine and what its changes have built up.
struct Stream {
    engine: Engine<u32, Summary>,
    cells: MemoryCells<u32, Summary>,
}

impl Stream {
    fn new() -> Self {
        Self {
            engine: Engine::new(settings()),
            cells: MemoryCells::default(),
        }
    }

    /// Three payments of key 1 at once, so that a jump to their time is believed.
    fn pay(&mut self, partition: i32, minute: i64) {
        for _ in 0..3 {
            let placement = self.engine.insert(partition, at(minute), None, 1, &100);
            assert_eq!(placement, Placement::OnTime);
        }
        self.engine.know(1, at(minute));
        self.engine.advance();
    }

    /// What the walks over zero windows name because of what changed since the last call: start and end
    /// of each window, and its key. No step names nothing.
    fn told(&mut self, limit: usize) -> BTreeSet<(i64, i64, u32)> {
        let changes = self.engine.take_changes();
        let frame = Frame::new(settings(), changes.snapshot.clone());
        let walks: Vec<_> = frame.zero_walks(&changes).collect();
        self.cells.apply(frame.grid(), changes);
        let mut told = BTreeSet::new();
        for mut walk in walks.into_iter().map(Some) {
            while let Some(next) = walk {
                let step = frame.walk_zeros(&self.cells, &next, |_| true, limit);
                let step = step.unwrap();
                assert!(!step.windows.is_empty(), "a step looked in vain: {next:?}");
                told.extend(
                    step.windows
                        .iter()
                        .map(|(_, window, key)| bounds(*window, *key)),
                );
                walk = step.rest;
            }
        }
        told
    }
}

fn bounds(window: Window, key: u32) -> (i64, i64, u32) {
    let minute = |time: EventTime| time.millis() / 60_000;
    (minute(window.start), minute(window.end), key)
}

#[test]
fn a_key_that_becomes_known_is_told_its_zero_windows_since_then_at_once_and_no_others() {
    // key 1 pays at 3 ................................................. 605 | watermark 600
    // key 2                                             known since 575
    //       [0,10) final [10,20) ................... [570,580) [580,590) [590,600)
    let mut stream = Stream::new();
    stream.pay(0, 3);
    stream.pay(0, 605);
    assert!(stream.told(1_000).contains(&(10, 20, 1)));
    stream.engine.know(2, at(575));
    let expected = [(570, 580, 2), (580, 590, 2), (590, 600, 2)];
    assert_eq!(stream.told(1), BTreeSet::from(expected));
}

#[test]
fn a_payment_in_a_quiet_stretch_tells_the_zero_windows_of_a_day_after_it_and_no_others() {
    // p0  day 0 [zeros)      day 3 [zeros)      day 5 | watermark: all of these windows are final
    // p1               day 2 [new ) day 3, 00:00 is a day after it, and not less
    let mut stream = Stream::new();
    for days in [0, 3, 5] {
        stream.pay(0, days * DAY);
    }
    let before = stream.told(1_000);
    assert!(before.contains(&(10, 20, 1)) && before.contains(&(3 * DAY + 10, 3 * DAY + 20, 1)));
    stream.pay(1, 2 * DAY);
    let starts = (1..144).map(|tens| 2 * DAY + tens * 10);
    let expected: BTreeSet<_> = starts.map(|start| (start, start + 10, 1)).collect();
    assert_eq!(stream.told(1_000), expected);
}
