//! From the values of a record to a payment. It does not matter in which format they are written.

mod branch;

use std::fmt;

use tidegauge_windows::{EventTime, LocalTime};

use self::branch::BranchRead;
use super::fault;
use super::integer::Integer;
use super::mapping::{
    AmountForm, AmountScale, BranchFacts, Currencies, CurrencyCode, Fact, MappedCondition, Mapping,
    OrderIdFacts, Place,
};
use super::place_value::PlaceValue;
use super::quoted::excerpt;
use super::rules::Rules;
use super::{Decoded, Reason, Reject};
use crate::domain::amount::Amount;
use crate::domain::payment::{BranchId, OrderId, Payment, PaymentNotices};
use crate::domain::record::Record;

/// The values of one record that a mapping wants, in whatever format the record is.
pub(super) trait Values {
    /// What stands at the path of this slot; `None` if nothing does, or null.
    fn get(&self, slot: usize) -> Option<PlaceValue<'_>>;

    /// The same as JSON, for conditions; `null` is something.
    fn json(&self, slot: usize) -> Option<&str>;

    /// The payment's object as JSON; `None` if it is not known.
    fn object(&self) -> Option<&str>;
}

/// Facts that were read on the way, where they stood in the usual form.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct QuickFacts {
    pub event_time: Option<EventTime>,
    pub amount: Option<Amount>,
    pub branch: Option<BranchId>,
    pub order_id: Option<OrderId>,
}

impl QuickFacts {
    /// The payment, if these are all its facts by `mapping`.
    #[inline]
    pub fn payment(&self, mapping: &Mapping) -> Option<Payment> {
        if !mapping.is_quick() {
            return None;
        }
        if mapping.order_id.is_some() && self.order_id.is_none() {
            return None;
        }
        Some(Payment {
            event_time: self.event_time?,
            amount: self.amount?,
            branch: self.branch?,
            order_id: self.order_id,
            platform: None,
            notices: PaymentNotices::default(),
        })
    }
}

/// What the record is of which `values` and `record` hold the facts, except for those in `quick`: a
/// payment, or one that is filtered out.
///
/// A payment that does not count is not looked at further. Of several faults the first in this order is
/// the reason: the condition of which payments count, required facts that are missing, event time,
/// currency, amount, branch, order id, and the platform of the original message.
pub(super) fn decode(
    rules: Rules<'_>,
    record: &Record<'_>,
    values: &impl Values,
    quick: &QuickFacts,
) -> Result<Decoded, Reject> {
    let reader = FactReader {
        rules,
        record,
        values,
        quick,
    };
    reader.decode()
}

struct FactReader<'r, V> {
    rules: Rules<'r>,
    record: &'r Record<'r>,
    values: &'r V,
    quick: &'r QuickFacts,
}

impl<V: Values> FactReader<'_, V> {
    fn decode(&self) -> Result<Decoded, Reject> {
        let mapping = self.rules.mapping;
        if let Some(condition) = &mapping.condition
            && !self.holds("where", condition)?
        {
            let amount = self.filtered_amount();
            return Ok(Decoded::Filtered(amount));
        }
        match self.payment() {
            Ok(payment) => Ok(Decoded::Payment(payment)),
            // What is missing comes first, and is looked for only if something is wrong.
            Err(reject) => Err(self.find_missing().err().unwrap_or(reject)),
        }
    }

    /// Whether `condition`, which is that of this key, holds.
    fn holds(&self, key: &str, condition: &MappedCondition) -> Result<bool, Reject> {
        let MappedCondition { condition, slots } = condition;
        let holds = if condition.needs_object() {
            condition.evaluate_object(self.values.object().unwrap_or_default())
        } else {
            condition.evaluate(|path| self.values.json(*slots.get(path)?))
        };
        holds.map_err(|error| reject(Reason::BadField, format!("{key}: {error}")))
    }

    /// The amount of a payment that does not count, if it can be read.
    fn filtered_amount(&self) -> Option<Amount> {
        if self.quick.amount.is_some() {
            return self.quick.amount;
        }
        // A fixed scale needs no currency, so an amount that was read on the way says the same.
        let currency = match self.rules.mapping.settings().amount_form.scale {
            AmountScale::OfCurrency => self.currency().ok()?,
            AmountScale::Fixed(_) => None,
        };
        let (amount, _) = self.amount(currency).ok()?;
        Some(amount)
    }

    fn payment(&self) -> Result<Payment, Reject> {
        let (mapping, quick) = (self.rules.mapping, self.quick);
        let (event_time, local_time) = match quick.event_time {
            Some(time) => (time, LocalTime::Plain),
            None => self.event_time()?,
        };
        let currency = self.currency()?;
        let (amount, rounded) = match quick.amount {
            Some(amount) => (amount, false),
            None => self.amount(currency)?,
        };
        let branch = match quick.branch {
            Some(branch) => BranchRead::Known(branch),
            None => self.branch(currency)?,
        };
        let order_id = match (quick.order_id, &mapping.order_id) {
            (None, Some(OrderIdFacts::One(fact))) => self.order_id(fact)?,
            (None, Some(OrderIdFacts::Several(facts))) => self.order_id_of_several(facts)?,
            (found, _) => found,
        };
        let platform = match &mapping.platform {
            Some(fact) => self.integer(fact)?.and_then(Integer::fit),
            None => None,
        };
        let amount = match &mapping.negative {
            Some(condition) if self.holds("negative_where", condition)? => amount.negated(),
            _ => amount,
        };
        Ok(Payment {
            event_time,
            amount,
            branch: self.intern(branch)?,
            order_id,
            platform,
            notices: PaymentNotices {
                rounded,
                local_time,
            },
        })
    }

    fn find_missing(&self) -> Result<(), Reject> {
        let (mapping, quick) = (self.rules.mapping, self.quick);
        let is_known = |fact: &Fact| {
            (quick.event_time.is_some() && fact.place == mapping.event_time.place)
                || (quick.amount.is_some() && fact.place == mapping.amount.place)
                || (quick.branch.is_some()
                    && matches!(&mapping.branch, BranchFacts::One(one) if one.place == fact.place))
        };
        let mut absent = Vec::new();
        for fact in mapping.required() {
            if !is_known(fact) && self.value(fact)?.is_none() {
                absent.push(fact);
            }
        }
        if absent.is_empty() {
            return Ok(());
        }
        Err(reject(Reason::MissingField, missing(mapping, &absent)))
    }

    /// What stands at the place of `fact`; `None` if nothing does.
    fn value(&self, fact: &Fact) -> Result<Option<PlaceValue<'_>>, Reject> {
        let text = |bytes| match str::from_utf8(bytes) {
            Ok(text) => Ok(PlaceValue::Text(text)),
            Err(error) => {
                let place = &fact.place;
                let at = error.valid_up_to();
                let detail =
                    format!("{place} is not UTF-8 at offset {at}; only text can be read here");
                Err(reject(Reason::BadField, detail))
            }
        };
        match (&fact.place, fact.slot) {
            (Place::Payment(_) | Place::Value(_), slot) => {
                Ok(slot.and_then(|slot| self.values.get(slot)))
            }
            (Place::Key, _) => self.record.key.map(text).transpose(),
            (Place::Header(name), _) => self.record.headers.last(name).map(text).transpose(),
            (Place::Timestamp, _) => Ok(self.record.timestamp.map(PlaceValue::Integer)),
        }
    }

    /// What stands at the place of `fact`, which must be there.
    fn required(&self, fact: &Fact) -> Result<PlaceValue<'_>, Reject> {
        self.value(fact)?
            .ok_or_else(|| reject(Reason::MissingField, missing(self.rules.mapping, &[fact])))
    }

    fn event_time(&self) -> Result<(EventTime, LocalTime), Reject> {
        let fact = &self.rules.mapping.event_time;
        let value = self.required(fact)?;
        let form = &self.rules.mapping.settings().event_time_form;
        form.read(&value, self.rules.zone)
            .map_err(|error| bad(Reason::BadTime, fact, &value, error))
    }

    fn currency(&self) -> Result<Option<CurrencyCode>, Reject> {
        let Some(fact) = &self.rules.mapping.currency else {
            return Ok(None);
        };
        let value = self.required(fact)?;
        let failed = |error: &dyn fmt::Display| bad(Reason::BadField, fact, &value, error);
        let text = value.text().unwrap_or_default();
        let code: CurrencyCode = text.parse().map_err(|error| failed(&error))?;
        match self.rules.mapping.settings().currencies {
            Currencies::Only(only) if only != code => Err(failed(&format!(
                "is not {only}, which is the only one that currencies allows"
            ))),
            _ => Ok(Some(code)),
        }
    }

    fn amount(&self, currency: Option<CurrencyCode>) -> Result<(Amount, bool), Reject> {
        let mapping = self.rules.mapping;
        let fact = &mapping.amount;
        let value = self.required(fact)?;
        let form = &mapping.settings().amount_form;
        let scale = match (form.scale, currency) {
            (AmountScale::Fixed(scale), _) => scale,
            (AmountScale::OfCurrency, Some(code)) => code.exponent().map_err(|error| {
                reject(Reason::BadField, format!("the currency \"{code}\" {error}"))
            })?,
            // The configuration does not allow it.
            (AmountScale::OfCurrency, None) => 0,
        };
        read_amount(form, &value, scale)
            .map_err(|error| bad(Reason::BadAmount, fact, &value, error))
    }

    fn order_id(&self, fact: &Fact) -> Result<Option<OrderId>, Reject> {
        if self.rules.mapping.is_original() {
            let integer = self.integer(fact)?;
            return Ok(integer.and_then(Integer::fit).map(OrderId::Number));
        }
        let Some(value) = self.value(fact)? else {
            return Ok(None);
        };
        if let PlaceValue::Json(raw) = value
            && let Some(integer) = Integer::read(raw)
        {
            return Ok(integer.fit().map(OrderId::Number));
        }
        match value.key() {
            Some(text) if text.is_empty() || !self.rules.text_order_ids => Ok(None),
            Some(text) => Ok(Some(OrderId::of_text(&text))),
            None => {
                let error = "is not an integer or a text; leave it out or give one";
                Err(bad(Reason::BadField, fact, &value, error))
            }
        }
    }

    /// The order id of several values, of which each has its length before it: two orders with different values have
    /// different ids, whatever stands between the places. Without one of them, a payment has none.
    fn order_id_of_several(&self, facts: &[Fact]) -> Result<Option<OrderId>, Reject> {
        let mut id = String::new();
        for fact in facts {
            let Some(value) = self.value(fact)? else {
                return Ok(None);
            };
            match value.key() {
                Some(text) if text.is_empty() => return Ok(None),
                Some(text) => id.push_str(&format!("{}:{text}", text.len())),
                None => {
                    let error = "is not an integer or a text; leave it out or give one";
                    return Err(bad(Reason::BadField, fact, &value, error));
                }
            }
        }
        Ok(self.rules.text_order_ids.then(|| OrderId::of_text(&id)))
    }

    /// The integer at the place of `fact`, if there is anything.
    fn integer(&self, fact: &Fact) -> Result<Option<Integer>, Reject> {
        let Some(PlaceValue::Json(raw)) = self.value(fact)? else {
            return Ok(None);
        };
        if let Some(integer) = Integer::read(raw) {
            return Ok(Some(integer));
        }
        let right = match unquoted(raw) {
            Some(digits) => format!("write it without quotes ({digits}), or leave the field out"),
            None if raw.starts_with('"') => {
                "send the text in a field of another name, and leave this one out".to_owned()
            }
            None => "leave it out or give one".to_owned(),
        };
        let error = format!("is not an integer; {right}");
        Err(bad(Reason::BadField, fact, &PlaceValue::Json(raw), error))
    }
}

fn read_amount(
    form: &AmountForm,
    value: &PlaceValue<'_>,
    scale: u32,
) -> Result<(Amount, bool), String> {
    let is_text = match value {
        PlaceValue::Json(raw) => raw.starts_with('"'),
        PlaceValue::Text(_) => true,
        PlaceValue::Integer(_) => false,
    };
    let text = value.text().unwrap_or_default();
    form.read(&text, is_text, scale).map_err(|error| {
        let right = match value {
            PlaceValue::Json(raw) if form.is_plain_text() => fault::amount(raw),
            _ => "",
        };
        format!("{error}{right}")
    })
}

/// The integer of a few digits that `raw` is but for its quotes.
fn unquoted(raw: &str) -> Option<&str> {
    let text = raw.strip_prefix('"')?.strip_suffix('"')?;
    (text.len() <= 19
        && Integer::read(text).is_some()
        && serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok())
    .then_some(text)
}

fn missing(mapping: &Mapping, absent: &[&Fact]) -> String {
    let names = |facts: &[&Fact]| -> Vec<String> {
        let mut names: Vec<String> = facts.iter().map(|fact| fact.place.to_string()).collect();
        names.dedup();
        names
    };
    let absent = names(absent);
    let are = if absent.len() == 1 { "is" } else { "are" };
    let required = names(&mapping.required().collect::<Vec<_>>());
    format!(
        "{} {are} missing or null; {} are required",
        listed(&absent),
        listed(&required)
    )
}

/// As in a sentence: `a, b and c`.
fn listed(names: &[String]) -> String {
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

fn bad(reason: Reason, fact: &Fact, value: &PlaceValue<'_>, error: impl fmt::Display) -> Reject {
    let detail = format!("{} {} {error}", fact.place, excerpt(&value.shown()));
    reject(reason, detail)
}

pub(super) fn reject(reason: Reason, detail: String) -> Reject {
    Reject { reason, detail }
}
