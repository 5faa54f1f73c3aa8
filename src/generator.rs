//! Payments like those of the original generator, as many as are asked for: for tests, benches, the
//! demo and the `produce` command.
//!
//! No clock and no I/O. The same options give the same bytes, on every machine.

mod bad;
mod random;
mod write;

use core::time::Duration;

use chrono_tz::Tz;
use serde::Serialize;
use tidegauge_windows::EventTime;

use self::bad::BadMessage;
use self::random::Random;
use self::write::{LocalTimes, PaymentFields};

/// The settings of a generator.
#[derive(Clone, Debug)]
pub struct Options {
    /// The seed of every choice.
    pub seed: u64,
    /// The event time of the first payment; its fraction of a second is dropped.
    pub start: EventTime,
    /// How many payments there are to a second of event time; at least 1 is taken.
    pub per_second: u64,
    /// The zone that `createTime` is written in.
    pub time_zone: Tz,
    /// Event times are up to so much behind the generator's clock, uniformly. Whole seconds count:
    /// `createTime` has no finer ones.
    pub disorder: Duration,
    /// How many are to be 30 s to 30 min behind the disorder: 0 to 1, as all the fractions here.
    pub late_fraction: f64,
    /// How many are to be 3 to 10 days behind.
    pub too_late_fraction: f64,
    /// How many are to be 6 min to 1 h ahead.
    pub future_fraction: f64,
    /// How many are to be one of the latest 1,024 payments sent again.
    pub duplicate_fraction: f64,
    /// How many are not to be payments: one for every reason of a reject in turn, and tombstones.
    /// Messages that are too large come once in 256, as they would fill the topic otherwise.
    pub bad_fraction: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 0,
            start: EventTime::from_millis(0),
            per_second: 1_000,
            time_zone: Tz::UTC,
            disorder: Duration::ZERO,
            late_fraction: 0.0,
            too_late_fraction: 0.0,
            future_fraction: 0.0,
            duplicate_fraction: 0.0,
            bad_fraction: 0.0,
        }
    }
}

impl Options {
    /// The fractions with their names.
    #[must_use]
    pub fn fractions(&self) -> [(&'static str, f64); 5] {
        [
            ("bad", self.bad_fraction),
            ("duplicate", self.duplicate_fraction),
            ("late", self.late_fraction),
            ("too late", self.too_late_fraction),
            ("future", self.future_fraction),
        ]
    }
}

/// Makes payments, one after the other.
///
/// `payAmount` is uniform below 200,000 with two decimals, `payPlatform` 0 for nine in ten and else
/// 1, `branchId` uniform from 0 to 9; `orderId` rises by one from the start's seconds since the
/// epoch.
#[derive(Debug)]
pub struct Generator {
    options: Options,
    random: Random,
    limits: [u64; 5],
    times: LocalTimes,
    start_second: i64,
    disorder_seconds: u64,
    made: GeneratedCounts,
    value: Vec<u8>,
    recent: Vec<Vec<u8>>,
    oldest: usize,
}

/// One message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message<'a> {
    /// The value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// The generator's clock: what a producer that sends at once would stamp on the record.
    pub timestamp: EventTime,
}

/// Counts of the messages that a generator has made so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct GeneratedCounts {
    /// All messages.
    pub messages: u64,
    /// Payments with nothing special about them.
    pub ordinary: u64,
    /// Payments moved back by half a minute to half an hour.
    pub late: u64,
    /// Payments moved back by days.
    pub too_late: u64,
    /// Payments moved ahead.
    pub future: u64,
    /// Payments sent again.
    pub duplicate: u64,
    /// Messages that are not JSON.
    pub not_json: u64,
    /// Payments without a field that they need.
    pub missing_field: u64,
    /// Payments with a field of the wrong kind.
    pub bad_field: u64,
    /// Payments with a time that does not exist.
    pub bad_time: u64,
    /// Payments with an invalid amount.
    pub bad_amount: u64,
    /// Payments over 256 KiB.
    pub too_large: u64,
    /// Messages without a value.
    pub tombstone: u64,
}

impl GeneratedCounts {
    /// All messages that are payments.
    #[must_use]
    pub fn payments(&self) -> u64 {
        self.ordinary + self.late + self.too_late + self.future + self.duplicate
    }

    /// All messages that are neither payments nor tombstones.
    #[must_use]
    pub fn rejects(&self) -> u64 {
        self.messages - self.payments() - self.tombstone
    }
}

/// Duplicates are taken from so many payments.
const RECENT: usize = 1_024;
const BRANCHES: u64 = 10;
const CENTS: u64 = 20_000_000;

impl Generator {
    /// A generator at its beginning.
    ///
    /// Fractions below 0 count as 0; where their sum passes 1, those named last get less.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let mut sum = 0.0;
        let limits = options.fractions().map(|(_, fraction)| {
            sum += fraction.max(0.0);
            random::share(sum)
        });
        Self {
            random: Random::new(options.seed),
            limits,
            times: LocalTimes::new(options.time_zone),
            start_second: options.start.millis().div_euclid(1_000),
            disorder_seconds: options.disorder.as_secs(),
            made: GeneratedCounts::default(),
            value: Vec::with_capacity(256),
            recent: Vec::new(),
            oldest: 0,
            options,
        }
    }

    /// The next message; the clock advances by a second every [`Options::per_second`] messages.
    pub fn next_message(&mut self) -> Message<'_> {
        let seconds = self.made.messages / self.options.per_second.max(1);
        let second = self.start_second.saturating_add_unsigned(seconds);
        self.make(second, EventTime::from_millis(second.saturating_mul(1_000)))
    }

    /// The next message, at the time `now` of the caller's clock.
    pub fn next_message_at(&mut self, now: EventTime) -> Message<'_> {
        self.make(now.millis().div_euclid(1_000), now)
    }

    /// The counts of the messages made so far.
    #[must_use]
    pub fn made(&self) -> &GeneratedCounts {
        &self.made
    }

    fn make(&mut self, second: i64, timestamp: EventTime) -> Message<'_> {
        // The order of [`Options::fractions`]; every draw is made for every message, so that one
        // fraction changes nothing about the other messages.
        let kind = self.random.draw();
        let kind = self.limits.iter().position(|limit| kind < *limit);
        let behind = self.random.below(self.disorder_seconds + 1).cast_signed();
        let shift = self.random.draw();
        let fields = PaymentFields {
            order_id: self
                .start_second
                .saturating_add_unsigned(self.made.messages + 1),
            cents: self.random.below(CENTS),
            platform: u64::from(self.random.below(10) == 0),
            branch: self.random.below(BRANCHES),
        };
        let shifted =
            |from: u64, to: u64| (from + random::scale(shift, to - from + 1)).cast_signed();
        self.made.messages += 1;
        self.value.clear();
        let mut event_second = second - behind;
        let made = match kind {
            Some(0) => {
                let bad = BadMessage::nth(self.made.rejects() + self.made.tombstone - 1);
                *bad.count(&mut self.made) += 1;
                bad.write(&mut self.value, self.times.text(event_second), &fields);
                let value = (bad != BadMessage::Tombstone).then_some(self.value.as_slice());
                return Message { value, timestamp };
            }
            Some(1) if !self.recent.is_empty() => {
                self.made.duplicate += 1;
                let again = random::scale(shift, self.recent.len() as u64);
                let value = self.recent.get(usize::try_from(again).unwrap_or(0));
                return Message {
                    value: value.map(Vec::as_slice),
                    timestamp,
                };
            }
            Some(2) => {
                event_second -= shifted(30, 30 * 60);
                &mut self.made.late
            }
            Some(3) => {
                event_second -= shifted(3 * 86_400, 10 * 86_400);
                &mut self.made.too_late
            }
            Some(4) => {
                event_second = second + shifted(6 * 60, 60 * 60);
                &mut self.made.future
            }
            _ => &mut self.made.ordinary,
        };
        *made += 1;
        fields.write(&mut self.value, self.times.text(event_second));
        self.remember();
        Message {
            value: Some(&self.value),
            timestamp,
        }
    }

    fn remember(&mut self) {
        if self.options.duplicate_fraction <= 0.0 {
            return;
        }
        if self.recent.len() < RECENT {
            self.recent.push(self.value.clone());
        } else if let Some(oldest) = self.recent.get_mut(self.oldest) {
            oldest.clone_from(&self.value);
            self.oldest = (self.oldest + 1) % RECENT;
        }
    }
}

#[cfg(test)]
mod tests;
