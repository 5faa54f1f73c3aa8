//! Proposals for samples, and what the proposed mapping reads from each of their records.
#![allow(clippy::unwrap_used)]

mod doubts;
mod envelopes;
mod known_forms;

use std::sync::Arc;

use super::*;
use crate::decode::mapping::{EpochUnit, Mapping, PaymentCondition};
use crate::decode::{DecodeRules, Decoded, Decoder};
use crate::domain::branch_texts::BranchTexts;
use crate::domain::record::{Headers, OwnedHeaders};
use crate::domain::timestamp::rfc3339;

/// A proposal, and a line for each record: event time, amount and branch, or why it is rejected.
struct Tried {
    proposal: Proposal,
    facts: Vec<String>,
}

fn values<S: AsRef<str>>(values: &[S]) -> Vec<Record<'_>> {
    let values = values.iter();
    values
        .map(|value| Record::of(Some(value.as_ref().as_bytes())))
        .collect()
}

fn tried(records: &[Record<'_>]) -> Tried {
    let proposal = propose(records, &[], None).unwrap();
    Tried {
        facts: facts(records, &proposal.settings),
        proposal,
    }
}

/// What `settings` read from each of `records`.
fn facts(records: &[Record<'_>], settings: &MappingSettings) -> Vec<String> {
    let texts: Arc<BranchTexts> = Arc::default();
    let rules = DecodeRules {
        mapping: Arc::new(Mapping::new(settings.clone())),
        zone: Tz::UTC,
        text_order_ids: false,
    };
    let mut decoder = Decoder::new(rules, Arc::clone(&texts));
    let facts = records.iter().map(|record| match decoder.decode(record) {
        Decoded::Payment(payment) => format!(
            "{} {} {}",
            rfc3339(payment.event_time),
            payment.amount,
            texts.key(payment.branch).unwrap()
        ),
        Decoded::Filtered(_) => "filtered".to_owned(),
        Decoded::Reject(reject) => reject.reason.to_string(),
        Decoded::Tombstone => "tombstone".to_owned(),
    });
    facts.collect()
}

fn of<S: AsRef<str>>(lines: &[S]) -> Tried {
    tried(&values(lines))
}

fn refused<S: AsRef<str>>(lines: &[S]) -> String {
    propose(&values(lines), &[], None).unwrap_err().to_string()
}

fn place(text: &str) -> Place {
    text.parse().unwrap()
}

impl Tried {
    fn branch(&self) -> Place {
        match &self.proposal.settings.branch {
            KeyPlaces::One(place) => place.clone(),
            KeyPlaces::Several(template) => panic!("{template}"),
        }
    }

    /// Whether a decision is about `what`.
    fn asks(&self, what: &str) -> bool {
        self.proposal
            .decisions
            .iter()
            .any(|decision| decision.contains(what))
    }

    fn reason(&self, key: &str) -> &str {
        let mut reasons = self.proposal.reasons.iter();
        reasons
            .find(|(known, _)| *known == key)
            .map_or("", |(_, reason)| reason)
    }

    fn counting(&self) -> Option<&str> {
        let condition = self.proposal.suggested.condition.as_ref();
        condition.map(PaymentCondition::text)
    }

    fn negative(&self) -> Option<&str> {
        let condition = self.proposal.suggested.negative.as_ref();
        condition.map(PaymentCondition::text)
    }
}

#[test]
fn the_original_message_keeps_its_mapping() {
    let tried = of(&[
        r#"{"createTime":"2026-11-01 00:12:34","orderId":1793491955,"payAmount":12345.67,"payPlatform":0,"branchId":7}"#,
        r#"{"createTime":"2026-11-01 00:12:35","orderId":1793491956,"payAmount":0.5,"payPlatform":1,"branchId":0}"#,
        r#"{"createTime":"2026-11-01 00:12:36","payAmount":-3,"branchId":7}"#,
    ]);
    assert_eq!(tried.proposal.settings, MappingSettings::default());
    assert_eq!(
        tried.facts,
        [
            "2026-11-01T00:12:34Z 12345.67 7",
            "2026-11-01T00:12:35Z 0.5 0",
            "2026-11-01T00:12:36Z -3 7",
        ]
    );
    let without_ids = of(&[r#"{"createTime":"2026-11-01 00:12:34","payAmount":1.5,"branchId":7}"#]);
    assert_eq!(without_ids.proposal.settings, MappingSettings::default());
}

#[test]
fn the_names_of_the_original_with_texts_as_branches_allow_texts() {
    let tried = of(&[
        r#"{"createTime":"2026-11-01 00:12:34","payAmount":1.5,"branchId":"north","orderId":1}"#,
        r#"{"createTime":"2026-11-01 00:12:34","payAmount":2.5,"branchId":"south","orderId":2}"#,
    ]);
    assert_eq!(tried.proposal.settings.branch_type, BranchType::Any);
    assert_eq!(
        tried.facts,
        [
            "2026-11-01T00:12:34Z 1.5 north",
            "2026-11-01T00:12:34Z 2.5 south"
        ]
    );
}

#[test]
fn other_names_are_found() {
    let lines: Vec<String> = (0..200)
        .map(|n| {
            format!(
                r#"{{"id":"p-{n}","created":{},"updated":{},"total":{}.25,"tax":1.5,"shop":{},"customer_id":{n},"items":3}}"#,
                1_761_955_200 + n,
                1_761_955_300 + n,
                10 + n,
                n % 7
            )
        })
        .collect();
    let tried = of(&lines);
    let settings = &tried.proposal.settings;
    assert_eq!(settings.envelope, None);
    assert_eq!(settings.event_time, place("created"));
    assert_eq!(
        settings.event_time_form,
        TimeForm::Epoch(EpochUnit::Seconds)
    );
    assert_eq!(settings.amount, place("total"));
    assert_eq!(tried.branch(), place("shop"));
    assert_eq!(settings.order_id, Some(KeyPlaces::One(place("id"))));
    assert_eq!(settings.currency, None);
    assert_eq!(
        tried.reason("event_time"),
        "1761955200: seconds since 1970 in 200 of 200 records; also possible: updated"
    );
    assert!(
        tried.proposal.decisions.is_empty(),
        "{:?}",
        tried.proposal.decisions
    );
    assert_eq!(tried.facts[0], "2025-11-01T00:00:00Z 10.25 0");
    assert_eq!(tried.facts[199], "2025-11-01T00:03:19Z 209.25 3");
    assert_eq!(tried.proposal.trial.payments, 200);
}

#[test]
fn minor_units_in_an_object_are_scaled_by_their_currency() {
    let lines: Vec<String> = (0..30)
        .map(|n| {
            let status = ["captured", "settled", "failed"][n % 3];
            format!(
                r#"{{"payment":{{"paid":{{"at":"2026-11-01T10:00:{n:02}+01:00"}},"amount_minor":{},"currency":"EUR","payment_id":"x{n}","status":"{status}"}},"payment_version":3,"store":{{"id":"S{}","city":"Bonn"}}}}"#,
                1_000 + n,
                n % 4
            )
        })
        .collect();
    let tried = of(&lines);
    let settings = &tried.proposal.settings;
    assert_eq!(settings.envelope, None);
    assert_eq!(settings.event_time, place("payment.paid.at"));
    assert_eq!(settings.amount, place("payment.amount_minor"));
    assert_eq!(
        settings.amount_form.scale,
        crate::decode::mapping::AmountScale::OfCurrency
    );
    assert_eq!(tried.branch(), place("store.id"));
    assert_eq!(
        settings.order_id,
        Some(KeyPlaces::One(place("payment.payment_id")))
    );
    assert_eq!(
        settings.currencies,
        Currencies::Only("EUR".parse().unwrap())
    );
    assert_eq!(
        tried.counting(),
        Some(r#"payment.status in ["captured", "settled"]"#)
    );
    let suggested = facts(&values(&lines), &tried.proposal.suggested);
    assert_eq!(suggested[..2], tried.facts[..2]);
    assert_eq!(suggested[2], "filtered");
    assert!(tried.asks("failed (10)"));
    assert_eq!(tried.facts[0], "2026-11-01T09:00:00Z 10 S0");
    assert_eq!(tried.facts[29], "2026-11-01T09:00:29Z 10.29 S1");
}

const GERMAN: [&str; 3] = [
    r#"{"Datum":"31.12.2026 23:59:58","Betrag":"1.234,50","Filiale":"Köln","Belegnr":"A-1"}"#,
    r#"{"Datum":"01.01.2027 00:00:01","Betrag":"99,95","Filiale":"Bonn","Belegnr":"A-2"}"#,
    r#"{"Datum":"01.01.2027 00:00:02","Betrag":"-12","Filiale":"Bonn","Belegnr":"A-3"}"#,
];

#[test]
fn german_amounts_and_dates_are_read() {
    let tried = of(&GERMAN);
    let settings = &tried.proposal.settings;
    assert_eq!(settings.event_time_form.to_string(), "%d.%m.%Y %H:%M:%S");
    assert_eq!(settings.amount_form.thousands, Some('.'));
    assert_eq!(settings.amount_form.point, ',');
    assert!(tried.asks("time_zone"));
    let berlin = propose(&values(&GERMAN), &[], Some(Tz::Europe__Berlin)).unwrap();
    assert!(berlin.decisions.is_empty(), "{:?}", berlin.decisions);
    assert_eq!(
        tried.facts,
        [
            "2026-12-31T23:59:58Z 1234.5 Köln",
            "2027-01-01T00:00:01Z 99.95 Bonn",
            "2027-01-01T00:00:02Z -12 Bonn",
        ]
    );
}

#[test]
fn two_currencies_have_sums_of_their_own() {
    let tried = of(&[
        r#"{"ts":1793491954000,"amount":{"value":"10.00","currency":"EUR"},"merchant_id":"m1","id":1}"#,
        r#"{"ts":1793491955000,"amount":{"value":"700","currency":"JPY"},"merchant_id":"m1","id":2}"#,
        r#"{"ts":1793491956000,"amount":{"value":"2.50","currency":"EUR"},"merchant_id":"m2","id":3}"#,
    ]);
    let settings = &tried.proposal.settings;
    assert_eq!(settings.amount, place("amount.value"));
    assert_eq!(settings.currency, Some(place("amount.currency")));
    assert_eq!(settings.currencies, Currencies::Apart);
    assert_eq!(settings.event_time_form, TimeForm::Auto);
    assert!(tried.asks("2 currencies"), "{:?}", tried.proposal.decisions);
    assert_eq!(tried.reason("currency"), "EUR (2), JPY (1)");
    assert_eq!(
        tried.facts,
        [
            "2026-11-01T00:12:34Z 10 m1/EUR",
            "2026-11-01T00:12:35Z 700 m1/JPY",
            "2026-11-01T00:12:36Z 2.5 m2/EUR",
        ]
    );
}

#[test]
fn one_record_is_enough() {
    let tried = of(&[r#"{"txn":{"time":"2026-11-01T00:12:34Z","amt":"5","store":12,"no":"77"}}"#]);
    let settings = &tried.proposal.settings;
    assert_eq!(settings.envelope, Some("txn".parse().unwrap()));
    assert_eq!(settings.event_time, place("time"));
    assert_eq!(settings.amount, place("amt"));
    assert_eq!(settings.order_id, Some(KeyPlaces::One(place("no"))));
    assert_eq!(tried.facts, ["2026-11-01T00:12:34Z 5 12"]);
}

#[test]
fn the_key_and_the_timestamp_of_records_are_used_where_values_have_nothing_better() {
    let lines: Vec<String> = (0..12)
        .map(|n| format!(r#"{{"price":{n}.5,"ref":"r{n}"}}"#))
        .collect();
    let records: Vec<Record<'_>> = lines
        .iter()
        .enumerate()
        .map(|(n, line)| Record {
            key: Some([&b"north"[..], b"south"][n % 2]),
            timestamp: Some(1_793_491_954_000),
            payload: Some(line.as_bytes()),
            ..Record::default()
        })
        .collect();
    let tried = tried(&records);
    assert_eq!(tried.proposal.settings.event_time, Place::Timestamp);
    assert_eq!(tried.branch(), Place::Key);
    assert_eq!(tried.facts[0], "2026-11-01T00:12:34Z 0.5 north");
    assert_eq!(tried.facts[11], "2026-11-01T00:12:34Z 11.5 south");
}

#[test]
fn headers_are_searched_by_their_names() {
    let headers = OwnedHeaders(vec![("shop".to_owned(), Some(b"7".to_vec()))]);
    let record = Record {
        headers: Headers::new(&headers),
        payload: Some(br#"{"time":"2026-11-01T00:12:34Z","amount":1.5}"#),
        ..Record::default()
    };
    let found = propose(&[record], &["shop".to_owned()], None).unwrap();
    assert_eq!(
        found.settings.branch,
        KeyPlaces::One(Place::Header("shop".to_owned()))
    );
    assert_eq!(found.trial.payments, 1);
}

#[test]
fn the_same_sample_gives_the_same_proposal() {
    let lines = [
        r#"{"a":1.5,"b":2.5,"when":"2026-11-01 00:00:00","x":"k","y":"k"}"#,
        r#"{"a":1.5,"b":2.5,"when":"2026-11-01 00:00:00","x":"k","y":"k"}"#,
    ];
    let first = of(&lines).proposal.settings;
    assert_eq!(first.amount, place("a"));
    for _ in 0..5 {
        assert_eq!(of(&lines).proposal.settings, first);
    }
}
