//! Record batches as brokers send them: format 2 of Kafka's message format (KIP-98), read in place.
//!
//! All sizes in a batch come from outside, so nothing is looked at before it is known to be there.

use super::codec::Codec;

/// The head of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BatchHeader {
    /// The offset that offsets in the batch count from.
    pub(super) base_offset: i64,
    /// How many bytes the whole batch takes, with its head.
    pub(super) size: usize,
    /// The epoch of the leader that wrote it.
    pub(super) leader_epoch: i32,
    /// The CRC-32C of all that follows it.
    crc: u32,
    attributes: i16,
    last_offset_delta: i32,
    base_timestamp: i64,
    max_timestamp: i64,
    /// Who wrote it, if it is of a transaction.
    pub(super) producer_id: i64,
    record_count: i32,
}

/// Why a batch can't be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum BatchFault {
    /// It has an older format.
    #[error("it holds messages of the old format {0}")]
    OldFormat(u8),
    /// It is not as its format says.
    #[error("a record batch is malformed: {0}")]
    Malformed(&'static str),
    /// Its bytes are not those that were written.
    #[error("the checksum of a record batch is wrong")]
    Checksum,
    /// Its records can't be decompressed.
    #[error("a record batch can't be decompressed: {0}")]
    Compression(String),
}

impl BatchFault {
    /// It is larger than places can say.
    pub(super) const TOO_LARGE: Self = Self::Malformed("its records take more than 4 GiB");
}

/// How many bytes the head takes.
const HEADER_SIZE: usize = 61;
/// How many bytes stand before those that the size counts.
const SIZE_END: usize = 12;
const FORMAT_AT: usize = 16;
/// What the checksum is of begins here.
const CRC_END: usize = 21;

const CODEC_BITS: i16 = 0b111;
const LOG_APPEND_TIME: i16 = 1 << 3;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;

impl BatchHeader {
    /// The head of the batch at the beginning of `bytes`; `None` if not all of the batch is there, as happens to the last
    /// one of a fetch.
    ///
    /// # Errors
    /// When it is not a batch of format 2.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>, BatchFault> {
        let Some(format) = bytes.get(FORMAT_AT) else {
            return Ok(None);
        };
        if *format != 2 {
            return Err(BatchFault::OldFormat(*format));
        }
        let Some((head, _)) = bytes.split_first_chunk::<HEADER_SIZE>() else {
            return Ok(None);
        };
        let counted = usize::try_from(i32_at(head, 8));
        let size = counted.ok().map(|counted| counted + SIZE_END);
        let size = size.filter(|size| *size >= HEADER_SIZE);
        let size = size.ok_or(BatchFault::Malformed("its size is too small"))?;
        if bytes.len() < size {
            return Ok(None);
        }
        let header = Self {
            base_offset: i64_at(head, 0),
            size,
            leader_epoch: i32_at(head, 12),
            crc: i32_at(head, 17).cast_unsigned(),
            attributes: i16::from_be_bytes([head[21], head[22]]),
            last_offset_delta: i32_at(head, 23),
            base_timestamp: i64_at(head, 27),
            max_timestamp: i64_at(head, 35),
            producer_id: i64_at(head, 43),
            record_count: i32_at(head, 57),
        };
        let last = header
            .base_offset
            .checked_add(header.last_offset_delta.into());
        if header.base_offset < 0
            || header.last_offset_delta < 0
            || last.is_none_or(|last| last == i64::MAX)
        {
            return Err(BatchFault::Malformed("its offsets are not valid"));
        }
        Ok(Some(header))
    }

    /// The offset after its last one.
    pub(super) const fn next_offset(&self) -> i64 {
        // No overflow: looked at when it was read.
        self.base_offset + self.last_offset_delta as i64 + 1
    }

    /// Whether it is the mark of a transaction's end, not records.
    pub(super) const fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    /// Whether it is of a transaction.
    pub(super) const fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    /// Whether `batch`, the mark of a transaction's end, says that it was aborted.
    pub(super) fn is_abort(&self, batch: &[u8]) -> bool {
        let records = batch.get(self.records()).unwrap_or_default();
        let mut places = Vec::new();
        let found = self.find_records(records, 0, 0, &mut places);
        let key = places.first().and_then(|mark| mark.key.of(records));
        // A version, and the kind of the mark.
        found.is_ok() && key.is_some_and(|key| key.get(2..4) == Some(&ABORT_MARK))
    }

    /// How its records are compressed.
    ///
    /// # Errors
    /// When it is not known.
    pub(super) fn codec(&self) -> Result<Codec, BatchFault> {
        let number = self.attributes & CODEC_BITS;
        Codec::of(number).ok_or(BatchFault::Malformed("its compression is not known"))
    }

    /// Whether `batch`, all of its bytes, are those that were written.
    ///
    /// # Errors
    /// When they are not.
    pub(super) fn verify(&self, batch: &[u8]) -> Result<(), BatchFault> {
        let covered = batch.get(CRC_END..self.size);
        match covered.map(crc32c::crc32c) == Some(self.crc) {
            true => Ok(()),
            false => Err(BatchFault::Checksum),
        }
    }

    /// Where its records are, still compressed, in its bytes.
    pub(super) const fn records(&self) -> std::ops::Range<usize> {
        HEADER_SIZE..self.size
    }

    /// Where the records at or after the offset `from` are, added to `places`. `records` are those of the batch, not
    /// compressed, which begin at `begin` in the bytes that places are of.
    ///
    /// # Errors
    /// When they are not as their format says. What was added to `places` is of no use then.
    pub(super) fn find_records(
        &self,
        records: &[u8],
        begin: u32,
        from: i64,
        places: &mut Vec<RecordPlace>,
    ) -> Result<(), BatchFault> {
        let mut at = RecordCursor {
            bytes: records,
            at: 0,
            begin,
        };
        let mut last = -1;
        let count = usize::try_from(self.record_count);
        let count =
            count.map_err(|_| BatchFault::Malformed("it has a negative count of records"))?;
        // A record takes some bytes, whatever the count says.
        places.reserve(count.min(records.len() / RECORD_SIZE_MIN));
        for _ in 0..count {
            let place = self
                .next_record(&mut at, &mut last)
                .ok_or(MALFORMED_RECORD)?;
            if place.offset >= from {
                places.push(place);
            }
        }
        match at.at == records.len() {
            true => Ok(()),
            false => Err(BatchFault::Malformed("it holds more than its records")),
        }
    }

    // `None` if the record is malformed. Offsets ascend after `last`.
    #[inline]
    fn next_record(&self, at: &mut RecordCursor<'_>, last: &mut i64) -> Option<RecordPlace> {
        let size = usize::try_from(at.number()?).ok()?;
        let end = at.at.checked_add(size)?;
        if end > at.bytes.len() {
            return None;
        }
        // Attributes, which no version uses.
        at.at += 1;
        let timestamp = self.base_timestamp.checked_add(at.number()?)?;
        let offset = at.number()?;
        if offset <= *last || offset > i64::from(self.last_offset_delta) {
            return None;
        }
        *last = offset;
        let key = at.field()?;
        let payload = at.field()?;
        let headers = at.headers()?;
        (at.at == end).then_some(RecordPlace {
            offset: self.base_offset + offset,
            timestamp: match self.attributes & LOG_APPEND_TIME != 0 {
                true => self.max_timestamp,
                false => timestamp,
            },
            key,
            payload,
            headers,
        })
    }
}

/// The kind of a mark at the end of a transaction that was aborted.
const ABORT_MARK: [u8; 2] = [0, 0];
/// The smallest record: a size, attributes, two numbers, and three fields that are not there.
const RECORD_SIZE_MIN: usize = 7;
const MALFORMED_RECORD: BatchFault = BatchFault::Malformed("a record in it is not valid");

/// Where a record is in some bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RecordPlace {
    pub(super) offset: i64,
    /// In ms since the epoch; -1 if there is none.
    pub(super) timestamp: i64,
    pub(super) key: FieldPlace,
    pub(super) payload: FieldPlace,
    /// The headers, as [`last_header`] reads them.
    pub(super) headers: FieldPlace,
}

/// Where a field is in some bytes, or that there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FieldPlace {
    start: u32,
    len: u32,
}

impl FieldPlace {
    const NONE: Self = Self {
        start: 0,
        len: u32::MAX,
    };

    /// The field in `bytes`, if there is one.
    #[inline]
    pub(super) fn of(self, bytes: &[u8]) -> Option<&[u8]> {
        if self == Self::NONE {
            return None;
        }
        let start = self.start as usize;
        bytes.get(start..start + self.len as usize)
    }
}

/// The value of the last header with the name `name` in `headers`, the encoded headers of a record; `None` if there is
/// none, or it has no value.
pub(super) fn last_header<'a>(headers: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut at = RecordCursor {
        bytes: headers,
        at: 0,
        begin: 0,
    };
    let mut found = FieldPlace::NONE;
    for _ in 0..at.number()? {
        let (key, value) = (at.field()?, at.field()?);
        if key.of(headers) == Some(name.as_bytes()) {
            found = value;
        }
    }
    found.of(headers)
}

/// A position in the records of a batch.
struct RecordCursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where `bytes` begin in what places are of.
    begin: u32,
}

impl RecordCursor<'_> {
    /// The next number: groups of seven bits, the lowest first, zigzag encoded.
    #[inline]
    fn number(&mut self) -> Option<i64> {
        let first = *self.bytes.get(self.at)?;
        self.at += 1;
        let mut value = u64::from(first & 0x7f);
        if first >= 0x80 {
            value = self.long_number(value)?;
        }
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    // The rest of a number whose first seven bits are `value`.
    #[inline]
    fn long_number(&mut self, mut value: u64) -> Option<u64> {
        for shift in (7..64).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// The next field: its size, or -1, and its bytes.
    #[inline]
    fn field(&mut self) -> Option<FieldPlace> {
        let size = self.number()?;
        if size == -1 {
            return Some(FieldPlace::NONE);
        }
        self.skip(usize::try_from(size).ok()?)
    }

    // Passes all headers.
    #[inline]
    fn headers(&mut self) -> Option<FieldPlace> {
        let start = self.at;
        let count = self.number()?;
        for _ in 0..count {
            self.field()?;
            self.field()?;
        }
        let size = self.at - start;
        self.at = start;
        (count >= 0).then(|| self.skip(size))?
    }

    #[inline]
    fn skip(&mut self, size: usize) -> Option<FieldPlace> {
        let end = self.at.checked_add(size)?;
        if end > self.bytes.len() {
            return None;
        }
        let place = FieldPlace {
            start: self.begin.checked_add(u32::try_from(self.at).ok()?)?,
            len: u32::try_from(size).ok().filter(|len| *len < u32::MAX)?,
        };
        self.at = end;
        Some(place)
    }
}

fn i32_at(head: &[u8; HEADER_SIZE], at: usize) -> i32 {
    i32::from_be_bytes(std::array::from_fn(|byte| head[at + byte]))
}

fn i64_at(head: &[u8; HEADER_SIZE], at: usize) -> i64 {
    i64::from_be_bytes(std::array::from_fn(|byte| head[at + byte]))
}

#[cfg(test)]
mod tests;
