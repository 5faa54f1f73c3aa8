//! The parts of all partitions, by number.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::PartitionTime;

/// What is known of the event time of each partition. Inputs that follow each other are mostly of one partition, so it is
/// found at the place where the last one was.
#[derive(Clone, Debug, Default)]
pub(crate) struct PartitionTimes {
    /// By number, ascending.
    parts: Vec<(i32, PartitionTime)>,
    recent: usize,
}

impl PartitionTimes {
    /// The part of `partition`, which is known from now on.
    #[inline]
    pub(crate) fn part(&mut self, partition: i32) -> &mut PartitionTime {
        let place = self.place(partition);
        &mut self.parts[place].1
    }

    /// The index of `partition`, which is added if it is new. It is valid until another one is added.
    #[inline]
    pub(crate) fn place(&mut self, partition: i32) -> usize {
        match self.parts.get(self.recent) {
            Some((recent, _)) if *recent == partition => {}
            _ => self.recent = self.find(partition),
        }
        self.recent
    }

    /// The part at `place`.
    #[inline]
    pub(crate) fn part_at(&self, place: usize) -> &PartitionTime {
        &self.parts[place].1
    }

    /// The partition at `place`, and its part.
    #[inline]
    pub(crate) fn at(&mut self, place: usize) -> (i32, &mut PartitionTime) {
        let (partition, part) = &mut self.parts[place];
        (*partition, part)
    }

    /// The part of `partition`, if it is known.
    pub(crate) fn get(&self, partition: i32) -> Option<&PartitionTime> {
        let place = self.search(partition).ok()?;
        Some(&self.parts[place].1)
    }

    /// The part of `partition`, if it is known.
    pub(crate) fn get_mut(&mut self, partition: i32) -> Option<&mut PartitionTime> {
        let place = self.search(partition).ok()?;
        Some(&mut self.parts[place].1)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (i32, &mut PartitionTime)> {
        self.parts
            .iter_mut()
            .map(|(partition, part)| (*partition, part))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &PartitionTime> {
        self.parts.iter().map(|(_, part)| part)
    }

    /// Takes in what `other` knows.
    pub(crate) fn extend(&mut self, other: &Self) {
        for (partition, part) in &other.parts {
            *self.part(*partition) = *part;
        }
    }

    /// Those that `is_its` names.
    pub(crate) fn only(&self, is_its: impl Fn(i32) -> bool) -> Self {
        let mut parts = self.parts.clone();
        parts.retain(|(partition, _)| is_its(*partition));
        Self { parts, recent: 0 }
    }

    /// All of them.
    pub(crate) fn to_map(&self) -> BTreeMap<i32, PartitionTime> {
        self.parts.iter().copied().collect()
    }

    fn find(&mut self, partition: i32) -> usize {
        match self.search(partition) {
            Ok(place) => place,
            Err(place) => {
                let part = PartitionTime::default();
                self.parts.insert(place, (partition, part));
                place
            }
        }
    }

    fn search(&self, partition: i32) -> Result<usize, usize> {
        self.parts
            .binary_search_by_key(&partition, |(number, _)| *number)
    }
}

impl From<BTreeMap<i32, PartitionTime>> for PartitionTimes {
    fn from(parts: BTreeMap<i32, PartitionTime>) -> Self {
        Self {
            parts: parts.into_iter().collect(),
            recent: 0,
        }
    }
}
