//! The branch of a payment.

use std::fmt;

use super::{FactReader, Values, bad, reject, unquoted};
use crate::decode::integer::Integer;
use crate::decode::mapping::{BranchFacts, BranchPart, BranchType, CurrencyCode, Fact};
use crate::decode::place_value::PlaceValue;
use crate::decode::quoted::excerpt;
use crate::decode::{Reason, Reject};
use crate::domain::payment::BranchId;

impl<V: Values> FactReader<'_, V> {
    pub(super) fn branch(&self, currency: Option<CurrencyCode>) -> Result<BranchId, Reject> {
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
                        self.rules.intern(&key).map_err(|error| {
                            bad(
                                Reason::BadField,
                                fact,
                                &value,
                                format!("can't be a branch: {error}"),
                            )
                        })
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
