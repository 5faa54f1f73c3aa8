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
