//! What is known of the indexes: which are ready, which must wait, which may have lost something.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use super::bulk::Target;
use super::cluster::IndexState;
use super::config::Pacing;
use super::mark_order::MarkOrder;
use super::retry::Backoff;
use crate::core::feedback::Family;
use crate::host::clock::Instant;

/// All indexes that documents go to, or went to.
#[derive(Debug)]
pub(super) struct Destinations {
    destinations: BTreeMap<Family, Destination>,
    pacing: Pacing,
    /// Whether documents may have been delivered before this run.
    had_former_life: bool,
}

#[derive(Debug)]
struct Destination {
    /// Where its documents go; `None` until its index is ready.
    target: Option<Target>,
    /// The index as it was last known.
    uuid: Option<String>,
    /// The index that what was delivered is in, as the state knows it.
    noted: Option<String>,
    /// Until when nothing is sent there, and why.
    held: Option<(Instant, String)>,
    /// Since when it has been held again and again, without anything being delivered there.
    held_since: Option<Instant>,
    /// Whether that was told.
    is_told: bool,
    waits: Backoff,
    /// Between two tries while it refuses more than single documents.
    refusals: Backoff,
    /// Whether it refused more than single documents.
    is_refusing: bool,
    /// Whether documents in it count as delivered, so that they are missed if it is gone.
    is_relied_on: bool,
    /// The order to mark its documents again.
    marks: Option<MarkOrder>,
}

/// What a destination was before it took all documents again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Recovery {
    /// It had refused more than single documents.
    pub(super) from_refusing: bool,
    /// It was told that it takes nothing.
    pub(super) from_being_told: bool,
}

/// A server with much to do refuses documents for moments: an index that takes nothing for longer is told.
const TOLD_AFTER: Duration = Duration::from_secs(10);

/// Which families can be sent to at a moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate {
    ready: HashMap<Family, Target>,
    held: HashSet<Family>,
}

/// Whether documents of a family can be sent.
#[derive(Clone, Debug)]
pub(super) enum Passage<'a> {
    /// To there.
    Open(&'a Target),
    /// Not now.
    Held,
    /// Its index has to be made ready first.
    Unknown,
}

impl Gate {
    pub(super) fn passage(&self, family: Family) -> Passage<'_> {
        if self.held.contains(&family) {
            return Passage::Held;
        }
        self.ready
            .get(&family)
            .map_or(Passage::Unknown, Passage::Open)
    }
}

impl Destinations {
    pub(super) const fn new(pacing: Pacing, had_former_life: bool) -> Self {
        Self {
            destinations: BTreeMap::new(),
            pacing,
            had_former_life,
        }
    }

    /// What can be sent where at `now`.
    pub(super) fn gate(&self, now: Instant) -> Gate {
        let mut gate = Gate::default();
        for (family, destination) in &self.destinations {
            let held = destination.held.as_ref();
            let is_held = held.is_some_and(|(until, _)| now < *until);
            if is_held || self.awaits_marks(*family) {
                gate.held.insert(*family);
            } else if let Some(target) = &destination.target {
                gate.ready.insert(*family, target.clone());
            }
        }
        gate
    }

    /// Its index is ready. Whether documents that count as delivered may be missing there.
    pub(super) fn is_ready(&mut self, target: Target, uuid: String, is_new: bool) -> bool {
        let destination = self.destination(target.family);
        let is_other = destination
            .uuid
            .as_ref()
            .is_some_and(|known| *known != uuid);
        destination.target = Some(Target {
            uuid: uuid.as_str().into(),
            ..target
        });
        destination.uuid = Some(uuid);
        destination.held = None;
        (is_new || is_other) && std::mem::take(&mut destination.is_relied_on)
    }

    /// A former life delivered into the index with this uuid.
    pub(super) fn remember(&mut self, family: Family, uuid: String) {
        let destination = self.destination(family);
        destination.is_relied_on = true;
        destination.noted = Some(uuid.clone());
        destination.uuid = Some(uuid);
    }

    /// Whether its index is there, or was looked for.
    pub(super) fn is_known(&self, family: Family) -> bool {
        self.destinations.contains_key(&family)
    }

    /// Its index is gone. Whether documents that count as delivered went with it.
    pub(super) fn is_gone(&mut self, family: Family) -> bool {
        let destination = self.destination(family);
        destination.target = None;
        destination.uuid = None;
        std::mem::take(&mut destination.is_relied_on)
    }

    /// Its index must be looked at again before anything is sent there.
    pub(super) fn is_doubtful(&mut self, family: Family) {
        self.destination(family).target = None;
    }

    /// Whether documents count as delivered there, so that they are missed if its index is gone.
    pub(super) fn relies_on(&self, family: Family) -> bool {
        let destination = self.destinations.get(&family);
        destination.map_or(self.had_former_life, |it| it.is_relied_on)
    }

    /// Its documents are marked again. Nothing is sent there before that is durable.
    pub(super) fn await_marks(&mut self, family: Family, order: MarkOrder) {
        let destination = self.destination(family);
        destination.target = None;
        destination.marks = Some(order);
    }

    /// Whether its documents are to be marked again, and that is not durable yet.
    pub(super) fn awaits_marks(&self, family: Family) -> bool {
        let destination = self.destinations.get(&family);
        let order = destination.and_then(|it| it.marks.as_ref());
        order.is_some_and(|order| !order.is_durable())
    }

    /// Documents were delivered into the index with this uuid. Whether the state has to note that.
    pub(super) fn is_relied_on(&mut self, family: Family, uuid: &str) -> bool {
        let destination = self.destination(family);
        destination.is_relied_on = true;
        let is_noted = destination.noted.as_deref() == Some(uuid);
        destination.noted = Some(uuid.to_owned());
        !is_noted
    }

    /// Nothing was refused there.
    pub(super) fn is_well(&mut self, family: Family) -> Recovery {
        let destination = self.destination(family);
        destination.waits.reset();
        destination.refusals.reset();
        destination.held = None;
        destination.held_since = None;
        Recovery {
            from_refusing: std::mem::take(&mut destination.is_refusing),
            from_being_told: std::mem::take(&mut destination.is_told),
        }
    }

    /// It refuses more documents than can be single ones that are wrong: nothing is sent there for a while.
    pub(super) fn refuses(&mut self, family: Family, now: Instant, reason: String) {
        let destination = self.destination(family);
        destination.is_refusing = true;
        let wait = destination.refusals.next().unwrap_or_default();
        destination.hold_until(now, now + wait, reason);
    }

    /// The families that nothing could be delivered to for at least `least`.
    pub(super) fn blocked(&self, now: Instant, least: Duration) -> BTreeSet<Family> {
        let long = |since: &Instant| now.saturating_duration_since(*since) >= least;
        let destinations = self.destinations.iter();
        destinations
            .filter(|(_, destination)| destination.held_since.as_ref().is_some_and(long))
            .map(|(family, _)| *family)
            .collect()
    }

    /// Nothing can be delivered anywhere, so it says nothing of one family that it is held.
    pub(super) fn no_family_is_to_blame(&mut self) {
        for destination in self.destinations.values_mut() {
            destination.held_since = None;
        }
    }

    /// What was delivered in a former life is known now: what is made from here on is new.
    pub(super) const fn former_life_is_known(&mut self) {
        self.had_former_life = false;
    }

    /// It is overloaded or blocked: nothing is sent there for a while, longer each time. Whether that is
    /// to be told: it lasts, and was not told.
    pub(super) fn hold(&mut self, family: Family, now: Instant, reason: String) -> bool {
        let destination = self.destination(family);
        let wait = destination.waits.next().unwrap_or_default();
        destination.hold_until(now, now + wait, reason);
        let since = destination.held_since.unwrap_or(now);
        let lasts = now.saturating_duration_since(since) >= TOLD_AFTER;
        lasts && !std::mem::replace(&mut destination.is_told, true)
    }

    /// Nothing is sent there for so long.
    pub(super) fn hold_for(
        &mut self,
        family: Family,
        now: Instant,
        wait: Duration,
        reason: String,
    ) {
        self.destination(family).hold_until(now, now + wait, reason);
    }

    /// The first family that is held, and why.
    pub(super) fn first_held(&self) -> Option<&str> {
        let reasons = self
            .destinations
            .values()
            .filter_map(|destination| destination.held.as_ref());
        reasons.map(|(_, reason)| reason.as_str()).next()
    }

    /// The families whose index is not what it was, or not there, and those that need some work.
    pub(super) fn compare(&self, live: &BTreeMap<Family, IndexState>) -> Compared {
        let mut compared = Compared::default();
        for (family, destination) in &self.destinations {
            if destination.uuid.is_some() && !live.contains_key(family) {
                compared.gone.insert(*family);
            }
        }
        for (family, live) in live {
            let destination = self.destinations.get(family);
            let known = destination.filter(|destination| destination.target.is_some());
            match known.and_then(|destination| destination.uuid.as_ref()) {
                Some(uuid) if *uuid == live.uuid && live.is_in_order() => {}
                None if live.is_in_order() => {
                    compared.found.insert(*family, live.uuid.clone());
                }
                _ => {
                    compared.changed.insert(*family);
                }
            }
        }
        compared
    }

    fn destination(&mut self, family: Family) -> &mut Destination {
        let pacing = self.pacing;
        self.destinations
            .entry(family)
            .or_insert_with(|| Destination {
                target: None,
                uuid: None,
                noted: None,
                held: None,
                held_since: None,
                is_told: false,
                waits: Backoff::new(pacing.retry_first, pacing.retry_most, fastrand::f64),
                refusals: Backoff::new(pacing.retry_most, pacing.parked, fastrand::f64),
                is_refusing: false,
                is_relied_on: self.had_former_life,
                marks: None,
            })
    }
}

impl Destination {
    fn hold_until(&mut self, now: Instant, until: Instant, reason: String) {
        self.held = Some((until, reason));
        self.held_since.get_or_insert(now);
    }
}

/// The outcome of comparing the indexes with those known before, by family.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Compared {
    /// They were there and are gone.
    pub(super) gone: BTreeSet<Family>,
    /// They are others than they were, or not in order.
    pub(super) changed: BTreeSet<Family>,
    /// They are there, in order, from before.
    pub(super) found: BTreeMap<Family, String>,
}

#[cfg(test)]
mod tests;
