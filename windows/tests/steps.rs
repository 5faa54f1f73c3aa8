//! Steps of walks: what one step looks at is bounded, and nothing is left out where a page of cells or
//! keys ends. Minutes of event time.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;

use tidegauge_windows::{
    Definition, Engine, EventTime, Frame, MemoryCells, Selection, Settings, Span, Step, Summary,
    Walk, Window,
};

type Cells = MemoryCells<u32, Summary>;
type Named = BTreeSet<(u16, Window, u32)>;

/// More than are read at once, twice.
const MANY: u32 = 2_500;

fn at(minute: i64) -> EventTime {
    EventTime::from_millis(minute * 60_000)
}

fn minute(start: i64) -> Window {
    Window::new(at(start), at(start + 1))
}

fn settings() -> Arc<Settings> {
    let window = |name, minutes| {
        let size = Span::MINUTE.times(minutes);
        Definition::tumbling(name, size, Span::ZERO, chrono_tz::UTC).unwrap()
    };
    Arc::new(Settings {
        definitions: vec![window("1m", 1), window("1h", 60)],
        out_of_orderness: Span::ZERO,
        allowed_lateness: Span::HOUR,
        max_future: Span::MINUTE,
        retention: Span::DAY.times(35),
        zero_windows: true,
    })
}

fn taken(engine: &mut Engine<u32, Summary>) -> (Frame, Cells) {
    engine.advance();
    let changes = engine.take_changes();
    let frame = Frame::new(settings(), changes.snapshot.clone());
    let mut cells = Cells::default();
    cells.apply(frame.grid(), changes);
    (frame, cells)
}

/// A payment of key 1 in each minute, and one of key 2 in the last.
fn minutes() -> (Frame, Cells) {
    let mut engine: Engine<u32, Summary> = Engine::new(settings());
    for minute in 0..i64::from(MANY) {
        engine.insert(0, at(minute), None, 1, &1);
    }
    engine.insert(0, at(i64::from(MANY) - 1), None, 2, &1);
    taken(&mut engine)
}

/// The minutes alone.
fn of_minutes(key: Option<u32>) -> Walk<u32> {
    let selection = Selection {
        definition: Some(0),
        ..Selection::ALL
    };
    Walk {
        key,
        ..Walk::new(selection)
    }
}

/// All that the steps of `walk` name, and how many steps they are.
fn walked(walk: Walk<u32>, step: impl Fn(&Walk<u32>) -> Step<u32>) -> (Named, usize) {
    let (mut named, mut steps, mut walk) = (Named::new(), 0, Some(walk));
    while let Some(next) = walk {
        let step = step(&next);
        assert_ne!(step.rest, Some(next), "it stands still");
        named.extend(step.windows);
        walk = step.rest;
        steps += 1;
    }
    (named, steps)
}

#[test]
fn a_step_over_more_cells_than_are_read_at_once_names_all_of_their_windows() {
    let (frame, cells) = minutes();
    let (named, steps) = walked(of_minutes(Some(1)), |walk| {
        frame.walk(&cells, walk, 10_000).unwrap()
    });
    let expected: Named = (0..MANY.into())
        .map(|start| (0, minute(start), 1))
        .collect();
    assert_eq!(named, expected);
    assert_eq!(steps, 1);
}

#[test]
fn a_step_that_finds_nothing_ends_after_eight_times_as_many_cells_as_it_may_name() {
    // 2,500 cells of key 1 come before the one of key 2: 31 steps of 80, and one that finds it
    let (frame, cells) = minutes();
    let (named, steps) = walked(of_minutes(Some(2)), |walk| {
        frame.walk(&cells, walk, 10).unwrap()
    });
    assert_eq!(named, Named::from([(0, minute(i64::from(MANY) - 1), 2)]));
    assert_eq!(steps, 32);
}

#[test]
fn a_walk_over_hours_looks_at_blocks_of_an_hour() {
    // 42 hours of key 1 come before the one of key 2: 5 steps of 8, and one that finds it
    let (frame, cells) = minutes();
    let mut walk = of_minutes(Some(2));
    walk.selection.definition = Some(1);
    let (named, steps) = walked(walk, |walk| frame.walk(&cells, walk, 1).unwrap());
    let hour = Window::new(at(41 * 60), at(42 * 60));
    assert_eq!(named, Named::from([(1, hour, 2)]));
    assert_eq!(steps, 6);
}

#[test]
fn a_step_that_finds_no_zero_window_ends_after_eight_times_as_many_as_it_may_name() {
    // 2,498 final minutes begin after a payment: 31 steps of 80, and one of 18
    let (frame, cells) = minutes();
    let (named, steps) = walked(of_minutes(Some(9)), |walk| {
        frame.walk_zeros(&cells, walk, |_| true, 10).unwrap()
    });
    assert_eq!(named, Named::new());
    assert_eq!(steps, 32);
}

#[test]
fn a_step_over_more_known_keys_than_are_read_at_once_names_the_last_of_them() {
    // keys 0 and 2,499 are known from the beginning; each other becomes known, and earlier than all before it
    // payments [0,1) ... [4,5)      [5,6) ... [9,10) zeros | 10
    let mut engine: Engine<u32, Summary> = Engine::new(settings());
    for key in 0..MANY {
        let is_early = key == 0 || key == MANY - 1;
        let since = at(10_000 - i64::from(key));
        engine.know(key, if is_early { EventTime::MIN } else { since });
    }
    for minute in [0, 1, 2, 3, 4, 10] {
        engine.insert(0, at(minute), None, 0, &1);
    }
    let (frame, cells) = taken(&mut engine);
    let expected = (1..10).flat_map(|start| [0, MANY - 1].map(|key| (0, minute(start), key)));
    let expected: Named = expected.collect();
    for limit in [1, 3] {
        let (named, _) = walked(of_minutes(None), |walk| {
            frame.walk_zeros(&cells, walk, |_| true, limit).unwrap()
        });
        assert_eq!(named, expected);
    }
}

#[test]
fn cells_are_read_from_a_key_on_and_up_to_an_end_that_is_not_read() {
    // (0, key 1) (1, key 1) (2, key 1) ... (2499, key 1) (2499, key 2)
    let (_, cells) = minutes();
    let read =
        |from, to: i64| tidegauge_windows::Cells::filled(&cells, 0, from, at(to), 3).unwrap();
    assert_eq!(read((at(0), 1), 2), [(at(0), 1), (at(1), 1)]);
    assert_eq!(read((at(0), 2), 2), [(at(1), 1)]);
    assert_eq!(read((at(0), 1), 2_500).len(), 3);
    let last = i64::from(MANY) - 1;
    assert_eq!(read((at(last), 1), 2_500), [(at(last), 1), (at(last), 2)]);
}

#[test]
fn a_selection_can_have_windows_if_one_of_its_definitions_has_one_inside() {
    let (frame, _) = minutes();
    let whole = Selection {
        from: at(30),
        to: at(61),
        ..Selection::ALL
    };
    let hour = Selection {
        definition: Some(1),
        ..whole
    };
    let narrow = |selection, to, after, until| Selection {
        to: at(to),
        after: at(after),
        until: at(until),
        ..selection
    };
    for (selection, expected) in [
        (whole, true),
        // [01:00, 02:00) begins at minute 60
        (hour, true),
        (narrow(hour, 60, 0, 600), false),
        (narrow(hour, 61, 0, 119), false),
        (narrow(hour, 61, 119, 120), true),
        (narrow(hour, 61, 120, 600), false),
        // A minute that ends at minute 40 fits, an hour does not.
        (narrow(whole, 40, 39, 40), true),
        (narrow(whole, 40, 40, 40), false),
    ] {
        assert_eq!(frame.can_have(&selection), expected, "{selection:?}");
    }
    let none = Selection {
        definition: Some(2),
        ..Selection::ALL
    };
    assert!(!frame.can_have(&none));
}
