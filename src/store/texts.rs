//! The texts of a state: branches that are not integers, each with its number.
//!
//! A figure is stored under the number of its branch, so a text is in the batch of the first figure of it, or
//! in one before. Texts are never deleted.

use std::ops::ControlFlow;
use std::sync::Arc;

use rocksdb::WriteBatch;

use super::database::malformed;
use super::identity::{STORAGE_VERSION_TEXTS, StoredIdentity};
use super::readings::StateContext;
use super::snapshot::{Read, StateSnapshot};
use super::values::StoredValue;
use super::{Store, keys};
use crate::domain::branch::Branches;
use crate::domain::branch_texts::BranchTexts;
use crate::domain::payment::BranchId;
use crate::view::reading::ReadError;

impl Store {
    /// What the branches of this state are and what they are called, as payments and readers add to them.
    #[must_use]
    pub fn branches(&self) -> Arc<Branches> {
        Arc::clone(&self.branches)
    }
}

/// All texts of the state of `snapshot`.
pub(super) fn read(snapshot: &StateSnapshot<'_>) -> Read<BranchTexts> {
    let mut texts: Vec<String> = Vec::new();
    snapshot.texts(|key, number, text| {
        // One that is missing would give its number to another text.
        if usize::try_from(number) != Ok(texts.len()) {
            return Err(ReadError(malformed(key)));
        }
        texts.push(text);
        Ok(ControlFlow::Continue(()))
    })?;
    let count = texts.len();
    let texts = BranchTexts::restore(texts)
        .map_err(|error| ReadError(format!("its texts of branches: {error}")))?;
    // Each branch with figures has a total.
    let last = snapshot.last_branch()?.and_then(BranchId::text_number);
    match last.map(usize::try_from) {
        None => Ok(texts),
        Some(Ok(last)) if last < count => Ok(texts),
        Some(_) => Err(ReadError("the text of a branch is missing".into())),
    }
}

/// Puts the texts that are not `kept` into `batch`. Gives how many are kept then.
pub(super) fn put(
    batch: &mut WriteBatch,
    texts: &BranchTexts,
    kept: usize,
    identity: impl FnOnce() -> StoredIdentity,
) -> usize {
    let added = texts.since(kept);
    if kept == 0 && !added.is_empty() {
        let identity = identity();
        let identity = StoredIdentity {
            version: identity.version.max(STORAGE_VERSION_TEXTS),
            ..identity
        };
        batch.put(keys::identity(), identity.encode());
    }
    for (number, (_, text)) in (0_u32..).skip(kept).zip(&added) {
        batch.put(keys::text(number), text.to_string().encode());
    }
    kept + added.len()
}

impl StateContext {
    /// What is stored of the identity, for a state without texts.
    pub(super) fn identity(&self) -> StoredIdentity {
        StoredIdentity {
            version: super::identity::version_of(&self.rules),
            topic: self.topic.clone(),
            generation: self.generation,
            rules: self.rules.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::core::effect::Effects;
    use crate::domain::branch_key::BranchKey;
    use crate::domain::branch_names::BranchNames;
    use crate::domain::total::Total;
    use crate::store::journal::tests::{beginning, identity};
    use crate::store::{Error, Identity, ReadOnlyStore};

    fn key(text: &str) -> BranchKey {
        text.parse().unwrap()
    }

    fn named(names: &[(&str, &str)]) -> Identity {
        let names = names.iter();
        let names = names.map(|(branch, name)| (key(branch), (*name).to_owned()));
        Identity {
            names: Arc::new(BranchNames::new(names.collect())),
            ..identity()
        }
    }

    /// A payment of `branch`.
    fn paid(branch: BranchId) -> Effects {
        let total = Total {
            count: 1,
            ..Total::ZERO
        };
        Effects {
            totals: BTreeMap::from([(branch, total)]),
            ..beginning()
        }
    }

    /// Pays for `texts`, each in a checkpoint of its own.
    fn pay(dir: &Path, texts: &[&str]) {
        let (mut store, _) = Store::open(dir, &identity()).unwrap();
        for text in texts {
            let branch = store.branches().texts().intern(text).unwrap();
            store.commit(&paid(branch), &[], 0).unwrap();
        }
    }

    fn put(dir: &Path, key: keys::KeyBytes, value: Option<&str>) {
        let (store, _) = Store::open(dir, &identity()).unwrap();
        let mut batch = WriteBatch::default();
        match value {
            Some(value) => batch.put(key, value.to_owned().encode()),
            None => batch.delete(key),
        }
        store.database.write(batch).unwrap();
    }

    fn version(dir: &Path) -> u64 {
        ReadOnlyStore::open(dir).unwrap().unwrap().version()
    }

    #[test]
    fn texts_come_back_with_their_numbers() {
        let dir = tempfile::tempdir().unwrap();
        pay(dir.path(), &["DE/1", "Ä 🏪"]);
        pay(dir.path(), &["Ä 🏪", "x"]);
        let (store, _) = Store::open(dir.path(), &identity()).unwrap();
        let texts: Vec<String> = store
            .branches()
            .texts()
            .since(0)
            .into_iter()
            .map(|(_, text)| text.to_string())
            .collect();
        assert_eq!(texts, ["DE/1", "Ä 🏪", "x"]);
        let readings = store.readings();
        let totals = readings.query(|reading| reading.all_totals()).unwrap();
        let branches = store.branches();
        let counts = totals
            .iter()
            .map(|(branch, total)| (branches.name(*branch).into_owned(), total.count));
        let expected = [("DE/1", 1), ("Ä 🏪", 2), ("x", 1)];
        assert!(counts.eq(expected.map(|(name, count)| (name.to_owned(), count))));
        let still = ReadOnlyStore::open(dir.path()).unwrap().unwrap();
        let read = still.branches(&Arc::default()).unwrap();
        assert_eq!(read.id(&key("x")), branches.id(&key("x")));
        assert_eq!(still.stats().unwrap().keys.get("texts"), Some(&3));
    }

    #[test]
    fn a_program_from_before_texts_reads_a_state_until_it_has_one() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(dir.path(), &named(&[("7", "Quay")])).unwrap();
        store
            .commit(&paid(BranchId::new(7).unwrap()), &[], 0)
            .unwrap();
        assert_eq!(version(dir.path()), 4);
        // It was seen, though no figure is of it yet.
        store.branches().texts().intern("DE").unwrap();
        assert_eq!(version(dir.path()), 4);
        store.commit(&beginning(), &[], 0).unwrap();
        assert_eq!(version(dir.path()), 5);
        drop(store);
        drop(Store::open(dir.path(), &identity()).unwrap());
        assert_eq!(version(dir.path()), 5);
    }

    #[test]
    fn the_bytes_of_a_text_are_frozen() {
        let dir = tempfile::tempdir().unwrap();
        pay(dir.path(), &["a", "Ä/1"]);
        let (store, _) = Store::open(dir.path(), &identity()).unwrap();
        let kept = store.database.get(&keys::text(1)).unwrap().unwrap();
        assert_eq!(&kept[..], b"\x04\xc3\x84/1");
        let identity = store.database.get(&keys::identity()).unwrap().unwrap();
        assert_eq!(&identity[..], b"\x05\x01t\x01\x00");
    }

    #[test]
    fn a_text_that_is_listed_is_kept_from_the_start() {
        let dir = tempfile::tempdir().unwrap();
        drop(Store::open(dir.path(), &named(&[("B", "Quay"), ("7", "Pier")])).unwrap());
        assert_eq!(version(dir.path()), 5);
        // Also in a state that has none yet, or others.
        let (store, _) = Store::open(dir.path(), &named(&[("A", "Mole"), ("B", "Quay")])).unwrap();
        let branches = store.branches();
        let names = branches.configured().iter().map(|id| branches.name(*id));
        assert_eq!(names.collect::<Vec<_>>(), ["Quay", "Mole"]);
        drop(store);
        // What is of another topic yet takes its texts with it.
        let other = Identity {
            topic: "refunds".into(),
            ..identity()
        };
        let (store, _) = Store::open(dir.path(), &other).unwrap();
        assert_eq!(store.branches().texts().len(), 2);
        assert_eq!(version(dir.path()), 5);
    }

    #[test]
    fn a_text_that_must_give_up_its_name_has_its_documents_marked_again() {
        for (taken, is_marked) in [("Mitte", true), ("Nord", false)] {
            let dir = tempfile::tempdir().unwrap();
            pay(dir.path(), &["Mitte"]);
            let (store, _) = Store::open(dir.path(), &named(&[("1", taken)])).unwrap();
            assert_eq!(store.is_marking(), is_marked, "{taken}");
        }
    }

    #[test]
    fn a_state_that_lacks_a_text_or_has_one_that_is_none_is_refused() {
        let text = keys::text;
        let cases = [
            (text(0), None),
            // A figure is of it.
            (text(1), None),
            (text(1), Some("a")),
            (text(1), Some("7")),
            (text(1), Some("")),
            (text(1), Some("b\n")),
            (text(3), Some("c")),
        ];
        for (key, value) in cases {
            let dir = tempfile::tempdir().unwrap();
            pay(dir.path(), &["a", "b"]);
            put(dir.path(), key, value);
            let refused = Store::open(dir.path(), &identity()).unwrap_err();
            assert!(
                matches!(refused, Error::Damaged { .. }),
                "{value:?}: {refused}"
            );
            let still = ReadOnlyStore::open(dir.path()).unwrap().unwrap();
            still.branches(&Arc::default()).unwrap_err();
        }
    }

    #[test]
    #[should_panic(expected = "branches of another state")]
    fn a_figure_without_its_text_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(dir.path(), &identity()).unwrap();
        let branch = BranchId::of_text(0).unwrap();
        let _ = store.commit(&paid(branch), &[], 0);
    }
}
