//! Proposes a mapping for records that nothing is known of but a sample.
//!
//! Each fact has candidates: the places of the sample that hold values in a form that the fact can have,
//! in at least half of the records. The candidate with the most points is taken, of equal ones the place
//! that was met first, so the same sample always gives the same mapping. Its points are
//! - those of the words in its name (`vocabulary`): `paid_at` speaks for the event time, `updated_at`
//!   less, `expires_at` against it. A name that says little, such as `id`, takes the words of the
//!   object around it as its own;
//! - 0 to 100 for the share of records in which the fact can be read there;
//! - for where it is: a little less with each object around it, much less outside of the payment's
//!   object, or in a header or the key;
//! - for what its values are like: an order id should differ, and a branch should not.
//!
//! Facts are looked for in this order, and a place is taken once: event time, amount, currency, branch,
//! order id. The form of a value is one that reads most values, and of several the plainest.
//! In the end the mapping reads the sample, so what is said of it is what it does.

mod amount_forms;
mod amount_search;
mod branch_search;
mod candidate;
mod condition_search;
mod currency_search;
mod event_time_search;
mod explanation;
mod field_profile;
mod field_words;
mod order_id_search;
mod sample_profile;
mod search_scope;
mod time_forms;
mod trial;
mod vocabulary;

use chrono_tz::Tz;

use self::candidate::Candidates;
use self::condition_search::ConditionField;
use self::explanation::Explanation;
use self::sample_profile::SampleProfile;
use self::search_scope::{EnvelopeForm, SearchScope};
pub use self::trial::Trial;
use super::mapping::{
    AmountForm, BranchType, Currencies, KeyPlaces, MappingSettings, Place, TimeForm,
};
use super::quoted::excerpt;
use crate::domain::count::counted;
use crate::domain::record::Record;

/// A mapping that fits a sample, and why.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// Where facts stand, and how they are written.
    pub settings: MappingSettings,
    /// For keys of the configuration why they have their values, each one line.
    pub reasons: Vec<(&'static str, String)>,
    /// The same with conditions that may be wanted: which records count, and which subtract.
    pub suggested: MappingSettings,
    /// What the sample does not say, so that a person must decide it. Sentences.
    pub decisions: Vec<String>,
    /// How many order ids there are, if some come again.
    pub repeated: Option<String>,
    /// What the mapping makes of the sample.
    pub trial: Trial,
}

/// Why no mapping is proposed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProposalError {
    /// There are no records, or nothing but tombstones.
    #[error("the sample has no records with a value: give a file with one record a line")]
    Empty,
    /// No record is a JSON object.
    #[error(
        "no record of the sample is a JSON object: give one a line (`jq -c .` writes objects so, \
         `jq -c '.[]'` the items of an array)"
    )]
    NoObjects,
    /// A fact stands nowhere.
    #[error("{fact} could not be found in {records}: {detail}. {found}")]
    Missing {
        /// Which one.
        fact: &'static str,
        /// How many records were looked at.
        records: String,
        /// What was looked for.
        detail: String,
        /// The facts that were found.
        found: String,
    },
    /// The mapping reads no record.
    #[error("the mapping that fits best reads none of {records}; the first is rejected: {detail}")]
    ReadsNothing {
        /// How many records were looked at.
        records: String,
        /// Why.
        detail: String,
    },
}

/// The facts of a sample.
struct FoundFacts<'p> {
    event_time: Candidates<'p, TimeForm>,
    amount: Candidates<'p, AmountForm>,
    currency: Option<Candidates<'p, ()>>,
    branch: Candidates<'p, ()>,
    order_id: Option<Candidates<'p, ()>>,
}

/// The mapping that fits `records` best; `headers` are the names of the headers that they have. Local
/// times are read in `zone`, in UTC if it is not known.
///
/// # Errors
/// When a fact that every payment needs stands nowhere, or no record can be read.
pub fn propose(
    records: &[Record<'_>],
    headers: &[String],
    zone: Option<Tz>,
) -> Result<Proposal, ProposalError> {
    let mut profile = SampleProfile::default();
    for record in records {
        profile.take(record, headers);
    }
    if profile.records == 0 {
        return Err(match profile.others {
            0 => ProposalError::Empty,
            _ => ProposalError::NoObjects,
        });
    }
    let scope = SearchScope::of(&profile);
    let facts = FoundFacts::of(&profile, &scope)?;
    let status = condition_search::status(&profile, &scope);
    let refunds = condition_search::refunds(&profile, &scope);
    let conditions = status.iter().chain(&refunds);
    let narrowed = facts.narrowed(&scope, conditions.map(|condition| &condition.place));
    let within = |place: &Place| scope.place_in(&narrowed, place);
    let facts = facts.moved(within);
    let settings = facts.settings(&narrowed);
    let mut positive = 0;
    let trial = Trial::of(
        records,
        &settings,
        zone.unwrap_or(Tz::UTC),
        |record, decoded| {
            let is_positive = |refunds: &ConditionField<'_>| refunds.is_positive(record, decoded);
            positive += usize::from(refunds.as_ref().is_some_and(is_positive));
        },
    );
    if trial.payments == 0 {
        let first = trial.first.first();
        return Err(ProposalError::ReadsNothing {
            records: counted(records.len() as u64, "record"),
            detail: first.map_or_else(String::new, |(_, reject)| reject.detail.clone()),
        });
    }
    let mut explanation = Explanation::new(profile.records);
    explanation.envelope(&narrowed, &settings);
    explanation.event_time(&facts.event_time, zone);
    explanation.amount(&facts.amount, facts.currency.as_ref());
    if let Some(currency) = &facts.currency {
        explanation.currency(currency);
    }
    explanation.branch(&facts.branch);
    explanation.order_id(facts.order_id.as_ref());
    if let Some(status) = &status {
        explanation.status(status, &within(&status.place));
    }
    if let Some(refunds) = refunds.as_ref().filter(|_| positive > 0) {
        explanation.refunds(refunds, &within(&refunds.place));
    }
    Ok(explanation.proposal(settings, trial))
}

impl<'p> FoundFacts<'p> {
    fn of(profile: &'p SampleProfile, scope: &SearchScope) -> Result<Self, ProposalError> {
        let mut found = Vec::new();
        let missing = |fact, detail: String, found: &[String]| ProposalError::Missing {
            fact,
            records: counted(profile.records as u64, "record"),
            detail,
            found: match found {
                [] => "Write the section [payment] by hand".to_owned(),
                found => format!(
                    "Write the section [payment] by hand; of its keys this fits: {}",
                    found.join(", ")
                ),
            },
        };
        let Some(event_time) = event_time_search::candidates(profile, scope) else {
            let detail =
                "no field holds times in at least half of them, neither dates and times of \
                          day nor numbers since 1970"
                    .to_owned();
            return Err(missing("an event time", detail, &found));
        };
        let time = &event_time.best.place;
        found.push(format!("event_time = \"{time}\""));
        let Some(amount) = amount_search::candidates(profile, scope, time) else {
            let detail = match amount_search::unreadable(profile, scope) {
                Some((place, text)) => format!(
                    "{place} holds texts such as \"{}\", which are not numbers",
                    excerpt(text)
                ),
                None => "no field with a name such as amount, total or price holds numbers in at \
                         least half of them"
                    .to_owned(),
            };
            return Err(missing("an amount", detail, &found));
        };
        let paid = &amount.best.place;
        found.push(format!("amount = \"{paid}\""));
        let currency = currency_search::candidates(profile, scope, paid);
        let mut taken = vec![time, paid];
        taken.extend(currency.iter().map(|currency| &currency.best.place));
        let Some(branch) = branch_search::candidates(profile, scope, &taken) else {
            let detail =
                "no field with a name such as branch, store, shop or merchant holds integers \
                          or texts in at least half of them, and no other one has values that come \
                          up again; branch = \"$key\" sums by the records' keys"
                    .to_owned();
            return Err(missing("a branch", detail, &found));
        };
        taken.push(&branch.best.place);
        let order_id = order_id_search::candidates(profile, scope, paid, &taken);
        Ok(Self {
            event_time,
            amount,
            currency,
            branch,
            order_id,
        })
    }

    fn places(&self) -> impl Iterator<Item = &Place> {
        let others = self.currency.iter().chain(&self.order_id);
        let others = others.map(|found| &found.best.place);
        [
            &self.event_time.best.place,
            &self.amount.best.place,
            &self.branch.best.place,
        ]
        .into_iter()
        .chain(others)
    }

    /// The scope in `scope` that holds all facts and the places of `conditions`.
    fn narrowed<'c>(
        &'c self,
        scope: &SearchScope,
        conditions: impl Iterator<Item = &'c Place>,
    ) -> SearchScope {
        let in_payment = |place: &&Place| matches!(place, Place::Payment(_));
        // One fact, or two, may well be of an object that is a part of the payment.
        if self.places().filter(in_payment).count() < 3 {
            return scope.clone();
        }
        scope.narrowed(self.places().chain(conditions))
    }

    /// They, at the places that `place` makes of theirs.
    fn moved(self, place: impl Fn(&Place) -> Place) -> Self {
        Self {
            event_time: self.event_time.moved(&place),
            amount: self.amount.moved(&place),
            currency: self.currency.map(|found| found.moved(&place)),
            branch: self.branch.moved(&place),
            order_id: self.order_id.map(|found| found.moved(&place)),
        }
    }

    fn settings(&self, scope: &SearchScope) -> MappingSettings {
        let optional = |found: &Option<Candidates<'p, ()>>| {
            found.as_ref().map(|found| found.best.place.clone())
        };
        let amount = &self.amount.best;
        let scale = amount_search::scale(amount, self.currency.as_ref());
        let only = self.currency.as_ref().and_then(|currency| {
            let mut codes = currency.best.field.currencies.keys();
            codes.next().filter(|_| codes.next().is_none())
        });
        let mut settings = MappingSettings {
            envelope: (!scope.path.steps().is_empty()).then(|| scope.path.clone()),
            event_time: self.event_time.best.place.clone(),
            event_time_form: self.event_time.best.form.clone(),
            amount: amount.place.clone(),
            amount_form: AmountForm {
                scale: scale.map_or(amount.form.scale, |(scale, _)| scale),
                ..amount.form
            },
            branch: KeyPlaces::One(self.branch.best.place.clone()),
            order_id: optional(&self.order_id).map(KeyPlaces::One),
            currency: optional(&self.currency),
            currencies: only.map_or(Currencies::Apart, |code| Currencies::Only(*code)),
            ..MappingSettings::default()
        };
        let default = MappingSettings::default();
        let are_integers = self.branch.best.field.amounts.has_numbers();
        if settings.branch != default.branch || settings.currency.is_some() || !are_integers {
            settings.branch_type = BranchType::Any;
        }
        let with_order_id = MappingSettings {
            order_id: default.order_id.clone(),
            ..settings.clone()
        };
        // The original message need not have an order id.
        match with_order_id == default {
            true => default,
            false => settings,
        }
    }
}

impl EnvelopeForm {
    /// What records of this form are, in words; `None` if it is not a known one.
    const fn described(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Debezium => Some("changes of rows, as Debezium writes them"),
            Self::CloudEvent => Some("CloudEvents"),
            Self::StripeEvent => Some("events of Stripe"),
            Self::ConnectSchema => Some("values with their schemas, as Kafka Connect writes them"),
        }
    }
}

#[cfg(test)]
mod tests;
