//! The differences between two sets of rules.

mod rule_default;

use std::collections::BTreeMap;
use std::fmt;

pub use self::rule_default::rule_default;
use self::rule_default::told_default;

/// A rule that differs between the state and the configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleDifference {
    /// The rule's key.
    pub key: String,
    /// Its value in the state, if it has one.
    pub state: Option<String>,
    /// Its value in the configuration, if it has one.
    pub configured: Option<String>,
    /// Whether a state may adopt the value of the configuration.
    pub is_adoptable: bool,
}

impl RuleDifference {
    /// The differences between two texts of rules, by key; the order of lines does not matter.
    #[must_use]
    pub fn between(state: &str, configured: &str) -> Vec<Self> {
        let (state, configured) = (rules(state), rules(configured));
        // The ids that are remembered are those of the old place.
        let compares = state.contains_key("dedup.by");
        let mut keys: Vec<&str> = state.keys().chain(configured.keys()).copied().collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter()
            .filter(|key| state.get(key) != configured.get(key))
            .map(|key| Self {
                key: key.to_owned(),
                state: state.get(key).map(|values| values.join(", ")),
                configured: configured.get(key).map(|values| values.join(", ")),
                is_adoptable: is_adoptable(key) && !(compares && key == "payment.order_id"),
            })
            .collect()
    }

    /// Its value in the state, as part of a sentence: one that is left out has the default.
    #[must_use]
    pub fn state_told(&self) -> String {
        told(&self.key, self.state.as_deref())
    }

    /// The same of the configuration.
    #[must_use]
    pub fn configured_told(&self) -> String {
        told(&self.key, self.configured.as_deref())
    }

    /// The first few, as part of a sentence.
    pub fn list(differences: &[Self]) -> String {
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

/// Whether a state may adopt another value of the rule `key`, although what it counted stays as it was read
/// by the old one: it decides how a record is read, or whether a payment is in its windows. All others
/// decide what the figures are about.
fn is_adoptable(key: &str) -> bool {
    const KEYS: [&str; 3] = [
        "time_zone",
        "event_time.allowed_lateness",
        "event_time.max_future",
    ];
    KEYS.contains(&key) || key.starts_with("payment.")
}

/// Show at most so many differences in one sentence.
const SHOWN_MAX: usize = 3;

impl fmt::Display for RuleDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, state, configured) = (&self.key, self.state_told(), self.configured_told());
        write!(
            f,
            "{key} is {state} in the state and {configured} in the config"
        )
    }
}

fn told(key: &str, value: Option<&str>) -> String {
    value.map_or_else(|| told_default(key), str::to_owned)
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
        assert_eq!(
            RuleDifference::between("a = 1\nb = 2\n", "b = 2\n\na = 1"),
            []
        );
        let differences = RuleDifference::between("a = 1\nb = 2\nc = 3", "a = 1\nb = 5\nd = 4");
        assert_eq!(
            RuleDifference::list(&differences),
            "b is 2 in the state and 5 in the config; c is 3 in the state and missing in the \
             config; d is missing in the state and 4 in the config"
        );
    }

    #[test]
    fn a_rule_that_is_left_out_is_told_with_its_default() {
        let by_id = "dedup.by = order_id\ndedup.within = 1h";
        for (state, configured, words) in [
            (
                "payment.amount = \"amt\"",
                "",
                "payment.amount is \"amt\" in the state and \"payAmount\" (the default) in the config",
            ),
            (
                "",
                "payment.amount = \"amt\"",
                "payment.amount is \"payAmount\" (the default) in the state and \"amt\" in the config",
            ),
            (
                by_id,
                "",
                "dedup.by is order_id in the state and \"\" (the default) in the config; dedup.within \
                 is 1h in the state and without effect in the config",
            ),
        ] {
            let differences = RuleDifference::between(state, configured);
            assert_eq!(RuleDifference::list(&differences), words);
        }
    }

    #[test]
    fn a_key_that_comes_twice_differs_by_either_value() {
        let differences = RuleDifference::between("w = 1\nw = 2", "w = 3\nw = 2");
        assert_eq!(
            RuleDifference::list(&differences),
            "w is 1, 2 in the state and 3, 2 in the config"
        );
    }

    #[test]
    fn only_the_first_differences_are_told() {
        let differences = RuleDifference::between("", "a = 1\nb = 1\nc = 1\nd = 1\ne = 1");
        assert!(RuleDifference::list(&differences).ends_with("; and 2 more"));
    }
}
