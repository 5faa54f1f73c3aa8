//! The aggregate that a slice keeps of the payments in it.

/// A summary of some inputs that can be built in any order and in any parts.
///
/// The laws: `merge` is
/// associative and commutative, the default value is its neutral element, and adding inputs one by
/// one equals merging the summaries of any split of them. Replays, restarts and partitions that
/// arrive in another order give the same figures because of these laws and of nothing else.
pub trait Aggregate: Clone + Default {
    /// The value that is added.
    type Input;

    /// Adds one input; `late` says that it was late by its own partition's watermark.
    fn add(&mut self, input: &Self::Input, late: bool);

    /// Adds all that `other` holds.
    fn merge(&mut self, other: &Self);

    /// How many inputs were added.
    fn count(&self) -> u64;
}
