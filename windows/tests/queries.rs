//! Windows by query: by finality, by key, in pages, and without zero windows. Minutes of event time.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use tidegauge_windows::{
    Definition, Engine, EventTime, Frame, MemoryCells, Query, Settings, Span, Summary, WindowResult,
};

type Cells = MemoryCells<u32, Summary>;
type Results = Vec<WindowResult<u32, Summary>>;

fn at(minute: i64) -> EventTime {
    EventTime::from_millis(minute * 60_000)
}

/// Payments of three keys in hours that are cumulative by ten minutes, up to a watermark at 65:
/// | 0 ... 50 | 50, 60 | 60, 65
/// |----------|--------|---------
/// | key 1    | key 2  | keys 1, 2
fn hours(zero_windows: bool) -> (Frame, Cells) {
    let ten_minutes = Span::MINUTE.times(10);
    let utc = chrono_tz::UTC;
    let hour = Definition::cumulative("1h", Span::HOUR, ten_minutes, Span::ZERO, utc);
    let settings = Arc::new(Settings {
        definitions: vec![hour.unwrap()],
        out_of_orderness: Span::ZERO,
        allowed_lateness: Span::HOUR,
        max_future: Span::MINUTE,
        retention: Span::DAY,
        zero_windows,
    });
    let mut engine: Engine<u32, Summary> = Engine::new(Arc::clone(&settings));
    engine.know(3, EventTime::MIN);
    for (minute, key) in [
        (3, 1),
        (24, 1),
        (55, 2),
        (61, 1),
        (64, 2),
        (65, 2),
        (185, 1),
        (186, 2),
    ] {
        engine.know(key, at(minute));
        engine.insert(0, at(minute), None, key, &1);
    }
    engine.advance();
    let changes = engine.take_changes();
    let frame = Frame::new(settings, changes.snapshot.clone());
    let mut cells = Cells::default();
    cells.apply(frame.grid(), changes);
    (frame, cells)
}

fn all(frame: &Frame, cells: &Cells) -> Results {
    frame.windows(cells, &Query::all(0)).unwrap()
}

/// All results of a query, page by page.
fn paged(frame: &Frame, cells: &Cells, query: Query<u32>, limit: usize) -> Results {
    let mut query = Query { limit, ..query };
    let mut results = Vec::new();
    loop {
        let page = frame.windows(cells, &query).unwrap();
        assert!(page.len() <= limit, "{} of at most {limit}", page.len());
        if page.is_empty() {
            return results;
        }
        let last = page.last().unwrap();
        query.after = Some((last.window.start, last.key, last.window.end));
        results.extend(page);
    }
}

#[test]
fn a_query_of_final_windows_gives_those_alone_and_one_of_open_windows_the_others() {
    let (frame, cells) = hours(true);
    for wanted in [true, false] {
        let query = Query {
            finality: Some(wanted),
            ..Query::all(0)
        };
        let given = frame.windows(&cells, &query).unwrap();
        let mut expected = all(&frame, &cells);
        expected.retain(|result| result.is_final() == wanted);
        assert!(!expected.is_empty());
        assert_eq!(given, expected);
    }
}

#[test]
fn pages_of_one_key_are_the_windows_of_that_key_in_all() {
    let (frame, cells) = hours(true);
    for key in 1..=4 {
        let mut expected = all(&frame, &cells);
        expected.retain(|result| result.key == key);
        assert_eq!(expected.is_empty(), key == 4);
        for limit in 1..8 {
            let query = Query {
                key: Some(key),
                ..Query::all(0)
            };
            assert_eq!(
                paged(&frame, &cells, query, limit),
                expected,
                "{key} {limit}"
            );
        }
    }
}

#[test]
fn pages_of_any_size_are_all_windows() {
    let (frame, cells) = hours(true);
    let expected = all(&frame, &cells);
    for limit in 1..8 {
        assert_eq!(paged(&frame, &cells, Query::all(0), limit), expected);
    }
}

#[test]
fn without_zero_windows_all_windows_have_payments_and_none_else_is_told_or_given() {
    let (with, with_cells) = hours(true);
    let (frame, cells) = hours(false);
    let (zeros, mut filled): (Results, Results) = all(&with, &with_cells)
        .into_iter()
        .partition(|result| result.aggregate.count == 0);
    assert!(!zeros.is_empty());
    for zero in zeros {
        let given = frame.window(&cells, 0, zero.window, zero.key).unwrap();
        assert_eq!(given, None);
    }
    filled.sort_by_key(|result| (result.window.start, result.key, result.window.end));
    assert_eq!(all(&frame, &cells), filled);
}
