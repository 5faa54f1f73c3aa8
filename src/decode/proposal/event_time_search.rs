//! Looks for the moment of a payment.

use super::candidate::{Candidate, Candidates, share};
use super::field_profile::FieldProfile;
use super::sample_profile::SampleProfile;
use super::search_scope::SearchScope;
use super::vocabulary::{EVENT_TIME, NOT_A_TIME};
use crate::decode::mapping::{Place, TimeForm};

/// What a number without a name that speaks for it loses: any number may look like seconds.
const UNNAMED_NUMBER: i32 = -80;
/// What a form without a time of day loses.
const DAY_ONLY: i32 = -30;
/// A name with fewer points speaks for another moment, such as a birthday.
const WORDS_MIN: i32 = -50;

/// The places with times in at least half of the records.
pub(super) fn candidates<'p>(
    profile: &'p SampleProfile,
    scope: &SearchScope,
) -> Option<Candidates<'p, TimeForm>> {
    Candidates::of(
        profile
            .fields
            .iter()
            .filter_map(|field| candidate(field, profile, scope)),
    )
}

fn candidate<'p>(
    field: &'p FieldProfile,
    profile: &SampleProfile,
    scope: &SearchScope,
) -> Option<Candidate<'p, TimeForm>> {
    let (place, level) = scope.place(field, profile)?;
    let (form, read) = field.times.best()?;
    if read * 2 < profile.records || place == Place::Key {
        return None;
    }
    let is_number = match form {
        TimeForm::Epoch(_) => true,
        TimeForm::Auto => field.amounts.has_numbers(),
        TimeForm::Pattern(_) => false,
    };
    let words = match is_number {
        true => field.words.points(EVENT_TIME) + field.words.points(NOT_A_TIME),
        false => field.words.points(EVENT_TIME),
    };
    if words < WORDS_MIN || (is_number && words < 0) {
        return None;
    }
    let mut score = words + share(read, profile.records) + level;
    if is_number && words == 0 && place != Place::Timestamp {
        score += UNNAMED_NUMBER;
    }
    if matches!(form, TimeForm::Pattern(_)) && !form.to_string().contains([':', 'H', 'I']) {
        score += DAY_ONLY;
    }
    Some(Candidate {
        field,
        place,
        form,
        read,
        words,
        score,
    })
}
