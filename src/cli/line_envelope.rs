//! The envelope of a line: which partition its record is of, when it was written, and the payment.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::config::one_of;
use crate::decode::{Reason, Reject};
use crate::domain::record::{Headers, OwnedHeaders, Record};

/// The keys that an envelope may have.
const KEYS: [&str; 5] = ["partition", "timestamp", "key", "headers", "payment"];
/// Fields of the original message. An object with one of these and without the key `payment` is a payment itself.
const OF_PAYMENTS: [&str; 3] = ["createTime", "payAmount", "branchId"];
/// A longer value is not shown whole.
const SHOWN_MAX: usize = 40;

/// A line that names its partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::cli) struct Envelope<'a> {
    pub(in crate::cli) partition: i32,
    /// Of the record, in ms since the epoch.
    pub(in crate::cli) timestamp: Option<i64>,
    pub(in crate::cli) key: Option<String>,
    pub(in crate::cli) headers: OwnedHeaders,
    /// What the record holds, or what is wrong with the envelope. `None` is a tombstone.
    pub(in crate::cli) payment: Result<Option<&'a [u8]>, Reject>,
}

impl Envelope<'_> {
    /// The record, whose offset is not known yet, and what is wrong with the envelope: then the value of
    /// the record is the whole `line`.
    pub(in crate::cli) fn record<'l>(&'l self, line: &'l [u8]) -> (Record<'l>, Option<Reject>) {
        let (payload, fault) = match &self.payment {
            Ok(payload) => (*payload, None),
            Err(fault) => (Some(line), Some(fault.clone())),
        };
        let record = Record {
            partition: self.partition,
            timestamp: self.timestamp,
            key: self.key.as_deref().map(str::as_bytes),
            headers: Headers::new(&self.headers),
            payload,
            ..Record::default()
        };
        (record, fault)
    }
}

/// Parses `line` as an envelope; `None` if the line is a record itself. Records that are not the original
/// message may have the names of an envelope as well, so with them all names must be those.
pub(in crate::cli) fn read(line: &[u8], is_original: bool) -> Option<Envelope<'_>> {
    if !may_be_one(line) {
        return None;
    }
    let Members(members) = Members::of(line)?;
    let has = |names: &[&str]| members.iter().any(|(key, _)| names.contains(&key.as_str()));
    let is_one = if !is_original {
        has(&["payment"])
            && has(&["partition"])
            && members.iter().all(|(key, _)| KEYS.contains(&key.as_str()))
    } else if has(&["payment"]) {
        !has(&["createTime"])
    } else {
        has(&["partition"]) && !has(&OF_PAYMENTS)
    };
    is_one.then(|| judged(&members))
}

// Parsing each line twice would cost, and payments have no such fields.
fn may_be_one(line: &[u8]) -> bool {
    let holds = |name: &[u8]| line.windows(name.len()).any(|part| part == name);
    holds(b"\"partition\"") || holds(b"\"payment\"")
}

fn judged<'a>(members: &[(String, &'a RawValue)]) -> Envelope<'a> {
    let mut envelope = Envelope {
        partition: 0,
        timestamp: None,
        key: None,
        headers: OwnedHeaders::default(),
        payment: Ok(None),
    };
    let found = |key: &str| {
        members
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, raw)| *raw)
    };
    let mut faults = Vec::new();
    match partition(found("partition")) {
        Ok(partition) => envelope.partition = partition,
        Err(fault) => faults.push(fault),
    }
    match timestamp(found("timestamp")) {
        Ok(timestamp) => envelope.timestamp = timestamp,
        Err(fault) => faults.push(fault),
    }
    match key(found("key")) {
        Ok(key) => envelope.key = key,
        Err(fault) => faults.push(fault),
    }
    match headers(found("headers")) {
        Ok(headers) => envelope.headers = headers,
        Err(fault) => faults.push(fault),
    }
    match found("payment") {
        None => faults.push(fault(
            Reason::MissingField,
            "the envelope has no \"payment\": give the payment's object, or null for a tombstone",
        )),
        Some(raw) if raw.get() == "null" => {}
        Some(raw) => envelope.payment = Ok(Some(raw.get().as_bytes())),
    }
    // A key that is misspelt is why another one is missing.
    if let Some(fault) = unknown_or_twice(members).or_else(|| faults.into_iter().next()) {
        envelope.payment = Err(fault);
    }
    envelope
}

fn unknown_or_twice(members: &[(String, &RawValue)]) -> Option<Reject> {
    for (number, (key, _)) in members.iter().enumerate() {
        if !KEYS.contains(&key.as_str()) {
            return Some(fault(
                Reason::BadField,
                format!(
                    "the envelope has an unknown key \"{}\": {}",
                    shown(key),
                    one_of(key, &KEYS)
                ),
            ));
        }
        if members[..number].iter().any(|(before, _)| before == key) {
            let message = format!("the envelope has \"{key}\" twice: give it once");
            return Some(fault(Reason::BadField, message));
        }
    }
    None
}

fn partition(raw: Option<&RawValue>) -> Result<i32, Reject> {
    const RIGHT: &str = "give an integer from 0 to 2147483647";
    let Some(raw) = raw else {
        let message = format!("the envelope has no \"partition\": {RIGHT}");
        return Err(fault(Reason::MissingField, message));
    };
    match raw.get().parse() {
        Ok(partition) if partition >= 0 => Ok(partition),
        _ => Err(fault(
            Reason::BadField,
            format!(
                "\"partition\" of the envelope is {}: {RIGHT}",
                shown(raw.get())
            ),
        )),
    }
}

fn timestamp(raw: Option<&RawValue>) -> Result<Option<i64>, Reject> {
    let Some(raw) = raw.map(RawValue::get).filter(|raw| *raw != "null") else {
        return Ok(None);
    };
    raw.parse().map(Some).map_err(|_| {
        fault(
            Reason::BadField,
            format!(
                "\"timestamp\" of the envelope is {}: give integer epoch milliseconds, as in \
                 1793491200000",
                shown(raw)
            ),
        )
    })
}

fn key(raw: Option<&RawValue>) -> Result<Option<String>, Reject> {
    let Some(raw) = raw else { return Ok(None) };
    serde_json::from_str(raw.get()).map_err(|_| {
        fault(
            Reason::BadField,
            format!(
                "\"key\" of the envelope is {}: give a text, or null",
                shown(raw.get())
            ),
        )
    })
}

fn headers(raw: Option<&RawValue>) -> Result<OwnedHeaders, Reject> {
    let Some(raw) = raw.map(RawValue::get).filter(|raw| *raw != "null") else {
        return Ok(OwnedHeaders::default());
    };
    let headers: BTreeMap<String, Option<String>> = serde_json::from_str(raw).map_err(|_| {
        fault(
            Reason::BadField,
            format!(
                "\"headers\" of the envelope is {}: give an object of texts, as in {{\"store\":\"7\"}}",
                shown(raw)
            ),
        )
    })?;
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name, value.map(String::into_bytes)));
    Ok(OwnedHeaders(headers.collect()))
}

fn fault(reason: Reason, detail: impl Into<String>) -> Reject {
    Reject {
        reason,
        detail: detail.into(),
    }
}

fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// The members of an object in their order, those that are given twice too.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    /// `None` if `line` is not exactly one object.
    fn of(line: &'a [u8]) -> Option<Self> {
        let mut deserializer = serde_json::Deserializer::from_slice(line);
        let members = deserializer.deserialize_map(MembersVisitor).ok()?;
        deserializer.end().ok()?;
        Some(members)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
            if members.len() > 1_000 {
                return Err(A::Error::custom(
                    "an envelope does not have so many members",
                ));
            }
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const PAYMENT: &str = r#"{"createTime":"2026-11-01 00:00:10","payAmount":5,"branchId":1}"#;

    #[test]
    fn what_has_the_fields_of_a_payment_is_a_record_itself() {
        for line in [
            PAYMENT,
            r#"{"timestamp":"x","createTime":1793491200000,"payAmount":5,"branchId":1}"#,
            r#"{"partition":"north","createTime":1793491200000,"payAmount":5,"branchId":1}"#,
            r#"{"payment":"card","createTime":1793491200000,"payAmount":5,"branchId":1}"#,
            r#"{"partition":1,"payAmount":5,"branchId":1}"#,
            r#"{"partition":1"#,
            r#"{"partition":1} {}"#,
            r#"["partition"]"#,
            r#"{"timestamp":1}"#,
            "",
        ] {
            assert_eq!(read(line.as_bytes(), true), None, "{line}");
        }
    }

    #[test]
    fn an_envelope_names_partition_and_timestamp_and_null_is_a_tombstone() {
        let line = format!(r#" {{ "timestamp": -5, "payment": {PAYMENT}, "partition": 7 }} "#);
        let envelope = read(line.as_bytes(), true).unwrap();
        assert_eq!((envelope.partition, envelope.timestamp), (7, Some(-5)));
        assert_eq!(envelope.payment, Ok(Some(PAYMENT.as_bytes())));
        let tombstone = read(br#"{"partition":0,"timestamp":null,"payment":null}"#, true).unwrap();
        assert_eq!((tombstone.timestamp, tombstone.payment), (None, Ok(None)));
    }

    #[test]
    fn the_key_and_headers_of_a_record_are_named_too() {
        let line = br#"{"partition":0,"key":"a","headers":{"x":"1","y":null},"payment":{}}"#;
        for is_original in [true, false] {
            let envelope = read(line, is_original).unwrap();
            assert_eq!(envelope.key.as_deref(), Some("a"));
            let x = ("x".to_owned(), Some(b"1".to_vec()));
            assert_eq!(envelope.headers.0, [x, ("y".to_owned(), None)]);
        }
        let wrong = br#"{"partition":0,"key":1,"payment":{}}"#;
        let fault = read(wrong, false).unwrap().payment.unwrap_err();
        assert_eq!(
            fault.detail,
            "\"key\" of the envelope is 1: give a text, or null"
        );
    }

    #[test]
    fn other_messages_than_the_original_one_may_have_the_names_of_an_envelope() {
        for line in [
            r#"{"payment":{"amount":5},"id":1}"#,
            r#"{"payment":{"amount":5}}"#,
            r#"{"partition":1,"payment":{"amount":5},"at":0}"#,
        ] {
            assert_eq!(read(line.as_bytes(), false), None, "{line}");
        }
    }
}
