//! The promises of the generator, checked with the decoder.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::*;
use crate::decode::{Decoded, Decoder, Reason};
use crate::domain::payment::{OrderId, Payment};
use crate::domain::record::Record;

const START: EventTime = EventTime::from_millis(1_793_491_200_000);

fn mixed() -> Options {
    Options {
        seed: 7,
        start: START,
        disorder: Duration::from_secs(4),
        late_fraction: 0.02,
        too_late_fraction: 0.01,
        future_fraction: 0.005,
        duplicate_fraction: 0.03,
        bad_fraction: 0.04,
        ..Options::default()
    }
}

fn lines(options: Options, count: usize) -> Vec<Option<Vec<u8>>> {
    let mut generator = Generator::new(options);
    (0..count)
        .map(|_| generator.next_message().value.map(<[u8]>::to_vec))
        .collect()
}

fn payments(options: Options, count: usize) -> Vec<Payment> {
    let mut decoder = Decoder::original(options.time_zone);
    lines(options, count)
        .iter()
        .map(
            |value| match decoder.decode(&Record::of(value.as_deref())) {
                Decoded::Payment(payment) => payment,
                other => panic!("no payment: {other:?}"),
            },
        )
        .collect()
}

#[test]
fn the_bytes_of_a_seed_never_change() {
    let options = Options {
        start: START,
        ..Options::default()
    };
    let first = lines(options, 3);
    let text: Vec<_> = first
        .iter()
        .flatten()
        .map(|v| std::str::from_utf8(v).unwrap())
        .collect();
    let expected = [
        r#"{"createTime":"2026-11-01 00:00:00","orderId":1793491201,"payAmount":194176.39,"payPlatform":0,"branchId":3}"#,
        r#"{"createTime":"2026-11-01 00:00:00","orderId":1793491202,"payAmount":190406.13,"payPlatform":0,"branchId":7}"#,
        r#"{"createTime":"2026-11-01 00:00:00","orderId":1793491203,"payAmount":103696.43,"payPlatform":0,"branchId":7}"#,
    ];
    assert_eq!(text, expected);
    let all: Vec<u8> = lines(mixed(), 10_000)
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    assert_eq!(xxh3_64(&all), 17_987_079_092_906_026_356);
}

#[test]
fn another_seed_gives_other_bytes() {
    let one = lines(mixed(), 100);
    assert_eq!(one, lines(mixed(), 100));
    assert_ne!(one, lines(Options { seed: 8, ..mixed() }, 100));
}

#[test]
fn every_message_decodes_to_what_was_counted() {
    let mut generator = Generator::new(mixed());
    let mut decoder = Decoder::original(Tz::UTC);
    let mut found: BTreeMap<&str, u64> = BTreeMap::new();
    for _ in 0..100_000 {
        let name = match decoder.decode(&Record::of(generator.next_message().value)) {
            Decoded::Payment(_) => "payment",
            Decoded::Tombstone => "tombstone",
            Decoded::Filtered(_) => "filtered",
            Decoded::Reject(reject) => reject.reason.as_str(),
        };
        *found.entry(name).or_default() += 1;
    }
    let made = *generator.made();
    let expected = [
        ("payment", made.payments()),
        ("tombstone", made.tombstone),
        (Reason::NotJson.as_str(), made.not_json),
        (Reason::MissingField.as_str(), made.missing_field),
        (Reason::BadField.as_str(), made.bad_field),
        (Reason::BadTime.as_str(), made.bad_time),
        (Reason::BadAmount.as_str(), made.bad_amount),
        (Reason::TooLarge.as_str(), made.too_large),
    ];
    assert_eq!(found, BTreeMap::from(expected));
    assert_eq!(made.messages, 100_000);
}

#[test]
fn the_shares_are_those_asked_for() {
    let mut generator = Generator::new(mixed());
    for _ in 0..200_000 {
        generator.next_message();
    }
    let made = generator.made();
    let near = |count: u64, fraction: f64| {
        let expected = 200_000.0 * fraction;
        assert!(
            (count as f64 - expected).abs() < 6.0 * expected.sqrt(),
            "{count} for {fraction}"
        );
    };
    near(made.late, 0.02);
    near(made.too_late, 0.01);
    near(made.future, 0.005);
    near(made.duplicate, 0.03);
    near(made.rejects() + made.tombstone, 0.04);
}

#[test]
fn seven_bad_messages_are_one_of_each() {
    let mut generator = Generator::new(Options {
        bad_fraction: 1.0,
        ..mixed()
    });
    for _ in 0..7 {
        generator.next_message();
    }
    let made = generator.made();
    let each = [
        made.not_json,
        made.missing_field,
        made.bad_field,
        made.bad_time,
        made.bad_amount,
        made.too_large,
        made.tombstone,
    ];
    assert_eq!(each, [1; 7]);
}

#[test]
fn amounts_platforms_and_branches_are_spread_as_promised() {
    let payments = payments(
        Options {
            start: START,
            ..Options::default()
        },
        100_000,
    );
    let mut branches = [0_u32; 10];
    let (mut sum, mut platform_0) = (0.0, 0);
    for payment in &payments {
        let amount = payment.amount.units() as f64 / 1e18;
        assert!((0.0..200_000.0).contains(&amount));
        sum += amount;
        branches[payment.branch.get() as usize] += 1;
        platform_0 += u32::from(payment.platform == Some(0));
    }
    assert!(
        branches.iter().all(|count| (9_500..10_500).contains(count)),
        "{branches:?}"
    );
    assert!((89_400..90_600).contains(&platform_0), "{platform_0}");
    assert!((99_000.0..101_000.0).contains(&(sum / 100_000.0)), "{sum}");
}

#[test]
fn order_ids_rise_by_one_and_time_by_a_second_per_so_many() {
    let options = Options {
        start: START,
        per_second: 3,
        ..Options::default()
    };
    let payments = payments(options, 10);
    let first = payments[0].order_id.and_then(OrderId::number).unwrap();
    for (n, payment) in (0..).zip(&payments) {
        assert_eq!(
            payment.order_id,
            Some(OrderId::Number(first + i128::from(n)))
        );
        assert_eq!(payment.event_time.millis(), START.millis() + n / 3 * 1_000);
    }
}

#[test]
fn no_payment_is_further_behind_than_the_disorder() {
    let options = Options {
        start: START,
        disorder: Duration::from_millis(4_999),
        ..Options::default()
    };
    let behind: Vec<i64> = (0..)
        .zip(payments(options, 50_000))
        .map(|(n, payment)| START.millis() + n / 1_000 * 1_000 - payment.event_time.millis())
        .collect();
    assert_eq!(behind.iter().max(), Some(&4_000));
    assert_eq!(behind.iter().min(), Some(&0));
}

#[test]
fn late_and_future_payments_are_as_far_off_as_promised() {
    let off = |options: Options| -> (i64, i64) {
        let offs: Vec<i64> = (0..)
            .zip(payments(options, 5_000))
            .map(|(n, p)| (p.event_time.millis() - START.millis()) / 1_000 - n / 1_000)
            .collect();
        (*offs.iter().min().unwrap(), *offs.iter().max().unwrap())
    };
    let base = Options {
        start: START,
        ..Options::default()
    };
    let (least, most) = off(Options {
        late_fraction: 1.0,
        ..base.clone()
    });
    assert!(least >= -1_800 && most <= -30, "{least} {most}");
    let (least, most) = off(Options {
        too_late_fraction: 1.0,
        ..base.clone()
    });
    assert!(least >= -864_000 && most <= -259_200, "{least} {most}");
    let (least, most) = off(Options {
        future_fraction: 1.0,
        ..base
    });
    assert!(least >= 360 && most <= 3_600, "{least} {most}");
}

#[test]
fn a_duplicate_is_an_earlier_payment_to_the_byte() {
    let options = Options {
        start: START,
        duplicate_fraction: 0.2,
        ..Options::default()
    };
    let mut generator = Generator::new(options.clone());
    let mut seen = std::collections::HashSet::new();
    let again = (0..20_000)
        .filter(|_| !seen.insert(generator.next_message().value.unwrap().to_vec()))
        .count();
    assert_eq!(again as u64, generator.made().duplicate);
    assert!(again > 3_000);
}

#[test]
fn create_time_is_local_time() {
    let zone = Tz::Asia__Shanghai;
    let options = Options {
        start: START,
        time_zone: zone,
        ..Options::default()
    };
    let line = lines(options.clone(), 1).remove(0).unwrap();
    assert!(line.starts_with(b"{\"createTime\":\"2026-11-01 08:00:00\","));
    assert_eq!(payments(options, 1)[0].event_time, START);
}

#[test]
fn live_messages_carry_the_time_of_the_caller() {
    let mut generator = Generator::new(Options {
        start: START,
        ..Options::default()
    });
    let now = EventTime::from_millis(START.millis() + 90_250);
    let message = generator.next_message_at(now);
    assert_eq!(message.timestamp, now);
    assert!(
        message
            .value
            .unwrap()
            .starts_with(b"{\"createTime\":\"2026-11-01 00:01:30\"")
    );
}

proptest! {
    #[test]
    fn no_options_make_it_panic(
        seed: u64, start: i64, per_second: u64, disorder_ms: u64, fractions: [f64; 5], now: i64,
    ) {
        let mut generator = Generator::new(Options {
            seed,
            start: EventTime::from_millis(start),
            per_second,
            time_zone: Tz::Europe__Berlin,
            disorder: Duration::from_millis(disorder_ms),
            late_fraction: fractions[0],
            too_late_fraction: fractions[1],
            future_fraction: fractions[2],
            duplicate_fraction: fractions[3],
            bad_fraction: fractions[4],
        });
        for _ in 0..20 {
            generator.next_message();
            generator.next_message_at(EventTime::from_millis(now));
        }
        prop_assert_eq!(generator.made().messages, 40);
    }
}
