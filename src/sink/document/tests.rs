//! Documents have the fields of the mappings, and versions and ids as promised.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use ethnum::I256;
use serde_json::Value;
use tidegauge_windows::{Aggregate, ClosedBy, Span};

use super::super::index::DocumentKind;
use super::super::mapping::{fields, mapping};
use super::*;
use crate::core::effect::{NoWindowReason, PaymentInNoWindow, RejectedRecord};
use crate::decode::Reason;
use crate::domain::amount::Amount;
use crate::domain::branch_key::BranchKey;
use crate::domain::total::Total;
use crate::view::field::Scalar;

const ORIGIN: Origin = Origin {
    partition: 2,
    offset: 40,
};

fn branch() -> BranchId {
    BranchId::new(3).unwrap()
}

fn summary(amounts: &[i128]) -> Summary {
    let mut summary = Summary::default();
    for amount in amounts {
        summary.add(amount, false);
    }
    summary
}

fn assert_mapped(document: &impl Serialize, kind: DocumentKind, histograms: bool) {
    let document: Value = serde_json::to_value(document).unwrap();
    let mapping = mapping(kind, histograms);
    let names = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(names(&document), names(&mapping["properties"]), "{kind:?}");
    for field in fields(kind) {
        let value = &document[field.name];
        let is_right = match field.scalar {
            Scalar::Text => value.is_string(),
            Scalar::Bool => value.is_boolean(),
            Scalar::I32 | Scalar::I64 => value.is_i64(),
            Scalar::U32 | Scalar::U64 | Scalar::U32OrText => value.is_u64(),
            Scalar::F64 => value.is_f64(),
        };
        assert!(
            is_right || (field.is_nullable && value.is_null()),
            "{kind:?}: {field:?} is {value}"
        );
    }
}

#[test]
fn every_field_of_every_document_is_mapped_and_no_other() {
    let branches = Branches::default();
    let time = EventTime::from_millis(1_793_491_200_000);
    let total = Total {
        count: 1,
        amount: I256::ONE,
        first: time,
        last: time,
        known_since: time,
    };
    let total = TotalDocument {
        timestamp: Some(rfc3339(time)),
        total: TotalAnswer::new(branch(), Some(&total), &branches),
    };
    assert_mapped(&total, DocumentKind::Totals, true);

    let rules = Definition::tumbling("1m", Span::MINUTE, Span::ZERO, chrono_tz::UTC).unwrap();
    let result = WindowResult {
        definition: 0,
        window: Window::new(time, time.plus(Span::MINUTE)),
        key: branch(),
        aggregate: summary(&[5]),
        closed_by: Some(ClosedBy::Quiet),
        revision: 0,
    };
    for histograms in [false, true] {
        let window = WindowDocument {
            timestamp: rfc3339(time),
            window: WindowAnswer::new(&result, &rules, &branches),
            watermark: None,
            pay_histogram: histograms.then(|| HistogramField::new(&result.aggregate.histogram)),
        };
        assert_mapped(&window, DocumentKind::Windows(0), histograms);
    }

    let late = PaymentInNoWindow {
        origin: ORIGIN,
        timestamp: None,
        reason: NoWindowReason::Future,
        event_time: time,
        watermark: None,
        branch: branch(),
        amount: Amount::parse(b"1").unwrap().0,
        read: String::new(),
    };
    let late = NoWindowDocument {
        timestamp: rfc3339(time),
        payment: NoWindowAnswer::new(&late, &branches),
    };
    assert_mapped(&late, DocumentKind::NoWindow, true);

    let reject = RejectedRecord {
        origin: ORIGIN,
        timestamp: None,
        reason: Reason::NotJson,
        detail: String::new(),
        read: String::new(),
    };
    let reject = RejectDocument {
        timestamp: None,
        reject: RejectAnswer::new(&reject),
    };
    assert_mapped(&reject, DocumentKind::Rejects, true);
}

#[test]
fn a_version_is_twice_the_payments_and_one_more_if_final() {
    let versions = [(0, true), (1, false), (1, true), (2, false)].map(|(n, f)| version(n, f));
    assert_eq!(versions, [1, 2, 3, 4]);
    assert_eq!(version(u64::MAX, true), i64::MAX);
}

#[test]
fn windows_without_payments_are_given_on_request_and_only_where_none_overlap() {
    let utc = chrono_tz::UTC;
    let hour = Span::HOUR;
    let kinds = [
        Definition::tumbling("a", hour, Span::ZERO, utc).unwrap(),
        Definition::sliding("b", hour, Span::MINUTE, Span::ZERO, utc).unwrap(),
        Definition::cumulative("c", hour, Span::MINUTE, Span::ZERO, utc).unwrap(),
    ];
    for (zero_windows, given) in [(false, [false; 3]), (true, [true, false, false])] {
        let content = Content {
            histograms: false,
            zero_windows,
        };
        assert_eq!(kinds.each_ref().map(|kind| content.gives(0, kind)), given);
        assert!(kinds.iter().all(|kind| content.gives(1, kind)));
    }
}

#[test]
fn ids_are_those_of_the_contract() {
    let time = EventTime::from_millis;
    assert_eq!(
        window_id(
            &BranchKey::Integer(branch()),
            Window::new(time(-60_000), time(0))
        ),
        "3@-60000-0"
    );
    assert_eq!(origin_id(ORIGIN), "2-40");
}

#[test]
fn a_histogram_field_ascends_and_counts_every_payment() {
    let unit = 1_000_000_000_000_000_000_i128;
    let amounts = [-3 * unit, 12 * unit, 0, 99_999 * unit, 12 * unit, -unit / 2];
    let field = HistogramField::new(&summary(&amounts).histogram);
    assert!(
        field.values.is_sorted_by(|one, next| one < next),
        "{field:?}"
    );
    assert_eq!(field.counts, [1, 1, 1, 2, 1]);
    for (value, exact) in field.values.iter().zip([-3.0, -0.5, 0.0, 12.0, 99_999.0]) {
        assert!(
            (value - exact).abs() <= exact.abs() / 128.0,
            "{value} for {exact}"
        );
    }
}
