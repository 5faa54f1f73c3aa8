//! Batches and answers of brokers: what can be read of them is what an independent decoder reads.

use bytes::Bytes;
use kafka_protocol::records::{Compression, RecordBatchDecoder};
use tidegauge::source::fuzzing::{answer, records};

/// Where a batch has its size, and what the size counts from; its checksum, and what that is of.
const SIZE: std::ops::Range<usize> = 8..12;
const CHECKSUM: std::ops::Range<usize> = 17..21;
const HEADER_SIZE: usize = 61;
/// The timestamp of its records, if it is the broker's.
const BROKER_TIME: std::ops::Range<usize> = 35..43;

/// An input is a batch, and an answer. Its checksum need not be right.
pub fn run(data: &[u8]) {
    let _ = answer(data);
    // No checksum is right by chance.
    if let Ok(read) = records(data, 0) {
        assert!(read.is_empty() || data.len() > HEADER_SIZE);
    }
    let Some(batch) = with_checksum(data) else {
        return;
    };
    let Ok(read) = records(&batch, 0) else {
        return;
    };
    let later = records(&batch, 5).unwrap();
    let expected: Vec<_> = read
        .iter()
        .filter(|record| record.0 >= 5)
        .cloned()
        .collect();
    assert_eq!(later, expected);
    let is_plain = batch[22] & 0b10_0111 == 0;
    if !is_plain {
        return;
    }
    // Where the broker's time counts, that decoder leaves it to its user.
    let broker_time = i64::from_be_bytes(batch[BROKER_TIME].try_into().unwrap());
    let broker_time = (batch[22] & 0b1000 != 0).then_some(broker_time);
    let theirs = match RecordBatchDecoder::decode(&mut Bytes::from(batch)) {
        Ok(theirs) => theirs,
        // Names of headers, which are any bytes here, and for librdkafka.
        Err(refusal) if refusal.to_string().contains("utf-8") => return,
        Err(refusal) => panic!("{refusal}"),
    };
    assert_eq!(theirs.compression, Compression::None);
    let theirs: Vec<_> = theirs
        .records
        .into_iter()
        .map(|record| {
            (
                record.offset,
                Some(broker_time.unwrap_or(record.timestamp)).filter(|time| *time != -1),
                record.key.map(|key| key.to_vec()),
                record.value.map(|value| value.to_vec()),
            )
        })
        .collect();
    assert_eq!(read, theirs);
}

/// The first batch in `data`, with a checksum that is right.
fn with_checksum(data: &[u8]) -> Option<Vec<u8>> {
    let size = i32::from_be_bytes(data.get(SIZE)?.try_into().unwrap());
    let size = usize::try_from(size).ok()?.checked_add(SIZE.end)?;
    if size < HEADER_SIZE {
        return None;
    }
    let mut batch = data.get(..size)?.to_vec();
    let sum = crc32c::crc32c(batch.get(CHECKSUM.end..)?);
    batch.get_mut(CHECKSUM)?.copy_from_slice(&sum.to_be_bytes());
    Some(batch)
}
