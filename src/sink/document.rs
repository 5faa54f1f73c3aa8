//! Documents: what a reading says of their subject, with id and version.
//!
//! A version follows from the content alone: twice the number of payments, and one more if the
//! window is final. So of two writers, or of one before and after a crash, the one that knows more
//! payments wins. Equal versions of one partition hold equal figures. Writers that have read several
//! partitions in another order may hold as many, but other payments for a while. A writer that has read
//! all of them has a higher version.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;
use tidegauge_windows::planted::{Mistake, is_planted};
use tidegauge_windows::{Definition, EventTime, Histogram, Kind, Summary, Window, WindowResult};

use crate::domain::amount::nearest_double;
use crate::domain::branch::Branches;
use crate::domain::branch_key::BranchKey;
use crate::domain::document_key::{DocumentKey, Origin};
use crate::domain::payment::BranchId;
use crate::domain::timestamp::rfc3339;
use crate::view::cell_cache::CellCache;
use crate::view::reading::{ReadError, Reading};
use crate::view::wire::{NoWindowAnswer, RejectAnswer, TotalAnswer, WindowAnswer};

/// A document, ready to be sent.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) id: String,
    pub(super) change: DocumentChange,
}

/// What is to become of a document.
#[derive(Debug)]
pub(super) enum DocumentChange {
    /// It says this, unless one with a higher version is there.
    Write { version: i64, source: Box<RawValue> },
    /// It is deleted: its record is not in the list any more.
    Delete,
}

/// What windows are given, and what is in their documents.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Content {
    /// Whether windows get `pay_histogram`.
    pub(super) histograms: bool,
    /// Whether tumbling windows without payments have documents.
    pub(super) zero_windows: bool,
}

/// Renders the documents of one reading.
pub(super) struct Renderer<'a> {
    reading: &'a dyn Reading,
    cells: CellCache<'a>,
    branches: &'a Branches,
    watermark: Option<String>,
    content: Content,
}

#[derive(Serialize)]
struct TotalDocument<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: Option<String>,
    #[serde(flatten)]
    total: TotalAnswer<'a>,
}

#[derive(Serialize)]
struct WindowDocument<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: String,
    #[serde(flatten)]
    window: WindowAnswer<'a>,
    watermark: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pay_histogram: Option<HistogramField>,
}

#[derive(Serialize)]
struct NoWindowDocument<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: String,
    #[serde(flatten)]
    payment: NoWindowAnswer<'a>,
}

#[derive(Serialize)]
struct RejectDocument<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: Option<String>,
    #[serde(flatten)]
    reject: RejectAnswer<'a>,
}

/// What a `histogram` field takes: values in ascending order, each with its count.
#[derive(Serialize, Debug, PartialEq)]
struct HistogramField {
    values: Vec<f64>,
    counts: Vec<u64>,
}

/// The version of payments in no window and of rejects: these documents change only if a second chance
/// finds another reason, and then the last one counts.
const ONLY_VERSION: i64 = 1;

/// Windows that overlap are made of the same cells: this many of them are remembered.
const CELLS: usize = 4_096;

impl<'a> Renderer<'a> {
    pub(super) fn new(reading: &'a dyn Reading, branches: &'a Branches, content: Content) -> Self {
        Self {
            reading,
            cells: CellCache::new(reading, CELLS),
            branches,
            watermark: reading.frame().watermark().map(rfc3339),
            content,
        }
    }

    /// The document of `key` as it is now; `None` if `key` has no document.
    pub(super) fn render(&self, key: &DocumentKey) -> Result<Option<Document>, ReadError> {
        match *key {
            DocumentKey::Total(branch) => self.total(branch),
            DocumentKey::Window {
                definition,
                window,
                branch,
            } => self.window(definition, window, branch),
            DocumentKey::NoWindow(origin) => self.in_no_window(origin),
            DocumentKey::Reject(origin) => self.reject(origin),
        }
    }

    fn total(&self, branch: BranchId) -> Result<Option<Document>, ReadError> {
        let Some(total) = self.reading.total(branch)? else {
            return Ok(None);
        };
        let document = TotalDocument {
            timestamp: total.last_event_time().map(rfc3339),
            total: TotalAnswer::new(branch, Some(&total), self.branches),
        };
        Document::new(
            self.branches.name(branch),
            version(total.count, false),
            &document,
        )
    }

    fn window(
        &self,
        definition: u16,
        window: Window,
        branch: BranchId,
    ) -> Result<Option<Document>, ReadError> {
        let frame = self.reading.frame();
        let Some(rules) = frame.definitions().get(usize::from(definition)) else {
            return Ok(None);
        };
        let Some(result) = frame.window(&self.cells, definition, window, branch)? else {
            return Ok(None);
        };
        if !self.content.gives(result.aggregate.count, rules) {
            return Ok(None);
        }
        self.window_document(&result, rules)
    }

    fn window_document(
        &self,
        result: &WindowResult<BranchId, Summary>,
        rules: &Definition,
    ) -> Result<Option<Document>, ReadError> {
        let summary = &result.aggregate;
        let document = WindowDocument {
            timestamp: rfc3339(result.window.start),
            window: WindowAnswer::new(result, rules, self.branches),
            watermark: self.watermark.as_deref(),
            pay_histogram: (self.content.histograms && summary.count > 0)
                .then(|| HistogramField::new(&summary.histogram)),
        };
        Document::new(
            window_id(&self.branches.key(result.key), result.window).into(),
            version(summary.count, result.is_final()),
            &document,
        )
    }

    fn in_no_window(&self, origin: Origin) -> Result<Option<Document>, ReadError> {
        let Some(payment) = self.reading.payment_in_no_window(origin)? else {
            return Ok(Some(Document::deleted(origin)));
        };
        let arrived = payment.timestamp.map(EventTime::from_millis);
        let document = NoWindowDocument {
            timestamp: rfc3339(arrived.unwrap_or(payment.event_time)),
            payment: NoWindowAnswer::new(&payment, self.branches),
        };
        Document::new(origin_id(origin).into(), ONLY_VERSION, &document)
    }

    fn reject(&self, origin: Origin) -> Result<Option<Document>, ReadError> {
        let Some(reject) = self.reading.rejected_record(origin)? else {
            return Ok(Some(Document::deleted(origin)));
        };
        let arrived = reject.timestamp.map(EventTime::from_millis);
        let document = RejectDocument {
            timestamp: arrived.map(rfc3339),
            reject: RejectAnswer::new(&reject),
        };
        Document::new(origin_id(origin).into(), ONLY_VERSION, &document)
    }
}

impl Content {
    pub(super) const fn new(histograms: bool, zero_windows: bool) -> Self {
        Self {
            histograms,
            zero_windows,
        }
    }

    /// Whether a window with `count` payments has a document.
    fn gives(self, count: u64, rules: &Definition) -> bool {
        count > 0 || (self.zero_windows && rules.kind() == Kind::Tumbling)
    }
}

impl Document {
    fn new(
        id: Cow<'_, str>,
        version: i64,
        document: &impl Serialize,
    ) -> Result<Option<Self>, ReadError> {
        // Every document can be written as JSON. If one could not, that would be an error, not a gap.
        let source = serde_json::value::to_raw_value(document)
            .map_err(|error| ReadError(format!("document {id} can't be written: {error}")))?;
        Ok(Some(Self {
            id: id.into_owned(),
            change: DocumentChange::Write { version, source },
        }))
    }

    // A record leaves its list by a second chance, which marks its document. What leaves it because it is
    // old has no mark.
    fn deleted(origin: Origin) -> Self {
        Self {
            id: origin_id(origin),
            change: DocumentChange::Delete,
        }
    }
}

impl HistogramField {
    fn new(histogram: &Histogram) -> Self {
        let (values, counts) = histogram
            .bins()
            .map(|(bin, count)| {
                // The middle of a bin is the median of a histogram that has nothing else.
                let middle = Histogram::from_bins([(bin, 1)]).quantile(0.5);
                (nearest_double(middle.unwrap_or_default().into()), count)
            })
            .unzip();
        Self { values, counts }
    }
}

fn version(count: u64, is_final: bool) -> i64 {
    if is_planted(Mistake::VersionIsConstant) {
        return 1;
    }
    i64::try_from(count)
        .unwrap_or(i64::MAX)
        .saturating_mul(2)
        .saturating_add(i64::from(is_final))
}

fn window_id(branch: &BranchKey, window: Window) -> String {
    let (start, end) = (window.start.millis(), window.end.millis());
    format!("{branch}@{start}-{end}")
}

fn origin_id(origin: Origin) -> String {
    format!("{}-{}", origin.partition, origin.offset)
}

#[cfg(test)]
mod tests;
