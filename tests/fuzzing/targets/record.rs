//! Records: the decoder against an independent one, made of `serde_json`, chrono and arithmetic on the text.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use chrono_tz::Tz;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use tidegauge::decode::{Decoded, Decoder, PAYLOAD_MAX, Reason};
use tidegauge::domain::payment::OrderId;
use tidegauge::domain::record::Record;
use tidegauge_windows::LocalTime;

use super::arithmetic::{self, Expected, Whole, Written};
use super::clock;

/// What a record must be decoded to.
#[derive(PartialEq, Eq, Debug)]
enum Meaning {
    Payment {
        millis: i64,
        local: LocalTime,
        units: i128,
        rounded: bool,
        branch: i128,
        order: Option<i128>,
        platform: Option<i64>,
    },
    Reject(Reason),
    Tombstone,
}

/// An input is the value of a record.
pub fn run(data: &[u8]) {
    let zone = clock::zone(data);
    let mut decoder = Decoder::original(zone);
    let decoded = decoder.decode(&Record::of(Some(data)));
    assert_eq!(decoder.decode(&Record::of(Some(data))), decoded);
    assert_eq!(decoder.decode_json(&Record::of(Some(data))), decoded);
    let ours = match decoded {
        Decoded::Payment(payment) => Meaning::Payment {
            millis: payment.event_time.millis(),
            local: payment.notices.local_time,
            units: payment.amount.units(),
            rounded: payment.notices.rounded,
            branch: payment.branch.get().into(),
            order: payment.order_id.and_then(OrderId::number),
            platform: payment.platform,
        },
        Decoded::Reject(reject) => {
            // One line, of a length that a log and a page can show.
            assert!(reject.detail.len() < 600, "{}", reject.detail);
            assert!(!reject.detail.is_empty());
            assert!(
                !reject.detail.contains(char::is_control),
                "{:?}",
                reject.detail
            );
            Meaning::Reject(reject.reason)
        }
        Decoded::Tombstone => Meaning::Tombstone,
        Decoded::Filtered(_) => panic!("no payment is filtered out"),
    };
    assert_eq!(ours, meaning(data, zone));
}

fn meaning(data: &[u8], zone: Tz) -> Meaning {
    if data.is_empty() {
        return Meaning::Tombstone;
    }
    if data.len() > PAYLOAD_MAX {
        return Meaning::Reject(Reason::TooLarge);
    }
    let text = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    let Ok(text) = str::from_utf8(text) else {
        return Meaning::Reject(Reason::NotJson);
    };
    let fields: Result<Fields, _> = serde_json::from_str(text);
    let read = match fields {
        Ok(fields) => payment(&fields, zone),
        Err(_) => with_a_word_for_an_amount(text, zone).unwrap_or(Err(Reason::NotJson)),
    };
    read.unwrap_or_else(Meaning::Reject)
}

/// Encoders that write `NaN` for an amount get a reject for the amount, not for the JSON.
fn with_a_word_for_an_amount(text: &str, zone: Tz) -> Option<Result<Meaning, Reason>> {
    ["NaN", "-Infinity", "Infinity"]
        .into_iter()
        .find_map(|word| {
            text.match_indices(word).find_map(|(at, _)| {
                let (before, after) = (&text[..at], &text[at + word.len()..]);
                let quoted = format!("{before}\"{word}\"{after}");
                let fields: Fields = serde_json::from_str(&quoted).ok()?;
                let amount = fields.get("payAmount")?;
                let place = amount.as_ptr().addr() - quoted.as_ptr().addr();
                (place == at).then(|| payment(&fields, zone))
            })
        })
}

fn payment(fields: &Fields<'_>, zone: Tz) -> Result<Meaning, Reason> {
    let mut names = BTreeSet::new();
    if !fields.0.iter().all(|(name, _)| names.insert(name)) {
        return Err(Reason::BadField);
    }
    let required = |name| fields.get(name).ok_or(Reason::MissingField);
    let (time, amount) = (required("createTime")?, required("payAmount")?);
    let branch = required("branchId")?;

    let (millis, local) = time_of(time, zone).ok_or(Reason::BadTime)?;
    let text = match amount.starts_with('"') {
        true => serde_json::from_str(amount).map_err(|_| Reason::BadAmount)?,
        false => amount.to_owned(),
    };
    let Expected::Units(units, rounded) = arithmetic::amount(&text) else {
        return Err(Reason::BadAmount);
    };
    let integer = |raw| Written::read(raw).and_then(|number| number.integer());
    let branch = match integer(branch) {
        Some(Whole::Value(branch)) if (0..=i128::from(i32::MAX)).contains(&branch) => branch,
        _ => return Err(Reason::BadField),
    };
    let optional = |name| match fields.get(name) {
        None => Ok(None),
        Some(raw) => match integer(raw).ok_or(Reason::BadField)? {
            Whole::Value(value) => Ok(Some(value)),
            Whole::Huge => Ok(None),
        },
    };
    Ok(Meaning::Payment {
        millis,
        local,
        units,
        rounded,
        branch,
        order: optional("orderId")?,
        platform: optional("payPlatform")?.and_then(|value| value.try_into().ok()),
    })
}

fn time_of(raw: &str, zone: Tz) -> Option<(i64, LocalTime)> {
    if raw.starts_with('"') {
        return clock::create_time(&serde_json::from_str::<String>(raw).ok()?, zone);
    }
    match Written::read(raw)?.integer()? {
        Whole::Value(millis) => {
            let millis = i64::try_from(millis).ok()?;
            clock::is_in_range(millis).then_some((millis, LocalTime::Plain))
        }
        Whole::Huge => None,
    }
}

/// The fields of an object as they stand, a repeated one repeated.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl Fields<'_> {
    /// The text of a field; `None` for null too.
    fn get(&self, name: &str) -> Option<&str> {
        // Of a field that is given twice the last, which may be the one that holds a word for an amount.
        let (_, raw) = self.0.iter().rev().find(|(known, _)| known == name)?;
        Some(raw.get()).filter(|raw| *raw != "null")
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, raw)) = map.next_entry::<Cow<'_, str>, &RawValue>()? {
                    fields.push((name.into_owned(), raw));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}
