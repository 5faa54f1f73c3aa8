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
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;
use chrono_tz::Tz;
use criterion::Criterion;
use serde::Deserialize;
use tidegauge::decode::{Decoded, Decoder};
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
type Way = (&'static str, fn(&mut Decoder, &[u8]) -> bool);

/// The first is what all others are compared with.
const WAYS: [Way; 4] = [
    ("decode", |decoder, payload| {
        matches!(
            black_box(decoder.decode(&Record::of(Some(payload)))),
            Decoded::Payment(_)
        )
    }),
    ("decode_json", |decoder, payload| {
        matches!(
            black_box(decoder.decode_json(&Record::of(Some(payload)))),
            Decoded::Payment(_)
        )
    }),
    ("serde struct, time left as text", |_, payload| {
        plain(payload).is_some()
    }),
    ("serde struct, time by chrono", |_, payload| {
        plain(payload).is_some_and(|plain| {
            let time = NaiveDateTime::parse_from_str(plain.create_time, "%Y-%m-%d %H:%M:%S");
            black_box(time).is_ok()
        })
    }),
];

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

fn payloads() -> Vec<Vec<u8>> {
    let mut generator = Generator::new(Options {
        start: EventTime::from_millis(1_793_491_200_000),
        disorder: Duration::from_secs(4),
        ..Options::default()
    });
    (0..PAYLOADS)
        .filter_map(|_| generator.next_message().value.map(<[u8]>::to_vec))
        .collect()
}

fn one_payload(criterion: &mut Criterion, decoder: &mut Decoder, payloads: &[Vec<u8>]) {
    let mut group = criterion.benchmark_group("one payload");
    group
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    for (name, way) in WAYS {
        let mut endless = payloads.iter().cycle();
        group.bench_function(name, |bencher| {
            bencher.iter(|| endless.next().map(|payload| way(decoder, payload)));
        });
    }
    group.finish();
}

/// Nanoseconds per payload of each way and turn.
fn turns(decoder: &mut Decoder, payloads: &[Vec<u8>]) -> [Vec<f64>; WAYS.len()] {
    let mut spent: [Vec<f64>; WAYS.len()] = Default::default();
    for _ in 0..TURNS {
        for ((name, way), spent) in WAYS.iter().zip(&mut spent) {
            let begun = Instant::now();
            let read = payloads
                .iter()
                .filter(|payload| way(decoder, payload))
                .count();
            let nanos = begun.elapsed().as_nanos() as f64 / payloads.len() as f64;
            assert_eq!(read, payloads.len(), "{name} did not read every payment");
            spent.push(nanos);
        }
    }
    spent
}

fn print_ratios(turns: &[Vec<f64>; WAYS.len()]) {
    let first = median(&turns[0]);
    println!("{:<34}{:>12}{:>12}", "", "ns/payload", "× decode");
    for ((name, _), spent) in WAYS.iter().zip(turns) {
        let nanos = median(spent);
        println!("{name:<34}{nanos:>12.1}{:>12.2}", nanos / first);
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn main() {
    let payloads = payloads();
    let mut decoder = Decoder::original(Tz::UTC);
    for payload in &payloads {
        // A fast wrong answer is no answer.
        assert_eq!(
            decoder.decode(&Record::of(Some(payload))),
            decoder.decode_json(&Record::of(Some(payload)))
        );
    }
    let mut criterion = Criterion::default().configure_from_args();
    one_payload(&mut criterion, &mut decoder, &payloads);
    // `cargo test --benches` only looks whether it runs.
    if std::env::args().any(|argument| argument == "--bench") {
        print_ratios(&turns(&mut decoder, &payloads));
    }
    criterion.final_summary();
}
