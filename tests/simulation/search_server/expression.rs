//! Names of indexes in a request: several, wildcards, aliases.

use std::collections::BTreeSet;

use super::failure::Failure;
use super::route::Route;
use super::{Index, SearchServer};

/// What names of a request may stand for.
#[derive(Clone, Copy, Default)]
pub struct Reach {
    /// A name that is not there, or a closed index that can't be used, is passed over.
    pub ignore_unavailable: bool,
    /// Closed indexes can be used.
    pub closed: bool,
    /// Wildcards match them too.
    pub wildcards_match_closed: bool,
    /// Wildcards match hidden aliases.
    pub wildcards_match_hidden: bool,
}

impl Reach {
    /// What descriptions of indexes are given for.
    pub fn described(route: &Route<'_>, usual: &str) -> Self {
        let is_all = route.parameter("expand_wildcards").unwrap_or(usual) == "all";
        Self {
            ignore_unavailable: route.says("ignore_unavailable"),
            closed: true,
            wildcards_match_closed: is_all,
            wildcards_match_hidden: is_all,
        }
    }

    /// What indexes are described or changed for that are called by their names.
    pub fn named() -> Self {
        Self {
            closed: true,
            ..Self::default()
        }
    }

    /// What documents are read of.
    pub fn read(ignore_unavailable: bool) -> Self {
        Self {
            ignore_unavailable,
            ..Self::default()
        }
    }
}

impl SearchServer {
    /// The indexes that the names in `expression`, separated by commas, stand for.
    pub(super) fn resolve(&self, expression: &str, reach: Reach) -> Result<Vec<String>, Failure> {
        let mut found = BTreeSet::new();
        for name in expression.split(',') {
            if name.contains('*') {
                found.extend(self.expand(name, reach));
                continue;
            }
            let targets = self.targets(name);
            if targets.is_empty() && !reach.ignore_unavailable {
                return Err(Failure::no_index(name));
            }
            for (name, index) in targets {
                if !index.is_closed() || reach.closed {
                    found.insert(name.to_owned());
                } else if !reach.ignore_unavailable {
                    return Err(Failure::closed(name, &index.uuid));
                }
            }
        }
        Ok(found.into_iter().collect())
    }

    fn expand(&self, pattern: &str, reach: Reach) -> Vec<String> {
        let is_meant = |name: &String, index: &Index| {
            let by_alias = |(alias, properties): (&String, &serde_json::Value)| {
                let is_hidden = properties["is_hidden"] == true;
                matches(pattern, alias) && (reach.wildcards_match_hidden || !is_hidden)
            };
            matches(pattern, name) || index.aliases.iter().any(by_alias)
        };
        self.indexes
            .iter()
            .filter(|(_, index)| !index.is_closed() || reach.wildcards_match_closed)
            .filter(|(name, index)| is_meant(name, index))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// The index called `name`, or those that have an alias of that name.
    pub(super) fn targets(&self, name: &str) -> Vec<(&str, &Index)> {
        let all = self
            .indexes
            .iter()
            .map(|(name, index)| (name.as_str(), index));
        match self.indexes.get_key_value(name) {
            Some((name, index)) => vec![(name, index)],
            None => all
                .filter(|(_, index)| index.aliases.contains_key(name))
                .collect(),
        }
    }

    /// Whether some index has an alias of that name.
    pub(super) fn has_alias(&self, name: &str) -> bool {
        let mut indexes = self.indexes.values();
        indexes.any(|index| index.aliases.contains_key(name))
    }
}

/// Whether `name` matches a pattern in which `*` stands for any characters.
pub fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|left| {
            let starts = left.char_indices().map(|(at, _)| at).chain([left.len()]);
            rest.is_empty() || starts.into_iter().any(|at| matches(rest, &left[at..]))
        }),
    }
}

/// Whether some name matches both patterns.
pub fn overlap(one: &str, other: &str) -> bool {
    match (one.chars().next(), other.chars().next()) {
        (None, None) => true,
        (Some('*'), _) => {
            let other_rest = other.chars().next().map(|first| &other[first.len_utf8()..]);
            overlap(&one[1..], other) || other_rest.is_some_and(|rest| overlap(one, rest))
        }
        (_, Some('*')) => overlap(other, one),
        (Some(first), Some(second)) if first == second => {
            overlap(&one[first.len_utf8()..], &other[second.len_utf8()..])
        }
        _ => false,
    }
}
