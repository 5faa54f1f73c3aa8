//! The bytes of every value. They are frozen; the fixture of the storage version holds them.

use std::collections::BTreeMap;

use tidegauge_windows::{EventTime, Stretch};

use super::codec::{ByteDecoder, ByteEncoder, DecodeResult, Malformed};
use super::identity::MarkedDocuments;
use crate::core::distance::Distances;
use crate::core::effect::{Fingerprint, Notices, Progress};
use crate::domain::document_key::Origin;
use crate::domain::ledger::{Count, Entry, Ledger};
use crate::domain::payment::BranchId;
use crate::domain::topic_id::TopicId;
use crate::domain::total::Total;

mod orders;
mod records;
mod snapshot;
mod summary;

pub(super) use orders::{OrderRows, StoredOrders, write_orders};
pub(super) use records::RepeatedGroup;
pub(super) use summary::merge_summary;

/// A value that is kept. `read(write(value)) == value`, and `read` refuses other bytes.
pub(super) trait StoredValue: Sized {
    fn write(&self, encoder: &mut ByteEncoder);

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self>;

    /// The value that is all of `bytes`.
    fn decode(bytes: &[u8]) -> DecodeResult<Self> {
        ByteDecoder::all(bytes, Self::read)
    }

    fn encode(&self) -> Vec<u8> {
        let mut encoder = ByteEncoder::default();
        self.write(&mut encoder);
        encoder.into_bytes()
    }
}

impl StoredValue for u64 {
    fn write(&self, encoder: &mut ByteEncoder) {
        encoder.u64(*self);
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        decoder.u64()
    }
}

impl StoredValue for String {
    fn write(&self, encoder: &mut ByteEncoder) {
        encoder.text(self);
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        decoder.text()
    }
}

impl StoredValue for TopicId {
    fn write(&self, encoder: &mut ByteEncoder) {
        for byte in self.bits().to_be_bytes() {
            encoder.byte(byte);
        }
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        let mut bytes = [0; 16];
        for byte in &mut bytes {
            *byte = decoder.byte()?;
        }
        Self::new(u128::from_be_bytes(bytes)).ok_or(Malformed)
    }
}

impl StoredValue for MarkedDocuments {
    fn write(&self, encoder: &mut ByteEncoder) {
        encoder.byte(match self {
            Self::None => 0,
            Self::WithPayments => 1,
            Self::ZeroWindowsToo => 2,
        });
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        Ok(match decoder.byte()? {
            0 => Self::None,
            1 => Self::WithPayments,
            2 => Self::ZeroWindowsToo,
            _ => return Err(Malformed),
        })
    }
}

impl StoredValue for BranchId {
    fn write(&self, encoder: &mut ByteEncoder) {
        encoder.u64(u64::from(self.get()));
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        decoder.u32().map(Self::from_bits)
    }
}

impl StoredValue for EventTime {
    fn write(&self, encoder: &mut ByteEncoder) {
        encoder.i64(self.millis());
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        Ok(Self::from_millis(decoder.i64()?))
    }
}

impl StoredValue for Vec<BranchId> {
    fn write(&self, encoder: &mut ByteEncoder) {
        encoder.u64(self.len() as u64);
        for branch in self {
            branch.write(encoder);
        }
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        let len = decoder.len()?;
        (0..len).map(|_| BranchId::read(decoder)).collect()
    }
}

/// The listed names of branches.
pub(super) type StoredNames = BTreeMap<BranchId, String>;

impl StoredValue for StoredNames {
    fn write(&self, encoder: &mut ByteEncoder) {
        encoder.u64(self.len() as u64);
        for (branch, name) in self {
            branch.write(encoder);
            encoder.text(name);
        }
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        let len = decoder.len()?;
        let names = (0..len).map(|_| Ok((BranchId::read(decoder)?, decoder.text()?)));
        let names: BTreeMap<BranchId, String> = names.collect::<DecodeResult<_>>()?;
        // Each branch once.
        if names.len() == len {
            Ok(names)
        } else {
            Err(Malformed)
        }
    }
}

impl<T: StoredValue> StoredValue for Option<T> {
    fn write(&self, encoder: &mut ByteEncoder) {
        encoder.option(self.as_ref(), |encoder, value| value.write(encoder));
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        decoder.option(T::read)
    }
}

impl StoredValue for Stretch {
    fn write(&self, encoder: &mut ByteEncoder) {
        self.start.write(encoder);
        self.end.write(encoder);
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        Ok(Self::new(
            EventTime::read(decoder)?,
            EventTime::read(decoder)?,
        ))
    }
}

impl StoredValue for Origin {
    fn write(&self, encoder: &mut ByteEncoder) {
        encoder.i32(self.partition);
        encoder.i64(self.offset);
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        Ok(Self {
            partition: decoder.i32()?,
            offset: decoder.i64()?,
        })
    }
}

impl StoredValue for Total {
    // A total that is kept has a payment, so a count of zero says that another form follows: one with a
    // future payment before all others, as it is written since version 4.
    fn write(&self, encoder: &mut ByteEncoder) {
        if self.known_since != self.first {
            encoder.u64(0);
            self.known_since.write(encoder);
        }
        encoder.u64(self.count);
        encoder.i256(self.amount);
        self.first.write(encoder);
        self.last.write(encoder);
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        let (mut count, mut known_since) = (decoder.u64()?, None);
        if count == 0 {
            known_since = Some(EventTime::read(decoder)?);
            count = decoder.u64()?;
        }
        let amount = decoder.i256()?;
        let first = EventTime::read(decoder)?;
        if count == 0 || known_since == Some(first) {
            return Err(Malformed);
        }
        Ok(Self {
            count,
            amount,
            first,
            last: EventTime::read(decoder)?,
            known_since: known_since.unwrap_or(first),
        })
    }
}

impl StoredValue for Progress {
    fn write(&self, encoder: &mut ByteEncoder) {
        encoder.i64(self.position);
        encoder.byte(match (self.first, self.fingerprint) {
            (None, None) => 0,
            (None, Some(_)) => HAS_FINGERPRINT,
            (Some(_), None) => HAS_FIRST,
            (Some(_), Some(_)) => HAS_FIRST | HAS_FINGERPRINT,
        });
        if let Some(fingerprint) = &self.fingerprint {
            fingerprint.write(encoder);
        }
        if let Some(first) = self.first {
            encoder.i64(first);
        }
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        let position = decoder.i64()?;
        let has = decoder.byte()?;
        if has > HAS_FIRST | HAS_FINGERPRINT {
            return Err(Malformed);
        }
        let fingerprint = (has & HAS_FINGERPRINT != 0).then(|| Fingerprint::read(decoder));
        let fingerprint = fingerprint.transpose()?;
        let first = (has & HAS_FIRST != 0).then(|| decoder.i64());
        Ok(Self {
            position,
            first: first.transpose()?,
            fingerprint,
        })
    }
}

/// What of a [`Progress`] follows its position. Storage versions 1 and 2 know the first alone.
const HAS_FINGERPRINT: u8 = 1;
const HAS_FIRST: u8 = 2;

impl StoredValue for Fingerprint {
    fn write(&self, encoder: &mut ByteEncoder) {
        encoder.i64(self.offset);
        encoder.i64(self.timestamp);
        encoder.u64(self.hash);
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        Ok(Self {
            offset: decoder.i64()?,
            timestamp: decoder.i64()?,
            hash: decoder.u64()?,
        })
    }
}

/// The entries of a stored ledger, in the order in which they came to be.
const ENTRIES: [Entry; Entry::ALL.len()] = [
    Entry::OnTime,
    Entry::Late,
    Entry::TooLate,
    Entry::Duplicate,
    Entry::Future,
    Entry::Rejected,
    Entry::Tombstone,
    Entry::PastRetention,
    Entry::Filtered,
    Entry::Conflict,
];

impl StoredValue for Ledger {
    fn write(&self, encoder: &mut ByteEncoder) {
        write_ledger(self, ENTRIES.len(), encoder);
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        read_ledger(decoder, ENTRIES.len())
    }
}

/// Writes the first `entries` of all that `ledger` has.
pub(super) fn write_ledger(ledger: &Ledger, entries: usize, encoder: &mut ByteEncoder) {
    encoder.u64(ledger.consumed);
    for entry in ENTRIES.into_iter().take(entries) {
        let Count { count, amount } = ledger.entry(entry);
        encoder.u64(count);
        encoder.i256(amount);
    }
}

/// A ledger that has the first `entries` of all.
pub(super) fn read_ledger(decoder: &mut ByteDecoder<'_>, entries: usize) -> DecodeResult<Ledger> {
    let mut ledger = Ledger::default();
    ledger.consumed = decoder.u64()?;
    for entry in ENTRIES.into_iter().take(entries) {
        let count = decoder.u64()?;
        let amount = decoder.i256()?;
        ledger.set(entry, Count { count, amount });
    }
    Ok(ledger)
}

impl StoredValue for Notices {
    fn write(&self, encoder: &mut ByteEncoder) {
        encoder.u64(self.rounded);
        encoder.u64(self.skipped_local_times);
        encoder.u64(self.repeated_local_times);
        encoder.u64(self.unnamed_branches);
        for count in self.rejects {
            encoder.u64(count);
        }
        encoder.u64(self.unreal_timestamps);
        encoder.u64(self.times_like_seconds);
        self.distances.write(encoder);
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        let oldest = read_oldest_notices(decoder)?;
        Ok(Self {
            unreal_timestamps: decoder.u64()?,
            times_like_seconds: decoder.u64()?,
            distances: Distances::read(decoder)?,
            ..oldest
        })
    }
}

/// Notices as they were before they said anything of timestamps.
pub(super) fn read_oldest_notices(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Notices> {
    let mut notices = Notices {
        rounded: decoder.u64()?,
        skipped_local_times: decoder.u64()?,
        repeated_local_times: decoder.u64()?,
        unnamed_branches: decoder.u64()?,
        ..Notices::default()
    };
    for count in &mut notices.rejects {
        *count = decoder.u64()?;
    }
    Ok(notices)
}

impl StoredValue for Distances {
    fn write(&self, encoder: &mut ByteEncoder) {
        encoder.u64(self.payments);
        encoder.u64(self.away.len() as u64);
        for (quarters, count) in &self.away {
            encoder.i64(*quarters);
            encoder.u64(*count);
        }
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        let mut distances = Self {
            payments: decoder.u64()?,
            ..Self::default()
        };
        for _ in 0..decoder.len()? {
            let quarters = decoder.i64()?;
            distances.away.insert(quarters, decoder.u64()?);
        }
        Ok(distances)
    }
}

#[cfg(test)]
mod tests;
