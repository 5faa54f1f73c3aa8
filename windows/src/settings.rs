//! The rules of one engine.

use alloc::vec::Vec;

use crate::{Definition, Span};

/// The rules that decide every figure, and the retention, which is not a rule. A change of a rule needs
/// another generation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The windows, in the configured order; a definition's index here is its number everywhere.
    pub definitions: Vec<Definition>,
    /// How far behind the highest event time of its partition a payment may be and not be late.
    pub out_of_orderness: Span,
    /// How far the watermark may be past the end of the last window of a payment.
    pub allowed_lateness: Span,
    /// How far ahead of its record's timestamp a payment may be.
    pub max_future: Span,
    /// How far back windows are kept, counted from the watermark of the slowest partition that is waited
    /// for: at most twice as far behind the others. Not a rule: it may change from run to run.
    pub retention: Span,
    /// Whether known keys without payments get zero windows.
    pub zero_windows: bool,
}

/// How far one payment may move a partition's event time. Further ahead, other payments have to agree.
pub const MAX_JUMP: Span = Span::DAY;

/// Zero windows are given while at most this many keys are known.
pub const KNOWN_KEYS_MAX: usize = 1_000;

/// Zero windows are given while the last payment before them is less than this old.
pub const ACTIVITY_REACH: Span = Span::DAY;
