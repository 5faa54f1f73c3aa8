//! Batches become records.

use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;

use bytes::Bytes;

use super::buffer_pool::BufferPool;
use super::codec::{Codec, Decompressor};
use super::fetched::RecordChunk;
use super::record_batch::{BatchFault, BatchHeader, RecordPlace};

/// Verifies and decompresses batches, finds their records, and leaves out those of aborted transactions.
pub(super) struct Unpacker {
    decompressor: Decompressor,
    buffers: Arc<BufferPool>,
    /// Records that were found and not delivered yet.
    places: Vec<RecordPlace>,
    /// The bytes of their records, decompressed.
    size: usize,
    /// What they are in, if they were compressed.
    unpacked: Vec<u8>,
    are_unpacked: bool,
}

/// Batches of one partition as they were fetched.
pub(super) struct PackedBatches {
    pub(super) partition: i32,
    /// The offset that was asked for: batches may begin before it.
    pub(super) from: i64,
    /// Whole batches.
    pub(super) bytes: Bytes,
    /// Producers and first offsets of the aborted transactions in them.
    pub(super) aborted: Vec<(i64, i64)>,
}

/// A chunk is handed on when it holds so many records: they are to stay in the processor's cache until they are applied.
const CHUNK_RECORDS: usize = 4_096;
/// The same in bytes.
const CHUNK_BYTES: usize = 1 << 20;

impl Unpacker {
    /// An unpacker that takes memory for what it decompresses from `buffers`.
    pub(super) fn new(buffers: Arc<BufferPool>) -> Self {
        Self {
            decompressor: Decompressor::default(),
            buffers,
            places: Vec::new(),
            size: 0,
            unpacked: Vec::new(),
            are_unpacked: false,
        }
    }

    /// Hands the records to `deliver` in their order, some at a time, each time with about how many bytes they hold beside
    /// those of `packed`.
    ///
    /// # Errors
    /// When a batch can't be read. All records before it were delivered.
    pub(super) fn unpack(
        &mut self,
        packed: &PackedBatches,
        mut deliver: impl FnMut(RecordChunk, usize),
    ) -> Result<(), BatchFault> {
        let mut transactions = AbortedTransactions::new(&packed.aborted);
        let mut at = 0;
        let outcome = loop {
            match self.unpack_batch(packed, at, &mut transactions, &mut deliver) {
                Ok(0) => break Ok(()),
                Ok(size) => at += size,
                Err(fault) => break Err(fault),
            }
            if self.places.len() >= CHUNK_RECORDS || self.size >= CHUNK_BYTES {
                self.hand_on(packed, &mut deliver);
            }
        };
        self.hand_on(packed, &mut deliver);
        outcome
    }

    // How many bytes the batch at `at` takes; 0 if there is none.
    fn unpack_batch(
        &mut self,
        packed: &PackedBatches,
        at: usize,
        transactions: &mut AbortedTransactions,
        deliver: &mut impl FnMut(RecordChunk, usize),
    ) -> Result<usize, BatchFault> {
        let batch = packed.bytes.get(at..).unwrap_or_default();
        let Some(header) = BatchHeader::read(batch)? else {
            return Ok(0);
        };
        header.verify(batch)?;
        let is_wanted = match header.is_control() {
            true => {
                transactions.end(&header, batch);
                false
            }
            false => !transactions.has_aborted(&header),
        };
        if !is_wanted || header.next_offset() <= packed.from {
            return Ok(header.size);
        }
        let codec = header.codec()?;
        if (codec != Codec::None) != self.are_unpacked {
            self.hand_on(packed, deliver);
            self.are_unpacked = codec != Codec::None;
        }
        let found = self.places.len();
        let outcome = self.find_records(packed, at, &header, codec);
        if outcome.is_err() {
            // None of the batch.
            self.places.truncate(found);
        }
        outcome.map(|()| header.size)
    }

    fn find_records(
        &mut self,
        packed: &PackedBatches,
        at: usize,
        header: &BatchHeader,
        codec: Codec,
    ) -> Result<(), BatchFault> {
        let records = header.records();
        let records = at + records.start..at + records.end;
        let (bytes, begin) = match codec {
            Codec::None => (&packed.bytes[records.clone()], records.start),
            _ => {
                if self.unpacked.is_empty() {
                    self.unpacked = self.buffers.take();
                    self.unpacked.clear();
                }
                let begin = self.unpacked.len();
                self.decompressor
                    .decompress(codec, &packed.bytes[records], &mut self.unpacked)
                    .map_err(|error| BatchFault::Compression(error.to_string()))?;
                (&self.unpacked[begin..], begin)
            }
        };
        self.size += bytes.len();
        // An answer is shorter than 4 GiB, and so is what is handed on at once.
        let begin = u32::try_from(begin).map_err(|_| BatchFault::TOO_LARGE)?;
        header.find_records(bytes, begin, packed.from, &mut self.places)
    }

    fn hand_on(&mut self, packed: &PackedBatches, deliver: &mut impl FnMut(RecordChunk, usize)) {
        let (bytes, own) = match self.are_unpacked {
            false => (packed.bytes.clone(), 0),
            true => {
                let unpacked = mem::take(&mut self.unpacked);
                let size = unpacked.len();
                (self.buffers.share(unpacked, size), size)
            }
        };
        self.size = 0;
        let places = mem::take(&mut self.places);
        let size = own + places.len() * size_of::<RecordPlace>();
        if !places.is_empty() {
            deliver(RecordChunk::new(packed.partition, bytes, places), size);
        }
    }
}

/// Which transactions were aborted, at a place of a partition.
struct AbortedTransactions {
    /// Producers and first offsets of those that begin later, the last one first.
    later: Vec<(i64, i64)>,
    /// The producers of those that have begun.
    begun: BTreeSet<i64>,
}

impl AbortedTransactions {
    fn new(aborted: &[(i64, i64)]) -> Self {
        let mut later = aborted.to_vec();
        later.sort_unstable_by_key(|(_, first)| std::cmp::Reverse(*first));
        Self {
            later,
            begun: BTreeSet::new(),
        }
    }

    /// Whether a batch is of one.
    fn has_aborted(&mut self, header: &BatchHeader) -> bool {
        self.begin(header);
        header.is_transactional() && self.begun.contains(&header.producer_id)
    }

    /// Takes note of `batch`, which is the end of a transaction.
    fn end(&mut self, header: &BatchHeader, batch: &[u8]) {
        self.begin(header);
        if header.is_abort(batch) {
            self.begun.remove(&header.producer_id);
        }
    }

    fn begin(&mut self, header: &BatchHeader) {
        let is_begun = |(_, first): &mut (i64, i64)| *first < header.next_offset();
        while let Some((producer, _)) = self.later.pop_if(is_begun) {
            self.begun.insert(producer);
        }
    }
}

#[cfg(test)]
mod tests;
