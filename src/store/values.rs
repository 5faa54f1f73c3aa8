//! The bytes of every value. They are frozen; the fixture of the storage version holds them.

use tidegauge_windows::{EventTime, Window};

use super::codec::{Decoded, Decoder, Encoder, Malformed};
use super::identity::Documents;
use crate::core::distance::Distances;
use crate::core::effect::{
    Fingerprint, LatePayment, LateReason, Notices, Progress, RejectedRecord,
};
use crate::decode::Reason;
use crate::domain::amount::Amount;
use crate::domain::document_key::Origin;
use crate::domain::ledger::{Count, Entry, Ledger};
use crate::domain::payment::BranchId;
use crate::domain::topic_id::TopicId;
use crate::domain::total::Total;

mod snapshot;
mod summary;

pub(super) use summary::merge_summary;

/// A value that is kept. `read(write(value)) == value`, and `read` refuses other bytes.
pub(super) trait Value: Sized {
    fn write(&self, encoder: &mut Encoder);

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self>;

    /// The value that is all of `bytes`.
    fn decode(bytes: &[u8]) -> Decoded<Self> {
        Decoder::all(bytes, Self::read)
    }

    fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        self.write(&mut encoder);
        encoder.into_bytes()
    }
}

impl Value for u64 {
    fn write(&self, encoder: &mut Encoder) {
        encoder.u64(*self);
    }

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
        decoder.u64()
    }
}

impl Value for String {
    fn write(&self, encoder: &mut Encoder) {
        encoder.text(self);
    }

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
        decoder.text()
    }
}

impl Value for TopicId {
    fn write(&self, encoder: &mut Encoder) {
        for byte in self.bits().to_be_bytes() {
            encoder.byte(byte);
        }
    }

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
        let mut bytes = [0; 16];
        for byte in &mut bytes {
            *byte = decoder.byte()?;
        }
        Self::new(u128::from_be_bytes(bytes)).ok_or(Malformed)
    }
}

impl Value for Documents {
    fn write(&self, encoder: &mut Encoder) {
        encoder.byte(match self {
            Self::None => 0,
            Self::WithPayments => 1,
            Self::ZeroWindowsToo => 2,
        });
    }

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
        Ok(match decoder.byte()? {
            0 => Self::None,
            1 => Self::WithPayments,
            2 => Self::ZeroWindowsToo,
            _ => return Err(Malformed),
        })
    }
}

impl Value for BranchId {
    fn write(&self, encoder: &mut Encoder) {
        encoder.u64(u64::from(self.get()));
    }

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
        Self::new(decoder.u32()?).ok_or(Malformed)
    }
}

impl Value for EventTime {
    fn write(&self, encoder: &mut Encoder) {
        encoder.i64(self.millis());
    }

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
        Ok(Self::from_millis(decoder.i64()?))
    }
}

impl Value for Vec<BranchId> {
    fn write(&self, encoder: &mut Encoder) {
        encoder.u64(self.len() as u64);
        for branch in self {
            encoder.u64(u64::from(branch.get()));
        }
    }

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
        let len = decoder.len()?;
        (0..len)
            .map(|_| BranchId::new(decoder.u32()?).ok_or(Malformed))
            .collect()
    }
}

impl<T: Value> Value for Option<T> {
    fn write(&self, encoder: &mut Encoder) {
        encoder.option(self.as_ref(), |encoder, value| value.write(encoder));
    }

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
        decoder.option(T::read)
    }
}

impl Value for Window {
    fn write(&self, encoder: &mut Encoder) {
        self.start.write(encoder);
        self.end.write(encoder);
    }

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
        Ok(Self::new(
            EventTime::read(decoder)?,
            EventTime::read(decoder)?,
        ))
    }
}

impl Value for Origin {
    fn write(&self, encoder: &mut Encoder) {
        encoder.i32(self.partition);
        encoder.i64(self.offset);
    }

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
        Ok(Self {
            partition: decoder.i32()?,
            offset: decoder.i64()?,
        })
    }
}

impl Value for Total {
    fn write(&self, encoder: &mut Encoder) {
        encoder.u64(self.count);
        encoder.i256(self.amount);
        self.first.write(encoder);
        self.last.write(encoder);
    }

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
        Ok(Self {
            count: decoder.u64()?,
            amount: decoder.i256()?,
            first: EventTime::read(decoder)?,
            last: EventTime::read(decoder)?,
        })
    }
}

impl Value for Progress {
    fn write(&self, encoder: &mut Encoder) {
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

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
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

impl Value for Fingerprint {
    fn write(&self, encoder: &mut Encoder) {
        encoder.i64(self.offset);
        encoder.i64(self.timestamp);
        encoder.u64(self.hash);
    }

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
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
];

impl Value for Ledger {
    fn write(&self, encoder: &mut Encoder) {
        encoder.u64(self.consumed);
        for entry in ENTRIES {
            let Count { count, amount } = self.entry(entry);
            encoder.u64(count);
            encoder.i256(amount);
        }
    }

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
        read_ledger(decoder, ENTRIES.len())
    }
}

/// A ledger that has the first `entries` of all.
pub(super) fn read_ledger(decoder: &mut Decoder<'_>, entries: usize) -> Decoded<Ledger> {
    let mut ledger = Ledger::default();
    ledger.consumed = decoder.u64()?;
    for entry in ENTRIES.into_iter().take(entries) {
        let count = decoder.u64()?;
        let amount = decoder.i256()?;
        ledger.set(entry, Count { count, amount });
    }
    Ok(ledger)
}

impl Value for Notices {
    fn write(&self, encoder: &mut Encoder) {
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

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
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
pub(super) fn read_oldest_notices(decoder: &mut Decoder<'_>) -> Decoded<Notices> {
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

impl Value for Distances {
    fn write(&self, encoder: &mut Encoder) {
        encoder.u64(self.payments);
        encoder.u64(self.away.len() as u64);
        for (quarters, count) in &self.away {
            encoder.i64(*quarters);
            encoder.u64(*count);
        }
    }

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
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

impl Value for LatePayment {
    fn write(&self, encoder: &mut Encoder) {
        self.origin.write(encoder);
        encoder.option(self.timestamp, Encoder::i64);
        // Names, which are public and stay, rather than numbers of a list that may be reordered.
        encoder.text(self.reason.as_str());
        self.event_time.write(encoder);
        self.watermark.write(encoder);
        encoder.u64(u64::from(self.branch.get()));
        encoder.i128(self.amount.units());
        encoder.text(&self.read);
    }

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
        Ok(Self {
            origin: Origin::read(decoder)?,
            timestamp: decoder.option(Decoder::i64)?,
            reason: {
                let name = decoder.text()?;
                LateReason::ALL
                    .into_iter()
                    .find(|reason| reason.as_str() == name)
                    .ok_or(Malformed)?
            },
            event_time: EventTime::read(decoder)?,
            watermark: Option::read(decoder)?,
            branch: BranchId::new(decoder.u32()?).ok_or(Malformed)?,
            amount: Amount::from_units(decoder.i128()?),
            read: decoder.text()?,
        })
    }
}

impl Value for RejectedRecord {
    fn write(&self, encoder: &mut Encoder) {
        self.origin.write(encoder);
        encoder.option(self.timestamp, Encoder::i64);
        encoder.text(self.reason.as_str());
        encoder.text(&self.detail);
        encoder.text(&self.read);
    }

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
        Ok(Self {
            origin: Origin::read(decoder)?,
            timestamp: decoder.option(Decoder::i64)?,
            reason: {
                let name = decoder.text()?;
                Reason::ALL
                    .into_iter()
                    .find(|reason| reason.as_str() == name)
                    .ok_or(Malformed)?
            },
            detail: decoder.text()?,
            read: decoder.text()?,
        })
    }
}

#[cfg(test)]
mod tests;
