//! How values are distributed, to two significant digits.

mod pages;
mod sparse;

use self::pages::BinPages;
use self::sparse::Sparse;

/// Counts of values in bins that are at most 1/128 as wide as the values in them.
///
/// The bins are log-linear, as in Gil Tene's HdrHistogram with two significant digits: magnitudes
/// below 256 have a bin each, and every doubling above has 128 bins of equal width. Negative values
/// have the mirrored bins. Counts of bins add up exactly, so the order in which values and
/// histograms are added never shows, which a sketch that adapts to its input can't say.
///
/// It takes 8 bytes per bin in use while those are few, and then 512 bytes per doubling in use.
/// Two histograms are equal if their bins are, however they are kept.
#[derive(Clone, Default, Debug)]
pub struct Histogram {
    len: u64,
    bins: Bins,
}

#[derive(Clone, Debug)]
enum Bins {
    Sparse(Sparse),
    BinPages(BinPages),
}

/// The index of the bin of `i128::MIN`, mirrored.
const INDEX_MAX: i16 = 15_488;

impl Histogram {
    /// Adds one value.
    #[inline]
    pub fn add(&mut self, value: i128) {
        self.add_to_bin(index_of(value), 1);
    }

    /// Adds all that `other` holds.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.bins, &other.bins) {
            (Bins::Sparse(own), Bins::Sparse(theirs)) => {
                if let Some(merged) = own.merged(theirs) {
                    *own = merged;
                } else {
                    let mut pages = BinPages::from_bins(own.iter());
                    pages.add_all(theirs.iter());
                    self.bins = Bins::BinPages(pages);
                }
            }
            (Bins::Sparse(own), Bins::BinPages(theirs)) => {
                let mut pages = theirs.clone();
                pages.add_all(own.iter());
                self.bins = Bins::BinPages(pages);
            }
            (Bins::BinPages(own), Bins::Sparse(theirs)) => own.add_all(theirs.iter()),
            (Bins::BinPages(own), Bins::BinPages(theirs)) => own.merge(theirs),
        }
        self.len = self.len.saturating_add(other.len);
    }

    /// How many values were added.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether none was added.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value below or at which a share `q` of all values lie: the one of rank ⌈q · len⌉ in
    /// ascending order, at least the first; `None` if there are no values. `q` is held in 0 to 1.
    ///
    /// Given is the middle of its bin: exact for magnitudes below 256, within 1/256 of it above.
    /// It can lie outside the least and the greatest value; callers that know these hold it in
    /// them.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<i128> {
        if self.is_empty() {
            return None;
        }
        let rank = rank_of(q, self.len);
        let index = match &self.bins {
            Bins::Sparse(sparse) => sparse.at_rank(rank),
            Bins::BinPages(pages) => pages.at_rank(rank),
        };
        index.map(value_of)
    }

    /// The bins in use, ascending: index and count. See [`Histogram::from_bins`].
    ///
    /// A bin's index is the value itself for magnitudes below 128. For a magnitude m of n bits, n at
    /// least 8, it is 128 · (n − 8) + ⌊m / 2^(n − 8)⌋. The sign is the value's.
    pub fn bins(&self) -> impl Iterator<Item = (i16, u64)> + '_ {
        let (sparse, pages) = match &self.bins {
            Bins::Sparse(sparse) => (Some(sparse), None),
            Bins::BinPages(pages) => (None, Some(pages)),
        };
        let sparse = sparse.into_iter().flat_map(Sparse::iter);
        sparse.chain(pages.into_iter().flat_map(BinPages::iter))
    }

    /// The histogram with these bins, in any order; fastest ascending. A bin given twice counts
    /// twice; an index that no value has counts as the outermost that one has.
    #[must_use]
    pub fn from_bins(bins: impl IntoIterator<Item = (i16, u64)>) -> Self {
        let mut histogram = Self::default();
        for (index, count) in bins {
            if count > 0 {
                histogram.add_to_bin(index.clamp(-INDEX_MAX, INDEX_MAX), count);
            }
        }
        histogram
    }

    #[inline]
    fn add_to_bin(&mut self, index: i16, count: u64) {
        self.len = self.len.saturating_add(count);
        match &mut self.bins {
            Bins::BinPages(pages) => pages.add(index, count),
            Bins::Sparse(sparse) => {
                if !sparse.add(index, count) {
                    let mut pages = BinPages::from_bins(sparse.iter());
                    pages.add(index, count);
                    self.bins = Bins::BinPages(pages);
                }
            }
        }
    }
}

impl Default for Bins {
    fn default() -> Self {
        Self::Sparse(Sparse::default())
    }
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.bins().eq(other.bins())
    }
}

impl Eq for Histogram {}

/// The index of the bin that holds `value`.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the halves of a u128 are taken apart, and the index is at most 15,488"
)]
fn index_of(value: i128) -> i16 {
    let magnitude = value.unsigned_abs();
    // One branch per value would be mispredicted often, as amounts lie on both sides of 2^64. So
    // the eight leading bits are taken from the first half that is not zero, by selection.
    let (high, low) = ((magnitude >> 64) as u64, magnitude as u64);
    let (first, second, bits_after) = if high == 0 {
        (low, 0, 0)
    } else {
        (high, low, 64)
    };
    let zeros = (first | 1).leading_zeros();
    let leading = ((first << zeros) | ((second >> 1) >> (63 - zeros))) >> 56;
    let bits = bits_after + 64 - zeros;
    let index = if bits < 8 {
        low as i16
    } else {
        ((bits - 8) * 128) as i16 + leading as i16
    };
    if value < 0 { -index } else { index }
}

/// The middle of the bin with that index.
fn value_of(index: i16) -> i128 {
    let magnitude = u128::from(index.unsigned_abs().min(INDEX_MAX.unsigned_abs()));
    let shift = (magnitude / 128).saturating_sub(1);
    let middle = ((magnitude - shift * 128) << shift) + (1 << shift) / 2;
    if index < 0 {
        0_i128.checked_sub_unsigned(middle).unwrap_or(i128::MIN)
    } else {
        i128::try_from(middle).unwrap_or(i128::MAX)
    }
}

/// ⌈q · len⌉ in 1 to `len`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a rank among more than 2^53 values may be off by a few; `as` holds the rest in range"
)]
fn rank_of(q: f64, len: u64) -> u64 {
    let product = q * len as f64;
    let whole = product as u64;
    let rank = if (whole as f64) < product {
        whole.saturating_add(1)
    } else {
        whole
    };
    rank.clamp(1, len)
}
