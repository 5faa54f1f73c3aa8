//! Records of other messages: layouts that were learned against the parser that defines the mapping.

use std::sync::Arc;

use chrono_tz::Tz;
use tidegauge::decode::mapping::{
    AmountForm, AmountScale, BranchType, Currencies, KeyPlaces, Mapping, MappingSettings,
    PaymentCondition, Place,
};
use tidegauge::decode::{DecodeRules, Decoded, Decoder};
use tidegauge::domain::record::Record;

/// An input is a byte that names the mapping, and values of records with line breaks between them. All of
/// them are fed twice, so that a layout of each meets all others.
pub fn run(data: &[u8]) {
    let Some((which, data)) = data.split_first() else {
        return;
    };
    let rules = DecodeRules {
        mapping: Arc::new(Mapping::new(settings(*which))),
        zone: Tz::Europe__Berlin,
        text_order_ids: true,
    };
    let mut decoder = Decoder::new(rules, Arc::default());
    let values: Vec<&[u8]> = data.split(|byte| *byte == b'\n').take(16).collect();
    for value in values.iter().chain(&values) {
        let record = Record::of(Some(value));
        let decoded = decoder.decode(&record);
        assert_eq!(decoded, decoder.decode_json(&record));
        assert_eq!(decoded, decoder.decode(&record));
        if let Decoded::Reject(reject) = decoded {
            // One line, of a length that a log and a page can show.
            assert!(reject.detail.len() < 1_000, "{}", reject.detail);
            assert!(!reject.detail.is_empty());
            assert!(
                !reject.detail.contains(char::is_control),
                "{:?}",
                reject.detail
            );
        }
        // What is shown of a sample never fails.
        let _ = decoder.find(&record);
    }
}

fn place(text: &str) -> Place {
    text.parse().unwrap()
}

/// A mapping of each kind of place and form.
fn settings(which: u8) -> MappingSettings {
    let flat = MappingSettings {
        event_time: place("at"),
        amount: place("sum"),
        branch: KeyPlaces::One(place("shop")),
        branch_type: BranchType::Any,
        order_id: Some(KeyPlaces::One(place("no"))),
        ..MappingSettings::default()
    };
    let form = |scale, thousands, point| AmountForm {
        scale,
        thousands,
        point,
    };
    let condition = |text| Some(PaymentCondition::compile(text).unwrap());
    match which % 9 {
        0 => flat,
        1 => MappingSettings {
            branch_type: BranchType::Integer,
            order_id: None,
            event_time_form: "epoch_s".parse().unwrap(),
            amount_form: form(AmountScale::Fixed(2), None, '.'),
            ..flat
        },
        2 => MappingSettings {
            envelope: Some("payload.after".parse().unwrap()),
            event_time: place("paid.at"),
            amount: place("parts[1].sum"),
            order_id: Some(KeyPlaces::One(place("$value.payload.id"))),
            ..flat
        },
        3 => MappingSettings {
            branch: KeyPlaces::Several("{country}/{shop}".parse().unwrap()),
            event_time_form: "epoch_us".parse().unwrap(),
            ..flat
        },
        4 => MappingSettings {
            amount_form: form(AmountScale::Fixed(0), Some('.'), ','),
            event_time_form: "%d.%m.%Y %H:%M".parse().unwrap(),
            ..flat
        },
        5 => MappingSettings {
            currency: Some(place("cur")),
            currencies: Currencies::Apart,
            amount_form: form(AmountScale::OfCurrency, None, '.'),
            ..flat
        },
        6 => MappingSettings {
            condition: condition("status in ['paid', 'settled'] && !(sum < 0)"),
            negative: condition("has(refund) && refund != null"),
            ..flat
        },
        7 => MappingSettings {
            currency: Some(place("cur")),
            condition: condition("status == 'paid'"),
            ..flat
        },
        _ => MappingSettings {
            condition: condition("items.exists(i, i.n == 1) || size(this) > 4"),
            ..MappingSettings::default()
        },
    }
}
