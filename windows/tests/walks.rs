//! Walks over windows: each step names few of them, and all steps together name all.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;

use tidegauge_windows::{
    Definition, Engine, EventTime, Frame, MemoryCells, Query, Selection, Settings, Span, Step,
    Summary, Walk, Window,
};

type Cells = MemoryCells<u32, Summary>;
type Walks = Vec<Walk<u32>>;

const DAYS: i64 = 60;

fn at(minutes: i64) -> EventTime {
    EventTime::from_millis(minutes * 60_000)
}

fn settings() -> Arc<Settings> {
    let minutes = |n| Span::MINUTE.times(n);
    let zone = chrono_tz::Asia::Shanghai;
    let utc = chrono_tz::UTC;
    Arc::new(Settings {
        definitions: vec![
            Definition::tumbling("1m", minutes(1), Span::ZERO, utc).unwrap(),
            Definition::sliding("10m-by-1m", minutes(10), minutes(1), Span::ZERO, utc).unwrap(),
            Definition::tumbling("1h", minutes(60), Span::ZERO, utc).unwrap(),
            Definition::cumulative("day", Span::DAY, Span::HOUR, Span::ZERO, zone).unwrap(),
        ],
        out_of_orderness: Span::SECOND.times(5),
        allowed_lateness: Span::DAY,
        max_future: minutes(5),
        retention: Span::DAY.times(400),
        zero_windows: true,
    })
}

/// Two payments a day by each of three keys for [`DAYS`] days in partition 0, which an empty
/// partition 1 holds back until the end: one jump closes all windows at once.
fn months() -> (Frame, Cells, Walks, Walks) {
    let settings = settings();
    let mut engine: Engine<u32, Summary> = Engine::new(Arc::clone(&settings));
    engine.register(1);
    for day in 0..DAYS {
        for payment in 0..6 {
            let (key, time) = (payment % 3, at(day * 1_440 + i64::from(payment) * 233));
            engine.know(key, time);
            engine.insert(0, time, None, key, &100);
        }
        engine.advance();
    }
    engine.set_idle(1, true);
    engine.advance();
    let changes = engine.take_changes();
    let frame = Frame::new(settings, changes.snapshot.clone());
    let closings = frame.closings(&changes).collect();
    let zeros = frame.zero_walks(&changes).collect();
    let mut cells = Cells::default();
    cells.apply(frame.grid(), changes);
    (frame, cells, closings, zeros)
}

fn walked(
    walks: Walks,
    limit: usize,
    step: impl Fn(&Walk<u32>) -> Step<u32>,
) -> (BTreeSet<(u16, Window, u32)>, usize) {
    let (mut named, mut steps) = (BTreeSet::new(), 0);
    for mut walk in walks.into_iter().map(Some) {
        while let Some(next) = walk {
            let step = step(&next);
            // One more cell may add all of the windows that hold it.
            assert!(step.windows.len() < limit + 24, "{}", step.windows.len());
            named.extend(step.windows);
            walk = step.rest;
            steps += 1;
        }
    }
    (named, steps)
}

fn listed(
    frame: &Frame,
    cells: &Cells,
    is_meant: impl Fn(u16, Window, &Summary) -> bool,
) -> BTreeSet<(u16, Window, u32)> {
    let definitions = 0..u16::try_from(frame.definitions().len()).unwrap();
    let all = definitions.flat_map(|number| frame.windows(cells, &Query::all(number)).unwrap());
    all.filter(|result| is_meant(result.definition, result.window, &result.aggregate))
        .map(|result| (result.definition, result.window, result.key))
        .collect()
}

#[test]
fn a_jump_of_months_is_told_in_steps_of_a_few_windows() {
    let (frame, cells, closings, _) = months();
    let limit = 50;
    let (named, steps) = walked(closings, limit, |walk| {
        frame.walk(&cells, walk, limit).unwrap()
    });
    let closed =
        |_, window, summary: &Summary| summary.count > 0 && frame.closed_by(window).is_some();
    let expected = listed(&frame, &cells, closed);
    assert!(expected.len() > 5_000);
    assert_eq!(named, expected);
    assert!(steps > expected.len() / limit / 2);
}

#[test]
fn the_zero_windows_of_months_are_told_in_steps_too() {
    let (frame, cells, _, zeros) = months();
    let limit = 3_000;
    let (named, _) = walked(zeros, limit, |walk| {
        let hours = |definition: &Definition| definition.name() == "1h";
        frame.walk_zeros(&cells, walk, hours, limit).unwrap()
    });
    let expected = listed(&frame, &cells, |number, _, summary| {
        number == 2 && summary.count == 0
    });
    assert!(expected.len() > 3_500);
    assert!(expected.is_subset(&named));
}

#[test]
fn a_selection_of_starts_names_those_windows_and_no_others() {
    let (frame, cells, _, _) = months();
    let selection = Selection {
        definition: Some(1),
        from: at(3 * 1_440),
        to: at(5 * 1_440 + 230),
        ..Selection::ALL
    };
    let (named, _) = walked(vec![Walk::new(selection)], 7, |walk| {
        frame.walk(&cells, walk, 7).unwrap()
    });
    let expected = listed(&frame, &cells, |number, window, summary| {
        number == 1 && summary.count > 0 && (selection.from..selection.to).contains(&window.start)
    });
    assert!(!expected.is_empty());
    assert_eq!(named, expected);
}

#[test]
fn a_selection_of_ends_names_no_window_that_ends_where_it_begins() {
    // a payment at 03:53 of day 3 is in windows that end at 03:54, 03:55, … 04:03; only those after 03:58
    let (frame, cells, _, _) = months();
    let selection = Selection {
        definition: Some(1),
        after: at(3 * 1_440 + 238),
        until: at(5 * 1_440 + 238),
        ..Selection::ALL
    };
    let (named, _) = walked(vec![Walk::new(selection)], 100, |walk| {
        frame.walk(&cells, walk, 100).unwrap()
    });
    let expected = listed(&frame, &cells, |number, window, summary| {
        let is_after = selection.after < window.end && window.end <= selection.until;
        number == 1 && summary.count > 0 && is_after
    });
    assert!(!expected.is_empty());
    assert_eq!(named, expected);
}

#[test]
fn zero_windows_of_one_definition_are_told_without_those_of_others() {
    let (frame, cells, _, _) = months();
    let selection = Selection {
        definition: Some(2),
        ..Selection::ALL
    };
    let (named, _) = walked(vec![Walk::new(selection)], 3_000, |walk| {
        frame.walk_zeros(&cells, walk, |_| true, 3_000).unwrap()
    });
    assert!(!named.is_empty());
    assert!(named.iter().all(|(number, ..)| *number == 2));
}

#[test]
fn a_window_past_retention_is_named_by_no_walk() {
    let (frame, cells, closings, _) = months();
    let floor = at(40 * 1_440);
    let snapshot = tidegauge_windows::Snapshot {
        floor: Some(floor),
        ..frame.snapshot().clone()
    };
    let frame = Frame::new(settings(), snapshot);
    let (named, _) = walked(closings, 100, |walk| frame.walk(&cells, walk, 100).unwrap());
    assert!(named.iter().all(|(_, window, _)| window.start >= floor));
    assert_eq!(
        named,
        listed(&frame, &cells, |_, window, summary| {
            summary.count > 0 && frame.closed_by(window).is_some()
        })
    );
}
