//! From the marks of one reading to one bulk.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use rustc_hash::FxBuildHasher;

use super::bulk::Bulk;
use super::document::{Content, Renderer};
use super::index::{family_of, last_of};
use super::places::{Gate, Passage};
use crate::branch::Branches;
use crate::document_key::DocumentKey;
use crate::feedback::Family;
use crate::reading::{Mark, ReadError, Reading};

/// What is known of single documents.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Acknowledged in this pass and in the one before: their marks may not be cleared yet.
    acknowledged: (Marks, Marks),
    parked: HashMap<DocumentKey, Parked, FxBuildHasher>,
}

type Marks = HashMap<DocumentKey, Mark, FxBuildHasher>;

/// A document that is refused for what it says.
#[derive(Debug)]
struct Parked {
    until: Instant,
    reason: String,
}

/// Remembering an acknowledgement spares sending a document twice; beyond so many, it may be.
const ACKNOWLEDGED_MAX: usize = 65_536;
/// Beyond so many, it is not single documents that are wrong.
const PARKED_MAX: usize = 1_000;
/// Marks read at once.
const PAGE: usize = 1_024;
/// A bulk is also ended by so many documents that need not be sent.
const SETTLED_MAX: usize = 10_000;

impl Memory {
    /// A pass over all marks begins.
    pub(super) fn begin_pass(&mut self) {
        self.acknowledged.1 = std::mem::take(&mut self.acknowledged.0);
    }

    /// Delivered as it was at its mark.
    pub(super) fn acknowledge(&mut self, key: DocumentKey, mark: Mark) {
        self.parked.remove(&key);
        if self.acknowledged.0.len() < ACKNOWLEDGED_MAX {
            self.acknowledged.0.insert(key, mark);
        }
    }

    /// Refused for what it says. Whether single documents still are to blame.
    pub(super) fn park(&mut self, key: DocumentKey, until: Instant, reason: String) -> bool {
        if self.parked.len() >= PARKED_MAX && !self.parked.contains_key(&key) {
            return false;
        }
        self.parked.insert(key, Parked { until, reason });
        true
    }

    /// How many documents are parked, and why one of them is.
    pub(super) fn parked(&self) -> Option<(usize, &str)> {
        let (_, one) = self.parked.iter().min_by_key(|(key, _)| **key)?;
        Some((self.parked.len(), &one.reason))
    }

    fn is_to_be_sent(&mut self, key: DocumentKey, mark: Mark, now: Instant) -> bool {
        let (newer, older) = &self.acknowledged;
        if newer.get(&key) == Some(&mark) || older.get(&key) == Some(&mark) {
            // It is still marked, so it must be remembered for the next pass too.
            self.acknowledge(key, mark);
            return false;
        }
        self.parked
            .get(&key)
            .is_none_or(|parked| parked.until <= now)
    }
}

/// What to collect from a reading.
#[derive(Debug)]
pub(super) struct Search {
    /// The last document that was looked at.
    pub(super) after: Option<DocumentKey>,
    pub(super) gate: Gate,
    /// Families that lack an index.
    pub(super) skip: BTreeSet<Family>,
    pub(super) max_actions: usize,
    pub(super) max_bytes: usize,
    pub(super) content: Content,
    pub(super) now: Instant,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    /// To be sent.
    pub(super) bulk: Bulk,
    /// Not to be given, so there is nothing to be sent.
    pub(super) settled: Vec<(DocumentKey, Mark)>,
    /// Families that have something to be sent, but no index that is ready.
    pub(super) wanted: BTreeSet<Family>,
    /// The last document that was looked at; `None` at the end.
    pub(super) after: Option<DocumentKey>,
}

impl Search {
    /// Collects one bulk from one reading.
    pub(super) fn run(
        mut self,
        reading: &dyn Reading,
        branches: &Branches,
        memory: &mut Memory,
    ) -> Result<Found, ReadError> {
        let renderer = Renderer::new(reading, branches, self.content);
        let mut found = Found {
            bulk: Bulk::new(),
            settled: Vec::new(),
            wanted: BTreeSet::new(),
            after: None,
        };
        loop {
            let page = reading.dirty(self.after, PAGE)?;
            if page.is_empty() {
                return Ok(found);
            }
            for (key, mark) in page {
                match self.take(&mut found, &renderer, memory, key, mark)? {
                    Step::Next => self.after = Some(key),
                    Step::SkipFamily => {
                        self.after = Some(last_of(family_of(&key)));
                        break;
                    }
                    Step::Full => {
                        found.after = self.after;
                        return Ok(found);
                    }
                }
            }
        }
    }

    fn take(
        &self,
        found: &mut Found,
        renderer: &Renderer<'_>,
        memory: &mut Memory,
        key: DocumentKey,
        mark: Mark,
    ) -> Result<Step, ReadError> {
        if found.bulk.len() >= self.max_actions || found.settled.len() >= SETTLED_MAX {
            return Ok(Step::Full);
        }
        let family = family_of(&key);
        let passage = self.gate.passage(family);
        let is_wanted = self.skip.contains(&family) || found.wanted.contains(&family);
        if matches!(passage, Passage::Held) || is_wanted {
            return Ok(Step::SkipFamily);
        }
        if !memory.is_to_be_sent(key, mark, self.now) {
            return Ok(Step::Next);
        }
        let Some(document) = renderer.render(&key)? else {
            found.settled.push((key, mark));
            return Ok(Step::Next);
        };
        let Passage::Open(target) = passage else {
            found.wanted.insert(family);
            return Ok(Step::SkipFamily);
        };
        let is_in = found
            .bulk
            .push(key, mark, target, document, self.max_bytes)?;
        Ok(if is_in { Step::Next } else { Step::Full })
    }
}

/// Where a search goes on.
enum Step {
    Next,
    SkipFamily,
    Full,
}
