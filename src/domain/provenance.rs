//! Where figures come from: the log and the rules. The same log and the same rules give the same figures,
//! apart from payments past retention (`docs/how-to/late-data.md`) and from second chances
//! (`docs/how-to/second-chance.md`).

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// The log that figures come from, and the rules that they were made by. Two states with the same
/// provenance give the same figures, whenever and wherever they run, apart from payments past retention and from
/// second chances.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Provenance {
    /// The topic's name.
    pub topic: String,
    /// Kafka's id of the topic, where the broker gives one: a topic that is deleted and created
    /// again has another.
    #[serde(default)]
    pub topic_id: Option<String>,
    /// How many partitions are known.
    pub partitions: i32,
    /// The offset from which each partition was read at first, where that is not 0; `None` if it is
    /// not known, as in states that were created before it was stored.
    #[serde(default)]
    pub first_offsets: Option<BTreeMap<i32, i64>>,
    /// Everything that decides a figure, one `key = value` per line.
    pub rules: String,
    /// The rules that were adopted since, oldest first: `rules` are those of now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_rules: Vec<FormerRules>,
}

/// Rules that a state had before it adopted others for what was to come, and for second chances.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FormerRules {
    /// As [`Provenance::rules`].
    pub rules: String,
    /// The next offset of each partition when the others were adopted.
    pub positions: BTreeMap<i32, i64>,
}

/// In which way other figures are of another log or of other rules, as part of a sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Difference {
    /// The figures are of another topic.
    Topic(String),
    /// The figures are of the same topic, but were not read from the same offsets on.
    Beginning {
        /// In words.
        words: String,
        /// Whether they hold all records that the topic ever had.
        is_whole: bool,
    },
    /// The figures are of the same records, but were made by other rules.
    Rules(String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(words) | Self::Beginning { words, .. } | Self::Rules(words) => {
                f.write_str(words)
            }
        }
    }
}

impl Provenance {
    /// In which way `other` is of another log or of other rules; `None` if it has the same figures.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<Difference> {
        if self.topic != other.topic {
            return Some(Difference::Topic(format!("of the topic {}", other.topic)));
        }
        if let (Some(ours), Some(theirs)) = (&self.topic_id, &other.topic_id)
            && ours != theirs
        {
            return Some(Difference::Topic(format!(
                "of another topic that was called {}: its id was {theirs}, and that of the present \
                 one is {ours}",
                other.topic
            )));
        }
        if let Some(words) = self.other_beginning(other) {
            let firsts = other.first_offsets.iter().flat_map(BTreeMap::values);
            return Some(Difference::Beginning {
                words,
                is_whole: other.first_offsets.is_some() && firsts.copied().all(|first| first == 0),
            });
        }
        if self.continues(other) {
            return None;
        }
        let mut rules = other_rules(&self.rules, &other.rules);
        if self.former_rules != other.former_rules {
            let of = |side: &Self| match side.former_rules.last() {
                Some(last) => format!("since {}", offsets(&last.positions)),
                None => "from the first record on".to_owned(),
            };
            rules.push(format!(
                "the rules there hold {}, and the rules here {}",
                of(other),
                of(self)
            ));
        }
        Some(Difference::Rules(format!(
            "made by other rules: {}",
            rules.join("; ")
        )))
    }

    /// Whether figures of `other` may become these: they were made by the same rules, or by rules that
    /// were given up for these on the way.
    #[must_use]
    pub fn continues(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.former_rules, &other.former_rules);
        let next = ours
            .get(theirs.len())
            .map_or(&self.rules, |next| &next.rules);
        ours.starts_with(theirs) && by_key(next) == by_key(&other.rules)
    }

    /// Whether other rules were adopted since figures were those of `other`, which [`Self::continues`].
    #[must_use]
    pub fn is_newer(&self, other: &Self) -> bool {
        self.former_rules.len() > other.former_rules.len()
    }

    fn other_beginning(&self, other: &Self) -> Option<String> {
        let (ours, theirs) = match (&self.first_offsets, &other.first_offsets) {
            (Some(ours), Some(theirs)) => (ours, theirs),
            (None, None) => return None,
            _ => return Some("read from an offset that is not known".into()),
        };
        // A partition that was added later is not mentioned.
        let known = 0..self.partitions.min(other.partitions);
        known
            .map(|partition| {
                let first = |offsets: &BTreeMap<i32, i64>| {
                    offsets.get(&partition).copied().unwrap_or_default()
                };
                (partition, first(ours), first(theirs))
            })
            .find(|(_, ours, theirs)| ours != theirs)
            .map(|(partition, ours, theirs)| {
                format!(
                    "read from offset {theirs} of partition {partition} on, and this state from \
                     offset {ours} on"
                )
            })
    }
}

/// Offsets of partitions in words.
#[must_use]
pub fn offsets(positions: &BTreeMap<i32, i64>) -> String {
    let words = positions.iter();
    let words =
        words.map(|(partition, offset)| format!("offset {offset} of partition {partition}"));
    words.collect::<Vec<_>>().join(", ")
}

// The rules that differ, in words, by key. A key that has several lines has no single value.
fn other_rules(ours: &str, theirs: &str) -> Vec<String> {
    let (ours, theirs) = (by_key(ours), by_key(theirs));
    let keys: BTreeSet<&str> = ours.keys().chain(theirs.keys()).copied().collect();
    let differing = keys
        .into_iter()
        .filter(|key| ours.get(key) != theirs.get(key));
    let single = |rules: &BTreeMap<&str, Vec<&str>>, key: &str| match rules.get(key)?.as_slice() {
        [value] => Some((*value).to_owned()),
        _ => None,
    };
    differing
        .map(|key| match (single(&theirs, key), single(&ours, key)) {
            (Some(theirs), Some(ours)) => {
                format!("{key} was {theirs} there, and is {ours} here")
            }
            _ => format!("{key} differs"),
        })
        .collect()
}

// Sorted, as the order of the lines decides nothing.
fn by_key(rules: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut lines: Vec<&str> = rules.lines().map(str::trim).collect();
    lines.retain(|line| !line.is_empty());
    lines.sort_unstable();
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in lines {
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        found.entry(key.trim()).or_default().push(value.trim());
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn provenance() -> Provenance {
        Provenance {
            topic: "payment_msg".into(),
            topic_id: Some("a".into()),
            partitions: 2,
            first_offsets: Some([(1, 7)].into()),
            rules: "time_zone = UTC\nwindow = 1m\nwindow = day\n".into(),
            former_rules: Vec::new(),
        }
    }

    #[test]
    fn figures_continue_those_of_the_rules_that_were_given_up_and_of_no_others() {
        let before = provenance();
        let zone = |zone: &str| before.rules.replace("UTC", zone);
        let former = |rules: String, position| FormerRules {
            rules,
            positions: [(0, position)].into(),
        };
        let now = Provenance {
            rules: zone("Asia/Shanghai"),
            former_rules: vec![former(zone("UTC"), 40), former(zone("Asia/Tokyo"), 50)],
            ..before.clone()
        };
        let between = Provenance {
            rules: zone("Asia/Tokyo"),
            former_rules: vec![former(zone("UTC"), 40)],
            ..before.clone()
        };
        for (older, is_newer) in [(&before, true), (&between, true), (&now, false)] {
            assert_eq!(now.difference(older), None);
            assert_eq!(now.is_newer(older), is_newer);
        }
        // Not the other way round, and not figures that had these rules from the first record on.
        let words = before.difference(&now).unwrap().to_string();
        let since = "the rules there hold since offset 50 of partition 0, and the rules here from the \
                     first record on";
        assert!(words.contains(since), "{words}");
        assert!(words.contains("was Asia/Shanghai there"), "{words}");
        let from_the_first = Provenance {
            former_rules: Vec::new(),
            ..now.clone()
        };
        let words = now.difference(&from_the_first).unwrap().to_string();
        let since = "the rules there hold from the first record on, and the rules here since offset 50 \
                     of partition 0";
        assert!(words.ends_with(since), "{words}");
        let elsewhere = Provenance {
            former_rules: vec![former(zone("UTC"), 41)],
            ..between
        };
        assert!(now.difference(&elsewhere).is_some());
        let written = serde_json::to_string(&now).unwrap();
        assert_eq!(serde_json::from_str::<Provenance>(&written).unwrap(), now);
        // As it was written before rules could be adopted.
        let written = serde_json::to_string(&before).unwrap();
        assert!(!written.contains("former"), "{written}");
        assert_eq!(
            serde_json::from_str::<Provenance>(&written).unwrap(),
            before
        );
    }

    #[test]
    fn the_same_log_and_rules_have_the_same_figures() {
        let ours = provenance();
        assert_eq!(ours.difference(&ours), None);
        let more_partitions = Provenance {
            partitions: 3,
            first_offsets: Some([(1, 7), (2, 5)].into()),
            ..provenance()
        };
        assert_eq!(ours.difference(&more_partitions), None);
        let old_broker = Provenance {
            topic_id: None,
            ..provenance()
        };
        assert_eq!(ours.difference(&old_broker), None);
        let sorted = Provenance {
            rules: "window = day\nwindow = 1m\n\ntime_zone = UTC".into(),
            ..provenance()
        };
        assert_eq!(ours.difference(&sorted), None);
        let unknown_beginning = || Provenance {
            first_offsets: None,
            ..provenance()
        };
        assert_eq!(unknown_beginning().difference(&unknown_beginning()), None);
    }

    #[test]
    fn another_topic_another_beginning_and_other_rules_are_told() {
        let other = |change: fn(&mut Provenance)| {
            let mut other = provenance();
            change(&mut other);
            provenance().difference(&other).unwrap().to_string()
        };
        let topic = other(|other| other.topic = "refunds".into());
        assert_eq!(topic, "of the topic refunds");
        let again = other(|other| other.topic_id = Some("b".into()));
        assert!(again.contains("its id was b"), "{again}");
        let latest = other(|other| other.first_offsets = Some([(0, 3), (1, 7)].into()));
        assert!(latest.contains("offset 3 of partition 0"), "{latest}");
        let change = |first_offsets| Provenance {
            first_offsets: Some(first_offsets),
            ..provenance()
        };
        for (first_offsets, is_whole) in [(BTreeMap::new(), true), ([(0, 3)].into(), false)] {
            let found = provenance().difference(&change(first_offsets));
            let Some(Difference::Beginning {
                is_whole: found, ..
            }) = found
            else {
                panic!("{found:?}")
            };
            assert_eq!(found, is_whole);
        }
        let unknown = other(|other| other.first_offsets = None);
        assert!(unknown.contains("not known"), "{unknown}");
        let rules = other(|other| other.rules = "time_zone = UTC\nwindow = 2m\n".into());
        assert_eq!(rules, "made by other rules: window differs");
        let zone = other(|other| other.rules = other.rules.replace("UTC", "Asia/Shanghai"));
        assert_eq!(
            zone,
            "made by other rules: time_zone was Asia/Shanghai there, and is UTC here"
        );
    }
}
