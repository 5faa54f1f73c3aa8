//! Looks for what tells one order from others.

use super::amount_search::same_object;
use super::branch_search::is_unique;
use super::candidate::{Candidate, Candidates, share};
use super::field_profile::FieldProfile;
use super::sample_profile::SampleProfile;
use super::search_scope::SearchScope;
use super::vocabulary::ORDER_ID;
use crate::decode::mapping::Place;

/// A name needs so many points: `id` has them.
const WORDS_MIN: i32 = 30;
/// And so many if every record of many has another value: `ref` and `no` have them.
const WORDS_MIN_IF_UNIQUE: i32 = 15;
/// What an id in the object of the amount gains.
const BESIDE: i32 = 15;

/// What an id is called, beside the word for an order.
const ID_WORDS: [&str; 6] = ["id", "uuid", "guid", "no", "nr", "number"];

/// The places with ids in at least half of the records, of which most differ or whose name says that they are
/// ids of orders, except for those that are `taken`. One that stands beside the `amount` is more likely its own.
pub(super) fn candidates<'p>(
    profile: &'p SampleProfile,
    scope: &SearchScope,
    amount: &Place,
    taken: &[&Place],
) -> Option<Candidates<'p, ()>> {
    let found = profile
        .fields
        .iter()
        .filter_map(|field| candidate(field, profile, scope, amount));
    Candidates::of(found.filter(|candidate| !taken.contains(&&candidate.place)))
}

// `order_id`, `orderId`, `order.id`, `ORDER-NO`: it is one also if each order comes several times.
fn is_named(field: &FieldProfile) -> bool {
    field.words.mentions("order") && ID_WORDS.iter().any(|word| field.words.has(word))
}

fn candidate<'p>(
    field: &'p FieldProfile,
    profile: &SampleProfile,
    scope: &SearchScope,
    amount: &Place,
) -> Option<Candidate<'p, ()>> {
    let (place, level) = scope.place(field, profile)?;
    let words = field.words.points(ORDER_ID);
    let differ = share(field.distinct(), field.present);
    // A value that is not an id rejects its record.
    let are_ids = field.ids * 10 >= field.present * 9 && field.ids * 2 >= profile.records;
    let words_min = match is_unique(field) {
        true => WORDS_MIN_IF_UNIQUE,
        false => WORDS_MIN,
    };
    if words < words_min
        || !are_ids
        || (differ < 50 && !is_named(field))
        || place == Place::Timestamp
    {
        return None;
    }
    let beside = match same_object(&place, amount) {
        true => BESIDE,
        false => 0,
    };
    Some(Candidate {
        field,
        place,
        form: (),
        read: field.ids,
        words,
        score: words + share(field.ids, profile.records) + level + differ / 2 + beside,
    })
}
