//! Does one stage of the hot path so many times, for `benches/instructions`, which counts the processor's instructions.
//!
//! `instructions STAGE COUNT`: walk (find records in batches), decode (bytes to payments), place (payments into slices),
//! apply (records to all that a checkpoint has), merge (cells into cells).
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)]

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::BytesMut;
use kafka_protocol::records::{
    Compression, Record as WrittenRecord, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use tidegauge::core::pipeline::{Pipeline, PipelineStart};
use tidegauge::decode::{DecodeRules, Decoded, Decoder};
use tidegauge::domain::branch::Branches;
use tidegauge::domain::record::Record;
use tidegauge::source::fuzzing::payload_bytes;
use tidegauge_windows::{Aggregate, Definition, Engine, EventTime, Settings, Span, Summary};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// 2026-11-01T00:00:00Z.
const BEGIN: i64 = 1_793_491_200_000;
/// So many records or payments are made beforehand.
const ROUND: u32 = 1_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [stage, count] = &arguments[..] else {
        println!("usage: instructions walk|decode|place|apply|merge COUNT");
        return ExitCode::from(2);
    };
    let count: u32 = count.parse().expect("a whole number");
    let rounds = count / ROUND;
    match stage.as_str() {
        "walk" => walk(rounds),
        "decode" => decode(rounds),
        "place" => place(rounds),
        "apply" => apply(rounds),
        "merge" => merge(count),
        other => panic!("there is no stage {other}"),
    }
    ExitCode::SUCCESS
}

fn payloads() -> Vec<Vec<u8>> {
    let payload = |number: u32| {
        let second = number % 5;
        let amount = f64::from(number * 7_919 % 2_000_000) / 100.0;
        format!(
            "{{\"createTime\":\"2026-11-01 00:12:3{second}\",\"orderId\":{},\"payAmount\":{amount:.2},\
             \"payPlatform\":{},\"branchId\":{}}}",
            1_000_000 + number,
            number % 2,
            number % 10
        )
    };
    (0..ROUND)
        .map(|number| payload(number).into_bytes())
        .collect()
}

fn walk(rounds: u32) {
    let records: Vec<WrittenRecord> = (0_i32..)
        .zip(payloads())
        .map(|(number, payload)| WrittenRecord {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: 0,
            producer_id: -1,
            producer_epoch: -1,
            timestamp_type: TimestampType::Creation,
            offset: number.into(),
            sequence: number,
            timestamp: BEGIN + i64::from(number),
            key: None,
            value: Some(payload.into()),
            headers: Default::default(),
        })
        .collect();
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    let mut batch = BytesMut::new();
    RecordBatchEncoder::encode(&mut batch, &records, &options).expect("a batch");
    let batch = batch.freeze();
    for _ in 0..rounds {
        black_box(payload_bytes(batch.clone()).expect("records"));
    }
}

fn decode(rounds: u32) {
    let payloads = payloads();
    let mut decoder = Decoder::new(DecodeRules::from(chrono_tz::UTC), Arc::default());
    for _ in 0..rounds {
        for payload in &payloads {
            let decoded = decoder.decode(&Record::of(Some(payload)));
            assert!(matches!(black_box(decoded), Decoded::Payment(_)));
        }
    }
}

fn settings() -> Settings {
    let minute = Definition::tumbling("1m", Span::MINUTE, Span::ZERO, chrono_tz::UTC);
    Settings {
        definitions: vec![minute.expect("a definition")],
        out_of_orderness: Span::from_millis(5_000),
        allowed_lateness: Span::DAY,
        max_future: Span::from_millis(300_000),
        retention: Span::DAY.times(35),
        zero_windows: true,
    }
}

fn place(rounds: u32) {
    let mut engine: Engine<u32, Summary> = Engine::new(Arc::new(settings()));
    for round in 0..rounds {
        for number in 0..ROUND {
            // A thousand a second, up to 4 s out of order.
            let time = BEGIN + 1_000 * (i64::from(round) - i64::from(number % 5));
            let time = EventTime::from_millis(time);
            let partition = 0;
            black_box(engine.insert(partition, time, Some(time), number % 10, &amount(number)));
        }
        engine.advance();
    }
    black_box(engine.take_changes());
}

fn apply(rounds: u32) {
    let branches = Arc::new(Branches::default());
    let start = PipelineStart::default();
    let mut pipeline = Pipeline::new(Arc::new(settings()), chrono_tz::UTC, branches, start);
    let payloads = payloads();
    for round in 0..rounds {
        let records = (0_i64..).zip(&payloads).map(|(number, payload)| Record {
            offset: i64::from(round * ROUND) + number,
            timestamp: Some(BEGIN + 3_600_000),
            payload: Some(payload),
            ..Record::default()
        });
        pipeline.apply(records).expect("they are not compared");
    }
    black_box(pipeline.take_effects());
}

/// Up to 200,000, in hundredths.
fn amount(number: u32) -> i128 {
    i128::from(number * 7_919 % 20_000_000) * 10_i128.pow(16)
}

fn merge(count: u32) {
    let mut added = Summary::default();
    for number in 0..50 {
        added.add(&amount(number), false);
    }
    let mut all = Summary::default();
    for _ in 0..count {
        all.merge(black_box(&added));
    }
    black_box(all);
}
