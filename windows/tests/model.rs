//! A naive oracle: two passes over the whole log, no slices, no watermark machinery, no sharing.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use tidegauge_windows::{EventTime, Window};

/// One payment in a partition's log, in minutes of event time.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    pub partition: i32,
    pub minute: i64,
    /// How many minutes the record's timestamp lies behind the payment, if it has one.
    pub ahead: Option<i64>,
    pub key: u32,
    pub amount: i64,
}

pub const MINUTE: i64 = 60_000;

impl Input {
    pub fn time(&self) -> i64 {
        self.minute * MINUTE
    }

    pub fn recorded(&self) -> Option<i64> {
        self.ahead.map(|ahead| self.time() - ahead * MINUTE)
    }
}

/// A window definition in minutes, in UTC.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    Tumbling { size: i64, offset: i64 },
    Sliding { size: i64, slide: i64, offset: i64 },
    Cumulative { size: i64, step: i64, offset: i64 },
}

impl Shape {
    /// All windows that overlap `[from, to)`, by brute force over every minute.
    pub fn windows(&self, from: i64, to: i64) -> Vec<(i64, i64)> {
        let mut windows = Vec::new();
        let (size, slide, offset) = match *self {
            Shape::Tumbling { size, offset } | Shape::Cumulative { size, offset, .. } => {
                (size, size, offset)
            }
            Shape::Sliding {
                size,
                slide,
                offset,
            } => (size, slide, offset),
        };
        for start in from - size..to {
            if (start - offset).rem_euclid(slide) != 0 {
                continue;
            }
            match *self {
                Shape::Cumulative { step, .. } => {
                    windows.extend((1..=size / step).map(|k| (start, start + k * step)));
                }
                _ => windows.push((start, start + size)),
            }
        }
        windows.retain(|(start, end)| *start < to && from < *end);
        windows
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    OnTime,
    Late,
    TooLate,
    Future,
}

/// The rules in minutes.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub out_of_orderness: i64,
    pub allowed_lateness: i64,
    pub max_future: i64,
}

/// What every payment becomes, by its own partition's log alone.
pub fn fates(inputs: &[Input], shapes: &[Shape], rules: Rules) -> Vec<Fate> {
    let mut highest: BTreeMap<i32, i64> = BTreeMap::new();
    inputs
        .iter()
        .map(|input| {
            if input.ahead.is_some_and(|ahead| ahead > rules.max_future) {
                return Fate::Future;
            }
            let before = highest.get(&input.partition).copied();
            let watermark = before.map(|highest| highest - rules.out_of_orderness);
            let late = watermark.is_some_and(|watermark| input.minute < watermark);
            let last_end = shapes
                .iter()
                .flat_map(|shape| shape.windows(input.minute, input.minute + 1))
                .map(|(_, end)| end)
                .max()
                .unwrap();
            if late && last_end + rules.allowed_lateness <= watermark.unwrap() {
                return Fate::TooLate;
            }
            let seen = highest.entry(input.partition).or_insert(input.minute);
            *seen = input.minute.max(*seen);
            if late { Fate::Late } else { Fate::OnTime }
        })
        .collect()
}

/// Count, sum, late count and finality of a window of a key.
pub type Figure = (u64, i64, u64, bool);

/// All windows of all shapes: with payments, or zero where zero windows are given.
pub fn windows(
    inputs: &[Input],
    shapes: &[Shape],
    rules: Rules,
    configured: &[u32],
) -> BTreeMap<(u16, Window, u32), Figure> {
    let fates = fates(inputs, shapes, rules);
    let placed: Vec<(&Input, Fate)> = inputs
        .iter()
        .zip(&fates)
        .filter(|(_, fate)| matches!(fate, Fate::OnTime | Fate::Late))
        .map(|(input, fate)| (input, *fate))
        .collect();
    let Some(first) = placed.iter().map(|(input, _)| input.minute).min() else {
        return BTreeMap::new();
    };
    let last = placed.iter().map(|(input, _)| input.minute).max().unwrap();
    let watermark = last - rules.out_of_orderness;
    let mut known: BTreeMap<u32, i64> = BTreeMap::new();
    for input in inputs {
        let since = known.entry(input.key).or_insert(input.minute);
        *since = input.minute.min(*since);
    }
    known.extend(configured.iter().map(|key| (*key, i64::MIN)));
    let mut all = BTreeMap::new();
    for (number, shape) in (0..).zip(shapes) {
        for (start, end) in shape.windows(first, last + 3 * 24 * 60) {
            let is_final = end <= watermark;
            let window = Window::new(
                EventTime::from_millis(start * MINUTE),
                EventTime::from_millis(end * MINUTE),
            );
            let active = placed
                .iter()
                .any(|(input, _)| input.minute < start && start - input.minute < 24 * 60);
            for (key, since) in &known {
                let inside = placed.iter().filter(|(input, _)| {
                    input.key == *key && start <= input.minute && input.minute < end
                });
                let figure = inside.fold((0, 0, 0, is_final), |(n, sum, late, f), (i, fate)| {
                    (
                        n + 1,
                        sum + i.amount,
                        late + u64::from(*fate == Fate::Late),
                        f,
                    )
                });
                if figure.0 > 0 || (is_final && active && *since < end) {
                    all.insert((number, window, *key), figure);
                }
            }
        }
    }
    all
}
