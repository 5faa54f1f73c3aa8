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
        let mut stored = StoredBins::new(decoder);
        let mut counted: u64 = 0;
        while let Some((index, count)) = stored.next()? {
            counted = counted.checked_add(count).ok_or(Malformed)?;
            bins.push((index, count));
        }
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
/// merged as they are read: to build a histogram of them takes far longer.
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
    let mut counted: u64 = 0;
    let mut last = None;
    let mut added = added.histogram.bins().peekable();
    let mut stored = StoredBins::new(&mut decoder);
    let mut bins = WrittenBins::new(encoder);
    while let Some((index, count)) = stored.next()? {
        if last.is_some_and(|last| index <= last) {
            return Err(Malformed);
        }
        last = Some(index);
        counted = counted.checked_add(count).ok_or(Malformed)?;
        while let Some((index, count)) = added.next_if(|added| added.0 < index) {
            bins.write(index, count);
        }
        let same = added.next_if(|added| added.0 == index);
        let more = same.map_or(0, |(_, count)| count);
        bins.write(index, count.saturating_add(more));
    }
    if counted != expected {
        return Err(Malformed);
    }
    added.for_each(|(index, count)| bins.write(index, count));
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
struct StoredBins<'d, 'b> {
    decoder: &'d mut ByteDecoder<'b>,
    last: i32,
}

impl<'d, 'b> StoredBins<'d, 'b> {
    fn new(decoder: &'d mut ByteDecoder<'b>) -> Self {
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
