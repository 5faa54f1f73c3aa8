//! What a payment is, read by none of the project's code.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::value::RawValue;

/// A payment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Payment {
    /// In ms since the epoch.
    pub time: i64,
    /// In units of 10^-18.
    pub amount: i128,
    pub branch: u32,
    /// If it names one.
    pub order: Option<i128>,
}

/// A payment, or the first rule that the record breaks.
pub(super) fn decode(value: &[u8]) -> Result<Payment, &'static str> {
    if value.len() > 256 * 1024 {
        return Err("too_large");
    }
    let fields: Fields = serde_json::from_slice(value).map_err(|_| "not_json")?;
    let fields = fields.0;
    let get = |name: &str| {
        let found = fields.iter().find(|(key, _)| key == name);
        found
            .map(|(_, value)| value.get())
            .filter(|text| *text != "null")
    };
    let mut names = BTreeSet::new();
    if !fields.iter().all(|(key, _)| names.insert(key)) {
        return Err("bad_field");
    }
    let required = |name| get(name).ok_or("missing_field");
    let (time_text, amount_text) = (required("createTime")?, required("payAmount")?);
    let branch_text = required("branchId")?;
    let time = match serde_json::from_str(time_text).map_err(|_| "bad_time")? {
        Value::String(text) => time(&text),
        Value::Number(millis) => millis.as_i64(),
        _ => None,
    };
    let time = time.ok_or("bad_time")?;
    let amount = units(amount_text.trim_matches('"')).ok_or("bad_amount")?;
    let branch = match branch_text {
        "-0" => Some(0),
        text => text.parse().ok(),
    };
    let branch = branch.filter(|branch| *branch <= i32::MAX as u32);
    let branch = branch.ok_or("bad_field")?;
    for name in ["orderId", "payPlatform"] {
        if get(name).is_some_and(|text| text.parse::<i128>().is_err()) {
            return Err("bad_field");
        }
    }
    Ok(Payment {
        time,
        amount,
        branch,
        order: get("orderId").and_then(|text| text.parse().ok()),
    })
}

/// An object's fields as they stand, a repeated one repeated.
struct Fields(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Fields;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    fields.push(entry);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// `YYYY-MM-DD HH:MM:SS[.fraction]` in UTC.
fn time(text: &str) -> Option<i64> {
    chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f")
        .ok()
        .filter(|_| !text.contains(":60"))
        .map(|time| time.and_utc().timestamp_millis())
}

/// The number that a text says, in units of 10^-18: at most 15 digits before the point and 18 behind it.
fn units(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || mantissa.ends_with('.') {
        return None;
    }
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let dropped = all.len() - all.trim_end_matches('0').len();
    let exponent: i64 = exponent.parse().ok()?;
    let zeros = 18 + exponent - fraction.len() as i64 + dropped as i64;
    if zeros < 0 || significant.len() as i64 + zeros > 33 {
        return None;
    }
    let units = significant.parse::<i128>().ok()?;
    Some(sign * units * 10_i128.pow(zeros as u32))
}
