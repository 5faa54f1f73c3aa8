//! Which payments of an id counted, as far as they are remembered.

use std::cmp::Reverse;

use super::SeenPartition;
use crate::core::seen_orders::index::{Gap, IdHash, LivePlaces};
use crate::core::seen_orders::kept::{KeptOrders, KeptOrdersError};
use crate::core::seen_orders::{OrderSegment, SeenOrder};
use crate::domain::payment::OrderId;

/// A payment of an id that counted.
#[derive(Clone, Copy)]
pub(super) struct FoundOrder {
    /// Its number among the ids of the partition.
    pub(super) id_number: u64,
    pub(super) order: SeenOrder,
}

/// How an id that was looked for is found once it counts again.
#[derive(Clone, Copy, Default)]
pub(super) struct Location {
    /// Its hash.
    hash: Option<IdHash>,
    /// No longer at this place.
    crowded: Option<u64>,
    /// Here in the table, if nothing has changed since.
    gap: Option<Gap>,
}

impl Location {
    /// An id of this hash that was not there.
    #[inline]
    pub(super) fn at(hash: IdHash, gap: Option<Gap>) -> Self {
        Self {
            hash: Some(hash),
            crowded: None,
            gap,
        }
    }
}

/// A payment is compared with so many of its id that counted, the newest. More are there only if their event times are far
/// apart.
const COMPARED_MAX: usize = 4;

impl SeenPartition {
    /// The places at which an id of this hash may be. If there are none, also where the table has room for it.
    #[inline]
    pub(super) fn search(&self, hash: IdHash) -> (Vec<u64>, Option<Gap>) {
        let mut places = Vec::new();
        let gap = self.index.find(hash, self.live(), &mut places);
        (places, gap)
    }

    /// The payments of `id` that counted, at these places: the newest, and the newest first. If they are as many as are
    /// compared, the last of them need not be found any more once the id counts again.
    pub(super) fn compare(
        &self,
        mut places: Vec<u64>,
        id: OrderId,
        hash: IdHash,
        kept: &dyn KeptOrders,
    ) -> Result<(Vec<FoundOrder>, Location), KeptOrdersError> {
        places.sort_unstable_by_key(|place| Reverse(*place));
        let (mut found, mut crowded) = (Vec::new(), None);
        for place in places {
            let (segment, place_in_it) = parts(place);
            let (id_number, order) = match self.in_memory(segment) {
                Some(newest) => newest.get(place_in_it)?,
                None => kept.get(self.partition, segment, place_in_it)?,
            };
            // Another id may have the same hash.
            if order.id() == id {
                found.push(FoundOrder { id_number, order });
            }
            if found.len() == COMPARED_MAX {
                crowded = Some(place);
                break;
            }
        }
        let location = Location {
            hash: Some(hash),
            crowded,
            gap: None,
        };
        Ok((found, location))
    }

    /// See [`SeenOrders::prefetch_found`](crate::core::seen_orders::SeenOrders::prefetch_found).
    #[inline]
    pub(in crate::core::seen_orders) fn prefetch_found(&self, hash: IdHash, kept: &dyn KeptOrders) {
        let Some(place) = self.index.glance(hash, self.live()) else {
            return;
        };
        let (segment, place_in_it) = parts(place);
        if self.in_memory(segment).is_none() {
            kept.prefetch(self.partition, segment, place_in_it);
        }
    }

    fn in_memory(&self, number: u64) -> Option<&OrderSegment> {
        let first = self.newest.front()?.number;
        let at = usize::try_from(number.checked_sub(first)?).ok()?;
        self.newest.get(at)
    }

    /// Has the table find an id of this hash at `place`.
    #[inline]
    pub(super) fn locate(&mut self, hash: IdHash, place: u64, location: Location) {
        let Location { crowded, gap, .. } = match location.hash == Some(hash) {
            true => location,
            false => Location::default(),
        };
        let live = self.live();
        self.index.insert(hash, place, crowded, live, gap);
    }

    /// The places of all segments that are remembered. They are fewer than 2^32: no more segments than
    /// [`DuplicateRule::IDS_MAX`](crate::core::seen_orders::DuplicateRule::IDS_MAX) /
    /// [`GROWS_BELOW`](super::GROWS_BELOW), and those that are about to be forgotten.
    #[inline]
    pub(super) fn live(&self) -> LivePlaces {
        LivePlaces::new(place_of(self.oldest, 0), place_of(self.next_segment(), 0))
    }
}

/// The place of the id that has `place` in a segment.
pub(super) fn place_of(segment: u64, place: usize) -> u64 {
    segment * OrderSegment::LEN_MAX as u64 + place as u64
}

/// The segment of a place, and the place in it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "less than the length of a segment"
)]
fn parts(place: u64) -> (u64, usize) {
    let len = OrderSegment::LEN_MAX as u64;
    (place / len, (place % len) as usize)
}
