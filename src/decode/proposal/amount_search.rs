//! Looks for what was paid.

use super::candidate::{Candidate, Candidates, share};
use super::field_profile::FieldProfile;
use super::sample_profile::SampleProfile;
use super::search_scope::SearchScope;
use super::vocabulary::{AMOUNT, SMALL_UNIT};
use crate::decode::mapping::{AmountForm, AmountScale, Place};

/// What a number without a name that speaks for it loses.
const UNNAMED: i32 = -60;
/// From so many whole numbers on it is worth a look whether they are cents.
pub(super) const MANY: usize = 20;

/// The places with amounts in at least half of the records, except for the event time's.
pub(super) fn candidates<'p>(
    profile: &'p SampleProfile,
    scope: &SearchScope,
    event_time: &Place,
) -> Option<Candidates<'p, AmountForm>> {
    let found = profile
        .fields
        .iter()
        .filter_map(|field| candidate(field, profile, scope));
    Candidates::of(found.filter(|candidate| candidate.place != *event_time))
}

fn candidate<'p>(
    field: &'p FieldProfile,
    profile: &SampleProfile,
    scope: &SearchScope,
) -> Option<Candidate<'p, AmountForm>> {
    let (place, level) = scope.place(field, profile)?;
    let (form, read) = field.amounts.best()?;
    if read * 2 < profile.records || matches!(place, Place::Key | Place::Timestamp) {
        return None;
    }
    let words = field.words.points(AMOUNT);
    let is_unnamed = words == 0 && field.amounts.has_decimals();
    if words <= 0 && !is_unnamed {
        return None;
    }
    let unnamed = if is_unnamed { UNNAMED } else { 0 };
    Some(Candidate {
        field,
        place,
        form,
        read,
        words,
        score: words + share(read, profile.records) + level + unnamed,
    })
}

/// The best-named place in at least half of the records whose values are texts that are not amounts.
pub(super) fn unreadable<'p>(
    profile: &'p SampleProfile,
    scope: &SearchScope,
) -> Option<(Place, &'p str)> {
    let fields = profile.fields.iter().filter_map(|field| {
        let text = field.amounts.unread()?;
        let (place, level) = scope.place(field, profile)?;
        let words = field.words.points(AMOUNT);
        (words > 0 && field.present * 2 >= profile.records).then_some((words + level, place, text))
    });
    // Of equal ones the first.
    let best = fields.reduce(|best, other| if other.0 > best.0 { other } else { best })?;
    Some((best.1, best.2))
}

/// How many decimals an amount leaves out, and the word or the sign of that.
pub(super) fn scale(
    amount: &Candidate<'_, AmountForm>,
    currency: Option<&Candidates<'_, ()>>,
) -> Option<(AmountScale, String)> {
    let currency = currency.map(|currency| &currency.best);
    let all_known = currency.is_some_and(|currency| {
        let mut codes = currency.field.currencies.keys();
        codes.all(|code| code.exponent().is_ok())
    });
    let of_currency = match all_known {
        true => AmountScale::OfCurrency,
        false => AmountScale::Fixed(2),
    };
    let word = SMALL_UNIT
        .iter()
        .find(|(word, _)| amount.field.words.has(word));
    if let Some((word, decimals)) = word {
        let scale = match decimals {
            2 => of_currency,
            decimals => AmountScale::Fixed(*decimals),
        };
        return Some((scale, format!("the name says {word}")));
    }
    let currency = currency.filter(|currency| same_object(&currency.place, &amount.place))?;
    if !amount.field.amounts.is_whole() || !amount.field.amounts.has_numbers() {
        return None;
    }
    let codes = currency.field;
    let reason = if codes.small_codes > 0 && codes.small_codes == codes.currency_codes() {
        "whole numbers beside a currency in small letters, as Stripe writes cents"
    } else if amount.field.words.mentions("money") {
        "whole numbers beside a currency in an object of money, as Square writes cents"
    } else {
        return None;
    };
    Some((of_currency, reason.to_owned()))
}

/// Whether both stand in the same object.
pub(super) fn same_object(one: &Place, other: &Place) -> bool {
    match (one, other) {
        (Place::Payment(one), Place::Payment(other)) | (Place::Value(one), Place::Value(other)) => {
            let around = |steps: &'_ [_]| steps.len().saturating_sub(1);
            one.steps()[..around(one.steps())] == other.steps()[..around(other.steps())]
        }
        _ => false,
    }
}
