//! What batches and answers of brokers are read as: a door for the tests that feed bytes of any kind.

use std::sync::Arc;

use bytes::Bytes;

use super::fetch_answer::FetchAnswer;
use super::fetched::{FetchedBatch, FetchedPart};
use super::unpacker::{PackedBatches, Unpacker};
use crate::source::log_client::LogBatch;

/// A record that was read: its offset, its timestamp, its key and its value.
pub type ReadRecord = (i64, Option<i64>, Option<Vec<u8>>, Option<Vec<u8>>);

/// The records at or after the offset `from` in `batches`.
///
/// # Errors
/// Why they can't be read.
pub fn records(batches: &[u8], from: i64) -> Result<Vec<ReadRecord>, String> {
    let packed = PackedBatches {
        partition: 0,
        from,
        bytes: Bytes::copy_from_slice(batches),
        aborted: Vec::new(),
    };
    let mut all = FetchedBatch::default();
    Unpacker::new(Arc::default())
        .unpack(&packed, |chunk, _| all.push(FetchedPart::Records(chunk)))
        .map_err(|fault| fault.to_string())?;
    let records = all.records().map(|record| {
        // Headers are looked for like those of a mapping.
        let _ = record.headers.last("currency");
        (
            record.offset,
            record.timestamp,
            record.key.map(<[u8]>::to_vec),
            record.payload.map(<[u8]>::to_vec),
        )
    });
    Ok(records.collect())
}

/// How many bytes the values of all records in `batches` have.
///
/// # Errors
/// Why they can't be read.
pub fn payload_bytes(batches: Bytes) -> Result<usize, String> {
    let packed = PackedBatches {
        partition: 0,
        from: 0,
        bytes: batches,
        aborted: Vec::new(),
    };
    let mut bytes = 0;
    Unpacker::new(Arc::default())
        .unpack(&packed, |chunk, _| {
            let mut batch = FetchedBatch::default();
            batch.push(FetchedPart::Records(chunk));
            let sizes = batch
                .records()
                .filter_map(|record| record.payload)
                .map(<[u8]>::len);
            bytes += sizes.sum::<usize>();
        })
        .map_err(|fault| fault.to_string())?;
    Ok(bytes)
}

/// The batches in an answer to a fetch, by partition.
///
/// # Errors
/// Why it can't be read.
pub fn answer(bytes: &[u8]) -> Result<Vec<(i32, Vec<u8>)>, String> {
    let answer = FetchAnswer::decode(Bytes::copy_from_slice(bytes));
    let answer = answer.map_err(|fault| fault.to_string())?;
    let partitions = answer.partitions.into_iter();
    Ok(partitions
        .map(|answered| (answered.partition, answered.records.to_vec()))
        .collect())
}
