//! The bytes of every value. They are frozen; the fixture of the storage version holds them.

use std::collections::BTreeMap;

use tidegauge_windows::{EventTime, PartitionTime, QuietClose, Snapshot, Standing, Window};

use super::codec::{Decoded, Decoder, Encoder, Malformed};
use super::identity::Documents;
use crate::amount::Amount;
use crate::decode::Reason;
use crate::document_key::Origin;
use crate::effect::{Fingerprint, LatePayment, LateReason, Notices, Progress, RejectedRecord};
use crate::ledger::{Count, Entry, Ledger};
use crate::payment::BranchId;
use crate::total::Total;

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
        self.first_event_time.write(encoder);
        self.last_event_time.write(encoder);
    }

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
        Ok(Self {
            count: decoder.u64()?,
            amount: decoder.i256()?,
            first_event_time: EventTime::read(decoder)?,
            last_event_time: EventTime::read(decoder)?,
        })
    }
}

impl Value for Progress {
    fn write(&self, encoder: &mut Encoder) {
        encoder.i64(self.position);
        self.fingerprint.write(encoder);
    }

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
        Ok(Self {
            position: decoder.i64()?,
            fingerprint: Option::read(decoder)?,
        })
    }
}

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

impl Value for Ledger {
    fn write(&self, encoder: &mut Encoder) {
        encoder.u64(self.consumed);
        for entry in Entry::ALL {
            let Count { count, amount } = self.entry(entry);
            encoder.u64(count);
            encoder.i256(amount);
        }
    }

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
        let mut ledger = Self::default();
        ledger.consumed = decoder.u64()?;
        for entry in Entry::ALL {
            let count = decoder.u64()?;
            let amount = decoder.i256()?;
            ledger.set(entry, Count { count, amount });
        }
        Ok(ledger)
    }
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
    }

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
        let mut notices = Self {
            rounded: decoder.u64()?,
            skipped_local_times: decoder.u64()?,
            repeated_local_times: decoder.u64()?,
            unnamed_branches: decoder.u64()?,
            ..Self::default()
        };
        for count in &mut notices.rejects {
            *count = decoder.u64()?;
        }
        Ok(notices)
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
                [LateReason::TooLate, LateReason::Future]
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

/// The first byte of a stored snapshot.
const SNAPSHOT_FORMAT: u8 = 1;

impl Value for Snapshot {
    fn write(&self, encoder: &mut Encoder) {
        encoder.byte(SNAPSHOT_FORMAT);
        encoder.u64(self.partitions.len() as u64);
        for (partition, time) in &self.partitions {
            encoder.i32(*partition);
            time.highest.write(encoder);
            encoder.byte(match time.standing {
                Standing::Active => 0,
                Standing::Idle => 1,
                Standing::Returning => 2,
            });
        }
        self.watermark.write(encoder);
        encoder.u64(self.quiet_closes.len() as u64);
        for close in &self.quiet_closes {
            close.after.write(encoder);
            close.until.write(encoder);
            close.latest.write(encoder);
        }
        encoder.u64(self.activity.len() as u64);
        for stretch in &self.activity {
            stretch.write(encoder);
        }
        self.latest.write(encoder);
        self.crowded_from.write(encoder);
        self.floor.write(encoder);
    }

    fn read(decoder: &mut Decoder<'_>) -> Decoded<Self> {
        decoder.format(SNAPSHOT_FORMAT)?;
        let mut partitions = BTreeMap::new();
        for _ in 0..decoder.len()? {
            let partition = decoder.i32()?;
            let highest = Option::read(decoder)?;
            let standing = match decoder.byte()? {
                0 => Standing::Active,
                1 => Standing::Idle,
                2 => Standing::Returning,
                _ => return Err(Malformed),
            };
            partitions.insert(partition, PartitionTime { highest, standing });
        }
        let watermark = Option::read(decoder)?;
        let mut quiet_closes = Vec::new();
        for _ in 0..decoder.len()? {
            quiet_closes.push(QuietClose {
                after: EventTime::read(decoder)?,
                until: EventTime::read(decoder)?,
                latest: EventTime::read(decoder)?,
            });
        }
        let mut activity = Vec::new();
        for _ in 0..decoder.len()? {
            activity.push(Window::read(decoder)?);
        }
        Ok(Self {
            partitions,
            watermark,
            quiet_closes,
            activity,
            latest: Option::read(decoder)?,
            crowded_from: Option::read(decoder)?,
            floor: Option::read(decoder)?,
        })
    }
}

#[cfg(test)]
mod tests;
