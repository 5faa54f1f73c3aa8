//! Records for a pipeline, and beside it in memory what its effects build up.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tidegauge::core::effect::{Effects, PaymentInNoWindow, RejectedRecord};
use tidegauge::core::pipeline::{Pipeline, PipelineStart};
use tidegauge::domain::branch::Branches;
use tidegauge::domain::branch_key::BranchKey;
use tidegauge::domain::branch_names::BranchNames;
use tidegauge::domain::document_key::DocumentKey;
use tidegauge::domain::ledger::Ledger;
use tidegauge::domain::payment::BranchId;
use tidegauge::domain::record::Record;
use tidegauge::domain::total::Total;
use tidegauge::store::{Identity, MarkedDocuments, Recovered, Store};
use tidegauge::view::reading::{Reading, Readings};
use tidegauge_windows::{
    Definition, EventTime, Frame, MemoryCells, Query, Settings, Span, Summary, WindowResult,
};

/// All windows of a definition.
pub type Results = Vec<WindowResult<BranchId, Summary>>;

/// Makes records and applies them.
pub struct Feed {
    pub settings: Arc<Settings>,
    branches: Arc<Branches>,
    pipeline: Pipeline,
    offsets: BTreeMap<i32, i64>,
    pub memory: Memory,
}

/// What the effects so far have built up.
#[derive(Clone, Default)]
pub struct Memory {
    pub cells: MemoryCells<BranchId, Summary>,
    pub totals: BTreeMap<BranchId, Total>,
    pub ledger: Ledger,
    pub late: Vec<PaymentInNoWindow>,
    pub rejects: Vec<RejectedRecord>,
    pub positions: BTreeMap<i32, i64>,
    pub frame: Option<Frame>,
}

pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

pub fn branch(id: u32) -> BranchId {
    BranchId::new(id).unwrap()
}

pub fn at(millis: i64) -> EventTime {
    EventTime::from_millis(millis)
}

/// Minutes, sliding and cumulative windows, kept for `retention`.
pub fn settings(retention: Span) -> Arc<Settings> {
    let minutes = |n| Span::MINUTE.times(n);
    let utc = chrono_tz::UTC;
    Arc::new(Settings {
        definitions: vec![
            Definition::tumbling("1m", minutes(1), Span::ZERO, utc).unwrap(),
            Definition::sliding("10m-by-5m", minutes(10), minutes(5), Span::ZERO, utc).unwrap(),
            Definition::cumulative("day", Span::DAY, Span::HOUR, Span::ZERO, utc).unwrap(),
        ],
        out_of_orderness: Span::SECOND.times(5),
        allowed_lateness: Span::HOUR,
        max_future: minutes(5),
        retention,
        zero_windows: true,
    })
}

/// One branch has a name, so it is known without a payment.
fn names() -> Arc<BranchNames> {
    let names = [(BranchKey::Integer(branch(0)), "North".to_owned())];
    Arc::new(BranchNames::new(names.into()))
}

pub fn identity(settings: &Arc<Settings>) -> Identity {
    Identity {
        topic: "payment_msg".into(),
        generation: 3,
        rules: "window.1m.size = 60000\nallowed_lateness = 3600000\n".into(),
        settings: Arc::clone(settings),
        names: names(),
        documents: MarkedDocuments::WithPayments,
    }
}

pub fn open(dir: &Path, settings: &Arc<Settings>) -> (Store, Recovered) {
    open_for(dir, settings, MarkedDocuments::WithPayments)
}

/// Opens a store of which `documents` are delivered.
pub fn open_for(
    dir: &Path,
    settings: &Arc<Settings>,
    documents: MarkedDocuments,
) -> (Store, Recovered) {
    let identity = Identity {
        documents,
        ..identity(settings)
    };
    Store::open(dir, &identity).unwrap()
}

impl Feed {
    pub fn new(retention: Span) -> Self {
        let settings = settings(retention);
        let branches = Arc::new(Branches::of_names(&names()));
        let start = PipelineStart::default();
        Self {
            pipeline: Self::pipeline(&settings, &branches, start),
            settings,
            branches,
            offsets: BTreeMap::new(),
            memory: Memory::default(),
        }
    }

    /// Continues as another process would, from what a store gave.
    pub fn restart(&mut self, recovered: Recovered) {
        self.offsets = recovered
            .progress
            .iter()
            .map(|(partition, progress)| (*partition, progress.position))
            .collect();
        let start = PipelineStart {
            snapshot: recovered.snapshot,
            known: recovered.known,
            progress: recovered.progress,
        };
        self.pipeline = Self::pipeline(&self.settings, &self.branches, start);
    }

    /// Applies a payment of `amount` that happened at `time` and was recorded then.
    pub fn pay(&mut self, partition: i32, time: i64, branch: u32, amount: &str) {
        self.pay_recorded(partition, time, time, branch, amount);
    }

    pub fn pay_recorded(
        &mut self,
        partition: i32,
        time: i64,
        recorded: i64,
        branch: u32,
        amount: &str,
    ) {
        let payload =
            format!(r#"{{"createTime":{time},"payAmount":{amount},"branchId":{branch}}}"#);
        self.apply(partition, Some(recorded), payload.as_bytes());
    }

    pub fn apply(&mut self, partition: i32, timestamp: Option<i64>, payload: &[u8]) {
        let offset = self.offsets.entry(partition).or_default();
        let record = Record {
            partition,
            offset: *offset,
            timestamp,
            payload: Some(payload),
            ..Record::default()
        };
        *offset += 1;
        self.pipeline.apply([record]).unwrap();
    }

    pub fn set_idle(&mut self, partition: i32, idle: bool) {
        self.pipeline.set_idle(partition, idle);
    }

    pub fn close_quiet(&mut self, now: i64) {
        self.pipeline.close_quiet(at(now));
    }

    /// The effects since the last call, which memory has taken in too.
    pub fn take(&mut self) -> Effects {
        let effects = self.pipeline.take_effects();
        let memory = &mut self.memory;
        memory.frame = Some(Frame::new(
            Arc::clone(&self.settings),
            effects.changes.snapshot.clone(),
        ));
        memory.cells.apply(
            memory.frame.as_ref().unwrap().grid(),
            effects.changes.clone().map(|slice| slice.summary),
        );
        for (branch, added) in &effects.totals {
            memory
                .totals
                .entry(*branch)
                .and_modify(|total| total.merge(added))
                .or_insert(*added);
        }
        memory.ledger.merge(&effects.ledger);
        memory.late.extend(effects.in_no_window.iter().cloned());
        memory.rejects.extend(effects.rejects.iter().cloned());
        memory.positions.extend(
            effects
                .progress
                .iter()
                .map(|(partition, progress)| (*partition, progress.position)),
        );
        effects
    }

    /// Takes the effects and commits them.
    pub fn commit(&mut self, store: &mut Store) {
        let effects = self.take();
        store.commit(&effects, &[], 1_700_000_000_000).unwrap();
    }

    fn pipeline(
        settings: &Arc<Settings>,
        branches: &Arc<Branches>,
        start: PipelineStart,
    ) -> Pipeline {
        let (settings, branches) = (Arc::clone(settings), Arc::clone(branches));
        Pipeline::new(settings, chrono_tz::UTC, branches, start)
    }
}

impl Memory {
    /// All windows in memory. The pipeline knows the configured branch; memory learns of it from
    /// the first changes, as the store does from its configuration.
    pub fn windows(&self) -> Vec<Results> {
        let frame = self.frame.as_ref().unwrap();
        (0..)
            .zip(frame.definitions())
            .map(|(definition, _)| frame.windows(&self.cells, &Query::all(definition)).unwrap())
            .collect()
    }

    /// Asserts that a reading shows all this and nothing else.
    pub fn assert_shown_by(&self, readings: &dyn Readings) {
        readings
            .query(|reading| {
                assert_eq!(windows(reading), self.windows());
                let totals: Vec<_> = self.totals.iter().map(|(b, t)| (*b, *t)).collect();
                assert_eq!(reading.all_totals()?, totals);
                for (branch, total) in &self.totals {
                    assert_eq!(reading.total(*branch)?, Some(*total));
                }
                assert_eq!(reading.checkpoint().ledger, self.ledger);
                assert_eq!(reading.checkpoint().positions, self.positions);

                let late = reading.payments_in_no_window(None, usize::MAX)?;
                assert!(late.iter().map(|(_, late)| late).eq(self.late.iter().rev()));
                let rejects = reading.rejected_records(None, usize::MAX)?;
                assert!(
                    rejects
                        .iter()
                        .map(|(_, reject)| reject)
                        .eq(self.rejects.iter().rev())
                );
                for late in &self.late {
                    assert_eq!(
                        reading.payment_in_no_window(late.origin)?.as_ref(),
                        Some(late)
                    );
                }
                for reject in &self.rejects {
                    assert_eq!(
                        reading.rejected_record(reject.origin)?.as_ref(),
                        Some(reject)
                    );
                }
                Ok(())
            })
            .unwrap();
    }
}

/// All windows of a reading, by definition.
pub fn windows(reading: &dyn Reading) -> Vec<Results> {
    let frame = reading.frame();
    (0..)
        .zip(frame.definitions())
        .map(|(definition, _)| frame.windows(reading, &Query::all(definition)).unwrap())
        .collect()
}

/// What a reading shows of the document `key`, if there is one.
pub fn shown(reading: &dyn Reading, key: DocumentKey) -> Option<String> {
    match key {
        DocumentKey::Total(branch) => reading.total(branch).unwrap().map(|t| format!("{t:?}")),
        DocumentKey::Window {
            definition,
            window,
            branch,
        } => reading
            .frame()
            .window(reading, definition, window, branch)
            .unwrap()
            .map(|result| format!("{result:?}")),
        DocumentKey::NoWindow(origin) => reading
            .payment_in_no_window(origin)
            .unwrap()
            .map(|late| format!("{late:?}")),
        DocumentKey::Reject(origin) => reading
            .rejected_record(origin)
            .unwrap()
            .map(|reject| format!("{reject:?}")),
    }
}

/// All documents that a reading has.
pub fn documents(reading: &dyn Reading) -> Vec<DocumentKey> {
    let mut documents: Vec<DocumentKey> = reading
        .all_totals()
        .unwrap()
        .into_iter()
        .map(|(branch, _)| DocumentKey::Total(branch))
        .collect();
    documents.extend(
        windows(reading)
            .into_iter()
            .flatten()
            .map(|result| DocumentKey::Window {
                definition: result.definition,
                window: result.window,
                branch: result.key,
            }),
    );
    let late = reading.payments_in_no_window(None, usize::MAX).unwrap();
    documents.extend(
        late.into_iter()
            .map(|(_, late)| DocumentKey::NoWindow(late.origin)),
    );
    let rejects = reading.rejected_records(None, usize::MAX).unwrap();
    documents.extend(
        rejects
            .into_iter()
            .map(|(_, reject)| DocumentKey::Reject(reject.origin)),
    );
    documents
}
