//! What comparing payments by their order ids costs: 10 million records within an hour of event time, of which 5 % repeat
//! another one, anywhere in that hour, applied and written with and without `[dedup]`: for an hour and for six minutes.
//!
//! `cargo bench --bench duplicates` prints both, the ratio, memory and disk for an id, and how long a start takes. It ends
//! with exit code 1 if a figure is not exact, if an id takes more than the docs say, or if the ratio is less than 0.35: what
//! reading from Kafka takes is in neither (`benches/repeats` measures the service). `-- --records 1000000 --repeated 1 --rounds 3` takes other numbers, `-- --no-check` only measures.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    reason = "a measurement counts small things, and looks at the clock"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    missing_docs
)]

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use tidegauge::core::pipeline::{Pipeline, PipelineStart};
use tidegauge::core::seen_orders::{DuplicateRule, OrderStats, SeenOrders};
use tidegauge::decode::DecodeRules;
use tidegauge::decode::mapping::{KeyPlaces, Mapping, MappingSettings};
use tidegauge::domain::ledger::{Entry, Ledger};
use tidegauge::domain::record::Record;
use tidegauge::store::{Identity, MarkedDocuments, Store};
use tidegauge_windows::{Definition, Settings, Span};

/// The throughput with comparing, in that without, is at least this.
const RATIO_MIN: f64 = 0.35;
/// Bytes of memory and of disk that an id takes at most. Ids that are forgotten at a checkpoint have both until then, and
/// what RocksDB has not merged yet has some of the disk.
const MEMORY_MAX: u64 = 15;
const DISK_MAX: u64 = 40;
const UNMERGED: u64 = 64_000_000;
const BATCH: usize = 4_096;
/// A checkpoint takes so many records at most, and all that came while the one before was written.
const CHECKPOINT: usize = 100_000;
const PARTITIONS: usize = 4;
const BRANCHES: u64 = 10;
/// 2026-11-01T00:00:00Z.
const START: i64 = 1_793_491_200_000;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    let number = |name: &str, default: usize| {
        let at = arguments.iter().position(|argument| argument == name);
        at.map_or(default, |at| arguments[at + 1].parse().unwrap())
    };
    let check = !arguments.iter().any(|argument| argument == "--no-check");
    let (records, rounds) = (number("--records", 10_000_000), number("--rounds", 1));
    let mut is_bad = false;
    let short = Span::MINUTE.times(6);
    let runs = [
        (OrderForm::Integer, Span::HOUR),
        (OrderForm::Integer, short),
        (OrderForm::Text, Span::HOUR),
    ];
    for (form, within) in runs {
        let topic = Topic::of(records, number("--repeated", 5), form);
        for _ in 0..rounds {
            let without = run(&topic, None);
            let with = run(&topic, Some(within));
            let ratio = with.per_second(records) / without.per_second(records);
            let ids = with.stats.ids;
            let disk = with.disk.saturating_sub(without.disk);
            let (memory_each, disk_each) = (
                with.stats.bytes as f64 / ids as f64,
                disk as f64 / ids as f64,
            );
            println!(
                "{form:?} ids within {} min: {:.0} records/s without, {:.0} with, ratio {ratio:.2}; {} ids, {memory_each:.1} bytes of \
                 memory and {disk_each:.1} of disk each; start {:.1} s; {} duplicates; waited for the writer {:.0?} and {:.0?}",
                within.millis() / 60_000,
                without.per_second(records),
                with.per_second(records),
                with.stats.ids,
                with.start.as_secs_f64(),
                with.ledger.entry(Entry::Duplicate).count,
                without.waited,
                with.waited,
            );
            let is_exact = without.ledger.entry(Entry::Duplicate).count == 0
                && with.ledger.entry(Entry::Duplicate).count == topic.duplicates(within)
                && with.ledger.entry(Entry::Conflict).count == 0
                && with.ledger.balanced();
            let is_large = with.stats.bytes > MEMORY_MAX * (ids + CHECKPOINT as u64)
                || disk > DISK_MAX * ids + UNMERGED;
            is_bad |= !is_exact || is_large || ratio < RATIO_MIN;
        }
    }
    match check && is_bad {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

/// How order ids are written.
#[derive(Clone, Copy, Debug)]
enum OrderForm {
    Integer,
    Text,
}

/// The records, one after the other.
struct Topic {
    bytes: Vec<u8>,
    /// Where each record ends, and its partition.
    ends: Vec<(usize, usize)>,
    /// Of each record, the first one that it equals.
    firsts: Vec<usize>,
    /// So many records are made.
    records: usize,
    form: OrderForm,
}

impl Topic {
    fn of(records: usize, percent: usize, form: OrderForm) -> Self {
        let mut random = fastrand::Rng::with_seed(7);
        let mut topic = Self {
            bytes: Vec::with_capacity(records * 120),
            ends: Vec::with_capacity(records),
            firsts: Vec::with_capacity(records),
            records,
            form,
        };
        for at in 0..records {
            let repeats = at > 0 && random.usize(..100) < percent;
            let of = if repeats { random.usize(..at) } else { at };
            topic
                .firsts
                .push(topic.firsts.get(of).copied().unwrap_or(at));
            topic.push(of, at);
        }
        topic
    }

    /// When record `at` happened, if it repeats none.
    fn time(&self, at: usize) -> i64 {
        START + (at as i64 * 3_600_000) / self.records as i64
    }

    /// How many records repeat another one that counted, within a horizon.
    fn duplicates(&self, within: Span) -> u64 {
        let mut clocks = [START; PARTITIONS];
        // The clock of the partition when an id counted last.
        let mut counted = vec![0; self.firsts.len()];
        let mut duplicates = 0;
        for (at, first) in self.firsts.iter().enumerate() {
            let clock = &mut clocks[self.ends[at].1];
            let repeats = *first < at && *clock - counted[*first] <= within.millis();
            duplicates += u64::from(repeats);
            if !repeats {
                *clock = self.time(*first).max(*clock);
                counted[*first] = *clock;
            }
        }
        duplicates
    }

    /// A record that equals number `of`.
    fn push(&mut self, of: usize, at: usize) {
        use std::io::Write as _;
        if of < at {
            let start = of.checked_sub(1).map_or(0, |before| self.ends[before].0);
            let (end, partition) = self.ends[of];
            self.bytes.extend_from_within(start..end);
            self.ends.push((self.bytes.len(), partition));
            return;
        }
        let time = self.time(at);
        let mut random = fastrand::Rng::with_seed(at as u64);
        let (branch, cents) = (random.u64(..BRANCHES), random.u64(1..1_000_000));
        let id = random.u64(..) / 4;
        let id = match self.form {
            OrderForm::Integer => id.to_string(),
            OrderForm::Text => format!("\"{id:016x}-{at:08}\""),
        };
        write!(
            self.bytes,
            r#"{{"createTime":{time},"orderId":{id},"payAmount":{}.{:02},"payPlatform":0,"branchId":{branch}}}"#,
            cents / 100,
            cents % 100
        )
        .unwrap();
        self.ends.push((self.bytes.len(), at % PARTITIONS));
    }

    fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let mut offsets = [0; PARTITIONS];
        let mut start = 0;
        self.ends.iter().map(move |(end, partition)| {
            let offset = offsets[*partition];
            offsets[*partition] += 1;
            let payload = Some(&self.bytes[start..*end]);
            start = *end;
            Record {
                partition: *partition as i32,
                offset,
                payload,
                ..Record::default()
            }
        })
    }
}

/// What a run took.
struct Cost {
    took: Duration,
    /// Of that, for the writer.
    waited: Duration,
    ledger: Ledger,
    stats: OrderStats,
    disk: u64,
    /// Opening the state again, and finding its ids.
    start: Duration,
}

impl Cost {
    fn per_second(&self, records: usize) -> f64 {
        records as f64 / self.took.as_secs_f64()
    }
}

fn run(topic: &Topic, within: Option<Span>) -> Cost {
    let rule = within.map(|within| DuplicateRule {
        within,
        max_ids: 20_000_000,
    });
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), &identity(rule)).unwrap();
    let mapping = match topic.form {
        OrderForm::Integer => MappingSettings::default(),
        // Any other place than the original one may hold a text.
        OrderForm::Text => MappingSettings {
            order_id: Some(KeyPlaces::One("$value.orderId".parse().unwrap())),
            ..MappingSettings::default()
        },
    };
    let rules = DecodeRules {
        mapping: Arc::new(Mapping::new(mapping)),
        zone: chrono_tz::UTC,
        text_order_ids: rule.is_some(),
    };
    let mut pipeline = Pipeline::new(
        settings(),
        rules,
        store.branches(),
        PipelineStart::default(),
    );
    if let Some(rule) = rule {
        let orders = SeenOrders::restore(rule, 11, store.kept_orders()).unwrap();
        pipeline = pipeline.comparing(orders);
    }
    let began = Instant::now();
    let (jobs, effects) = sync_channel(0);
    let (ledger, waited) = thread::scope(|scope| {
        let writer = thread::Builder::new().name("write".into());
        let writer = writer.spawn_scoped(scope, move || {
            let mut store = store;
            let mut ledger = Ledger::default();
            for effects in effects {
                ledger = store.commit(&effects, &[], 0).unwrap().ledger;
            }
            ledger
        });
        let writer = writer.unwrap();
        let mut records = topic.records();
        let (mut since, mut waited) = (0, Duration::ZERO);
        loop {
            let mut batch: Vec<Record<'_>> = records.by_ref().take(BATCH).collect();
            // As a consumer gives them.
            batch.sort_by_key(|record| record.partition);
            if batch.is_empty() {
                break;
            }
            since += batch.len();
            pipeline.apply(batch).unwrap();
            if since >= CHECKPOINT {
                since = 0;
                // Waits until the writer is done with the one before.
                let effects = pipeline.take_effects();
                let began = Instant::now();
                jobs.send(effects).unwrap();
                waited += began.elapsed();
            }
        }
        jobs.send(pipeline.take_effects()).unwrap();
        drop(jobs);
        (writer.join().unwrap(), waited)
    });
    let took = began.elapsed();
    let stats = pipeline.orders().map(SeenOrders::stats).unwrap_or_default();
    drop(pipeline);
    let began = Instant::now();
    let (store, recovered) = Store::open(dir.path(), &identity(rule)).unwrap();
    if let Some(rule) = rule {
        let orders = SeenOrders::restore(rule, 13, store.kept_orders()).unwrap();
        assert_eq!(orders.stats().ids, stats.ids);
    }
    assert_eq!(recovered.ledger, ledger);
    Cost {
        took,
        waited,
        ledger,
        stats,
        disk: disk_bytes(dir.path()),
        start: began.elapsed(),
    }
}

fn settings() -> Arc<Settings> {
    let utc = chrono_tz::UTC;
    let minutes = |count| Span::MINUTE.times(count);
    let sliding = Definition::sliding("10m-by-1m", minutes(10), minutes(1), Span::ZERO, utc);
    Arc::new(Settings {
        definitions: vec![
            Definition::tumbling("1m", Span::MINUTE, Span::ZERO, utc).unwrap(),
            sliding.unwrap(),
            Definition::tumbling("1h", Span::HOUR, Span::ZERO, utc).unwrap(),
        ],
        out_of_orderness: Span::SECOND.times(5),
        allowed_lateness: Span::DAY,
        max_future: Span::MINUTE.times(5),
        retention: Span::DAY.times(35),
        zero_windows: true,
    })
}

fn identity(rule: Option<DuplicateRule>) -> Identity {
    Identity {
        topic: "payments".into(),
        generation: 1,
        rules: rule.map_or_else(String::new, |_| "dedup.by = order_id\n".into()),
        settings: settings(),
        names: Arc::default(),
        documents: MarkedDocuments::WithPayments,
    }
}

fn disk_bytes(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).unwrap();
    entries
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum()
}
