//! The engine's snapshot, with the time of each partition.

use std::collections::BTreeMap;

use tidegauge_windows::{
    EventTime, Jump, Keys, Participation, PartitionTime, QuietClose, Snapshot, Span, Stretch,
};

use super::StoredValue;
use crate::store::codec::{ByteDecoder, ByteEncoder, DecodeResult, Malformed};

impl StoredValue for Keys {
    fn write(&self, encoder: &mut ByteEncoder) {
        match self {
            Self::None => encoder.byte(0),
            Self::One(key) => {
                encoder.byte(1);
                encoder.u64(*key);
            }
            Self::Several => encoder.byte(2),
        }
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        match decoder.byte()? {
            0 => Ok(Self::None),
            1 => Ok(Self::One(decoder.u64()?)),
            2 => Ok(Self::Several),
            _ => Err(Malformed),
        }
    }
}

impl StoredValue for Jump {
    fn write(&self, encoder: &mut ByteEncoder) {
        self.to.write(encoder);
        self.keys.write(encoder);
        encoder.byte(self.agreed);
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        Ok(Self {
            to: EventTime::read(decoder)?,
            keys: Keys::read(decoder)?,
            agreed: decoder.byte()?,
        })
    }
}

/// The first byte of a stored snapshot.
const SNAPSHOT_FORMAT: u8 = 3;
/// Up to it, it was not known how far event time had travelled.
const SNAPSHOT_FORMAT_UNTRAVELLED: u8 = 2;
/// Up to it, partitions had no jumps, and it was not known whose payments they had.
const SNAPSHOT_FORMAT_OLDEST: u8 = 1;

impl StoredValue for Snapshot {
    fn write(&self, encoder: &mut ByteEncoder) {
        encoder.byte(SNAPSHOT_FORMAT);
        encoder.u64(self.partitions.len() as u64);
        for (partition, time) in &self.partitions {
            encoder.i32(*partition);
            time.highest.write(encoder);
            encoder.byte(match time.participation {
                Participation::Active => 0,
                Participation::Idle => 1,
                Participation::Returning => 2,
            });
            time.keys.write(encoder);
            time.jump.write(encoder);
            encoder.i64(time.travelled.millis());
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
        self.zeros_end_at.write(encoder);
        self.floor.write(encoder);
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        let format = decoder.byte()?;
        if !(SNAPSHOT_FORMAT_OLDEST..=SNAPSHOT_FORMAT).contains(&format) {
            return Err(Malformed);
        }
        let mut partitions = BTreeMap::new();
        for _ in 0..decoder.len()? {
            let partition = decoder.i32()?;
            let highest = Option::read(decoder)?;
            let participation = match decoder.byte()? {
                0 => Participation::Active,
                1 => Participation::Idle,
                2 => Participation::Returning,
                _ => return Err(Malformed),
            };
            let (keys, jump) = match format {
                // Payments of another key confirm sooner: nothing is believed too early.
                SNAPSHOT_FORMAT_OLDEST => (Keys::Several, None),
                _ => (Keys::read(decoder)?, Option::read(decoder)?),
            };
            let travelled = match format {
                // All are waited for at first: nothing is past retention too early.
                ..=SNAPSHOT_FORMAT_UNTRAVELLED => Span::ZERO,
                _ => Span::from_millis(decoder.i64()?),
            };
            let time = PartitionTime {
                highest,
                jump,
                keys,
                travelled,
                participation,
            };
            partitions.insert(partition, time);
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
            activity.push(Stretch::read(decoder)?);
        }
        Ok(Self {
            partitions,
            watermark,
            quiet_closes,
            activity,
            latest: Option::read(decoder)?,
            zeros_end_at: Option::read(decoder)?,
            floor: Option::read(decoder)?,
        })
    }
}
