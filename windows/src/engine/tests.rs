//! The short way of [`Engine::insert`] against the long one.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::Engine;
use crate::{Definition, EventTime, Placement, Settings, Span, Summary};

/// The partition whose event time stays where it begins, so that it falls behind what is kept.
const LAST: i32 = 2;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// What happens to an engine.
#[derive(Clone, Debug)]
enum Event {
    Insert {
        partition: i32,
        time: EventTime,
        recorded: Option<EventTime>,
        key: u32,
        amount: i128,
    },
    Advance,
    Idle(i32, bool),
    Checkpoint,
}

fn event() -> impl Strategy<Value = Event> {
    // Mostly in order, sometimes late, jumping ahead, past retention, or in the slice before.
    let time = prop_oneof![
        20 => -MINUTE..10 * MINUTE,
        3 => -3 * HOUR..3 * HOUR,
        1 => -100 * HOUR..100 * HOUR,
    ];
    let recorded = prop::option::weighted(0.5, -HOUR..HOUR);
    let partition = prop_oneof![30 => 0..LAST, 1 => Just(LAST)];
    let insert = (partition, time, recorded, 0..4_u32, -100..100_i128).prop_map(
        |(partition, time, recorded, key, amount)| Event::Insert {
            partition,
            time: EventTime::from_millis(time),
            recorded: recorded.map(EventTime::from_millis),
            key,
            amount,
        },
    );
    prop_oneof![
        20 => insert,
        3 => Just(Event::Advance),
        2 => (0..=LAST, any::<bool>()).prop_map(|(partition, idle)| Event::Idle(partition, idle)),
        1 => Just(Event::Checkpoint),
    ]
}

fn engine() -> Engine<u32, Summary> {
    let zone = chrono_tz::UTC;
    let minute = Definition::tumbling("1m", Span::MINUTE, Span::ZERO, zone);
    let hour = Definition::sliding("1h", Span::HOUR, Span::MINUTE, Span::ZERO, zone);
    Engine::new(Arc::new(Settings {
        definitions: [minute, hour].into_iter().flatten().collect(),
        out_of_orderness: Span::MINUTE,
        allowed_lateness: Span::HOUR,
        max_future: Span::MINUTE.times(5),
        retention: Span::HOUR.times(5),
        zero_windows: true,
    }))
}

/// All that an engine hands out, in order.
fn handed_out(engine: &mut Engine<u32, Summary>) -> impl PartialEq + core::fmt::Debug + use<> {
    let changes = engine.take_changes();
    let mut slices: Vec<_> = changes.slices.into_iter().collect();
    slices.sort_by_key(|(slice, _)| *slice);
    let mut revisions: Vec<_> = changes.revisions.into_iter().collect();
    revisions.sort_by_key(|((number, window, key), _)| (*number, window.start, *key));
    let known = changes.known;
    (
        slices,
        revisions,
        known,
        changes.finals,
        changes.reached,
        changes.snapshot,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn most_inputs_are_placed_by_a_short_way_which_decides_and_adds_as_the_long_one(
        events in prop::collection::vec(event(), 1..300),
    ) {
        let (mut short, mut long) = (engine(), engine());
        let mut placed = [vec![], vec![]];
        // The minutes that event time has moved so far.
        for (now, event) in (0..).step_by(10).zip(events) {
            match event {
                Event::Insert { partition, time, recorded, key, amount } => {
                    let (now, time) = match partition {
                        LAST => (0, EventTime::from_millis(time.millis() % MINUTE)),
                        _ => (now, time),
                    };
                    let time = time.plus(Span::MINUTE.times(now));
                    let recorded = recorded.map(|recorded| recorded.plus(Span::MINUTE.times(now)));
                    let one: Placement = short.insert(partition, time, recorded, key, &amount);
                    let place = long.watermarks.partitions.place(partition);
                    let other = long.insert_unusual(place, time, recorded, key, &amount);
                    placed[0].push(one);
                    placed[1].push(other);
                }
                Event::Advance => {
                    short.advance();
                    long.advance();
                }
                Event::Idle(partition, idle) => {
                    short.set_idle(partition, idle);
                    long.set_idle(partition, idle);
                }
                Event::Checkpoint => prop_assert_eq!(handed_out(&mut short), handed_out(&mut long)),
            }
        }
        prop_assert_eq!(&placed[0], &placed[1]);
        prop_assert_eq!(handed_out(&mut short), handed_out(&mut long));
    }
}
