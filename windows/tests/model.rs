//! A naive oracle: two passes over the whole log, no slices, no watermark machinery, no sharing.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};

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

/// How far one payment may move a partition's time, in minutes.
pub const MAX_JUMP: i64 = 24 * 60;

/// A partition's time, with the whole list of payments that are ahead of it.
#[derive(Default)]
struct Time {
    believed: Option<i64>,
    ahead: Vec<(i64, u32)>,
    keys: BTreeSet<u32>,
}

impl Time {
    /// The highest of the payments ahead that are near those before them.
    fn top(&self) -> Option<i64> {
        let minutes = self.ahead.iter().map(|(minute, _)| *minute);
        minutes.reduce(|top, next| {
            if next <= top + MAX_JUMP {
                top.max(next)
            } else {
                top
            }
        })
    }

    fn add(&mut self, minute: i64, key: u32, out_of_orderness: i64) {
        if self
            .believed
            .is_some_and(|believed| minute < believed - out_of_orderness)
        {
            return;
        }
        self.keys.insert(key);
        if self.top().is_some_and(|top| minute < top - MAX_JUMP) {
            self.ahead.clear();
        }
        if let Some(believed) = self.believed
            && minute <= believed + MAX_JUMP
        {
            let believed = believed.max(minute);
            let near = self.top().filter(|top| *top <= believed + MAX_JUMP);
            if near.is_some() {
                self.ahead.clear();
            }
            self.believed = Some(near.map_or(believed, |near| near.max(believed)));
            return;
        }
        let before = self.top();
        self.ahead.push((minute, key));
        let further = self.ahead.len() - 1;
        let ahead: BTreeSet<u32> = self.ahead.iter().map(|(_, key)| *key).collect();
        let is_enough = further >= if self.believed.is_none() { 1 } else { 2 };
        if is_enough && (ahead.len() > 1 || self.keys.len() == 1) || further >= 16 {
            self.believed = self.top();
            self.ahead.retain(|_| false);
            if before.is_some_and(|before| minute > before + MAX_JUMP) {
                self.ahead.push((minute, key));
            }
        }
    }
}

/// What every payment becomes, by its own partition's log alone.
pub fn fates(inputs: &[Input], shapes: &[Shape], rules: Rules) -> Vec<Fate> {
    judged(inputs, shapes, rules).0
}

fn judged(inputs: &[Input], shapes: &[Shape], rules: Rules) -> (Vec<Fate>, BTreeMap<i32, Time>) {
    let mut times: BTreeMap<i32, Time> = BTreeMap::new();
    let mut fate = |input: &Input| {
        if input.ahead.is_some_and(|ahead| ahead > rules.max_future) {
            return Fate::Future;
        }
        let time = times.entry(input.partition).or_default();
        let behind = |highest: Option<i64>| {
            highest.is_some_and(|highest| input.minute < highest - rules.out_of_orderness)
        };
        let last_end = shapes
            .iter()
            .flat_map(|shape| shape.windows(input.minute, input.minute + 1))
            .map(|(_, end)| end)
            .max()
            .unwrap();
        if behind(time.believed)
            && last_end + rules.allowed_lateness <= time.believed.unwrap() - rules.out_of_orderness
        {
            return Fate::TooLate;
        }
        let agrees = |top: &i64| input.minute >= top - MAX_JUMP;
        let is_late = behind(time.top().filter(agrees).or(time.believed));
        time.add(input.minute, input.key, rules.out_of_orderness);
        if is_late { Fate::Late } else { Fate::OnTime }
    };
    let fates = inputs.iter().map(&mut fate).collect();
    (fates, times)
}

/// The combined watermark once all partitions are read to their ends.
fn watermark(inputs: &[Input], shapes: &[Shape], rules: Rules) -> Option<i64> {
    let (_, times) = judged(inputs, shapes, rules);
    let best = times.values().filter_map(|time| time.believed).max()?;
    let firsts = times.values().filter(|time| time.believed.is_none());
    let firsts = firsts
        .filter_map(Time::top)
        .filter(|top| *top <= best + MAX_JUMP);
    Some(firsts.fold(best, i64::max) - rules.out_of_orderness)
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
    let watermark = watermark(inputs, shapes, rules);
    let mut known: BTreeMap<u32, i64> = BTreeMap::new();
    for input in inputs {
        let since = known.entry(input.key).or_insert(input.minute);
        *since = input.minute.min(*since);
    }
    known.extend(configured.iter().map(|key| (*key, i64::MIN)));
    let mut all = BTreeMap::new();
    for (number, shape) in (0..).zip(shapes) {
        for (start, end) in shape.windows(first, last + 3 * 24 * 60) {
            let is_final = watermark.is_some_and(|watermark| end <= watermark);
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
