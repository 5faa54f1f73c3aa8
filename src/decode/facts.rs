//! From the values of a record to a payment. It does not matter in which format they are written.

use std::fmt;

use tidegauge_windows::{EventTime, LocalTime};

use super::fault;
use super::integer::Integer;
use super::mapping::{
    AmountForm, AmountScale, BranchFacts, BranchPart, BranchType, Currencies, CurrencyCode, Fact,
    Mapping, Place,
};
use super::place_value::PlaceValue;
use super::quoted::excerpt;
use super::rules::Rules;
use super::{Reason, Reject};
use crate::domain::amount::Amount;
use crate::domain::payment::{BranchId, OrderId, Payment, PaymentNotices};
use crate::domain::record::Record;

/// The values of one record that a mapping wants, in whatever format the record is.
pub(super) trait Values {
    /// What stands at the path of this slot; `None` if nothing does, or null.
    fn get(&self, slot: usize) -> Option<PlaceValue<'_>>;
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

/// The payment of which `values` and `record` hold the facts, except for those in `quick`.
///
/// Of several faults the first in this order is the reason: required facts that are missing, then
/// event time, currency, amount, branch, order id, and the platform of the original message.
pub(super) fn payment(
    rules: Rules<'_>,
    record: &Record<'_>,
    values: &impl Values,
    quick: &QuickFacts,
) -> Result<Payment, Reject> {
    let reader = FactReader {
        rules,
        record,
        values,
        quick,
    };
    // What is missing comes first, and is looked for only if something is.
    reader
        .payment()
        .map_err(|reject| reader.find_missing().err().unwrap_or(reject))
}

struct FactReader<'r, V> {
    rules: Rules<'r>,
    record: &'r Record<'r>,
    values: &'r V,
    quick: &'r QuickFacts,
}

impl<V: Values> FactReader<'_, V> {
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
            Some(branch) => branch,
            None => self.branch(currency)?,
        };
        let order_id = match (quick.order_id, &mapping.order_id) {
            (None, Some(fact)) => self.order_id(fact)?,
            (found, _) => found,
        };
        let platform = match &mapping.platform {
            Some(fact) => self.integer(fact)?.and_then(Integer::fit),
            None => None,
        };
        Ok(Payment {
            event_time,
            amount,
            branch,
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
        let form = &self.rules.mapping.fields().event_time_form;
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
        match self.rules.mapping.fields().currencies {
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
        let form = &mapping.fields().amount_form;
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

    fn branch(&self, currency: Option<CurrencyCode>) -> Result<BranchId, Reject> {
        let fields = self.rules.mapping.fields();
        match &self.rules.mapping.branch {
            BranchFacts::One(fact) => {
                let value = self.required(fact)?;
                match fields.branch_type {
                    BranchType::Integer => integer_branch(fact, &value),
                    BranchType::Any => {
                        let Some(key) = value.key() else {
                            let error = "is not an integer or a text";
                            return Err(bad(Reason::BadField, fact, &value, error));
                        };
                        self.rules
                            .intern(&key)
                            .map_err(|error| bad(Reason::BadField, fact, &value, colon(error)))
                    }
                }
            }
            BranchFacts::Several(parts) => self.branch_of_parts(parts, currency),
        }
    }

    /// Each part ends where the text behind it begins, so no other parts give the same branch.
    fn branch_of_parts(
        &self,
        parts: &[BranchPart],
        currency: Option<CurrencyCode>,
    ) -> Result<BranchId, Reject> {
        let mut key = String::new();
        for (number, part) in parts.iter().enumerate() {
            match part {
                BranchPart::Text(text) => key.push_str(text),
                BranchPart::Currency => key.extend(currency.as_ref().map(CurrencyCode::as_str)),
                BranchPart::Fact(fact) => {
                    let value = self.required(fact)?;
                    let failed =
                        |error: &dyn fmt::Display| bad(Reason::BadField, fact, &value, error);
                    let text = value.key().filter(|text| !text.is_empty());
                    let text = text.ok_or_else(|| failed(&"is not an integer or a text"))?;
                    if let Some(BranchPart::Text(next)) = parts.get(number + 1)
                        && text.contains(next.as_str())
                    {
                        return Err(failed(&format!(
                            "holds \"{next}\", which stands behind it in the branch: other values \
                             would give the same branch"
                        )));
                    }
                    key.push_str(&text);
                }
            }
        }
        self.rules.intern(&key).map_err(|error| {
            let detail = format!("the branch \"{}\": {error}", excerpt(&key));
            reject(Reason::BadField, detail)
        })
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
            Some(text) if text.is_empty() => Ok(None),
            Some(text) => Ok(Some(OrderId::of_text(&text))),
            None => {
                let error = "is not an integer or a text; leave it out or give one";
                Err(bad(Reason::BadField, fact, &value, error))
            }
        }
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

fn integer_branch(fact: &Fact, value: &PlaceValue<'_>) -> Result<BranchId, Reject> {
    let id = match value {
        PlaceValue::Json(raw) => Integer::read(raw).and_then(Integer::fit::<u32>),
        PlaceValue::Text(text) => text.parse().ok().map(BranchId::get),
        PlaceValue::Integer(number) => u32::try_from(*number).ok(),
    };
    id.and_then(BranchId::new).ok_or_else(|| {
        let quoted = match value {
            PlaceValue::Json(raw) => unquoted(raw),
            PlaceValue::Text(_) | PlaceValue::Integer(_) => None,
        };
        let right = quoted.map_or_else(String::new, |digits| {
            format!("; write it without quotes: {digits}")
        });
        let error = format!("is not an integer from 0 to {}{right}", BranchId::MAX.get());
        bad(Reason::BadField, fact, value, error)
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
    let required = match required.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => required.concat(),
    };
    format!(
        "{} {are} missing or null; {required} are required",
        absent.join(" and ")
    )
}

fn colon(error: impl fmt::Display) -> String {
    format!("can't be a branch: {error}")
}

fn bad(reason: Reason, fact: &Fact, value: &PlaceValue<'_>, error: impl fmt::Display) -> Reject {
    let detail = format!("{} {} {error}", fact.place, excerpt(&value.shown()));
    reject(reason, detail)
}

pub(super) fn reject(reason: Reason, detail: String) -> Reject {
    Reject { reason, detail }
}
