//! The names of the branches.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::payment::BranchId;

/// The configured names of branches; a branch that is not listed is `Branch_<id>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Branches {
    names: BTreeMap<BranchId, String>,
}

impl Branches {
    /// The table of `names`.
    #[must_use]
    pub fn new(names: BTreeMap<BranchId, String>) -> Self {
        Self { names }
    }

    /// The name shown for `id`.
    #[must_use]
    pub fn name(&self, id: BranchId) -> Cow<'_, str> {
        match self.names.get(&id) {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(format!("Branch_{id}")),
        }
    }

    /// The branch that `text` names: a configured name, `Branch_<id>`, or the id itself.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<BranchId> {
        self.names
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(id, _)| *id)
            .or_else(|| text.parse().ok())
            .or_else(|| {
                let id = text.strip_prefix("Branch_")?.parse().ok()?;
                (self.name(id) == text).then_some(id)
            })
    }

    /// The configured branches, by id.
    pub fn configured(&self) -> impl Iterator<Item = BranchId> + '_ {
        self.names.keys().copied()
    }

    /// The configured names, by id.
    #[must_use]
    pub const fn names(&self) -> &BTreeMap<BranchId, String> {
        &self.names
    }

    /// The branches that have another name in `other`.
    pub fn renamed_in<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = BranchId> + 'a {
        let ids: BTreeSet<BranchId> = self.configured().chain(other.configured()).collect();
        ids.into_iter()
            .filter(|id| self.name(*id) != other.name(*id))
    }

    /// Whether `id` has a configured name.
    #[must_use]
    pub fn is_configured(&self, id: BranchId) -> bool {
        self.names.contains_key(&id)
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

    fn branch(id: u32) -> BranchId {
        BranchId::new(id).unwrap()
    }

    fn named(names: &[(u32, &str)]) -> Branches {
        let names = names.iter();
        Branches::new(
            names
                .map(|(id, name)| (branch(*id), (*name).into()))
                .collect(),
        )
    }

    #[test]
    fn a_branch_has_its_configured_name_or_one_by_its_id() {
        let branches = named(&[(1, "Mitte"), (4, "Branch_5")]);
        assert_eq!(branches.name(branch(1)), "Mitte");
        assert_eq!(branches.name(branch(2)), "Branch_2");
        let configured: Vec<BranchId> = branches.configured().collect();
        assert_eq!(configured, [branch(1), branch(4)]);
        assert!(branches.is_configured(branch(4)) && !branches.is_configured(branch(5)));
    }

    #[test]
    fn two_branches_are_two_keys_of_the_engine() {
        let numbers = [0, 1, 9_999].map(|id| tidegauge_windows::Key::number(branch(id)));
        assert_eq!(numbers, [0, 1, 9_999]);
    }

    #[test]
    fn a_branch_is_found_by_its_name_before_its_id() {
        let branches = named(&[(1, "Mitte"), (2, "3"), (4, "Branch_5")]);
        let found = |text| branches.find(text).map(BranchId::get);
        assert_eq!(found("Mitte"), Some(1));
        assert_eq!(found("3"), Some(2));
        assert_eq!(found("7"), Some(7));
        assert_eq!(found("Branch_7"), Some(7));
        assert_eq!(found("Branch_5"), Some(4));
        // It has another name.
        assert_eq!(found("Branch_1"), None);
        // Not as its name is written.
        assert_eq!(found("Branch_07"), None);
        assert_eq!(found("Nord"), None);
    }

    #[test]
    fn renamed_are_those_that_are_shown_with_another_name() {
        let before = named(&[(1, "Mitte"), (2, "Nord"), (3, "Ost"), (4, "Branch_4")]);
        let after = named(&[(1, "Mitte"), (2, "Nord 2"), (6, "West"), (7, "Branch_7")]);
        let renamed: Vec<u32> = before.renamed_in(&after).map(BranchId::get).collect();
        assert_eq!(renamed, [2, 3, 6]);
    }
}
