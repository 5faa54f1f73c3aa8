//! The windows of a definition, one by one.

use core::iter::FusedIterator;

use super::periods::{Layout, Period};
use super::{Definition, Kind};
use crate::{EventTime, Span, Window};

/// Windows of one definition in order: neither start nor end ever decreases, none occurs twice.
#[derive(Clone, Debug)]
pub struct Windows<'a> {
    definition: &'a Definition,
    /// Windows start at or after this,
    from: i64,
    /// and before this,
    before: i64,
    /// and end after this,
    after: i64,
    /// and at or before this.
    until: i64,
    /// Of windows with the same start, only the first is given.
    first_ends: bool,
    number: i64,
    period: Period,
    /// The next window of the period, from 0.
    next: i64,
    /// The last end given in this period; its start before.
    grown_to: i64,
}

impl<'a> Windows<'a> {
    /// The windows with `from <= start < before` and `after < end <= until`. `i64::MIN` and
    /// `i64::MAX` say that there is no such bound; of `from` and `after` at least one is given, and
    /// `before` always is.
    pub(super) fn new(
        definition: &'a Definition,
        from: i64,
        before: i64,
        after: i64,
        until: i64,
    ) -> Self {
        let layout = &definition.layout;
        let earliest = match definition.kind {
            // Only the period that holds `after` and the later ones end after it.
            Kind::Tumbling | Kind::Cumulative => after,
            Kind::Sliding => after.saturating_sub(definition.reach().millis() - 1),
        };
        let earliest = earliest.max(from);
        let mut number = layout.number_of(earliest);
        if let Layout::Days { .. } = layout {
            // A day that the zone left out begins with the day after it.
            while layout.start(number - 1) >= earliest {
                number -= 1;
            }
        }
        let mut windows = Self {
            definition,
            from,
            before,
            after,
            until,
            first_ends: false,
            number,
            period: layout.period(number),
            next: 0,
            grown_to: 0,
        };
        windows.enter();
        windows
    }

    /// The same windows, but of those with the same start only the first.
    pub(super) fn first_ends_only(mut self) -> Self {
        self.first_ends = true;
        self
    }

    fn advance(&mut self) {
        self.number += 1;
        self.period = self.definition.layout.period(self.number);
        self.enter();
    }

    /// Goes straight to the first window of the period that may be wanted.
    fn enter(&mut self) {
        let Period { start, .. } = self.period;
        let slide = self.definition.slide.millis();
        self.grown_to = start;
        self.next = match (self.definition.kind, self.definition.layout) {
            (Kind::Cumulative, _) if self.after < start => 0,
            (Kind::Cumulative, Layout::Days { calendar, size, .. }) if self.steps_are_days() => {
                let day = self.number * size;
                (calendar.day_of(self.after) - day) / self.step_days()
            }
            (Kind::Cumulative, _) => (self.after - start) / slide,
            (Kind::Sliding, Layout::WithinDays { .. }) => {
                let size = self.definition.size.millis();
                let first = self.from.max(self.after.saturating_sub(size - 1));
                (first - start + slide - 1).max(0) / slide
            }
            (Kind::Tumbling | Kind::Sliding, _) => 0,
        };
    }

    /// The next window of the current period, if it has one more.
    fn cut(&self) -> Option<Period> {
        let Period { start, end } = self.period;
        let elapsed = self.next * self.definition.slide.millis();
        match (self.definition.kind, self.definition.layout) {
            (Kind::Cumulative, Layout::Days { calendar, size, .. }) if self.steps_are_days() => {
                let days = self.next * self.step_days();
                let day = self.number * size + days + self.step_days();
                (days < size).then(|| Period {
                    start,
                    end: calendar.begin(day),
                })
            }
            (Kind::Cumulative, _) => (start + elapsed < end).then(|| {
                let grown = start + elapsed + self.definition.slide.millis();
                Period {
                    start,
                    end: grown.min(end),
                }
            }),
            (Kind::Sliding, Layout::WithinDays { .. }) => {
                let start = start + elapsed;
                let window = Period {
                    start,
                    end: start + self.definition.size.millis(),
                };
                (start < end).then_some(window)
            }
            (Kind::Tumbling | Kind::Sliding, _) => (self.next == 0).then_some(self.period),
        }
    }

    fn steps_are_days(&self) -> bool {
        super::is_days(self.definition.slide)
    }

    fn step_days(&self) -> i64 {
        self.definition.slide.millis() / Span::DAY.millis()
    }
}

impl Iterator for Windows<'_> {
    type Item = Window;

    fn next(&mut self) -> Option<Window> {
        while self.period.start < self.before {
            let Some(window) = self.cut() else {
                self.advance();
                continue;
            };
            if window.start >= self.before || window.end > self.until {
                self.before = i64::MIN;
                return None;
            }
            // A local day that was left out gives a window without length, or a step without.
            let wanted =
                window.start >= self.from && window.end > self.after && window.end > self.grown_to;
            self.next += 1;
            if self.definition.kind == Kind::Cumulative {
                self.grown_to = window.end;
                if window.start < self.from || (wanted && self.first_ends) {
                    self.advance();
                }
            }
            if wanted {
                return Some(Window::new(
                    EventTime::from_millis(window.start),
                    EventTime::from_millis(window.end),
                ));
            }
        }
        None
    }
}

impl FusedIterator for Windows<'_> {}
