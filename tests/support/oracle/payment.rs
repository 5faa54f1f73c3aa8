//! What a payment is, read by none of the project's code.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::value::RawValue;

/// A payment.
pub(super) struct Payment {
    /// In ms since the epoch.
    pub(super) time: i64,
    /// In units of 10^-18.
    pub(super) amount: i128,
    pub(super) branch: u32,
}

/// A payment, or none for what breaks a rule.
pub(super) fn decode(value: &[u8]) -> Option<Payment> {
    if value.len() > 256 * 1024 {
        return None;
    }
    let fields: Fields = serde_json::from_slice(value).ok()?;
    let fields = fields.0;
    let get = |name: &str| {
        let mut found = fields.iter().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.get())
    };
    let mut names = BTreeSet::new();
    if !fields.iter().all(|(key, _)| names.insert(key)) {
        return None;
    }
    for name in ["orderId", "payPlatform"] {
        if let Some(text) = get(name)
            && text != "null"
            && text.parse::<i128>().is_err()
        {
            return None;
        }
    }
    let branch = get("branchId")?;
    let branch: u32 = if branch == "-0" {
        0
    } else {
        branch.parse().ok()?
    };
    let amount = get("payAmount")?.trim_matches('"');
    let time = match serde_json::from_str(get("createTime")?).ok()? {
        Value::String(text) => time(&text)?,
        Value::Number(millis) => millis.as_i64()?,
        _ => return None,
    };
    Some(Payment {
        time,
        amount: units(amount)?,
        branch: (branch <= i32::MAX as u32).then_some(branch)?,
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
