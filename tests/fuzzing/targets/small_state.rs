//! A state of a few payments, made by the product from records, and all the figures in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use chrono_tz::Tz;
use tempfile::TempDir;
use tidegauge::core::pipeline::{Pipeline, PipelineStart};
use tidegauge::decode::DecodeRules;
use tidegauge::decode::mapping::{BranchType, Mapping, MappingSettings};
use tidegauge::domain::branch::Branches;
use tidegauge::domain::branch_names::BranchNames;
use tidegauge::domain::record::Record;
use tidegauge::store::{Identity, MarkedDocuments, Store};
use tidegauge::view::reading::{ReadError, Reading, Readings};
use tidegauge_windows::{Definition, Query, Settings, Span};

/// 2026-11-01T00:00:00Z.
const START: i64 = 1_793_491_200_000;
const MINUTE: i64 = 60_000;
/// After this checkpoint the state is closed and opened, so that its log becomes a table.
const REOPENED_AT: i64 = 3;
/// How many checkpoints an old state has.
pub const OLD: i64 = 6;
/// How many a young one has: it was never closed, so that nearly all of it is in its log.
pub const YOUNG: i64 = 3;

/// A directory in memory where there is one: a state forces every file that it makes to the disk.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}

/// What a state is opened with.
pub fn identity() -> Identity {
    Identity {
        topic: "payment_msg".to_owned(),
        generation: 1,
        rules: "window.1m.size = 60000\n".to_owned(),
        settings: settings(),
        names: names(),
        documents: MarkedDocuments::WithPayments,
    }
}

/// The names of its branches, which may be texts.
pub fn names() -> Arc<BranchNames> {
    let names = [("0".parse().unwrap(), "Mitte/Nord".to_owned())];
    Arc::new(BranchNames::new(names.into()).with_texts())
}

fn settings() -> Arc<Settings> {
    let ten = Span::MINUTE.times(10);
    Arc::new(Settings {
        definitions: vec![
            Definition::tumbling("1m", Span::MINUTE, Span::ZERO, Tz::UTC).unwrap(),
            Definition::sliding("10m-by-1m", ten, Span::MINUTE, Span::ZERO, Tz::UTC).unwrap(),
            Definition::cumulative("day", Span::DAY, Span::HOUR, Span::ZERO, Tz::Asia__Shanghai)
                .unwrap(),
        ],
        out_of_orderness: Span::SECOND.times(5),
        allowed_lateness: Span::DAY,
        max_future: Span::MINUTE.times(5),
        retention: Span::DAY.times(35),
        zero_windows: true,
    })
}

/// Writes a state of so many checkpoints into `dir`, and gives it open, with the figures of each.
pub fn write(dir: &Path, checkpoints: i64) -> (Store, Vec<String>) {
    let open = || {
        let (store, recovered) = Store::open(dir, &identity()).unwrap();
        let start = PipelineStart {
            snapshot: recovered.snapshot,
            known: recovered.known,
            progress: recovered.progress,
        };
        let mapping = MappingSettings {
            branch_type: BranchType::Any,
            ..MappingSettings::default()
        };
        let rules = DecodeRules {
            mapping: Arc::new(Mapping::new(mapping)),
            zone: Tz::UTC,
            text_order_ids: false,
        };
        let pipeline = Pipeline::new(settings(), rules, store.branches(), start);
        (store, pipeline)
    };
    let (mut store, mut pipeline) = open();
    let mut figures = Vec::new();
    let mut offsets = BTreeMap::<i32, i64>::new();
    for checkpoint in 0..checkpoints {
        if checkpoint == REOPENED_AT {
            drop(store);
            (store, pipeline) = open();
        }
        let time = START + checkpoint * MINUTE;
        let payments = [
            (
                0,
                format!(r#"{{"createTime":{time},"payAmount":10.25,"branchId":1}}"#),
            ),
            (
                1,
                format!(
                    r#"{{"createTime":{},"payAmount":-0.5,"branchId":2}}"#,
                    time + 30_000
                ),
            ),
            (
                0,
                format!(
                    r#"{{"createTime":{},"payAmount":"7","branchId":7}}"#,
                    time - 90_000
                ),
            ),
            (
                1,
                format!(
                    r#"{{"createTime":{},"payAmount":3,"branchId":1}}"#,
                    time + 3_600_000
                ),
            ),
            (
                0,
                format!(
                    r#"{{"createTime":{time},"payAmount":2,"branchId":"Lager/{}"}}"#,
                    checkpoint % 4
                ),
            ),
            (1, "not a payment".to_owned()),
        ];
        for (partition, payload) in &payments {
            let offset = offsets.entry(*partition).or_default();
            pipeline
                .apply([Record {
                    partition: *partition,
                    offset: *offset,
                    timestamp: Some(time + 31_000),
                    payload: Some(payload.as_bytes()),
                    ..Record::default()
                }])
                .unwrap();
            *offset += 1;
        }
        store.commit(&pipeline.take_effects(), &[], time).unwrap();
        figures.push(self::figures(&*store.readings(), &store.branches()).unwrap());
    }
    (store, figures)
}

/// Every figure of a state, as text.
///
/// # Errors
/// When the state says that something in it can't be read.
pub fn figures(readings: &dyn Readings, branches: &Branches) -> Result<String, ReadError> {
    readings.query(|reading| {
        let mut text = String::new();
        let checkpoint = reading.checkpoint();
        let mut line = |line: String| writeln!(text, "{line}").unwrap();
        line(format!("positions {:?}", checkpoint.positions));
        line(format!("ledger {:?}", checkpoint.ledger));
        line(format!("notices {:?}", checkpoint.notices));
        for (branch, total) in reading.all_totals()? {
            line(format!("total {} {total:?}", branches.name(branch)));
        }
        windows(reading, branches, &mut line)?;
        line(format!(
            "no window {:?}",
            reading.payments_in_no_window(None, 100)?
        ));
        line(format!(
            "rejects {:?}",
            reading.rejected_records(None, 100)?
        ));
        Ok(text)
    })
}

fn windows(
    reading: &dyn Reading,
    branches: &Branches,
    line: &mut impl FnMut(String),
) -> Result<(), ReadError> {
    let frame = reading.frame();
    for (number, definition) in (0..).zip(frame.definitions()) {
        let found = frame.windows(reading, &Query::all(number))?;
        for result in found {
            let (window, aggregate) = (result.window, &result.aggregate);
            line(format!(
                "{} {window:?} {} {} {} {:?} {:?} {:?} {}",
                definition.name(),
                branches.name(result.key),
                aggregate.count,
                aggregate.sum,
                aggregate.min(),
                aggregate.max(),
                aggregate.quantile(0.5),
                result.revision,
            ));
        }
    }
    Ok(())
}
