//! The table that says where an id may be: a fingerprint and the number of a segment for each, 8 bytes.
//!
//! What is forgotten stays in the table for a while and does not count. The table is divided into shards, each with
//! open addressing, so that making one again is bounded work.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::domain::payment::OrderId;

/// Finds the segments that an id may be in.
#[derive(Debug)]
pub(super) struct OrderIndex {
    shards: Vec<Shard>,
    /// The next shard to be looked through for what is forgotten, and how many are to be.
    sweep: (usize, usize),
}

/// The lower 32 bits of the numbers of segments that count.
#[derive(Clone, Copy, Debug)]
pub(super) struct LiveSegments {
    pub(super) oldest: u64,
    pub(super) next: u64,
}

/// The hash of an id: which shard, and the fingerprint there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct IdHash {
    shard: usize,
    fingerprint: u32,
}

/// Slots: the fingerprint in the upper half, the number of the segment in the lower one; 0 if there is none, as no
/// fingerprint is 0.
///
/// Fingerprints ascend from slot to slot, and each is in its home or after it without an empty slot between. So most are
/// found missing after a look or two.
#[derive(Clone, Debug, Default)]
struct Shard {
    slots: Vec<u64>,
    /// So many slots are homes; a few more follow the last of them.
    homes: usize,
    /// So many are not 0.
    filled: usize,
}

/// So many shards: 10 bits of the hash.
const SHARDS: usize = 1 << 10;
/// A shard is made again when so many of 20 slots are filled, so that so many are.
const FULL: usize = 17;
const FULL_AFTERWARDS: usize = 13;
/// The smallest shard.
const SLOTS_MIN: usize = 8;

impl LiveSegments {
    fn count(self, locator: u32) -> bool {
        u64::from(self.distance(locator)) < self.next - self.oldest
    }

    /// The number of the segment with this lower half.
    pub(super) fn number(self, locator: u32) -> u64 {
        self.oldest + u64::from(self.distance(locator))
    }

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
        let mut bytes = [kind; 17];
        bytes[..16].copy_from_slice(&bits.to_le_bytes());
        let hash = xxh3_64_with_seed(&bytes, seed);
        Self {
            shard: (hash >> 54) as usize,
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

    /// The numbers of the segments in which an id of this hash may be, in no order, each once.
    #[inline]
    pub(super) fn find(&self, hash: IdHash, live: LiveSegments, found: &mut Vec<u64>) {
        let shard = &self.shards[hash.shard];
        for slot in shard.run(hash.fingerprint) {
            let (fingerprint, locator) = parts(*slot);
            if fingerprint == hash.fingerprint && live.count(locator) {
                found.push(live.number(locator));
            }
        }
    }

    /// Reads the slot at which the search for an id of this hash begins, so that it is in the processor's cache
    /// when the id is looked for.
    #[inline]
    pub(super) fn touch(&self, hash: IdHash) -> u64 {
        let shard = &self.shards[hash.shard];
        let home = shard.home(hash.fingerprint);
        shard.slots.get(home).copied().unwrap_or_default()
    }

    /// Notes that an id of this hash is in segment `number`, and no longer in `instead_of`, if given.
    #[expect(clippy::cast_possible_truncation, reason = "takes the lower half")]
    pub(super) fn insert(
        &mut self,
        hash: IdHash,
        number: u64,
        instead_of: Option<u64>,
        live: LiveSegments,
    ) {
        let shard = &mut self.shards[hash.shard];
        if shard.filled * 20 >= shard.homes * FULL {
            shard.remake(live);
        }
        let instead_of = instead_of.map(|number| number as u32);
        shard.insert(hash.fingerprint, number as u32, instead_of, live);
    }

    /// Notes that segments are forgotten: [`OrderIndex::sweep`] takes their ids out of the table.
    pub(super) fn forget(&mut self) {
        self.sweep.1 = SHARDS;
    }

    /// Takes what is forgotten out of one shard, if it may have become too large.
    pub(super) fn sweep(&mut self, live: LiveSegments) {
        let (at, left) = &mut self.sweep;
        if *left == 0 {
            return;
        }
        *left -= 1;
        *at = (*at + 1) % SHARDS;
        let shard = &mut self.shards[*at];
        let counting = shard.counting(live);
        // It is not made again for a few.
        if capacity(counting) * 3 / 2 < shard.homes {
            shard.remake(live);
        }
    }

    /// The bytes of all slots.
    pub(super) fn bytes(&self) -> u64 {
        let slots: usize = self.shards.iter().map(|shard| shard.slots.capacity()).sum();
        (slots * size_of::<u64>() + SHARDS * size_of::<Shard>()) as u64
    }
}

impl Shard {
    /// The slots from the home of `fingerprint` on that may have it: up to one that is empty or has a larger one.
    #[inline]
    fn run(&self, fingerprint: u32) -> impl Iterator<Item = &u64> {
        let last = slot_of(fingerprint, u32::MAX);
        let from = self.slots.get(self.home(fingerprint)..).unwrap_or_default();
        from.iter()
            .take_while(move |slot| **slot != 0 && **slot <= last)
    }

    fn home(&self, fingerprint: u32) -> usize {
        let homes = self.homes as u64;
        // The upper half of the product is below the number of homes.
        ((u64::from(fingerprint) * homes) >> 32) as usize
    }

    fn insert(
        &mut self,
        fingerprint: u32,
        locator: u32,
        instead_of: Option<u32>,
        live: LiveSegments,
    ) {
        let slot = slot_of(fingerprint, locator);
        let mut place = self.home(fingerprint);
        let mut replaced = None;
        for there in self.run(fingerprint) {
            let (other, before) = parts(*there);
            if *there == slot {
                return;
            }
            if other == fingerprint && Some(before) == instead_of {
                replaced = Some(place);
            }
            place += 1;
        }
        if let Some(replaced) = replaced {
            self.slots[replaced] = slot;
            return;
        }
        // Those behind it move up to the next slot that is free.
        let is_free = |slot: &u64| *slot == 0 || !live.count(parts(*slot).1);
        let behind = self.slots.get(place..).unwrap_or_default();
        let free = behind.iter().position(is_free).map(|free| place + free);
        let free = free.unwrap_or_else(|| {
            self.slots.reserve_exact(SLOTS_MIN);
            self.slots.push(0);
            self.slots.len() - 1
        });
        self.filled += usize::from(self.slots[free] == 0);
        self.slots.copy_within(place..free, place + 1);
        self.slots[place] = slot;
    }

    fn counting(&self, live: LiveSegments) -> usize {
        let counts = |slot: &&u64| **slot != 0 && live.count(parts(**slot).1);
        self.slots.iter().filter(counts).count()
    }

    fn remake(&mut self, live: LiveSegments) {
        self.homes = capacity(self.counting(live));
        let slots = Vec::with_capacity(self.homes + SLOTS_MIN);
        let before = std::mem::replace(&mut self.slots, slots);
        self.filled = 0;
        // They are in the order of their homes already.
        for slot in before {
            let (fingerprint, locator) = parts(slot);
            if slot != 0 && live.count(locator) {
                let home = self.home(fingerprint);
                if self.slots.len() < home {
                    self.slots.resize(home, 0);
                }
                self.slots.push(slot);
                self.filled += 1;
            }
        }
        let least = self.homes.max(self.slots.len());
        self.slots.resize(least, 0);
    }
}

fn capacity(ids: usize) -> usize {
    (ids * 20).div_ceil(FULL_AFTERWARDS).max(SLOTS_MIN)
}

fn slot_of(fingerprint: u32, locator: u32) -> u64 {
    u64::from(fingerprint) << 32 | u64::from(locator)
}

#[expect(clippy::cast_possible_truncation, reason = "takes the halves")]
fn parts(slot: u64) -> (u32, u32) {
    ((slot >> 32) as u32, slot as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: i128) -> IdHash {
        IdHash::of(OrderId::Number(number), 7)
    }

    #[test]
    fn every_id_is_found_and_what_is_forgotten_is_not() {
        let mut index = OrderIndex::new();
        let ids = 100_000_u64;
        let live = |oldest, next| LiveSegments { oldest, next };
        for id in 0..ids {
            index.insert(hash(id.into()), id / 100, None, live(0, id / 100 + 1));
        }
        let half = live(500, 1_000);
        let (mut found, mut false_ones) = (Vec::new(), 0);
        for id in 0..2 * ids {
            found.clear();
            index.find(hash(id.into()), half, &mut found);
            let is_there = (ids / 2..ids).contains(&id);
            assert_eq!(found.contains(&(id / 100)), is_there, "{id}");
            false_ones += found.len() - usize::from(is_there);
        }
        assert!(false_ones < 5, "{false_ones}");
    }

    #[test]
    fn a_table_takes_at_most_13_bytes_for_an_id_and_shrinks_with_them() {
        let mut index = OrderIndex::new();
        let ids = 200_000_u64;
        // Ten times as many were there as are remembered.
        for id in 0..10 * ids {
            let next = id / 100 + 1;
            let oldest = next.saturating_sub(ids / 100);
            let live = LiveSegments { oldest, next };
            index.insert(hash(id.into()), id / 100, None, live);
        }
        let bytes = index.bytes() / ids;
        assert!((8..=13).contains(&bytes), "{bytes}");
        let live = LiveSegments {
            oldest: 19_800,
            next: 20_000,
        };
        index.forget();
        for _ in 0..SHARDS {
            index.sweep(live);
        }
        let left = index.bytes();
        assert!(left < 500_000, "{left}");
        index.sweep(live);
    }

    #[test]
    fn the_numbers_of_segments_may_pass_32_bits() {
        let mut index = OrderIndex::new();
        let from = u64::from(u32::MAX) - 50;
        let live = |at| LiveSegments {
            oldest: at - 10,
            next: at + 1,
        };
        for number in from..from + 100 {
            index.insert(hash(number.into()), number, None, live(number));
            let mut found = Vec::new();
            index.find(hash(number.into()), live(number), &mut found);
            assert_eq!(found, [number]);
        }
    }

    #[test]
    fn an_id_is_moved_to_another_segment() {
        let mut index = OrderIndex::new();
        let live = LiveSegments {
            oldest: 0,
            next: 10,
        };
        index.insert(hash(1), 1, None, live);
        index.insert(hash(1), 2, None, live);
        index.insert(hash(1), 2, None, live);
        index.insert(hash(1), 9, Some(1), live);
        let mut found = Vec::new();
        index.find(hash(1), live, &mut found);
        found.sort_unstable();
        assert_eq!(found, [2, 9]);
    }
}
