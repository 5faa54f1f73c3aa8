//! Where readers find the slices: in memory, or in a store.

use alloc::vec::Vec;
use core::fmt::Debug;
use core::hash::Hash;

use crate::{Block, EventTime, Window};

/// The key by which windows are kept: a branch, for payments.
pub trait Key: Copy + Ord + Hash + Debug {
    /// The first key in order.
    const FIRST: Self;

    /// A number that tells it from other keys, the same in every run.
    fn number(self) -> u64;
}

impl Key for u32 {
    const FIRST: Self = 0;

    fn number(self) -> u64 {
        self.into()
    }
}

/// Reads what the engine's [`crate::Changes`] have built up, at one moment.
pub trait Cells<K, A> {
    /// Why a read failed.
    type Error;

    /// The aggregate of `key` in `block`, if there is one.
    ///
    /// # Errors
    /// When the store can't be read.
    fn cell(&self, block: Block, key: K) -> Result<Option<A>, Self::Error>;

    /// The keys that have something in `block`, in order, from `from` on, at most `limit`.
    ///
    /// # Errors
    /// When the store can't be read.
    fn keys(&self, block: Block, from: K, limit: usize) -> Result<Vec<K>, Self::Error>;

    /// The blocks of `level` that hold something, as start and key, in order, from `from` on, that
    /// start before `to`, at most `limit`.
    ///
    /// # Errors
    /// When the store can't be read.
    fn filled(
        &self,
        level: u8,
        from: (EventTime, K),
        to: EventTime,
        limit: usize,
    ) -> Result<Vec<(EventTime, K)>, Self::Error>;

    /// How often `window` of definition `definition` was revised for `key` after it was final.
    ///
    /// # Errors
    /// When the store can't be read.
    fn revision(&self, definition: u16, window: Window, key: K) -> Result<u64, Self::Error>;

    /// The known keys in order, from `from` on, at most `limit`, each with the earliest event time
    /// that makes it known ([`EventTime::MIN`] for a key known by configuration).
    ///
    /// # Errors
    /// When the store can't be read.
    fn known(&self, from: K, limit: usize) -> Result<Vec<(K, EventTime)>, Self::Error>;

    /// Since when `key` is known, as [`Cells::known`] says it; `None` if it is not known.
    ///
    /// # Errors
    /// When the store can't be read.
    fn known_since(&self, key: K) -> Result<Option<EventTime>, Self::Error>;
}
