//! What one client is told at once: figures that changed, and the reading they come from.

use std::collections::BTreeSet;

use axum::body::Bytes;
use serde::Serialize;
use tidegauge_windows::{Selection, Walk, Window};

use super::held::Held;
use crate::api::parameters::Parameters;
use crate::api::problem::{Failure, Problem, quoted};
use crate::api::totals::NamedBranch;
use crate::api::windows::find_definition;
use crate::api::{SharedState, State};
use crate::domain::document_key::DocumentKey;
use crate::domain::payment::BranchId;
use crate::view::cell_cache::CellCache;
use crate::view::changelog::{ChangeSet, Life};
use crate::view::reading::{ReadError, Reading};
use crate::view::wire::{ReadingAnswer, TotalAnswer, WindowAnswer};

/// More figures at once are not told one by one.
const FIGURES_MAX: usize = 20_000;
/// Windows of so many changed slices are worked out at once.
const SLICES: usize = 1_024;
/// Windows that became final are looked for in so many steps at most.
const STEPS_MAX: u32 = 4;
/// Windows that overlap are made of the same cells: this many of them are remembered.
const CELLS: usize = 4_096;
/// When a client should come back after the line broke, in ms.
const RETRY_MS: u32 = 2_000;

/// Up to where a client has been told. Points of one life are in the order of its checkpoints.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::api) enum ResumePoint {
    /// It has been told nothing and wants nothing of before.
    Newest,
    /// It names a place that we don't know.
    Unknown,
    /// Up to the place that is an event's id.
    After(u64),
}

impl ResumePoint {
    /// The place that `id`, the id of an event, names.
    pub(in crate::api) fn parse(id: &str) -> Self {
        id.trim().parse().map_or(Self::Unknown, Self::After)
    }

    /// The place at a checkpoint of this life.
    pub(in crate::api) const fn at(checkpoint: u64, life: Life) -> Self {
        Self::After(life.position(checkpoint))
    }

    /// Whether it is at this checkpoint.
    pub(in crate::api) fn is(self, checkpoint: u64, life: Life) -> bool {
        self == Self::at(checkpoint, life)
    }

    /// The checkpoint, if it may be one of this life.
    const fn checkpoint(self, life: Life) -> Option<u64> {
        match self {
            Self::After(id) => life.checkpoint(id),
            Self::Newest | Self::Unknown => None,
        }
    }

    fn id(self) -> Option<u64> {
        match self {
            Self::After(id) => Some(id),
            Self::Newest | Self::Unknown => None,
        }
    }
}

/// Which figures a client wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::api) struct Filter {
    branch: Option<BranchId>,
    /// Definitions by number; all if none are named.
    windows: Option<BTreeSet<u16>>,
}

impl Filter {
    /// What `branch` and `window`, names with commas between them, ask for.
    pub(in crate::api) fn of(
        app: &SharedState,
        reading: &dyn Reading,
        parameters: &Parameters,
    ) -> Result<Self, Failure> {
        let branch = match NamedBranch::in_parameters(app, parameters)? {
            Some(branch) => Some(branch.known(app, reading)?),
            None => None,
        };
        let definitions = reading.frame().definitions();
        let windows = match parameters.text("window") {
            Some(names) => Some(
                names
                    .split(',')
                    .map(|name| match find_definition(definitions, name) {
                        Ok((number, _)) => Ok(number),
                        Err(_) => Err(unknown_window(reading, name)),
                    })
                    .collect::<Result<_, Problem>>()?,
            ),
            None => None,
        };
        Ok(Self { branch, windows })
    }

    /// The wanted figures that look different after `changed`; `None` if they are too many to be
    /// told one by one.
    fn figures(
        &self,
        changed: &ChangeSet,
        reading: &dyn Reading,
    ) -> Result<Option<BTreeSet<DocumentKey>>, ReadError> {
        let frame = reading.frame();
        let is_branch = |branch: &BranchId| self.branch.is_none_or(|wanted| wanted == *branch);
        let totals = changed.totals.iter().filter(|branch| is_branch(branch));
        let mut figures: BTreeSet<_> = totals.map(|branch| DocumentKey::Total(*branch)).collect();
        let slices = changed
            .slices
            .iter()
            .filter(|(_, branch)| is_branch(branch));
        let slices: Vec<_> = slices.copied().collect();
        for some in slices.chunks(SLICES) {
            self.add(&mut figures, frame.windows_of(some));
            if figures.len() > FIGURES_MAX {
                return Ok(None);
            }
        }
        for closed in &changed.closed {
            let selection = Selection::from(*closed);
            let mut walk = frame.can_have(&selection).then(|| Walk {
                key: self.branch,
                ..Walk::new(selection)
            });
            for _ in 0..STEPS_MAX {
                let Some(next) = walk else { break };
                let step = frame.walk(reading, &next, FIGURES_MAX)?;
                self.add(&mut figures, step.windows);
                walk = step.rest;
            }
            if walk.is_some() || figures.len() > FIGURES_MAX {
                return Ok(None);
            }
        }
        Ok((figures.len() <= FIGURES_MAX).then_some(figures))
    }

    fn add(&self, figures: &mut BTreeSet<DocumentKey>, windows: Vec<(u16, Window, BranchId)>) {
        let wanted = |definition: &u16| {
            let windows = self.windows.as_ref();
            windows.is_none_or(|wanted| wanted.contains(definition))
        };
        let windows = windows.into_iter().filter(|(number, _, _)| wanted(number));
        figures.extend(
            windows.map(|(definition, window, branch)| DocumentKey::Window {
                definition,
                window,
                branch,
            }),
        );
    }
}

fn unknown_window(reading: &dyn Reading, name: &str) -> Problem {
    let definitions = reading.frame().definitions();
    let names: Vec<_> = definitions.iter().map(|known| known.name()).collect();
    Problem::parameter(
        "window",
        format!(
            "there is no window {}; configured are: {}",
            quoted(name),
            names.join(", ")
        ),
    )
}

/// Events, ready to be sent.
#[derive(Debug)]
pub(in crate::api) struct Batch {
    /// The clients that it is for: those at this place.
    pub(in crate::api) after: ResumePoint,
    /// The branches and windows that it is about.
    pub(in crate::api) filter: Filter,
    /// Where the client is afterwards.
    pub(in crate::api) upto: ResumePoint,
    /// Whether it tells the client to load everything again.
    pub(in crate::api) is_reset: bool,
    /// The events.
    pub(in crate::api) bytes: Bytes,
}

impl Batch {
    /// What changed since `after`; without figures if there is no room for them. `held` counts it.
    pub(super) fn render(
        state: &State,
        filter: Filter,
        after: ResumePoint,
        is_full: bool,
        held: &Held,
    ) -> Result<Self, ReadError> {
        // Before the reading is taken: what is told of as changed is then in it.
        let newest = state.changelog.newest();
        let life = state.changelog.life();
        let changes = match after {
            ResumePoint::Newest => None,
            ResumePoint::Unknown | ResumePoint::After(_) => after
                .checkpoint(life)
                .map(|checkpoint| state.changelog.since(checkpoint)),
        };
        let upto = changes.as_ref().map_or(newest, |changes| changes.upto);
        let upto = ResumePoint::at(upto, life);
        let changed = changes.and_then(|changes| changes.changed);
        let mut events = EventText::new();
        let is_reset = state.readings.query(|reading| {
            let figures = match &changed {
                Some(changed) if !is_full => filter.figures(changed, reading)?,
                _ => None,
            };
            let is_reset = figures.is_none() && after != ResumePoint::Newest;
            if is_reset {
                events.add("reset", &Reset::of(after, life, newest, is_full))?;
            }
            events.figures(state, reading, &figures.unwrap_or_default())?;
            events.reading(reading, upto)?;
            Ok(is_reset)
        })?;
        Ok(Self {
            after,
            filter,
            upto,
            is_reset,
            bytes: held.count(events.text),
        })
    }
}

#[derive(Serialize)]
struct Reset {
    reason: &'static str,
}

impl Reset {
    fn of(after: ResumePoint, life: Life, newest: u64, is_full: bool) -> Self {
        let checkpoint = after.checkpoint(life);
        let reason = if is_full {
            "clients that read too slowly hold all the room for events: load everything again"
        } else if checkpoint.is_some_and(|checkpoint| checkpoint <= newest) {
            "more has changed since then than can be told one by one: load everything again"
        } else {
            "the last event's id is not one that was given since the service was started: load \
             everything again"
        };
        Self { reason }
    }
}

/// Events in the making.
struct EventText {
    text: Vec<u8>,
}

impl EventText {
    fn new() -> Self {
        Self {
            text: format!("retry: {RETRY_MS}\n").into_bytes(),
        }
    }

    fn figures(
        &mut self,
        state: &State,
        reading: &dyn Reading,
        figures: &BTreeSet<DocumentKey>,
    ) -> Result<(), ReadError> {
        let frame = reading.frame();
        let cells = CellCache::new(reading, CELLS);
        for figure in figures {
            match *figure {
                DocumentKey::Total(branch) => {
                    let total = reading.total(branch)?;
                    let total = TotalAnswer::new(branch, total.as_ref(), &state.branches);
                    self.add("total", &total)?;
                }
                DocumentKey::Window {
                    definition,
                    window,
                    branch,
                } => {
                    let rules = frame.definitions().get(usize::from(definition));
                    let result = frame.window(&cells, definition, window, branch)?;
                    if let (Some(rules), Some(result)) = (rules, result) {
                        self.add(
                            "window",
                            &WindowAnswer::new(&result, rules, &state.branches),
                        )?;
                    }
                }
                DocumentKey::NoWindow(_) | DocumentKey::Reject(_) => {}
            }
        }
        Ok(())
    }

    // The last of a batch alone has an id: who loses the line before it gets the whole batch again.
    fn reading(&mut self, reading: &dyn Reading, upto: ResumePoint) -> Result<(), ReadError> {
        #[derive(Serialize)]
        struct ReadingEvent {
            reading: ReadingAnswer,
        }
        if let Some(id) = upto.id() {
            self.text
                .extend_from_slice(format!("id: {id}\n").as_bytes());
        }
        let reading = ReadingAnswer::of(reading);
        self.add("reading", &ReadingEvent { reading })
    }

    fn add(&mut self, name: &str, data: &impl Serialize) -> Result<(), ReadError> {
        self.text
            .extend_from_slice(format!("event: {name}\ndata: ").as_bytes());
        serde_json::to_writer(&mut self.text, data)
            .map_err(|error| ReadError(format!("it can't be shown as JSON: {error}")))?;
        self.text.extend_from_slice(b"\n\n");
        Ok(())
    }
}
