//! The first and the last windows there are: none begins before the year 1 or ends after the year 9999.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use tidegauge_windows::{Definition, Engine, EventTime, Placement, Settings, Span, Summary};

const MINUTE: i64 = 60_000;
/// 0001-01-01 00:00, UTC.
const YEAR_1: i64 = -62_135_596_800_000;
/// 10000-01-01 00:00, UTC. The last time with four digits is a millisecond earlier.
const YEAR_10000: i64 = 253_402_300_800_000;

fn sliding(minutes: i64, offset: i64) -> Definition {
    let slide = Span::MINUTE.times(10);
    let size = Span::MINUTE.times(minutes);
    let offset = Span::from_millis(offset);
    Definition::sliding("w", size, slide, offset, chrono_tz::UTC).unwrap()
}

/// The placement of a topic's first payment.
fn placed(definition: &Definition, millis: i64) -> Placement {
    let settings = Settings {
        definitions: vec![definition.clone()],
        out_of_orderness: Span::ZERO,
        allowed_lateness: Span::HOUR,
        max_future: Span::MINUTE,
        retention: Span::DAY,
        zero_windows: false,
    };
    let mut engine: Engine<u32, Summary> = Engine::new(Arc::new(settings));
    engine.insert(0, EventTime::from_millis(millis), None, 1, &1)
}

#[test]
fn a_payment_is_in_its_windows_if_the_last_of_them_ends_in_the_year_9999() {
    // 23:40 [--------- 23:50) [--------- 24:00) year 10000
    let ten = sliding(10, 0);
    let last = YEAR_10000 - 10 * MINUTE;
    assert_eq!(placed(&ten, last - 1), Placement::OnTime);
    assert_eq!(placed(&ten, last), Placement::Future);
    assert_eq!(placed(&ten, YEAR_10000 - 1), Placement::Future);
    // 23:30 [----------- 23:50)
    //            23:40 [----------- 24:00) year 10000
    let twenty = sliding(20, 0);
    assert_eq!(
        placed(&twenty, YEAR_10000 - 20 * MINUTE - 1),
        Placement::OnTime
    );
    assert_eq!(placed(&twenty, YEAR_10000 - 20 * MINUTE), Placement::Future);
    // 23:49:59.999 [--------- 23:59:59.999) the last time of the year 9999
    let last_moment = sliding(10, 10 * MINUTE - 1);
    assert_eq!(placed(&last_moment, YEAR_10000 - 2), Placement::OnTime);
    assert_eq!(placed(&last_moment, YEAR_10000 - 1), Placement::Future);
}

#[test]
fn a_payment_is_in_its_windows_if_the_first_of_them_begins_in_the_year_1() {
    // year 1 [00:00 --------- 00:10)
    let ten = sliding(10, 0);
    assert_eq!(placed(&ten, YEAR_1), Placement::OnTime);
    assert_eq!(placed(&ten, YEAR_1 - 1), Placement::PastRetention);
    //  23:50 [------ 00:10)
    // year 1 [00:00 ------------ 00:20)
    let twenty = sliding(20, 0);
    assert_eq!(placed(&twenty, YEAR_1 + 10 * MINUTE), Placement::OnTime);
    assert_eq!(
        placed(&twenty, YEAR_1 + 10 * MINUTE - 1),
        Placement::PastRetention
    );
}
