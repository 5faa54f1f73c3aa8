use super::*;

fn hash(number: i128) -> IdHash {
    IdHash::of(OrderId::Number(number), 7)
}

#[test]
fn every_id_is_found_and_what_is_forgotten_is_not() {
    let mut index = OrderIndex::new();
    let ids = 100_000_u64;
    let live = LivePlaces::new;
    for id in 0..ids {
        index.insert(hash(id.into()), id / 100, None, live(0, id / 100 + 1), None);
    }
    let half = live(500, 1_000);
    let (mut found, mut false_ones, mut at_a_glance) = (Vec::new(), 0, 0);
    for id in 0..2 * ids {
        found.clear();
        index.find(hash(id.into()), half, &mut found);
        let is_there = (ids / 2..ids).contains(&id);
        assert_eq!(found.contains(&(id / 100)), is_there, "{id}");
        let glanced = index.glance(hash(id.into()), half);
        assert!(glanced.is_none_or(|place| found.contains(&place)), "{id}");
        at_a_glance += usize::from(glanced.is_some());
        false_ones += found.len() - usize::from(is_there);
    }
    assert!(false_ones < 5, "{false_ones}");
    assert!(at_a_glance > 30_000, "{at_a_glance}");
}

/// As payments do: each id is looked for, and is put where it was not found. Places are forgotten meanwhile.
#[test]
fn an_id_that_is_put_into_the_gap_that_was_found_is_found_until_it_is_forgotten() {
    let mut index = OrderIndex::new();
    let (ids, kept) = (300_000_u64, 40_000);
    for id in 0..ids {
        let live = LivePlaces::new(id.saturating_sub(kept), id + 1);
        let mut found = Vec::new();
        let gap = index.find(hash(id.into()), live, &mut found);
        // Another id may have the same hash.
        assert!(found.is_empty() || gap.is_none());
        index.insert(hash(id.into()), id, None, live, gap);
        for (other, is_kept) in [
            (id, true),
            (id.saturating_sub(kept), true),
            (id / 2, id / 2 + kept >= id),
        ] {
            found.clear();
            index.find(hash(other.into()), live, &mut found);
            assert_eq!(found.contains(&other), is_kept, "{other} after {id}");
        }
        if id % 1_000 == 0 {
            index.forget();
        }
        index.sweep(live);
    }
    assert!(index.bytes() < 20 * kept + 100_000, "{}", index.bytes());
}

#[test]
fn a_table_takes_at_most_15_bytes_for_an_id_and_shrinks_with_them() {
    let mut index = OrderIndex::new();
    let ids = 200_000_u64;
    // Ten times as many were there as are remembered.
    for id in 0..10 * ids {
        let next = id / 100 + 1;
        let oldest = next.saturating_sub(ids / 100);
        let live = LivePlaces::new(oldest, next);
        index.insert(hash(id.into()), id / 100, None, live, None);
    }
    let bytes = index.bytes() / ids;
    assert!((8..=15).contains(&bytes), "{bytes}");
    let live = LivePlaces::new(19_800, 20_000);
    index.forget();
    for _ in 0..SHARDS {
        index.sweep(live);
    }
    let left = index.bytes();
    assert!(left < 500_000, "{left}");
    index.sweep(live);
}

#[test]
fn places_may_pass_32_bits() {
    let mut index = OrderIndex::new();
    let from = u64::from(u32::MAX) - 50;
    let live = |at| LivePlaces::new(at - 10, at + 1);
    for number in from..from + 100 {
        index.insert(hash(number.into()), number, None, live(number), None);
        let mut found = Vec::new();
        index.find(hash(number.into()), live(number), &mut found);
        assert_eq!(found, [number]);
    }
}

#[test]
fn an_id_is_moved_to_another_place() {
    let mut index = OrderIndex::new();
    let live = LivePlaces::new(0, 10);
    index.insert(hash(1), 1, None, live, None);
    index.insert(hash(1), 2, None, live, None);
    index.insert(hash(1), 2, None, live, None);
    index.insert(hash(1), 9, Some(1), live, None);
    let mut found = Vec::new();
    index.find(hash(1), live, &mut found);
    found.sort_unstable();
    assert_eq!(found, [2, 9]);
}
