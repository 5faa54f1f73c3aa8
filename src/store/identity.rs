//! What a state directory holds and by which rules, so that no other run goes on from it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use tidegauge_windows::Settings;

use super::codec::{Decoded, Decoder, Encoder};
use super::error::Error;
use crate::payment::BranchId;

/// What a state must have been built from for a run to go on from it.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The topic.
    pub topic: String,
    /// The generation, from 1.
    pub generation: u32,
    /// The canonical text of everything that decides a figure, one `key = value` per line.
    pub rules: String,
    /// The rules of the windows, as `rules` tells them.
    pub settings: Arc<Settings>,
    /// The branches that are known by configuration. They may differ from run to run.
    pub configured: Vec<BranchId>,
    /// The documents that are delivered. They may differ from run to run.
    pub documents: Documents,
}

/// Which documents somebody delivers: these are marked when they change.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Documents {
    /// None: there is no sink.
    None,
    /// All but those of windows without payments.
    #[default]
    WithPayments,
    /// Those of tumbling windows without payments too.
    ZeroWindowsToo,
}

/// The version of keys and values that is written.
///
/// 2 came with [marking tasks](super::task), with [`Documents`], and with tables whose indexes and
/// filters are divided.
pub(super) const STORAGE_VERSION: u64 = 3;
/// The oldest version that is read, and brought up to [`STORAGE_VERSION`] when it is opened.
const STORAGE_VERSION_OLDEST: u64 = 1;

/// A rule that differs between the state and the configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The rule's key.
    pub key: String,
    /// Its value in the state, if it has one.
    pub state: Option<String>,
    /// Its value in the configuration, if it has one.
    pub configured: Option<String>,
}

/// What is stored of an [`Identity`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Record {
    pub(super) version: u64,
    pub(super) topic: String,
    pub(super) generation: u32,
    pub(super) rules: String,
}

impl Record {
    pub(super) fn of(identity: &Identity) -> Self {
        Self {
            version: STORAGE_VERSION,
            topic: identity.topic.clone(),
            generation: identity.generation,
            rules: identity.rules.clone(),
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        // Every version of the format begins with its number.
        encoder.u64(self.version);
        encoder.text(&self.topic);
        encoder.u64(u64::from(self.generation));
        encoder.text(&self.rules);
        encoder.into_bytes()
    }

    /// The record stored as `bytes` in `path`, if this program knows its version.
    pub(super) fn read(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let damaged = || Error::Damaged {
            path: path.to_owned(),
            reason: "its identity can't be read".into(),
        };
        let version = Decoder::new(bytes).u64().map_err(|_| damaged())?;
        if !(STORAGE_VERSION_OLDEST..=STORAGE_VERSION).contains(&version) {
            return Err(Error::Version {
                path: path.to_owned(),
                found: version,
                expected: STORAGE_VERSION,
            });
        }
        Self::decode(bytes).map_err(|_| damaged())
    }

    /// Whether the state of the record stored as `bytes` in `path` can be gone on from; gives the
    /// version that it was written in.
    pub(super) fn check(&self, bytes: &[u8], path: &Path) -> Result<u64, Error> {
        let found = Self::read(bytes, path)?;
        if found.topic != self.topic {
            return Err(Error::Topic {
                path: path.to_owned(),
                found: found.topic,
                configured: self.topic.clone(),
            });
        }
        if found.generation != self.generation {
            return Err(Error::Generation {
                path: path.to_owned(),
                found: found.generation,
                wanted: self.generation,
            });
        }
        let differences = Difference::between(&found.rules, &self.rules);
        if !differences.is_empty() {
            return Err(Error::Rules {
                path: path.to_owned(),
                differences,
            });
        }
        Ok(found.version)
    }

    fn decode(bytes: &[u8]) -> Decoded<Self> {
        Decoder::all(bytes, |decoder| {
            Ok(Self {
                version: decoder.u64()?,
                topic: decoder.text()?,
                generation: decoder.u32()?,
                rules: decoder.text()?,
            })
        })
    }
}

impl Difference {
    /// What differs between two texts of rules, by key; the order of lines does not matter.
    #[must_use]
    pub fn between(state: &str, configured: &str) -> Vec<Self> {
        let (state, configured) = (rules(state), rules(configured));
        let mut keys: Vec<&str> = state.keys().chain(configured.keys()).copied().collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter()
            .filter(|key| state.get(key) != configured.get(key))
            .map(|key| Self {
                key: key.to_owned(),
                state: state.get(key).map(|values| values.join(", ")),
                configured: configured.get(key).map(|values| values.join(", ")),
            })
            .collect()
    }

    /// The first few, as part of a sentence.
    pub(super) fn list(differences: &[Self]) -> String {
        let shown: Vec<String> = differences
            .iter()
            .take(SHOWN_MAX)
            .map(ToString::to_string)
            .collect();
        let more = differences.len().saturating_sub(SHOWN_MAX);
        let more = if more > 0 {
            format!("; and {more} more")
        } else {
            String::new()
        };
        format!("{}{more}", shown.join("; "))
    }
}

/// Show at most so many differences in one sentence.
const SHOWN_MAX: usize = 3;

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match (&self.state, &self.configured) {
            (Some(state), Some(configured)) => {
                write!(
                    f,
                    "{key} is {state} in the state and {configured} in the config"
                )
            }
            (Some(state), None) => {
                write!(f, "{key} is {state} in the state and missing in the config")
            }
            (None, Some(configured)) => {
                write!(
                    f,
                    "{key} is missing in the state and {configured} in the config"
                )
            }
            (None, None) => write!(f, "{key} is in neither"),
        }
    }
}

// A key may come more than once; then its values count in their order.
fn rules(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut rules: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        rules.entry(key.trim()).or_default().push(value.trim());
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_differ_by_key_whatever_the_order_of_lines() {
        assert_eq!(Difference::between("a = 1\nb = 2\n", "b = 2\n\na = 1"), []);
        let differences = Difference::between("a = 1\nb = 2\nc = 3", "a = 1\nb = 5\nd = 4");
        assert_eq!(
            Difference::list(&differences),
            "b is 2 in the state and 5 in the config; c is 3 in the state and missing in the \
             config; d is missing in the state and 4 in the config"
        );
    }

    #[test]
    fn a_key_that_comes_twice_differs_by_either_value() {
        let differences = Difference::between("w = 1\nw = 2", "w = 3\nw = 2");
        assert_eq!(
            Difference::list(&differences),
            "w is 1, 2 in the state and 3, 2 in the config"
        );
    }

    #[test]
    fn only_the_first_differences_are_told() {
        let differences = Difference::between("", "a = 1\nb = 1\nc = 1\nd = 1\ne = 1");
        assert!(Difference::list(&differences).ends_with("; and 2 more"));
    }
}
