//! The branches of one state: what each is, and what it is called.

use std::borrow::Cow;
use std::sync::Arc;

use crate::domain::branch_key::BranchKey;
use crate::domain::branch_names::BranchNames;
use crate::domain::branch_texts::BranchTexts;
use crate::domain::payment::BranchId;

/// The names of branches, with the texts that one state has seen: what a [`BranchId`] of that state means.
#[derive(Clone, Debug, Default)]
pub struct Branches {
    names: Arc<BranchNames>,
    texts: Arc<BranchTexts>,
    configured: Vec<BranchId>,
}

impl Branches {
    /// Branches with `names`, of the state that has seen `texts`. Texts that are listed become texts of the
    /// state, if they are not yet.
    #[must_use]
    pub fn new(names: Arc<BranchNames>, texts: Arc<BranchTexts>) -> Self {
        // A table that is full takes no more: its payments would be refused as well.
        let listed = names
            .configured()
            .filter_map(|key| texts.intern_key(key).ok());
        let mut configured: Vec<BranchId> = listed.collect();
        configured.sort_unstable();
        Self {
            configured,
            names,
            texts,
        }
    }

    /// Branches with `names` in a state that has seen none.
    #[must_use]
    pub fn of_names(names: &Arc<BranchNames>) -> Self {
        Self::new(Arc::clone(names), Arc::default())
    }

    /// The texts.
    #[must_use]
    pub const fn texts(&self) -> &Arc<BranchTexts> {
        &self.texts
    }

    /// The listed names.
    #[must_use]
    pub const fn names(&self) -> &Arc<BranchNames> {
        &self.names
    }

    /// What `id` is.
    #[must_use]
    pub fn key(&self, id: BranchId) -> BranchKey {
        // A state holds no branch whose text it does not have: opening and writing see to it.
        let missing = || BranchKey::Text(format!("text {} of an unknown state", id.get()).into());
        self.texts.key(id).unwrap_or_else(missing)
    }

    /// Whether `id` is a branch that there may be: an integer, or a text that was seen.
    #[must_use]
    pub fn has(&self, id: BranchId) -> bool {
        self.texts.key(id).is_some()
    }

    /// The branch that `key` is, if it is an integer or a text that was seen.
    #[must_use]
    pub fn id(&self, key: &BranchKey) -> Option<BranchId> {
        match key {
            BranchKey::Integer(id) => Some(*id),
            BranchKey::Text(text) => self.texts.find(text),
        }
    }

    /// The name shown for `id`.
    #[must_use]
    pub fn name(&self, id: BranchId) -> Cow<'_, str> {
        let name = |key: &BranchKey| self.names.name(key).into_owned();
        match id.is_text() {
            false => match self.names.names().get(&BranchKey::Integer(id)) {
                Some(name) => Cow::Borrowed(name),
                None => Cow::Owned(name(&BranchKey::Integer(id))),
            },
            true => Cow::Owned(name(&self.key(id))),
        }
    }

    /// The configured branches, in order.
    #[must_use]
    pub fn configured(&self) -> &[BranchId] {
        &self.configured
    }

    /// Whether `id` has a configured name.
    #[must_use]
    pub fn is_configured(&self, id: BranchId) -> bool {
        self.configured.binary_search(&id).is_ok()
    }
}

impl tidegauge_windows::Key for BranchId {
    fn number(self) -> u64 {
        self.get().into()
    }

    const FIRST: Self = match Self::new(0) {
        Some(first) => first,
        None => Self::MAX,
    };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn branches_are_called_the_same_whatever_number_their_text_has() {
        let key = |text: &str| text.parse::<BranchKey>().unwrap();
        let names = [(key("1"), "Mitte".into()), (key("DE"), "Hamburg".into())];
        let names = Arc::new(BranchNames::new(names.into()));
        for seen in [["X", "Mitte", "DE"], ["DE", "X", "Mitte"]] {
            let texts = Arc::new(BranchTexts::restore(seen).unwrap());
            let branches = Branches::new(Arc::clone(&names), texts);
            let name = |text: &str| {
                let id = branches.id(&key(text)).unwrap();
                assert_eq!(branches.key(id), key(text));
                branches.name(id).into_owned()
            };
            assert_eq!(name("DE"), "Hamburg");
            assert_eq!(name("X"), "X");
            assert_eq!(name("Mitte"), "Branch_Mitte");
            assert_eq!(name("1"), "Mitte");
            assert_eq!(name("2"), "Branch_2");
            assert_eq!(branches.id(&key("new")), None);
        }
    }

    #[test]
    fn texts_that_are_listed_are_texts_of_the_state_and_configured_in_order() {
        let key = |text: &str| text.parse::<BranchKey>().unwrap();
        let names = [
            (key("9"), "a".into()),
            (key("B"), "b".into()),
            (key("A"), "c".into()),
        ];
        let texts = Arc::new(BranchTexts::restore(["B"]).unwrap());
        let branches = Branches::new(Arc::new(BranchNames::new(names.into())), texts);
        let text = |number| BranchId::of_text(number).unwrap();
        assert_eq!(
            branches.configured(),
            [BranchId::new(9).unwrap(), text(0), text(1)]
        );
        assert_eq!(branches.key(text(1)), key("A"));
        assert!(branches.is_configured(text(1)) && !branches.is_configured(text(2)));
        assert!(!branches.is_configured(BranchId::new(8).unwrap()));
    }

    #[test]
    fn two_branches_are_two_keys_of_the_engine() {
        let ids = [BranchId::new(0), BranchId::new(9_999), BranchId::of_text(0)];
        let numbers = ids.map(|id| tidegauge_windows::Key::number(id.unwrap()));
        assert_eq!(numbers, [0, 9_999, 1 << 31]);
    }
}
