//! The table that says where an id may be: a fingerprint and a place for each, 8 bytes.
//!
//! What is forgotten stays in the table for a while and does not count. The table is divided into shards, each with
//! open addressing, so that making one again is bounded work.

use prefetch_index::prefetch_index;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use self::bucket::{Bucket, EMPTY, SLOTS};
use crate::domain::payment::OrderId;

mod bucket;

/// Finds the places that an id may be at.
#[derive(Debug)]
pub(super) struct OrderIndex {
    shards: Vec<Shard>,
    /// The next shard to be looked through for what is forgotten, and how many are to be.
    sweep: (usize, usize),
}

/// The places of ids that count: those of the segments that are remembered. The table has the lower halves.
#[derive(Clone, Copy, Debug)]
pub(super) struct LivePlaces {
    oldest: u64,
    len: u32,
}

/// A slot of a shard where an id that was not found can be put, if the table stays as it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    bucket: u32,
    slot: u32,
}

/// The hash of an order id: which shard, and the fingerprint there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IdHash {
    shard: u16,
    fingerprint: u32,
}

/// Open addressing, by cache lines: a fingerprint is in its home or in the buckets that follow it, of which all but the
/// last are full.
#[derive(Clone, Debug, Default)]
struct Shard {
    buckets: Vec<Bucket>,
    /// So many buckets are homes; a few more follow the last of them.
    homes: u32,
    /// So many slots are not empty.
    filled: u32,
}

/// The first bits of the hash say which shard.
const SHARD_BITS: u32 = 7;
const SHARDS: usize = 1 << SHARD_BITS;
/// A shard is made again when so many of 20 slots are filled, so that so many are.
const FULL: usize = 15;
const FULL_AFTERWARDS: usize = 11;

impl LivePlaces {
    /// Those from `oldest` up to before `next`, which are at most 2^32.
    pub(super) fn new(oldest: u64, next: u64) -> Self {
        Self {
            oldest,
            len: u32::try_from(next - oldest).unwrap_or(u32::MAX),
        }
    }

    #[inline]
    fn count(self, locator: u32) -> bool {
        self.distance(locator) < self.len
    }

    /// The place with this lower half.
    fn place(self, locator: u32) -> u64 {
        self.oldest + u64::from(self.distance(locator))
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "takes the lower half")]
    fn distance(self, locator: u32) -> u32 {
        locator.wrapping_sub(self.oldest as u32)
    }
}

impl IdHash {
    /// The hash of `id`, keyed by `seed`.
    #[expect(clippy::cast_possible_truncation, reason = "takes parts of the hash")]
    pub(super) fn of(id: OrderId, seed: u64) -> Self {
        let (bits, kind) = match id {
            OrderId::Number(number) => (number.cast_unsigned(), 0),
            OrderId::Text(text) => (text, 1),
        };
        let hash = xxh3_64_with_seed(&bits.to_le_bytes(), seed ^ kind);
        Self {
            shard: (hash >> (u64::BITS - SHARD_BITS)) as u16,
            fingerprint: (hash as u32).max(1),
        }
    }
}

impl OrderIndex {
    pub(super) fn new() -> Self {
        Self {
            shards: vec![Shard::default(); SHARDS],
            sweep: (0, 0),
        }
    }

    /// The places at which an id of this hash may be, in no order, each once. If there are none, gives where it can be
    /// put.
    #[inline]
    pub(super) fn find(&self, hash: IdHash, live: LivePlaces, found: &mut Vec<u64>) -> Option<Gap> {
        let shard = &self.shards[usize::from(hash.shard)];
        let (mut gap, mut is_there) = (None, false);
        for at in shard.home(hash.fingerprint)..shard.buckets.len() {
            let bucket = &shard.buckets[at];
            for slot in bucket.with(hash.fingerprint) {
                is_there = true;
                let locator = bucket.locators[slot];
                if live.count(locator) {
                    found.push(live.place(locator));
                }
            }
            gap = gap.or_else(|| Some(Gap::new(at, shard.free(at, live)?)));
            if bucket.is_last() {
                break;
            }
        }
        gap.filter(|_| !is_there)
    }

    /// Has the processor fetch the bucket at which the search for an id of this hash begins, and the one after it, at
    /// which about every fifth search ends.
    #[inline]
    pub(super) fn prefetch(&self, hash: IdHash) {
        let shard = &self.shards[usize::from(hash.shard)];
        let home = shard.home(hash.fingerprint);
        prefetch_index(&shard.buckets, home);
        prefetch_index(&shard.buckets, home + 1);
    }

    /// One of the places that [`OrderIndex::find`] gives, mostly. To be called some time after [`OrderIndex::prefetch`].
    #[inline]
    pub(super) fn glance(&self, hash: IdHash, live: LivePlaces) -> Option<u64> {
        let shard = &self.shards[usize::from(hash.shard)];
        let bucket = shard.buckets.get(shard.home(hash.fingerprint))?;
        let slot = bucket.with(hash.fingerprint).next()?;
        let locator = bucket.locators[slot];
        live.count(locator).then(|| live.place(locator))
    }

    /// Notes that an id of this hash is at `place`, and no longer at `instead_of`, if given. `gap` is what
    /// [`OrderIndex::find`] gave for it, if nothing has changed since.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "takes the lower half")]
    pub(super) fn insert(
        &mut self,
        hash: IdHash,
        place: u64,
        instead_of: Option<u64>,
        live: LivePlaces,
        gap: Option<Gap>,
    ) {
        let shard = &mut self.shards[usize::from(hash.shard)];
        let entry = (hash.fingerprint, place as u32);
        let is_full = shard.is_full();
        match gap {
            Some(gap) if !is_full => shard.put(gap, entry),
            _ => {
                if is_full {
                    shard.remake(live);
                }
                shard.insert(entry, instead_of.map(|place| place as u32), live);
            }
        }
    }

    /// Notes that segments are forgotten: [`OrderIndex::sweep`] takes their ids out of the table.
    pub(super) fn forget(&mut self) {
        self.sweep.1 = SHARDS;
    }

    /// Takes what is forgotten out of one shard, if it may have become too large.
    pub(super) fn sweep(&mut self, live: LivePlaces) {
        let (at, left) = &mut self.sweep;
        if *left == 0 {
            return;
        }
        *left -= 1;
        *at = (*at + 1) % SHARDS;
        let shard = &mut self.shards[*at];
        // It is not made again for a few.
        if u64::from(homes(shard.counting(live))) * 3 / 2 < u64::from(shard.homes) {
            shard.remake(live);
        }
    }

    /// The bytes of all buckets.
    pub(super) fn bytes(&self) -> u64 {
        let buckets: usize = self
            .shards
            .iter()
            .map(|shard| shard.buckets.capacity())
            .sum();
        (buckets * size_of::<Bucket>() + SHARDS * size_of::<Shard>()) as u64
    }
}

impl Shard {
    fn home(&self, fingerprint: u32) -> usize {
        // The upper half of the product is below the number of homes.
        ((u64::from(fingerprint) * u64::from(self.homes)) >> 32) as usize
    }

    fn is_full(&self) -> bool {
        u64::from(self.filled) * 20 >= u64::from(self.homes) * (SLOTS * FULL) as u64
    }

    /// An empty slot of bucket `at`, or one that does not count.
    #[inline]
    fn free(&self, at: usize, live: LivePlaces) -> Option<usize> {
        let bucket = &self.buckets[at];
        let is_dead = |locator: &u32| !live.count(*locator);
        let dead = || bucket.locators.iter().position(is_dead);
        bucket.with(EMPTY).next().or_else(dead)
    }

    fn insert(&mut self, entry: (u32, u32), instead_of: Option<u32>, live: LivePlaces) {
        let (mut free, mut replaced) = (None, None);
        for at in self.home(entry.0).. {
            self.reach(at);
            let bucket = &self.buckets[at];
            for slot in bucket.with(entry.0) {
                let there = bucket.locators[slot];
                if there == entry.1 {
                    return;
                }
                if Some(there) == instead_of {
                    replaced = Some(Gap::new(at, slot));
                }
            }
            free = free.or_else(|| Some(Gap::new(at, self.free(at, live)?)));
            if bucket.is_last() {
                break;
            }
        }
        // The last bucket has an empty slot.
        if let Some(gap) = replaced.or(free) {
            self.put(gap, entry);
        }
    }

    #[inline]
    fn put(&mut self, gap: Gap, (fingerprint, locator): (u32, u32)) {
        let (bucket, slot) = (&mut self.buckets[gap.bucket as usize], gap.slot as usize);
        self.filled += u32::from(bucket.fingerprints[slot] == EMPTY);
        bucket.fingerprints[slot] = fingerprint;
        bucket.locators[slot] = locator;
    }

    // There is a bucket `at`, which follows another or is the first.
    fn reach(&mut self, at: usize) {
        if at == self.buckets.len() {
            self.buckets.reserve_exact(1);
            self.buckets.push(Bucket::default());
        }
    }

    fn counting(&self, live: LivePlaces) -> usize {
        self.entries(live).count()
    }

    /// Fingerprints and locators that count, about in the order of their homes.
    fn entries(&self, live: LivePlaces) -> impl Iterator<Item = (u32, u32)> {
        let entries = self.buckets.iter().flat_map(Bucket::entries);
        entries.filter(move |(fingerprint, locator)| *fingerprint != EMPTY && live.count(*locator))
    }

    fn remake(&mut self, live: LivePlaces) {
        let homes = homes(self.counting(live));
        let len = homes as usize;
        let mut shard = Self {
            buckets: Vec::with_capacity(len + 1),
            homes,
            filled: 0,
        };
        shard.buckets.resize(len, Bucket::default());
        // So many slots of each are filled.
        let mut filled = vec![0_u8; len];
        for entry in self.entries(live) {
            // Each is there once.
            let mut at = shard.home(entry.0);
            while filled
                .get(at)
                .is_some_and(|filled| usize::from(*filled) == SLOTS)
            {
                at += 1;
            }
            shard.reach(at);
            if at == filled.len() {
                filled.push(0);
            }
            shard.put(Gap::new(at, usize::from(filled[at])), entry);
            filled[at] += 1;
        }
        *self = shard;
    }
}

impl Gap {
    /// A shard has fewer than 2^32 buckets, as all have fewer than 2^32 places.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "see above")]
    fn new(bucket: usize, slot: usize) -> Self {
        Self {
            bucket: bucket as u32,
            slot: slot as u32,
        }
    }
}

/// The homes of a shard that is made again with so many ids, which are fewer than 2^32.
fn homes(ids: usize) -> u32 {
    let homes = (ids * 20).div_ceil(FULL_AFTERWARDS * SLOTS).max(1);
    u32::try_from(homes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
