//! Mistakes that are planted on purpose: a simulation of the whole service must find each of them.
//!
//! It stands at the lowest floor because every room may hold one. Without the feature `planted` no mistake
//! is ever planted, and the compiler leaves nothing of them.

#[cfg(feature = "planted")]
use core::sync::atomic::{AtomicU8, Ordering};

/// A mistake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Mistake {
    /// Positions are written after the figures, not with them.
    PositionInAnotherWrite = 1,
    /// A delivery clears the mark of a document that has changed since.
    MarkClearedWithoutComparing,
    /// A document that changed after a delivery had read its mark is not marked again.
    ReadMarkTakenForUnread,
    /// A document that a full queue refused is taken for delivered.
    RefusalTakenForDelivery,
    /// All documents of a bulk are taken for delivered if the request was answered.
    ItemsNotLookedAt,
    /// The answers to a bulk are matched with its documents in the wrong order.
    AnswersInWrongOrder,
    /// A request without a good answer is taken for delivered.
    SilenceTakenForDelivery,
    /// Of a bulk that is too large, one half is forgotten.
    HalfOfABulkForgotten,
    /// A document that was refused once is never tried again.
    ParkedForGood,
    /// The documents of an index that was lost are not sent again.
    LostIndexNotFilled,
    /// After a restart any index of the right name is taken for the one that was delivered to.
    IndexForgotten,
    /// After a restart events have ids that others had before.
    EventIdsRepeated,
    /// All documents have the same version, so the last request wins.
    VersionIsConstant,
    /// Lateness is judged by the combined watermark.
    LatenessByTheCombinedWatermark,
    /// A payment exactly on the watermark is late.
    WatermarkIsLate,
    /// A jump of event time is believed at once.
    JumpBelievedAtOnce,
    /// A payment too far ahead of its record is put into windows.
    FutureIsBelieved,
    /// A new partition is read from its end.
    LatestOnNewPartition,
    /// Records that were removed before they were read are skipped silently.
    GapSkipped,
    /// The last record applied is applied again after a restart.
    LastRecordTwice,
    /// Another topic of the same name is read on.
    OtherTopicReadOn,
    /// Sums are kept as floating-point numbers.
    FloatSum,
    /// Tombstones are not booked.
    TombstoneNotBooked,
    /// A branch whose payments are all too far ahead is not listed.
    BranchOfTheFutureHidden,
    /// A branch whose payments are all too far ahead has no windows without payments.
    BranchOfTheFutureUnknown,
    /// Documents keep the names that branches had when they were delivered.
    NamesForgotten,
    /// Windows are deleted before they are delivered.
    FloorAheadOfDeliveries,
    /// Windows are deleted that readers still show.
    FloorAheadOfReaders,
    /// A generation becomes live without proof.
    SwapWithoutProof,
    /// Readers are shown a generation before it has what the one before had.
    ShownTooEarly,
    /// Documents of an index that is blocked are given up after ten minutes.
    BlockedGivenUp,
    /// Order ids that were seen before a restart are forgotten.
    DuplicatesForgotten,
}

impl Mistake {
    /// All of them.
    pub const ALL: [Self; 32] = [
        Self::PositionInAnotherWrite,
        Self::MarkClearedWithoutComparing,
        Self::ReadMarkTakenForUnread,
        Self::RefusalTakenForDelivery,
        Self::ItemsNotLookedAt,
        Self::AnswersInWrongOrder,
        Self::SilenceTakenForDelivery,
        Self::HalfOfABulkForgotten,
        Self::ParkedForGood,
        Self::LostIndexNotFilled,
        Self::IndexForgotten,
        Self::EventIdsRepeated,
        Self::VersionIsConstant,
        Self::LatenessByTheCombinedWatermark,
        Self::WatermarkIsLate,
        Self::JumpBelievedAtOnce,
        Self::FutureIsBelieved,
        Self::LatestOnNewPartition,
        Self::GapSkipped,
        Self::LastRecordTwice,
        Self::OtherTopicReadOn,
        Self::FloatSum,
        Self::TombstoneNotBooked,
        Self::BranchOfTheFutureHidden,
        Self::BranchOfTheFutureUnknown,
        Self::NamesForgotten,
        Self::FloorAheadOfDeliveries,
        Self::FloorAheadOfReaders,
        Self::SwapWithoutProof,
        Self::ShownTooEarly,
        Self::BlockedGivenUp,
        Self::DuplicatesForgotten,
    ];
}

#[cfg(feature = "planted")]
static PLANTED: AtomicU8 = AtomicU8::new(0);

/// Plants one mistake, or none.
#[cfg(feature = "planted")]
pub fn plant(mistake: Option<Mistake>) {
    PLANTED.store(
        mistake.map_or(0, |mistake| mistake as u8),
        Ordering::Relaxed,
    );
}

/// Whether `mistake` is planted.
#[cfg(feature = "planted")]
#[inline]
#[must_use]
pub fn is_planted(mistake: Mistake) -> bool {
    PLANTED.load(Ordering::Relaxed) == mistake as u8
}

/// Whether `mistake` is planted: never.
#[cfg(not(feature = "planted"))]
#[inline]
#[must_use]
pub const fn is_planted(_: Mistake) -> bool {
    false
}
