//! The answer to a fetch, decoded without trusting the counts in it: memory for a list is taken as its items come. That
//! of `kafka-protocol` is taken for as many items as a list says it has.

use bytes::{Buf, Bytes, TryGetError};

/// What a broker sent of one partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct AnsweredPartition {
    pub(super) partition: i32,
    /// Kafka's number of the error; 0 if there is none.
    pub(super) error: i16,
    /// The offset after the last record that all replicas have, those of open transactions included.
    pub(super) high_watermark: i64,
    /// The offset after the last record that can be read.
    pub(super) stable_end: i64,
    /// The broker from which it would rather be read; -1 if there is none.
    pub(super) preferred_replica: i32,
    /// Whether the log that was read before has been cut off, and is written again from there.
    pub(super) is_cut_off: bool,
    /// Producers and first offsets of the aborted transactions in it.
    pub(super) aborted: Vec<(i64, i64)>,
    /// Batches, the last one perhaps in part.
    pub(super) records: Bytes,
}

/// The answer to a fetch of one topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct FetchAnswer {
    /// For so many ms the broker wants to be left alone.
    pub(super) throttle_ms: i32,
    /// Kafka's number of the error of the whole request; 0 if there is none.
    pub(super) error: i16,
    /// Those that were asked for, in any order.
    pub(super) partitions: Vec<AnsweredPartition>,
}

/// Why an answer is not valid.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum AnswerFault {
    #[error("it ends too early")]
    CutOff,
    #[error("it is longer than it says")]
    TooLong,
    #[error("a number in it is too large")]
    Number,
}

impl From<TryGetError> for AnswerFault {
    fn from(_: TryGetError) -> Self {
        Self::CutOff
    }
}

/// The tag of the field that says that the log was cut off.
const DIVERGING_EPOCH: u32 = 0;

impl FetchAnswer {
    /// Decodes an answer in one of the versions 13 to 16, from its header's tags on.
    ///
    /// # Errors
    /// When it is not valid.
    pub(super) fn decode(mut bytes: Bytes) -> Result<Self, AnswerFault> {
        let bytes = &mut bytes;
        each_tag(bytes, |_| {})?;
        let throttle_ms = bytes.try_get_i32()?;
        let error = bytes.try_get_i16()?;
        // The number of a session, which is not used.
        bytes.try_get_i32()?;
        let mut partitions = Vec::new();
        for _ in 0..count(bytes)? {
            // One topic was asked for.
            bytes.try_get_u128()?;
            for _ in 0..count(bytes)? {
                partitions.push(AnsweredPartition::decode(bytes)?);
            }
            each_tag(bytes, |_| {})?;
        }
        each_tag(bytes, |_| {})?;
        if bytes.has_remaining() {
            return Err(AnswerFault::TooLong);
        }
        Ok(Self {
            throttle_ms,
            error,
            partitions,
        })
    }
}

impl AnsweredPartition {
    fn decode(bytes: &mut Bytes) -> Result<Self, AnswerFault> {
        let partition = bytes.try_get_i32()?;
        let error = bytes.try_get_i16()?;
        let high_watermark = bytes.try_get_i64()?;
        let stable_end = bytes.try_get_i64()?;
        // Where the log begins.
        bytes.try_get_i64()?;
        let mut aborted = Vec::new();
        for _ in 0..count(bytes)? {
            aborted.push((bytes.try_get_i64()?, bytes.try_get_i64()?));
            each_tag(bytes, |_| {})?;
        }
        let preferred_replica = bytes.try_get_i32()?;
        let size = count(bytes)?;
        let records = take(bytes, size)?;
        let mut is_cut_off = false;
        each_tag(bytes, |tag| is_cut_off |= tag == DIVERGING_EPOCH)?;
        Ok(Self {
            partition,
            error,
            high_watermark,
            stable_end,
            preferred_replica,
            is_cut_off,
            aborted,
            records,
        })
    }
}

// How many items a list has: one more is written, and 0 for no list.
fn count(bytes: &mut Bytes) -> Result<u32, AnswerFault> {
    Ok(number(bytes)?.saturating_sub(1))
}

// Passes fields that are optional.
fn each_tag(bytes: &mut Bytes, mut see: impl FnMut(u32)) -> Result<(), AnswerFault> {
    for _ in 0..number(bytes)? {
        let tag = number(bytes)?;
        let size = number(bytes)?;
        take(bytes, size)?;
        see(tag);
    }
    Ok(())
}

fn take(bytes: &mut Bytes, size: u32) -> Result<Bytes, AnswerFault> {
    let size = usize::try_from(size).map_err(|_| AnswerFault::Number)?;
    match size <= bytes.remaining() {
        true => Ok(bytes.split_to(size)),
        false => Err(AnswerFault::CutOff),
    }
}

// Groups of seven bits, the lowest first.
fn number(bytes: &mut Bytes) -> Result<u32, AnswerFault> {
    let mut number = 0_u64;
    for shift in [0, 7, 14, 21, 28] {
        let byte = bytes.try_get_u8()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return u32::try_from(number).map_err(|_| AnswerFault::Number);
        }
    }
    Err(AnswerFault::Number)
}
