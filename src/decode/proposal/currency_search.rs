//! Looks for the currency of an amount.

use super::amount_search::same_object;
use super::candidate::{Candidate, Candidates, share};
use super::field_profile::FieldProfile;
use super::sample_profile::SampleProfile;
use super::search_scope::SearchScope;
use super::vocabulary::CURRENCY;
use crate::decode::mapping::Place;

/// What a code in the object of the amount gains.
const BESIDE: i32 = 40;
/// A name with so many points speaks for a currency even if ISO 4217 does not know the code.
const NAMED: i32 = 60;

/// The places with codes of currencies in at least half of the records.
pub(super) fn candidates<'p>(
    profile: &'p SampleProfile,
    scope: &SearchScope,
    amount: &Place,
) -> Option<Candidates<'p, ()>> {
    let fields = profile.fields.iter();
    Candidates::of(fields.filter_map(|field| candidate(field, profile, scope, amount)))
}

fn candidate<'p>(
    field: &'p FieldProfile,
    profile: &SampleProfile,
    scope: &SearchScope,
    amount: &Place,
) -> Option<Candidate<'p, ()>> {
    let (place, level) = scope.place(field, profile)?;
    let (codes, words) = (field.currency_codes(), field.words.points(CURRENCY));
    let is_beside = same_object(&place, amount);
    let are_codes = codes * 2 >= profile.records && codes * 10 >= field.present * 9;
    let are_iso = field.iso_codes * 10 >= codes * 9;
    let is_one = match words {
        NAMED.. => true,
        // Three letters may stand for anything.
        0.. => are_iso && is_beside && field.iso_codes == field.present,
        _ => false,
    };
    if !are_codes || !is_one || place == Place::Key {
        return None;
    }
    let beside = if is_beside { BESIDE } else { 0 };
    Some(Candidate {
        field,
        place,
        form: (),
        read: codes,
        words,
        score: words + share(codes, profile.records) + level + beside,
    })
}
