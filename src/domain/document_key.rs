//! The name of a document: what it is about, apart from what it says now.

use tidegauge_windows::Window;

use crate::domain::payment::BranchId;

/// The subject of one document of a sink. Its content is rendered from a reading when it is sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DocumentKey {
    /// The running total of a branch.
    Total(BranchId),
    /// A window of a branch.
    Window {
        /// The window definition: its index in the configured order.
        definition: u16,
        /// The window.
        window: Window,
        /// The branch.
        branch: BranchId,
    },
    /// A payment that is in no window.
    NoWindow(Origin),
    /// A record that is not a payment.
    Reject(Origin),
}

/// The place of a record in the topic: partition and offset.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Origin {
    /// The partition.
    pub partition: i32,
    /// The offset in it.
    pub offset: i64,
}
