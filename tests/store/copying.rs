//! A copy of a state, made from a reading.

use tempfile::tempdir;
use tidegauge::store::ReadOnlyStore;
use tidegauge_windows::Span;

use super::copy;
use super::feed::{Feed, open};
use super::fixture::fixture;

#[test]
fn a_copy_of_a_state_of_version_1_is_gone_on_from_like_the_state_itself() {
    let (first, second) = (tempdir().unwrap(), tempdir().unwrap());
    copy(&fixture(), first.path());
    let still = ReadOnlyStore::open(first.path()).unwrap().unwrap();
    let target = second.path().join("copy");
    let keys = still.copy_to(&target).unwrap();
    let copied = ReadOnlyStore::open(&target).unwrap().unwrap();
    assert_eq!(copied.version(), 1);
    assert_eq!(copied.topic(), still.topic());
    assert_eq!(copied.rules(), still.rules());
    assert_eq!(copied.checkpoint(), still.checkpoint());
    let (ours, theirs) = (copied.stats().unwrap(), still.stats().unwrap());
    assert_eq!(ours.keys, theirs.keys);
    assert_eq!(ours.keys.values().sum::<u64>(), keys);
    // Nothing is written over a state.
    assert!(still.copy_to(&target).is_err());

    drop((still, copied));
    let feed = Feed::new(Span::DAY.times(35));
    let (_, original) = open(first.path(), &feed.settings);
    let (_, recovered) = open(&target, &feed.settings);
    assert_eq!(recovered.progress, original.progress);
    assert_eq!(recovered.ledger, original.ledger);
    assert_eq!(recovered.known, original.known);
}
