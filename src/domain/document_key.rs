//! The name of a document: what it is about, apart from what it says now.

use tidegauge_windows::Window;

use crate::domain::payment::BranchId;

/// What one document of a sink is about. Its content is rendered from a reading when it is sent.
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
    Late(Origin),
    /// A record that is no payment.
    Reject(Origin),
}

/// Where a record stands in the topic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Origin {
    /// The partition.
    pub partition: i32,
    /// The offset in it.
    pub offset: i64,
}
