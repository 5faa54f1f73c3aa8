//! The names of branches, as far as the configuration gives them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::branch_key::BranchKey;

/// Names by branch. Every branch that can be has a name, and no two have the same, whichever are seen:
///
/// - a branch that is listed has the listed name;
/// - an integer that is not listed is `Branch_<integer>`;
/// - a text that is not listed is called what it is. If it begins with `Branch_`, or is the listed name of
///   another branch, it is `Branch_<text>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BranchNames {
    names: BTreeMap<BranchKey, String>,
    by_name: BTreeMap<String, BranchKey>,
    has_texts: bool,
}

/// What the name of a branch begins with if its own text can't be its name.
const PREFIX: &str = "Branch_";

impl BranchNames {
    /// The table of `names`. No two branches may have the same name, or [`BranchNames::unlisted`] that of
    /// another. Branches may be texts if one that is listed is.
    #[must_use]
    pub fn new(names: BTreeMap<BranchKey, String>) -> Self {
        let by_name = names.iter();
        Self {
            by_name: by_name
                .map(|(key, name)| (name.clone(), key.clone()))
                .collect(),
            has_texts: names.keys().any(BranchKey::is_text),
            names,
        }
    }

    /// The same names, where branches may be texts although none that is listed is.
    #[must_use]
    pub fn with_texts(self) -> Self {
        Self {
            has_texts: true,
            ..self
        }
    }

    /// Whether branches may be texts. If not, all of them are integers. Follows from the configuration
    /// alone, not from what was read.
    #[must_use]
    pub const fn has_texts(&self) -> bool {
        self.has_texts
    }

    /// The name of branch `key`.
    #[must_use]
    pub fn name<'a>(&'a self, key: &'a BranchKey) -> Cow<'a, str> {
        match (self.names.get(key), key) {
            (Some(name), _) => Cow::Borrowed(name),
            (None, BranchKey::Text(text)) if !self.is_taken(text) => Cow::Borrowed(text),
            (None, _) => Cow::Owned(format!("{PREFIX}{key}")),
        }
    }

    /// Whether `text` can't be the name of the branch that is this text and is not listed.
    fn is_taken(&self, text: &str) -> bool {
        text.starts_with(PREFIX) || self.by_name.contains_key(text)
    }

    /// The branch that is called `name` as it is not listed, but for branches whose name is their own text.
    #[must_use]
    pub fn unlisted(&self, name: &str) -> Option<BranchKey> {
        let key: BranchKey = name.strip_prefix(PREFIX)?.parse().ok()?;
        (!self.names.contains_key(&key) && self.name(&key) == name).then_some(key)
    }

    /// The branch that `text` names: by its name, and otherwise by its integer or text. It need not have
    /// been seen.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<BranchKey> {
        let named = self.by_name.get(text).cloned();
        let key = named.or_else(|| self.unlisted(text));
        key.or_else(|| text.parse().ok())
            .filter(|key| self.has_texts || !key.is_text())
    }

    /// The branches that are listed, in order.
    pub fn configured(&self) -> impl Iterator<Item = &BranchKey> {
        self.names.keys()
    }

    /// The listed names, by branch.
    #[must_use]
    pub const fn names(&self) -> &BTreeMap<BranchKey, String> {
        &self.names
    }

    /// The branches whose name follows from the listed ones, or is one of them: all others are called the
    /// same in every configuration. They need not have been seen.
    pub fn concerned(&self) -> BTreeSet<BranchKey> {
        let taken = self.by_name.keys();
        let taken = taken.filter_map(|name| name.parse().ok());
        let taken = taken.filter(BranchKey::is_text);
        self.names.keys().cloned().chain(taken).collect()
    }

    /// The branches that have another name in `other`. They need not have been seen.
    pub fn renamed_in<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = BranchKey> + 'a {
        let mut keys = self.concerned();
        keys.extend(other.concerned());
        keys.into_iter()
            .filter(|key| self.name(key) != other.name(key))
    }

    /// Whether `key` is listed.
    #[must_use]
    pub fn is_listed(&self, key: &BranchKey) -> bool {
        self.names.contains_key(key)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> BranchKey {
        text.parse().unwrap()
    }

    fn named(names: &[(&str, &str)]) -> BranchNames {
        let names = names.iter();
        BranchNames::new(
            names
                .map(|(id, name)| (key(id), (*name).to_owned()))
                .collect(),
        )
    }

    fn found(names: &BranchNames, text: &str) -> Option<String> {
        names.find(text).map(|key| key.to_string())
    }

    #[test]
    fn a_branch_has_its_listed_name_or_one_by_what_it_is() {
        let names = named(&[("1", "Mitte"), ("4", "Branch_5"), ("DE-0042", "Hamburg")]);
        let name = |text| names.name(&key(text)).into_owned();
        assert_eq!(name("1"), "Mitte");
        assert_eq!(name("2"), "Branch_2");
        assert_eq!(name("DE-0042"), "Hamburg");
        assert_eq!(name("DE/12 é🏪"), "DE/12 é🏪");
        assert_eq!(name("007"), "007");
        assert!(names.is_listed(&key("4")) && !names.is_listed(&key("5")));
        let listed: Vec<String> = names.configured().map(ToString::to_string).collect();
        assert_eq!(listed, ["1", "4", "DE-0042"]);
    }

    #[test]
    fn a_text_that_is_the_name_of_another_branch_is_called_otherwise() {
        let names = named(&[("1", "Mitte"), ("DE", "Store Hamburg")]);
        let name = |text| names.name(&key(text)).into_owned();
        assert_eq!(name("Mitte"), "Branch_Mitte");
        assert_eq!(name("Store Hamburg"), "Branch_Store Hamburg");
        assert_eq!(name("Branch_7"), "Branch_Branch_7");
        assert_eq!(name("Branch_Mitte"), "Branch_Branch_Mitte");
        assert_eq!(name("Branch_"), "Branch_Branch_");
        assert_eq!(found(&names, "Mitte").as_deref(), Some("1"));
        assert_eq!(found(&names, "Branch_Mitte").as_deref(), Some("Mitte"));
        assert_eq!(found(&names, "Branch_7").as_deref(), Some("7"));
        assert_eq!(
            found(&names, "Branch_Branch_7").as_deref(),
            Some("Branch_7")
        );
        assert_eq!(found(&names, "DE").as_deref(), Some("DE"));
    }

    #[test]
    fn a_branch_is_found_by_its_name_before_its_id() {
        let names = named(&[("1", "Mitte"), ("2", "3"), ("4", "Branch_5")]);
        let found_in = |names: &BranchNames, text| found(names, text);
        for (text, id) in [
            ("Mitte", "1"),
            ("3", "2"),
            ("7", "7"),
            ("Branch_7", "7"),
            ("Branch_5", "4"),
        ] {
            assert_eq!(found_in(&names, text).as_deref(), Some(id), "{text}");
        }
        // It has another name; not as its name is written; no text can be a branch.
        for text in ["Branch_1", "Branch_07", "Nord", "", "a\n"] {
            assert_eq!(found_in(&names, text), None, "{text}");
        }
        let names = names.with_texts();
        for (text, id) in [("Branch_1", "Branch_1"), ("Nord", "Nord"), ("3", "2")] {
            assert_eq!(found_in(&names, text).as_deref(), Some(id), "{text}");
        }
        for text in ["", "a\n"] {
            assert_eq!(found_in(&names, text), None, "{text}");
        }
    }

    #[test]
    fn texts_are_possible_if_one_is_listed_or_the_configuration_says_so() {
        assert!(!named(&[("1", "Mitte")]).has_texts());
        assert!(named(&[("A", "Mitte")]).has_texts());
        assert!(named(&[("1", "Mitte")]).with_texts().has_texts());
    }

    #[test]
    fn renamed_are_those_that_are_shown_with_another_name() {
        let before = named(&[
            ("1", "Mitte"),
            ("2", "Nord"),
            ("3", "Ost"),
            ("4", "Branch_4"),
        ]);
        let after = named(&[
            ("1", "Mitte"),
            ("2", "Nord 2"),
            ("6", "West"),
            ("7", "Branch_7"),
        ]);
        let renamed: Vec<String> = before
            .renamed_in(&after)
            .map(|key| key.to_string())
            .collect();
        // A text may take over a name that is not listed any more, or have to give one up.
        assert_eq!(renamed, ["2", "3", "6", "Nord", "Nord 2", "Ost", "West"]);
    }

    proptest! {
        // Whatever is listed, as far as it is not refused, and whatever is seen.
        #[test]
        fn no_two_branches_have_the_same_name_and_each_is_found_by_it(
            listed in prop::collection::btree_map("(Branch_)?[a0-2]{1,2}", "(Branch_){0,2}[a0-2]{1,2}", 0..6),
            seen in prop::collection::btree_set("(Branch_){0,3}[a0-2]{1,2}", 0..40),
        ) {
            let names = BranchNames::new(listed.iter().map(|(id, name)| (key(id), name.clone())).collect());
            let names = names.with_texts();
            // As the configuration refuses them.
            let is_other = |id: &BranchKey, name: &str| {
                let is_id = name.parse().is_ok_and(|other: BranchKey| {
                    other != *id && (!other.is_text() || names.is_listed(&other))
                });
                is_id || names.unlisted(name).is_some_and(|other| other != *id)
            };
            prop_assume!(names.by_name.len() == names.names.len());
            prop_assume!(!names.names.iter().any(|(id, name)| is_other(id, name)));
            let keys: BTreeSet<BranchKey> = seen.iter().chain(listed.keys()).map(|it| key(it)).collect();
            let mut by_name = BTreeMap::new();
            for one in &keys {
                let name = names.name(one).into_owned();
                prop_assert_eq!(names.find(&name), Some(one.clone()), "{}", name);
                prop_assert_eq!(by_name.insert(name, one), None);
            }
        }
    }
}
