//! Few bins, kept as a sorted list.

use alloc::vec::Vec;

/// At most [`BINS_MAX`] bins, each with a count below 2^48.
#[derive(Clone, Default, Debug)]
pub(super) struct Sparse {
    /// The index in the upper 16 bits, so shifted that none is negative; the count, at least 1, in
    /// the others. So the list is in order of the index.
    entries: Vec<u64>,
}

/// With more bins than this, pages are faster and, for the usual amounts, not much larger.
const BINS_MAX: usize = 48;

const COUNT_BITS: u32 = 48;
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;

impl Sparse {
    /// Adds to a bin, `count` at least 1. Says false, and adds nothing, if there is no room.
    pub fn add(&mut self, index: i16, count: u64) -> bool {
        let key = key_of(index);
        // Among so few, counting them all is faster than a search that branches.
        let before = self.entries.iter().map(|entry| usize::from(*entry < key));
        let at = before.sum::<usize>();
        match self.entries.get_mut(at) {
            Some(entry) if *entry & !COUNT_MAX == key => {
                let room = COUNT_MAX - (*entry & COUNT_MAX);
                if count > room {
                    return false;
                }
                *entry += count;
            }
            _ => {
                if count > COUNT_MAX || self.entries.len() >= BINS_MAX {
                    return false;
                }
                self.entries.insert(at, key | count);
            }
        }
        true
    }

    /// The bins of both; `None` if there is no room.
    pub fn merged(&self, other: &Self) -> Option<Self> {
        let (mut own, mut theirs) = (self.entries.as_slice(), other.entries.as_slice());
        let mut entries = Vec::with_capacity((own.len() + theirs.len()).min(BINS_MAX));
        while let (Some((one, own_rest)), Some((other, their_rest))) =
            (own.split_first(), theirs.split_first())
        {
            let (own_key, their_key) = (one & !COUNT_MAX, other & !COUNT_MAX);
            if own_key == their_key {
                let count = (one & COUNT_MAX) + (other & COUNT_MAX);
                if count > COUNT_MAX {
                    return None;
                }
                entries.push(own_key | count);
            } else {
                entries.push(*one.min(other));
            }
            if own_key <= their_key {
                own = own_rest;
            }
            if their_key <= own_key {
                theirs = their_rest;
            }
        }
        if entries.len() + own.len() + theirs.len() > BINS_MAX {
            return None;
        }
        entries.extend_from_slice(own);
        entries.extend_from_slice(theirs);
        Some(Self { entries })
    }

    /// The bins, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (i16, u64)> + '_ {
        self.entries
            .iter()
            .map(|entry| (index_in(*entry), entry & COUNT_MAX))
    }

    /// The index of the bin that holds the value of rank `rank`, counted from 1.
    pub fn at_rank(&self, rank: u64) -> Option<i16> {
        let mut seen = 0;
        self.iter().find_map(|(index, count)| {
            seen += count;
            (seen >= rank).then_some(index)
        })
    }
}

fn key_of(index: i16) -> u64 {
    u64::from(index.cast_unsigned() ^ (1 << 15)) << COUNT_BITS
}

fn index_in(entry: u64) -> i16 {
    ((entry >> COUNT_BITS) as u16 ^ (1 << 15)).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u64 = 281_474_976_710_655;

    fn list(bins: impl IntoIterator<Item = (i16, u64)>) -> Sparse {
        let mut list = Sparse::default();
        for (index, count) in bins {
            assert!(list.add(index, count));
        }
        list
    }

    fn ones(indices: core::ops::Range<i16>) -> Sparse {
        list(indices.map(|index| (index, 1)))
    }

    fn bins_of(list: &Sparse) -> Vec<(i16, u64)> {
        list.iter().collect()
    }

    #[test]
    fn a_list_has_48_bins_at_most() {
        let mut list = ones(-24..24);
        assert!(!list.add(24, 1));
        assert!(!list.add(-25, 1));
        assert!(list.add(23, 1));
        assert_eq!(list.iter().count(), 48);
    }

    #[test]
    fn a_bin_counts_less_than_2_to_the_48th() {
        assert!(!Sparse::default().add(5, MOST + 1));
        let mut list = list([(5, MOST - 1), (5, 1)]);
        assert!(!list.add(5, 1));
        assert_eq!(bins_of(&list), [(5, MOST)]);
    }

    #[test]
    fn two_lists_are_merged_if_a_list_has_room_for_all_their_bins_and_counts() {
        //  0 ........... 40
        //         30 ......... 48, 49
        let (first, fits, is_too_much) = (ones(0..40), ones(30..48), ones(30..49));
        let counts = (0..48).map(|index| (index, if (30..40).contains(&index) { 2 } else { 1 }));
        let expected: Vec<(i16, u64)> = counts.collect();
        for merged in [first.merged(&fits), fits.merged(&first)] {
            assert_eq!(merged.as_ref().map(bins_of), Some(expected.clone()));
        }
        assert!(first.merged(&is_too_much).is_none());
        assert!(is_too_much.merged(&first).is_none());
        let (full, one) = (list([(5, MOST)]), list([(5, 1)]));
        assert!(full.merged(&one).is_none());
        let sum = list([(5, MOST - 1)]).merged(&one);
        assert_eq!(sum.as_ref().map(bins_of), Some([(5, MOST)].into()));
    }
}
