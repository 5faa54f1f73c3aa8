//! The lives of a state, from opening to closing: they tell apart checkpoints with the same number.

use rocksdb::WriteBatch;
use tidegauge_windows::planted::{Mistake, is_planted};

use super::codec::{ByteDecoder, ByteEncoder, DecodeResult};
use super::database::Database;
use super::error::Error;
use super::keys;
use super::values::StoredValue;
use crate::host::wall_clock::since_epoch;
use crate::view::changelog::Life;

/// More checkpoints than this are not lost at once: only those of the last seconds are not on the disk.
/// The first place of a life is the clock in microseconds, so this many places are 65 ms.
const LOST_MAX: u64 = 1 << 16;
/// No life begins at a later place, so that all places are whole numbers in a double: below 2^53.
const BASE_MAX: u64 = 1 << 52;

/// Begins the next life of a state whose newest checkpoint is number `newest`, and forces it to the disk.
///
/// Its places begin at the microseconds of the clock, which go faster than checkpoints are written:
/// so they are behind those of every life before, also of one that a restored backup knows nothing of.
pub(super) fn begin(database: &Database, newest: u64) -> Result<Life, Error> {
    let key = keys::life();
    let now = u64::try_from(since_epoch().as_micros()).unwrap_or(u64::MAX);
    let life = next(database.value(&key)?, newest, now);
    let mut batch = WriteBatch::default();
    batch.put(key, life.encode());
    database.put_table_list(&mut batch);
    database.write(batch)?;
    database.sync()?;
    Ok(life)
}

fn next(before: Option<Life>, newest: u64, now: u64) -> Life {
    if is_planted(Mistake::EventIdsRepeated) {
        return Life { base: 0, from: 0 };
    }
    let now = now.min(BASE_MAX);
    // The clock may have been set back.
    let behind = before.map_or(0, |life| life.position(newest).saturating_add(LOST_MAX));
    Life {
        base: now.max(behind),
        from: newest,
    }
}

impl StoredValue for Life {
    fn write(&self, encoder: &mut ByteEncoder) {
        encoder.u64(self.base);
        encoder.u64(self.from);
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        Ok(Self {
            base: decoder.u64()?,
            from: decoder.u64()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_a_life_are_behind_those_of_all_lives_before() {
        let first = next(None, 0, 1_800_000_000_000_000);
        assert_eq!(first.position(0), 1_800_000_000_000_000);
        // A second later, after 900 checkpoints of which the last 400 were lost with the power.
        let second = next(Some(first), 500, 1_800_000_001_000_000);
        assert!(second.position(500) > first.position(900));
        assert_eq!(second.checkpoint(first.position(700)), None);
        // The clock was set back by a day.
        let third = next(Some(second), 600, 1_799_913_600_000_000);
        assert!(third.position(600) > second.position(1_600));
        // A backup of the first life is restored.
        let restored = next(Some(first), 100, 1_800_000_100_000_000);
        assert_eq!(restored.checkpoint(second.position(600)), None);
    }

    #[test]
    fn a_clock_that_is_far_ahead_makes_no_place_that_a_double_can_not_hold() {
        let life = next(None, 7, u64::MAX);
        assert!(life.position(7 + (1 << 40)) < 1 << 53);
    }
}
