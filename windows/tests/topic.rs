//! A topic in days of event time, read by the engine.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use tidegauge_windows::{Definition, Engine, EventTime, Placement, Settings, Span, Summary};

pub const DAY: i64 = 86_400_000;
/// In days.
pub const RETENTION: i64 = 10;

pub fn day(days: i64) -> EventTime {
    EventTime::from_millis(days * DAY)
}

pub fn after(days: i64, minutes: i64) -> EventTime {
    EventTime::from_millis(days * DAY + minutes * 60_000)
}

pub fn settings() -> Arc<Settings> {
    let zone = chrono_tz::UTC;
    let day = Definition::cumulative("day", Span::DAY, Span::HOUR, Span::ZERO, zone);
    let minute = Definition::tumbling("1m", Span::MINUTE, Span::ZERO, zone);
    Arc::new(Settings {
        definitions: vec![minute.unwrap(), day.unwrap()],
        out_of_orderness: Span::ZERO,
        allowed_lateness: Span::DAY,
        max_future: Span::MINUTE,
        retention: Span::DAY.times(u32::try_from(RETENTION).unwrap().into()),
        zero_windows: true,
    })
}

#[derive(Clone)]
pub struct Topic(pub Engine<u32, Summary>);

impl Topic {
    pub fn new() -> Self {
        Self(Engine::new(settings()))
    }

    /// With a retention of so many hours, and as little lateness as that allows.
    pub fn kept_for_hours(hours: i64) -> Self {
        let zone = chrono_tz::UTC;
        let minute = Definition::tumbling("1m", Span::MINUTE, Span::ZERO, zone);
        Self(Engine::new(Arc::new(Settings {
            definitions: vec![minute.unwrap()],
            allowed_lateness: Span::HOUR,
            retention: Span::HOUR.times(hours),
            ..(*settings()).clone()
        })))
    }

    pub fn pay(&mut self, partition: i32, key: u32, time: EventTime) -> Placement {
        let placement = self.0.insert(partition, time, None, key, &1);
        self.0.advance();
        placement
    }

    /// A payment a day in `partition`, and a checkpoint after each.
    pub fn step(&mut self, partition: i32, from: i64, to: i64) {
        for days in from..=to {
            assert_eq!(self.pay(partition, 1, day(days)), Placement::OnTime);
            self.0.take_changes();
        }
    }

    pub fn floor(&self) -> Option<EventTime> {
        self.0.snapshot().floor
    }

    pub fn highest(&self, partition: i32) -> Option<EventTime> {
        self.0.partitions()[&partition].highest
    }
}
