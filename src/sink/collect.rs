//! From the marks of one reading to one bulk.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tidegauge_windows::Window;

use super::bulk::Bulk;
use super::destinations::{Gate, Passage};
use super::document::{Content, Renderer};
use super::index::{family_of, last_of, last_of_definition};
use super::memory::Memory;
use crate::core::feedback::Family;
use crate::core::feedback::Mark;
use crate::domain::branch::Branches;
use crate::domain::document_key::DocumentKey;
use crate::host::clock::Instant;
use crate::view::reading::{ReadError, Reading};

/// Marks read at once.
const PAGE: usize = 1_024;
/// A bulk is also ended by so many documents that need not be sent.
const SETTLED_MAX: usize = 10_000;

/// Where documents that await delivery are looked for.
#[derive(Clone, Debug)]
pub(super) enum Scope {
    /// Among all marks but those of these documents.
    AllBut(Arc<BTreeSet<DocumentKey>>),
    /// Among these documents, in key order, and those of late payments and rejects: nothing else
    /// has changed.
    Only(Arc<[DocumentKey]>),
}

/// What to collect from a reading.
#[derive(Debug)]
pub(super) struct BulkCollector {
    pub(super) scope: Scope,
    /// The last document that was looked at.
    pub(super) after: Option<DocumentKey>,
    pub(super) gate: Gate,
    /// Families that lack an index.
    pub(super) skip: BTreeSet<Family>,
    /// Whether totals and windows that are not final wait: they will change again soon.
    pub(super) postpone: bool,
    pub(super) max_actions: usize,
    pub(super) max_bytes: usize,
    pub(super) content: Content,
    pub(super) now: Instant,
}

/// The documents that a search collected.
#[derive(Debug)]
pub(super) struct Collected {
    /// To be sent.
    pub(super) bulk: Bulk,
    /// Not to be given, so there is nothing to be sent.
    pub(super) settled: Vec<(DocumentKey, Mark)>,
    /// Families that have something to be sent, but no index that is ready.
    pub(super) wanted: BTreeSet<Family>,
    /// The last document that was looked at; `None` at the end.
    pub(super) after: Option<DocumentKey>,
}

impl BulkCollector {
    /// Collects one bulk from one reading.
    pub(super) fn run(
        mut self,
        reading: &dyn Reading,
        branches: &Branches,
        memory: &Mutex<Memory>,
    ) -> Result<Collected, ReadError> {
        let renderer = Renderer::new(reading, branches, self.content);
        let mut found = Collected {
            bulk: Bulk::new(),
            settled: Vec::new(),
            wanted: BTreeSet::new(),
            after: None,
        };
        loop {
            let page = self.page(reading)?;
            let is_last = page.len() < PAGE;
            let mut is_skipping = false;
            for (key, mark) in page {
                let skip_to = match self.take(&mut found, reading, &renderer, memory, key, mark)? {
                    SearchStep::Next => {
                        self.after = Some(key);
                        continue;
                    }
                    SearchStep::SkipFamily => last_of(family_of(&key)),
                    SearchStep::SkipOpenWindows(definition) => last_of_definition(definition),
                    SearchStep::Full => {
                        found.after = self.after;
                        return Ok(found);
                    }
                };
                self.after = Some(skip_to);
                is_skipping = true;
                break;
            }
            if is_last && !is_skipping {
                return Ok(found);
            }
        }
    }

    // The next marks, fewer than a page if there are no more.
    fn page(&self, reading: &dyn Reading) -> Result<Vec<(DocumentKey, Mark)>, ReadError> {
        let documents = match &self.scope {
            Scope::AllBut(_) => return reading.dirty(self.after, PAGE),
            Scope::Only(documents) => documents,
        };
        let last_window = last_of_definition(u16::MAX);
        let first = documents.partition_point(|key| Some(*key) <= self.after);
        let end = documents.partition_point(|key| *key <= last_window);
        let mut page = Vec::new();
        for key in documents.get(first..end).unwrap_or_default() {
            if let Some(mark) = reading.mark(key)? {
                page.push((*key, mark));
            }
            if page.len() >= PAGE {
                return Ok(page);
            }
        }
        let after = self.after.max(Some(last_window));
        page.extend(reading.dirty(after, PAGE - page.len())?);
        Ok(page)
    }

    fn take(
        &self,
        found: &mut Collected,
        reading: &dyn Reading,
        renderer: &Renderer<'_>,
        memory: &Mutex<Memory>,
        key: DocumentKey,
        mark: Mark,
    ) -> Result<SearchStep, ReadError> {
        if found.bulk.len() >= self.max_actions || found.settled.len() >= SETTLED_MAX {
            return Ok(SearchStep::Full);
        }
        let family = family_of(&key);
        let passage = self.gate.passage(family);
        let is_wanted = self.skip.contains(&family) || found.wanted.contains(&family);
        if matches!(passage, Passage::Held) || is_wanted {
            return Ok(SearchStep::SkipFamily);
        }
        if self.postpone
            && let Some(step) = postponed(reading, &key)
        {
            // Its index can be made meanwhile.
            if matches!(passage, Passage::Unknown) {
                found.wanted.insert(family);
            }
            return Ok(step);
        }
        if let Scope::AllBut(others) = &self.scope
            && others.contains(&key)
        {
            return Ok(SearchStep::Next);
        }
        if !lock(memory).is_to_be_sent(key, mark, self.now) {
            return Ok(SearchStep::Next);
        }
        let Some(document) = renderer.render(&key)? else {
            found.settled.push((key, mark));
            return Ok(SearchStep::Next);
        };
        let Passage::Open(target) = passage else {
            found.wanted.insert(family);
            return Ok(SearchStep::SkipFamily);
        };
        let is_in = found
            .bulk
            .push(key, mark, target, document, self.max_bytes)?;
        Ok(if is_in {
            SearchStep::Next
        } else {
            SearchStep::Full
        })
    }
}

/// Where a search continues.
enum SearchStep {
    Next,
    SkipFamily,
    /// At the windows of the next definition: none of this one that follows is final.
    SkipOpenWindows(u16),
    Full,
}

// Where the search continues instead, if the document will change again soon.
fn postponed(reading: &dyn Reading, key: &DocumentKey) -> Option<SearchStep> {
    match *key {
        DocumentKey::Total(_) => Some(SearchStep::SkipFamily),
        DocumentKey::Window {
            definition, window, ..
        } => {
            let frame = reading.frame();
            let is_past = |window: Window| Some(window.start) < frame.watermark();
            match frame.closed_by(window) {
                Some(_) => None,
                None if is_past(window) => Some(SearchStep::Next),
                None => Some(SearchStep::SkipOpenWindows(definition)),
            }
        }
        DocumentKey::NoWindow(_) | DocumentKey::Reject(_) => None,
    }
}

/// What is known of single documents; a writer that panicked leaves whole entries behind.
pub(super) fn lock(memory: &Mutex<Memory>) -> std::sync::MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}
