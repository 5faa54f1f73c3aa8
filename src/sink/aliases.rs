//! Which indexes readers see: those of one generation, at any time.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::index::{DocumentKind, Names};
use crate::core::feedback::Family;

/// The aliases that each index has.
pub(super) type Holders = BTreeMap<String, BTreeSet<String>>;

/// A change of one alias, as Elasticsearch is asked for it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action {
    /// The index gets the alias.
    Add { index: String, alias: String },
    /// The index loses it.
    Remove { index: String, alias: String },
}

impl Action {
    /// Whether readers lose sight of an index by it.
    pub(super) const fn takes_away(&self) -> bool {
        matches!(self, Self::Remove { .. })
    }

    /// What is wrong with the aliases until this action is done, for the status.
    pub(super) fn complaint(&self) -> String {
        match self {
            Self::Add { index, alias } => format!("the index {index} lacks the alias {alias}"),
            Self::Remove { index, alias } => format!(
                "the index {index} has the alias {alias}, and is of a generation that is not live"
            ),
        }
    }
}

/// What must change for the public aliases to point to all indexes of the generation of `names`, and
/// to none of another: nothing if they do. `legacy` is a second alias of the totals. Aliases of
/// other names stay as they are.
pub(super) fn changes(names: &Names, legacy: Option<&str>, holders: &Holders) -> Vec<Action> {
    let mut actions = Vec::new();
    for (index, aliases) in holders {
        let Some((generation, public)) = names.published(index) else {
            continue;
        };
        let own = names
            .family(index)
            .filter(|_| generation == names.generation());
        let is_totals = public == names.alias(DocumentKind::of(Family::Totals));
        let legacy = legacy.filter(|_| is_totals).map(str::to_owned);
        for alias in [Some(public), legacy].into_iter().flatten() {
            let index = index.clone();
            match (own.is_some(), aliases.contains(&alias)) {
                (true, false) => actions.push(Action::Add { index, alias }),
                (false, true) => actions.push(Action::Remove { index, alias }),
                (true, true) | (false, false) => {}
            }
        }
    }
    actions
}

/// The generation that all public aliases point to, if it is another than that of `names`.
pub(super) fn other_audience(names: &Names, holders: &Holders) -> Option<u32> {
    let seen = audience(names, holders);
    let is_elsewhere = !seen.contains(&names.generation());
    seen.last().copied().filter(|_| is_elsewhere)
}

/// The first index of each other generation that a public alias points to, and the alias.
pub(super) fn seen_elsewhere(names: &Names, holders: &Holders) -> Vec<(String, String)> {
    let mut found = BTreeMap::new();
    for (index, aliases) in holders {
        if let Some((generation, public)) = names.published(index)
            && generation != names.generation()
            && aliases.contains(&public)
        {
            found
                .entry(generation)
                .or_insert_with(|| (index.clone(), public));
        }
    }
    found.into_values().collect()
}

/// Whether public aliases point to the generation of `names`, and to no other.
pub(super) fn are_here(names: &Names, holders: &Holders) -> bool {
    audience(names, holders) == [names.generation()].into()
}

/// The generations that public aliases point to: one, or none while there is no index.
pub(super) fn audience(names: &Names, holders: &Holders) -> BTreeSet<u32> {
    holders
        .iter()
        .filter_map(|(index, aliases)| {
            let (generation, public) = names.published(index)?;
            aliases.contains(&public).then_some(generation)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Config;
    use super::*;
    use tidegauge_windows::{Definition, Span};

    fn names(generation: u32) -> Names {
        let mut config = Config::new("http://127.0.0.1:1").unwrap();
        config.generation = generation;
        config.former_windows = vec!["5m".into()];
        let utc = chrono_tz::UTC;
        let minute = Definition::tumbling("1m", Span::MINUTE, Span::ZERO, utc).unwrap();
        Names::new(&config, &[minute])
    }

    fn holders(of: &[(&str, &[&str])]) -> Holders {
        of.iter()
            .map(|(index, aliases)| {
                let aliases = aliases.iter().map(|alias| (*alias).to_owned());
                ((*index).to_owned(), aliases.collect())
            })
            .collect()
    }

    fn apply(holders: &mut Holders, actions: &[Action]) {
        for action in actions {
            match action.clone() {
                Action::Add { index, alias } => {
                    assert!(holders.get_mut(&index).unwrap().insert(alias));
                }
                Action::Remove { index, alias } => {
                    assert!(holders.get_mut(&index).unwrap().remove(&alias));
                }
            }
        }
    }

    #[test]
    fn all_public_aliases_move_from_one_generation_to_another_and_back() {
        let before = holders(&[
            (
                "payments-totals-g1",
                &["payments-totals", "old", "somebody-s"],
            ),
            ("payments-totals-g2", &["payments-totals-g2-write"]),
            ("payments-1m-g1-2026.11", &["payments-1m"]),
            ("payments-1m-g1-2026.12", &["payments-1m"]),
            ("payments-1m-g2-2026.11", &[]),
            ("payments-5m-g1-2026.11", &["payments-5m"]),
            ("payments-late-g1", &["payments-late"]),
        ]);
        let mut now = before.clone();
        let there = changes(&names(2), Some("old"), &now);
        apply(&mut now, &there);
        assert_eq!(now["payments-totals-g2"].len(), 3);
        assert!(now["payments-1m-g2-2026.11"].contains("payments-1m"));
        for (index, aliases) in &now {
            if index.contains("-g1") {
                assert!(aliases.iter().all(|alias| alias == "somebody-s"), "{index}");
            }
        }
        assert_eq!(changes(&names(2), Some("old"), &now), []);
    }

    #[test]
    fn indexes_of_others_are_left_alone() {
        let theirs = holders(&[
            ("payments-eu-totals-g1", &["payments-eu-totals"]),
            ("payments-totals-g1-copy", &["payments-totals"]),
            ("payments-totals-gx", &["payments-totals"]),
            ("payments-1m-g1", &["payments-1m"]),
            ("payments-9m-g1-2026.11", &["payments-9m"]),
            ("payments-1m-g1-2026.1x", &["payments-1m"]),
        ]);
        assert_eq!(changes(&names(2), Some("old"), &theirs), []);
    }
}
