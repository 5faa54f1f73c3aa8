//! What an operator may say about the index templates.

use serde_json::{Value, json};

/// The priority of the index templates, and the settings that indexes get from them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TemplateConfig {
    /// The priority, 0 to 1,000,000: of several templates for a name, the one with the highest counts.
    pub priority: usize,
    /// How many primary shards an index has, at least 1.
    pub shards: usize,
    /// How many copies each has.
    pub replicas: Replicas,
    /// The policy of index lifecycle management that indexes get, if any.
    pub lifecycle_policy: Option<String>,
}

/// How many copies of its shards an index has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Replicas {
    /// So many.
    Fixed(u32),
    /// As many as there are nodes for, within these bounds: `0-1`, `0-all`.
    Expanding(String),
}

impl Default for TemplateConfig {
    fn default() -> Self {
        Self {
            priority: 500,
            shards: 1,
            replicas: Replicas::Expanding("0-1".into()),
            lifecycle_policy: None,
        }
    }
}

impl TemplateConfig {
    /// Whether an operator has said how many shards or replicas there are to be.
    pub(super) fn is_sized(&self) -> bool {
        let usual = Self::default();
        (self.shards, &self.replicas) != (usual.shards, &usual.replicas)
    }

    /// The settings of indexes; without shards and replicas, unless `sized`: a serverless project
    /// decides these itself, and refuses them.
    pub(super) fn settings(&self, sized: bool) -> Value {
        let mut index = json!({ "refresh_interval": "1s" });
        if sized {
            index["number_of_shards"] = self.shards.into();
            match &self.replicas {
                Replicas::Fixed(count) => index["number_of_replicas"] = (*count).into(),
                Replicas::Expanding(bounds) => index["auto_expand_replicas"] = json!(bounds),
            }
        }
        if let Some(policy) = &self.lifecycle_policy {
            index["lifecycle"] = json!({ "name": policy });
        }
        json!({ "index": index })
    }
}

impl Replicas {
    /// Reads `1`, `0-1` or `0-all`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u32>()
                .ok()
                .filter(|number| is_number && *number <= REPLICAS_MAX)
        };
        match text.split_once('-') {
            None => number(text).map(Self::Fixed),
            Some((least, most)) => {
                let least = number(least)?;
                let is_range = most == "all" || number(most).is_some_and(|most| most >= least);
                is_range.then(|| Self::Expanding(text.to_owned()))
            }
        }
    }

    /// As [`Replicas::parse`] reads it.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Fixed(count) => count.to_string(),
            Self::Expanding(bounds) => bounds.clone(),
        }
    }
}

/// More copies than any cluster has nodes for.
const REPLICAS_MAX: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_a_number_or_a_range() {
        for text in ["0", "1", "0-1", "0-all", "2-4"] {
            let read = Replicas::parse(text).map(|replicas| replicas.text());
            assert_eq!(read.as_deref(), Some(text));
        }
        for text in ["", "-1", "1-0", "all", "0-", "+1", "1.5", "0-ALL", "99999"] {
            assert_eq!(Replicas::parse(text), None, "{text}");
        }
    }

    #[test]
    fn settings_name_only_what_was_said_and_what_the_server_takes() {
        let usual = TemplateConfig::default();
        let index = json!({ "refresh_interval": "1s", "number_of_shards": 1, "auto_expand_replicas": "0-1" });
        assert_eq!(usual.settings(true)["index"], index);
        assert_eq!(
            usual.settings(false)["index"],
            json!({ "refresh_interval": "1s" })
        );
        assert!(!usual.is_sized());
        let said = TemplateConfig {
            shards: 3,
            replicas: Replicas::Fixed(2),
            lifecycle_policy: Some("payments".into()),
            ..usual
        };
        assert!(said.is_sized());
        let index = json!({
            "refresh_interval": "1s",
            "number_of_shards": 3,
            "number_of_replicas": 2,
            "lifecycle": { "name": "payments" },
        });
        assert_eq!(said.settings(true)["index"], index);
    }
}
