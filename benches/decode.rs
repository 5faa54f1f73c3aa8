//! What it costs to make a payment of bytes, side by side with what most programs do.
//!
//! `cargo bench --bench decode`. After Criterion's figures there is one table of ratios: those of a
//! single run in which all take turns, so they stand whatever else the machine does.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    reason = "a measurement counts small things, and looks at the clock"
)]
#![allow(clippy::print_stdout, reason = "a bench says its figures on stdout")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;
use chrono_tz::Tz;
use criterion::Criterion;
use serde::Deserialize;
use tidegauge::decode::mapping::{
    BranchType, KeyPlaces, Mapping, MappingSettings, Path, PathStep, Place,
};
use tidegauge::decode::{DecodeRules, Decoded, Decoder};
use tidegauge::domain::record::Record;
use tidegauge::generator::{Generator, Options};
use tidegauge_windows::EventTime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PAYLOADS: usize = 4_096;
/// Turns of each way in the table of ratios.
const TURNS: usize = 41;

/// A payment as it is usually read: a double for the amount, a text for the time.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Plain<'a> {
    create_time: &'a str,
    order_id: i64,
    pay_amount: f64,
    pay_platform: i64,
    branch_id: u32,
}

/// A way to read one payload.
struct Way {
    name: &'static str,
    message: Message,
    read: fn(&mut Decoder, &[u8]) -> bool,
}

/// Payments in one form of message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Message {
    /// The original one.
    Original,
    /// Its five fields under other names.
    Flat,
    /// As `Flat`, with a text for the branch.
    Text,
    /// In an envelope and objects, with more fields.
    Nested,
}

const MESSAGES: [Message; 4] = [
    Message::Original,
    Message::Flat,
    Message::Text,
    Message::Nested,
];

/// The first is what all others are compared with.
const WAYS: [Way; 8] = [
    way("decode", Message::Original, decode),
    way("decode, flat mapping", Message::Flat, decode),
    way("decode, flat mapping, text branch", Message::Text, decode),
    way("decode, nested mapping, envelope", Message::Nested, decode),
    way("decode_json", Message::Original, decode_json),
    way(
        "decode_json, nested, envelope",
        Message::Nested,
        decode_json,
    ),
    way(
        "serde struct, time left as text",
        Message::Original,
        |_, payload| plain(payload).is_some(),
    ),
    way(
        "serde struct, time by chrono",
        Message::Original,
        |_, payload| {
            plain(payload).is_some_and(|plain| {
                let time = NaiveDateTime::parse_from_str(plain.create_time, "%Y-%m-%d %H:%M:%S");
                black_box(time).is_ok()
            })
        },
    ),
];

const fn way(name: &'static str, message: Message, read: fn(&mut Decoder, &[u8]) -> bool) -> Way {
    Way {
        name,
        message,
        read,
    }
}

fn decode(decoder: &mut Decoder, payload: &[u8]) -> bool {
    let decoded = decoder.decode(&Record::of(Some(payload)));
    matches!(black_box(decoded), Decoded::Payment(_))
}

fn decode_json(decoder: &mut Decoder, payload: &[u8]) -> bool {
    let decoded = decoder.decode_json(&Record::of(Some(payload)));
    matches!(black_box(decoded), Decoded::Payment(_))
}

fn plain(payload: &[u8]) -> Option<Plain<'_>> {
    let plain: Plain<'_> = serde_json::from_slice(payload).ok()?;
    let Plain {
        create_time,
        order_id,
        pay_amount,
        pay_platform,
        branch_id,
    } = &plain;
    black_box((create_time, order_id, pay_amount, pay_platform, branch_id));
    Some(plain)
}

fn payloads() -> Vec<String> {
    let mut generator = Generator::new(Options {
        start: EventTime::from_millis(1_793_491_200_000),
        disorder: Duration::from_secs(4),
        ..Options::default()
    });
    (0..PAYLOADS)
        .filter_map(|_| {
            let value = generator.next_message().value?;
            Some(String::from_utf8_lossy(value).into_owned())
        })
        .collect()
}

/// Payments of one form, and a decoder for them.
struct Lane {
    decoder: Decoder,
    payloads: Vec<String>,
}

impl Lane {
    fn of(message: Message, originals: &[String]) -> Self {
        let rules = DecodeRules {
            mapping: Arc::new(Mapping::new(message.settings())),
            zone: Tz::UTC,
            text_order_ids: false,
        };
        Self {
            decoder: Decoder::new(rules, Arc::default()),
            payloads: originals
                .iter()
                .map(|payload| message.of(payload))
                .collect(),
        }
    }
}

impl Message {
    fn settings(self) -> MappingSettings {
        let place = |text: &str| {
            Place::Payment(Path::from(
                text.split('.')
                    .map(|name| PathStep::Field(name.to_owned()))
                    .collect::<Vec<_>>(),
            ))
        };
        let by = |time, amount, branch, order| MappingSettings {
            event_time: place(time),
            amount: place(amount),
            branch: KeyPlaces::One(place(branch)),
            branch_type: BranchType::Any,
            order_id: Some(KeyPlaces::One(place(order))),
            ..MappingSettings::default()
        };
        match self {
            Self::Original => MappingSettings::default(),
            Self::Flat | Self::Text => by("paid_at", "amount", "store_id", "order_no"),
            Self::Nested => MappingSettings {
                envelope: Some(Path::from(vec![
                    PathStep::Field("payload".to_owned()),
                    PathStep::Field("after".to_owned()),
                ])),
                ..by("paid.at", "amount.value", "store.id", "id")
            },
        }
    }

    /// The payment of `original` in this form.
    fn of(self, original: &str) -> String {
        let fields = original.trim_matches(['{', '}']).split(',');
        let values: Vec<&str> = fields
            .filter_map(|field| Some(field.split_once(':')?.1))
            .collect();
        let [time, order, amount, platform, branch] = values[..] else {
            return String::new();
        };
        match self {
            Self::Original => original.to_owned(),
            Self::Flat => format!(
                "{{\"paid_at\":{time},\"order_no\":{order},\"amount\":{amount},\"channel\":{platform},\"store_id\":{branch}}}"
            ),
            Self::Text => format!(
                "{{\"paid_at\":{time},\"order_no\":{order},\"amount\":{amount},\"channel\":{platform},\"store_id\":\"DE-{branch}\"}}"
            ),
            Self::Nested => format!(
                "{{\"payload\":{{\"op\":\"c\",\"before\":null,\"after\":{{\"id\":{order},\"paid\":{{\"at\":{time}}},\
                 \"amount\":{{\"value\":{amount},\"currency\":\"EUR\"}},\"store\":{{\"id\":{branch},\"channel\":{platform}}}}}}}}}"
            ),
        }
    }
}

fn one_payload(criterion: &mut Criterion, lanes: &mut [Lane]) {
    let mut group = criterion.benchmark_group("one payload");
    group
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    for way in &WAYS {
        let Lane { decoder, payloads } = &mut lanes[way.message as usize];
        let mut endless = payloads.iter().cycle();
        group.bench_function(way.name, |bencher| {
            bencher.iter(|| {
                endless
                    .next()
                    .map(|payload| (way.read)(decoder, payload.as_bytes()))
            });
        });
    }
    group.finish();
}

/// Nanoseconds per payload of each way and turn.
fn turns(lanes: &mut [Lane]) -> [Vec<f64>; WAYS.len()] {
    let mut spent: [Vec<f64>; WAYS.len()] = Default::default();
    for _ in 0..TURNS {
        for (way, spent) in WAYS.iter().zip(&mut spent) {
            let Lane { decoder, payloads } = &mut lanes[way.message as usize];
            let begun = Instant::now();
            let read = payloads
                .iter()
                .filter(|payload| (way.read)(decoder, payload.as_bytes()))
                .count();
            let nanos = begun.elapsed().as_nanos() as f64 / payloads.len() as f64;
            assert_eq!(
                read,
                payloads.len(),
                "{} did not read every payment",
                way.name
            );
            spent.push(nanos);
        }
    }
    spent
}

fn print_ratios(turns: &[Vec<f64>; WAYS.len()]) {
    let first = median(&turns[0]);
    println!("{:<36}{:>12}{:>12}", "", "ns/payload", "× decode");
    for (way, spent) in WAYS.iter().zip(turns) {
        let nanos = median(spent);
        println!("{:<36}{nanos:>12.1}{:>12.2}", way.name, nanos / first);
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn main() {
    let originals = payloads();
    let mut lanes = MESSAGES.map(|message| Lane::of(message, &originals));
    for Lane { decoder, payloads } in &mut lanes {
        for payload in payloads {
            // A fast wrong answer is no answer.
            let record = Record::of(Some(payload.as_bytes()));
            assert_eq!(decoder.decode(&record), decoder.decode_json(&record));
        }
    }
    let mut criterion = Criterion::default().configure_from_args();
    one_payload(&mut criterion, &mut lanes);
    // `cargo test --benches` only looks whether it runs.
    if std::env::args().any(|argument| argument == "--bench") {
        print_ratios(&turns(&mut lanes));
    }
    criterion.final_summary();
}
