//! Says why a mapping is proposed, and what a person must decide.

use chrono_tz::Tz;

use super::amount_search::{self, MANY};
use super::branch_search;
use super::candidate::{Candidate, Candidates};
use super::condition_search::ConditionField;
use super::search_scope::{EnvelopeForm, SearchScope};
use super::time_forms::{TimeClock, described};
use super::{Proposal, Trial};
use crate::decode::mapping::{
    AmountForm, AmountScale, MappingSettings, PaymentCondition, Place, TimeForm,
};
use crate::domain::count::counted;

/// What is said of a proposal.
#[derive(Debug)]
pub(super) struct Explanation {
    records: usize,
    reasons: Vec<(&'static str, String)>,
    counting: Option<PaymentCondition>,
    negative: Option<PaymentCondition>,
    decisions: Vec<String>,
    repeated: Option<String>,
}

impl Explanation {
    /// Of a sample of so many records.
    pub(super) const fn new(records: usize) -> Self {
        Self {
            records,
            reasons: Vec::new(),
            counting: None,
            negative: None,
            decisions: Vec::new(),
            repeated: None,
        }
    }

    pub(super) fn proposal(self, settings: MappingSettings, trial: Trial) -> Proposal {
        Proposal {
            suggested: MappingSettings {
                condition: self.counting,
                negative: self.negative,
                ..settings.clone()
            },
            settings,
            reasons: self.reasons,
            decisions: self.decisions,
            repeated: self.repeated,
            trial,
        }
    }

    pub(super) fn envelope(&mut self, scope: &SearchScope, settings: &MappingSettings) {
        if settings.envelope.is_none() {
            return;
        }
        let reason = match scope.envelope.described() {
            Some(described) => format!("the records are {described}"),
            None => "this object holds all that is read".to_owned(),
        };
        self.reasons.push(("envelope", reason));
        if scope.envelope == EnvelopeForm::Debezium {
            self.decide(
                "a row that is changed comes again and counts again, and a row that is deleted does \
                 not subtract: this fits tables that rows are only added to"
                    .to_owned(),
            );
        }
    }

    pub(super) fn event_time(&mut self, found: &Candidates<'_, TimeForm>, zone: Option<Tz>) {
        let Candidate {
            field,
            place,
            form,
            read,
            ..
        } = &found.best;
        let what = described(form);
        let reason = format!(
            "{}: {what}{}{}",
            field.example,
            self.of_all(*read),
            found.also_possible()
        );
        self.reasons.push(("event_time", reason));
        self.reasons.push(("event_time_format", what));
        self.choose("event_time", place, &found.close());
        if let Some(rival) = field.times.rival(form) {
            self.decide(format!(
                "event_time_format may be \"{rival}\" as well: no day in the sample is behind the 12th"
            ));
        }
        match TimeClock::of(form, &field.times) {
            TimeClock::Given => {}
            TimeClock::UtcInLetters if zone == Some(Tz::UTC) => {}
            TimeClock::Local if zone.is_some() => {}
            TimeClock::UtcInLetters => self.decide(format!(
                "event_time_format skips the letters that say that the times at {place} are UTC: \
                 time_zone must be UTC"
            )),
            TimeClock::Local => self.decide(format!(
                "the times at {place} have no offset from UTC: time_zone says which clock they are \
                 of, and is UTC unless it is set"
            )),
        }
    }

    pub(super) fn amount(
        &mut self,
        found: &Candidates<'_, AmountForm>,
        currency: Option<&Candidates<'_, ()>>,
    ) {
        let Candidate {
            field,
            place,
            form,
            read,
            ..
        } = &found.best;
        let amounts = &field.amounts;
        let reason = format!(
            "{}: {}{}{}",
            field.example,
            if amounts.has_numbers() {
                "numbers"
            } else {
                "texts that are numbers"
            },
            self.of_all(*read),
            found.also_possible()
        );
        self.reasons.push(("amount", reason));
        self.choose("amount", place, &found.close());
        if found.best.words == 0 {
            self.decide(format!(
                "no name speaks for an amount: {place} is only a field with decimals"
            ));
        }
        match amount_search::scale(&found.best, currency) {
            Some((scale, why)) => {
                let what = match scale {
                    AmountScale::OfCurrency => "as many decimals as the currency has are left out",
                    AmountScale::Fixed(_) => "so many decimals are left out",
                };
                self.reasons
                    .push(("amount_scale", format!("{what}: {why}")));
            }
            None if amounts.is_whole() && (*read >= MANY || currency.is_some()) => self.decide(format!(
                "all amounts at {place} are whole numbers: if they are cents, set amount_scale = 2"
            )),
            None => {}
        }
        self.reasons
            .push(("amount_thousands", format!("as in {}", field.example)));
        self.reasons
            .push(("amount_point", format!("as in {}", field.example)));
        if amounts.is_ambiguous() {
            let is_thousands = form.thousands.is_some();
            self.decide(format!(
                "amounts such as {} have three digits behind their only sign, which is read as {}: set \
                 amount_thousands and amount_point if it is not",
                field.example,
                if is_thousands { "one between thousands" } else { "a decimal point" }
            ));
        }
    }

    pub(super) fn currency(&mut self, found: &Candidates<'_, ()>) {
        let field = found.best.field;
        let mut codes: Vec<(String, usize)> = field
            .currencies
            .iter()
            .map(|(code, count)| (code.to_string(), *count))
            .collect();
        codes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let counts: Vec<String> = codes
            .iter()
            .map(|(code, count)| format!("{code} ({count})"))
            .collect();
        let place = &found.best.place;
        let reason = format!("{}{}", counts.join(", "), found.also_possible());
        self.reasons.push(("currency", reason));
        let only = "the only one in the sample; payments in another one are rejected, \"apart\" sums \
                    each by itself";
        self.reasons.push(("currencies", only.to_owned()));
        if codes.len() > 1 {
            self.decide(format!(
                "{}: each has sums of its own, so a branch is named as in \"7/{}\". Set currencies to \
                 a code to read the payments in that currency only",
                counted(codes.len() as u64, "currency").replace("currencys", "currencies"),
                codes[0].0
            ));
        }
        if found.best.read < self.records {
            self.decide(format!(
                "{place} is a currency in {} of {} only, and the others are rejected: leave out \
                 currency if all have the same",
                found.best.read,
                counted(self.records as u64, "record")
            ));
        }
    }

    pub(super) fn branch(&mut self, found: &Candidates<'_, ()>) {
        let Candidate {
            field,
            place,
            read,
            words,
            ..
        } = &found.best;
        let distinct = field.distinct();
        let reason = format!(
            "{}: {} different{}{}",
            field.example,
            distinct,
            self.of_all(*read),
            found.also_possible()
        );
        self.reasons.push(("branch", reason));
        self.choose("branch", place, &found.close());
        if *words <= 0 {
            self.decide(format!(
                "no name speaks for a branch: {place} only has values that come up again"
            ));
        }
        if branch_search::is_unique(field) {
            self.decide(format!(
                "{place} has another value in nearly every record, so sums would be of one payment \
                 each: choose another branch"
            ));
        }
    }

    pub(super) fn order_id(&mut self, found: Option<&Candidates<'_, ()>>) {
        let reason = match found {
            Some(found) => {
                let (distinct, read) = (found.best.field.distinct(), found.best.read);
                let of_all = self.of_all(read);
                let repeat = if distinct < read {
                    self.repeated = Some(format!("{distinct} different order ids{of_all}"));
                    ", so ids come again"
                } else {
                    ""
                };
                let (example, others) = (&found.best.field.example, found.also_possible());
                format!("{example}: {distinct} different{of_all}{repeat}{others}")
            }
            None => "no field holds ids that differ".to_owned(),
        };
        self.reasons.push(("order_id", reason));
    }

    /// `place` is where the status is in the proposed mapping.
    pub(super) fn status(&mut self, status: &ConditionField<'_>, place: &Place) {
        let counts = status.counts();
        self.decide(format!(
            "{place} is {counts}: not all of them are payments that count; a condition (where) leaves \
             the others out"
        ));
        self.counting = status.condition(place);
        self.reasons.push(("where", counts));
    }

    /// `place` is where the kind is in the proposed mapping.
    pub(super) fn refunds(&mut self, refunds: &ConditionField<'_>, place: &Place) {
        let counts = refunds.counts();
        self.decide(format!(
            "{place} is {counts}, and the amounts of refunds are not negative: a condition \
             (negative_where) makes them subtract"
        ));
        self.negative = refunds.condition(place);
        self.reasons.push(("negative_where", counts));
    }

    fn of_all(&self, read: usize) -> String {
        format!(" in {read} of {}", counted(self.records as u64, "record"))
    }

    fn choose(&mut self, key: &str, place: &Place, close: &[String]) {
        if !close.is_empty() {
            self.decide(format!(
                "{key} is {place}, and {} fits nearly as well",
                close.join(" or ")
            ));
        }
    }

    fn decide(&mut self, what: String) {
        self.decisions.push(what);
    }
}
