//! `tidegauge compute`: runs the same engine over lines of payments, without Kafka and a state.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use tidegauge_windows::{Frame, MemoryCells, Query, Settings, Span, Summary};
use tracing::warn;

use super::arguments::{ComputeArgs, Emit, GlobalArgs};
use super::failure::CommandFailure;
use super::report::{self, Numbered};
use super::{line_envelope, lines, streams};
use crate::config::{Config, Need};
use crate::core::effect::{Notices, PaymentInNoWindow, RejectedRecord, RepeatedPayment};
use crate::core::pipeline::{Pipeline, PipelineStart};
use crate::core::seen_orders::{KeptOrdersError, MemoryOrders, SeenOrders};
use crate::domain::branch::Branches;
use crate::domain::count::{agreeing, counted_in_threes, grouped};
use crate::domain::document_key::Origin;
use crate::domain::ledger::{Entry, Ledger};
use crate::domain::payment::BranchId;
use crate::domain::record::Record;
use crate::domain::total::Total;
use crate::observe::remark::remarks;
use crate::view::wire::WindowAnswer;

/// Changes are applied to totals and windows after so many lines.
const LINES_A_STEP: u64 = 50_000;

/// Computes the figures of a file and prints them.
///
/// # Errors
/// When the configuration is wrong, or the lines can't be read.
pub fn run(compute: &ComputeArgs, globals: &GlobalArgs) -> Result<(), CommandFailure> {
    let config = Config::load(&globals.sources(), Need::Nothing)?;
    let mut computation = Computation::new(&config, compute.emit).map_err(anyhow::Error::from)?;
    computation.read(&compute.file)?;
    computation.end();
    computation.warn_about_oddities();
    if compute.emit == Emit::Duplicates && config.duplicates.is_none() {
        streams::note(format_args!(
            "payments are not compared, so none is a duplicate: set dedup.by = \"order_id\" to compare them"
        ));
    }
    let figures = match compute.emit {
        Emit::Totals => {
            let totals: Vec<_> = computation
                .totals
                .iter()
                .map(|(b, total)| (*b, *total))
                .collect();
            report::totals(&totals, &computation.branches)?
        }
        Emit::Ledger => report::ledger(&computation.ledger)?,
        Emit::Windows => computation.windows(&config)?,
        Emit::Rejects => report::rejects(&computation.rejects)?,
        Emit::Duplicates => report::repeated(&computation.repeated, &computation.branches)?,
        Emit::Late => report::in_no_window(&computation.in_no_window, &computation.branches)?,
    };
    figures.print(compute.output)?;
    Ok(())
}

/// A pipeline and the figures that it has computed, in memory.
struct Computation {
    pipeline: Pipeline,
    branches: Arc<Branches>,
    /// Whether lines are the original message.
    is_original: bool,
    frame: Frame,
    cells: MemoryCells<BranchId, Summary>,
    totals: BTreeMap<BranchId, Total>,
    ledger: Ledger,
    notices: Notices,
    /// What is printed at the end. Records that are not printed are not kept.
    emit: Emit,
    rejects: Vec<Numbered<RejectedRecord>>,
    in_no_window: Vec<Numbered<PaymentInNoWindow>>,
    repeated: Vec<Numbered<RepeatedPayment>>,
    /// The first rejected line.
    first_reject: Option<Numbered<RejectedRecord>>,
    /// Lines read.
    lines: u64,
    /// Where the records of the lines since the last step are.
    origins: Vec<Origin>,
    /// The next offset of each partition.
    offsets: BTreeMap<i32, i64>,
    /// The order ids that are remembered.
    orders: Arc<MemoryOrders>,
}

impl Computation {
    fn new(config: &Config, emit: Emit) -> Result<Self, KeptOrdersError> {
        let settings = settings(config);
        let branches = Arc::new(Branches::of_names(&config.branches));
        let mut pipeline = Pipeline::new(
            Arc::clone(&settings),
            config.decoding(),
            Arc::clone(&branches),
            PipelineStart::default(),
        );
        let orders: Arc<MemoryOrders> = Arc::default();
        if let Some(rule) = config.duplicates {
            // The lines are the operator's own, so the hash needs no secret key.
            pipeline = pipeline.comparing(SeenOrders::restore(rule, 0, orders.clone())?);
        }
        Ok(Self {
            frame: Frame::new(settings, pipeline.engine().snapshot()),
            pipeline,
            branches,
            is_original: config.payment.is_original(),
            cells: MemoryCells::default(),
            totals: BTreeMap::new(),
            ledger: Ledger::default(),
            notices: Notices::default(),
            emit,
            rejects: Vec::new(),
            in_no_window: Vec::new(),
            repeated: Vec::new(),
            first_reject: None,
            lines: 0,
            origins: Vec::new(),
            offsets: BTreeMap::new(),
            orders,
        })
    }

    fn read(&mut self, file: &Path) -> Result<(), CommandFailure> {
        let mut outcome = Ok(());
        lines::of_file(file, |line| {
            outcome = self.apply(line);
            if outcome.is_err() {
                return ControlFlow::Break(());
            }
            self.lines += 1;
            if self.lines.is_multiple_of(LINES_A_STEP) {
                self.step();
            }
            ControlFlow::Continue(())
        })?;
        outcome.map_err(|error| CommandFailure::Running(error.into()))
    }

    fn apply(&mut self, line: &[u8]) -> Result<(), KeptOrdersError> {
        let envelope = line_envelope::read(line, self.is_original);
        let (mut record, fault) = match &envelope {
            Some(envelope) => envelope.record(line),
            None => (Record::of(Some(line)), None),
        };
        let next = self.offsets.entry(record.partition).or_default();
        record.offset = *next;
        *next += 1;
        self.origins.push(Origin {
            partition: record.partition,
            offset: record.offset,
        });
        match fault {
            None => self.pipeline.apply([record]),
            Some(reject) => {
                self.pipeline.apply_rejected(&record, reject);
                Ok(())
            }
        }
    }

    fn step(&mut self) {
        let effects = self.pipeline.take_effects();
        for (branch, added) in effects.totals {
            self.totals
                .entry(branch)
                .and_modify(|total| total.merge(&added))
                .or_insert(added);
        }
        self.ledger.merge(&effects.ledger);
        self.notices.merge(&effects.notices);
        if self.first_reject.is_none() || self.emit == Emit::Rejects {
            let rejects = self.numbered(effects.rejects, |reject| reject.origin);
            if self.first_reject.is_none() {
                self.first_reject = rejects.iter().min_by_key(|reject| reject.line).cloned();
            }
            if self.emit == Emit::Rejects {
                self.rejects.extend(rejects);
            }
        }
        if self.emit == Emit::Late {
            let payments = self.numbered(effects.in_no_window, |payment| payment.origin);
            self.in_no_window.extend(payments);
        }
        if self.emit == Emit::Duplicates {
            let payments = self.numbered(effects.repeated, |payment| payment.origin);
            self.repeated.extend(payments);
        }
        self.orders.apply(effects.orders);
        self.origins.clear();
        let changes = effects.changes.map(|slice| slice.summary);
        self.cells.apply(self.frame.grid(), changes);
    }

    // Each with the number of its line, of the lines since the last step.
    fn numbered<T>(&self, found: Vec<T>, origin: impl Fn(&T) -> Origin) -> Vec<Numbered<T>> {
        if found.is_empty() {
            return Vec::new();
        }
        let place = |origin: &Origin| (origin.partition, origin.offset);
        let before = self.lines - self.origins.len() as u64;
        let lines: BTreeMap<(i32, i64), u64> =
            self.origins.iter().map(place).zip(before + 1..).collect();
        let numbered = found.into_iter().filter_map(|what| {
            let line = *lines.get(&place(&origin(&what)))?;
            Some(Numbered { line, what })
        });
        numbered.collect()
    }

    /// Logs what the figures alone don't show: rejects, payments in no window, remarks.
    fn warn_about_oddities(&self) {
        if let Some(Numbered { line, what: first }) = &self.first_reject {
            let rejected = self.ledger.entry(Entry::Rejected).count;
            let are = agreeing(rejected, "is not a payment", "are not payments");
            let more = match self.emit {
                Emit::Rejects => "",
                _ => "; --emit rejects lists them",
            };
            warn!(
                "{} of {} {are}, first: line {line}, {}: {}{more}",
                grouped(rejected),
                counted_in_threes(self.ledger.consumed, "line"),
                first.reason.as_str(),
                first.detail
            );
        }
        let unplaced = [Entry::TooLate, Entry::Future, Entry::PastRetention].map(|entry| {
            (
                self.ledger.entry(entry).count,
                entry.as_str().replace('_', " "),
            )
        });
        let unplaced: Vec<(u64, String)> = unplaced
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .collect();
        if !unplaced.is_empty() && self.emit != Emit::Late {
            let count = unplaced.iter().map(|(count, _)| count).sum();
            let each = unplaced
                .iter()
                .map(|(count, why)| format!("{} {why}", grouped(*count)));
            warn!(
                "{} {} in no window ({}), but in the totals; --emit no-window lists {}",
                counted_in_threes(count, "payment"),
                agreeing(count, "is", "are"),
                each.collect::<Vec<_>>().join(", "),
                agreeing(count, "it", "them")
            );
        }
        let partitions = self.pipeline.engine().partitions();
        for remark in remarks(&self.ledger, &self.notices, &partitions) {
            warn!("{remark}");
        }
    }

    // A partition that was read to its end must not hold back the watermark.
    fn end(&mut self) {
        for partition in self.offsets.keys() {
            self.pipeline.set_idle(*partition, true);
        }
        self.step();
    }

    fn windows(&self, config: &Config) -> Result<report::FigureList, CommandFailure> {
        let settings = settings(config);
        let frame = Frame::new(settings, self.pipeline.engine().snapshot());
        let mut results = Vec::new();
        for (number, definition) in (0..).zip(frame.definitions()) {
            let Ok(windows) = frame.windows(&self.cells, &Query::all(number));
            results.extend(windows.into_iter().map(|window| (definition, window)));
        }
        report::windows(
            results
                .iter()
                .map(|(definition, window)| WindowAnswer::new(window, definition, &self.branches)),
        )
    }
}

// All windows are kept in memory, so no payment is past retention.
fn settings(config: &Config) -> Arc<Settings> {
    Arc::new(Settings {
        retention: Span::from_millis(i64::MAX),
        ..(*config.event_time.settings).clone()
    })
}
