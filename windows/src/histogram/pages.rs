//! Many bins, kept as arrays that are addressed directly.

use alloc::boxed::Box;
use alloc::vec::Vec;

/// Arrays of [`PAGE`] counts each: one page is one doubling of the value.
#[derive(Clone, Default, Debug)]
pub(super) struct BinPages {
    /// The number of the first page: a page's number is ⌊index / [`PAGE`]⌋.
    first: i16,
    pages: Vec<BinPage>,
}

#[derive(Clone, Debug)]
enum BinPage {
    Empty,
    Narrow(Box<[u32; PAGE]>),
    Wide(Box<[u64; PAGE]>),
}

const PAGE: usize = 128;
const PAGE_BITS: u32 = 7;

impl BinPages {
    pub fn from_bins(bins: impl Iterator<Item = (i16, u64)>) -> Self {
        let mut pages = Self::default();
        pages.add_all(bins);
        pages
    }

    /// Adds to a bin.
    #[inline]
    pub fn add(&mut self, index: i16, count: u64) {
        let number = index >> PAGE_BITS;
        let slot = slot_of(index);
        // A page before the first becomes a place far behind the last.
        let at = number.wrapping_sub(self.first).cast_unsigned();
        if let Some(BinPage::Narrow(counts)) = self.pages.get_mut(usize::from(at))
            && let Ok(count) = u32::try_from(count)
            && let Some(sum) = counts[slot].checked_add(count)
        {
            counts[slot] = sum;
            return;
        }
        self.page(number).add(slot, count);
    }

    pub fn add_all(&mut self, bins: impl Iterator<Item = (i16, u64)>) {
        for (index, count) in bins {
            self.add(index, count);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (number, page) in (other.first..).zip(&other.pages) {
            if !matches!(page, BinPage::Empty) {
                self.page(number).merge(page);
            }
        }
    }

    /// The bins in use, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (i16, u64)> + '_ {
        (self.first..).zip(&self.pages).flat_map(|(number, page)| {
            let first = number << PAGE_BITS;
            let slots = if matches!(page, BinPage::Empty) {
                0
            } else {
                PAGE
            };
            (first..)
                .zip(0..slots)
                .map(|(index, slot)| (index, page.count(slot)))
                .filter(|(_, count)| *count > 0)
        })
    }

    /// The index of the bin that holds the value of rank `rank`, counted from 1.
    pub fn at_rank(&self, rank: u64) -> Option<i16> {
        let mut before: u64 = 0;
        for (number, page) in (self.first..).zip(&self.pages) {
            let total = page.total();
            if before.saturating_add(total) < rank {
                before = before.saturating_add(total);
                continue;
            }
            let first = number << PAGE_BITS;
            for (index, slot) in (first..).zip(0..PAGE) {
                before = before.saturating_add(page.count(slot));
                if before >= rank {
                    return Some(index);
                }
            }
        }
        None
    }

    /// The page with that number, which is made if need be.
    #[cold]
    fn page(&mut self, number: i16) -> &mut BinPage {
        if self.pages.is_empty() {
            self.first = number;
        }
        if number < self.first {
            let missing = usize::from(self.first.abs_diff(number));
            self.pages
                .splice(0..0, core::iter::repeat_n(BinPage::Empty, missing));
            self.first = number;
        }
        let at = usize::from(number.abs_diff(self.first));
        if at >= self.pages.len() {
            self.pages.resize(at + 1, BinPage::Empty);
        }
        &mut self.pages[at]
    }
}

impl BinPage {
    fn add(&mut self, slot: usize, count: u64) {
        match self {
            Self::Empty => {
                *self = Self::Narrow(Box::new([0; PAGE]));
                self.add(slot, count);
            }
            Self::Narrow(counts) => {
                let sum = u64::from(counts[slot]).saturating_add(count);
                if let Ok(sum) = u32::try_from(sum) {
                    counts[slot] = sum;
                } else {
                    self.add_wide(|at| if at == slot { count } else { 0 });
                }
            }
            Self::Wide(counts) => counts[slot] = counts[slot].saturating_add(count),
        }
    }

    fn merge(&mut self, other: &Self) {
        match (&mut *self, other) {
            (_, Self::Empty) => {}
            (Self::Empty, _) => *self = other.clone(),
            (Self::Narrow(own), Self::Narrow(theirs)) => {
                let sum = |slot: usize| own[slot].wrapping_add(theirs[slot]);
                let sums: [u32; PAGE] = core::array::from_fn(sum);
                let pairs = sums.iter().zip(theirs.iter());
                if pairs.fold(false, |wraps, (sum, part)| wraps | (sum < part)) {
                    self.add_wide(|slot| other.count(slot));
                } else {
                    **own = sums;
                }
            }
            (Self::Narrow(_) | Self::Wide(_), _) => self.add_wide(|slot| other.count(slot)),
        }
    }

    /// Adds `more(slot)` to each slot; the counts are 64 bits wide from now on.
    #[cold]
    fn add_wide(&mut self, more: impl Fn(usize) -> u64) {
        if let Self::Wide(counts) = self {
            for (slot, count) in counts.iter_mut().enumerate() {
                *count = count.saturating_add(more(slot));
            }
        } else {
            let sum = |slot| self.count(slot).saturating_add(more(slot));
            *self = Self::Wide(Box::new(core::array::from_fn(sum)));
        }
    }

    fn count(&self, slot: usize) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Narrow(counts) => u64::from(counts[slot]),
            Self::Wide(counts) => counts[slot],
        }
    }

    fn total(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Narrow(counts) => counts.iter().map(|count| u64::from(*count)).sum(),
            Self::Wide(counts) => counts
                .iter()
                .fold(0, |sum, count| sum.saturating_add(*count)),
        }
    }
}

/// Where in its page a bin is.
#[inline]
fn slot_of(index: i16) -> usize {
    usize::from(index.cast_unsigned()) % PAGE
}
