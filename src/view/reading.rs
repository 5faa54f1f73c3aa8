//! Readings: what a checkpoint holds, for the HTTP API and the sink.

use std::collections::BTreeMap;

use tidegauge_windows::{Cells, Frame, Key as _, Summary};

use crate::core::effect::{Notices, PaymentInNoWindow, RejectedRecord, RepeatedPayment};
use crate::core::feedback::{Family, Mark};
use crate::domain::document_key::{DocumentKey, Origin};
use crate::domain::ledger::Ledger;
use crate::domain::payment::BranchId;
use crate::domain::provenance::Provenance;
use crate::domain::total::Total;

/// Gives readings. Taking one never waits for the writer.
pub trait Readings: Send + Sync + 'static {
    /// Calls `read` with the state of the newest checkpoint; it stays the same throughout the call.
    ///
    /// # Errors
    /// When the state can't be read, or `read` says so.
    fn read(
        &self,
        read: &mut dyn FnMut(&dyn Reading) -> Result<(), ReadError>,
    ) -> Result<(), ReadError>;

    /// [`Readings::read`] for a delivery: only marks from such a reading may be acknowledged. What
    /// changes afterwards gets a new mark. May wait for the writer, up to one batch.
    ///
    /// # Errors
    /// When the state can't be read, or `read` says so.
    fn read_to_deliver(
        &self,
        read: &mut dyn FnMut(&dyn Reading) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        self.read(read)
    }
}

impl dyn Readings {
    /// [`Readings::read`] with a result.
    ///
    /// # Errors
    /// When the state can't be read, or `read` says so.
    pub fn query<T>(
        &self,
        read: impl FnOnce(&dyn Reading) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        with_result(|once| self.read(once), read)
    }

    /// [`Readings::read_to_deliver`] with a result.
    ///
    /// # Errors
    /// When the state can't be read, or `read` says so.
    pub fn deliver<T>(
        &self,
        read: impl FnOnce(&dyn Reading) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        with_result(|once| self.read_to_deliver(once), read)
    }
}

fn with_result<T>(
    take: impl FnOnce(&mut dyn FnMut(&dyn Reading) -> Result<(), ReadError>) -> Result<(), ReadError>,
    read: impl FnOnce(&dyn Reading) -> Result<T, ReadError>,
) -> Result<T, ReadError> {
    let mut read = Some(read);
    let mut result = None;
    take(&mut |reading| {
        if let Some(read) = read.take() {
            result = Some(read(reading)?);
        }
        Ok(())
    })?;
    result.ok_or_else(|| ReadError("the reading was never taken".into()))
}

/// The state of one checkpoint.
pub trait Reading: Cells<BranchId, Summary, Error = ReadError> {
    /// The checkpoint it is of.
    fn checkpoint(&self) -> &Checkpoint;

    /// The frame, which decides which windows there are and which are final.
    fn frame(&self) -> &Frame;

    /// The log and the rules that its figures come from; `None` before the partitions are known.
    ///
    /// # Errors
    /// When the state can't be read.
    fn provenance(&self) -> Result<Option<Provenance>, ReadError>;

    /// The uuids of the indexes that hold what was delivered, as far as they are known.
    ///
    /// # Errors
    /// When the state can't be read.
    fn indexes(&self) -> Result<BTreeMap<Family, String>, ReadError>;

    /// The total of `branch`, if it ever had a payment.
    ///
    /// # Errors
    /// When the state can't be read.
    fn total(&self, branch: BranchId) -> Result<Option<Total>, ReadError>;

    /// The totals of at most `limit` branches from `from` on, by branch id: of all that ever had a
    /// payment.
    ///
    /// # Errors
    /// When the state can't be read.
    fn totals(&self, from: BranchId, limit: usize) -> Result<Vec<(BranchId, Total)>, ReadError>;

    /// All totals by branch id.
    ///
    /// # Errors
    /// When the state can't be read.
    fn all_totals(&self) -> Result<Vec<(BranchId, Total)>, ReadError> {
        self.totals(BranchId::FIRST, usize::MAX)
    }

    /// The payment at `origin` that is in no window.
    ///
    /// # Errors
    /// When the state can't be read.
    fn payment_in_no_window(&self, origin: Origin) -> Result<Option<PaymentInNoWindow>, ReadError>;

    /// The record at `origin` that is not a payment.
    ///
    /// # Errors
    /// When the state can't be read.
    fn rejected_record(&self, origin: Origin) -> Result<Option<RejectedRecord>, ReadError>;

    /// Payments in no window, the newest booked first, at most `limit`, those booked before number
    /// `before`; each with its number.
    ///
    /// # Errors
    /// When the state can't be read.
    fn payments_in_no_window(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, PaymentInNoWindow)>, ReadError>;

    /// Records that are not payments, the newest booked first, as [`Reading::payments_in_no_window`].
    ///
    /// # Errors
    /// When the state can't be read.
    fn rejected_records(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, RejectedRecord)>, ReadError>;

    /// Payments that repeat others with the same order id, the newest booked first, as
    /// [`Reading::payments_in_no_window`].
    ///
    /// # Errors
    /// When the state can't be read.
    fn repeated_payments(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, RepeatedPayment)>, ReadError>;

    /// Documents that await delivery, in key order, after `after`, at most `limit`; each with the
    /// mark that its acknowledgement must name.
    ///
    /// # Errors
    /// When the state can't be read.
    fn dirty(
        &self,
        after: Option<DocumentKey>,
        limit: usize,
    ) -> Result<Vec<(DocumentKey, Mark)>, ReadError>;

    /// The mark of `document`, if it awaits delivery.
    ///
    /// # Errors
    /// When the state can't be read.
    fn mark(&self, document: &DocumentKey) -> Result<Option<Mark>, ReadError>;
}

/// What every answer says of the state it comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// One life of the derived data, bound to the rules that produced it; from 1.
    pub generation: u32,
    /// The number of this checkpoint; rises by one each.
    pub sequence: u64,
    /// When it was written: wall clock, ms since the epoch.
    pub as_of: i64,
    /// The next offset of each partition.
    pub positions: BTreeMap<i32, i64>,
    /// All that was consumed.
    pub ledger: Ledger,
    /// Notices: what was unusual but not an error.
    pub notices: Notices,
    /// How many documents await delivery.
    pub dirty: u64,
    /// How many documents were given up, since the server refused them for too long.
    pub given_up: u64,
    /// Whether more documents are still to be marked as awaiting delivery.
    pub is_marking: bool,
}

/// The state can't be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the state can't be read: {0}")]
pub struct ReadError(pub String);
