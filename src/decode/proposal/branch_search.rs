//! Looks for what amounts are summed by.

use super::candidate::{Candidate, Candidates, share};
use super::field_profile::FieldProfile;
use super::sample_profile::SampleProfile;
use super::search_scope::SearchScope;
use super::vocabulary::{BRANCH, IDENTITY};
use crate::decode::mapping::Place;

/// What a place loses that has another value in nearly every record: sums would be of one payment.
const UNIQUE: i32 = -70;
/// From so many records on this can be told.
const MANY: usize = 10;
/// What a place has whose name speaks for nothing: more than only the key, if its values come again.
const UNNAMED: i32 = -60;
/// A name with fewer points speaks against a branch.
const WORDS_MIN: i32 = -20;
/// What the record's key has, as often it is what the topic is partitioned by.
const KEY: i32 = 40;

/// The places with values that can be branches in at least half of the records, except for those that
/// are `taken`.
pub(super) fn candidates<'p>(
    profile: &'p SampleProfile,
    scope: &SearchScope,
    taken: &[&Place],
) -> Option<Candidates<'p, ()>> {
    let found = profile
        .fields
        .iter()
        .filter_map(|field| candidate(field, profile, scope));
    Candidates::of(found.filter(|candidate| !taken.contains(&&candidate.place)))
}

fn candidate<'p>(
    field: &'p FieldProfile,
    profile: &SampleProfile,
    scope: &SearchScope,
) -> Option<Candidate<'p, ()>> {
    let (place, level) = scope.place(field, profile)?;
    let read = field.branches;
    let mut words = field.words.points(BRANCH);
    let is_other = field.amounts.has_decimals() || (words <= 0 && field.times.best().is_some());
    if read * 2 < profile.records || is_other || place == Place::Timestamp {
        return None;
    }
    let is_unique = is_unique(field);
    let base = if words > 0 {
        words += field.words.points(IDENTITY);
        words
    } else if place == Place::Key && !is_unique {
        KEY
    } else if words > WORDS_MIN && comes_again(field) && !has_identity(field) {
        words + UNNAMED
    } else {
        return None;
    };
    let unique = if is_unique { UNIQUE } else { 0 };
    Some(Candidate {
        field,
        place,
        form: (),
        read,
        words,
        score: base + share(read, profile.records) + level + unique,
    })
}

fn has_identity(field: &FieldProfile) -> bool {
    field.words.points(IDENTITY) > 4
}

/// Whether nearly every record has another value.
pub(super) fn is_unique(field: &FieldProfile) -> bool {
    field.present >= MANY && field.distinct() * 10 > field.present * 9
}

/// Whether values come up again and again.
fn comes_again(field: &FieldProfile) -> bool {
    field.present >= 2 && field.distinct() * 2 <= field.present
}
