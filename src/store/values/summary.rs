//! The bytes of a cell, and how what is new is merged into them.

use tidegauge_windows::{Aggregate, Histogram, Summary};

use super::StoredValue;
use crate::store::codec::{ByteDecoder, ByteEncoder, DecodeResult, Malformed};

impl StoredValue for Summary {
    fn write(&self, encoder: &mut ByteEncoder) {
        if write_figures(self, encoder) {
            let mut bins = WrittenBins::new(encoder);
            self.histogram
                .bins()
                .for_each(|(index, count)| bins.write(index, count));
        }
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        let mut summary = read_figures(decoder)?;
        if summary.count == 0 {
            return Ok(summary);
        }
        let mut bins = Vec::with_capacity(decoder.left() / 2);
        let mut stored = StoredBins::new(decoder.clone());
        let mut counted: u64 = 0;
        while let Some((index, count)) = stored.next()? {
            counted = counted.checked_add(count).ok_or(Malformed)?;
            bins.push((index, count));
        }
        *decoder = stored.decoder;
        if counted != summary.count {
            return Err(Malformed);
        }
        summary.histogram = Histogram::from_bins(bins);
        Ok(summary)
    }
}

/// Writes what is in `before` with `added` merged in.
///
/// These are the bytes that reading, merging and writing give. Bins are stored in order, so they are
/// merged as they are read: to build a histogram of them takes far longer. Most of them stay as they are.
pub(in crate::store) fn merge_summary(
    before: &[u8],
    added: &Summary,
    encoder: &mut ByteEncoder,
) -> DecodeResult<()> {
    let mut decoder = ByteDecoder::new(before);
    let mut merged = read_figures(&mut decoder)?;
    let expected = merged.count;
    merged.merge(&figures_of(added));
    if !write_figures(&merged, encoder) {
        return Ok(());
    }
    let mut stored = OrderedBins::new(decoder);
    let mut bins = WrittenBins::new(encoder);
    // The next stored bin that is not written yet.
    let mut next = stored.next()?;
    for (index, count) in added.histogram.bins() {
        if let Some(before) = next.filter(|before| before.0 < index) {
            bins.write(before.0, before.1);
            let same = stored.pass_before(index.into())?;
            bins.copy(same, stored.last);
            next = stored.next()?;
        }
        match next {
            Some(same) if same.0 == index => {
                bins.write(index, count.saturating_add(same.1));
                next = stored.next()?;
            }
            _ => bins.write(index, count),
        }
    }
    if let Some((index, count)) = next {
        bins.write(index, count);
        let same = stored.pass_before(i32::MAX)?;
        bins.copy(same, stored.last);
    }
    if stored.counted != expected {
        return Err(Malformed);
    }
    Ok(())
}

/// All but the histogram.
fn figures_of(summary: &Summary) -> Summary {
    Summary {
        histogram: Histogram::default(),
        ..*summary
    }
}

/// Writes all but the histogram; whether a histogram follows.
fn write_figures(summary: &Summary, encoder: &mut ByteEncoder) -> bool {
    encoder.u64(summary.count);
    if summary.count == 0 {
        return false;
    }
    encoder.i256(summary.sum);
    encoder.i128(summary.min);
    encoder.i128(summary.max);
    encoder.u64(summary.late_count);
    if summary.late_count > 0 {
        encoder.i256(summary.late_sum);
    }
    true
}

/// Reads all but the histogram, which follows if the count is not 0.
fn read_figures(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Summary> {
    let mut summary = Summary {
        count: decoder.u64()?,
        ..Summary::default()
    };
    if summary.count == 0 {
        return Ok(summary);
    }
    summary.sum = decoder.i256()?;
    summary.min = decoder.i128()?;
    summary.max = decoder.i128()?;
    summary.late_count = decoder.u64()?;
    if summary.late_count > 0 {
        summary.late_sum = decoder.i256()?;
    }
    Ok(summary)
}

/// Bins as they are stored: each as its distance from the one before, and its count, up to the end
/// of the value.
#[derive(Clone)]
struct StoredBins<'b> {
    decoder: ByteDecoder<'b>,
    last: i32,
}

impl<'b> StoredBins<'b> {
    const fn new(decoder: ByteDecoder<'b>) -> Self {
        Self { decoder, last: 0 }
    }

    fn next(&mut self) -> DecodeResult<Option<(i16, u64)>> {
        if self.decoder.left() == 0 {
            return Ok(None);
        }
        let distance = self.decoder.i32()?;
        self.last = self.last.checked_add(distance).ok_or(Malformed)?;
        let index = i16::try_from(self.last).map_err(|_| Malformed)?;
        match self.decoder.u64()? {
            // Is never written.
            0 => Err(Malformed),
            count => Ok(Some((index, count))),
        }
    }
}

/// [`StoredBins`] that must be in order.
#[derive(Clone)]
struct OrderedBins<'b> {
    stored: StoredBins<'b>,
    is_first: bool,
    /// The index of the last one.
    last: i32,
    /// The counts of all so far.
    counted: u64,
}

impl<'b> OrderedBins<'b> {
    const fn new(decoder: ByteDecoder<'b>) -> Self {
        Self {
            stored: StoredBins::new(decoder),
            is_first: true,
            last: 0,
            counted: 0,
        }
    }

    fn next(&mut self) -> DecodeResult<Option<(i16, u64)>> {
        let Some((index, count)) = self.stored.next()? else {
            return Ok(None);
        };
        if !self.is_first && i32::from(index) <= self.last {
            return Err(Malformed);
        }
        self.is_first = false;
        self.last = index.into();
        self.counted = self.counted.checked_add(count).ok_or(Malformed)?;
        Ok(Some((index, count)))
    }

    /// Passes all with an index below `end`. Gives their bytes.
    fn pass_before(&mut self, end: i32) -> DecodeResult<&'b [u8]> {
        let all = self.stored.decoder.rest();
        loop {
            while self.pass_four_before(end) {}
            let here = self.clone();
            match self.next()? {
                Some((index, _)) if i32::from(index) < end => {}
                after => {
                    if after.is_some() {
                        *self = here;
                    }
                    break;
                }
            }
        }
        let passed = all.len() - self.stored.decoder.left();
        Ok(&all[..passed])
    }

    /// Passes the next four if they are all before `end` and each takes two bytes, as most do: then they are read at once.
    fn pass_four_before(&mut self, end: i32) -> bool {
        let rest = self.stored.decoder.rest();
        let Some((bytes, rest)) = rest.split_first_chunk() else {
            return false;
        };
        let Some((distance, count)) = four_bins(*bytes) else {
            return false;
        };
        let last = self.last + i32::from(distance);
        let Some(counted) = self.counted.checked_add(count.into()) else {
            return false;
        };
        if self.is_first || last >= end || last > i32::from(i16::MAX) {
            return false;
        }
        self.stored.decoder = ByteDecoder::new(rest);
        self.stored.last = last;
        self.last = last;
        self.counted = counted;
        true
    }
}

/// The distance over four bins of two bytes each, and the sum of their counts. `None` if they are others, not in order,
/// or one of them is empty.
fn four_bins(bytes: [u8; 8]) -> Option<(u16, u16)> {
    const HIGHEST_BITS: u64 = 0x8080_8080_8080_8080;
    const EACH: u64 = 0x0001_0001_0001_0001;
    let both = u64::from_le_bytes(bytes);
    // Four numbers of 16 bits, each below 128: distances in zigzag, so an odd one is negative.
    let (distances, counts) = (both & (0xff * EACH), (both >> 8) & (0xff * EACH));
    let is_any_zero = |numbers: u64| (numbers + 0x7fff * EACH) & (0x8000 * EACH) != 0x8000 * EACH;
    let is_other = both & HIGHEST_BITS != 0 || distances & EACH != 0;
    if is_other || is_any_zero(distances) || is_any_zero(counts) {
        return None;
    }
    // The highest 16 bits of this product are the sum of all four.
    let [.., low, high] = distances.wrapping_mul(EACH).to_le_bytes();
    let distance = u16::from_le_bytes([low, high]) / 2;
    let [.., low, high] = counts.wrapping_mul(EACH).to_le_bytes();
    Some((distance, u16::from_le_bytes([low, high])))
}

/// Bins as they are written: see [`StoredBins`].
struct WrittenBins<'e> {
    encoder: &'e mut ByteEncoder,
    last: i32,
}

impl<'e> WrittenBins<'e> {
    fn new(encoder: &'e mut ByteEncoder) -> Self {
        Self { encoder, last: 0 }
    }

    fn write(&mut self, index: i16, count: u64) {
        let index = i32::from(index);
        self.encoder.i32(index - self.last);
        self.encoder.u64(count);
        self.last = index;
    }

    /// Writes the bytes of some bins: the first follows the one that was written last, and the last has index `last`.
    fn copy(&mut self, bins: &[u8], last: i32) {
        self.encoder.bytes(bins);
        self.last = last;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn summary_of(amounts: &[(i128, bool)]) -> Summary {
        let mut summary = Summary::default();
        for (amount, late) in amounts {
            summary.add(amount, *late);
        }
        summary
    }

    fn amounts() -> impl Strategy<Value = Vec<(i128, bool)>> {
        let amount = prop_oneof![-300..300_i128, any::<i128>()];
        proptest::collection::vec((amount, any::<bool>()), 0..120)
    }

    #[test]
    fn a_bin_without_amounts_is_refused() {
        let mut with_a_bin = summary_of(&[(100, false)]).encode();
        with_a_bin.extend([2, 0]);
        for damaged in [&[0, 2, 0], &*with_a_bin] {
            assert_eq!(Summary::decode(damaged), Err(Malformed));
            let mut merged = ByteEncoder::default();
            let added = summary_of(&[(1, false)]);
            assert_eq!(merge_summary(damaged, &added, &mut merged), Err(Malformed));
        }
    }

    #[test]
    fn damage_anywhere_in_a_long_cell_is_refused_as_by_reading() {
        // Bins of two bytes, which are read four at a time, and others.
        let many = (0..700).map(|number| (number * number % 1_000 + 40, number % 3 == 0));
        let cell = summary_of(&many.collect::<Vec<_>>()).encode();
        let added = summary_of(&[(70, false), (400, false), (800, false)]);
        for at in 0..cell.len() {
            for to in [0, 1, 2, 3, 0x7f, 0x80, 0xff] {
                let mut damaged = cell.clone();
                damaged[at] = to;
                let merged = merge_summary(&damaged, &added, &mut ByteEncoder::default());
                match Summary::decode(&damaged) {
                    Err(Malformed) => assert_eq!(merged, Err(Malformed), "{at}: {to}"),
                    // Reading takes bins in any order.
                    Ok(mut read) => {
                        let mut bytes = ByteEncoder::default();
                        if merge_summary(&damaged, &added, &mut bytes).is_ok() {
                            read.merge(&added);
                            assert_eq!(Summary::decode(bytes.as_bytes()), Ok(read), "{at}: {to}");
                        }
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn merging_bytes_is_reading_merging_and_writing(before in amounts(), added in amounts()) {
            let (mut before, added) = (summary_of(&before), summary_of(&added));
            let mut merged = ByteEncoder::default();
            prop_assert_eq!(merge_summary(&before.encode(), &added, &mut merged), Ok(()));
            before.merge(&added);
            prop_assert_eq!(merged.into_bytes(), before.encode());
        }

        #[test]
        fn bytes_that_are_not_a_cell_are_refused(before in amounts(), at: prop::sample::Index, to: u8) {
            let mut bytes = summary_of(&before).encode();
            let at = at.index(bytes.len());
            bytes[at] = to;
            let merged = merge_summary(&bytes, &summary_of(&[(1, false)]), &mut ByteEncoder::default());
            if Summary::decode(&bytes).is_err() {
                prop_assert_eq!(merged, Err(Malformed));
            }
        }
    }
}
