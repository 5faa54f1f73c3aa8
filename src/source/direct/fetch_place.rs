//! Where a partition is fetched.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

/// Where a partition is fetched.
#[derive(Debug)]
pub(super) struct FetchPlace {
    /// A number that rises whenever it is asked for: what was fetched for an earlier turn is not wanted any more.
    pub(super) turn: u64,
    /// The next offset.
    pub(super) next: i64,
    /// The end offset that brokers sent last; -1 before that.
    pub(super) end: Arc<AtomicI64>,
    /// The epoch of the leader that wrote the last batch; -1 before that.
    pub(super) leader_epoch: i32,
    /// Where it was last said that the partition ends; -1 before that.
    pub(super) told_end: i64,
}

impl FetchPlace {
    /// A partition that is to be read from `next` on.
    pub(super) const fn new(turn: u64, next: i64, end: Arc<AtomicI64>) -> Self {
        Self {
            turn,
            next,
            end,
            leader_epoch: -1,
            told_end: -1,
        }
    }
}
