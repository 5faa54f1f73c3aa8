//! A place that may hold a fact.

use super::field_profile::FieldProfile;
use crate::decode::mapping::Place;

/// A place that may hold a fact, and what speaks for it.
#[derive(Clone, Debug)]
pub(super) struct Candidate<'p, F> {
    pub field: &'p FieldProfile,
    /// As a mapping has it.
    pub place: Place,
    /// How the fact is written there.
    pub form: F,
    /// Records in which it can be read.
    pub read: usize,
    /// The points of the words in its name.
    pub words: i32,
    /// All points. The candidate with the most is taken.
    pub score: i32,
}

/// Two candidates that are no further apart are worth a look.
const CLOSE: i32 = 25;
/// So many alternatives are named.
const NAMED: usize = 3;

/// The candidates for one fact.
#[derive(Clone, Debug)]
pub(super) struct Candidates<'p, F> {
    /// The one with the most points, of several the first.
    pub best: Candidate<'p, F>,
    /// In the order of their points.
    others: Vec<Candidate<'p, F>>,
}

impl<'p, F> Candidates<'p, F> {
    /// `None` if there are none.
    pub(super) fn of(found: impl Iterator<Item = Candidate<'p, F>>) -> Option<Self> {
        let mut candidates: Vec<_> = found.collect();
        candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.score));
        let mut candidates = candidates.into_iter();
        Some(Self {
            best: candidates.next()?,
            others: candidates.collect(),
        })
    }

    /// They, at the places that `place` makes of theirs.
    pub(super) fn moved(mut self, place: impl Fn(&Place) -> Place) -> Self {
        self.best.place = place(&self.best.place);
        for other in &mut self.others {
            other.place = place(&other.place);
        }
        self
    }

    /// The places that are not the best one, as a part of a comment; empty if there are none.
    pub(super) fn also_possible(&self) -> String {
        if self.others.is_empty() {
            return String::new();
        }
        let names = self.others.iter().take(NAMED);
        let names: Vec<String> = names.map(|other| other.place.to_string()).collect();
        let more = match self.others.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("; also possible: {}{more}", names.join(", "))
    }

    /// The places that have nearly as many points as the best one.
    pub(super) fn close(&self) -> Vec<String> {
        let is_close = |other: &&Candidate<'_, F>| self.best.score - other.score <= CLOSE;
        let close = self.others.iter().take_while(is_close).take(NAMED);
        close.map(|other| other.place.to_string()).collect()
    }
}

/// Points for a fact that can be read in `read` of `records`: 0 to 100.
pub(super) fn share(read: usize, records: usize) -> i32 {
    let percent = (read * 100).checked_div(records).unwrap_or_default();
    i32::try_from(percent).unwrap_or(100)
}
