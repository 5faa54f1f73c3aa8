//! The placement of one payment: in its windows, or in none.

/// Where a payment was put, by its own partition's watermark as it stood before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placement {
    /// In all of its windows; not late.
    OnTime,
    /// In all of its windows; earlier than the watermark, or than that of a jump it agrees with:
    /// `PartitionTime::is_late`.
    Late,
    /// In no window: allowed lateness has passed for the last window that would hold it.
    TooLate,
    /// In no window: the first that would hold it is past retention, and deleted, or begins before the
    /// year 1.
    PastRetention,
    /// In no window: too far ahead of its record's timestamp, or the last that would hold it ends after
    /// the year 9999. It moves no watermark.
    Future,
}
