//! Two generations at the same positions, figure by figure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegauge_windows::{Definition, EventTime, Frame, Query, Summary, Window, WindowResult};

use crate::domain::branch_key::BranchKey;
use crate::domain::count::counted;
use crate::domain::ledger::{Entry, Ledger};
use crate::domain::payment::BranchId;
use crate::domain::timestamp::rfc3339;
use crate::domain::total::Total;
use crate::view::reading::{ReadError, Reading};

use super::{ComparedGeneration, FigureDifference};

/// The outcome of comparing two generations.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Comparison {
    /// The next offset of each partition, which both generations had reached.
    pub positions: BTreeMap<i32, i64>,
    /// Totals of branches that were compared.
    pub totals: u64,
    /// Entries of the ledger that were compared.
    pub ledger_entries: u64,
    /// Windows that were compared, by definition.
    pub windows: BTreeMap<String, u64>,
    /// Definitions that only one of them has, or that differ: nothing of them was compared.
    pub windows_not_compared: Vec<String>,
    /// The definitions among these that the live generation has: their figures are not proven.
    #[serde(default)]
    pub live_windows_not_compared: Vec<String>,
    /// How many of all those differ.
    pub differences: u64,
    /// The first that do.
    pub first: Vec<FigureDifference>,
    /// Known reasons why they may differ.
    pub because: Vec<String>,
}

/// Show at most so many differences.
pub const SHOWN_MAX: usize = 20;
/// Windows read at once.
const PAGE: usize = 4_096;

impl Comparison {
    /// Compares everything that is a function of the log: totals, ledger, and all windows of
    /// definitions that both have. Not when windows became final, or how often they were revised.
    ///
    /// # Errors
    /// When one of them can't be read.
    pub fn of(
        live: &ComparedGeneration<'_>,
        replayed: &ComparedGeneration<'_>,
    ) -> Result<Self, ReadError> {
        let mut comparison = Self {
            positions: live.reading.checkpoint().positions.clone(),
            ..Self::default()
        };
        comparison.compare_totals(live, replayed)?;
        let (ours, theirs) = (live.reading.checkpoint(), replayed.reading.checkpoint());
        comparison.compare_ledgers(&ours.ledger, &theirs.ledger);
        comparison.compare_windows(live, replayed)?;
        Ok(comparison)
    }

    /// How many windows were compared.
    #[must_use]
    pub fn window_count(&self) -> u64 {
        self.windows.values().sum()
    }

    fn compare_totals(
        &mut self,
        live: &ComparedGeneration<'_>,
        replayed: &ComparedGeneration<'_>,
    ) -> Result<(), ReadError> {
        let names = live.branches.names();
        let live = live.totals()?;
        let mut replayed = replayed.totals()?;
        let mut differing = |branch: &BranchKey, live: Option<&Total>, replayed: Option<&Total>| {
            self.totals += 1;
            let figure = || format!("the total of {}", names.name(branch));
            self.differs(FigureDifference::total(figure, live, replayed));
        };
        for (branch, total) in &live {
            let other = replayed.remove(branch);
            differing(branch, Some(total), other.as_ref());
        }
        for (branch, total) in &replayed {
            differing(branch, None, Some(total));
        }
        Ok(())
    }

    fn compare_ledgers(&mut self, live: &Ledger, replayed: &Ledger) {
        for entry in Entry::ALL {
            self.ledger_entries += 1;
            let (live, replayed) = (live.entry(entry), replayed.entry(entry));
            self.differs(FigureDifference::entry(entry, live, replayed));
        }
        match live.consumed.cmp(&replayed.consumed) {
            std::cmp::Ordering::Less => self.because.push(format!(
                "up to the same positions the live generation has consumed {} fewer: it \
                 began later than the earliest record of the topic (kafka.start)",
                counted(replayed.consumed - live.consumed, "record")
            )),
            std::cmp::Ordering::Greater => self.because.push(format!(
                "the topic does not hold {} any more that the live generation has consumed: \
                 retention, compaction or an administrator has removed them",
                counted(live.consumed - replayed.consumed, "record")
            )),
            std::cmp::Ordering::Equal => {}
        }
    }

    fn compare_windows(
        &mut self,
        live: &ComparedGeneration<'_>,
        replayed: &ComparedGeneration<'_>,
    ) -> Result<(), ReadError> {
        let (our_frame, their_frame) = (live.reading.frame(), replayed.reading.frame());
        let from = our_frame.snapshot().floor.max(their_frame.snapshot().floor);
        let mut others: Vec<&str> = names(their_frame).collect();
        for (number, definition) in (0..=u16::MAX).zip(our_frame.definitions()) {
            let name = definition.name();
            others.retain(|other| *other != name);
            let same = (0..=u16::MAX)
                .zip(their_frame.definitions())
                .find(|(_, other)| is_same(definition, other));
            let Some((other, _)) = same else {
                self.windows_not_compared.push(name.to_owned());
                self.live_windows_not_compared.push(name.to_owned());
                continue;
            };
            let mut ours = WindowPages::new(live.reading, number, from);
            let mut theirs = WindowPages::new(replayed.reading, other, from);
            let mut count = 0;
            let (mut one, mut two) = (ours.next()?, theirs.next()?);
            loop {
                // The other generation has texts under other numbers: each is looked up there.
                while let Some(text) = one.take_if(|summary| summary.is_text()) {
                    let (window, branch) = (text.window(), live.branches.key(text.key.1));
                    let there = replayed.window(other, window, &branch)?;
                    count += 1;
                    let figure = || figure_of(definition, window, &branch, live);
                    self.differs(FigureDifference::window(
                        figure,
                        Some(&text.summary),
                        there.as_ref(),
                    ));
                    one = ours.next()?;
                }
                while let Some(text) = two.take_if(|summary| summary.is_text()) {
                    let (window, branch) = (text.window(), replayed.branches.key(text.key.1));
                    if live.window(number, window, &branch)?.is_none() {
                        count += 1;
                        let figure = || figure_of(definition, window, &branch, live);
                        self.differs(FigureDifference::window(figure, None, Some(&text.summary)));
                    }
                    two = theirs.next()?;
                }
                let (left, right) = match (&one, &two) {
                    (None, None) => break,
                    (Some(_), None) => (true, false),
                    (None, Some(_)) => (false, true),
                    (Some(one), Some(two)) => (one.key <= two.key, two.key <= one.key),
                };
                count += 1;
                let mine = if left { one.take() } else { None };
                let other = if right { two.take() } else { None };
                if let Some(either) = mine.as_ref().or(other.as_ref()) {
                    let (window, branch) = (either.window(), BranchKey::Integer(either.key.1));
                    let figure = || figure_of(definition, window, &branch, live);
                    let [mine, other] = [&mine, &other].map(|it| Some(&it.as_ref()?.summary));
                    self.differs(FigureDifference::window(figure, mine, other));
                }
                if left {
                    one = ours.next()?;
                }
                if right {
                    two = theirs.next()?;
                }
            }
            self.windows.insert(name.to_owned(), count);
        }
        self.windows_not_compared
            .extend(others.into_iter().map(str::to_owned));
        Ok(())
    }

    fn differs(&mut self, differing: Option<FigureDifference>) {
        let Some(differing) = differing else { return };
        self.differences += 1;
        if self.first.len() < SHOWN_MAX {
            self.first.push(differing);
        }
    }
}

/// The content of a window of a branch.
struct WindowSummary {
    /// In the order in which windows are listed.
    key: (EventTime, BranchId, EventTime),
    summary: Summary,
}

/// What a window of a branch is called.
fn figure_of(
    definition: &Definition,
    window: Window,
    branch: &BranchKey,
    of: &ComparedGeneration<'_>,
) -> String {
    let (name, branch) = (definition.name(), of.branches.names().name(branch));
    let (start, end) = (rfc3339(window.start), rfc3339(window.end));
    format!("{name} from {start} to {end} of {branch}")
}

impl WindowSummary {
    fn is_text(&self) -> bool {
        self.key.1.is_text()
    }

    fn window(&self) -> Window {
        Window::new(self.key.0, self.key.2)
    }

    fn of(result: WindowResult<BranchId, Summary>) -> Self {
        let Window { start, end } = result.window;
        Self {
            key: (start, result.key, end),
            summary: result.aggregate,
        }
    }
}

/// All windows of a definition that hold a payment. Which of the others there are depends on when
/// they became final, and they all say the same.
struct WindowPages<'a> {
    reading: &'a dyn Reading,
    query: Query<BranchId>,
    page: std::vec::IntoIter<WindowResult<BranchId, Summary>>,
    is_last: bool,
}

impl<'a> WindowPages<'a> {
    fn new(reading: &'a dyn Reading, definition: u16, from: Option<EventTime>) -> Self {
        Self {
            reading,
            query: Query {
                from,
                limit: PAGE,
                ..Query::all(definition)
            },
            page: Vec::new().into_iter(),
            is_last: false,
        }
    }

    fn next(&mut self) -> Result<Option<WindowSummary>, ReadError> {
        loop {
            for result in self.page.by_ref() {
                if result.aggregate.count > 0 {
                    return Ok(Some(WindowSummary::of(result)));
                }
            }
            if self.is_last {
                return Ok(None);
            }
            let page = self.reading.frame().windows(self.reading, &self.query)?;
            self.is_last = page.len() < PAGE;
            if let Some(last) = page.last() {
                self.query.after = Some((last.window.start, last.key, last.window.end));
            }
            self.page = page.into_iter();
        }
    }
}

fn names(frame: &Frame) -> impl Iterator<Item = &str> {
    frame.definitions().iter().map(|d| d.name())
}

// The zone of windows shorter than a day changes nothing.
fn is_same(one: &Definition, other: &Definition) -> bool {
    let shape = |definition: &Definition| {
        (
            definition.name().to_owned(),
            definition.kind(),
            definition.size(),
            definition.slide(),
            definition.offset(),
            definition.zoned().then(|| definition.zone()),
        )
    };
    shape(one) == shape(other)
}
